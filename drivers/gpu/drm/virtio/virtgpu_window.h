/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has a place in the host-visible window, and who has to leave it.
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
 * @node: where it is, allocated if there is one
 * @in_use_order: in &virtio_gpu_space.blobs while there is a place
 * @scanned: for virtio_gpu_space_make_room()
 * @victim: in the list of whoever has told it to leave, who goes through that
 *	without the lock: others may put a place that is left on a list of @scanned
 * @waiting: in &virtio_gpu_space.waiting while it looks for a place
 * @pins: importers who rely on the place
 * @busy: the host was not asked yet, or owes an answer: neither can be undone
 * @leaving: the place will be free when the host has answered
 * @stuck: the host does not unmap it
 * @awaited: somebody waits for it, to use it at once
 * @touched: the CPU has used it since it was mapped
 * @young_until: jiffies, until which it is left alone. Without that, two who
 *	need more than there is room for could take the place from each other
 *	for ever, before any of them has used it.
 * @used: jiffies of the last use that is known, for a cheap look without the lock
 * @evictions: how often it had to leave
 *
 * All but @used are written under &virtio_gpu_space.lock. @touched and @evictions
 * are also read without it.
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
};

/**
 * struct virtio_gpu_claim - a part of the window that is kept free for a blob
 * @by: who waits until all others have left it, NULL if nobody does
 * @start: where it begins
 * @end: where it ends
 * @until: jiffies, when others do not have to respect it any more
 */
struct virtio_gpu_claim {
	struct virtio_gpu_place *by;
	u64 start;
	u64 end;
	unsigned long until;
};

/**
 * struct virtio_gpu_space - the window
 * @lock: protects all of it and the places of all blobs. Held for as long as it
 *	takes to look at all of them, never while somebody is waited for.
 * @mm: the places
 * @blobs: those who have one, the one that was used longest ago first
 * @waiting: those who look for one, the one that has waited longest first
 * @claim: of the first of those. Without it a large blob would never find all
 *	of its place free at once while small ones come and go.
 * @wait: woken when something has changed
 * @changes: counts that
 */
struct virtio_gpu_space {
	struct mutex lock; /* protects the places, see above */
	struct drm_mm *mm;
	struct list_head blobs;
	struct list_head waiting;
	struct virtio_gpu_claim claim;
	wait_queue_head_t wait;
	unsigned int changes;
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
