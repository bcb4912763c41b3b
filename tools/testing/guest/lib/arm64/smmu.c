// SPDX-License-Identifier: GPL-2.0
/*
 * The SMMUv3's tables, read where the SMMU itself reads them: from the stream
 * table, whose address is in a register, by way of the context descriptor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvfio.h>

#include "smmu.h"

#define SMMU_SIZE		0x20000
#define STRTAB_BASE		0x80
#define STRTAB_BASE_CFG		0x88
#define EVENTQ_BASE		0xa0
#define EVENTQ_PROD		0x100a8

#define ADDRESS(value, low)	((value) & ((1ULL << 52) - (1ULL << (low))))

#define CFG_SPLIT(cfg)		((cfg) >> 6 & 31)
#define CFG_TWO_LEVELS(cfg)	(((cfg) >> 16 & 3) == 1)
#define STE_SIZE		64
#define STE_VALID		(1ULL << 0)
#define STE_CONFIG(ste)		((ste) >> 1 & 7)
#define STE_CONFIG_S1		5
#define STE_S1FMT(ste)		((ste) >> 4 & 3)

#define CD_T0SZ(cd)		((cd) & 63)
#define CD_TG0(cd)		((cd) >> 6 & 3)
#define CD_VALID		(1ULL << 31)

#define EVENT_SIZE		32
#define EVENT_FIRST_FAULT	0x10		/* of translation, size, access, permission */
#define EVENT_LAST_FAULT	0x13

static volatile void *registers(void)
{
	static volatile void *regs;
	unsigned long start;
	char line[256];
	FILE *file;

	if (regs)
		return regs;
	file = fopen("/proc/iomem", "r");
	VFIO_ASSERT_NOT_NULL(file);
	while (!regs && fgets(line, sizeof(line), file))
		if (strstr(line, "smmu") && sscanf(line, "%lx-", &start) == 1)
			regs = physmem_registers(start, SMMU_SIZE);
	fclose(file);
	VFIO_ASSERT_NOT_NULL((void *)regs, "no SMMU");
	return regs;
}

static u64 read64(size_t at)
{
	return *(volatile u64 *)(registers() + at);
}

static u32 read32(size_t at)
{
	return *(volatile u32 *)(registers() + at);
}

/* The number of a device at the SMMU, as QEMU's machine assigns it. */
static u32 stream_id(const char *bdf)
{
	unsigned int domain, bus, dev, fn;
	int fields = sscanf(bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn);

	VFIO_ASSERT_EQ(fields, 4);
	return bus << 8 | dev << 3 | fn;
}

/* The address of a device's entry in the stream table, or 0. */
static u64 stream_entry(u32 sid)
{
	u64 base = ADDRESS(read64(STRTAB_BASE), 6), l1;
	u32 cfg = read32(STRTAB_BASE_CFG), split = CFG_SPLIT(cfg);

	if (!CFG_TWO_LEVELS(cfg))
		return base + (u64)sid * STE_SIZE;
	l1 = physmem_read(base + (sid >> split) * 8);
	sid &= (1U << split) - 1;
	if (!(l1 & 31) || sid >= 1U << ((l1 & 31) - 1))
		return 0;
	return ADDRESS(l1, 6) + (u64)sid * STE_SIZE;
}

bool smmu_find(const char *bdf, u64 iova, struct descriptor *d, u8 *mair)
{
	static const unsigned int granule[4] = { 12, 16, 14, 0 };
	u64 at = stream_entry(stream_id(bdf)), ste, cd;

	if (!at)
		return false;
	ste = physmem_read(at);
	if (!(ste & STE_VALID) || STE_CONFIG(ste) != STE_CONFIG_S1)
		return false;
	VFIO_ASSERT_EQ(STE_S1FMT(ste), 0, "context descriptors in two levels");
	at = ADDRESS(ste, 6);
	cd = physmem_read(at);
	if (!(cd & CD_VALID))
		return false;
	if (!descriptor_find(ADDRESS(physmem_read(at + 8), 4), 64 - CD_T0SZ(cd),
			     granule[CD_TG0(cd)], iova, d))
		return false;
	*mair = physmem_read(at + 24) >> 8 * d->attr;
	return true;
}

/* The index into the queue has one more bit, which changes in each round. */
static u32 events_mask(void)
{
	return (2U << (read64(EVENTQ_BASE) & 31)) - 1;
}

u32 smmu_events(void)
{
	return read32(EVENTQ_PROD) & events_mask();
}

u32 smmu_events_next(u32 at)
{
	return (at + 1) & events_mask();
}

bool smmu_fault(u32 at, u64 *addr)
{
	u64 entry = ADDRESS(read64(EVENTQ_BASE), 5) + (at & (events_mask() >> 1)) * EVENT_SIZE;
	u8 what = physmem_read(entry);

	*addr = physmem_read(entry + 16);
	return what >= EVENT_FIRST_FAULT && what <= EVENT_LAST_FAULT;
}
