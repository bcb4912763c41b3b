// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that takes a device's memory away takes it from its importers too.
 *
 * A buffer over a device's memory is mapped into an IOAS and written by DMA.
 * Then the memory goes, in every way in which it can. Once that has returned,
 * no DMA may land; the rest can be unmapped; and when the memory is back, user
 * space can map the buffer again. The test asks the kernel not to do that by
 * itself, which back.c is about.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/dma_loop.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL
#define FIRST	(32 * PAGE)		/* the buffer: these pages of the BAR, */
#define SECOND	(8 * PAGE)		/* and then these */
#define HALF	(8 * PAGE)
#define SIZE	(2 * HALF)

FIXTURE(revoke) {
	struct iommu *iommu;
	struct engines engines;
	const char *bdf;
	struct vfio_pci_device *mem;
	int dmabuf;
	bool dead;
};

FIXTURE_VARIANT(revoke) {
	const struct pci_kind *kind;
	void (*revoke)(struct _test_data_revoke *self);
	void (*restore)(struct _test_data_revoke *self);
	bool stays_revoked;	/* until restore; a reset gives the memory back */
	bool dies;		/* the buffer does not come back with the memory */
};

static void memory_off(struct _test_data_revoke *self)
{
	endpoint_memory(self->mem, false);
}

static void memory_on(struct _test_data_revoke *self)
{
	endpoint_memory(self->mem, true);
}

static void power_off(struct _test_data_revoke *self)
{
	endpoint_power(self->mem, 3);
}

static void power_on(struct _test_data_revoke *self)
{
	endpoint_power(self->mem, 0);
	endpoint_memory(self->mem, true);
}

static void reset(struct _test_data_revoke *self)
{
	vfio_pci_device_reset(self->mem);
}

static void flr(struct _test_data_revoke *self)
{
	endpoint_flr(self->mem);
}

static void hot_reset(struct _test_data_revoke *self)
{
	endpoint_hot_reset(self->mem);
}

/* Without vfio-pci */
static void sysfs_reset(struct _test_data_revoke *self)
{
	endpoint_sysfs_reset(self->mem);
}

static void close_device(struct _test_data_revoke *self)
{
	vfio_pci_device_cleanup(self->mem);
	self->mem = NULL;
}

static void open_device(struct _test_data_revoke *self)
{
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
}

/* The device keeps its memory, but this buffer has lost it permanently. */
static void for_ever(struct _test_data_revoke *self)
{
	VFIO_ASSERT_EQ(slice_revoke(self->mem, self->dmabuf), self->dead ? -EBADFD : 0);
	self->dead = true;
}

static void never(struct _test_data_revoke *self)
{
}

FIXTURE_VARIANT_ADD(revoke, memory_off) {
	.kind = &pci_ivshmem,
	.revoke = memory_off,
	.restore = memory_on,
	.stays_revoked = true,
};

FIXTURE_VARIANT_ADD(revoke, bus_reset) {
	.kind = &pci_ivshmem_bus,
	.revoke = reset,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, hot_reset) {
	.kind = &pci_ivshmem_bus,
	.revoke = hot_reset,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, flr_by_ioctl) {
	.kind = &pci_nvme_flr,
	.revoke = reset,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, flr_by_config) {
	.kind = &pci_nvme_flr,
	.revoke = flr,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, bus_reset_by_sysfs) {
	.kind = &pci_ivshmem_bus,
	.revoke = sysfs_reset,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, flr_by_sysfs) {
	.kind = &pci_nvme_flr,
	.revoke = sysfs_reset,
	.restore = memory_on,
};

FIXTURE_VARIANT_ADD(revoke, d3hot) {
	.kind = &pci_nvme_flr,
	.revoke = power_off,
	.restore = power_on,
	.stays_revoked = true,
};

FIXTURE_VARIANT_ADD(revoke, for_ever) {
	.kind = &pci_ivshmem,
	.revoke = for_ever,
	.restore = never,
	.stays_revoked = true,
	.dies = true,
};

FIXTURE_VARIANT_ADD(revoke, close) {
	.kind = &pci_ivshmem,
	.revoke = close_device,
	.restore = open_device,
	.stays_revoked = true,
	.dies = true,
};

FIXTURE_SETUP(revoke)
{
	const struct vfio_region_dma_range ranges[] = {
		{ FIRST, HALF }, { SECOND, HALF },
	};

	self->bdf = pci_find(variant->kind, 0);
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!self->bdf)
		SKIP(return, "no %s with %s", variant->kind->name,
		     variant->kind->reset ?: "memory");
	if (!engines_open(&self->engines, self->iommu, 2))
		SKIP(return, "no edu");
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);

	self->dmabuf = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(revoke)
{
	close(self->dmabuf);
	if (self->mem)
		vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_revoke *self)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, 0, SIZE, IOVA,
			     IOAS_RW | IOMMU_IOAS_MAP_STAY_REVOKED);
}

static int unmap(struct _test_data_revoke *self, u64 *unmapped)
{
	return ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
			  SIZE, unmapped);
}

static void buffer_read(struct _test_data_revoke *self, u8 *buf)
{
	bar_read(buf, self->mem->bars[BAR].vaddr + FIRST, HALF);
	bar_read(buf + HALF, self->mem->bars[BAR].vaddr + SECOND, HALF);
}

static void buffer_clear(struct _test_data_revoke *self)
{
	static const u8 zeros[HALF];

	bar_write(self->mem->bars[BAR].vaddr + FIRST, zeros, HALF);
	bar_write(self->mem->bars[BAR].vaddr + SECOND, zeros, HALF);
}

/* DMA across the seam of the two ranges, at one place of the IOVA. */
#define SEAM	(HALF - 256)

static void dma_lands(struct __test_metadata *_metadata,
		      struct _test_data_revoke *self, u32 seed)
{
	static u8 want[SIZE], got[SIZE];

	buffer_clear(self);
	memset(want, 0, SIZE);
	mem_random(want + SEAM, 512, seed);
	engines_write(&self->engines, IOVA + SEAM, want + SEAM, 512);
	buffer_read(self, got);
	ASSERT_EQ(-1, mem_differ(got, want, SIZE));
}

TEST_F(revoke, while_mapped)
{
	static u8 want[SIZE], got[SIZE], other[512];
	struct trace trace;
	u64 unmapped = 0;

	trace_open(&trace);
	iommu_fault_watch(&trace);

	ASSERT_EQ(0, map(self));
	dma_lands(_metadata, self, 1);
	buffer_read(self, want);

	variant->revoke(self);

	/* No DMA lands, because the IOMMU stops it. */
	mem_random(other, sizeof(other), 2);
	engines_write(&self->engines, IOVA + SEAM, other, sizeof(other));
	EXPECT_TRUE(iommu_fault_at(&trace, IOVA + SEAM, 512));

	/* Without memory a buffer cannot be imported, by any descriptor. */
	if (variant->stays_revoked)
		EXPECT_EQ(-ENODEV, ioas_map_file(self->iommu->iommufd,
						 self->iommu->ioas_id, self->dmabuf,
						 0, SIZE, IOVA + SIZE, IOAS_RW |
						 IOMMU_IOAS_MAP_STAY_REVOKED));

	variant->restore(self);

	/* The memory is back, the translation is not. */
	engines_write(&self->engines, IOVA + SEAM, other, sizeof(other));
	buffer_read(self, got);
	EXPECT_EQ(-1, mem_differ(got, want, SIZE));

	EXPECT_EQ(0, unmap(self, &unmapped));
	EXPECT_EQ(SIZE, unmapped);
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));

	if (variant->dies) {
		EXPECT_EQ(-ENODEV, map(self));
	} else {
		ASSERT_EQ(0, map(self));
		dma_lands(_metadata, self, 3);
		EXPECT_EQ(0, unmap(self, NULL));
	}
	trace_close(&trace);
}

/* The reverse order: the area goes first, while the memory is away. */
TEST_F(revoke, unmap_before_restore)
{
	u64 unmapped = 0;

	ASSERT_EQ(0, map(self));
	variant->revoke(self);
	EXPECT_EQ(0, unmap(self, &unmapped));
	EXPECT_EQ(SIZE, unmapped);
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
	variant->restore(self);

	if (!variant->dies) {
		ASSERT_EQ(0, map(self));
		dma_lands(_metadata, self, 4);
	}
}

/* Twice over: a revoked mapping meets the next revoke. */
TEST_F(revoke, again)
{
	ASSERT_EQ(0, map(self));
	variant->revoke(self);
	variant->restore(self);
	variant->revoke(self);
	variant->restore(self);
	EXPECT_EQ(0, unmap(self, NULL));

	if (variant->dies) {
		EXPECT_EQ(-ENODEV, map(self));
	} else {
		ASSERT_EQ(0, map(self));
		dma_lands(_metadata, self, 5);
	}
}

struct ask {
	void (*revoke)(struct _test_data_revoke *self);
	struct _test_data_revoke *self;
};

static void revoke_it(void *arg)
{
	struct ask *ask = arg;

	ask->revoke(ask->self);
}

/* Data in an engine when the revoke has returned do not land. */
TEST_F(revoke, while_dma_runs)
{
	struct ask ask = { variant->revoke, self };
	static struct dma_loop loop;
	static u8 got[SIZE];

	ASSERT_GE(SIZE, DMA_LOOP_SLOTS * DMA_LOOP_SLOT);
	ASSERT_EQ(0, map(self));
	buffer_clear(self);
	dma_loop(&loop, &self->engines, IOVA, revoke_it, &ask);
	variant->restore(self);

	EXPECT_LE(2 * self->engines.nr, loop.before);
	EXPECT_LE(2 * self->engines.nr, loop.after);
	buffer_read(self, got);
	EXPECT_TRUE(dma_loop_stopped(&loop, got));
	EXPECT_EQ(0, unmap(self, NULL));
}

TEST_HARNESS_MAIN
