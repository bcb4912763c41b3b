// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the arguments with which user space creates a blob.
 */
#include <kunit/visibility.h>

#include "virtgpu_drv.h"

#define BLOB_HINTS VIRTGPU_BLOB_HINT_DEFER_MAPPING

/**
 * virtio_gpu_blob_args_valid - are all fields and bits without a meaning zero?
 * @rc: arguments of DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB. The DRM core has
 *	filled in zeroes for the fields that an older struct does not have.
 *
 * An unknown hint is an error for all kinds of blobs, so that a later kernel can
 * give a meaning to another bit. A known hint is ignored for the kinds of blobs that
 * it does not apply to.
 *
 * Return: True if they are.
 */
bool virtio_gpu_blob_args_valid(const struct drm_virtgpu_resource_create_blob *rc)
{
	return !(rc->blob_hints & ~BLOB_HINTS) && !rc->pad && !rc->pad2;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_blob_args_valid);

/**
 * virtio_gpu_blob_hints - the hints that have an effect on this device
 * @vgdev: the device
 *
 * Return: Mask of VIRTGPU_BLOB_HINT_*, the value of VIRTGPU_PARAM_BLOB_HINTS.
 */
int virtio_gpu_blob_hints(const struct virtio_gpu_device *vgdev)
{
	if (!vgdev->has_resource_blob || !vgdev->has_virgl_3d ||
	    !vgdev->has_host_visible)
		return 0;
	return BLOB_HINTS;
}
