// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the states of a host blob, of what the host may answer, and of
 * what fits into the window.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/virtio_gpu.h>

#include "virtgpu_map_state.h"

static struct virtio_gpu_map_state *new_state(struct kunit *test)
{
	struct virtio_gpu_map_state *map =
		kunit_kzalloc(test, sizeof(*map), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, map);
	virtio_gpu_map_state_init(map);
	return map;
}

static void begins_once(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int first, second;

	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_begin(map, &first));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_begin(map, &second));
	KUNIT_EXPECT_EQ(test, first, second);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_settled(map, first));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_mapped(map));
}

static void stays_mapped(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int attempt;
	u32 cache = 0;

	virtio_gpu_map_state_begin(map, &attempt);
	virtio_gpu_map_state_end(map, 0, VIRTIO_GPU_MAP_CACHE_WC);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_settled(map, attempt));
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_mapped(map));

	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_begin(map, &attempt));
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_settled(map, attempt));
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache), 0);
	KUNIT_EXPECT_EQ(test, cache, VIRTIO_GPU_MAP_CACHE_WC);
}

static void tries_again(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int first, second;
	u32 cache = 7;

	virtio_gpu_map_state_begin(map, &first);
	virtio_gpu_map_state_end(map, -ENOSPC, 0);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_settled(map, first));
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, cache, 7);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_mapped(map));

	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_begin(map, &second));
	KUNIT_EXPECT_NE(test, first, second);
	virtio_gpu_map_state_end(map, 0, VIRTIO_GPU_MAP_CACHE_CACHED);
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache), 0);
	KUNIT_EXPECT_EQ(test, cache, VIRTIO_GPU_MAP_CACHE_CACHED);
}

/* A task that waits for an attempt does not have to wait for the next one as well. */
static void next_attempt_is_another(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int first, second;
	u32 cache;

	virtio_gpu_map_state_begin(map, &first);
	virtio_gpu_map_state_end(map, -EINVAL, 0);
	virtio_gpu_map_state_begin(map, &second);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_settled(map, first));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_settled(map, second));
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache),
			-EINVAL);
}

/* A blob that was never requested must not look like a success. */
static void never_asked_is_no_success(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	u32 cache;

	KUNIT_EXPECT_LT(test, virtio_gpu_map_state_result(map, &cache), 0);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_mapped(map));
}

struct race {
	struct virtio_gpu_map_state *map;
	atomic_t started, failed;
};

/* Map it, as many threads do at once: one begins, all see one result */
static int racer(void *data)
{
	struct race *race = data;
	unsigned int attempt;
	u32 cache = 0;

	if (virtio_gpu_map_state_begin(race->map, &attempt)) {
		atomic_inc(&race->started);
		schedule();
		virtio_gpu_map_state_end(race->map, 0, VIRTIO_GPU_MAP_CACHE_WC);
	}
	while (!virtio_gpu_map_state_settled(race->map, attempt))
		cond_resched();
	if (virtio_gpu_map_state_result(race->map, &cache) ||
	    cache != VIRTIO_GPU_MAP_CACHE_WC)
		atomic_inc(&race->failed);

	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static void one_of_many_begins(struct kunit *test)
{
	struct task_struct *threads[4] = {};
	struct race race = { .map = new_state(test) };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_run(racer, &race, "map-state-%zu", i);
		if (IS_ERR(threads[i])) {
			KUNIT_FAIL(test, "no thread");
			threads[i] = NULL;
		}
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (threads[i])
			kthread_stop(threads[i]);

	KUNIT_EXPECT_EQ(test, atomic_read(&race.started), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&race.failed), 0);
}

/* Other blobs need the place: it can be mapped again when the host has answered */
static void leaves_and_comes_back(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int attempt, again;
	u32 cache;

	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_leave(map));
	virtio_gpu_map_state_begin(map, &attempt);
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_leave(map));
	virtio_gpu_map_state_end(map, 0, VIRTIO_GPU_MAP_CACHE_WC);

	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_leave(map));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_leave(map));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_mapped(map));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_begin(map, &attempt));
	KUNIT_EXPECT_FALSE(test, virtio_gpu_map_state_settled(map, attempt));

	virtio_gpu_map_state_left(map, true);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_settled(map, attempt));
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache), -EAGAIN);
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_error(map), 0);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_begin(map, &again));
	KUNIT_EXPECT_NE(test, again, attempt);
	virtio_gpu_map_state_end(map, 0, VIRTIO_GPU_MAP_CACHE_WC);
}

/* The host does not unmap the blob, which stays where it is */
static void does_not_leave(struct kunit *test)
{
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int attempt;
	u32 cache = 0;

	virtio_gpu_map_state_begin(map, &attempt);
	virtio_gpu_map_state_end(map, 0, VIRTIO_GPU_MAP_CACHE_CACHED);
	KUNIT_EXPECT_TRUE(test, virtio_gpu_map_state_leave(map));
	virtio_gpu_map_state_left(map, false);
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_result(map, &cache), 0);
	KUNIT_EXPECT_EQ(test, cache, VIRTIO_GPU_MAP_CACHE_CACHED);
}

/* A task that gave up, or did not want to wait, does not cause a SIGBUS */
static void giving_up_is_no_error(struct kunit *test)
{
	static const struct {
		int end, error;
	} all[] = {
		{ -ERESTARTSYS, 0 }, { -EAGAIN, 0 }, { -EINVAL, -EINVAL },
		{ -ENOSPC, -ENOSPC }, { -ENODEV, -ENODEV },
	};
	struct virtio_gpu_map_state *map = new_state(test);
	unsigned int attempt;
	size_t i;

	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_error(map), 0);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		virtio_gpu_map_state_begin(map, &attempt);
		virtio_gpu_map_state_end(map, all[i].end, 0);
		KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_error(map), all[i].error);
	}
	virtio_gpu_map_state_begin(map, &attempt);
	virtio_gpu_map_state_end(map, 0, 0);
	KUNIT_EXPECT_EQ(test, virtio_gpu_map_state_error(map), 0);
}

static int answer(u32 type, u32 info, u32 *cache)
{
	struct virtio_gpu_resp_map_info resp = {
		.hdr.type = cpu_to_le32(type),
		.map_info = (__force u32)cpu_to_le32(info),
	};

	return virtio_gpu_map_answer(&resp, cache);
}

static void answers(struct kunit *test)
{
	u32 cache = 7;

	KUNIT_EXPECT_EQ(test, answer(VIRTIO_GPU_RESP_ERR_UNSPEC, 0, &cache),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, answer(VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, 0,
				     &cache), -ENOMEM);
	/* An answer to another command, and no answer at all */
	KUNIT_EXPECT_EQ(test, answer(VIRTIO_GPU_RESP_OK_NODATA, 1, &cache),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, answer(0, 1, &cache), -EINVAL);
	KUNIT_EXPECT_EQ(test, cache, 7);

	KUNIT_EXPECT_EQ(test, answer(VIRTIO_GPU_RESP_OK_MAP_INFO,
				     VIRTIO_GPU_MAP_CACHE_WC, &cache), 0);
	KUNIT_EXPECT_EQ(test, cache, VIRTIO_GPU_MAP_CACHE_WC);
	/* Bits above the cache type mean something else */
	KUNIT_EXPECT_EQ(test, answer(VIRTIO_GPU_RESP_OK_MAP_INFO,
				     0xfffffff0 | VIRTIO_GPU_MAP_CACHE_UNCACHED,
				     &cache), 0);
	KUNIT_EXPECT_EQ(test, cache, VIRTIO_GPU_MAP_CACHE_UNCACHED);
}

static void fits(struct kunit *test)
{
	const u64 window = SZ_64M;

	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(true, window, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(true, window, window), 0);
	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(true, window,
						     window + PAGE_SIZE),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(true, window, U64_MAX),
			-ENOSPC);
	/* The size of a blob of U64_MAX bytes after rounding up to pages */
	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(true, window, 0), -ENOSPC);
	KUNIT_EXPECT_EQ(test, virtio_gpu_window_fits(false, 0, PAGE_SIZE),
			-EINVAL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(begins_once),
	KUNIT_CASE(stays_mapped),
	KUNIT_CASE(tries_again),
	KUNIT_CASE(next_attempt_is_another),
	KUNIT_CASE(never_asked_is_no_success),
	KUNIT_CASE(one_of_many_begins),
	KUNIT_CASE(leaves_and_comes_back),
	KUNIT_CASE(does_not_leave),
	KUNIT_CASE(giving_up_is_no_error),
	KUNIT_CASE(answers),
	KUNIT_CASE(fits),
	{}
};

static struct kunit_suite suite = {
	.name = "virtio_gpu_map_state",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("KUnit tests of the mapping of host blobs");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
