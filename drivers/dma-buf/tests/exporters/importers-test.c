// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter that takes a buffer away waits for importers, but not for fences that
 * user space has added.
 */
#include <linux/dma-buf-importers.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>

#include "fake-fence.h"

#define USAGE	DMA_RESV_USAGE_BOOKKEEP

struct importers_test {
	struct fake_exporter *exp;
	struct dma_buf_attachment *attach;
	struct fake_importer imp;
};

static int importers_test_init(struct kunit *test)
{
	struct importers_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	t->exp->ops.user_fences_apart = true;
	t->imp.test = test;
	return 0;
}

static void attach_importer(struct kunit *test)
{
	struct importers_test *t = test->priv;

	t->attach = dma_buf_dynamic_attach(t->exp->dmabuf,
					   fake_device(test, "importer"),
					   &fake_dynamic_ops, &t->imp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	t->imp.attach = t->attach;
}

static void detach_importer(struct importers_test *t)
{
	dma_buf_detach(t->exp->dmabuf, t->attach);
}

/* A fence of another buffer, which user space brings to this one */
static struct fake_fence *user_fence(struct kunit *test)
{
	return fake_fence(fake_sgt_exporter(test, FAKE_SIMPLE), USAGE);
}

static int import_fence(struct importers_test *t, struct dma_fence *fence)
{
	struct dma_resv *resv = t->exp->dmabuf->resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		ret = dma_buf_add_user_fences(t->exp->dmabuf, fence,
					      DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
	return ret;
}

static bool all_signaled(struct importers_test *t)
{
	return dma_resv_test_signaled(t->exp->dmabuf->resv, USAGE);
}

static void importers_of_none(struct kunit *test)
{
	struct importers_test *t = test->priv;

	fake_fence(t->exp, USAGE);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, false), 0);
	KUNIT_EXPECT_FALSE(test, all_signaled(t));
}

static void importers_fence(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *fence[2];
	bool killable;

	attach_importer(test);
	for (killable = false;; killable = true) {
		fence[0] = fake_fence(t->exp, USAGE);
		fence[1] = fake_fence(t->exp, DMA_RESV_USAGE_WRITE);
		fake_fence_signal_later(fence[0]);
		fake_fence_signal_later(fence[1]);
		KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf,
							     killable), 0);
		KUNIT_EXPECT_TRUE(test, all_signaled(t));
		if (killable)
			break;
	}
	detach_importer(t);
}

static void importers_not_users(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *user = user_fence(test);
	struct fake_fence *fence;

	attach_importer(test);
	KUNIT_EXPECT_EQ(test, import_fence(t, &user->base), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, false), 0);
	/* To all other waiters it is a fence like any other */
	KUNIT_EXPECT_FALSE(test, all_signaled(t));

	fence = fake_fence(t->exp, USAGE);
	fake_fence_signal_later(fence);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, false), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_EXPECT_FALSE(test, all_signaled(t));

	dma_fence_signal(&user->base);
	KUNIT_EXPECT_EQ(test, dma_resv_wait_timeout(t->exp->dmabuf->resv, USAGE,
						    false, 10 * HZ) > 0, true);
	detach_importer(t);
}

/* Exporting an importer's fence and importing it again hides nothing */
static void importers_fence_twice(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *fence = fake_fence(t->exp, USAGE);

	attach_importer(test);
	KUNIT_EXPECT_EQ(test, import_fence(t, &fence->base), 0);
	fake_fence_signal_later(fence);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, true), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	detach_importer(t);
}

/* Exporters without user_fences_apart get the fences as they are */
static void importers_not_asked_for(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *user = user_fence(test);
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	t->exp->ops.user_fences_apart = false;
	KUNIT_EXPECT_EQ(test, import_fence(t, &user->base), 0);
	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	dma_resv_for_each_fence(&cursor, t->exp->dmabuf->resv, USAGE, fence)
		KUNIT_EXPECT_PTR_EQ(test, fence, &user->base);
	dma_resv_unlock(t->exp->dmabuf->resv);
}

/* Each part of a fence that is made of several is marked */
static void importers_array_of_users(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *user[2] = { user_fence(test), user_fence(test) };
	struct dma_fence **fences = kmalloc_objs(*fences, 2);
	struct dma_fence_array *array;

	KUNIT_ASSERT_NOT_NULL(test, fences);
	fences[0] = dma_fence_get(&user[0]->base);
	fences[1] = dma_fence_get(&user[1]->base);
	array = dma_fence_array_create(2, fences, dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_NOT_NULL(test, array);

	attach_importer(test);
	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_resv_reserve_fences(t->exp->dmabuf->resv, 2), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_add_user_fences(t->exp->dmabuf, &array->base,
						      USAGE), 0);
	dma_resv_unlock(t->exp->dmabuf->resv);
	dma_fence_put(&array->base);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, false), 0);
	KUNIT_EXPECT_FALSE(test, all_signaled(t));
	detach_importer(t);
}

/* Out of this buffer and into it again, or into another buffer of the same kind */
static void importers_wrapped_once(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *user = user_fence(test);
	struct dma_fence *wrapped, *again;

	KUNIT_EXPECT_EQ(test, import_fence(t, &user->base), 0);
	KUNIT_ASSERT_EQ(test, dma_resv_get_singleton(t->exp->dmabuf->resv, USAGE,
						     &wrapped), 0);
	KUNIT_EXPECT_PTR_NE(test, wrapped, &user->base);
	KUNIT_EXPECT_EQ(test, import_fence(t, wrapped), 0);
	KUNIT_ASSERT_EQ(test, dma_resv_get_singleton(t->exp->dmabuf->resv, USAGE,
						     &again), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_timeout(again, false, 1), 0);

	dma_fence_set_error(&user->base, -EIO);
	dma_fence_signal(&user->base);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(again, false), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait(wrapped, false), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(wrapped), -EIO);
	dma_fence_put(again);
	dma_fence_put(wrapped);
}

static void importers_killed(struct kunit *test)
{
	struct importers_test *t = test->priv;

	attach_importer(test);
	fake_fence(t->exp, USAGE);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, true), -EINTR);
	disallow_signal(SIGKILL);
	flush_signals(current);
	detach_importer(t);
}

/* A signal that is not fatal ends neither the wait for fences nor that for the lock */
static void importers_interrupted(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct fake_fence *fence;

	attach_importer(test);
	fence = fake_fence(t->exp, USAGE);
	fake_fence_signal_later(fence);
	fake_interrupt();
	KUNIT_EXPECT_EQ(test, dma_buf_wait_importers(t->exp->dmabuf, true), 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	fake_interrupt_end();
	detach_importer(t);
}

struct holder {
	struct dma_buf *dmabuf;
	struct completion held;
	unsigned int ms;
};

static int hold_lock(void *data)
{
	struct holder *holder = data;

	dma_resv_lock(holder->dmabuf->resv, NULL);
	complete(&holder->held);
	schedule_timeout_uninterruptible(msecs_to_jiffies(holder->ms));
	dma_resv_unlock(holder->dmabuf->resv);
	return 0;
}

static struct task_struct *start_holder(struct kunit *test, struct holder *holder)
{
	struct importers_test *t = test->priv;
	struct task_struct *task;

	holder->dmabuf = t->exp->dmabuf;
	init_completion(&holder->held);
	task = kthread_create(hold_lock, holder, "hold_lock");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&holder->held);
	return task;
}

static void importers_lock(struct kunit *test)
{
	struct importers_test *t = test->priv;
	struct holder holder = { .ms = 100 };
	struct task_struct *task;

	task = start_holder(test, &holder);
	fake_interrupt();
	KUNIT_EXPECT_EQ(test, dma_buf_lock(t->exp->dmabuf, true), 0);
	dma_resv_unlock(t->exp->dmabuf->resv);
	fake_interrupt_end();
	kthread_stop_put(task);

	task = start_holder(test, &holder);
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	KUNIT_EXPECT_EQ(test, dma_buf_lock(t->exp->dmabuf, true), -EINTR);
	disallow_signal(SIGKILL);
	flush_signals(current);
	kthread_stop_put(task);

	task = start_holder(test, &holder);
	KUNIT_EXPECT_EQ(test, dma_buf_lock(t->exp->dmabuf, false), 0);
	dma_resv_unlock(t->exp->dmabuf->resv);
	kthread_stop_put(task);
}

static struct kunit_case importers_cases[] = {
	KUNIT_CASE(importers_of_none),
	KUNIT_CASE(importers_fence),
	KUNIT_CASE(importers_not_users),
	KUNIT_CASE(importers_fence_twice),
	KUNIT_CASE(importers_not_asked_for),
	KUNIT_CASE(importers_array_of_users),
	KUNIT_CASE(importers_wrapped_once),
	KUNIT_CASE(importers_killed),
	KUNIT_CASE(importers_interrupted),
	KUNIT_CASE(importers_lock),
	{}
};

static struct kunit_suite importers_suite = {
	.name = "dma_buf_importers",
	.init = importers_test_init,
	.test_cases = importers_cases,
};

kunit_test_suite(importers_suite);
