/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decides which blob has a place in the host-visible window, and which one has to
 * leave it.
 */
#ifndef VIRTGPU_WINDOW_H
#define VIRTGPU_WINDOW_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <drm/drm_mm.h>

/**
 * struct virtio_gpu_place - the place of a blob
 * @node: offset and size of the place, allocated if there is one
 * @in_use_order: in &virtio_gpu_space.blobs while there is a place
 * @scanned: for virtio_gpu_space_make_room()
 * @victim: in the list of the task that has told it to leave, which walks the list
 *	without the lock: @scanned may be in use by other tasks meanwhile
 * @waiting: in &virtio_gpu_space.waiting while the blob waits for a place
 * @pins: number of importers that rely on the place
 * @busy: the host was not asked yet, or owes an answer: neither can be undone
 * @leaving: the place will be free when the host has answered
 * @stuck: the host does not unmap it
 * @awaited: a task waits for the blob, to use it at once
 * @touched: the CPU has used it since it was mapped
 * @young_until: the blob is left alone until then, in jiffies. Otherwise two blobs
 *	that need more room than there is could take the place from each other
 *	without end, before either of them is used.
 * @used: jiffies of the last known use, for a cheap look without the lock
 * @evictions: how often the blob had to leave
 * @swept: the last round of virtio_gpu_window_zap() that has come here
 *
 * Writers of all members but @used hold &virtio_gpu_space.lock. @touched and
 * @evictions are also read without it.
 */
struct virtio_gpu_place {
	struct drm_mm_node node;
	struct list_head in_use_order;
	struct list_head scanned;
	struct list_head victim;
	struct list_head waiting;
	unsigned int pins;
	bool busy;
	bool leaving;
	bool stuck;
	bool awaited;
	bool touched;
	unsigned long young_until;
	unsigned long used;
	unsigned int evictions;
	unsigned int swept;
};

/**
 * struct virtio_gpu_claim - a part of the window that is kept free for a blob
 * @by: the blob that waits until all others have left the part, or NULL
 * @start: start of the part
 * @end: end of the part
 * @until: jiffies from which on others can ignore the claim
 */
struct virtio_gpu_claim {
	struct virtio_gpu_place *by;
	u64 start;
	u64 end;
	unsigned long until;
};

/**
 * struct virtio_gpu_space - the window
 * @lock: protects all of it and the places of all blobs. A holder looks at all places
 *	at most, and does not wait for a host or another task.
 * @mm: the allocator of the places
 * @blobs: the blobs that have a place, the one that was used longest ago first
 * @waiting: the blobs that wait for a place, the one that has waited longest first
 * @claim: the claim of the first of those. Without it a large blob would never find
 *	all of its place free at once while small blobs come and go.
 * @wait: woken when something has changed
 * @changes: number of changes
 * @sweep: held for a round of virtio_gpu_window_zap(), which takes @lock and waits for
 *	faults
 * @sweeps: number of rounds, under @sweep
 */
struct virtio_gpu_space {
	struct mutex lock; /* protects the places, see above */
	struct drm_mm *mm;
	struct list_head blobs;
	struct list_head waiting;
	struct virtio_gpu_claim claim;
	wait_queue_head_t wait;
	unsigned int changes;
	struct mutex sweep; /* one round at a time */
	unsigned int sweeps;
};

void virtio_gpu_space_init(struct virtio_gpu_space *space, struct drm_mm *mm);
void virtio_gpu_space_changed(struct virtio_gpu_space *space);
void virtio_gpu_place_init(struct virtio_gpu_place *place);
int virtio_gpu_space_insert(struct virtio_gpu_space *space,
			    struct virtio_gpu_place *place, u64 size);
void virtio_gpu_space_remove(struct virtio_gpu_space *space,
			     struct virtio_gpu_place *place);
void virtio_gpu_place_settled(struct virtio_gpu_space *space,
			      struct virtio_gpu_place *place);
void virtio_gpu_place_used(struct virtio_gpu_space *space,
			   struct virtio_gpu_place *place);
int virtio_gpu_space_make_room(struct virtio_gpu_space *space,
			       struct virtio_gpu_place *place, u64 size,
			       struct list_head *victims, long *patience);
bool virtio_gpu_space_could_fit(struct virtio_gpu_space *space, u64 size);

#endif
