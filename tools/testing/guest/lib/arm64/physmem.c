// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>

#include <libvfio.h>

#include "physmem.h"

#define DEV_MEM		"/dev/mem"

#define VALID		(1ULL << 0)
#define TABLE		(1ULL << 1)		/* in the last level: a page */
#define ATTR(bits)	((bits) >> 2 & 7)
#define READ_ONLY	(1ULL << 7)
#define DIRTY_BIT_MANAGED (1ULL << 51)		/* the first write clears READ_ONLY */
#define CONTIGUOUS	(1ULL << 52)
#define ADDRESS_END	(1ULL << 48)

static int dev_mem(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(DEV_MEM, O_RDWR | O_SYNC | O_CLOEXEC);
	return fd;
}

bool physmem_ready(void)
{
	return dev_mem() >= 0;
}

/* By read(), because mmap() of a page of the slab allocator is not allowed. */
u64 physmem_read(u64 phys)
{
	u64 value;

	VFIO_ASSERT_EQ(pread(dev_mem(), &value, sizeof(value), phys), sizeof(value),
		       "no RAM at %#lx", (unsigned long)phys);
	return value;
}

volatile void *physmem_registers(u64 phys, size_t length)
{
	void *regs = mmap(NULL, length, PROT_READ, MAP_SHARED, dev_mem(), phys);

	VFIO_ASSERT_NE(regs, MAP_FAILED);
	return regs;
}

bool descriptor_find(u64 table, unsigned int bits, unsigned int granule, u64 addr,
		     struct descriptor *d)
{
	unsigned int stride = granule - 3, shift;

	if (addr >> bits)
		return false;
	d->level = 4 - DIV_ROUND_UP(bits - granule, stride);
	for (;; d->level++) {
		shift = granule + (3 - d->level) * stride;
		d->bits = physmem_read(table + 8 * (addr >> shift & ((1ULL << stride) - 1)));
		if (!(d->bits & VALID) || (d->level == 3 && !(d->bits & TABLE)))
			return false;
		if (d->level == 3 || !(d->bits & TABLE))
			break;
		table = d->bits & (ADDRESS_END - (1ULL << granule));
	}
	d->phys = (d->bits & (ADDRESS_END - (1ULL << shift))) | (addr & ((1ULL << shift) - 1));
	d->contiguous = d->bits & CONTIGUOUS;
	d->writable = !(d->bits & READ_ONLY) || d->bits & DIRTY_BIT_MANAGED;
	d->attr = ATTR(d->bits);
	return true;
}
