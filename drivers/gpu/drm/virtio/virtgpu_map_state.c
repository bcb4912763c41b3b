// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine behind the mapping of a host blob. It does not use the device, so
 * that KUnit can test it.
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
 * virtio_gpu_map_state_init - initialize the state of a blob without a place
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
 * in the window now, has to ask the host, and has to make sure that
 * virtio_gpu_map_state_end() is called once. False if the blob is mapped, if an
 * attempt of another task is under way, or if the blob is being unmapped.
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
 * virtio_gpu_map_state_end - end the attempt that is under way
 * @map: the state
 * @error: 0, or the reason why the blob is not mapped
 * @cache: cache type for the blob, VIRTIO_GPU_MAP_CACHE_*
 *
 * After an error the next virtio_gpu_map_state_begin() starts a new attempt, so the
 * caller must have given back the place in the window already.
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
 * @attempt: the attempt from virtio_gpu_map_state_begin()
 *
 * Return: True if there is, even if a later attempt is under way. False while the
 * blob is being unmapped: that ends, and the blob can be mapped again only then.
 */
bool virtio_gpu_map_state_settled(struct virtio_gpu_map_state *map,
				  unsigned int attempt)
{
	guard(spinlock)(&map->lock);
	return settled(map, attempt);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_settled);

/**
 * virtio_gpu_map_state_result - result of the latest attempt
 * @map: the state
 * @cache: set to the cache type of the blob, if it is mapped
 *
 * Reads both under one lock, so that the cache type belongs to the result.
 *
 * Return: 0 if the blob is mapped, else the error of the latest attempt, -EAGAIN
 * if that has succeeded, but the blob was unmapped since.
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
 * Return: True if it has.
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
 * Return: True if the caller has to ask the host and to make sure that
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
 * virtio_gpu_map_state_left - end the unmapping of a blob
 * @map: the state
 * @unmapped: the host has unmapped the blob, and the caller has given back its
 *	place. False if the host has refused or could not be asked.
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
 * Return: 0 if the latest attempt did not fail, or a task has given it up.
 */
int virtio_gpu_map_state_error(struct virtio_gpu_map_state *map)
{
	guard(spinlock)(&map->lock);
	return map->error == -ERESTARTSYS || map->error == -EAGAIN ? 0 :
	       map->error;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_map_state_error);

/**
 * virtio_gpu_map_answer - read the host's answer to RESOURCE_MAP_BLOB
 * @resp: the answer
 * @cache: set to VIRTIO_GPU_MAP_CACHE_* if the host has mapped the blob
 *
 * Return: 0, -ENOMEM if the host has no memory for the mapping, -EINVAL for any
 * other answer.
 */
int virtio_gpu_map_answer(const struct virtio_gpu_resp_map_info *resp,
			  u32 *cache)
{
	switch (le32_to_cpu(resp->hdr.type)) {
	case VIRTIO_GPU_RESP_OK_MAP_INFO:
		/* Little-endian, which the UAPI header does not mention */
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
