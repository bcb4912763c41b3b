// SPDX-License-Identifier: GPL-2.0
/*
 * One device's DMA lands in another device's BAR.
 *
 * vfio-pci exports ranges of ivshmem's BAR as one dma-buf, iommufd maps it
 * into an IOAS, and the edu devices write and read it there.  The CPU sees
 * the same memory through the BAR's own mapping.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/trace.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define BAR_LEN	(256 * PAGE)
#define IOVA	0x1000000UL
#define RANGES	(PAGE > 4096 ? 16 : 64)	/* a slow engine has to go through them */

/* Pages of the BAR. */
#define RANGE(first, nr) \
	((struct vfio_region_dma_range){ (first) * PAGE, (nr) * PAGE })

/*
 * Layouts: which pages of the BAR make up the buffer, in which order.
 */
static int one(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(3, 4);
	return 1;
}

static int three_descending(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(40, 2);
	r[1] = RANGE(21, 1);
	r[2] = RANGE(5, 3);
	return 3;
}

static int adjacent(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(8, 1);
	r[1] = RANGE(9, 2);
	r[2] = RANGE(11, 1);
	return 3;
}

/* The same pages twice, once whole and once in part. */
static int aliased(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(16, 3);
	r[1] = RANGE(30, 1);
	r[2] = RANGE(17, 1);
	return 3;
}

static int many(struct vfio_region_dma_range *r)
{
	int i;

	for (i = 0; i < RANGES; i++)
		r[i] = RANGE((i * 37) % RANGES * 3 + 1, 1);
	return RANGES;
}

FIXTURE(p2p) {
	struct iommu *iommu;
	struct engines engines;
	struct vfio_pci_device *mem;
	int dmabuf;
	size_t size;			/* of the buffer */
	u64 page[2 * RANGES];		/* the BAR offset of each page of it */
	u8 bar[BAR_LEN];		/* the expected content of the BAR */
};

FIXTURE_VARIANT(p2p) {
	int (*layout)(struct vfio_region_dma_range *ranges);
	int engines;
};

FIXTURE_VARIANT_ADD(p2p, one) { one, 2 };
FIXTURE_VARIANT_ADD(p2p, three_descending) { three_descending, 2 };
FIXTURE_VARIANT_ADD(p2p, adjacent) { adjacent, 2 };
FIXTURE_VARIANT_ADD(p2p, aliased) { aliased, 2 };
FIXTURE_VARIANT_ADD(p2p, many) { many, 4 };

FIXTURE_SETUP(p2p)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);
	struct vfio_region_dma_range ranges[RANGES];
	int i, nr;
	u64 at;

	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&self->engines, self->iommu, variant->engines))
		SKIP(return, "needs edu and ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	ASSERT_GE(self->mem->bars[BAR].info.size, BAR_LEN);

	nr = variant->layout(ranges);
	for (i = 0; i < nr; i++)
		for (at = 0; at < ranges[i].length; at += PAGE, self->size += PAGE)
			self->page[self->size / PAGE] = ranges[i].offset + at;

	self->dmabuf = endpoint_export(self->mem, BAR, ranges, nr);
	ASSERT_GE(self->dmabuf, 0);

	mem_random(self->bar, BAR_LEN, 1);
	bar_write(self->mem->bars[BAR].vaddr, self->bar, BAR_LEN);
}

FIXTURE_TEARDOWN(p2p)
{
	close(self->dmabuf);
	vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_p2p *self, u64 start, u64 length, u32 flags)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, start, length, IOVA, flags);
}

static int unmap(struct _test_data_p2p *self, u64 length)
{
	return ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
			  length, NULL);
}

/* The expected content of the buffer from @start on. */
static void gather(struct _test_data_p2p *self, u8 *buf, u64 start, u64 length)
{
	u64 i;

	for (i = 0; i < length; i++, start++)
		buf[i] = self->bar[self->page[start / PAGE] + start % PAGE];
}

static void scatter(struct _test_data_p2p *self, const u8 *buf, u64 start, u64 length)
{
	u64 i;

	for (i = 0; i < length; i++, start++)
		self->bar[self->page[start / PAGE] + start % PAGE] = buf[i];
}

static bool bar_is_as_it_ought_to_be(struct _test_data_p2p *self)
{
	static u8 now[BAR_LEN];
	long at;

	bar_read(now, self->mem->bars[BAR].vaddr, BAR_LEN);
	at = mem_differ(now, self->bar, BAR_LEN);
	if (at < 0)
		return true;
	ksft_print_msg("BAR differs at %#lx: %#x, should be %#x\n", at, now[at],
		       self->bar[at]);
	return false;
}

static void slice_carries_every_byte(struct __test_metadata *_metadata,
				     struct _test_data_p2p *self, u64 start, u64 length)
{
	static u8 sent[2 * RANGES * PAGE], got[2 * RANGES * PAGE];

	ASSERT_EQ(0, map(self, start, length, IOAS_RW));

	mem_random(sent, length, start + length);
	engines_write(&self->engines, IOVA, sent, length);
	scatter(self, sent, start, length);
	EXPECT_TRUE(bar_is_as_it_ought_to_be(self));

	gather(self, sent, start, length);
	engines_read(&self->engines, got, IOVA, length);
	EXPECT_EQ(-1, mem_differ(got, sent, length));

	ASSERT_EQ(0, unmap(self, length));
}

TEST_F_TIMEOUT(p2p, dma_carries_every_byte, 120)
{
	slice_carries_every_byte(_metadata, self, 0, self->size);
}

TEST_F(p2p, dma_into_a_slice)
{
	u64 length = min(self->size - 2 * PAGE, 4 * PAGE);

	slice_carries_every_byte(_metadata, self, PAGE, length);
}

/*
 * All slices: too many for a slow DMA engine, so read from the IOMMU's own
 * trace where each page leads.
 */
static void follow(struct _test_data_p2p *self, struct trace *trace, u64 *leads, u64 length)
{
	unsigned long long iova, end, paddr;
	char line[512], *event;
	u64 at;

	memset(leads, 0xff, length / PAGE * sizeof(*leads));
	while (trace_next(trace, line, sizeof(line))) {
		event = strstr(line, "IOMMU: iova=");
		if (!event || sscanf(event, "IOMMU: iova=%llx - %llx paddr=%llx",
				     &iova, &end, &paddr) != 3)
			continue;
		for (at = iova; at < end; at += PAGE)
			if (at >= IOVA && at < IOVA + length)
				leads[(at - IOVA) / PAGE] = paddr + (at - iova);
	}
}

TEST_F_TIMEOUT(p2p, every_slice_leads_to_its_pages, 120)
{
	u64 bar = pci_bar_phys(self->mem->bdf, BAR);
	u64 leads[2 * RANGES], start, length, i;
	u64 longest = self->size / PAGE <= 8 ? self->size : 3 * PAGE;
	struct trace trace;

	trace_open(&trace);
	ASSERT_TRUE(trace_enable(&trace, "iommu/map"));

	for (start = 0; start < self->size; start += PAGE) {
		for (length = PAGE; length <= longest && start + length <= self->size;
		     length += PAGE) {
			trace_drain(&trace);
			ASSERT_EQ(0, map(self, start, length, IOAS_RW));
			follow(self, &trace, leads, length);
			for (i = 0; i < length / PAGE; i++)
				ASSERT_EQ(bar + self->page[start / PAGE + i], leads[i]) {
					TH_LOG("slice %#lx+%#lx page %lu",
					       start, length, i);
				}
			ASSERT_EQ(0, unmap(self, length));
		}
	}
	trace_close(&trace);
}

TEST_F(p2p, read_only_stops_writes)
{
	u8 page[PAGE], got[PAGE];
	struct trace trace;

	trace_open(&trace);
	iommu_fault_watch(&trace);

	ASSERT_EQ(0, map(self, 0, self->size, IOAS_READ));

	mem_random(page, PAGE, 2);
	engines_write(&self->engines, IOVA + PAGE, page, 512);
	EXPECT_TRUE(iommu_fault_at(&trace, IOVA + PAGE, 512));
	EXPECT_TRUE(bar_is_as_it_ought_to_be(self));

	gather(self, page, PAGE, 512);
	engines_read(&self->engines, got, IOVA + PAGE, 512);
	EXPECT_EQ(-1, mem_differ(got, page, 512));

	trace_close(&trace);
	ASSERT_EQ(0, unmap(self, self->size));
}

TEST_F(p2p, unmapped_stops_everything)
{
	struct trace trace;
	u8 page[PAGE];

	trace_open(&trace);
	iommu_fault_watch(&trace);

	ASSERT_EQ(0, map(self, 0, self->size, IOAS_RW));
	ASSERT_EQ(0, unmap(self, self->size));

	mem_random(page, PAGE, 3);
	engines_write(&self->engines, IOVA, page, 512);
	EXPECT_TRUE(iommu_fault_at(&trace, IOVA, 512));
	EXPECT_TRUE(bar_is_as_it_ought_to_be(self));
	trace_close(&trace);
}

TEST_HARNESS_MAIN
