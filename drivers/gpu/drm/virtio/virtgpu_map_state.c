// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine behind the mapping of a host blob. Knows no device, so that
 * KUnit can test it.
 */
#include <kunit/visibility.h>
#include <linux/bug.h>
#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/virtio_gpu.h>

#include "virtgpu_map_state.h"

/**
 * virtio_gpu_map_state_init - nothing was asked for yet
 * @map: the state
 */
void virtio_gpu_map_state_init(struct virtio_gpu_map_state *map)
{
	*map = (struct virtio_gpu_map_state){};
	spin_lock_init(&map->lock);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_init);

/**
 * virtio_gpu_map_state_begin - take part in an attempt to map
 * @map: the state
 * @attempt: set to the attempt that the caller may wait for
 *
 * Return: True if the caller has started the attempt: it owns the blob's place
 * in the window now, has to ask the host, and has to see to it that
 * virtio_gpu_map_state_end() is called once. False if the blob is mapped, or
 * somebody else's attempt is under way, or it is being unmapped.
 */
bool virtio_gpu_map_state_begin(struct virtio_gpu_map_state *map,
				unsigned int *attempt)
{
	bool starts;

	guard(spinlock)(&map->lock);
	starts = map->phase == VIRTIO_GPU_UNMAPPED;
	if (starts) {
		map->phase = VIRTIO_GPU_MAPPING;
		map->attempts++;
	}
	*attempt = map->attempts;
	return starts;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_begin);

/**
 * virtio_gpu_map_state_end - the attempt under way is over
 * @map: the state
 * @error: 0, or why the blob is not mapped
 * @cache: how it is to be cached, VIRTIO_GPU_MAP_CACHE_*
 *
 * After an error the next virtio_gpu_map_state_begin() starts anew, so the
 * place in the window must have been given back already.
 */
void virtio_gpu_map_state_end(struct virtio_gpu_map_state *map, int error,
			      u32 cache)
{
	guard(spinlock)(&map->lock);
	if (WARN_ON_ONCE(map->phase != VIRTIO_GPU_MAPPING || error > 0))
		return;
	if (error) {
		map->error = error;
		map->phase = VIRTIO_GPU_UNMAPPED;
	} else {
		map->cache = cache;
		map->error = 0;
		map->phase = VIRTIO_GPU_MAPPED;
	}
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_end);

static bool settled(const struct virtio_gpu_map_state *map,
		    unsigned int attempt)
{
	lockdep_assert_held(&map->lock);
	if (map->phase == VIRTIO_GPU_UNMAPPING)
		return false;
	return map->phase != VIRTIO_GPU_MAPPING || map->attempts != attempt;
}

/**
 * virtio_gpu_map_state_settled - is there a result of this attempt?
 * @map: the state
 * @attempt: what virtio_gpu_map_state_begin() said
 *
 * Return: True if so, even if a later attempt is under way by now. False while
 * the blob is being unmapped: that ends, and only then it can be mapped again.
 */
bool virtio_gpu_map_state_settled(struct virtio_gpu_map_state *map,
				  unsigned int attempt)
{
	guard(spinlock)(&map->lock);
	return settled(map, attempt);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_settled);

/**
 * virtio_gpu_map_state_result - what came of it
 * @map: the state
 * @cache: set to how the blob is to be cached, if it is mapped
 *
 * Under one lock with the phase, so that the cache type belongs to it.
 *
 * Return: 0 if the blob is mapped, else why the latest attempt failed, -EAGAIN
 * if that has not failed, but the blob was unmapped since.
 */
int virtio_gpu_map_state_result(struct virtio_gpu_map_state *map, u32 *cache)
{
	guard(spinlock)(&map->lock);
	if (map->phase != VIRTIO_GPU_MAPPED)
		return map->error ?: -EAGAIN;
	*cache = map->cache;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_result);

/**
 * virtio_gpu_map_state_mapped - does the host have the blob mapped?
 * @map: the state
 *
 * Return: True if so.
 */
bool virtio_gpu_map_state_mapped(struct virtio_gpu_map_state *map)
{
	guard(spinlock)(&map->lock);
	return map->phase == VIRTIO_GPU_MAPPED;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_mapped);

/**
 * virtio_gpu_map_state_leave - begin to unmap a blob
 * @map: the state
 *
 * Return: True if the caller has to see to it that the host is asked and
 * virtio_gpu_map_state_left() is called once. False if the blob is not mapped.
 */
bool virtio_gpu_map_state_leave(struct virtio_gpu_map_state *map)
{
	guard(spinlock)(&map->lock);
	if (map->phase != VIRTIO_GPU_MAPPED)
		return false;
	map->phase = VIRTIO_GPU_UNMAPPING;
	return true;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_leave);

/**
 * virtio_gpu_map_state_left - the host has answered, or could not be asked
 * @map: the state
 * @unmapped: whether it has unmapped the blob. Then its place was given back.
 */
void virtio_gpu_map_state_left(struct virtio_gpu_map_state *map, bool unmapped)
{
	guard(spinlock)(&map->lock);
	if (WARN_ON_ONCE(map->phase != VIRTIO_GPU_UNMAPPING))
		return;
	map->phase = unmapped ? VIRTIO_GPU_UNMAPPED : VIRTIO_GPU_MAPPED;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_left);

/**
 * virtio_gpu_map_state_error - why the blob could not be mapped
 * @map: the state
 *
 * Return: 0 if the latest attempt did not fail, or somebody gave it up.
 */
int virtio_gpu_map_state_error(struct virtio_gpu_map_state *map)
{
	guard(spinlock)(&map->lock);
	return map->error == -ERESTARTSYS || map->error == -EAGAIN ? 0 :
	       map->error;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_error);

/**
 * virtio_gpu_map_answer - read what the host has said to RESOURCE_MAP_BLOB
 * @resp: the answer
 * @cache: set to VIRTIO_GPU_MAP_CACHE_* if the answer is yes
 *
 * Return: 0, -ENOMEM if the host has no memory for it, -EINVAL for any other
 * answer.
 */
int virtio_gpu_map_answer(const struct virtio_gpu_resp_map_info *resp,
			  u32 *cache)
{
	switch (le32_to_cpu(resp->hdr.type)) {
	case VIRTIO_GPU_RESP_OK_MAP_INFO:
		/* Little-endian, although the UAPI header does not say so */
		*cache = le32_to_cpu((__force __le32)resp->map_info) &
			 VIRTIO_GPU_MAP_CACHE_MASK;
		return 0;
	case VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_answer);

/**
 * virtio_gpu_window_fits - can a blob of this size ever be mapped?
 * @has_window: does the device have a host-visible window at all?
 * @window: length of the window
 * @size: size of the blob
 *
 * Return: 0; -EINVAL without a window, -ENOSPC if it is too small, as for a blob
 * that finds the window full.
 */
int virtio_gpu_window_fits(bool has_window, u64 window, u64 size)
{
	if (!has_window)
		return -EINVAL;
	if (!size || size > window)
		return -ENOSPC;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_window_fits);
