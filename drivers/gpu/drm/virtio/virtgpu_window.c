// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has a place in the host-visible window, and who has to leave it. Knows no
 * device, so that KUnit can test it.
 */
#include <kunit/visibility.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>

#include "virtgpu_window.h"

/* A blob that got its place is left alone for so long */
#define YOUTH (HZ / 100 + 1)

/* And for so long if somebody waits for it, who may not have a CPU at once */
#define LONG_YOUTH (10 * YOUTH)

/* Longest time that one blob keeps others out of a part of the window */
#define CLAIM HZ

/* What is as large can be mapped by huge pages, if it lies right */
#define HUGE SZ_2M

/**
 * virtio_gpu_space_init - nobody has a place
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
}
EXPORT_SYMBOL_IF_KUNIT(virtio_gpu_space_init);

/**
 * virtio_gpu_place_init - a blob without a place
 * @place: of the blob
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
 * virtio_gpu_space_changed - who waits for a place may find one now
 * @space: the window
 *
 * Context: &virtio_gpu_space.lock is held.
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

/* The parts that no other blob has claimed. Returns how many. */
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

/* It has a place, or does not want one any more */
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
 * virtio_gpu_space_insert - give a blob a place that is free
 * @space: the window
 * @place: of the blob, which has none
 * @size: of the blob
 *
 * The blob is busy then: see virtio_gpu_place_settled(). What another blob has
 * claimed is not free.
 *
 * Context: &virtio_gpu_space.lock is held.
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
 * virtio_gpu_space_remove - the place of a blob is free
 * @space: the window
 * @place: of the blob, which may have none
 *
 * One that has looked for a place in vain does so no more.
 *
 * Context: &virtio_gpu_space.lock is held.
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
 * virtio_gpu_place_settled - a blob has a place and nobody works on that
 * @space: the window
 * @place: of the blob, which was mapped, or does not have to leave after all
 *
 * Context: &virtio_gpu_space.lock is held.
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
 * virtio_gpu_place_used - somebody uses the place of a blob
 * @space: the window
 * @place: of the blob
 *
 * Context: &virtio_gpu_space.lock is held.
 */
void virtio_gpu_place_used(struct virtio_gpu_space *space,
			   struct virtio_gpu_place *place)
{
	lockdep_assert_held(&space->lock);

	if (!drm_mm_node_allocated(&place->node))
		return;
	WRITE_ONCE(place->used, jiffies);
	list_move_tail(&place->in_use_order, &space->blobs);
	/* Once: who uses it over and over does not keep it by that */
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
	WHO_CAN_LEAVE,	/* now */
	WHO_WILL_LEAVE,	/* without that somebody lets go of it */
};

static bool is_candidate(const struct virtio_gpu_place *place, enum scan which)
{
	if (place->leaving)
		return true;
	if (place->pins || place->stuck)
		return false;
	return which == WHO_WILL_LEAVE || (!place->busy && !is_young(place));
}

/* Those who leave anyway come first, then the one that was used longest ago */
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
 * Whose places together make one in this part that is large enough, if there are
 * such. @chosen gets them, and @hit where the large one would be.
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

	/* In the opposite order, as the allocator wants it */
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

/* Until the first of the young ones is not young any more */
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

/* Wait in line. Who has kept others waiting for long enough goes to its end. */
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

/* Only the first in the line, so that each has its turn */
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
 * Decide in these parts. Returns 0 if it can be done, now or after @patience, or
 * -ENOSPC.
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

	/* What it has claimed before, as long as nobody has come to stay there */
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
 * virtio_gpu_space_make_room - decide who has to leave for a new blob
 * @space: the window, in which virtio_gpu_space_insert() has found no place
 * @place: of the new blob
 * @size: of the new blob
 * @victims: an empty list, gets the places that have to be left, by
 *	&virtio_gpu_place.victim
 * @patience: set to how long the caller is to wait for a change of
 *	&virtio_gpu_space.changes, when @victims were told to leave, before it
 *	tries again
 *
 * The blobs that were used longest ago have to leave, as few as make one place
 * that is large enough. Places that others have to leave already are counted in,
 * so that of two who look for room at the same time the second does not drive
 * out more than it has to.
 *
 * The first of those who wait claims the place that will be its, and nobody else
 * comes there until it has it or has claimed it for a second. Who wants no place
 * any more has to say so: virtio_gpu_space_remove().
 *
 * Context: &virtio_gpu_space.lock is held.
 *
 * Return: 0, or -ENOSPC if who could leave does not make enough room.
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
 * virtio_gpu_space_could_fit - would there be room if all left who do not have to stay?
 * @space: the window
 * @size: of a new blob
 *
 * Context: &virtio_gpu_space.lock is held.
 *
 * Return: True if so. False: importers hold what it would need.
 */
bool virtio_gpu_space_could_fit(struct virtio_gpu_space *space, u64 size)
{
	struct drm_mm_node probe = {};
	LIST_HEAD(chosen);
	struct part hit;
	bool fits;

	lockdep_assert_held(&space->lock);

	/* What is free already counts, too */
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
