// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll() of the file shows that a buffer is gone permanently.
 */
#include <linux/completion.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/poll.h>

#include "mapping-test.h"

/* KUnit compares numbers */
static u32 bits(__poll_t events)
{
	return (__force u32)events;
}

/* A task that sleeps in poll() */
struct poller {
	struct poll_table_struct table;
	struct wait_queue_entry entry;
	wait_queue_head_t *queue;
	__poll_t events;
};

static int poller_wake(struct wait_queue_entry *entry, unsigned int mode,
		       int sync, void *key)
{
	struct poller *poller = container_of(entry, struct poller, entry);

	poller->events |= key_to_poll(key);
	return 1;
}

static void poller_queue(struct file *file, wait_queue_head_t *queue,
			 struct poll_table_struct *table)
{
	struct poller *poller = container_of(table, struct poller, table);

	poller->queue = queue;
	init_waitqueue_func_entry(&poller->entry, poller_wake);
	add_wait_queue(queue, &poller->entry);
}

/* Starts a poll() for @events that finds none; returns the result */
static __poll_t poller_start(struct poller *poller, struct file *file,
			     __poll_t events)
{
	poller->queue = NULL;
	poller->events = 0;
	init_poll_funcptr(&poller->table, poller_queue);
	poller->table._key = events;
	return vfs_poll(file, &poller->table);
}

static void poller_end(struct poller *poller)
{
	if (poller->queue)
		remove_wait_queue(poller->queue, &poller->entry);
}

static void hangup_poll_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct poller poller;
	struct file *file;

	fake_export(exp, FAKE_SIZE);
	file = exp->dmabuf->file;
	KUNIT_EXPECT_EQ(test, bits(vfs_poll(file, NULL) & EPOLLHUP), 0);
	KUNIT_EXPECT_EQ(test, bits(poller_start(&poller, file, EPOLLHUP)), 0);
	KUNIT_ASSERT_NOT_NULL(test, poller.queue);

	dma_buf_hang_up(exp->dmabuf);
	KUNIT_EXPECT_EQ(test, bits(poller.events), bits(EPOLLHUP));
	poller_end(&poller);
	KUNIT_EXPECT_EQ(test, bits(poller_start(&poller, file, EPOLLHUP)),
			bits(EPOLLHUP));
	poller_end(&poller);

	/* Together with the events of fences */
	KUNIT_EXPECT_EQ(test, bits(vfs_poll(file, NULL)),
			bits(EPOLLIN | EPOLLOUT | EPOLLHUP));
	dma_buf_hang_up(exp->dmabuf);
	KUNIT_EXPECT_EQ(test, bits(vfs_poll(file, NULL) & EPOLLHUP),
			bits(EPOLLHUP));
	/* A worker does the last fput() of a kernel thread */
	flush_delayed_fput();
}

/* A poller that asks for nothing else does not wait for the reservation lock */
static void hangup_lock_held_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct poller poller;

	fake_export(exp, FAKE_SIZE);
	dma_resv_lock(exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, bits(poller_start(&poller, exp->dmabuf->file, 0)),
			0);
	poller_end(&poller);
	dma_buf_hang_up(exp->dmabuf);
	KUNIT_EXPECT_EQ(test, bits(poller_start(&poller, exp->dmabuf->file, 0)),
			bits(EPOLLHUP));
	poller_end(&poller);
	dma_resv_unlock(exp->dmabuf->resv);
}

static struct kunit_case hangup_tests[] = {
	KUNIT_CASE(hangup_poll_test),
	KUNIT_CASE(hangup_lock_held_test),
	{}
};

static struct kunit_suite hangup_suite = {
	.name = "dma_buf_hangup",
	.init = fake_test_init,
	.test_cases = hangup_tests,
};

kunit_test_suite(hangup_suite);
