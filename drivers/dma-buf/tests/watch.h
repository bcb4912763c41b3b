/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Accounts of what the task of a test takes from the allocator and from the DMA API,
 * and has not given back yet.
 */
#ifndef _DMA_BUF_WATCH_H
#define _DMA_BUF_WATCH_H

#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

#include <kunit/test.h>

#define WATCH_MAX	256

/**
 * struct watched - one allocation or mapping
 * @key: its address
 * @size: its size, 0 if the event of giving back has none
 * @attrs: attributes of a DMA mapping
 */
struct watched {
	u64 key;
	size_t size;
	unsigned long attrs;
};

/**
 * struct watch - what a task has taken since watch_start()
 * @test: the test
 * @task: the task
 * @take: tracepoint of taking
 * @give: tracepoint of giving back
 * @take_probe: the probe on @take
 * @give_probe: the probe on @give
 * @taken: number of all allocations or mappings
 * @nr: number of @live
 * @strange: number of DMA mappings that were given back and not taken before, or with
 *	other arguments, and of entries that @live had no room for
 * @live: what was not given back
 */
struct watch {
	struct kunit *test;
	struct task_struct *task;
	struct tracepoint *take;
	struct tracepoint *give;
	void *take_probe;
	void *give_probe;
	unsigned int taken;
	unsigned int nr;
	unsigned int strange;
	struct watched live[WATCH_MAX];
};

struct watch *watch_memory(struct kunit *test);
struct watch *watch_dma(struct kunit *test);
void watch_end(struct watch *watch);

#endif /* _DMA_BUF_WATCH_H */
