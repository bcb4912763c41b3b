// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has to end when a device goes away.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>

#include "virtgpu_drv.h"

/**
 * virtio_gpu_begin_removal - end all waits for room in the control queue
 * @vgdev: the device, which may not answer any more
 *
 * Comes before everything else of a removal: who waits for room may hold modeset
 * locks, or be a work item, and the removal waits for both.
 *
 * Context: Removal or shutdown of the device.
 */
void virtio_gpu_begin_removal(struct virtio_gpu_device *vgdev)
{
	WRITE_ONCE(vgdev->removing, true);
	wake_up_all(&vgdev->ctrlq.ack_queue);
}

/* Or no reason to wait for it: the device is going, or gone */
static bool queue_has_room(struct virtio_gpu_device *vgdev,
			   unsigned int elements)
{
	bool room;
	int idx;

	if (READ_ONCE(vgdev->removing) || !drm_dev_enter(vgdev->ddev, &idx))
		return true;
	room = READ_ONCE(vgdev->ctrlq.vq->num_free) >= elements;
	drm_dev_exit(idx);
	return room;
}

/**
 * virtio_gpu_wait_for_room - wait until the control queue may take a command
 * @vgdev: the device
 * @vbuf: the command
 * @elements: what it takes of the queue
 * @section: of drm_dev_enter(), which the caller is in and is in again after 0
 *
 * Removal of the device waits for all who are in such a section, so nobody waits
 * for the device in one. A command to map a blob can be given up, all others are
 * ones whose senders do not expect that, so they wait whatever happens to the
 * process.
 *
 * Context: Sleeps. Reservation locks of the command's objects may be held.
 *
 * Return: 0 to try again; outside of the section: -ENODEV if the device is going,
 * -ERESTARTSYS if the process is being killed.
 */
int virtio_gpu_wait_for_room(struct virtio_gpu_device *vgdev,
			     const struct virtio_gpu_vbuffer *vbuf,
			     unsigned int elements, int *section)
{
	const struct virtio_gpu_ctrl_hdr *cmd = (void *)vbuf->buf;
	int ret = 0;

	drm_dev_exit(*section);
	if (cmd->type == cpu_to_le32(VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB))
		ret = wait_event_killable(vgdev->ctrlq.ack_queue,
					  queue_has_room(vgdev, elements));
	else
		wait_event(vgdev->ctrlq.ack_queue,
			   queue_has_room(vgdev, elements));
	if (ret)
		return ret;
	if (READ_ONCE(vgdev->removing) || !drm_dev_enter(vgdev->ddev, section))
		return -ENODEV;
	return 0;
}

/*
 * A command that the device never answers. Those that somebody waits for, or
 * whose answer frees something, get an answer that says nothing: the response
 * buffer is zeroed, which is no type of response.
 */
static void drop_command(struct virtio_gpu_device *vgdev,
			 struct virtio_gpu_vbuffer *vbuf)
{
	const struct virtio_gpu_ctrl_hdr *cmd = (void *)vbuf->buf;

	if (cmd->flags & cpu_to_le32(VIRTIO_GPU_FLAG_FENCE))
		virtio_gpu_fence_event_process(vgdev,
					       le64_to_cpu(cmd->fence_id));

	switch (le32_to_cpu(cmd->type)) {
	case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
	case VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID:
	case VIRTIO_GPU_CMD_RESOURCE_UNREF:
		if (vbuf->resp_cb)
			vbuf->resp_cb(vgdev, vbuf);
		break;
	}

	/* To free an object may need locks that somebody waits with */
	if (vbuf->objs)
		virtio_gpu_array_put_free_delayed(vgdev, vbuf->objs);

	/* A small response lies behind the command, in the same allocation */
	if (vbuf->resp_buf != vbuf->buf + vbuf->size)
		kfree(vbuf->resp_buf);
	kvfree(vbuf->data_buf);
	kmem_cache_free(vgdev->vbufs, vbuf);
}

static void drop_commands(struct virtio_gpu_device *vgdev,
			  struct virtio_gpu_queue *queue)
{
	struct virtio_gpu_vbuffer *vbuf;

	while ((vbuf = virtqueue_detach_unused_buf(queue->vq)))
		drop_command(vgdev, vbuf);
}

/* What was to be done when these are signalled will not have been */
static void fail_fences(struct virtio_gpu_fence_driver *drv)
{
	struct virtio_gpu_fence *fence;

	guard(spinlock_irqsave)(&drv->lock);
	list_for_each_entry(fence, &drv->fences, node)
		dma_fence_set_error(&fence->f, -ENODEV);
}

/*
 * Afterwards no importer uses what it has mapped, but it may not have unmapped
 * it. That is not waited for: an importer may do so as late as its owner frees
 * the buffer, and so any process that has it could keep a removal, which nobody
 * can kill, waiting with the locks of the driver core and of PCI hotplug. To
 * unmap later needs nothing that is gone by then: the buffer keeps the DRM
 * device and this module.
 */
static void revoke_export(struct dma_buf *dmabuf)
{
	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_hang_up(dmabuf);
}

/*
 * Importers stop to use the addresses: a new map call fails. What is mapped
 * through the GEM objects went with the DRM device, what is mapped through a
 * dma-buf goes here.
 */
static void revoke_exports(struct virtio_gpu_window *window)
{
	struct virtio_gpu_vram_export *export;

	guard(mutex)(&window->lock);
	list_for_each_entry(export, &window->exports, in_window) {
		/* The last user of one that is on its way out has gone already */
		struct file *file = get_file_active(&export->dmabuf->file);

		if (!file)
			continue;
		revoke_export(export->dmabuf);
		fput(file);
	}
}

/**
 * virtio_gpu_gone - end everything that waits for the device or uses its window
 * @vgdev: the device, which is unplugged already: no command is queued any more
 *
 * Resets the device, so that it answers nothing any more, and lets go of what
 * it still had. Called before the driver resets the device itself, which does
 * no harm.
 *
 * Context: Removal of the device. Waits for nobody that waits for the device.
 */
void virtio_gpu_gone(struct virtio_gpu_device *vgdev)
{
	virtio_reset_device(vgdev->vdev);
	/* They may have been scheduled by what the device did until now */
	flush_work(&vgdev->ctrlq.dequeue_work);
	flush_work(&vgdev->cursorq.dequeue_work);
	fail_fences(&vgdev->fence_drv);
	drop_commands(vgdev, &vgdev->ctrlq);
	drop_commands(vgdev, &vgdev->cursorq);
	/* The queues go away, and there is nothing to notify the device of */
	atomic_set(&vgdev->pending_commands, 0);

	/* Nobody waits for the device any more: no lock is held for long */
	flush_work(&vgdev->obj_free_work);
	revoke_exports(&vgdev->window);
}
