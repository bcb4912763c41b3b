// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "world.h"

u64 random_next(u64 *state)
{
	u64 x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * 0x2545f4914f6cdd1dull;
}

u32 random_below(u64 *state, u32 limit)
{
	return (random_next(state) >> 33) % limit;
}

const char *operation_name(enum operation op)
{
	static const char *const names[] = {
#define OPERATION_NAME(name) #name,
		OPERATIONS(OPERATION_NAME)
#undef OPERATION_NAME
	};

	return names[op];
}

/* Frequency among all steps. Steps that cost a device 100 ms are rare. */
static const u8 weights[NR_OPERATIONS] = {
	[OP_OPEN] = 2, [OP_CLOSE] = 1,
	[OP_EXPORT] = 10, [OP_EXPORT_BAD] = 1, [OP_CLOSE_SLICE] = 3, [OP_REVOKE] = 4,
	[OP_POLL] = 3, [OP_FENCE] = 2, [OP_PATH] = 1, [OP_MEMATTR] = 1,
	[OP_MMAP_SLICE] = 10, [OP_MMAP_DEVICE] = 4, [OP_MUNMAP] = 5, [OP_MPROTECT] = 3,
	[OP_MREMAP] = 2, [OP_MADVISE] = 2, [OP_READ] = 16, [OP_WRITE] = 16,
	[OP_KERNEL_READ] = 2, [OP_GUP] = 1,
	[OP_IMPORT] = 10, [OP_IMPORT_ADDRESS] = 6, [OP_UNMAP] = 6, [OP_COPY] = 6,
	[OP_ATTACH] = 4, [OP_TABLE] = 2, [OP_DMA_READ] = 10, [OP_DMA_WRITE] = 10,
	[OP_EVENT] = 1, [OP_DRM] = 1, [OP_MEMORY_BUF] = 2,
	[OP_PREAD] = 3, [OP_PWRITE] = 3,
	[OP_MEMORY] = 7, [OP_POWER] = 3, [OP_LOW_POWER] = 2, [OP_RESET] = 1,
	[OP_SYSFS_RESET] = 1, [OP_FLR] = 1, [OP_HOT_RESET] = 1, [OP_REBIND] = 2,
	[OP_FORK] = 3, [OP_END] = 0, [OP_SWEEP] = 1, [OP_STORM] = 1,
};

static enum operation choose(u64 *state)
{
	u32 sum = 0, at;
	int op;

	for (op = 0; op < NR_OPERATIONS; op++)
		sum += weights[op];
	at = random_below(state, sum);
	for (op = 0; at >= weights[op]; op++)
		at -= weights[op];
	return op;
}

/*
 * The objects that may exist by then, bit by bit: most steps should have
 * something to do, and each step chooses by itself from these objects.
 */
struct likely {
	u32 devs, slices, maps, areas, procs;
};

static u32 aim(u64 *state, u32 there, u32 limit)
{
	u32 at = random_below(state, limit), i;

	if (!random_below(state, 12))
		return at;
	for (i = 0; i < limit; i++, at = (at + 1) % limit)
		if (there & 1U << at)
			return at;
	return at;
}

static void aim_step(struct step *s, u64 *state, struct likely *l)
{
	u32 area, to;

	s->dev = aim(state, s->op == OP_OPEN ? ~l->devs : l->devs, NR_DEVS);
	switch (s->op) {
	case OP_OPEN:
		l->devs |= 1U << s->dev;
		break;
	case OP_REBIND:
		s->dev = aim(state, ~l->devs, NR_DEVS);
		break;
	case OP_CLOSE:
		l->devs &= ~(1U << s->dev);
		break;
	case OP_EXPORT:
		s->slice = aim(state, ~l->slices, NR_SLICES);
		l->slices |= 1U << s->slice;
		break;
	case OP_MMAP_SLICE:
	case OP_MMAP_DEVICE:
		s->map = aim(state, ~l->maps, NR_MAPS);
		s->slice = aim(state, l->slices, NR_SLICES);
		l->maps |= 1U << s->map;
		break;
	case OP_IMPORT:
	case OP_IMPORT_ADDRESS:
		s->map = aim(state, l->maps, NR_MAPS);
		s->slice = aim(state, l->slices, NR_SLICES);
		area = aim(state, ~l->areas, NR_IOASES * NR_SLOTS);
		s->ioas = area / NR_SLOTS;
		s->slot = area % NR_SLOTS;
		l->areas |= 1U << area;
		break;
	case OP_COPY:
		area = aim(state, l->areas, NR_IOASES * NR_SLOTS);
		to = aim(state, ~l->areas, NR_IOASES * NR_SLOTS);
		s->ioas = area / NR_SLOTS;
		s->slot = area % NR_SLOTS;
		s->to_ioas = to / NR_SLOTS;
		s->to_slot = to % NR_SLOTS;
		l->areas |= 1U << to;
		break;
	case OP_UNMAP:
		area = aim(state, l->areas, NR_IOASES * NR_SLOTS);
		s->ioas = area / NR_SLOTS;
		s->slot = area % NR_SLOTS;
		if (s->flags % 4)
			l->areas &= ~(1U << area);
		break;
	case OP_MUNMAP:
		s->map = aim(state, l->maps, NR_MAPS);
		if (!s->at && !s->nr)
			l->maps &= ~(1U << s->map);
		break;
	case OP_CLOSE_SLICE:
		s->slice = aim(state, l->slices, NR_SLICES);
		l->slices &= ~(1U << s->slice);
		break;
	case OP_FORK:
		if (l->procs & 1U << s->random % 2)
			s->op = OP_END;
		l->procs ^= 1U << s->random % 2;
		break;
	default:
		s->slice = aim(state, l->slices, NR_SLICES);
		s->map = aim(state, l->maps, NR_MAPS);
		break;
	}
}

static void make_step(struct step *s, u64 *state, struct likely *likely)
{
	s->op = choose(state);
	/* This process is used most. */
	s->proc = random_below(state, 2) ? 0 : random_below(state, NR_PROCS);
	s->slot = random_below(state, NR_SLOTS);
	s->flags = random_below(state, 256);
	/* Usually all of it, or its start */
	s->at = random_below(state, 2) ? 0 : random_below(state, 24);
	s->nr = random_below(state, 2) ? 0 : 1 + random_below(state, 24);
	s->random = random_next(state) >> 32;
	aim_step(s, state, likely);
}

void program_make(struct program *p, u64 seed)
{
	u64 state = seed * 0x9e3779b97f4a7c15ull + 1;
	struct likely likely = {};
	int i;

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	for (i = 0; i < 8; i++)
		random_next(&state);
	p->nr = 40 + random_below(&state, PROGRAM_MAX - 40 + 1);
	likely.devs = (1U << NR_DEVS) - 1;
	for (i = 0; i < p->nr; i++) {
		make_step(&p->steps[i], &state, &likely);
		/* As long as the fence is recent */
		if (i && p->steps[i - 1].op == OP_FENCE && p->steps[i].flags % 2)
			p->steps[i] = (struct step){ .op = OP_REVOKE, .flags = 0xf1,
						     .slice = p->steps[i - 1].slice };
		p->steps[i].number = i;
	}
}

void program_only(struct program *p, const bool *steps)
{
	int i, nr = 0;

	for (i = 0; i < p->nr; i++)
		if (steps[i])
			p->steps[nr++] = p->steps[i];
	p->nr = nr;
}

void program_cut(struct program *to, const struct program *from, int at, int nr)
{
	*to = *from;
	if (nr > to->nr - at)
		nr = to->nr - at;
	to->nr -= nr;
	memmove(&to->steps[at], &from->steps[at + nr], (to->nr - at) * sizeof(to->steps[0]));
}

static bool keeps(const char *list, int number)
{
	char *end;
	long from, to;

	while (*list) {
		from = strtol(list, &end, 10);
		to = from;
		if (*end == '-')
			to = strtol(end + 1, &end, 10);
		if (number >= from && number <= to)
			return true;
		list = *end ? end + 1 : end;
	}
	return false;
}

bool program_keep(struct program *p, const char *list)
{
	int i, nr = 0;

	if (strspn(list, "0123456789,-") != strlen(list))
		return false;
	for (i = 0; i < p->nr; i++)
		if (keeps(list, p->steps[i].number))
			p->steps[nr++] = p->steps[i];
	p->nr = nr;
	return nr > 0;
}

int program_ranges(u32 random, struct range *ranges)
{
	u64 state = random * 0x9e3779b97f4a7c15ull + 1;
	int i, nr, left = SLICE_PAGES;

	random_next(&state);
	switch (random_below(&state, 4)) {
	case 0:
		nr = 1;
		break;
	case 1:
		nr = 2 + random_below(&state, 3);
		break;
	case 2:
		nr = 1 + random_below(&state, RANGES_MAX);
		break;
	default:
		nr = 1 + random_below(&state, 2);
		break;
	}
	for (i = 0; i < nr; i++) {
		int room = left - (nr - 1 - i);
		int most = room < 12 ? room : 12;

		ranges[i].nr = 1 + random_below(&state, most);
		ranges[i].first = random_below(&state, DEV_PAGES - ranges[i].nr + 1);
		/* A range that continues its neighbour is merged. */
		if (i && !random_below(&state, 4) &&
		    ranges[i - 1].first + ranges[i - 1].nr + ranges[i].nr <= DEV_PAGES)
			ranges[i].first = ranges[i - 1].first + ranges[i - 1].nr;
		left -= ranges[i].nr;
	}
	return nr;
}
