/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MEM_H
#define GUEST_MEM_H

#include <stddef.h>

#include <linux/types.h>

/* Bytes without a period, so that displaced, doubled or lost data show. */
void mem_random(void *buf, size_t len, u32 seed);

/* To, from and within a BAR, in accesses that every device supports. */
void bar_write(void *bar, const void *buf, size_t len);
void bar_read(void *buf, const void *bar, size_t len);

/* The first offset at which the two differ, or -1. */
long mem_differ(const void *a, const void *b, size_t len);

#endif
