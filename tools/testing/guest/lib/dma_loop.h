/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_DMA_LOOP_H
#define GUEST_DMA_LOOP_H

#include "engines.h"

/*
 * DMA without a pause, while something happens.  Every transfer stores into a
 * slot of its own, at @iova and on.
 */
#define DMA_LOOP_SLOT	256UL
#define DMA_LOOP_SLOTS	256

enum dma_loop_fate {
	UNUSED,		/* no transfer went there */
	BEFORE,		/* done before it was asked for */
	MEANWHILE,	/* begun before, done at a time unknown */
	AFTER,		/* still in the engine when it had happened */
};

struct dma_loop {
	struct engines *engines;
	u64 iova;
	u8 data[DMA_LOOP_SLOT];		/* what each transfer stores */
	enum dma_loop_fate fate[DMA_LOOP_SLOTS];
	int before, after;		/* how many there are of them */
};

/* Keep all engines busy, call @happen amid of it, keep them busy for a while. */
void dma_loop(struct dma_loop *loop, struct engines *engines, u64 iova,
	      void (*happen)(void *arg), void *arg);

/* Is the memory of the slots as their fates have it, if nothing lands after? */
bool dma_loop_stopped(const struct dma_loop *loop, const u8 *slots);

#endif
