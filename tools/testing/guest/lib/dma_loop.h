/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_DMA_LOOP_H
#define GUEST_DMA_LOOP_H

#include "engines.h"

/*
 * DMA without a pause, while something happens. Every transfer stores into a
 * slot of its own, from @iova on.
 */
#define DMA_LOOP_SLOT	256UL
#define DMA_LOOP_SLOTS	256

enum dma_loop_fate {
	UNUSED,		/* no transfer used it */
	BEFORE,		/* done before the event */
	MEANWHILE,	/* begun before the event, done at an unknown time */
	AFTER,		/* still in the engine after the event */
};

struct dma_loop {
	struct engines *engines;
	u64 iova;
	u8 data[DMA_LOOP_SLOT];		/* the data of each transfer */
	enum dma_loop_fate fate[DMA_LOOP_SLOTS];
	int before, after;		/* the numbers of those */
};

/* Keep all engines busy, call @happen, keep them busy for a while. */
void dma_loop(struct dma_loop *loop, struct engines *engines, u64 iova,
	      void (*happen)(void *arg), void *arg);

/* Does the memory of the slots fit their states, if none lands later? */
bool dma_loop_stopped(const struct dma_loop *loop, const u8 *slots);

#endif
