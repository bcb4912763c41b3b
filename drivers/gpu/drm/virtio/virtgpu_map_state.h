/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The states of a host blob on its way into the host-visible window.
 */
#ifndef VIRTGPU_MAP_STATE_H
#define VIRTGPU_MAP_STATE_H

#include <linux/spinlock.h>
#include <linux/types.h>

struct virtio_gpu_resp_map_info;

/**
 * enum virtio_gpu_map_phase - what is known about the place of a host blob
 * @VIRTIO_GPU_UNMAPPED: it has none: not requested yet, or the last attempt failed
 * @VIRTIO_GPU_MAPPING: the host was asked, or is about to be, and owes an answer
 * @VIRTIO_GPU_MAPPED: the host has mapped the blob
 * @VIRTIO_GPU_UNMAPPING: other blobs need its place, and the host owes an answer to
 *	the unmap. Nothing uses the place.
 */
enum virtio_gpu_map_phase {
	VIRTIO_GPU_UNMAPPED = 0,
	VIRTIO_GPU_MAPPING,
	VIRTIO_GPU_MAPPED,
	VIRTIO_GPU_UNMAPPING,
};

/**
 * struct virtio_gpu_map_state - the state machine of one host blob
 * @lock: protects all other members. Innermost: its holder takes no other lock and
 *	does not sleep. Process context only: the host's answers come from a
 *	workqueue.
 * @phase: see &enum virtio_gpu_map_phase
 * @attempts: number of attempts that were started. A waiter remembers the number of
 *	the attempt that it waits for, to tell it from the next one.
 * @error: the reason why the latest attempt to map failed, 0 if it has not
 * @cache: VIRTIO_GPU_MAP_CACHE_* that the host asked for, valid when mapped
 */
struct virtio_gpu_map_state {
	spinlock_t lock; /* protects the members below */
	enum virtio_gpu_map_phase phase;
	unsigned int attempts;
	int error;
	u32 cache;
};

void virtio_gpu_map_state_init(struct virtio_gpu_map_state *map);
bool virtio_gpu_map_state_begin(struct virtio_gpu_map_state *map,
				unsigned int *attempt);
void virtio_gpu_map_state_end(struct virtio_gpu_map_state *map, int error,
			      u32 cache);
bool virtio_gpu_map_state_settled(struct virtio_gpu_map_state *map,
				  unsigned int attempt);
int virtio_gpu_map_state_result(struct virtio_gpu_map_state *map, u32 *cache);
bool virtio_gpu_map_state_mapped(struct virtio_gpu_map_state *map);
bool virtio_gpu_map_state_leave(struct virtio_gpu_map_state *map);
void virtio_gpu_map_state_left(struct virtio_gpu_map_state *map, bool unmapped);
int virtio_gpu_map_state_error(struct virtio_gpu_map_state *map);

int virtio_gpu_map_answer(const struct virtio_gpu_resp_map_info *resp,
			  u32 *cache);
int virtio_gpu_window_fits(bool has_window, u64 window, u64 size);

#endif
