/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ACCESS_H
#define GUEST_ACCESS_H

#include <stdbool.h>

#include <linux/types.h>

/* The signal that a read or write of 8 bytes there gets a child, or 0. */
int child_read(const void *addr);
int child_write(void *addr);

/* The same in this thread, which survives it; @value takes what was read. */
int try_read(const void *addr, u64 *value);
int try_write(void *addr, u64 value);

/* Page faults of this thread so far that were served. */
long faults(void);

/* Read one word of each page; how many faults that took. */
long faults_of(const void *map, size_t length);

/*
 * The faults that it takes to touch small pages of one range in order, with nothing
 * mapped before: as many pages are mapped ahead as there are in front, within a page
 * table.  @skew is how far the mapping begins behind a multiple of what one covers.
 */
long faults_in_order(size_t skew, size_t length);

#endif
