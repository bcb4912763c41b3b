// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decides which blob has a place in the host-visible window, and which one has to
 * leave it. It does not use the device, so that KUnit can test it.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>

#include "virtgpu_window.h"

/* How long a blob is left alone after it got its place */
#define YOUTH (HZ / 100 + 1)

/* The same if a task waits for the blob, which may not get a CPU at once */
#define LONG_YOUTH (10 * YOUTH)

/* Longest time that one blob keeps others out of a part of the window */
#define CLAIM HZ

/* A blob of this size can be mapped by huge pages, if it is aligned */
#define HUGE SZ_2M

/**
 * virtio_gpu_space_init - initialize a window without blobs
 * @space: the window
 * @mm: its allocator, which is empty
 */
void virtio_gpu_space_init(struct virtio_gpu_space *space, struct drm_mm *mm)
{
	mutex_init(&space->lock);
	space->mm = mm;
	INIT_LIST_HEAD(&space->blobs);
	INIT_LIST_HEAD(&space->waiting);
	space->claim = (struct virtio_gpu_claim){};
	init_waitqueue_head(&space->wait);
	space->changes = 0;
	mutex_init(&space->sweep);
	space->sweeps = 0;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_init);

/**
 * virtio_gpu_place_init - initialize the struct of a blob without a place
 * @place: the blob's struct
 */
void virtio_gpu_place_init(struct virtio_gpu_place *place)
{
	*place = (struct virtio_gpu_place){};
	INIT_LIST_HEAD(&place->in_use_order);
	INIT_LIST_HEAD(&place->scanned);
	INIT_LIST_HEAD(&place->victim);
	INIT_LIST_HEAD(&place->waiting);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_place_init);

static u64 wanted_alignment(u64 size)
{
	return size >= HUGE ? HUGE : 0;
}

/**
 * virtio_gpu_space_changed - wake the tasks that wait for a place
 * @space: the window
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 */
void virtio_gpu_space_changed(struct virtio_gpu_space *space)
{
	WRITE_ONCE(space->changes, space->changes + 1);
	wake_up_all(&space->wait);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_changed);

/* A part of the window */
struct part {
	u64 start, end;
};

static const struct part all_of_it = { 0, U64_MAX };

/* The parts that no other blob has claimed. Returns their number. */
static int open_parts(const struct virtio_gpu_space *space,
		      const struct virtio_gpu_place *place,
		      struct part parts[2])
{
	const struct virtio_gpu_claim *claim = &space->claim;

	if (!claim->by || claim->by == place ||
	    time_after_eq(jiffies, claim->until)) {
		parts[0] = all_of_it;
		return 1;
	}
	parts[0] = (struct part){ 0, claim->start };
	parts[1] = (struct part){ claim->end, U64_MAX };
	return 2;
}

static void end_claim(struct virtio_gpu_space *space)
{
	space->claim.by = NULL;
	virtio_gpu_space_changed(space);
}

/* The blob has a place, or no longer wants one */
static void end_wait(struct virtio_gpu_space *space,
		     struct virtio_gpu_place *place)
{
	list_del_init(&place->waiting);
	if (space->claim.by == place)
		end_claim(space);
}

static int insert(struct virtio_gpu_space *space,
		  struct virtio_gpu_place *place, u64 size, u64 alignment)
{
	struct part parts[2];
	int i, n, ret = -ENOSPC;

	n = open_parts(space, place, parts);
	for (i = 0; i < n && ret == -ENOSPC; i++)
		ret = drm_mm_insert_node_in_range(space->mm, &place->node, size,
						  alignment, 0, parts[i].start,
						  parts[i].end,
						  DRM_MM_INSERT_BEST);
	return ret;
}

/**
 * virtio_gpu_space_insert - give a blob a free place
 * @space: the window
 * @place: place of the blob, which has none yet
 * @size: size of the blob
 *
 * The blob is busy then: see virtio_gpu_place_settled(). The part that another blob
 * has claimed is not free.
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 *
 * Return: 0 or -ENOSPC.
 */
int virtio_gpu_space_insert(struct virtio_gpu_space *space,
			    struct virtio_gpu_place *place, u64 size)
{
	int ret;

	lockdep_assert_held(&space->lock);

	ret = insert(space, place, size, wanted_alignment(size));
	if (ret == -ENOSPC && wanted_alignment(size))
		ret = insert(space, place, size, 0);
	if (ret)
		return ret;

	place->busy = true;
	place->leaving = false;
	place->stuck = false;
	place->awaited = false;
	WRITE_ONCE(place->touched, false);
	list_add_tail(&place->in_use_order, &space->blobs);
	end_wait(space, place);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_insert);

/**
 * virtio_gpu_space_remove - free the place of a blob
 * @space: the window
 * @place: place of the blob, which may have none
 *
 * If the blob waits for a place, this ends the wait.
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 */
void virtio_gpu_space_remove(struct virtio_gpu_space *space,
			     struct virtio_gpu_place *place)
{
	lockdep_assert_held(&space->lock);

	end_wait(space, place);
	if (!drm_mm_node_allocated(&place->node))
		return;
	drm_mm_remove_node(&place->node);
	list_del_init(&place->in_use_order);
	place->busy = false;
	place->leaving = false;
	virtio_gpu_space_changed(space);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_remove);

/**
 * virtio_gpu_place_settled - a blob has a place, and is no longer busy
 * @space: the window
 * @place: place of the blob, which was mapped, or does not have to leave after all
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 */
void virtio_gpu_place_settled(struct virtio_gpu_space *space,
			      struct virtio_gpu_place *place)
{
	lockdep_assert_held(&space->lock);

	place->busy = false;
	place->leaving = false;
	place->young_until = jiffies + (place->awaited ? LONG_YOUTH : YOUTH);
	place->awaited = false;
	WRITE_ONCE(place->used, jiffies);
	virtio_gpu_space_changed(space);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_place_settled);

/**
 * virtio_gpu_place_used - record a use of a blob's place
 * @space: the window
 * @place: place of the blob
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 */
void virtio_gpu_place_used(struct virtio_gpu_space *space,
			   struct virtio_gpu_place *place)
{
	lockdep_assert_held(&space->lock);

	if (!drm_mm_node_allocated(&place->node))
		return;
	WRITE_ONCE(place->used, jiffies);
	list_move_tail(&place->in_use_order, &space->blobs);
	/* Once: repeated use must not keep the blob in its place */
	if (!place->touched)
		place->young_until = jiffies + YOUTH;
	WRITE_ONCE(place->touched, true);
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_place_used);

static bool is_young(const struct virtio_gpu_place *place)
{
	return time_before(jiffies, place->young_until);
}

enum scan {
	WHO_CAN_LEAVE,	/* at once */
	WHO_WILL_LEAVE,	/* at once or later, without an unpin */
};

static bool is_candidate(const struct virtio_gpu_place *place, enum scan which)
{
	if (place->leaving)
		return true;
	if (place->pins || place->stuck)
		return false;
	return which == WHO_WILL_LEAVE || (!place->busy && !is_young(place));
}

/* Scan the blobs that leave anyway first, then those that were used longest ago */
static bool scan(struct virtio_gpu_space *space, struct drm_mm_scan *scan,
		 enum scan which, struct list_head *scanned)
{
	struct virtio_gpu_place *place;
	int leaving;

	for (leaving = 1; leaving >= 0; leaving--) {
		list_for_each_entry(place, &space->blobs, in_use_order) {
			if (place->leaving != leaving ||
			    !is_candidate(place, which))
				continue;
			list_add(&place->scanned, scanned);
			if (drm_mm_scan_add_block(scan, &place->node))
				return true;
		}
	}
	return false;
}

/*
 * Find blobs whose places together make one in this part that is large enough.
 * @chosen gets the blobs, and @hit the large place.
 */
static bool find(struct virtio_gpu_space *space, const struct part *part,
		 u64 size, u64 alignment, enum scan which,
		 struct list_head *chosen, struct part *hit)
{
	struct virtio_gpu_place *place, *next;
	struct drm_mm_scan state;
	LIST_HEAD(scanned);
	bool found;

	if (part->end - part->start < size)
		return false;

	drm_mm_scan_init_with_range(&state, space->mm, size, alignment, 0,
				    part->start, part->end, DRM_MM_INSERT_BEST);
	found = scan(space, &state, which, &scanned);

	/* In the opposite order, which the allocator requires */
	list_for_each_entry_safe(place, next, &scanned, scanned) {
		list_del_init(&place->scanned);
		if (drm_mm_scan_remove_block(&state, &place->node) && found)
			list_add(&place->scanned, chosen);
	}
	if (found)
		*hit = (struct part){ state.hit_start, state.hit_end };
	return found;
}

static bool find_any(struct virtio_gpu_space *space, const struct part *parts,
		     int nr, u64 size, enum scan which,
		     struct list_head *chosen, struct part *hit)
{
	u64 alignment = wanted_alignment(size);
	int i;

	for (i = 0; i < nr; i++)
		if (find(space, &parts[i], size, alignment, which, chosen, hit))
			return true;
	for (i = 0; i < nr && alignment; i++)
		if (find(space, &parts[i], size, 0, which, chosen, hit))
			return true;
	return false;
}

static void forget(struct list_head *chosen)
{
	struct virtio_gpu_place *place, *next;

	list_for_each_entry_safe(place, next, chosen, scanned)
		list_del_init(&place->scanned);
}

/* Time until the first of the young blobs may have to leave */
static long until_grown_up(struct virtio_gpu_space *space)
{
	struct virtio_gpu_place *place;
	long wait = MAX_SCHEDULE_TIMEOUT;

	list_for_each_entry(place, &space->blobs, in_use_order) {
		if (!place->busy && !place->leaving && is_young(place))
			wait = min_t(long, wait, place->young_until - jiffies);
	}
	return max(wait, 1L);
}

/* Queue the blob. One that has kept others waiting for long enough goes to the end. */
static void wait_in_line(struct virtio_gpu_space *space,
			 struct virtio_gpu_place *place)
{
	struct virtio_gpu_claim *claim = &space->claim;

	if (list_empty(&place->waiting))
		list_add_tail(&place->waiting, &space->waiting);
	if (claim->by && time_after_eq(jiffies, claim->until)) {
		list_move_tail(&claim->by->waiting, &space->waiting);
		end_claim(space);
	}
}

/* Only the first in the queue claims a part, so that each has its turn */
static void claim_part(struct virtio_gpu_space *space,
		       struct virtio_gpu_place *place, const struct part *part)
{
	if (space->claim.by || !list_is_first(&place->waiting, &space->waiting))
		return;
	space->claim = (struct virtio_gpu_claim){
		.by = place,
		.start = part->start,
		.end = part->end,
		.until = jiffies + CLAIM,
	};
}

static long until_claim_ends(const struct virtio_gpu_space *space)
{
	return space->claim.by ? max_t(long, space->claim.until - jiffies, 1) :
	       MAX_SCHEDULE_TIMEOUT;
}

/*
 * Decide within these parts. Returns 0 if there is or will be room, now or after
 * @patience, or -ENOSPC.
 */
static int choose(struct virtio_gpu_space *space, struct virtio_gpu_place *place,
		  const struct part *parts, int nr, u64 size,
		  struct list_head *chosen, long *patience)
{
	struct part hit;

	*patience = MAX_SCHEDULE_TIMEOUT;
	if (find_any(space, parts, nr, size, WHO_CAN_LEAVE, chosen, &hit)) {
		claim_part(space, place, &hit);
		return 0;
	}
	if (!find_any(space, parts, nr, size, WHO_WILL_LEAVE, chosen, &hit))
		return -ENOSPC;
	forget(chosen);
	claim_part(space, place, &hit);
	*patience = min(until_grown_up(space), until_claim_ends(space));
	return 0;
}

static int choose_anywhere(struct virtio_gpu_space *space,
			   struct virtio_gpu_place *place, u64 size,
			   struct list_head *chosen, long *patience)
{
	struct part parts[2];
	int nr;

	/* Try the part that it has claimed before, unless that has no room left */
	if (space->claim.by == place) {
		parts[0] = (struct part){ space->claim.start, space->claim.end };
		if (!choose(space, place, parts, 1, size, chosen, patience))
			return 0;
		end_claim(space);
	}

	nr = open_parts(space, place, parts);
	if (!choose(space, place, parts, nr, size, chosen, patience))
		return 0;
	*patience = until_claim_ends(space);
	return virtio_gpu_space_could_fit(space, size) ? 0 : -ENOSPC;
}

/**
 * virtio_gpu_space_make_room - decide which blobs have to leave for a new blob
 * @space: the window, in which virtio_gpu_space_insert() has found no place
 * @place: place of the new blob
 * @size: size of the new blob
 * @victims: an empty list, gets the places to be left, by &virtio_gpu_place.victim
 * @patience: set to how long the caller is to wait for a change of
 *	&virtio_gpu_space.changes, after it has told @victims to leave, before it
 *	tries again
 *
 * The blobs that were used longest ago have to leave, as few as make one place that
 * is large enough. Places that other callers have already asked to be left count as
 * well, so that of two callers that look for room at the same time the second does
 * not evict more than it has to.
 *
 * The first in the queue claims the place that it will have. No other blob gets a
 * place there until the first has it or has claimed it for a second. A caller that no
 * longer wants a place has to call virtio_gpu_space_remove().
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 *
 * Return: 0, or -ENOSPC if the blobs that can leave do not make enough room.
 */
int virtio_gpu_space_make_room(struct virtio_gpu_space *space,
			       struct virtio_gpu_place *place, u64 size,
			       struct list_head *victims, long *patience)
{
	struct virtio_gpu_place *other;
	LIST_HEAD(chosen);
	int ret;

	lockdep_assert_held(&space->lock);

	wait_in_line(space, place);
	ret = choose_anywhere(space, place, size, &chosen, patience);

	list_for_each_entry(other, &chosen, scanned) {
		if (other->leaving)
			continue;
		other->leaving = true;
		WRITE_ONCE(other->evictions, other->evictions + 1);
		list_add_tail(&other->victim, victims);
	}
	forget(&chosen);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_make_room);

/**
 * virtio_gpu_space_could_fit - would there be room if all blobs left that can?
 * @space: the window
 * @size: size of a new blob
 *
 * Context: The caller holds &virtio_gpu_space.lock.
 *
 * Return: True if so. False if importers have pinned too much of the window.
 */
bool virtio_gpu_space_could_fit(struct virtio_gpu_space *space, u64 size)
{
	struct drm_mm_node probe = {};
	LIST_HEAD(chosen);
	struct part hit;
	bool fits;

	lockdep_assert_held(&space->lock);

	/* Space that is free already counts, too */
	if (!drm_mm_insert_node(space->mm, &probe, size)) {
		drm_mm_remove_node(&probe);
		return true;
	}
	fits = find_any(space, &all_of_it, 1, size, WHO_WILL_LEAVE, &chosen,
			&hit);
	forget(&chosen);
	return fits;
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_could_fit);
