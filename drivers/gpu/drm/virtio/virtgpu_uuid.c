// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UUIDs by which other virtio devices know resources.
 */
#include <linux/wait.h>

#include "virtgpu_drv.h"

/**
 * virtio_gpu_uuid_asked - record whether the host was asked for a resource's UUID
 * @vgdev: the device
 * @bo: the resource
 * @ret: result of queueing the command
 *
 * If the command was not queued no answer will come, and no task may wait for one.
 *
 * Return: @ret.
 */
int virtio_gpu_uuid_asked(struct virtio_gpu_device *vgdev,
			  struct virtio_gpu_object *bo, int ret)
{
	if (!ret)
		return 0;

	spin_lock(&vgdev->resource_export_lock);
	bo->uuid_state = STATE_ERR;
	spin_unlock(&vgdev->resource_export_lock);
	wake_up_all(&vgdev->resp_wq);
	return ret;
}

static int uuid_state(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object *bo)
{
	guard(spinlock)(&vgdev->resource_export_lock);
	return bo->uuid_state;
}

/**
 * virtio_gpu_wait_for_uuid - wait for the UUID of a resource
 * @vgdev: the device
 * @bo: the resource
 *
 * Context: Sleeps, killable, until the host answers or the queues are closed.
 *
 * Return: 0 if the resource has a UUID, -ENODEV if not, -ERESTARTSYS if the process
 * is being killed.
 */
int virtio_gpu_wait_for_uuid(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_object *bo)
{
	int ret;

	ret = wait_event_killable(vgdev->resp_wq,
				  READ_ONCE(vgdev->queues_closed) ||
				  uuid_state(vgdev, bo) != STATE_INITIALIZING);
	if (ret)
		return ret;
	return uuid_state(vgdev, bo) == STATE_OK ? 0 : -ENODEV;
}
