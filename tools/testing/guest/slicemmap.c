// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() of slices: of dma-bufs that vfio-pci exported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/ioas.h"
#include "lib/maps.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(PAGE / 8 * PAGE)
#define BAR	2
#define BAR_LEN	(64UL << 20)
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define MANY	(BAR_LEN / PAGE / 4)

#define RANGE(first, nr) \
	((struct vfio_region_dma_range){ (first) * PAGE, (nr) * PAGE })

static int one(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(3, 6);
	return 1;
}

static int descending(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(40, 2);
	r[1] = RANGE(21, 1);
	r[2] = RANGE(5, 3);
	return 3;
}

static int adjacent(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(8, 1);
	r[1] = RANGE(9, 3);
	r[2] = RANGE(12, 1);
	r[3] = RANGE(7, 1);
	return 4;
}

/* The same pages twice, once whole and once in part. */
static int aliased(struct vfio_region_dma_range *r)
{
	r[0] = RANGE(16, 3);
	r[1] = RANGE(30, 1);
	r[2] = RANGE(17, 1);
	r[3] = RANGE(16, 3);
	return 4;
}

static int many(struct vfio_region_dma_range *r)
{
	int i;

	for (i = 0; i < MANY; i++)
		r[i] = RANGE(i * 1021UL % MANY * 4 + i % 3, 1);
	return MANY;
}

FIXTURE(slice) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	const char *bdf;
	int dmabuf;
	u64 size;
	u64 page[MANY];			/* the BAR offset of each page */
};

FIXTURE_VARIANT(slice) {
	int (*layout)(struct vfio_region_dma_range *r);
};

FIXTURE_VARIANT_ADD(slice, one) { .layout = one };
FIXTURE_VARIANT_ADD(slice, descending) { .layout = descending };
FIXTURE_VARIANT_ADD(slice, adjacent) { .layout = adjacent };
FIXTURE_VARIANT_ADD(slice, aliased) { .layout = aliased };
FIXTURE_VARIANT_ADD(slice, many) { .layout = many };

FIXTURE_SETUP(slice)
{
	static struct vfio_region_dma_range ranges[MANY];
	u64 at;
	int i, nr;

	self->bdf = pci_find(&pci_ivshmem, 0);
	if (!self->bdf)
		SKIP(return, "needs ivshmem");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
	ASSERT_GE(self->mem->bars[BAR].info.size, BAR_LEN);

	nr = variant->layout(ranges);
	for (i = 0; i < nr; i++)
		for (at = 0; at < ranges[i].length; at += PAGE, self->size += PAGE)
			self->page[self->size / PAGE] = ranges[i].offset + at;
	pages_sign(self->mem->bars[BAR].vaddr, BAR_LEN);
	self->dmabuf = endpoint_export(self->mem, BAR, ranges, nr);
	ASSERT_GE(self->dmabuf, 0);
}

static void close_device(struct _test_data_slice *self)
{
	vfio_pci_device_cleanup(self->mem);
	self->mem = NULL;
}

FIXTURE_TEARDOWN(slice)
{
	close(self->dmabuf);
	if (self->mem)
		close_device(self);
	iommu_cleanup(self->iommu);
}

static void *map(struct _test_data_slice *self, u64 at, size_t length, int prot)
{
	return map_shared(self->dmabuf, at, length, prot);
}

/* Does a mapping, which starts at @at of the buffer, show the right pages? */
static bool leads(struct _test_data_slice *self, const void *p, u64 at, size_t length)
{
	size_t i;

	for (i = 0; i < length; i += PAGE)
		if (!pages_are(p + i, PAGE, self->page[(at + i) / PAGE]))
			return false;
	return true;
}

TEST_F_TIMEOUT(slice, all_of_it, 120)
{
	u64 *bar = self->mem->bars[BAR].vaddr, i;
	u64 *p = map(self, 0, self->size, RW);

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(leads(self, p, 0, self->size));
	for (i = 0; i < self->size; i += PAGE)
		p[i / 8 + 1] = ~page_sign(i);
	for (i = self->size; i; i -= PAGE)
		/* aliases: the last value written counts */
		if (p[(i - PAGE) / 8 + 1] == ~page_sign(i - PAGE))
			ASSERT_EQ(~page_sign(i - PAGE),
				  bar[self->page[i / PAGE - 1] / 8 + 1]);
	EXPECT_EQ(~page_sign(self->size - PAGE),
		  bar[self->page[self->size / PAGE - 1] / 8 + 1]);
}

TEST_F_TIMEOUT(slice, any_offset_and_length, 120)
{
	u64 step = self->size > 16 * PAGE ? 509 * PAGE : PAGE, at, length;
	void *p;

	for (at = 0; at < self->size; at += step) {
		for (length = PAGE; at + length <= self->size; length += step) {
			p = map(self, at, length, RW);
			ASSERT_NE(NULL, p);
			ASSERT_TRUE(leads(self, p + length - PAGE, at + length - PAGE, PAGE));
			ASSERT_TRUE(leads(self, p, at, min(length, 8 * PAGE)));
			ASSERT_EQ(0, munmap(p, length));
		}
	}
}

TEST_F_TIMEOUT(slice, what_is_refused, 120)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, RW, MAP_PRIVATE, self->dmabuf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, self->dmabuf, 0));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, 0, self->size + PAGE, RW));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, self->size, PAGE, RW));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, PAGE, self->size, RW));
	EXPECT_EQ(EINVAL, errno);
	/* Offsets of a device's file are not valid here. */
	errno = 0;
	EXPECT_EQ(NULL, map(self, 1UL << 40, PAGE, RW));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, 2UL << 40, PAGE, RW));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, 0x7ffffffffffff000UL, PAGE, RW));
	EXPECT_NE(0, errno);
	EXPECT_EQ(NULL, map(self, 0xfffffffffffff000UL, PAGE, RW));
}

TEST_F_TIMEOUT(slice, split_move_and_punch, 120)
{
	void *p = map(self, PAGE, 4 * PAGE, RW), *q;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, mprotect(p + PAGE, PAGE, PROT_READ));
	EXPECT_TRUE(leads(self, p, PAGE, 4 * PAGE));
	EXPECT_EQ(SIGSEGV, child_write(p + PAGE));

	q = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(q, mremap(p + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_TRUE(leads(self, q, 3 * PAGE, PAGE));
	EXPECT_TRUE(leads(self, p, PAGE, 2 * PAGE));
	EXPECT_TRUE(leads(self, p + 3 * PAGE, 4 * PAGE, PAGE));
	EXPECT_EQ(SIGSEGV, child_read(p + 2 * PAGE));
	EXPECT_EQ(MAP_FAILED, mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);

	ASSERT_NE(MAP_FAILED, mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED,
				   self->dmabuf, 4 * PAGE));
	EXPECT_TRUE(leads(self, p, 4 * PAGE, PAGE));
	EXPECT_TRUE(leads(self, p + PAGE, 2 * PAGE, PAGE));
}

TEST_F_TIMEOUT(slice, mapping_outlives_its_fd, 120)
{
	void *p = map(self, 0, 4 * PAGE, RW);

	ASSERT_NE(NULL, p);
	close(self->dmabuf);
	EXPECT_TRUE(leads(self, p, 0, 4 * PAGE));
	ASSERT_EQ(0, munmap(p, PAGE));
	endpoint_memory(self->mem, false);
	EXPECT_EQ(SIGBUS, child_read(p + PAGE));
	endpoint_memory(self->mem, true);
	EXPECT_TRUE(leads(self, p + PAGE, PAGE, 3 * PAGE));
	ASSERT_EQ(0, munmap(p + PAGE, 3 * PAGE));
	self->dmabuf = -1;
}

TEST_F_TIMEOUT(slice, fork, 120)
{
	void *p = map(self, 0, 4 * PAGE, RW);
	int status;
	pid_t pid;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(leads(self, p, 0, PAGE));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(leads(self, p, 0, 4 * PAGE) ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F_TIMEOUT(slice, mmap_while_memory_is_off, 120)
{
	void *p;

	endpoint_memory(self->mem, false);
	p = map(self, 0, 4 * PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(SIGBUS, child_write(p + 3 * PAGE));
	endpoint_memory(self->mem, true);
	EXPECT_TRUE(leads(self, p, 0, 4 * PAGE));
}

/* An exported buffer does not keep its device open, and dies with it. */
TEST_F_TIMEOUT(slice, device_closes, 120)
{
	void *p = map(self, 0, 4 * PAGE, RW);
	int fd;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(leads(self, p, 0, 2 * PAGE));
	close_device(self);

	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(SIGBUS, child_write(p + 3 * PAGE));
	errno = 0;
	EXPECT_EQ(NULL, map(self, 0, PAGE, RW));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
					 self->dmabuf, 0, PAGE, IOVA, IOAS_RW));

	/* Permanently: it does not work for the next opener. */
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
	EXPECT_EQ(SIGBUS, child_read(p));
	errno = 0;
	EXPECT_EQ(NULL, map(self, 0, PAGE, RW));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
					 self->dmabuf, 0, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(-ENODEV, slice_revoke(self->mem, self->dmabuf));
	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_EQ(SIGBUS, child_read(p));

	/* Exporting it again makes a new buffer. */
	fd = slice_export(self->mem, BAR, 0, 4 * PAGE);
	ASSERT_GE(fd, 0);
	p = map_shared(fd, 0, 4 * PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 0));
}

/* An fd without access keeps the buffer, but not its struct file. */
TEST_F_TIMEOUT(slice, closed_but_for_a_path, 120)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->dmabuf);
	fd = open(path, O_PATH);
	ASSERT_GE(fd, 0);
	close(self->dmabuf);
	self->dmabuf = -1;
	usleep(300000);			/* until the file's memory is free */
	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	close_device(self);
	usleep(100000);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(0, close(fd));
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
}

FIXTURE(range) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
};

FIXTURE_SETUP(range)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!bdf)
		SKIP(return, "needs ivshmem");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	ASSERT_GE(self->mem->bars[BAR].info.size, BAR_LEN);
	/* Cases about huge pages have that in their names. */
	if (strstr(_metadata->name, "huge") && self->mem->bars[BAR].info.size < 6 * PMD)
		SKIP(return, "a huge page is too large for this BAR");
	pages_sign(self->mem->bars[BAR].vaddr,
		   min((size_t)self->mem->bars[BAR].info.size, 6 * PMD));
}

FIXTURE_TEARDOWN(range)
{
	vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
}

static int export_with(struct vfio_pci_device *mem, int open_flags)
{
	const struct vfio_device_feature_dma_buf buf = {
		.region_index = BAR,
		.open_flags = open_flags,
		.nr_ranges = 1,
	};
	const struct vfio_region_dma_range range = RANGE(4, 4);

	return endpoint_export_raw(mem, VFIO_DEVICE_FEATURE_GET, &buf, &range, 1);
}

TEST_F_TIMEOUT(range, read_only, 120)
{
	int fd = export_with(self->mem, O_RDONLY | O_CLOEXEC);
	void *p;

	ASSERT_GE(fd, 0);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, 0, PAGE, RW));
	EXPECT_EQ(EACCES, errno);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, 0, PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	p = map_shared(fd, 0, 4 * PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 4 * PAGE));
	EXPECT_EQ(SIGSEGV, child_write(p));
	EXPECT_EQ(-1, mprotect(p, PAGE, RW));
	EXPECT_EQ(EACCES, errno);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 4 * PAGE));
}

TEST_F_TIMEOUT(range, write_only, 120)
{
	int fd = export_with(self->mem, O_WRONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, 0, PAGE, PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
}

TEST_F_TIMEOUT(range, name, 120)
{
	int fd = slice_export(self->mem, BAR, 0, 4 * PAGE);
	struct mapping m;
	void *p;

	ASSERT_GE(fd, 0);
	p = map_shared(fd, PAGE, 2 * PAGE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_TRUE(maps_find(p, &m));
	EXPECT_STREQ("/dmabuf:", m.name);
	EXPECT_EQ(PAGE, m.offset);
	ASSERT_EQ(0, ioctl(fd, DMA_BUF_SET_NAME, "frame 7"));
	ASSERT_TRUE(maps_find(p, &m));
	EXPECT_STREQ("/dmabuf:frame 7", m.name);
}

static void *map_ranges(struct _test_data_range *self, struct vfio_region_dma_range *r,
			int nr, u64 at, size_t length, size_t skew)
{
	int fd = endpoint_export(self->mem, BAR, r, nr);
	void *p;

	VFIO_ASSERT_GE(fd, 0);
	p = map_aligned(fd, at, length, RW, PMD, skew);
	VFIO_ASSERT_NOT_NULL(p);
	close(fd);
	return p;
}

/* The expected number of 4 KiB pages and of 2 MiB pages of a mapping. */
TEST_F_TIMEOUT(range, page_faults, 120)
{
	struct vfio_region_dma_range r[] = { RANGE(1, 5), RANGE(40, 3) };
	void *p = map_ranges(self, r, 2, 0, 8 * PAGE, 0);

	/* 1, 2, and 4 or 8 if the range did not end */
	EXPECT_EQ(1 + 1 + 1 + 1, faults_of(p, 8 * PAGE));
	EXPECT_EQ(0, faults_of(p, 8 * PAGE));
}

TEST_F_TIMEOUT(range, huge_faults, 120)
{
	struct vfio_region_dma_range r = RANGE(512, 1024);
	struct entry e;
	void *p = map_ranges(self, &r, 1, 0, 2 * PMD, 0);

	EXPECT_EQ(2, faults_of(p, 2 * PMD));
	EXPECT_TRUE(pages_are(p, 2 * PMD, PMD));
	if (pgtable_ready()) {
		ASSERT_TRUE(pgtable_find(p + PMD + PAGE, &e));
		EXPECT_STREQ("pmd", e.level);
	}
}

/* A mapping that starts inside of a huge page: pages, and then huge ones. */
TEST_F_TIMEOUT(range, huge_faults_from_an_offset, 120)
{
	struct vfio_region_dma_range r = RANGE(512, 1024);
	void *p = map_ranges(self, &r, 1, PMD - 3 * PAGE, PMD + 3 * PAGE, PMD - 3 * PAGE);

	EXPECT_EQ(2 + 1, faults_of(p, PMD + 3 * PAGE));
	EXPECT_TRUE(pages_are(p, PMD + 3 * PAGE, 2 * PMD - 3 * PAGE));
}

/* Aligned in the BAR and in memory, but not in the buffer. */
TEST_F_TIMEOUT(range, huge_faults_at_an_odd_offset, 120)
{
	struct vfio_region_dma_range r[] = { RANGE(3, 1), RANGE(512, 512), RANGE(7, 1) };
	void *p = map_ranges(self, r, 3, 0, PMD + 2 * PAGE, PMD - PAGE);

	EXPECT_EQ(1 + 1 + 1, faults_of(p, PMD + 2 * PAGE));
	EXPECT_TRUE(pages_are(p, PAGE, 3 * PAGE));
	EXPECT_TRUE(pages_are(p + PAGE, PMD, PMD));
	EXPECT_TRUE(pages_are(p + PAGE + PMD, PAGE, 7 * PAGE));
}

/* Two ranges that touch are one. */
TEST_F_TIMEOUT(range, huge_fault_over_a_seam, 120)
{
	struct vfio_region_dma_range r[] = { RANGE(512, 100), RANGE(612, 412) };
	void *p = map_ranges(self, r, 2, 0, PMD, 0);

	EXPECT_EQ(1, faults_of(p, PMD));
	EXPECT_TRUE(pages_are(p, PMD, PMD));
}

/* A huge page must not extend beyond its range, not by one page. */
TEST_F_TIMEOUT(range, no_huge_fault_over_an_edge, 120)
{
	struct vfio_region_dma_range r[] = { RANGE(512, 511), RANGE(3, 1), RANGE(1024, 512) };
	void *p = map_ranges(self, r, 3, 0, 2 * PMD, 0);

	EXPECT_EQ(faults_in_order(0, PMD - PAGE) + 1 + 1, faults_of(p, 2 * PMD));
	EXPECT_TRUE(pages_are(p, PMD - PAGE, PMD));
	EXPECT_TRUE(pages_are(p + PMD - PAGE, PAGE, 3 * PAGE));
	EXPECT_TRUE(pages_are(p + PMD, PMD, 2 * PMD));
}

/* Nor where the BAR's side is not aligned. */
TEST_F_TIMEOUT(range, no_huge_fault_at_an_odd_page, 120)
{
	struct vfio_region_dma_range r = RANGE(513, 512);
	void *p = map_ranges(self, &r, 1, 0, PMD, 0);

	EXPECT_EQ(faults_in_order(0, PMD), faults_of(p, PMD));
	EXPECT_TRUE(pages_are(p, PMD, PMD + PAGE));
}

/*
 * Pages mapped ahead are the next ones of the slice, and are revoked with it.
 */
TEST_F_TIMEOUT(range, mapped_ahead, 120)
{
	struct vfio_region_dma_range r[] = { RANGE(16, 20), RANGE(3, 4) };
	int fd = endpoint_export(self->mem, BAR, r, 2);
	struct entry e;
	void *p;

	ASSERT_GE(fd, 0);
	p = map_aligned(fd, 0, 22 * PAGE, RW, PMD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(5, faults_of(p, 16 * PAGE));
	/* Up to the end of the range, before the end of the mapping */
	EXPECT_EQ(0, faults_of(p + 16 * PAGE, 4 * PAGE));
	EXPECT_EQ(1, faults_of(p + 20 * PAGE, PAGE));
	EXPECT_TRUE(pages_are(p, 20 * PAGE, 16 * PAGE));
	EXPECT_TRUE(pages_are(p + 20 * PAGE, 2 * PAGE, 3 * PAGE));
	if (pgtable_ready())
		EXPECT_FALSE(pgtable_find(p + 22 * PAGE, &e));

	ASSERT_EQ(0, slice_revoke(self->mem, fd));
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(SIGBUS, child_read(p + 19 * PAGE));
	if (pgtable_ready()) {
		EXPECT_FALSE(pgtable_find(p, &e));
		EXPECT_FALSE(pgtable_find(p + 19 * PAGE, &e));
	}
	close(fd);
}

/* Buffers of one page that show and hide their neighbours. */
TEST_F_TIMEOUT(range, slices_are_apart, 120)
{
	void *p[8];
	int i, fd;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		fd = slice_export(self->mem, BAR, i * PAGE, PAGE);
		ASSERT_GE(fd, 0);
		p[i] = map_shared(fd, 0, PAGE, RW);
		ASSERT_NE(NULL, p[i]);
		errno = 0;
		EXPECT_EQ(NULL, map_shared(fd, PAGE, PAGE, RW));
		EXPECT_EQ(EINVAL, errno);
		close(fd);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		EXPECT_TRUE(pages_are(p[i], PAGE, i * PAGE));
}

/*
 * A type1 container keeps the pages behind a mapping, and a revoke cannot reach
 * it: it may have only pages that the process gets from its own device.
 */
TEST(not_for_type1)
{
	struct dma_region region = { .iova = IOVA, .size = 2 * PAGE };
	const char *mem_bdf = pci_find(&pci_ivshmem, 0);
	const char *edu_bdf = pci_find(&pci_edu, 0);
	struct vfio_pci_device *mem, *edu;
	struct iommu *iommufd, *type1;
	int dmabuf;

	if (!mem_bdf || !edu_bdf)
		SKIP(return, "needs ivshmem and edu");
	iommufd = iommu_init(MODE_IOMMUFD);
	mem = endpoint_open(mem_bdf, iommufd, NULL);
	type1 = iommu_init(MODE_VFIO_TYPE1V2_IOMMU);
	edu = vfio_pci_device_init(edu_bdf, type1);

	dmabuf = slice_export(mem, BAR, 0, 2 * PAGE);
	ASSERT_GE(dmabuf, 0);
	region.vaddr = map_shared(dmabuf, 0, 2 * PAGE, RW);
	ASSERT_NE(region.vaddr, NULL);
	EXPECT_EQ(__iommu_map(type1, &region), -EOPNOTSUPP);
	munmap(region.vaddr, 2 * PAGE);
	close(dmabuf);

	region.vaddr = mem->bars[BAR].vaddr;
	ASSERT_EQ(__iommu_map(type1, &region), 0);
	EXPECT_EQ(__iommu_unmap(type1, &region, NULL), 0);

	vfio_pci_device_cleanup(edu);
	iommu_cleanup(type1);
	vfio_pci_device_cleanup(mem);
	iommu_cleanup(iommufd);
}

TEST_HARNESS_MAIN
