/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MAPS_H
#define GUEST_MAPS_H

#include <stdbool.h>

/* What /proc/self/maps says of the mapping at an address. */
struct mapping {
	unsigned long start, end, offset;
	char perms[8];
	char name[128];
};

bool maps_find(const void *addr, struct mapping *m);

/*
 * What the page table has at an address: the level ("pte", "pmd", "pud") and
 * how the CPU caches it ("UC", "UC-", "WC", "WB").  False if nothing.
 */
struct entry {
	char level[8];
	char type[4];
};

bool pgtable_ready(void);
bool pgtable_find(const void *addr, struct entry *e);

#endif
