// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lines about a client in /proc/PID/fdinfo.
 */
#include <linux/idr.h>

#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "virtgpu_drv.h"

struct client_blobs {
	u64 mapped;
	unsigned int unmapped;
	unsigned int evictions;
	int error;
};

static void add_blob(struct client_blobs *blobs,
		     struct virtio_gpu_object_vram *vram)
{
	int error = virtio_gpu_map_state_error(&vram->map);

	if (virtio_gpu_map_state_mapped(&vram->map))
		blobs->mapped += vram->base.base.base.size;
	else
		blobs->unmapped++;
	blobs->evictions += READ_ONCE(vram->place.evictions);
	if (error)
		blobs->error = error;
}

/**
 * virtio_gpu_show_fdinfo - print the state of a client's host blobs
 * @p: the printer
 * @file: the client's file
 *
 * &drm_driver.show_fdinfo. The error is that of a blob that could not be mapped
 * when it was last tried: an access to it has raised SIGBUS.
 */
void virtio_gpu_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct virtio_gpu_device *vgdev = file->minor->dev->dev_private;
	struct client_blobs blobs = {};
	struct drm_gem_object *obj;
	int handle;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, handle) {
		struct virtio_gpu_object *bo = gem_to_virtio_gpu_obj(obj);

		if (virtio_gpu_is_vram(bo) &&
		    bo->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE)
			add_blob(&blobs, to_virtio_gpu_vram(bo));
	}
	spin_unlock(&file->table_lock);

	/* Waiters got this error, whatever the host would have answered */
	if (READ_ONCE(vgdev->queues_closed))
		blobs.error = -ENODEV;

	drm_printf(p, "virtio_gpu-window-mapped:\t%llu KiB\n",
		   blobs.mapped >> 10);
	drm_printf(p, "virtio_gpu-blobs-unmapped:\t%u\n", blobs.unmapped);
	drm_printf(p, "virtio_gpu-evictions:\t%u\n", blobs.evictions);
	drm_printf(p, "virtio_gpu-map-error:\t%d\n", blobs.error);
}
