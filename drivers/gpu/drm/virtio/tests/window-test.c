// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of which blob has a place in the host-visible window, and which has to
 * leave.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/sizes.h>

#include "virtgpu_window.h"

#define START	SZ_1G
#define LENGTH	SZ_64M
#define NR	16

struct window {
	struct drm_mm mm;
	struct virtio_gpu_space space;
	struct virtio_gpu_place places[NR];
	struct virtio_gpu_place large;
};

static struct window *new_window(struct kunit *test)
{
	struct window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	drm_mm_init(&w->mm, START, LENGTH);
	virtio_gpu_space_init(&w->space, &w->mm);
	for (i = 0; i < NR; i++)
		virtio_gpu_place_init(&w->places[i]);
	virtio_gpu_place_init(&w->large);
	mutex_lock(&w->space.lock);
	return w;
}

static void end_window(struct window *w)
{
	int i;

	for (i = 0; i < NR; i++)
		virtio_gpu_space_remove(&w->space, &w->places[i]);
	virtio_gpu_space_remove(&w->space, &w->large);
	mutex_unlock(&w->space.lock);
	drm_mm_takedown(&w->mm);
}

/* Make the blob so old that it may leave */
static void settle(struct window *w, struct virtio_gpu_place *place)
{
	virtio_gpu_place_settled(&w->space, place);
	place->young_until = jiffies;
}

/* All of the window is occupied by 16 blobs of 4 MiB, in order */
static struct window *full_window(struct kunit *test)
{
	struct window *w = new_window(test);
	int i;

	for (i = 0; i < NR; i++) {
		KUNIT_ASSERT_EQ(test, virtio_gpu_space_insert(&w->space, &w->places[i], SZ_4M), 0);
		settle(w, &w->places[i]);
	}
	KUNIT_ASSERT_EQ(test, virtio_gpu_space_insert(&w->space, &w->large, SZ_4M), -ENOSPC);
	return w;
}

/* The blobs that have to leave for this one: a mask of their numbers, or an error */
static int make_room_for(struct window *w, struct virtio_gpu_place *claimant, u64 size,
			 long *patience)
{
	struct virtio_gpu_place *place, *next;
	LIST_HEAD(victims);
	int ret, mask = 0;

	ret = virtio_gpu_space_make_room(&w->space, claimant, size, &victims, patience);
	list_for_each_entry_safe(place, next, &victims, victim) {
		mask |= 1 << (place - w->places);
		list_del_init(&place->victim);
	}
	return ret ?: mask;
}

/* The same, for a blob that does not wait for it */
static int make_room(struct window *w, u64 size, long *patience)
{
	struct virtio_gpu_place passing;
	int ret;

	virtio_gpu_place_init(&passing);
	ret = make_room_for(w, &passing, size, patience);
	virtio_gpu_space_remove(&w->space, &passing);
	return ret;
}

static void oldest_leaves(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience;

	/* 3 was used last, but 0 is older than 1, so 0 leaves, and then 1 */
	virtio_gpu_place_used(&w->space, &w->places[3]);
	w->places[3].young_until = jiffies;
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(0));
	KUNIT_EXPECT_EQ(test, w->places[0].evictions, 1);
	virtio_gpu_space_remove(&w->space, &w->places[0]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &w->large, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(1));
	end_window(w);
}

static void used_stays(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience;
	int i;

	for (i = 0; i < NR; i++) {
		if (i == 9)
			continue;
		virtio_gpu_place_used(&w->space, &w->places[i]);
		w->places[i].young_until = jiffies;
	}
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(9));
	end_window(w);
}

/* Two tasks at the same time: the second counts on the places that the first empties */
static void leaving_counts(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience = 0;

	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(0));
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), 0);
	KUNIT_EXPECT_EQ(test, patience, MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_8M, &patience), BIT(1));
	end_window(w);
}

/* The list of a task that evicts stays intact, whatever others scan meanwhile */
static void victims_stay_on_their_list(struct kunit *test)
{
	struct window *w = full_window(test);
	struct virtio_gpu_place *place, *next;
	LIST_HEAD(victims);
	long patience;
	int mask = 0;

	KUNIT_EXPECT_EQ(test, virtio_gpu_space_make_room(&w->space, &w->large, SZ_8M, &victims,
							 &patience), 0);
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_16M, &patience), BIT(2) | BIT(3) | BIT(4) | BIT(5));
	KUNIT_EXPECT_TRUE(test, virtio_gpu_space_could_fit(&w->space, LENGTH));
	list_for_each_entry_safe(place, next, &victims, victim) {
		mask |= 1 << (place - w->places);
		list_del_init(&place->victim);
	}
	KUNIT_EXPECT_EQ(test, mask, 3);
	virtio_gpu_space_remove(&w->space, &w->large);
	end_window(w);
}

static void pinned_stays(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience;

	w->places[0].pins = 1;
	w->places[2].stuck = true;
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(1));
	/* Only 3 to 15 are in one piece */
	KUNIT_EXPECT_EQ(test, make_room(w, 14 * SZ_4M, &patience), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_space_could_fit(&w->space, 14 * SZ_4M));
	KUNIT_EXPECT_TRUE(test, virtio_gpu_space_could_fit(&w->space, 13 * SZ_4M));
	end_window(w);
}

/* A blob that is new, or not mapped yet, is worth a wait */
static void young_and_busy_are_waited_for(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience = 0;
	int i;

	for (i = 0; i < NR; i++)
		w->places[i].busy = true;
	/* For the time of its claim: then another place may be better */
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), 0);
	KUNIT_EXPECT_GT(test, patience, HZ / 2);
	KUNIT_EXPECT_LE(test, patience, HZ);

	virtio_gpu_place_settled(&w->space, &w->places[5]);
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), 0);
	KUNIT_EXPECT_GT(test, patience, 0);
	KUNIT_EXPECT_LT(test, patience, HZ);
	msleep(50);
	KUNIT_EXPECT_EQ(test, make_room(w, SZ_4M, &patience), BIT(5));
	end_window(w);
}

/* Repeated use of a place does not keep it young */
static void young_once(struct kunit *test)
{
	struct window *w = full_window(test);
	unsigned long until;

	virtio_gpu_place_used(&w->space, &w->places[0]);
	until = w->places[0].young_until;
	KUNIT_EXPECT_TRUE(test, w->places[0].touched);
	KUNIT_EXPECT_TRUE(test, time_after(until, jiffies));
	msleep(50);
	virtio_gpu_place_used(&w->space, &w->places[0]);
	KUNIT_EXPECT_EQ(test, w->places[0].young_until, until);
	end_window(w);
}

/* The task that waits for a blob gets time to use it, and no more than that */
static void awaited_is_young_for_longer(struct kunit *test)
{
	struct window *w = full_window(test);

	virtio_gpu_place_settled(&w->space, &w->places[0]);
	w->places[1].awaited = true;
	virtio_gpu_place_settled(&w->space, &w->places[1]);
	KUNIT_EXPECT_TRUE(test, time_after(w->places[1].young_until,
					   w->places[0].young_until + HZ / 20));
	virtio_gpu_place_used(&w->space, &w->places[1]);
	KUNIT_EXPECT_TRUE(test, time_before(w->places[1].young_until, jiffies + HZ / 20));
	end_window(w);
}

/* 32 MiB are free, in pieces: one neighbour makes 12 MiB of two of them */
static void fewest_neighbours(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience;
	int i, mask;

	for (i = 0; i < NR; i += 2)
		virtio_gpu_space_remove(&w->space, &w->places[i]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &w->large, 3 * SZ_4M), -ENOSPC);
	mask = make_room(w, 3 * SZ_4M, &patience);
	KUNIT_EXPECT_EQ(test, hweight32(mask), 1);
	KUNIT_EXPECT_EQ(test, mask, BIT(1));
	end_window(w);
}

static void large_ones_are_aligned(struct kunit *test)
{
	struct window *w = new_window(test);

	KUNIT_ASSERT_EQ(test, virtio_gpu_space_insert(&w->space, &w->places[0], PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, virtio_gpu_space_insert(&w->space, &w->places[1], SZ_2M), 0);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(w->places[1].node.start, SZ_2M));
	/* A blob that fits only if it is not aligned gets a place */
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &w->places[2],
						      LENGTH - SZ_2M - SZ_2M), 0);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &w->places[3],
						      SZ_2M - PAGE_SIZE), 0);
	end_window(w);
}

/* Small blobs that come and go do not keep a large one out */
static void claimed_is_kept_free(struct kunit *test)
{
	struct window *w = full_window(test);
	struct virtio_gpu_place small;
	long patience = 0;

	virtio_gpu_place_init(&small);
	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, 3 * SZ_4M, &patience), 7);
	virtio_gpu_space_remove(&w->space, &w->places[1]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), -ENOSPC);
	KUNIT_EXPECT_EQ(test, make_room_for(w, &small, SZ_4M, &patience), BIT(3));
	virtio_gpu_space_remove(&w->space, &w->places[3]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, small.node.start, w->places[3].node.start);

	virtio_gpu_space_remove(&w->space, &w->places[0]);
	virtio_gpu_space_remove(&w->space, &w->places[2]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &w->large, 3 * SZ_4M), 0);
	KUNIT_EXPECT_NULL(test, w->space.claim.by);
	virtio_gpu_space_remove(&w->space, &small);
	end_window(w);
}

/* Nor does a blob that is young, or that is touched meanwhile */
static void young_is_claimed(struct kunit *test)
{
	struct window *w = full_window(test);
	struct virtio_gpu_place small;
	long patience = 0;

	virtio_gpu_place_init(&small);
	virtio_gpu_place_settled(&w->space, &w->places[4]);
	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, LENGTH, &patience), 0);
	KUNIT_EXPECT_GT(test, patience, 0);
	KUNIT_EXPECT_LE(test, patience, HZ);
	virtio_gpu_space_remove(&w->space, &w->places[9]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), -ENOSPC);
	/* It waits for its turn, and does not fail with -ENOSPC */
	KUNIT_EXPECT_EQ(test, make_room_for(w, &small, SZ_4M, &patience), 0);
	KUNIT_EXPECT_LE(test, patience, HZ);
	msleep(50);
	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, LENGTH, &patience),
			GENMASK(NR - 1, 0) & ~BIT(9));
	virtio_gpu_space_remove(&w->space, &small);
	virtio_gpu_space_remove(&w->space, &w->large);
	end_window(w);
}

/* A task that gives up, or makes no progress, loses its claim */
static void claim_ends(struct kunit *test)
{
	struct window *w = full_window(test);
	struct virtio_gpu_place small;
	unsigned int before;
	long patience = 0;

	virtio_gpu_place_init(&small);
	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, SZ_8M, &patience), 3);
	virtio_gpu_space_remove(&w->space, &w->places[0]);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), -ENOSPC);
	before = w->space.changes;
	virtio_gpu_space_remove(&w->space, &w->large);
	KUNIT_EXPECT_NE(test, w->space.changes, before);
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), 0);
	virtio_gpu_space_remove(&w->space, &small);

	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, SZ_8M, &patience), 0);
	KUNIT_EXPECT_PTR_EQ(test, w->space.claim.by, &w->large);
	w->space.claim.until = jiffies;
	KUNIT_EXPECT_EQ(test, virtio_gpu_space_insert(&w->space, &small, SZ_4M), 0);
	virtio_gpu_space_remove(&w->space, &small);
	/* Then it is the next one's turn */
	KUNIT_EXPECT_GE(test, make_room_for(w, &small, LENGTH, &patience), 0);
	KUNIT_EXPECT_PTR_EQ(test, w->space.claim.by, &small);
	virtio_gpu_space_remove(&w->space, &small);
	virtio_gpu_space_remove(&w->space, &w->large);
	end_window(w);
}

/* An importer pins a blob in the claimed part: the claim moves elsewhere */
static void claim_moves(struct kunit *test)
{
	struct window *w = full_window(test);
	long patience = 0;

	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, SZ_8M, &patience), 3);
	w->places[1].leaving = false;
	w->places[1].stuck = true;
	KUNIT_EXPECT_EQ(test, make_room_for(w, &w->large, SZ_8M, &patience), BIT(2) | BIT(3));
	virtio_gpu_space_remove(&w->space, &w->large);
	end_window(w);
}

static void changes_are_counted(struct kunit *test)
{
	struct window *w = full_window(test);
	unsigned int before = w->space.changes;

	virtio_gpu_space_remove(&w->space, &w->places[0]);
	KUNIT_EXPECT_NE(test, w->space.changes, before);
	before = w->space.changes;
	virtio_gpu_place_settled(&w->space, &w->places[1]);
	KUNIT_EXPECT_NE(test, w->space.changes, before);
	/* Removing a blob without a place changes nothing */
	before = w->space.changes;
	virtio_gpu_space_remove(&w->space, &w->places[0]);
	KUNIT_EXPECT_EQ(test, w->space.changes, before);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_space_could_fit(&w->space, SZ_4M));
	end_window(w);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(oldest_leaves),
	KUNIT_CASE(used_stays),
	KUNIT_CASE(leaving_counts),
	KUNIT_CASE(victims_stay_on_their_list),
	KUNIT_CASE(pinned_stays),
	KUNIT_CASE(young_and_busy_are_waited_for),
	KUNIT_CASE(young_once),
	KUNIT_CASE(awaited_is_young_for_longer),
	KUNIT_CASE(fewest_neighbours),
	KUNIT_CASE(large_ones_are_aligned),
	KUNIT_CASE(claimed_is_kept_free),
	KUNIT_CASE(young_is_claimed),
	KUNIT_CASE(claim_ends),
	KUNIT_CASE(claim_moves),
	KUNIT_CASE(changes_are_counted),
	{}
};

static struct kunit_suite suite = {
	.name = "virtio_gpu_window",
	.test_cases = cases,
};

kunit_test_suite(suite);
