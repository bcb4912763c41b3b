/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MEMCALLS_H
#define GUEST_MEMCALLS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler.h>
#include <linux/types.h>

#include "watch.h"

/* A mapping of a BAR, and what is known and expected of it */
struct target {
	struct watch watch;
	char *why;			/* TARGET_WHY bytes: what went wrong first */
	size_t unit, length;		/* of a page, of the mapping: some of these */
	int fd;
	u64 base;			/* in the BAR */
	u64 file;			/* in the file that is mapped */
	void *map;
	void *room[2];			/* where it can be moved */
};

#define TARGET_WHY	256

__printf(2, 3)
void target_wrong(struct target *t, const char *what, ...);

/* A call succeeded (@want is 0), or failed with this error, as it should. */
bool target_expect(struct target *t, const char *what, long rc, int want);

/*
 * What a process can ask the kernel to do with its memory: each does it, says
 * what was not answered as it should be, and what may be reached from then on.
 */
struct memcall {
	const char *name;
	void (*run)(struct target *t);
	int flags;
};

#define CALL_HUGE	1		/* two megabytes are a part of a page */
#define CALL_TABLES	2		/* changes page tables */
#define CALL_SHORT	4		/* one of those for what takes long */
#define CALL_FEW	8		/* and for what takes very long */

extern const struct memcall memcalls[];
extern const int memcalls_nr;

#endif
