// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping of host blobs into the host-visible window.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include <drm/drm_drv.h>
#include <drm/drm_mm.h>
#include <drm/drm_print.h>

#include "virtgpu_drv.h"

/**
 * DOC: host blobs in the window
 *
 * A mappable host blob needs a place in the device's host-visible window, and the
 * host has to show the blob there, before anything in the guest can reach the blob's
 * memory. The host keeps the contents, so a blob can leave its place and get another
 * one later: the window is a cache.
 *
 * If there is a free place, the driver asks for the mapping when the blob is created
 * and when user space asks for an address, and does not wait for the answer. With
 * VIRTGPU_BLOB_HINT_DEFER_MAPPING it does not ask at creation. A fault of the CPU and
 * an importer of the dma-buf, which need the memory, call
 * virtio_gpu_vram_make_mapped(). It starts an attempt if none is under way, waits for
 * the host, and returns the result. If there is no free place, those blobs leave that
 * were used longest ago and that no importer has pinned.
 *
 * These wait:
 *
 * - A fault of the CPU holds no lock, except one that may not be repeated, as that of
 *   a futex operation: it holds mmap_lock.
 * - &dma_buf_ops.attach holds no lock of ours or of the buffer, but may hold locks of
 *   the importer: DRM drivers import one buffer at a time.
 * - The map calls of the dma-buf hold the reservation lock of the buffer, but find
 *   the blob mapped: the attach has pinned it.
 *
 * The wait can be for a place, for room in the control queue or for the host's
 * answer. It ends with each of them, with a fatal signal, or when the queues are
 * closed. Any signal ends the wait of a user space fault for a place or an answer. If
 * the process that began the attempt gives up before the host was asked, one of the
 * processes that wait for the attempt begins the next.
 *
 * virtio_gpu_vram_map_answered() and virtio_gpu_vram_unmap_answered() end the wait.
 * They run in the workqueue that handles the control queue. Neither they nor anything
 * that runs in that workqueue before them takes a lock that a waiting task holds: to
 * drop the last reference on an object, which takes a reservation lock of a buffer,
 * there is a workqueue of its own (virtio_gpu_array_put_free_delayed()). So the end of
 * the wait can always come.
 *
 * Locks, outermost first:
 *
 * - mmap_lock or that of a VMA, reservation lock: held by the caller, see above
 * - &virtio_gpu_object_vram.gate: held to make page table entries for the blob, by
 *   one task at a time. A task that takes the blob out of the window changes the
 *   blob's state first, then takes and drops the gate: by then the tasks that saw the
 *   blob mapped have made their entries, and all others see that it is not mapped.
 * - &virtio_gpu_space.lock: protects all places in the window. The workqueue above
 *   takes it, so no holder allocates memory in a way that waits.
 * - &virtio_gpu_map_state.lock: protects the state of one blob
 *
 * No task holds the lock of the places and a gate at once.
 */

static struct virtio_gpu_device *device_of(struct virtio_gpu_object_vram *vram)
{
	return vram->base.base.base.dev->dev_private;
}

static struct virtio_gpu_space *space_of(struct virtio_gpu_object_vram *vram)
{
	return &device_of(vram)->window.space;
}

static struct virtio_gpu_object_vram *vram_of(struct virtio_gpu_place *place)
{
	return container_of(place, struct virtio_gpu_object_vram, place);
}

/**
 * virtio_gpu_vram_map_init - initialise our part of a new blob
 * @vram: the blob
 */
void virtio_gpu_vram_map_init(struct virtio_gpu_object_vram *vram)
{
	virtio_gpu_map_state_init(&vram->map);
	virtio_gpu_place_init(&vram->place);
	mutex_init(&vram->gate);
	INIT_LIST_HEAD(&vram->exports);
}

/**
 * virtio_gpu_vram_check - can a new blob be mapped later?
 * @vgdev: the device
 * @params: the blob, of any kind
 *
 * Refuses a deferred blob that can never be mapped before anything is sent to the
 * host, like one that is not deferred. Also refuses one that is not deferred if
 * importers have pinned too much of the window.
 *
 * Return: 0, -EINVAL without a window, -ENOSPC if the window is too small.
 */
int virtio_gpu_vram_check(struct virtio_gpu_device *vgdev,
			  const struct virtio_gpu_object_params *params)
{
	struct virtio_gpu_space *space = &vgdev->window.space;
	u64 size = PAGE_ALIGN(params->size);
	int ret;

	if (params->blob_mem != VIRTGPU_BLOB_MEM_HOST3D ||
	    !(params->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE))
		return 0;

	ret = virtio_gpu_window_fits(vgdev->has_host_visible,
				     vgdev->host_visible_region.len, size);
	if (ret || params->blob_hints & VIRTGPU_BLOB_HINT_DEFER_MAPPING)
		return ret;

	guard(mutex)(&space->lock);
	return virtio_gpu_space_could_fit(space, size) ? 0 : -ENOSPC;
}

/* Waits until something changes */
static int wait_for_change(struct virtio_gpu_device *vgdev,
			   unsigned int changes, unsigned int state,
			   long patience)
{
	struct virtio_gpu_space *space = &vgdev->window.space;
	long ret;

	ret = ___wait_event(space->wait,
			    ___wait_cond_timeout(READ_ONCE(space->changes) !=
						 changes ||
						 READ_ONCE(vgdev->queues_closed)),
			    state, 0, patience,
			    __ret = schedule_timeout(__ret));
	return ret < 0 ? ret : 0;
}

/* Free the place of a blob, which may have none */
static void remove_place(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = space_of(vram);

	mutex_lock(&space->lock);
	virtio_gpu_space_remove(space, &vram->place);
	mutex_unlock(&space->lock);
}

/* The blob has left its place */
static void leave(struct virtio_gpu_object_vram *vram)
{
	remove_place(vram);
	virtio_gpu_map_state_left(&vram->map, true);
	wake_up_all(&device_of(vram)->resp_wq);
}

static void settle_place(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = space_of(vram);

	mutex_lock(&space->lock);
	virtio_gpu_place_settled(space, &vram->place);
	mutex_unlock(&space->lock);
}

/* The blob stays in its place and can be used there */
static void stay(struct virtio_gpu_object_vram *vram)
{
	virtio_gpu_map_state_left(&vram->map, false);
	settle_place(vram);
	wake_up_all(&device_of(vram)->resp_wq);
}

/* The command holds a reference on the blob until it is answered */
static struct virtio_gpu_object_array *
command_holds(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_object_array *objs = virtio_gpu_array_alloc(1);

	if (objs)
		virtio_gpu_array_add_obj(objs, &vram->base.base.base);
	return objs;
}

/* Unlike virtio_gpu_cmd_unmap(), the command has an answer, for which a task waits */
static int ask_to_unmap(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_resource_unmap_blob *cmd;
	struct virtio_gpu_object_array *objs;
	struct virtio_gpu_vbuffer *vbuf;

	objs = command_holds(vram);
	if (!objs)
		return -ENOMEM;

	cmd = virtio_gpu_alloc_cmd_cb(vgdev, &vbuf, sizeof(*cmd),
				      virtio_gpu_vram_unmap_answered);
	memset(cmd, 0, sizeof(*cmd));
	cmd->hdr.type = cpu_to_le32(VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB);
	cmd->resource_id = cpu_to_le32(vram->base.hw_res_handle);
	vbuf->objs = objs;
	return virtio_gpu_queue_ctrl_buffer(vgdev, vbuf);
}

/*
 * Take the blob's pages away from the CPU and ask the host to unmap it. The caller has
 * a reference, and has set the state to unmapping.
 */
static int evict(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_device *vgdev = device_of(vram);
	int ret;

	virtio_gpu_vram_zap(vram);
	virtio_gpu_cache_unset(vram);
	ret = ask_to_unmap(vgdev, vram);
	if (ret)
		stay(vram);
	return ret;
}

/*
 * A blob that is being freed leaves without being evicted, and the caller only has to
 * wait. It has no references left, but its place exists until the host has answered.
 */
static bool begin_to_leave(struct virtio_gpu_object_vram *vram)
{
	bool leaves;

	if (!kref_get_unless_zero(&vram->base.base.base.refcount))
		return false;
	leaves = virtio_gpu_map_state_leave(&vram->map);
	WARN_ON_ONCE(!leaves);
	return true;
}

/* Returns the first error: the task was killed or has no memory, and must give up */
static int evict_all(struct virtio_gpu_device *vgdev, struct list_head *victims)
{
	struct virtio_gpu_place *place, *next;
	int ret = 0, error;

	list_for_each_entry_safe(place, next, victims, victim) {
		struct virtio_gpu_object_vram *vram = vram_of(place);

		/* After it has left it may get a place, and be chosen, again */
		list_del_init(&place->victim);
		error = evict(vram);
		ret = ret ?: error;
		drm_gem_object_put(&vram->base.base.base);
	}
	virtio_gpu_notify(vgdev);
	return ret;
}

/* Returns 0 if the blob has a place, -EAGAIN to wait for a change and try again */
static int take_place(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object_vram *vram,
		      struct list_head *victims, unsigned int *changes,
		      long *patience)
{
	struct virtio_gpu_space *space = &vgdev->window.space;
	u64 size = vram->base.base.base.size;
	struct virtio_gpu_place *place, *next;
	int ret;

	guard(mutex)(&space->lock);
	ret = virtio_gpu_space_insert(space, &vram->place, size);
	if (!ret)
		vram->place.awaited = true;
	if (ret != -ENOSPC)
		return ret;

	ret = virtio_gpu_space_make_room(space, &vram->place, size, victims,
					 patience);
	*changes = space->changes;
	if (ret)
		return ret;
	list_for_each_entry_safe(place, next, victims, victim) {
		if (!begin_to_leave(vram_of(place)))
			list_del_init(&place->victim);
	}
	return -EAGAIN;
}

static int find_place(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object_vram *vram, unsigned int state)
{
	unsigned int changes;
	LIST_HEAD(victims);
	long patience;
	int ret;

	for (;;) {
		if (READ_ONCE(vgdev->queues_closed))
			return -ENODEV;
		ret = take_place(vgdev, vram, &victims, &changes, &patience);
		if (ret != -EAGAIN)
			return ret;
		ret = evict_all(vgdev, &victims);
		if (!ret)
			ret = wait_for_change(vgdev, changes, state, patience);
		if (ret)
			return ret;
	}
}

static int find_free_place(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = &vgdev->window.space;

	guard(mutex)(&space->lock);
	return virtio_gpu_space_insert(space, &vram->place,
				       vram->base.base.base.size);
}

/* End the attempt: give back the place if it has failed, wake the waiters */
static void end_attempt(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object_vram *vram, int error,
			u32 cache)
{
	if (error) {
		remove_place(vram);
		drm_dbg(vgdev->ddev, "resource %u could not be mapped: %d\n",
			vram->base.hw_res_handle, error);
	}
	virtio_gpu_map_state_end(&vram->map, error, cache);
	if (!error)
		settle_place(vram);
	wake_up_all(&vgdev->resp_wq);
}

/* Sleeps while the control queue is full, see virtgpu_queue.c */
static int ask_host(struct virtio_gpu_device *vgdev,
		    struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_object_array *objs = command_holds(vram);

	if (!objs)
		return -ENOMEM;
	return virtio_gpu_cmd_map(vgdev, objs, vram->place.node.start -
				  vgdev->host_visible_region.addr);
}

/*
 * Start an attempt unless the blob is mapped or an attempt is under way. An error is
 * that of the attempt that this call started, and all tasks that wait for the attempt
 * see it. If @state does not allow a wait, returns -EAGAIN if others had to leave.
 */
static int start_attempt(struct virtio_gpu_device *vgdev,
			 struct virtio_gpu_object_vram *vram,
			 unsigned int state, unsigned int *attempt)
{
	int ret;

	if (!virtio_gpu_map_state_begin(&vram->map, attempt))
		return 0;

	if (!vgdev->has_host_visible)
		ret = -EINVAL;
	else if (state)
		ret = find_place(vgdev, vram, state);
	else
		ret = find_free_place(vgdev, vram) ? -EAGAIN : 0;
	if (!ret)
		ret = ask_host(vgdev, vram);
	if (ret)
		end_attempt(vgdev, vram, ret, 0);
	return ret;
}

/**
 * virtio_gpu_vram_map_soon - map a blob if there is a free place
 * @vram: the mappable blob; the caller holds a reference
 *
 * Context: May sleep, killable, while the control queue is full. Does not wait for
 * an answer.
 *
 * Return: 0, also if the blob was not mapped because others would have to leave for
 * it; -ENOSPC if none can leave, because importers have pinned the window; -ENOMEM,
 * -ENODEV, or -ERESTARTSYS if the process is being killed.
 */
int virtio_gpu_vram_map_soon(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_device *vgdev = device_of(vram);
	unsigned int attempt;
	int ret;

	ret = start_attempt(vgdev, vram, 0, &attempt);
	virtio_gpu_notify(vgdev);
	return ret == -EAGAIN ? virtio_gpu_vram_mappable(vram) : ret;
}

/**
 * virtio_gpu_vram_mappable - will there be room for a blob when it is accessed?
 * @vram: the mappable blob
 *
 * Context: Does not wait for the host. The caller may hold mmap_lock.
 *
 * Return: 0, -ENOSPC if importers have pinned the window, -EINVAL if there is none,
 * -ENODEV if the device is gone.
 */
int virtio_gpu_vram_mappable(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_device *vgdev = device_of(vram);
	struct virtio_gpu_space *space = &vgdev->window.space;

	if (READ_ONCE(vgdev->queues_closed))
		return -ENODEV;
	if (!vgdev->has_host_visible)
		return -EINVAL;

	guard(mutex)(&space->lock);
	return drm_mm_node_allocated(&vram->place.node) ||
	       virtio_gpu_space_could_fit(space, vram->base.base.base.size) ?
		0 : -ENOSPC;
}

/**
 * virtio_gpu_vram_map_now - map a new blob, unless user space has deferred that
 * @vram: the blob, which no other task knows yet
 * @params: the request of user space
 *
 * Return: 0 or an error of virtio_gpu_vram_map_soon() other than -ENOSPC.
 */
int virtio_gpu_vram_map_now(struct virtio_gpu_object_vram *vram,
			    const struct virtio_gpu_object_params *params)
{
	int ret;

	if (!(params->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE) ||
	    params->blob_hints & VIRTGPU_BLOB_HINT_DEFER_MAPPING)
		return 0;

	/* An importer may have pinned the window after virtio_gpu_vram_check() */
	ret = virtio_gpu_vram_map_soon(vram);
	return ret == -ENOSPC ? 0 : ret;
}

/**
 * virtio_gpu_map_offset_asked - map an object that user space is about to mmap()
 * @file: the client's file
 * @handle: handle of the object, which may be any
 *
 * Drops errors: the later access gets its own. Does not wait for a host that does not
 * read the control queue.
 */
void virtio_gpu_map_offset_asked(struct drm_file *file, u32 handle)
{
	struct drm_gem_object *obj = drm_gem_object_lookup(file, handle);
	struct virtio_gpu_object *bo;

	if (!obj)
		return;
	bo = gem_to_virtio_gpu_obj(obj);
	if (virtio_gpu_is_vram(bo) &&
	    bo->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE &&
	    virtio_gpu_queue_has_room(obj->dev->dev_private))
		(void)virtio_gpu_vram_map_soon(to_virtio_gpu_vram(bo));
	drm_gem_object_put(obj);
}

/* Has the attempt ended, or will its answer never come? */
static bool settled(struct virtio_gpu_device *vgdev,
		    struct virtio_gpu_object_vram *vram, unsigned int attempt)
{
	return virtio_gpu_map_state_settled(&vram->map, attempt) ||
	       READ_ONCE(vgdev->queues_closed);
}

static int wait_until_settled(struct virtio_gpu_device *vgdev,
			      struct virtio_gpu_object_vram *vram,
			      unsigned int attempt, unsigned int state)
{
	if (settled(vgdev, vram, attempt))
		return 0;

	virtio_gpu_notify(vgdev);
	return ___wait_event(vgdev->resp_wq, settled(vgdev, vram, attempt),
			     state, 0, 0, schedule());
}

/* -ERESTARTSYS: this process has a signal, or the one that began the attempt has */
static int try_to_map(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_object_vram *vram, unsigned int state,
		      u32 *cache)
{
	unsigned int attempt;
	int ret;

	ret = start_attempt(vgdev, vram, state, &attempt);
	if (ret)
		return ret;
	ret = wait_until_settled(vgdev, vram, attempt, state);
	if (ret)
		return ret;
	if (READ_ONCE(vgdev->queues_closed))
		return -ENODEV;

	return virtio_gpu_map_state_result(&vram->map, cache);
}

/**
 * virtio_gpu_vram_make_mapped - map a blob into the window and wait for that
 * @vram: the blob; the caller holds a reference
 * @state: TASK_KILLABLE or TASK_INTERRUPTIBLE, to wait in
 * @cache: set to the cache type, VIRTIO_GPU_MAP_CACHE_*
 *
 * When this returns the blob may have left the window again, unless it is pinned, see
 * virtio_gpu_vram_pin(). After an error a later call tries again.
 *
 * Context: May sleep. The caller may hold mmap_lock and the reservation lock of the
 * blob.
 *
 * Return: 0; -EINVAL if the blob is not mappable, there is no window, or the host has
 * refused; -ENOSPC if importers have pinned the window; -ENOMEM; -ENODEV if the device
 * is gone; -ERESTARTSYS if there is a signal.
 */
int virtio_gpu_vram_make_mapped(struct virtio_gpu_object_vram *vram,
				unsigned int state, u32 *cache)
{
	struct virtio_gpu_device *vgdev = device_of(vram);
	int ret;

	might_sleep();

	if (!(vram->base.blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE))
		return -EINVAL;

	do {
		/* The device was reset, so that a mapping does not exist either */
		if (READ_ONCE(vgdev->queues_closed))
			return -ENODEV;
		ret = try_to_map(vgdev, vram, state, cache);
	} while (ret == -EAGAIN ||
		 (ret == -ERESTARTSYS && !signal_pending_state(state, current)));
	return ret;
}

/* If it fails the blob was evicted in between, and the caller has to map it again */
static bool pin_if_mapped(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = space_of(vram);

	guard(mutex)(&space->lock);
	if (!virtio_gpu_map_state_mapped(&vram->map))
		return false;
	vram->place.pins++;
	return true;
}

/**
 * virtio_gpu_vram_pin - map a blob, and keep it where it is
 * @vram: the blob; the caller holds a reference
 *
 * Return: As virtio_gpu_vram_make_mapped(). After 0, call
 * virtio_gpu_vram_unpin().
 */
int virtio_gpu_vram_pin(struct virtio_gpu_object_vram *vram)
{
	u32 cache;
	int ret;

	do {
		ret = virtio_gpu_vram_make_mapped(vram, TASK_KILLABLE, &cache);
	} while (!ret && !pin_if_mapped(vram));
	return ret;
}

/**
 * virtio_gpu_vram_unpin - let a blob leave its place again
 * @vram: the blob
 */
void virtio_gpu_vram_unpin(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = space_of(vram);

	mutex_lock(&space->lock);
	if (!WARN_ON_ONCE(!vram->place.pins) && !--vram->place.pins)
		virtio_gpu_space_changed(space);
	mutex_unlock(&space->lock);
}

/**
 * virtio_gpu_vram_used - record a use of a blob in the window
 * @vram: the blob
 *
 * Cheap if another use was recorded in the same jiffy.
 */
void virtio_gpu_vram_used(struct virtio_gpu_object_vram *vram)
{
	struct virtio_gpu_space *space = space_of(vram);

	if (!time_after(jiffies, READ_ONCE(vram->place.used)) &&
	    READ_ONCE(vram->place.touched))
		return;
	mutex_lock(&space->lock);
	virtio_gpu_place_used(space, &vram->place);
	mutex_unlock(&space->lock);
}

static struct virtio_gpu_object_vram *vram_of_command(struct virtio_gpu_vbuffer *vbuf)
{
	return to_virtio_gpu_vram(gem_to_virtio_gpu_obj(vbuf->objs->objs[0]));
}

/**
 * virtio_gpu_vram_map_answered - handle the host's answer to RESOURCE_MAP_BLOB
 * @vgdev: the device
 * @vbuf: the command and its answer, which is all zeroes if the device went
 *	away instead of answering
 *
 * Context: The workqueue of the control queue, or virtio_gpu_stop(). Must not
 * take a reservation lock or an mmap_lock, nor wait for a command.
 */
void virtio_gpu_vram_map_answered(struct virtio_gpu_device *vgdev,
				  struct virtio_gpu_vbuffer *vbuf)
{
	const struct virtio_gpu_resp_map_info *resp = (void *)vbuf->resp_buf;
	u32 cache = 0;
	int ret;

	ret = virtio_gpu_map_answer(resp, &cache);
	if (ret && READ_ONCE(vgdev->queues_closed))
		ret = -ENODEV;
	end_attempt(vgdev, vram_of_command(vbuf), ret, cache);
}

/**
 * virtio_gpu_vram_unmap_answered - handle the host's answer to RESOURCE_UNMAP_BLOB
 * @vgdev: the device
 * @vbuf: the command and its answer, as above
 *
 * If the host has unmapped the blob, its place is free. If the host has refused, the
 * driver cannot know what is in that place: it gives the place to no other blob, and
 * does not ask this one to leave again.
 *
 * Context: As virtio_gpu_vram_map_answered().
 */
void virtio_gpu_vram_unmap_answered(struct virtio_gpu_device *vgdev,
				    struct virtio_gpu_vbuffer *vbuf)
{
	const struct virtio_gpu_ctrl_hdr *resp = (void *)vbuf->resp_buf;
	struct virtio_gpu_object_vram *vram = vram_of_command(vbuf);
	struct virtio_gpu_space *space = &vgdev->window.space;

	if (resp->type == cpu_to_le32(VIRTIO_GPU_RESP_OK_NODATA) ||
	    READ_ONCE(vgdev->queues_closed)) {
		leave(vram);
		return;
	}

	mutex_lock(&space->lock);
	vram->place.stuck = true;
	mutex_unlock(&space->lock);
	stay(vram);
}

/**
 * virtio_gpu_vram_unmap - ask the host to unmap a blob that is being freed
 * @vgdev: the device
 * @bo: the blob, which has no other user
 *
 * Does nothing if the host has not mapped the blob. No attempt is under way: its
 * command would hold a reference. The driver gives back the place in the window when
 * the host has answered the RESOURCE_UNREF that follows.
 */
void virtio_gpu_vram_unmap(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object *bo)
{
	struct virtio_gpu_object_vram *vram = to_virtio_gpu_vram(bo);
	struct virtio_gpu_space *space = &vgdev->window.space;

	if (!virtio_gpu_map_state_mapped(&vram->map))
		return;

	mutex_lock(&space->lock);
	vram->place.leaving = true;
	mutex_unlock(&space->lock);
	virtio_gpu_cmd_unmap(vgdev, bo);
}

/**
 * virtio_gpu_vram_release_place - give back the place of a blob that the host has freed
 * @vram: the blob, which is freed next
 */
void virtio_gpu_vram_release_place(struct virtio_gpu_object_vram *vram)
{
	virtio_gpu_cache_unset(vram);
	remove_place(vram);
}

/*
 * The next blob that has to leave, not pinned, with a reference. Skips a busy blob:
 * the task that works on it will find the queues closed.
 */
static struct virtio_gpu_object_vram *lose_next(struct virtio_gpu_space *space)
{
	struct virtio_gpu_place *place;

	guard(mutex)(&space->lock);
	list_for_each_entry(place, &space->blobs, in_use_order) {
		if (place->pins || place->busy || place->leaving ||
		    !begin_to_leave(vram_of(place)))
			continue;
		place->leaving = true;
		return vram_of(place);
	}
	return NULL;
}

/*
 * The next blob that this round has not come to, with a reference. The round moves each
 * blob to the end of the list, so that the next ones are found at its start, and the order
 * is the same after the round. A fault may move a blob, too: look at all of them.
 */
static struct virtio_gpu_object_vram *
zap_next(struct virtio_gpu_space *space, unsigned int round)
{
	struct virtio_gpu_place *place, *next;

	guard(mutex)(&space->lock);
	list_for_each_entry_safe(place, next, &space->blobs, in_use_order) {
		if (place->swept == round)
			continue;
		place->swept = round;
		list_move_tail(&place->in_use_order, &space->blobs);
		/* A blob that is being freed has no mapping left */
		if (kref_get_unless_zero(&vram_of(place)->base.base.base.refcount))
			return vram_of(place);
	}
	return NULL;
}

/**
 * virtio_gpu_window_zap - take away all that the CPU has mapped of the window
 * @vgdev: the device, whose queues are closed, so that faults map nothing again
 *
 * To be called before a reset of the device: after it the window shows nothing, and the
 * CPU would read whatever the bus returns instead of the blobs.
 *
 * Context: May sleep. Waits for faults that insert pages, and for no host.
 */
void virtio_gpu_window_zap(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_space *space = &vgdev->window.space;
	struct virtio_gpu_object_vram *vram;
	unsigned int round;

	WARN_ON_ONCE(!READ_ONCE(vgdev->queues_closed));

	guard(mutex)(&space->sweep);
	round = ++space->sweeps;
	while ((vram = zap_next(space, round))) {
		virtio_gpu_vram_zap(vram);
		drm_gem_object_put(&vram->base.base.base);
	}
}

/**
 * virtio_gpu_window_lost - record that the host has forgotten all mappings
 * @vgdev: the device, which was reset and sends no more answers
 *
 * A blob that importers have pinned keeps its place, so that no other blob's memory
 * appears there.
 */
void virtio_gpu_window_lost(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_object_vram *vram;

	while ((vram = lose_next(&vgdev->window.space))) {
		virtio_gpu_vram_zap(vram);
		virtio_gpu_cache_unset(vram);
		leave(vram);
		drm_gem_object_put(&vram->base.base.base);
	}
}
