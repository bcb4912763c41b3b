/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_PHYSMEM_H
#define GUEST_PHYSMEM_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* Is /dev/mem there without restrictions (CONFIG_STRICT_DEVMEM off)? */
bool physmem_ready(void);

/* Eight bytes of RAM. */
u64 physmem_read(u64 phys);

/* Registers, mapped permanently. */
volatile void *physmem_registers(u64 phys, size_t length);

/* One entry of a translation table of the Armv8-A architecture. */
struct descriptor {
	u64 bits;		/* as in the table */
	u64 phys;		/* the physical address of the translated address */
	unsigned int level;	/* 3: a page, less: a block */
	bool contiguous;
	bool writable;
	unsigned int attr;	/* index into the table's MAIR */
};

/*
 * Walk the table at @table: addresses of @bits bits, a granule of 2^@granule
 * bytes.  False if nothing is mapped at @addr.
 */
bool descriptor_find(u64 table, unsigned int bits, unsigned int granule, u64 addr,
		     struct descriptor *d);

#endif
