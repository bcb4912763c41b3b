// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends all that uses a device before the device goes away or is stopped for a while.
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

/* For all importers of the window together. Most have nothing to wait for. */
#define REVOKE_PATIENCE (5 * HZ)

/*
 * End a command that the device never answers. If a task waits for the command, or
 * its answer frees something, it gets an answer without a meaning: the response
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

	/* Freeing an object may need locks that a waiting task holds */
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
 * @vgdev: the device, which may have stopped answering
 *
 * Takes away what the CPU has mapped of the window. Resets the device, so that it
 * sends no more answers, and drops the commands that it still had. No command is queued
 * from here on, before virtio_gpu_open_queues().
 *
 * A removal or a shutdown calls this before everything else, and a suspend before it
 * deletes the queues: a task that waits for the device may hold modeset locks or a
 * reservation lock, or be a work item, and the later steps wait for all of those.
 *
 * Context: Waits for no task that waits for the device.
 */
void virtio_gpu_stop(struct virtio_gpu_device *vgdev)
{
	/* Suspended, and the resume has failed: there are no queues */
	if (!vgdev->has_queues)
		return;

	virtio_gpu_close_queues(vgdev);
	virtio_gpu_window_zap(vgdev);
	virtio_reset_device(vgdev->vdev);
	/* The device may have scheduled the work items before the reset */
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
 * After this no importer uses its mapping, but it may not have unmapped it. The
 * removal does not wait for the unmap: an importer may unmap as late as its owner
 * frees the buffer, and so any process that has the buffer could keep a removal,
 * which cannot be killed, waiting with the locks of the driver core and of PCI hotplug
 * held. A late unmap needs nothing that is gone by then: the buffer keeps the DRM
 * device and this module.
 *
 * For the same reason the wait for the fences of importers, which may never signal,
 * has a limit.
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

/* The next buffer that is not revoked yet, with a reference on its file */
static struct dma_buf *next_export(struct virtio_gpu_window *window)
{
	struct virtio_gpu_vram_export *export;

	guard(mutex)(&window->lock);
	list_for_each_entry(export, &window->exports, in_window) {
		if (export->revoked)
			continue;
		export->revoked = true;
		/* Skip a buffer whose file is on its way out: it has no user left */
		if (get_file_active(&export->dmabuf->file))
			return export->dmabuf;
	}
	return NULL;
}

/*
 * Importers stop using the addresses: a new map call fails. Unplugging the DRM device
 * has taken away what the CPU had mapped through the GEM objects; this takes away
 * what it has mapped through a dma-buf.
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
 * virtio_gpu_gone - end all use of the window, and of imported memory
 * @vgdev: the device, which is stopped and unplugged
 *
 * Context: Removal or shutdown of the device. Waits for no host for longer than
 * some seconds: an importer's device can be another virtio-gpu, with a host of its
 * own.
 */
void virtio_gpu_gone(struct virtio_gpu_device *vgdev)
{
	/* No task waits for the device, so that all locks are released soon */
	flush_work(&vgdev->obj_free_work);
	virtio_gpu_imports_end(vgdev);
	revoke_exports(vgdev);
}
