/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MAPS_H
#define GUEST_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* The line of /proc/self/maps for the mapping at an address. */
struct mapping {
	unsigned long start, end, offset;
	char perms[8];
	char name[128];
};

bool maps_find(const void *addr, struct mapping *m);

/* The letters in /proc/self/smaps for the flags of the VMA at an address. */
bool maps_flags(const void *addr, char *flags, size_t size);

/*
 * The page table's entry for an address: the level ("pte", "pmd", "pud") and
 * the CPU's caching of it ("UC", "UC-", "WC", "WB"; on arm64 "nGnRnE", "nGnRE",
 * "NC", "WB"). False if there is none.
 */
struct entry {
	char level[8];
	char type[8];
};

bool pgtable_ready(void);
bool pgtable_find(const void *addr, struct entry *e);

/* Can the CPU map a gigantic page ("pud") of a BAR? */
bool pgtable_gigantic(void);

/*
 * Does a page have one type for all of its mappings, or each mapping its own?
 */
bool pgtable_types_are_of_pages(void);

/*
 * The kernel's list of memory types (x86 with PAT): the type that a page of
 * physical address space was given ("write-combining"), or "" if none.
 */
bool memtypes_ready(void);
const char *memtype_of(u64 phys);

#endif
