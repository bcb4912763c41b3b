// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "dma_loop.h"
#include "mem.h"

struct happening {
	void (*happen)(void *arg);
	void *arg;
	atomic_bool over;
};

static void *run(void *arg)
{
	struct happening *h = arg;

	h->happen(h->arg);
	atomic_store(&h->over, true);
	return NULL;
}

/*
 * QEMU before 8.2 may misdirect a CPU's register access while another CPU
 * changes the memory map, as a revoke does. So all of this is on one CPU.
 */
static void use_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	VFIO_ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* Slots are taken in an order that jumps from range to range. */
static int take_slot(int used)
{
	VFIO_ASSERT_LT(used, DMA_LOOP_SLOTS);
	return used * 37 % DMA_LOOP_SLOTS;
}

void dma_loop(struct dma_loop *loop, struct engines *engines, u64 iova,
	      void (*happen)(void *arg), void *arg)
{
	struct happening h = { .happen = happen, .arg = arg };
	int enough = 2 * engines->nr, used = 0, i;
	int slot_of[ENGINES_MAX];
	bool asked = false;
	pthread_t thread;

	memset(loop, 0, sizeof(*loop));
	loop->engines = engines;
	loop->iova = iova;
	memset(loop->data, 0x5a, sizeof(loop->data));

	use_one_cpu();
	for (i = 0; i < engines->nr; i++) {
		engine_fill(engines, i, loop->data, DMA_LOOP_SLOT);
		slot_of[i] = take_slot(used++);
		edu_store(&engines->edu[i], iova + slot_of[i] * DMA_LOOP_SLOT,
			  DMA_LOOP_SLOT);
	}

	for (i = 0; loop->after < enough; i = (i + 1) % engines->nr) {
		enum dma_loop_fate *fate = &loop->fate[slot_of[i]];
		/* Read first: an engine that is busy now outlasted it */
		bool over = atomic_load(&h.over);

		if (edu_busy(&engines->edu[i])) {
			if (over && *fate != AFTER) {
				*fate = AFTER;
				loop->after++;
			}
			usleep(1000);
			continue;
		}

		if (!asked) {
			*fate = BEFORE;
			loop->before++;
		} else if (*fate != AFTER) {
			*fate = MEANWHILE;
		}

		slot_of[i] = take_slot(used++);
		edu_store(&engines->edu[i], iova + slot_of[i] * DMA_LOOP_SLOT,
			  DMA_LOOP_SLOT);

		if (!asked && loop->before >= enough) {
			asked = true;
			i = pthread_create(&thread, NULL, run, &h);
			VFIO_ASSERT_EQ(i, 0);
		}
	}

	i = pthread_join(thread, NULL);
	VFIO_ASSERT_EQ(i, 0);
	for (i = 0; i < engines->nr; i++) {
		edu_wait(&engines->edu[i]);
		loop->fate[slot_of[i]] = AFTER;
	}
}

bool dma_loop_stopped(const struct dma_loop *loop, const u8 *slots)
{
	static const u8 zeros[DMA_LOOP_SLOT];
	const u8 *want;
	int i;

	for (i = 0; i < DMA_LOOP_SLOTS; i++) {
		if (loop->fate[i] == MEANWHILE)
			continue;
		want = loop->fate[i] == BEFORE ? loop->data : zeros;
		if (mem_differ(slots + i * DMA_LOOP_SLOT, want, DMA_LOOP_SLOT) >= 0) {
			fprintf(stderr, "# slot %d, %s, is not as it should be\n", i,
				loop->fate[i] == UNUSED ? "unused" :
				loop->fate[i] == BEFORE ? "done before" : "done after");
			return false;
		}
	}
	return true;
}
