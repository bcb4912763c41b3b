// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation during an export and an import fails once. The call is then
 * refused, and leaves nothing behind.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/bufinfo.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/inject.h"
#include "lib/ioas.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL
#define COPY	0x2000000UL
#define SIZE	(4 * PAGE)
#define MOST	2000

static const struct vfio_region_dma_range ranges[] = {
	{ 20 * PAGE, 2 * PAGE }, { 8 * PAGE, 1 * PAGE }, { 2 * PAGE, 1 * PAGE },
};

FIXTURE(failnth) {
	struct iommu *iommu;
	struct engines engines;
	struct vfio_pci_device *mem;
	int dmabuf;
};

FIXTURE_SETUP(failnth)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!inject_ready())
		SKIP(return, "no fault injection in this kernel");
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&self->engines, self->iommu, 1))
		SKIP(return, "needs edu and ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->dmabuf = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(failnth)
{
	close(self->dmabuf);
	vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

/*
 * iommufd reports some of these failures in its own way: it finds no object of
 * that id, or refuses the reserved regions of the device.
 */
static bool refused(int rc)
{
	return rc == -ENOMEM || rc == -ENOENT || rc == -EINVAL;
}

static int map(struct _test_data_failnth *self)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, 0, SIZE, IOVA, IOAS_RW);
}

static int unmap(struct _test_data_failnth *self, u32 ioas_id, u64 iova)
{
	return ioas_unmap(self->iommu->iommufd, ioas_id, iova, SIZE, NULL);
}

/*
 * Let the first allocation of an export fail, then the second, and so on. @failed counts
 * the exports that failed.
 */
static void fail_exports(struct __test_metadata *_metadata,
			 struct _test_data_failnth *self, int *failed)
{
	int before = bufinfo_buffers(), nth, fd;
	bool hit;

	*failed = 0;
	for (nth = 1; nth < MOST; nth++) {
		inject_arm(nth);
		fd = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
		hit = inject_disarm();
		if (fd < 0) {
			ASSERT_TRUE(hit);
			ASSERT_TRUE(fd == -ENOMEM || fd == -ENFILE)
				TH_LOG("allocation %d: %s", nth, strerror(-fd));
			ASSERT_EQ(before, bufinfo_buffers());
			++*failed;
			continue;
		}
		close(fd);
		if (!hit)
			break;
	}
	ASSERT_LT(nth, MOST);
}

/*
 * An export allocates the object, the dma-buf, its inode, dentry and file. The kernel's
 * checkers allocate in some attempts and not in others, so that one of the five may never
 * be the one that fails.
 */
TEST_F(failnth, export)
{
	int tries, failed = 0;

	for (tries = 0; tries < 4 && failed <= 3; tries++)
		fail_exports(_metadata, self, &failed);
	EXPECT_GT(failed, 3);
}

TEST_F(failnth, import)
{
	int nth, rc, failed = 0;
	u8 sent[256], got[256];
	bool hit;

	for (nth = 1; nth < MOST; nth++) {
		inject_arm(nth);
		rc = map(self);
		hit = inject_disarm();
		if (rc) {
			ASSERT_TRUE(hit);
			ASSERT_TRUE(refused(rc))
				TH_LOG("allocation %d: %s", nth, strerror(-rc));
			ASSERT_EQ(0, bufinfo_attachments(self->dmabuf));
			failed++;
			continue;
		}
		if (!hit)
			break;
		ASSERT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	}
	ASSERT_LT(nth, MOST);
	EXPECT_GT(failed, 3);

	mem_random(sent, sizeof(sent), 1);
	engines_write(&self->engines, IOVA, sent, sizeof(sent));
	bar_read(got, self->mem->bars[BAR].vaddr + ranges[0].offset, sizeof(got));
	EXPECT_EQ(-1, mem_differ(got, sent, sizeof(sent)));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
}

/*
 * By address: memory, the buffer, memory. All or nothing. iommufd also has an
 * error of its own for memory that it cannot pin.
 */
static void map_by_address(struct __test_metadata *_metadata,
			   struct _test_data_failnth *self, u32 ioas_id)
{
	u8 *p = mmap(NULL, 3 * SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int nth, rc, failed = 0;
	bool hit;

	ASSERT_NE(MAP_FAILED, p);
	ASSERT_EQ(p + SIZE, mmap(p + SIZE, SIZE, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_FIXED, self->dmabuf, 0));
	for (nth = 1; nth < MOST; nth++) {
		inject_arm(nth);
		rc = ioas_map(self->iommu->iommufd, ioas_id, p, 3 * SIZE, IOVA, IOAS_RW);
		hit = inject_disarm();
		if (rc) {
			ASSERT_TRUE(hit);
			ASSERT_TRUE(refused(rc) || rc == -EFAULT)
				TH_LOG("allocation %d: %s", nth, strerror(-rc));
			ASSERT_EQ(0, bufinfo_attachments(self->dmabuf));
			ASSERT_EQ(-ENOENT, ioas_unmap(self->iommu->iommufd, ioas_id, IOVA,
						      3 * SIZE, NULL));
			failed++;
			continue;
		}
		ASSERT_EQ(1, bufinfo_attachments(self->dmabuf));
		if (!hit)
			break;
		ASSERT_EQ(0, ioas_unmap(self->iommu->iommufd, ioas_id, IOVA, 3 * SIZE,
					NULL));
	}
	ASSERT_LT(nth, MOST);
	EXPECT_GT(failed, 3);
	munmap(p, 3 * SIZE);
}

TEST_F(failnth, import_by_address)
{
	u8 sent[256], got[256];

	map_by_address(_metadata, self, self->iommu->ioas_id);
	mem_random(sent, sizeof(sent), 1);
	engines_write(&self->engines, IOVA + SIZE, sent, sizeof(sent));
	bar_read(got, self->mem->bars[BAR].vaddr + ranges[0].offset, sizeof(got));
	EXPECT_EQ(-1, mem_differ(got, sent, sizeof(sent)));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA, 3 * SIZE,
				NULL));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

TEST_F(failnth, import_by_address_without_a_device)
{
	u32 other;

	ASSERT_EQ(0, ioas_alloc(self->iommu->iommufd, &other));
	map_by_address(_metadata, self, other);
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, other, IOVA, 3 * SIZE, NULL));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

/* A copy into another IOAS, and a device that is attached to a mapped area. */
TEST_F(failnth, copy)
{
	int nth, rc, failed = 0;
	u32 other;
	bool hit;

	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, ioas_alloc(self->iommu->iommufd, &other));
	ASSERT_EQ(0, endpoint_attach(self->mem, other));
	for (nth = 1; nth < MOST; nth++) {
		inject_arm(nth);
		rc = ioas_copy(self->iommu->iommufd, other, COPY, self->iommu->ioas_id,
			       IOVA, SIZE, IOAS_RW);
		hit = inject_disarm();
		if (rc) {
			ASSERT_TRUE(hit);
			ASSERT_TRUE(refused(rc))
				TH_LOG("allocation %d: %s", nth, strerror(-rc));
			failed++;
			continue;
		}
		ASSERT_EQ(0, unmap(self, other, COPY));
		if (!hit)
			break;
	}
	ASSERT_LT(nth, MOST);
	EXPECT_GT(failed, 1);
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
}

TEST_F(failnth, second_domain)
{
	int nth, rc, failed = 0;
	u32 table;
	bool hit;

	ASSERT_EQ(0, map(self));
	for (nth = 1; nth < MOST; nth++) {
		inject_arm(nth);
		rc = hwpt_alloc(self->iommu->iommufd, self->engines.edu[0].id,
				self->iommu->ioas_id, &table);
		hit = inject_disarm();
		if (rc) {
			ASSERT_TRUE(hit);
			ASSERT_TRUE(refused(rc))
				TH_LOG("allocation %d: %s", nth, strerror(-rc));
			failed++;
			continue;
		}
		ASSERT_EQ(0, iommufd_destroy(self->iommu->iommufd, table));
		if (!hit)
			break;
	}
	ASSERT_LT(nth, MOST);
	EXPECT_GT(failed, 3);

	/* The failures of the other areas did not affect the first. */
	endpoint_memory(self->mem, false);
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

/* IOVA + PAGE is not aligned as the BAR is: there is a page table for each 2 MiB. */
#define TABLES	4
#define MUCH	(TABLES * 2UL << 20)

/* Does what edu stores at the end of the slice appear in the BAR, within 10 s? */
static bool lands(struct _test_data_failnth *self)
{
	u8 *there = self->mem->bars[BAR].vaddr + MUCH - PAGE;
	static const u8 zeros[256];
	u8 sent[256], got[256];
	int tries;

	for (tries = 0; tries < 200; tries++) {
		bar_write(there, zeros, sizeof(zeros));
		mem_random(sent, sizeof(sent), tries);
		engines_write(&self->engines, IOVA + MUCH, sent, sizeof(sent));
		bar_read(got, there, sizeof(got));
		if (mem_differ(got, sent, sizeof(sent)) < 0)
			return true;
		usleep(50000);
	}
	return false;
}

/*
 * After an outage a worker maps the buffer again.  Where an allocation of its first
 * attempt fails, a later attempt maps all of it.
 */
TEST_F_TIMEOUT(failnth, recovery, 300)
{
	int slice = slice_export(self->mem, BAR, 0, MUCH);
	int nth, hits = 1, failed = 0;

	if (PAGE > 4096)
		SKIP(return, "one page table of the IOMMU covers the BAR: none is allocated");
	ASSERT_GE(slice, 0);
	ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, slice, 0, MUCH,
				   IOVA + PAGE, IOAS_RW));
	for (nth = 1; nth < 50 && hits; nth++) {
		endpoint_memory(self->mem, false);
		inject_arm_workers(nth);
		endpoint_memory(self->mem, true);
		EXPECT_TRUE(lands(self))
			TH_LOG("allocation %d", nth);
		hits = inject_disarm_workers();
		failed += hits;
	}
	EXPECT_LT(TABLES / 2, failed);
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA + PAGE, MUCH,
				NULL));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	close(slice);
}

/* mmap() of @fd with the nth allocation failing, until none fails. */
static void map_with_failures(struct __test_metadata *_metadata, int fd, u64 offset)
{
	int nth, failed = 0;
	bool hit;
	void *p;

	for (nth = 1; nth < MOST; nth++) {
		errno = 0;
		inject_arm(nth);
		p = map_shared(fd, offset, SIZE, PROT_READ);
		hit = inject_disarm();
		if (!p) {
			ASSERT_TRUE(hit);
			failed++;
			continue;
		}
		ASSERT_EQ(0, munmap(p, SIZE));
		if (!hit)
			break;
	}
	ASSERT_LT(nth, MOST);
	EXPECT_GT(failed, 0);
}

TEST_F(failnth, mmap_of_a_bar)
{
	map_with_failures(_metadata, self->mem->fd, self->mem->bars[BAR].info.offset);
}

TEST_F(failnth, mmap_of_a_slice)
{
	map_with_failures(_metadata, self->dmabuf, 0);
}

/* The first mmap() of a BAR; later ones share its buffer. */
TEST_F(failnth, first_mmap_of_a_bar)
{
	const char *bdf = pci_find(&pci_ivshmem, 1);
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = self->iommu->iommufd,
	};
	struct vfio_region_info info = { .argsz = sizeof(info), .index = BAR };
	int nth, before = bufinfo_buffers(), failed = 0;
	struct vfio_pci_device *dev;
	bool hit = true;
	void *p = NULL;

	if (!bdf)
		SKIP(return, "needs a second ivshmem");
	for (nth = 1; nth < MOST && hit; nth++) {
		dev = vfio_pci_device_alloc(bdf, self->iommu);
		vfio_pci_cdev_open(dev, bdf);
		ioctl_assert(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
		ioctl_assert(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info);
		errno = 0;
		inject_arm(nth);
		p = map_shared(dev->fd, info.offset, SIZE, PROT_READ);
		hit = inject_disarm();
		if (p) {
			ASSERT_EQ(0, munmap(p, SIZE));
		} else {
			ASSERT_TRUE(hit);
			failed++;
		}
		close(dev->fd);
		vfio_pci_device_free(dev);
		ASSERT_EQ(before, bufinfo_buffers());
	}
	ASSERT_LT(nth, MOST);
	ASSERT_NE(NULL, p);
	EXPECT_GT(failed, 1);
}

/* Taking memory away allocates nothing, or does without. */
TEST_F(failnth, revoke)
{
	int nth, rc, fd = -1;
	bool hit = true;
	void *p;

	for (nth = 1; nth < MOST && hit; nth++) {
		fd = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
		ASSERT_GE(fd, 0);
		p = map_shared(fd, 0, SIZE, PROT_READ | PROT_WRITE);
		ASSERT_NE(NULL, p);
		ASSERT_EQ(0, child_read(p));
		inject_arm(nth);
		rc = slice_revoke(self->mem, fd);
		hit = inject_disarm();
		if (rc) {
			ASSERT_TRUE(hit);
			ASSERT_EQ(-ENOMEM, rc);
			ASSERT_EQ(0, slice_revoke(self->mem, fd));
		}
		ASSERT_EQ(SIGBUS, child_read(p));
		ASSERT_EQ(0, munmap(p, SIZE));
		close(fd);
	}
	ASSERT_LT(nth, MOST);
}

TEST_HARNESS_MAIN
