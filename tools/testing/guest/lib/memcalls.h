/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MEMCALLS_H
#define GUEST_MEMCALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler.h>
#include <linux/types.h>

#include "watch.h"

/* A mapping of a BAR, and its expected properties */
struct target {
	struct watch watch;
	char *why;			/* TARGET_WHY bytes: the first failure */
	size_t unit, length;		/* of a page, of the mapping, which has some of those */
	int fd;
	u64 base;			/* in the BAR */
	u64 file;			/* in the file that is mapped */
	void *map;
	void *room[2];			/* places that it can be moved to */
};

#define TARGET_WHY	256

__printf(2, 3)
void target_wrong(struct target *t, const char *what, ...);

/* A call succeeded (@want is 0), or failed with this error, as expected. */
bool target_expect(struct target *t, const char *what, long rc, int want);

/*
 * The kernel's operations on a process's memory: each does its operation,
 * records unexpected results, and the parts that may be reached from then on.
 */
struct memcall {
	const char *name;
	void (*run)(struct target *t);
	int flags;
};

#define CALL_HUGE	1		/* also for pages of which 2 MiB are a part */
#define CALL_TABLES	2		/* changes page tables */
#define CALL_SHORT	4		/* in the short list, for slow targets */
#define CALL_FEW	8		/* and in that for very slow targets */

extern const struct memcall memcalls[];
extern const int memcalls_nr;

#endif
