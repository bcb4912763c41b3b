// SPDX-License-Identifier: GPL-2.0
/*
 * One imported buffer, several page tables.
 *
 * An area of an IOAS is in each of its domains, and a copy of it in the domains
 * of another IOAS. In each of them it leads to the same pages of the BAR, as
 * MMIO, whichever came first; and a revoke takes it from all of them. It stays
 * revoked, as this test asks for; back.c is about the restore.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/bits.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/ioas.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/trace.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL
#define COPY	0x2000000UL		/* a copy, in another IOAS */
#define FIRST	(24 * PAGE)		/* the buffer: these pages of the BAR, */
#define SECOND	(4 * PAGE)		/* and then these */
#define HALF	(2 * PAGE)
#define SIZE	(2 * HALF)
#define LEN	256
#define SEAM	(HALF - LEN / 2)	/* a transfer over the seam of the two */

/* The kernel's own flag: see include/linux/iommu.h. */
#define IOMMU_CACHE	BIT(2)
#define IOMMU_MMIO	BIT(4)
#define IOMMU_MAP_ARGS	"domain=$arg1:x64 iova=$arg2:x64 size=$arg4:u64 prot=$arg5:x32"
#define IOMMU_MAP_EVENT	"p:guest/iommu_map iommu_map_nosync " IOMMU_MAP_ARGS

FIXTURE(domains) {
	struct iommu *iommu;
	struct engines engines;
	struct vfio_pci_device *mem;
	struct trace trace;
	int dmabuf;
};

FIXTURE_SETUP(domains)
{
	const struct vfio_region_dma_range ranges[] = {
		{ FIRST, HALF }, { SECOND, HALF },
	};
	const char *bdf = pci_find(&pci_ivshmem, 0);

	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&self->engines, self->iommu, 2) ||
	    self->engines.nr < 2)
		SKIP(return, "needs two edu and ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);

	trace_define(IOMMU_MAP_EVENT);
	trace_open(&self->trace);
	ASSERT_TRUE(trace_enable(&self->trace, "guest/iommu_map"));

	self->dmabuf = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(domains)
{
	close(self->dmabuf);
	trace_close(&self->trace);
	vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_domains *self)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, 0, SIZE, IOVA,
			     IOAS_RW | IOMMU_IOAS_MAP_STAY_REVOKED);
}

static int unmap(struct _test_data_domains *self, u32 ioas_id, u64 iova)
{
	return ioas_unmap(self->iommu->iommufd, ioas_id, iova, SIZE, NULL);
}

/* A page table of its own for one engine, over the first IOAS. */
static u32 own_table(struct _test_data_domains *self, int engine)
{
	u32 id;
	int rc;

	rc = hwpt_alloc(self->iommu->iommufd, self->engines.edu[engine].id,
			self->iommu->ioas_id, &id);
	VFIO_ASSERT_EQ(rc, 0);
	return id;
}

/* A second IOAS, with the engines' own memory at the same place. */
static u32 other_ioas(struct _test_data_domains *self)
{
	struct dma_region *ram = &self->engines.ram;
	u32 id;
	int rc;

	rc = ioas_alloc(self->iommu->iommufd, &id);
	VFIO_ASSERT_EQ(rc, 0);
	rc = ioas_copy(self->iommu->iommufd, id, ram->iova, self->iommu->ioas_id,
		       ram->iova, ram->size, IOAS_RW);
	VFIO_ASSERT_EQ(rc, 0);
	return id;
}

static int copy(struct _test_data_domains *self, u32 ioas_id)
{
	return ioas_copy(self->iommu->iommufd, ioas_id, COPY, self->iommu->ioas_id,
			 IOVA, SIZE, IOAS_RW);
}

/*
 * Does a store of this engine appear in the BAR? All of it or nothing: half a
 * transfer is a failure.
 */
static bool lands(struct _test_data_domains *self, int engine, u64 iova)
{
	u8 *first = self->mem->bars[BAR].vaddr + FIRST + SEAM;
	u8 *second = self->mem->bars[BAR].vaddr + SECOND;
	static const u8 zeros[LEN];
	u8 sent[LEN], got[LEN];
	bool landed;

	bar_write(first, zeros, LEN / 2);
	bar_write(second, zeros, LEN / 2);
	mem_random(sent, LEN, 1);
	engine_store(&self->engines, engine, iova + SEAM, sent, LEN);
	bar_read(got, first, LEN / 2);
	bar_read(got + LEN / 2, second, LEN / 2);

	landed = mem_differ(sent, got, LEN) < 0;
	VFIO_ASSERT_TRUE(landed || mem_differ(zeros, got, LEN) < 0,
			 "some of it landed");
	return landed;
}

/* How one place of I/O address space was mapped since the last call. */
struct seen {
	int domains;	/* number of domains that mapped it */
	int mmio;	/* number of pages, over all of them */
	int cache;
};

static struct seen how_mapped(struct _test_data_domains *self, u64 from, u64 size)
{
	unsigned long long domain, iova, len;
	unsigned long long known[8];
	struct seen seen = {};
	char line[512], *at;
	unsigned int prot;
	int i;

	while (trace_next(&self->trace, line, sizeof(line))) {
		at = strstr(line, "domain=");
		if (!at || sscanf(at, "domain=%llx iova=%llx size=%llu prot=%x",
				  &domain, &iova, &len, &prot) != 4)
			continue;
		if (iova < from || iova >= from + size)
			continue;

		for (i = 0; i < seen.domains && known[i] != domain; i++)
			;
		if (i == seen.domains)
			known[seen.domains++] = domain;
		if (prot & IOMMU_MMIO)
			seen.mmio += len / PAGE;
		if (prot & IOMMU_CACHE)
			seen.cache += len / PAGE;
	}
	return seen;
}

static void expect_mmio_in(struct __test_metadata *_metadata,
			   struct _test_data_domains *self, int nr, u64 iova)
{
	struct seen seen = how_mapped(self, iova, SIZE);

	EXPECT_EQ(nr, seen.domains);
	EXPECT_EQ(nr * SIZE / PAGE, seen.mmio);
	EXPECT_EQ(0, seen.cache);
}

TEST_F(domains, memory_is_cached_and_mmio_is_not)
{
	struct dma_region region = { .iova = IOVA + SIZE, .size = PAGE };
	struct seen seen;

	region.vaddr = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, map(self));
	iommu_map(self->iommu, &region);

	seen = how_mapped(self, IOVA, SIZE + PAGE);
	EXPECT_EQ(1, seen.domains);
	EXPECT_EQ(SIZE / PAGE, seen.mmio);
	EXPECT_EQ(1, seen.cache);
	iommu_unmap(self->iommu, &region);
}

TEST_F(domains, second_attached_later)
{
	ASSERT_EQ(0, map(self));
	expect_mmio_in(_metadata, self, 1, IOVA);

	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, own_table(self, 1)));
	expect_mmio_in(_metadata, self, 1, IOVA);

	EXPECT_TRUE(lands(self, 0, IOVA));
	EXPECT_TRUE(lands(self, 1, IOVA));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_FALSE(lands(self, 1, IOVA));
}

TEST_F(domains, second_attached_earlier)
{
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, own_table(self, 1)));
	ASSERT_EQ(0, map(self));
	expect_mmio_in(_metadata, self, 2, IOVA);

	EXPECT_TRUE(lands(self, 0, IOVA));
	EXPECT_TRUE(lands(self, 1, IOVA));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
}

/* The domain that was filled first goes; the other one remains. */
TEST_F(domains, first_goes)
{
	u32 table = own_table(self, 1), other = other_ioas(self);
	int i;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, table));
	ASSERT_EQ(0, endpoint_attach(self->mem, table));
	for (i = 0; i < self->engines.nr; i++)
		if (i != 1)
			ASSERT_EQ(0, endpoint_attach(self->engines.edu[i].dev, other));

	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_TRUE(lands(self, 1, IOVA));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_FALSE(lands(self, 1, IOVA));
}

TEST_F(domains, copy_into_attached_ioas)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	how_mapped(self, 0, 0);
	ASSERT_EQ(0, copy(self, other));
	expect_mmio_in(_metadata, self, 1, COPY);

	EXPECT_TRUE(lands(self, 0, IOVA));
	EXPECT_TRUE(lands(self, 1, COPY));

	/* Both are equal. */
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_TRUE(lands(self, 1, COPY));
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));
	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

TEST_F(domains, copy_then_attach)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, copy(self, other));
	how_mapped(self, 0, 0);
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	expect_mmio_in(_metadata, self, 1, COPY);

	EXPECT_TRUE(lands(self, 1, COPY));
	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_TRUE(lands(self, 0, IOVA));
}

/* A part of the area, across the seam of its ranges. */
TEST_F(domains, copy_of_a_part)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	ASSERT_EQ(0, ioas_copy(self->iommu->iommufd, other, COPY + PAGE,
			       self->iommu->ioas_id, IOVA + PAGE, SIZE - 2 * PAGE,
			       IOAS_RW));
	EXPECT_TRUE(lands(self, 1, COPY));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, other, COPY + PAGE,
				SIZE - 2 * PAGE, NULL));
}

TEST_F(domains, revoke_takes_it_from_both)
{
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, own_table(self, 1)));

	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_FALSE(lands(self, 1, IOVA));

	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

TEST_F(domains, revoke_takes_it_from_the_copy)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	ASSERT_EQ(0, copy(self, other));

	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_FALSE(lands(self, 1, COPY));

	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

/* A page table made over a revoked area has nothing of the area. */
TEST_F(domains, attached_after_revoke)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, copy(self, other));
	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	how_mapped(self, 0, 0);

	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, own_table(self, 1)));
	EXPECT_EQ(0, how_mapped(self, IOVA, SIZE).domains);
	EXPECT_FALSE(lands(self, 1, IOVA));

	/* A request for it by its IOVA finds nothing. */
	EXPECT_EQ(-ENODEV, ioas_copy(self->iommu->iommufd, other, COPY + SIZE,
				     self->iommu->ioas_id, IOVA, SIZE, IOAS_RW));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	EXPECT_EQ(0, how_mapped(self, COPY, SIZE).domains);
	EXPECT_FALSE(lands(self, 1, COPY));

	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

TEST_HARNESS_MAIN
