// SPDX-License-Identifier: GPL-2.0
/*
 * BARs that are mapped for DMA by their user address.
 *
 * Programs that were written for VFIO's type1 know no dma-buf: they map a BAR
 * into their address space and pass the address. Through both interfaces of
 * iommufd, other devices then reach the BAR, but only as long as its owner
 * allows.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/io.h>
#include <linux/sizes.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/mem.h"
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define LEN	256
#define ROOM	(24 * PAGE)		/* memory, with the BAR in its middle: */
#define MIDDLE	(8 * PAGE)		/* from here on */
#define MIDDLE_LEN	(6 * PAGE)
#define FIRST	(3 * PAGE)		/* from this page of the BAR on */

FIXTURE(byaddr) {
	struct iommu *iommu;
	int iommufd;
	u32 ioas;
	struct engines engines;
	struct vfio_pci_device *mem;
	u8 *bar;			/* all of it, for the CPU */
	bool compat;
};

FIXTURE_VARIANT(byaddr) {
	bool compat;
};

FIXTURE_VARIANT_ADD(byaddr, iommufd) { .compat = false };
FIXTURE_VARIANT_ADD(byaddr, type1) { .compat = true };

static int vfio_ioas(int iommufd, u16 op, u32 id)
{
	struct iommu_vfio_ioas cmd = { .size = sizeof(cmd), .ioas_id = id, .op = op };

	return ioctl(iommufd, IOMMU_VFIO_IOAS, &cmd) ? -errno : 0;
}

FIXTURE_SETUP(byaddr)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&self->engines, self->iommu, 1))
		SKIP(return, "needs edu and ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->bar = self->mem->bars[BAR].vaddr;
	self->iommufd = self->iommu->iommufd;
	self->ioas = self->iommu->ioas_id;
	self->compat = variant->compat;
	ASSERT_EQ(0, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_SET, self->ioas));
}

FIXTURE_TEARDOWN(byaddr)
{
	if (!self->mem)
		return;
	vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

static int vfio_map(int iommufd, void *from, u64 length, u64 iova, u32 flags)
{
	struct vfio_iommu_type1_dma_map args = {
		.argsz = sizeof(args),
		.vaddr = (u64)from,
		.iova = iova,
		.size = length,
	};

	if (flags & IOAS_READ)
		args.flags |= VFIO_DMA_MAP_FLAG_READ;
	if (flags & IOAS_WRITE)
		args.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return ioctl(iommufd, VFIO_IOMMU_MAP_DMA, &args) ? -errno : 0;
}

/* A number of bytes, or -errno */
static s64 vfio_unmap(int iommufd, u64 iova, u64 length)
{
	struct vfio_iommu_type1_dma_unmap args = {
		.argsz = sizeof(args),
		.iova = iova,
		.size = length,
	};

	return ioctl(iommufd, VFIO_IOMMU_UNMAP_DMA, &args) ? -errno : (s64)args.size;
}

static int map(struct _test_data_byaddr *self, void *from, u64 length, u64 iova,
	       u32 flags)
{
	if (self->compat)
		return vfio_map(self->iommufd, from, length, iova, flags);
	return ioas_map(self->iommufd, self->ioas, from, length, iova, flags);
}

static s64 unmap(struct _test_data_byaddr *self, u64 iova, u64 length)
{
	u64 done;
	int rc;

	if (self->compat)
		return vfio_unmap(self->iommufd, iova, length);
	rc = ioas_unmap(self->iommufd, self->ioas, iova, length, &done);
	return rc ?: (s64)done;
}

/* Does a store of an engine at @iova appear at @at, which the CPU reaches? */
static bool lands(struct _test_data_byaddr *self, u64 iova, void *at)
{
	static const u8 zeros[LEN];
	static u32 seed = 1;
	u8 sent[LEN], got[LEN];
	bool landed;

	bar_write(at, zeros, LEN);
	mem_random(sent, LEN, seed++);
	engines_write(&self->engines, iova, sent, LEN);
	bar_read(got, at, LEN);
	landed = mem_differ(sent, got, LEN) < 0;
	VFIO_ASSERT_TRUE(landed || mem_differ(zeros, got, LEN) < 0,
			 "some of it landed");
	return landed;
}

/* Does a load of an engine from @iova return what is at @at? */
static bool loads(struct _test_data_byaddr *self, u64 iova, void *at)
{
	static u32 seed = 1000;
	u8 sent[LEN], got[LEN] = {};

	mem_random(sent, LEN, seed++);
	bar_write(at, sent, LEN);
	engines_read(&self->engines, got, iova, LEN);
	return mem_differ(sent, got, LEN) < 0;
}

static u8 *memory(size_t length)
{
	void *p = mmap(NULL, length, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	VFIO_ASSERT_NE(p, MAP_FAILED);
	return p;
}

static void *replace(void *at, size_t length, int prot, int fd, u64 offset)
{
	int flags = MAP_FIXED | MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0);
	void *p = mmap(at, length, prot, flags, fd, offset);

	VFIO_ASSERT_EQ(p, at);
	return p;
}

static u64 bar_offset(struct _test_data_byaddr *self)
{
	return self->mem->bars[BAR].info.offset;
}

/* Memory, a part of the BAR, memory */
static u8 *room(struct _test_data_byaddr *self)
{
	u8 *p = memory(ROOM);

	replace(p + MIDDLE, MIDDLE_LEN, RW, self->mem->fd, bar_offset(self) + FIRST);
	return p;
}

static void expect_room(struct __test_metadata *_metadata, struct _test_data_byaddr *self,
			u64 iova, u8 *p)
{
	EXPECT_TRUE(lands(self, iova, p));
	EXPECT_TRUE(lands(self, iova + MIDDLE - LEN, p + MIDDLE - LEN));
	EXPECT_TRUE(lands(self, iova + MIDDLE, self->bar + FIRST));
	EXPECT_TRUE(loads(self, iova + MIDDLE, self->bar + FIRST));
	EXPECT_TRUE(lands(self, iova + MIDDLE + MIDDLE_LEN - LEN,
			  self->bar + FIRST + MIDDLE_LEN - LEN));
	EXPECT_TRUE(lands(self, iova + MIDDLE + MIDDLE_LEN, p + MIDDLE + MIDDLE_LEN));
	EXPECT_TRUE(lands(self, iova + ROOM - LEN, p + ROOM - LEN));
}

/* All of a buffer that is longer than a page, in both directions. */
TEST_F_TIMEOUT(byaddr, a_bar, 120)
{
	static u8 sent[3 * PAGE + 40], got[sizeof(sent)];

	ASSERT_EQ(0, map(self, self->bar + FIRST, 4 * PAGE, IOVA, IOAS_RW));
	mem_random(sent, sizeof(sent), 7);
	engines_write(&self->engines, IOVA + 100, sent, sizeof(sent));
	bar_read(got, self->bar + FIRST + 100, sizeof(got));
	EXPECT_EQ(-1, mem_differ(got, sent, sizeof(sent)));
	memset(got, 0, sizeof(got));
	engines_read(&self->engines, got, IOVA + 100, sizeof(got));
	EXPECT_EQ(-1, mem_differ(got, sent, sizeof(sent)));

	EXPECT_EQ(4 * PAGE, unmap(self, IOVA, 4 * PAGE));
	EXPECT_FALSE(lands(self, IOVA, self->bar + FIRST));
}

TEST_F_TIMEOUT(byaddr, the_whole_bar, 120)
{
	u64 size = self->mem->bars[BAR].info.size;

	ASSERT_EQ(0, map(self, self->bar, size, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA, self->bar));
	EXPECT_TRUE(lands(self, IOVA + size - LEN, self->bar + size - LEN));
	EXPECT_EQ(size, unmap(self, IOVA, size));
}

TEST_F_TIMEOUT(byaddr, memory_on_both_sides, 120)
{
	u8 *p = room(self);

	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	expect_room(_metadata, self, IOVA, p);
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	EXPECT_FALSE(lands(self, IOVA, p));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE, self->bar + FIRST));

	/* The same again, in a copy, and without the original mapping. */
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	ASSERT_EQ(0, ioas_copy(self->iommufd, self->ioas, IOVA + ROOM, self->ioas, IOVA,
			       ROOM, IOAS_RW));
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	expect_room(_metadata, self, IOVA + ROOM, p);
	EXPECT_EQ(ROOM, unmap(self, IOVA + ROOM, ROOM));
	munmap(p, ROOM);
}

/* Nothing but the mapped part: neither before nor behind it, nor in a copy. */
TEST_F_TIMEOUT(byaddr, no_more_than_the_mapping, 120)
{
	u8 *p = room(self);
	u64 size = MIDDLE_LEN;

	ASSERT_EQ(0, munmap(p + MIDDLE + size, PAGE));
	EXPECT_EQ(-EFAULT, map(self, p + MIDDLE, size + PAGE, IOVA, IOAS_RW));
	ASSERT_EQ(0, map(self, p + MIDDLE, size, IOVA, IOAS_RW));
	EXPECT_FALSE(lands(self, IOVA + size, self->bar + FIRST + size));
	EXPECT_FALSE(lands(self, IOVA - PAGE, self->bar + FIRST - PAGE));
	EXPECT_EQ(-ENOENT, ioas_copy(self->iommufd, self->ioas, IOVA + ROOM, self->ioas,
				     IOVA, size + PAGE, IOAS_RW));
	EXPECT_EQ(size, unmap(self, IOVA, size));
	munmap(p, ROOM);
}

TEST_F_TIMEOUT(byaddr, slice, 120)
{
	int slice = slice_export(self->mem, BAR, FIRST, 4 * PAGE), i;
	u8 *p, *q;

	ASSERT_GE(slice, 0);
	p = map_shared(slice, 0, 4 * PAGE, RW);
	q = map_shared(slice, 2 * PAGE, 2 * PAGE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);

	/* Any number of maps, through each mapping: one attachment */
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, map(self, p + PAGE, 3 * PAGE, IOVA + i * 4 * PAGE, IOAS_RW));
	ASSERT_EQ(0, map(self, q, PAGE, IOVA + i * 4 * PAGE, IOAS_RW));
	EXPECT_EQ(1, bufinfo_attachments(slice));
	EXPECT_TRUE(lands(self, IOVA, self->bar + FIRST + PAGE));
	EXPECT_TRUE(lands(self, IOVA + 9 * 4 * PAGE + 2 * PAGE, self->bar + FIRST + 3 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + i * 4 * PAGE, self->bar + FIRST + 2 * PAGE));

	/* Read-only maps do not share with writable ones. */
	ASSERT_EQ(0, map(self, q, PAGE, IOVA + ++i * 4 * PAGE, IOAS_READ));
	EXPECT_EQ(2, bufinfo_attachments(slice));
	EXPECT_FALSE(lands(self, IOVA + i * 4 * PAGE, self->bar + FIRST + 2 * PAGE));
	EXPECT_TRUE(loads(self, IOVA + i * 4 * PAGE, self->bar + FIRST + 2 * PAGE));

	close(slice);
	munmap(p, 4 * PAGE);
	slice = slice_export(self->mem, BAR, FIRST, 4 * PAGE);
	EXPECT_TRUE(lands(self, IOVA, self->bar + FIRST + PAGE));
	munmap(q, 2 * PAGE);
	EXPECT_EQ(10 * 3 * PAGE + 2 * PAGE, unmap(self, IOVA, (i + 1) * 4 * PAGE));
	close(slice);
}

/* The last mapping ends the import. */
TEST_F_TIMEOUT(byaddr, nothing_is_left, 120)
{
	int slice = slice_export(self->mem, BAR, FIRST, 4 * PAGE), before, i;
	u8 *p = map_shared(slice, 0, 4 * PAGE, RW), *q = room(self);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, map(self, p, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(PAGE, unmap(self, IOVA, PAGE));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	before = bufinfo_buffers();
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, map(self, p, 2 * PAGE, IOVA, IOAS_RW));
		ASSERT_EQ(0, map(self, p + PAGE, 2 * PAGE, IOVA + ROOM, IOAS_RW));
		ASSERT_EQ(0, map(self, q, ROOM, IOVA + 2 * ROOM, IOAS_RW));
		ASSERT_EQ(-EEXIST, map(self, q, ROOM, IOVA + ROOM, IOAS_RW));
		ASSERT_EQ(2 * PAGE, unmap(self, IOVA, 2 * PAGE));
		EXPECT_EQ(1, bufinfo_attachments(slice));
		ASSERT_EQ(2 * PAGE + ROOM, unmap(self, IOVA + ROOM, 2 * ROOM));
	}
	EXPECT_EQ(0, bufinfo_attachments(slice));
	EXPECT_EQ(before, bufinfo_buffers());
	munmap(p, 4 * PAGE);
	munmap(q, ROOM);
	close(slice);
	EXPECT_EQ(before - 1, bufinfo_buffers());
}

TEST_F_TIMEOUT(byaddr, revoke_is_for_ever, 120)
{
	int slice = slice_export(self->mem, BAR, FIRST, 2 * PAGE);
	u8 *p = map_shared(slice, 0, 2 * PAGE, RW);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, map(self, p, 2 * PAGE, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA, self->bar + FIRST));
	ASSERT_EQ(0, slice_revoke(self->mem, slice));
	EXPECT_FALSE(lands(self, IOVA, self->bar + FIRST));
	EXPECT_EQ(-ENODEV, map(self, p, 2 * PAGE, IOVA + ROOM, IOAS_RW));

	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_FALSE(lands(self, IOVA, self->bar + FIRST));
	EXPECT_EQ(-ENODEV, map(self, p, 2 * PAGE, IOVA + ROOM, IOAS_RW));

	/* The owner's own mapping still works */
	EXPECT_EQ(0, map(self, self->bar + FIRST, 2 * PAGE, IOVA + ROOM, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + ROOM, self->bar + FIRST));
	EXPECT_EQ(4 * PAGE, unmap(self, IOVA, 2 * ROOM));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	close(slice);
}

/* What was mapped comes back, and so do maps of the same import meanwhile. */
TEST_F_TIMEOUT(byaddr, after_an_outage, 120)
{
	int slice = slice_export(self->mem, BAR, FIRST, PAGE);
	u8 *alone = map_shared(slice, 0, PAGE, RW);
	u8 *p = room(self);

	ASSERT_NE(NULL, alone);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	endpoint_memory(self->mem, false);
	EXPECT_EQ(0, map(self, self->bar, PAGE, IOVA + 2 * ROOM, IOAS_RW));
	EXPECT_EQ(-EAGAIN, map(self, alone, PAGE, IOVA + 3 * ROOM, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA, p));
	endpoint_memory(self->mem, true);
	usleep(500000);
	expect_room(_metadata, self, IOVA, p);
	EXPECT_TRUE(lands(self, IOVA + 2 * ROOM, self->bar));
	ASSERT_EQ(0, map(self, alone, PAGE, IOVA + 3 * ROOM, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + 3 * ROOM, self->bar + FIRST));
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	EXPECT_EQ(2 * PAGE, unmap(self, IOVA + 2 * ROOM, 2 * ROOM));
	munmap(alone, PAGE);
	munmap(p, ROOM);
	close(slice);
}

static int export_readonly(struct vfio_pci_device *dev, u64 offset, u64 length)
{
	const struct vfio_region_dma_range range = { offset, length };
	struct vfio_device_feature_dma_buf buf = {
		.region_index = BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1,
	};

	return endpoint_export_raw(dev, VFIO_DEVICE_FEATURE_GET, &buf, &range, 1);
}

TEST_F_TIMEOUT(byaddr, who_may_write, 120)
{
	int slice = export_readonly(self->mem, FIRST, PAGE);
	u8 *p;

	p = map_shared(slice, 0, PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(-EPERM, map(self, p, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(-EPERM, map(self, p, PAGE, IOVA, IOAS_WRITE));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	ASSERT_EQ(0, map(self, p, PAGE, IOVA, IOAS_READ));
	EXPECT_TRUE(loads(self, IOVA, self->bar + FIRST));
	EXPECT_FALSE(lands(self, IOVA, self->bar + FIRST));
	EXPECT_EQ(-EPERM, ioas_copy(self->iommufd, self->ioas, IOVA + ROOM, self->ioas,
				    IOVA, PAGE, IOAS_RW));
	EXPECT_EQ(PAGE, unmap(self, IOVA, PAGE));
	munmap(p, PAGE);
	close(slice);

	/* The owner could write, but not through this mapping. */
	p = map_shared(self->mem->fd, bar_offset(self) + FIRST, PAGE, PROT_READ);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(-EFAULT, map(self, p, PAGE, IOVA, IOAS_RW));
	ASSERT_EQ(0, map(self, p, PAGE, IOVA, IOAS_READ));
	EXPECT_TRUE(loads(self, IOVA, self->bar + FIRST));
	EXPECT_FALSE(lands(self, IOVA, self->bar + FIRST));
	EXPECT_EQ(-EPERM, ioas_copy(self->iommufd, self->ioas, IOVA + ROOM, self->ioas,
				    IOVA, PAGE, IOAS_RW));
	EXPECT_EQ(PAGE, unmap(self, IOVA, PAGE));
	ASSERT_EQ(0, mprotect(p, PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, map(self, p, PAGE, IOVA, IOAS_READ));
	ASSERT_EQ(0, mprotect(p, PAGE, RW));
	EXPECT_EQ(0, map(self, p, PAGE, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA, self->bar + FIRST));
	EXPECT_EQ(PAGE, unmap(self, IOVA, PAGE));
	munmap(p, PAGE);
}

/* The call maps what is at the address at that time. */
TEST_F_TIMEOUT(byaddr, before_and_after, 120)
{
	u8 *p = room(self), *q = p + MIDDLE;

	/* Unmapped before: nothing */
	ASSERT_EQ(0, munmap(q, PAGE));
	EXPECT_EQ(-EFAULT, map(self, q, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(-EFAULT, map(self, p, ROOM, IOVA, IOAS_RW));

	/* Unmapped after: no change */
	q += PAGE;
	ASSERT_EQ(0, map(self, q, PAGE, IOVA, IOAS_RW));
	ASSERT_EQ(0, munmap(q, PAGE));
	EXPECT_TRUE(lands(self, IOVA, self->bar + FIRST + PAGE));

	/* Replaced after: the former mapping */
	q += PAGE;
	ASSERT_EQ(0, map(self, q, PAGE, IOVA + PAGE, IOAS_RW));
	replace(q, PAGE, RW, -1, 0);
	EXPECT_TRUE(lands(self, IOVA + PAGE, self->bar + FIRST + 2 * PAGE));
	EXPECT_FALSE(lands(self, IOVA + PAGE, q));

	/* And memory that has replaced a BAR is memory */
	ASSERT_EQ(0, map(self, q, PAGE, IOVA + 2 * PAGE, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + 2 * PAGE, q));
	replace(q, PAGE, RW, self->mem->fd, bar_offset(self) + FIRST);
	EXPECT_FALSE(lands(self, IOVA + 2 * PAGE, self->bar + FIRST));
	EXPECT_EQ(3 * PAGE, unmap(self, IOVA, 3 * PAGE));
	munmap(p, ROOM);
}

/* A BAR in pieces: moved, split, mapped twice over. */
TEST_F_TIMEOUT(byaddr, torn_mapping, 120)
{
	u8 *p = room(self), *q = p + MIDDLE, *moved = memory(2 * PAGE);

	/* Pages 1 and 2 are exchanged, a third has other rights */
	ASSERT_EQ(moved, mremap(q + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	ASSERT_EQ(q + PAGE, mremap(q + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				   q + PAGE));
	ASSERT_EQ(q + 2 * PAGE, mremap(moved, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				       q + 2 * PAGE));
	ASSERT_EQ(0, mprotect(q + 3 * PAGE, PAGE, PROT_WRITE));
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE, self->bar + FIRST));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + PAGE, self->bar + FIRST + 2 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 2 * PAGE, self->bar + FIRST + PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 3 * PAGE, self->bar + FIRST + 3 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 5 * PAGE, self->bar + FIRST + 5 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE - LEN, p + MIDDLE - LEN));
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	munmap(moved, 2 * PAGE);
	munmap(p, ROOM);
}

/* The import does not keep the device open: closing it ends the mapping. */
TEST_F_TIMEOUT(byaddr, close_of_the_device, 120)
{
	const char *bdf = pci_find(&pci_ivshmem, 1);
	struct vfio_pci_device *dev;
	u8 *bar;
	int i;

	if (!bdf)
		SKIP(return, "needs a second ivshmem");
	dev = endpoint_open(bdf, self->iommu, NULL);
	bar = dev->bars[BAR].vaddr;
	ASSERT_EQ(0, map(self, bar + FIRST, PAGE, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA, bar + FIRST));
	bar_write(bar + FIRST, memory(PAGE), LEN);
	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		if (dev->bars[i].vaddr)
			ASSERT_EQ(0, munmap(dev->bars[i].vaddr, dev->bars[i].info.size));
	ASSERT_EQ(0, close(dev->fd));
	vfio_pci_device_free(dev);

	/* Another process can open it now, and the BAR is at the same place. */
	dev = endpoint_open(bdf, self->iommu, NULL);
	bar = dev->bars[BAR].vaddr;
	EXPECT_FALSE(lands(self, IOVA, bar + FIRST));
	EXPECT_EQ(0, map(self, bar + FIRST, PAGE, IOVA + PAGE, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + PAGE, bar + FIRST));
	EXPECT_EQ(2 * PAGE, unmap(self, IOVA, 2 * PAGE));
	vfio_pci_device_cleanup(dev);
}

/* An IOAS of its own for one call, with the engines' memory. */
static u32 other_ioas(struct _test_data_byaddr *self)
{
	u32 id;
	int rc;

	rc = ioas_alloc(self->iommufd, &id);
	VFIO_ASSERT_EQ(rc, 0);
	rc = vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_SET, id);
	VFIO_ASSERT_EQ(rc, 0);
	return id;
}

static void engines_to(struct _test_data_byaddr *self, u32 id)
{
	struct dma_region *ram = &self->engines.ram;
	int rc;

	rc = ioas_copy(self->iommufd, id, ram->iova, self->iommu->ioas_id, ram->iova,
		       ram->size, IOAS_RW);
	VFIO_ASSERT_EQ(rc, 0);
	rc = endpoint_attach(self->engines.edu[0].dev, id);
	VFIO_ASSERT_EQ(rc, 0);
}

/* Without a device nothing is pinned. The first device gets what was mapped. */
TEST_F_TIMEOUT(byaddr, attached_later, 120)
{
	u8 *p = room(self), *q = room(self);

	self->ioas = other_ioas(self);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	ASSERT_EQ(0, map(self, q + MIDDLE, PAGE, IOVA + ROOM, IOAS_RW));
	replace(q + MIDDLE, PAGE, RW, -1, 0);
	engines_to(self, self->ioas);
	expect_room(_metadata, self, IOVA, p);
	EXPECT_TRUE(lands(self, IOVA + ROOM, self->bar + FIRST));
	EXPECT_FALSE(lands(self, IOVA + ROOM, q + MIDDLE));
	EXPECT_EQ(ROOM + PAGE, unmap(self, IOVA, 2 * ROOM));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[0].dev, self->iommu->ioas_id));
	munmap(p, ROOM);
	munmap(q, ROOM);
}

/* Before that, an address that cannot be imported is no error. */
TEST_F_TIMEOUT(byaddr, refused_later, 120)
{
	int slice = export_readonly(self->mem, FIRST, PAGE);
	u8 *p = memory(ROOM);
	u32 id;

	ASSERT_GE(slice, 0);
	replace(p + MIDDLE, PAGE, PROT_READ, slice, 0);
	id = other_ioas(self);
	self->ioas = id;
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	EXPECT_EQ(-EFAULT, endpoint_attach(self->engines.edu[0].dev, id));
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	munmap(p, ROOM);
	close(slice);
}

/* Accesses (of mediated devices) reach memory, also next to a BAR. */
TEST_F_TIMEOUT(byaddr, accesses_only, 120)
{
	u8 *p = room(self), sent[LEN], got[LEN];
	int access;

	self->ioas = other_ioas(self);
	access = mock_access(self->iommufd, self->ioas);
	if (access == -ENOTTY)
		SKIP(return, "no test devices in this kernel");
	ASSERT_GE(access, 0);
	endpoint_memory(self->mem, false);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	endpoint_memory(self->mem, true);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA + ROOM, IOAS_RW));
	mem_random(sent, LEN, 3);
	EXPECT_EQ(0, mock_access_rw(self->iommufd, access, IOVA, sent, LEN, true));
	EXPECT_EQ(-1, mem_differ(p, sent, LEN));
	EXPECT_EQ(0, mock_access_rw(self->iommufd, access, IOVA + 2 * ROOM - LEN, sent, LEN,
				    true));
	EXPECT_EQ(-1, mem_differ(p + ROOM - LEN, sent, LEN));

	/* And a BAR, by its user address. */
	EXPECT_EQ(0, mock_access_rw(self->iommufd, access, IOVA + ROOM + MIDDLE, sent, LEN,
				    true));
	bar_read(got, self->bar + FIRST, LEN);
	EXPECT_EQ(-1, mem_differ(got, sent, LEN));
	EXPECT_EQ(2 * ROOM, unmap(self, IOVA, 2 * ROOM));
	close(access);

	/* For an attached device, iommufd imports the BAR. */
	self->ioas = self->iommu->ioas_id;
	ASSERT_EQ(0, vfio_ioas(self->iommufd, IOMMU_VFIO_IOAS_SET, self->ioas));
	access = mock_access(self->iommufd, self->ioas);
	ASSERT_GE(access, 0);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	expect_room(_metadata, self, IOVA, p);
	EXPECT_EQ(0, mock_access_rw(self->iommufd, access, IOVA, sent, LEN, true));
	EXPECT_EQ(-1, mem_differ(p, sent, LEN));
	EXPECT_EQ(-EINVAL, mock_access_rw(self->iommufd, access, IOVA + MIDDLE, sent, LEN,
					  true));
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	close(access);
	munmap(p, ROOM);
}

/* Type1 unmaps any part of a mapping. */
TEST_F_TIMEOUT(byaddr, type1_cuts, 120)
{
	int slice = slice_export(self->mem, BAR, FIRST + MIDDLE_LEN, 2 * PAGE);
	u8 *p = room(self);
	u64 cut = IOVA + MIDDLE - PAGE;

	if (!self->compat)
		SKIP(return, "it is about type1");
	ASSERT_GE(slice, 0);
	replace(p + MIDDLE + MIDDLE_LEN, 2 * PAGE, RW, slice, 0);
	self->ioas = other_ioas(self);
	ASSERT_EQ(0, ioctl(self->iommufd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	engines_to(self, self->ioas);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + PAGE, self->bar + FIRST + PAGE));

	/* A page of memory and two of the BAR */
	EXPECT_EQ(3 * PAGE, unmap(self, cut, 3 * PAGE));
	EXPECT_TRUE(lands(self, cut - LEN, p + MIDDLE - PAGE - LEN));
	EXPECT_FALSE(lands(self, cut, p + MIDDLE - PAGE));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE, self->bar + FIRST));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE + PAGE, self->bar + FIRST + PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 2 * PAGE, self->bar + FIRST + 2 * PAGE));

	/* One of the BAR's middle, and one of each side of the slice */
	EXPECT_EQ(PAGE, unmap(self, IOVA + MIDDLE + 4 * PAGE, PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 3 * PAGE, self->bar + FIRST + 3 * PAGE));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE + 4 * PAGE, self->bar + FIRST + 4 * PAGE));
	EXPECT_EQ(2 * PAGE, unmap(self, IOVA + MIDDLE + 5 * PAGE, 2 * PAGE));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE + 6 * PAGE, self->bar + FIRST + 6 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 7 * PAGE, self->bar + FIRST + 7 * PAGE));

	/* The rest of the slice goes with it. */
	ASSERT_EQ(0, slice_revoke(self->mem, slice));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE + 7 * PAGE, self->bar + FIRST + 7 * PAGE));
	EXPECT_TRUE(lands(self, IOVA + MIDDLE + 3 * PAGE, self->bar + FIRST + 3 * PAGE));
	endpoint_memory(self->mem, false);
	EXPECT_EQ(PAGE, unmap(self, IOVA + MIDDLE + 3 * PAGE, PAGE));
	endpoint_memory(self->mem, true);
	EXPECT_FALSE(lands(self, IOVA + MIDDLE + 3 * PAGE, self->bar + FIRST + 3 * PAGE));
	EXPECT_EQ(ROOM - 7 * PAGE, unmap(self, IOVA, ROOM));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[0].dev, self->iommu->ioas_id));
	munmap(p, ROOM);
	close(slice);
}

/*
 * Parts that were cut out stay out when the BAR comes back; the rest returns.
 */
TEST_F_TIMEOUT(byaddr, type1_cuts_after_an_outage, 120)
{
	u8 *p = room(self);
	int round;

	if (!self->compat)
		SKIP(return, "it is about type1");
	self->ioas = other_ioas(self);
	ASSERT_EQ(0, ioctl(self->iommufd, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	engines_to(self, self->ioas);
	ASSERT_EQ(0, map(self, p, ROOM, IOVA, IOAS_RW));
	EXPECT_EQ(PAGE, unmap(self, IOVA + MIDDLE + PAGE, PAGE));

	for (round = 0; round < 2; round++) {
		endpoint_memory(self->mem, false);
		/* The second time there is also a cut while it is away */
		if (round)
			EXPECT_EQ(PAGE, unmap(self, IOVA + MIDDLE + 3 * PAGE, PAGE));
		EXPECT_TRUE(lands(self, IOVA + MIDDLE - LEN, p + MIDDLE - LEN));
		endpoint_memory(self->mem, true);
		usleep(500000);
		EXPECT_TRUE(lands(self, IOVA + MIDDLE, self->bar + FIRST));
		EXPECT_FALSE(lands(self, IOVA + MIDDLE + PAGE, self->bar + FIRST + PAGE));
		EXPECT_TRUE(lands(self, IOVA + MIDDLE + 2 * PAGE, self->bar + FIRST + 2 * PAGE));
		EXPECT_EQ(!round, lands(self, IOVA + MIDDLE + 3 * PAGE,
					self->bar + FIRST + 3 * PAGE));
		EXPECT_TRUE(lands(self, IOVA + MIDDLE + 4 * PAGE, self->bar + FIRST + 4 * PAGE));
	}
	EXPECT_EQ(ROOM - 2 * PAGE, unmap(self, IOVA, ROOM));
	EXPECT_FALSE(lands(self, IOVA + MIDDLE, self->bar + FIRST));
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[0].dev, self->iommu->ioas_id));
	munmap(p, ROOM);
}

/* Pages that IOMMU page tables consist of */
static long table_pages(void)
{
	char text[1 << 16], *at;

	VFIO_ASSERT_GT(file_read(text, sizeof(text), "/proc/vmstat"), 0);
	at = strstr(text, "nr_iommu_pages ");
	return at ? atol(at + strlen("nr_iommu_pages ")) : -1;
}

/* Mapped with the largest possible pages: so tables are few. */
TEST_F_TIMEOUT(byaddr, large_pages, 120)
{
	struct vfio_pci_device *dev = NULL;
	const char *bdf;
	long before;
	u8 *bar;
	int i;

	for (i = 0; !dev && (bdf = pci_find(&pci_ivshmem, i)); i++) {
		if (!strcmp(bdf, self->mem->bdf))
			continue;
		dev = endpoint_open(bdf, self->iommu, NULL);
		if (dev->bars[BAR].info.size < 2UL * SZ_1G) {
			vfio_pci_device_cleanup(dev);
			dev = NULL;
		}
	}
	if (!dev || table_pages() < 0)
		SKIP(return, "needs an ivshmem of 2 GiB and to know of page tables");
	bar = dev->bars[BAR].vaddr;

	ASSERT_EQ(0, map(self, bar, SZ_1G, 4UL * SZ_1G, IOAS_RW));
	before = table_pages();
	/* Another entry of the same table */
	ASSERT_EQ(0, map(self, bar + SZ_1G, SZ_1G, 5UL * SZ_1G, IOAS_RW));
	EXPECT_LE(table_pages(), before);
	EXPECT_EQ(2UL * SZ_1G, unmap(self, 4UL * SZ_1G, 2UL * SZ_1G));

	before = table_pages();
	ASSERT_EQ(0, map(self, bar, SZ_1G, 8UL * SZ_1G + SZ_2M, IOAS_RW));
	EXPECT_LE(table_pages() - before, 3);
	EXPECT_EQ(SZ_1G, unmap(self, 8UL * SZ_1G + SZ_2M, SZ_1G));

	/* The kernel aligns an address that it chooses itself. */
	if (!self->compat) {
		struct iommu_ioas_map args = {
			.size = sizeof(args),
			.flags = IOAS_RW,
			.ioas_id = self->ioas,
			.user_va = (u64)bar + 6 * SZ_2M,
			.length = 4 * SZ_2M,
		};

		before = table_pages();
		ASSERT_EQ(0, ioctl(self->iommufd, IOMMU_IOAS_MAP, &args));
		EXPECT_EQ(0, args.iova % SZ_2M);
		EXPECT_LE(table_pages() - before, 3);
		EXPECT_EQ(args.length, unmap(self, args.iova, args.length));
	}
	vfio_pci_device_cleanup(dev);
}

struct storm {
	struct _test_data_byaddr *self;
	atomic_bool stop;
	u8 *room;
	atomic_long mapped, refused, wrong;
};

static void *map_in_a_storm(void *arg)
{
	static atomic_int nr;
	u64 iova = IOVA + atomic_fetch_add(&nr, 1) * 2 * ROOM;
	struct storm *s = arg;
	int rc;

	while (!s->stop) {
		rc = map(s->self, s->room, ROOM, iova, IOAS_RW);
		if (!rc && unmap(s->self, iova, ROOM) == ROOM)
			s->mapped++;
		else if (rc == -ENODEV || rc == -EFAULT || rc == -EAGAIN)
			s->refused++;
		else
			s->wrong++;
	}
	return NULL;
}

static void *change_in_a_storm(void *arg)
{
	struct storm *s = arg;
	struct _test_data_byaddr *self = s->self;

	while (!s->stop) {
		replace(s->room + MIDDLE, PAGE, RW, -1, 0);
		replace(s->room + MIDDLE + PAGE, PAGE, PROT_NONE, -1, 0);
		replace(s->room + MIDDLE, MIDDLE_LEN, RW, self->mem->fd,
			bar_offset(self) + FIRST);
	}
	return NULL;
}

/* All at once: invalid calls are refused, and leave nothing behind. */
TEST_F_TIMEOUT(byaddr, storm, 120)
{
	struct storm s = { .self = self, .room = room(self) };
	u64 beside = IOVA - ROOM;		/* the threads' are above */
	pthread_t threads[3];
	int i, slice;
	u8 *p;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, map_in_a_storm, &s));
	ASSERT_EQ(0, pthread_create(&threads[2], NULL, change_in_a_storm, &s));
	for (i = 0; i < 60; i++) {
		slice = slice_export(self->mem, BAR, FIRST, PAGE);
		p = slice < 0 ? NULL : map_shared(slice, 0, PAGE, RW);
		if (p) {
			map(self, p, PAGE, beside, IOAS_RW);
			slice_revoke(self->mem, slice);
			unmap(self, beside, PAGE);
			munmap(p, PAGE);
		}
		if (slice >= 0)
			close(slice);
		endpoint_memory(self->mem, false);
		usleep(10000);
		endpoint_memory(self->mem, true);
		usleep(50000);
	}
	s.stop = true;
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	TH_LOG("%ld mapped, %ld refused", s.mapped, s.refused);
	EXPECT_EQ(0, s.wrong);
	EXPECT_GT(s.mapped, 0);

	replace(s.room, ROOM, RW, -1, 0);
	replace(s.room + MIDDLE, MIDDLE_LEN, RW, self->mem->fd, bar_offset(self) + FIRST);
	ASSERT_EQ(0, map(self, s.room, ROOM, IOVA, IOAS_RW));
	expect_room(_metadata, self, IOVA, s.room);
	EXPECT_EQ(ROOM, unmap(self, IOVA, ROOM));
	munmap(s.room, ROOM);
}

TEST_HARNESS_MAIN
