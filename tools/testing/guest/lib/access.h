/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ACCESS_H
#define GUEST_ACCESS_H

#include <stdbool.h>

#include <linux/types.h>

/* The signal that a child gets from a read or write of 8 bytes there, or 0. */
int child_read(const void *addr);
int child_write(void *addr);

/* The same in this thread, which survives it; @value takes the value read. */
int try_read(const void *addr, u64 *value);
int try_write(void *addr, u64 value);

/* Number of page faults of this thread so far that were served. */
long faults(void);

/* Read one word of each page; returns the number of faults. */
long faults_of(const void *map, size_t length);

/*
 * The number of faults when small pages of one range are touched in order, with
 * nothing mapped before: a fault maps as many pages ahead as are mapped in
 * front of it, within a page table. @skew is the distance of the mapping's
 * start from a multiple of what one table covers.
 */
long faults_in_order(size_t skew, size_t length);

#endif
