// SPDX-License-Identifier: GPL-2.0
/*
 * On arm64 a mapping, not a page, has a memory type.
 *
 * MMIO has to be device memory in the SMMU's tables, and the CPU must not cache
 * it; ordinary memory must not become device memory. The test reads both kinds
 * of tables where the hardware reads them.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/arm64/pgtable.h"
#include "lib/arm64/smmu.h"
#include "lib/edu.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/ioas.h"
#include "lib/maps.h"
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(PAGE / 8 * PAGE)
#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define IOVA	PMD			/* beyond the window of MSIs for large pages */
#define COPY	(4 * PMD)		/* a copy, in another IOAS */

/* No page may be executed. */
#define XN	(3ULL << 53)

FIXTURE(arm64) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	struct edu edu, other;
	void *bar;
	u64 phys;
};

/* The memory with room for two of the largest pages */
static const char *large_memory(void)
{
	const char *bdf, *best = NULL;
	int i;

	for (i = 0; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		if (pci_bar_size(bdf, BAR) >= 2 * PMD)
			best = bdf;
	}
	return best;
}

FIXTURE_SETUP(arm64)
{
	const char *bdf = large_memory();

	if (!physmem_ready())
		SKIP(return, "no /dev/mem in this kernel");
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !edu_open(&self->edu, self->iommu, 0) ||
	    !edu_open(&self->other, self->iommu, 1))
		SKIP(return, "needs two edu and a large ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->bar = self->mem->bars[BAR].vaddr;
	self->phys = pci_bar_phys(bdf, BAR);
}

FIXTURE_TEARDOWN(arm64)
{
	vfio_pci_device_cleanup(self->mem);
	vfio_pci_device_cleanup(self->edu.dev);
	vfio_pci_device_cleanup(self->other.dev);
	iommu_cleanup(self->iommu);
}

static int import(struct _test_data_arm64 *self, int fd, u64 length, u64 iova, u32 flags)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, fd, 0, length,
			     iova, flags);
}

/* Does the SMMU translate for @dev to there, as device memory? */
static bool is_device(struct vfio_pci_device *dev, u64 iova, u64 phys, struct descriptor *d)
{
	u8 mair;

	if (!smmu_find(dev->bdf, iova, d, &mair)) {
		ksft_print_msg("%#lx: not mapped\n", (unsigned long)iova);
		return false;
	}
	if (mair == SMMU_DEVICE_NGNRE && d->phys == phys)
		return true;
	ksft_print_msg("%#lx: %#lx, should be %#lx, type %#x\n", (unsigned long)iova,
		       (unsigned long)d->phys, (unsigned long)phys, mair);
	return false;
}

static bool is_cached(struct vfio_pci_device *dev, u64 iova)
{
	struct descriptor d;
	u8 mair;

	return smmu_find(dev->bdf, iova, &d, &mair) && mair == SMMU_NORMAL_WB;
}

static bool is_stopped(struct vfio_pci_device *dev, u64 iova)
{
	struct descriptor d;
	u8 mair;

	return !smmu_find(dev->bdf, iova, &d, &mair);
}

/* A slice of blocks and pages, in one domain, in a second one and in a copy. */
TEST_F_TIMEOUT(arm64, smmu_slice_is_device_memory, 120)
{
	u64 length = PMD + 3 * PAGE, at;
	u32 hwpt, ioas;
	struct descriptor d;
	int fd = slice_export(self->mem, BAR, 0, length);
	int iommufd = self->iommu->iommufd;

	ASSERT_GE(fd, 0);
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA));
	ASSERT_EQ(0, import(self, fd, length, IOVA, IOAS_RW));

	ASSERT_TRUE(is_device(self->edu.dev, IOVA + 5 * PAGE, self->phys + 5 * PAGE, &d));
	EXPECT_EQ(2, d.level);
	EXPECT_TRUE(d.writable);
	for (at = PMD; at < length; at += PAGE) {
		ASSERT_TRUE(is_device(self->edu.dev, IOVA + at, self->phys + at, &d));
		EXPECT_EQ(3, d.level);
		EXPECT_FALSE(d.contiguous);
	}
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA + length));

	ASSERT_EQ(0, hwpt_alloc(iommufd, self->other.id, self->iommu->ioas_id, &hwpt));
	ASSERT_EQ(0, endpoint_attach(self->other.dev, hwpt));
	EXPECT_TRUE(is_device(self->other.dev, IOVA, self->phys, &d));
	EXPECT_TRUE(is_device(self->other.dev, IOVA + PMD, self->phys + PMD, &d));

	ASSERT_EQ(0, ioas_alloc(iommufd, &ioas));
	ASSERT_EQ(0, ioas_copy(iommufd, ioas, COPY, self->iommu->ioas_id, IOVA, length,
			       IOAS_READ));
	ASSERT_EQ(0, endpoint_attach(self->other.dev, ioas));
	ASSERT_TRUE(is_device(self->other.dev, COPY + PMD, self->phys + PMD, &d));
	EXPECT_FALSE(d.writable);

	/* A revoke takes it from all of them: the SMMU stops each page. */
	ASSERT_EQ(0, slice_revoke(self->mem, fd));
	for (at = 0; at < length; at += at < PMD ? PMD : PAGE) {
		EXPECT_TRUE(is_stopped(self->edu.dev, IOVA + at));
		EXPECT_TRUE(is_stopped(self->other.dev, COPY + at));
	}
	ASSERT_EQ(0, endpoint_attach(self->other.dev, self->iommu->ioas_id));
	close(fd);
}

/* Each range has its own address from the list, and its own type. */
TEST_F_TIMEOUT(arm64, smmu_ranges, 120)
{
	struct vfio_region_dma_range r[] = {
		{ 7 * PAGE, PAGE }, { PMD, PMD }, { 3 * PAGE, 2 * PAGE },
	};
	struct descriptor d;
	int fd = endpoint_export(self->mem, BAR, r, 3);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(self, fd, PMD + 3 * PAGE, IOVA - PAGE, IOAS_READ));
	EXPECT_TRUE(is_device(self->edu.dev, IOVA - PAGE, self->phys + 7 * PAGE, &d));
	EXPECT_TRUE(is_device(self->edu.dev, IOVA, self->phys + PMD, &d));
	EXPECT_EQ(2, d.level);
	EXPECT_FALSE(d.writable);
	EXPECT_TRUE(is_device(self->edu.dev, IOVA + PMD, self->phys + 3 * PAGE, &d));
	EXPECT_TRUE(is_device(self->edu.dev, IOVA + PMD + PAGE, self->phys + 4 * PAGE, &d));
	ASSERT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA - PAGE,
				PMD + 3 * PAGE, NULL));
	close(fd);
}

TEST_F_TIMEOUT(arm64, smmu_memory_is_cached, 120)
{
	struct dma_region ram = { .iova = IOVA, .size = 4 * PAGE };

	ram.vaddr = mmap(NULL, ram.size, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ram.vaddr);
	iommu_map(self->iommu, &ram);
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA));
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA + 3 * PAGE));
	iommu_unmap(self->iommu, &ram);
}

/* The mock's list declares its pages MMIO, memory, MMIO, ... */
TEST_F_TIMEOUT(arm64, smmu_kinds_are_kept_apart, 120)
{
	int fd = mock_dmabuf(self->iommu->iommufd, 4 * PAGE);
	struct descriptor d;
	u64 at;
	u8 mair;

	if (fd == -ENOTTY)
		SKIP(return, "no CONFIG_IOMMUFD_TEST in this kernel");
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(self, fd, 4 * PAGE, IOVA, IOAS_RW));
	for (at = 0; at < 4 * PAGE; at += PAGE) {
		ASSERT_TRUE(smmu_find(self->edu.dev->bdf, IOVA + at, &d, &mair));
		EXPECT_EQ(at / PAGE % 2 ? SMMU_NORMAL_WB : SMMU_DEVICE_NGNRE, mair);
		EXPECT_EQ(3, d.level);
	}
	close(fd);
}

/* Memory imported as a dma-buf has the type of memory mapped directly. */
TEST_F_TIMEOUT(arm64, smmu_imported_memory_is_cached, 120)
{
	int fd = export_udmabuf(4 * PAGE);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(self, fd, 4 * PAGE, IOVA, IOAS_RW));
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA));
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA + 3 * PAGE));
	ASSERT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA, 4 * PAGE,
				NULL));
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA));
	close(fd);
}

/* The same for a BAR that is mapped by its address, next to memory. */
TEST_F_TIMEOUT(arm64, smmu_by_address, 120)
{
	u8 *room = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = slice_export(self->mem, BAR, 5 * PAGE, PAGE);
	struct descriptor d;

	ASSERT_GE(fd, 0);
	ASSERT_NE(MAP_FAILED, room);
	ASSERT_EQ(room + PAGE, mmap(room + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, ioas_map(self->iommu->iommufd, self->iommu->ioas_id, room, 3 * PAGE, IOVA,
			      IOAS_RW));
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA));
	EXPECT_TRUE(is_device(self->edu.dev, IOVA + PAGE, self->phys + 5 * PAGE, &d));
	EXPECT_TRUE(is_cached(self->edu.dev, IOVA + 2 * PAGE));
	ASSERT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA, 3 * PAGE,
				NULL));
	munmap(room, 3 * PAGE);
	close(fd);
}

/* A mapping restored after an outage has the type that it had before. */
TEST_F_TIMEOUT(arm64, smmu_back, 120)
{
	int fd = slice_export(self->mem, BAR, 3 * PAGE, 2 * PAGE), tries = 1000;
	struct descriptor d;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, import(self, fd, 2 * PAGE, IOVA, IOAS_RW));
	ASSERT_TRUE(is_device(self->edu.dev, IOVA + PAGE, self->phys + 4 * PAGE, &d));
	endpoint_memory(self->mem, false);
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA));
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA + PAGE));
	endpoint_memory(self->mem, true);
	while (is_stopped(self->edu.dev, IOVA + PAGE) && --tries)
		usleep(10000);
	EXPECT_TRUE(is_device(self->edu.dev, IOVA, self->phys + 3 * PAGE, &d));
	EXPECT_TRUE(is_device(self->edu.dev, IOVA + PAGE, self->phys + 4 * PAGE, &d));
	EXPECT_TRUE(d.writable);
	close(fd);
}

static const char *type_of(const void *addr)
{
	static struct entry e;
	u64 value;

	if (try_read(addr, &value))
		return "a signal";
	return pgtable_find(addr, &e) ? e.type : "nothing";
}

/* A mapping keeps the type that its slice had when it was made. */
TEST_F_TIMEOUT(arm64, cpu_types, 120)
{
	int fd = slice_export(self->mem, BAR, 0, 8 * PAGE);
	void *nc, *wc, *again;

	ASSERT_GE(fd, 0);
	pages_sign(self->bar, 8 * PAGE);
	nc = map_shared(fd, 0, 8 * PAGE, RW);
	ASSERT_NE(NULL, nc);
	EXPECT_STREQ("nGnRnE", type_of(self->bar));
	EXPECT_STREQ("nGnRnE", type_of(nc));

	ASSERT_EQ(0, slice_memattr(self->mem, fd, SLICE_WC));
	wc = map_shared(fd, PAGE, 4 * PAGE, RW);
	ASSERT_NE(NULL, wc);
	EXPECT_STREQ("NC", type_of(wc));
	EXPECT_TRUE(pages_are(wc, 4 * PAGE, PAGE));
	EXPECT_STREQ("nGnRnE", type_of(nc + PAGE));
	EXPECT_STREQ("nGnRnE", type_of(self->bar + PAGE));
	EXPECT_STREQ("nGnRnE", type_of(nc + 7 * PAGE));

	/* It survives an outage, and the slice's next choice. */
	endpoint_memory(self->mem, false);
	EXPECT_STREQ("a signal", type_of(wc));
	EXPECT_STREQ("a signal", type_of(nc));
	endpoint_memory(self->mem, true);
	EXPECT_STREQ("NC", type_of(wc + PAGE));
	EXPECT_STREQ("nGnRnE", type_of(nc + PAGE));
	ASSERT_EQ(0, slice_memattr(self->mem, fd, SLICE_NC));
	again = map_shared(fd, 0, PAGE, RW);
	ASSERT_NE(NULL, again);
	EXPECT_STREQ("nGnRnE", type_of(again));
	EXPECT_STREQ("NC", type_of(wc + 2 * PAGE));

	ASSERT_EQ(0, slice_revoke(self->mem, fd));
	EXPECT_STREQ("a signal", type_of(wc));
	EXPECT_STREQ("a signal", type_of(nc));
	EXPECT_STREQ("nGnRnE", type_of(self->bar));
	close(fd);
}

/* No level of the page tables lets code in a BAR be executed. */
TEST_F_TIMEOUT(arm64, cpu_blocks, 120)
{
	int fd = slice_export(self->mem, BAR, 0, 2 * PMD);
	struct descriptor d;
	void *p;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, slice_memattr(self->mem, fd, SLICE_WC));
	p = map_aligned(fd, 0, 2 * PMD, RW, PMD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(2, faults_of(p, 4 * PAGE) + faults_of(p + PMD, 4 * PAGE));
	EXPECT_STREQ("NC", type_of(p + PMD));
	ASSERT_TRUE(pgtable_descriptor(p + PMD + PAGE, &d));
	EXPECT_EQ(2, d.level);
	EXPECT_EQ(self->phys + PMD + PAGE, d.phys);
	EXPECT_EQ(XN, d.bits & XN);
	EXPECT_FALSE(d.contiguous);

	/*
	 * A part of the block goes: the rest comes back as pages of the same
	 * type.
	 */
	ASSERT_EQ(0, munmap(p + PMD, PMD / 2));
	EXPECT_STREQ("NC", type_of(p + PMD + PMD / 2));
	ASSERT_TRUE(pgtable_descriptor(p + PMD + PMD / 2, &d));
	EXPECT_EQ(3, d.level);
	EXPECT_FALSE(d.contiguous);

	p = map_aligned(fd, 0, 32 * PAGE, PROT_READ, PMD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(faults_in_order(0, 32 * PAGE), faults_of(p, 32 * PAGE));
	ASSERT_TRUE(pgtable_descriptor(p + 16 * PAGE, &d));
	EXPECT_EQ(3, d.level);
	EXPECT_FALSE(d.contiguous);
	EXPECT_FALSE(d.writable);
	EXPECT_EQ(XN, d.bits & XN);
	close(fd);
}

/* KVM may give a guest write-combining of it: smaps has no letters for that. */
TEST_F_TIMEOUT(arm64, kvm_may_map_it_uncached, 120)
{
	int fd = slice_export(self->mem, BAR, 0, PAGE);
	void *slice = map_shared(fd, 0, PAGE, RW);
	void *ram = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char flags[128];

	ASSERT_NE(NULL, slice);
	ASSERT_TRUE(maps_flags(ram, flags, sizeof(flags)));
	EXPECT_EQ(NULL, strstr(flags, "??"));
	ASSERT_TRUE(maps_flags(slice, flags, sizeof(flags)));
	EXPECT_NE(NULL, strstr(flags, "??"));
	ASSERT_TRUE(maps_flags(self->bar, flags, sizeof(flags)));
	EXPECT_NE(NULL, strstr(flags, "??"));
	close(fd);
}

/* Only whole pages of this kernel can be exported or imported. */
TEST_F_TIMEOUT(arm64, less_than_a_page, 120)
{
	struct vfio_region_dma_range r[] = { { 0, PAGE }, { PAGE, PAGE / 16 } };
	int fd;

	EXPECT_EQ(-EINVAL, slice_export(self->mem, BAR, 0, PAGE / 16));
	EXPECT_EQ(-EINVAL, slice_export(self->mem, BAR, PAGE / 16, PAGE));
	EXPECT_EQ(-EINVAL, slice_export(self->mem, BAR, PAGE, PAGE + PAGE / 16));
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, r, 2));

	fd = slice_export(self->mem, BAR, 0, 2 * PAGE);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EINVAL, import(self, fd, 2 * PAGE, IOVA + PAGE / 16, IOAS_RW));
	EXPECT_EQ(-EINVAL, import(self, fd, PAGE / 16, IOVA, IOAS_RW));
	EXPECT_EQ(-EINVAL, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, fd,
					 PAGE / 16, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(NULL, map_shared(fd, PAGE / 16, PAGE, RW));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(is_stopped(self->edu.dev, IOVA));
	close(fd);
}

TEST_HARNESS_MAIN
