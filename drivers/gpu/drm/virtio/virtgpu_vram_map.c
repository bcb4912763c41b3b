// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping of host blobs into the host-visible window.
 */
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>
#include <drm/drm_mm.h>

#include "virtgpu_drv.h"

/**
 * DOC: host blobs in the window
 *
 * A mappable host blob needs a place in the device's host-visible window, and
 * the host has to show the blob there, before anybody in the guest can reach
 * its memory. The driver asks for that when the blob is created, or, if user
 * space set VIRTGPU_BLOB_HINT_DEFER_MAPPING, when somebody first needs it. In
 * both cases the host answers later.
 *
 * So all who need the memory, mmap() of the GEM object or of its dma-buf and
 * importers of the dma-buf, call virtio_gpu_vram_make_mapped(). It starts
 * an attempt if none was started or the last one has failed, waits for the
 * host, and returns what came of it. The wait ends when the process is killed
 * or the device goes away. To export a blob needs none of its memory, and so
 * leaves a deferred blob deferred.
 *
 * Who waits:
 *
 * - mmap() holds the mmap_lock of the process for writing,
 * - &dma_buf_ops.attach holds no lock of ours or of the buffer, but whatever the
 *   importer holds: DRM drivers import one buffer at a time,
 * - the map calls of the dma-buf hold the reservation lock of the buffer, but
 *   find the blob mapped since the attach.
 *
 * An attempt can begin with a wait for room in the control queue, which a host
 * that answers nothing fills up: with the same locks held, and killable, too. If
 * the process that began the attempt is killed there, one that waits for it
 * begins the next.
 *
 * Who ends the wait: virtio_gpu_vram_map_answered(), from the workqueue that
 * handles the control queue. It and all that runs in that workqueue before it
 * takes neither of those two locks: the last reference on an object that has a
 * buffer's reservation lock to take is dropped in a workqueue of its own
 * (virtio_gpu_array_put_free_delayed()). What is waited for can always come.
 *
 * Locks, outermost first:
 *
 * - mmap_lock, reservation lock: the caller's, see above
 * - &virtio_gpu_device.host_visible_lock: the allocator of the window, which
 *   all blobs share, and nothing else
 * - &virtio_gpu_map_state.lock: the state of one blob
 *
 * The last two do not nest and nobody sleeps with them. &drm_mm_node of a blob
 * has no lock: it belongs to whoever started the attempt, until that ends. A
 * failed attempt gives the place back before it ends. In a mapped blob the node
 * does not change until the blob is freed.
 */

/**
 * virtio_gpu_vram_map_init - initialise our part of a new blob
 * @vram: the blob
 */
void virtio_gpu_vram_map_init(struct virtio_gpu_object_vram *vram)
{
	virtio_gpu_map_state_init(&vram->map);
	INIT_LIST_HEAD(&vram->exports);
}

/**
 * virtio_gpu_vram_check - can a new blob be mapped when it has to?
 * @vgdev: the device
 * @params: the blob; its size is page-aligned
 *
 * A deferred blob that can never be mapped is refused as one that is not
 * deferred: when it is created.
 *
 * Return: 0, -EINVAL without a window, -ENOSPC if the window is too small.
 */
int virtio_gpu_vram_check(struct virtio_gpu_device *vgdev,
			  const struct virtio_gpu_object_params *params)
{
	if (!(params->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE))
		return 0;

	return virtio_gpu_window_fits(vgdev->has_host_visible,
				      vgdev->host_visible_region.len,
				      params->size);
}

/* The attempt is over: give back the place if it failed, wake who waits. */
static void end_attempt(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object_vram *vram, int error,
			u32 cache)
{
	if (error && drm_mm_node_allocated(&vram->vram_node)) {
		spin_lock(&vgdev->host_visible_lock);
		drm_mm_remove_node(&vram->vram_node);
		spin_unlock(&vgdev->host_visible_lock);
	}
	virtio_gpu_map_state_end(&vram->map, error, cache);
	wake_up_all(&vgdev->resp_wq);
}

static int take_place(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object_vram *vram)
{
	guard(spinlock)(&vgdev->host_visible_lock);
	return drm_mm_insert_node(&vgdev->host_visible_mm, &vram->vram_node,
				  vram->base.base.base.size);
}

/* Sleeps while the control queue is full, see virtio_gpu_wait_for_room() */
static int ask_host(struct virtio_gpu_device *vgdev,
		    struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_object_array *objs;

	/* The command holds a reference on the blob until it is answered */
	objs = virtio_gpu_array_alloc(1);
	if (!objs)
		return -ENOMEM;
	virtio_gpu_array_add_obj(objs, &vram->base.base.base);

	return virtio_gpu_cmd_map(vgdev, objs, vram->vram_node.start -
				  vgdev->host_visible_region.addr);
}

/*
 * Start an attempt unless the blob is mapped or one is under way. An error is
 * that of the attempt that this call started, and known to all who wait for it.
 */
static int start_attempt(struct virtio_gpu_device *vgdev,
			 struct virtio_gpu_object_vram *vram,
			 unsigned int *attempt)
{
	int ret;

	if (!virtio_gpu_map_state_begin(&vram->map, attempt))
		return 0;

	ret = vgdev->has_host_visible ? take_place(vgdev, vram) : -EINVAL;
	if (!ret)
		ret = ask_host(vgdev, vram);
	if (ret)
		end_attempt(vgdev, vram, ret, 0);
	return ret;
}

/**
 * virtio_gpu_vram_map_now - map a new blob, unless user space would rather wait
 * @vram: the blob, which nobody else knows yet
 * @params: what user space asked for
 *
 * Does not wait for the host's answer.
 *
 * Return: 0, -ENOSPC if the window is full, -ENOMEM, -ENODEV, or -ERESTARTSYS if
 * the process is being killed.
 */
int virtio_gpu_vram_map_now(struct virtio_gpu_object_vram *vram,
			    const struct virtio_gpu_object_params *params)
{
	struct virtio_gpu_device *vgdev = vram->base.base.base.dev->dev_private;
	unsigned int attempt;

	if (!(params->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE) ||
	    params->blob_hints & VIRTGPU_BLOB_HINT_DEFER_MAPPING)
		return 0;

	return start_attempt(vgdev, vram, &attempt);
}

/* Tell the host that commands wait for it, while the queues are there */
static void notify_host(struct virtio_gpu_device *vgdev)
{
	int idx;

	if (!drm_dev_enter(vgdev->ddev, &idx))
		return;
	virtio_gpu_notify(vgdev);
	drm_dev_exit(idx);
}

/* -ERESTARTSYS is that this process is being killed, or the one it waited for */
static int try_to_map(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object_vram *vram, u32 *cache)
{
	unsigned int attempt;
	int ret;

	ret = start_attempt(vgdev, vram, &attempt);
	if (ret)
		return ret;

	if (!virtio_gpu_map_state_settled(&vram->map, attempt))
		notify_host(vgdev);
	ret = wait_event_killable(vgdev->resp_wq,
				  virtio_gpu_map_state_settled(&vram->map,
							       attempt));
	if (ret)
		return ret;

	return virtio_gpu_map_state_result(&vram->map, cache);
}

/**
 * virtio_gpu_vram_make_mapped - see to it that a blob is in the window
 * @vram: the blob; the caller holds a reference
 * @cache: set to how it is to be cached, VIRTIO_GPU_MAP_CACHE_*
 *
 * Once this has returned 0 the blob stays where its &drm_mm_node says until it
 * is freed. After an error a later call tries again.
 *
 * Context: May sleep, killable. mmap_lock and the reservation lock of the blob
 * may be held.
 *
 * Return: 0; -EINVAL if the blob is not mappable, there is no window, or the
 * host has refused; -ENOSPC if the window is full; -ENOMEM; -ENODEV if the
 * device is gone; -ERESTARTSYS if the process is being killed.
 */
int virtio_gpu_vram_make_mapped(struct virtio_gpu_object_vram *vram,
				u32 *cache)
{
	struct virtio_gpu_device *vgdev = vram->base.base.base.dev->dev_private;
	int ret;

	might_sleep();

	if (!(vram->base.blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE))
		return -EINVAL;

	/* What was mapped is not there any more either */
	if (drm_dev_is_unplugged(vgdev->ddev))
		return -ENODEV;

	do {
		ret = try_to_map(vgdev, vram, cache);
	} while (ret == -ERESTARTSYS && !fatal_signal_pending(current));
	return ret;
}

/**
 * virtio_gpu_vram_map_answered - the host has answered RESOURCE_MAP_BLOB
 * @vgdev: the device
 * @vbuf: the command and its answer, which is all zeroes if the device went
 *	away instead of answering
 *
 * Context: The workqueue of the control queue, or virtio_gpu_gone(). Must not
 * take a reservation lock, an mmap_lock, or wait for a command.
 */
void virtio_gpu_vram_map_answered(struct virtio_gpu_device *vgdev,
				  struct virtio_gpu_vbuffer *vbuf)
{
	const struct virtio_gpu_resp_map_info *resp = (void *)vbuf->resp_buf;
	struct virtio_gpu_object *bo =
		gem_to_virtio_gpu_obj(vbuf->objs->objs[0]);
	u32 cache = 0;
	int ret;

	ret = virtio_gpu_map_answer(resp, &cache);
	if (ret && drm_dev_is_unplugged(vgdev->ddev))
		ret = -ENODEV;
	end_attempt(vgdev, to_virtio_gpu_vram(bo), ret, cache);
}

/**
 * virtio_gpu_vram_unmap - ask the host to unmap a blob that is being freed
 * @vgdev: the device
 * @bo: the blob, of which there is no other user
 *
 * Only what the host has mapped is unmapped. No attempt is under way: its
 * command would hold a reference. The place in the window is given back when
 * the host has answered the RESOURCE_UNREF that follows.
 */
void virtio_gpu_vram_unmap(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object *bo)
{
	if (virtio_gpu_map_state_mapped(&to_virtio_gpu_vram(bo)->map))
		virtio_gpu_cmd_unmap(vgdev, bo);
}
