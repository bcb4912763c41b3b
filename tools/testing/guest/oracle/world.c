// SPDX-License-Identifier: GPL-2.0
#include <sys/mman.h>

#include "world.h"

#define TICKS	20		/* bits of the engine's clock */
#define TICKING	48
#define LOWER	((1U << (32 - TICKS)) - 1)	/* bits of an id in the lower half */

struct span span_of(int total, int at, int nr)
{
	struct span span = { at % total, nr };

	if (!nr || span.nr > total - span.at)
		span.nr = total - span.at;
	return span;
}

u64 slot_iova(int slot)
{
	return 0x10000000UL + slot * 1024 * PAGE;
}

u64 word(u32 id)
{
	return (u64)id << TICKS;
}

u32 word_id(u64 value)
{
	return (value & ((1ULL << TICKING) - 1)) >> TICKS;
}

bool word_is(u64 value, u32 id)
{
	return word_id(value) == id;
}

bool word_is_half(u64 value, u32 upper, u32 lower)
{
	return word_id(value) == ((upper & ~LOWER) | (lower & LOWER));
}

bool word_is_lost(u64 value, u32 id)
{
	return word_is(value, 0) || word_is_half(value, id, 0);
}

/* At a different place in each page, so that pages cannot be confused */
size_t word_at(int page)
{
	return page * 8;
}

bool dev_on(const struct dev *dev)
{
	return dev->open && dev->memory && !dev->d3 && !dev->low;
}

bool buf_alive(const struct world *w, int buf)
{
	const struct buf *b = &w->bufs[buf];
	const struct dev *dev = &w->devs[b->dev];

	return !b->revoked && dev->open && dev->generation == b->generation;
}

bool buf_on(const struct world *w, int buf)
{
	return buf_alive(w, buf) && dev_on(&w->devs[w->bufs[buf].dev]);
}

int target_ioas(int target)
{
	return target == TO_IOAS0 || target == TO_TABLE0 ? 0 : 1;
}

int access_signal(const struct world *w, const struct map *map, int page, bool write)
{
	if (!map->pages[page].there ||
	    !(map->pages[page].prot & (write ? PROT_WRITE : PROT_READ)))
		return SIGSEGV;
	return buf_on(w, map->buf) ? 0 : SIGBUS;
}

bool dma_lands(const struct world *w, const struct area *area, bool write)
{
	return area->there && (area->writable || !write) && !area->lost &&
	       buf_on(w, area->buf);
}

void world_outage(struct world *w, int dev)
{
	int i, j;

	for (i = 0; i < NR_IOASES; i++) {
		for (j = 0; j < NR_SLOTS; j++) {
			struct area *area = &w->areas[i][j];

			if (area->there && area->stays && w->bufs[area->buf].dev == dev)
				area->lost = true;
		}
	}
}

static bool is_held(const struct world *w, int dev)
{
	int i, j, k;

	if (w->devs[dev].vfio)
		return true;
	for (i = 0; i < NR_PROCS; i++) {
		const struct proc *proc = &w->procs[i];

		if (i && !proc->pid)
			continue;
		if (proc->holds[dev])
			return true;
		for (j = 0; j < NR_MAPS; j++) {
			const struct map *map = &proc->maps[j];

			if (!map->addr || !map->device || w->bufs[map->buf].dev != dev)
				continue;
			for (k = 0; k < map->nr; k++)
				if (map->pages[k].there)
					return true;
		}
	}
	return false;
}

void world_settle(struct world *w)
{
	int i;

	for (i = 0; i < NR_DEVS; i++) {
		if (w->devs[i].open && !is_held(w, i)) {
			w->devs[i].open = false;
			w->devs[i].d3 = false;
			w->devs[i].low = false;
			w->bar_buf[i] = -1;
		}
	}
}
