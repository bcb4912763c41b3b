// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fences and signals for the dma-buf mapping KUnit suites.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "fake-fence.h"

#define FAKE_FENCE_MS	30

static const char *fake_fence_name(struct dma_fence *fence)
{
	return "fake";
}

static const struct dma_fence_ops fake_fence_ops = {
	.get_driver_name = fake_fence_name,
	.get_timeline_name = fake_fence_name,
};

static void signal_work(struct work_struct *work)
{
	struct fake_fence *fence =
		container_of(work, struct fake_fence, work.work);

	dma_fence_signal(&fence->base);
}

static void end_fence(void *data)
{
	struct fake_fence *fence = data;

	cancel_delayed_work_sync(&fence->work);
	if (!dma_fence_is_signaled(&fence->base))
		dma_fence_signal(&fence->base);
	dma_fence_put(&fence->base);
}

/**
 * fake_fence - add a fence to the buffer that stays unsignaled
 * @exp: the exporter
 * @usage: usage of the fence
 *
 * Return: The fence. The end of the test signals it.
 */
struct fake_fence *fake_fence(struct fake_exporter *exp,
			      enum dma_resv_usage usage)
{
	struct dma_resv *resv = exp->dmabuf->resv;
	struct fake_fence *fence;
	int ret;

	/* The last put frees it, with kfree_rcu() */
	fence = kzalloc_obj(*fence);
	KUNIT_ASSERT_NOT_NULL(exp->test, fence);
	spin_lock_init(&fence->lock);
	INIT_DELAYED_WORK(&fence->work, signal_work);
	dma_fence_init(&fence->base, &fake_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(exp->test,
			kunit_add_action_or_reset(exp->test, end_fence, fence),
			0);

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, &fence->base, usage);
	dma_resv_unlock(resv);
	KUNIT_ASSERT_EQ(exp->test, ret, 0);
	return fence;
}

/**
 * fake_fence_signal_later - signal the fence after a short time
 * @fence: the fence
 */
void fake_fence_signal_later(struct fake_fence *fence)
{
	schedule_delayed_work(&fence->work, msecs_to_jiffies(FAKE_FENCE_MS));
}

/**
 * fake_interrupt - let a signal be pending for the task of the test
 */
void fake_interrupt(void)
{
	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
}

/**
 * fake_interrupt_end - undo fake_interrupt()
 */
void fake_interrupt_end(void)
{
	flush_signals(current);
	disallow_signal(SIGUSR1);
}
