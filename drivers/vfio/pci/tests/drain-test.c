// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a device is asked to drain: files that are closed at the same time, in any
 * order, and files that are opened meanwhile.
 */
#include <linux/mutex.h>
#include <linux/vfio.h>

#include <kunit/test-bug.h>
#include <kunit/test.h>

#include "vfio.h"

#define FILES	3

struct drain_test {
	struct vfio_device_set set;
	struct vfio_device device;
	struct vfio_device_file file[FILES];
	bool drained;
	unsigned int calls;
};

static void fake_drain(struct vfio_device *device, bool begin)
{
	struct drain_test *t = container_of(device, struct drain_test, device);
	struct kunit *test = kunit_get_current_test();

	/* The drain, which takes long, runs without the lock */
	KUNIT_EXPECT_EQ(test, mutex_is_locked(&t->set.lock), !begin);
	if (!begin)
		KUNIT_EXPECT_TRUE(test, t->drained);
	t->drained = begin;
	t->calls++;
}

static int drain_test_init(struct kunit *test)
{
	struct drain_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	mutex_init(&t->set.lock);
	t->device.dev_set = &t->set;
	t->device.drain = fake_drain;
	for (i = 0; i < FILES; i++)
		t->file[i].device = &t->device;
	return 0;
}

static void open_file(struct drain_test *t, size_t i)
{
	t->file[i] = (struct vfio_device_file){
		.device = &t->device,
		.access_granted = true,
	};
	t->device.open_count++;
}

static void begin(struct drain_test *t, size_t i)
{
	vfio_df_drain_begin(&t->file[i]);
}

/* Like vfio_df_close() */
static void close_file(struct drain_test *t, size_t i)
{
	guard(mutex)(&t->set.lock);

	t->device.open_count--;
	vfio_df_drain_closed(&t->file[i]);
}

/* The close, and the steps after it */
static void end(struct drain_test *t, size_t i)
{
	close_file(t, i);
	vfio_df_drain_end(&t->file[i]);
}

static void expect_closed(struct kunit *test)
{
	struct drain_test *t = test->priv;

	KUNIT_EXPECT_TRUE(test, t->drained);
	KUNIT_EXPECT_EQ(test, t->device.open_count, 0);
	KUNIT_EXPECT_EQ(test, t->device.nr_closing, 0);
	KUNIT_EXPECT_FALSE(test, t->device.drained);
}

static void drain_one(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	begin(t, 0);
	KUNIT_EXPECT_TRUE(test, t->drained);
	end(t, 0);
	expect_closed(test);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

static void drain_not_the_last(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	open_file(t, 1);
	begin(t, 0);
	end(t, 0);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	begin(t, 1);
	end(t, 1);
	expect_closed(test);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

/* Both are closed at once; the file that has drained is the first to end, or not */
static void drain_two(struct kunit *test)
{
	struct drain_test *t = test->priv;
	size_t first;

	for (first = 0; first < 2; first++) {
		t->drained = false;
		t->calls = 0;
		open_file(t, 0);
		open_file(t, 1);
		begin(t, 0);
		KUNIT_EXPECT_FALSE(test, t->drained);
		begin(t, 1);
		KUNIT_EXPECT_TRUE(test, t->drained);
		end(t, first);
		KUNIT_EXPECT_TRUE(test, t->drained);
		end(t, !first);
		expect_closed(test);
		KUNIT_EXPECT_EQ(test, t->calls, 1);
	}
}

static void drain_opened_meanwhile(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	begin(t, 0);
	open_file(t, 1);
	end(t, 0);
	KUNIT_EXPECT_FALSE(test, t->drained);
	KUNIT_EXPECT_EQ(test, t->calls, 2);

	begin(t, 1);
	end(t, 1);
	expect_closed(test);
	KUNIT_EXPECT_EQ(test, t->calls, 3);
}

/* Opened after the file that has drained has ended, while another one has not */
static void drain_opened_late(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	open_file(t, 1);
	begin(t, 0);
	begin(t, 1);
	end(t, 1);
	open_file(t, 2);
	KUNIT_EXPECT_TRUE(test, t->drained);
	end(t, 0);
	KUNIT_EXPECT_FALSE(test, t->drained);

	begin(t, 2);
	end(t, 2);
	expect_closed(test);
}

/* The task that ends a drain holds a lock, and must not wait for one that drains */
static void drain_end_while_draining(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	begin(t, 0);
	open_file(t, 1);
	begin(t, 1);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	open_file(t, 2);
	end(t, 0);
	KUNIT_EXPECT_TRUE(test, t->drained);
	KUNIT_EXPECT_EQ(test, t->calls, 2);
	end(t, 1);
	KUNIT_EXPECT_FALSE(test, t->drained);
	KUNIT_EXPECT_EQ(test, t->device.nr_draining, 0);

	begin(t, 2);
	end(t, 2);
	expect_closed(test);
}

/* One file is closed, but its drain has not ended, when another close begins */
static void drain_between_close_and_end(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	open_file(t, 1);
	open_file(t, 2);
	begin(t, 0);
	close_file(t, 0);

	/* The third file is open and stays open */
	begin(t, 1);
	KUNIT_EXPECT_FALSE(test, t->drained);
	KUNIT_EXPECT_EQ(test, t->device.nr_closing, 1);
	vfio_df_drain_end(&t->file[0]);
	end(t, 1);
	KUNIT_EXPECT_EQ(test, t->calls, 0);

	begin(t, 2);
	KUNIT_EXPECT_TRUE(test, t->drained);
	end(t, 2);
	expect_closed(test);
	KUNIT_EXPECT_EQ(test, t->calls, 1);
}

/* The last close to begin drains, at whatever step the others are */
static void drain_by_the_last_to_begin(struct kunit *test)
{
	struct drain_test *t = test->priv;
	size_t far;

	for (far = 0; far < 3; far++) {
		t->drained = false;
		t->calls = 0;
		open_file(t, 0);
		open_file(t, 1);
		begin(t, 0);
		if (far > 0)
			close_file(t, 0);
		if (far > 1)
			vfio_df_drain_end(&t->file[0]);
		begin(t, 1);
		KUNIT_EXPECT_TRUE(test, t->drained);
		if (far == 0)
			close_file(t, 0);
		if (far <= 1)
			vfio_df_drain_end(&t->file[0]);
		KUNIT_EXPECT_TRUE(test, t->drained);
		end(t, 1);
		expect_closed(test);
		KUNIT_EXPECT_EQ(test, t->calls, 1);
	}
}

/* Files that never got access are not open, and do not close the device */
static void drain_without_access(struct kunit *test)
{
	struct drain_test *t = test->priv;

	open_file(t, 0);
	begin(t, 1);
	vfio_df_drain_end(&t->file[1]);
	KUNIT_EXPECT_EQ(test, t->calls, 0);
	begin(t, 0);
	end(t, 0);
	expect_closed(test);
}

static struct kunit_case drain_cases[] = {
	KUNIT_CASE(drain_one),
	KUNIT_CASE(drain_not_the_last),
	KUNIT_CASE(drain_two),
	KUNIT_CASE(drain_opened_meanwhile),
	KUNIT_CASE(drain_opened_late),
	KUNIT_CASE(drain_end_while_draining),
	KUNIT_CASE(drain_between_close_and_end),
	KUNIT_CASE(drain_by_the_last_to_begin),
	KUNIT_CASE(drain_without_access),
	{}
};

static struct kunit_suite drain_suite = {
	.name = "dma_buf_vfio_drain",
	.init = drain_test_init,
	.test_cases = drain_cases,
};

kunit_test_suite(drain_suite);

MODULE_DESCRIPTION("KUnit tests of what precedes the last close of a vfio device");
MODULE_LICENSE("GPL");
