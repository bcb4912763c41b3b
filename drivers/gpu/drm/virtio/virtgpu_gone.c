// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has to end when a device goes away, or is stopped for a while.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>

#include <drm/drm_print.h>

#include "virtgpu_drv.h"

/* For all importers of the window together, most of whom wait for nobody */
#define REVOKE_PATIENCE (5 * HZ)

/*
 * A command that the device never answers. Those that somebody waits for, or
 * whose answer frees something, get an answer that says nothing: the response
 * buffer is zeroed, which is no type of response.
 */
static void drop_command(struct virtio_gpu_device *vgdev,
			 struct virtio_gpu_vbuffer *vbuf)
{
	const struct virtio_gpu_ctrl_hdr *cmd = (void *)vbuf->buf;

	switch (le32_to_cpu(cmd->type)) {
	case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
	case VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
	case VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID:
	case VIRTIO_GPU_CMD_RESOURCE_UNREF:
		if (vbuf->resp_cb)
			vbuf->resp_cb(vgdev, vbuf);
		break;
	}

	/* To free an object may need locks that somebody waits with */
	if (vbuf->objs)
		virtio_gpu_array_put_free_delayed(vgdev, vbuf->objs);
	virtio_gpu_free_vbuf(vgdev, vbuf);
}

static void drop_commands(struct virtio_gpu_device *vgdev,
			  struct virtio_gpu_queue *queue)
{
	struct virtio_gpu_vbuffer *vbuf;

	while ((vbuf = virtqueue_detach_unused_buf(queue->vq)))
		drop_command(vgdev, vbuf);
}

/**
 * virtio_gpu_stop - end all waits for the device
 * @vgdev: the device, which may not answer any more
 *
 * Resets the device, so that it answers nothing any more, and lets go of what it
 * still had. No command is queued from here on, before virtio_gpu_open_queues().
 *
 * Comes before everything else of a removal or a shutdown, and before the queues
 * are deleted for suspend: who waits for the device may hold modeset locks or a
 * reservation lock, or be a work item, and what follows waits for all of those.
 *
 * Context: Waits for nobody that waits for the device.
 */
void virtio_gpu_stop(struct virtio_gpu_device *vgdev)
{
	/* Suspended, and nothing could be resumed: there are no queues */
	if (!vgdev->has_queues)
		return;

	virtio_gpu_close_queues(vgdev);
	virtio_reset_device(vgdev->vdev);
	/* They may have been scheduled by what the device did until now */
	flush_work(&vgdev->ctrlq.dequeue_work);
	flush_work(&vgdev->cursorq.dequeue_work);
	virtio_gpu_fail_fences(vgdev);
	drop_commands(vgdev, &vgdev->ctrlq);
	drop_commands(vgdev, &vgdev->cursorq);
	vgdev->has_queues = false;
}

/**
 * virtio_gpu_started - the device has new queues, and takes commands
 * @vgdev: the device
 *
 * Context: Probe, or resume after virtio_gpu_stop().
 */
void virtio_gpu_started(struct virtio_gpu_device *vgdev)
{
	vgdev->has_queues = true;
	virtio_gpu_open_queues(vgdev);
}

/*
 * Afterwards no importer uses what it has mapped, but it may not have unmapped
 * it. That is not waited for: an importer may do so as late as its owner frees
 * the buffer, and so any process that has it could keep a removal, which nobody
 * can kill, waiting with the locks of the driver core and of PCI hotplug. To
 * unmap later needs nothing that is gone by then: the buffer keeps the DRM
 * device and this module.
 *
 * For the same reason work of others that never ends is waited for only so long.
 */
static void revoke_export(struct virtio_gpu_device *vgdev,
			  struct dma_buf *dmabuf, unsigned long deadline)
{
	long left;

	unmap_mapping_range(dmabuf->file->f_mapping, 0, 0, 1);
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(dmabuf);
	left = time_before(jiffies, deadline) ? deadline - jiffies : 1;
	left = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
				     false, left);
	dma_resv_unlock(dmabuf->resv);
	if (!left)
		drm_warn(vgdev->ddev, "an importer goes on to use the window\n");
	dma_buf_hang_up(dmabuf);
}

/* The next one that is not revoked yet, with a reference on its file */
static struct dma_buf *next_export(struct virtio_gpu_window *window)
{
	struct virtio_gpu_vram_export *export;

	guard(mutex)(&window->lock);
	list_for_each_entry(export, &window->exports, in_window) {
		if (export->revoked)
			continue;
		export->revoked = true;
		/* The last user of one that is on its way out has gone already */
		if (get_file_active(&export->dmabuf->file))
			return export->dmabuf;
	}
	return NULL;
}

/*
 * Importers stop to use the addresses: a new map call fails. What is mapped
 * through the GEM objects went with the DRM device, what is mapped through a
 * dma-buf goes here.
 */
static void revoke_exports(struct virtio_gpu_device *vgdev)
{
	unsigned long deadline = jiffies + REVOKE_PATIENCE;
	struct dma_buf *dmabuf;

	while ((dmabuf = next_export(&vgdev->window))) {
		revoke_export(vgdev, dmabuf, deadline);
		dma_buf_put(dmabuf);
	}
}

/**
 * virtio_gpu_gone - end everything that uses the window, or memory of others
 * @vgdev: the device, which is stopped and unplugged
 *
 * Context: Removal or shutdown of the device. Waits for no host for longer than
 * some seconds: an importer's device can be another one, with a host of its own.
 */
void virtio_gpu_gone(struct virtio_gpu_device *vgdev)
{
	/* Nobody waits for the device any more: no lock is held for long */
	flush_work(&vgdev->obj_free_work);
	/* It may put the last reference on an import: it comes first */
	flush_work(&vgdev->imports.restore);
	flush_work(&vgdev->imports.work);
	revoke_exports(vgdev);
}
