/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fence that a buffer carries until a timer, or the end of the test, signals
 * it.
 */
#ifndef _DMA_BUF_FAKE_FENCE_H
#define _DMA_BUF_FAKE_FENCE_H

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "mapping-test.h"

/**
 * struct fake_fence - a fence
 * @base: the fence
 * @lock: its lock
 * @work: signals it
 */
struct fake_fence {
	struct dma_fence base;
	spinlock_t lock; /* the lock of @base */
	struct delayed_work work;
};

struct fake_fence *fake_fence(struct fake_exporter *exp,
			      enum dma_resv_usage usage);
void fake_fence_signal_later(struct fake_fence *fence);
void fake_interrupt(void);
void fake_interrupt_end(void);

#endif /* _DMA_BUF_FAKE_FENCE_H */
