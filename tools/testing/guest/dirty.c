// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty tracking of a domain with dma-bufs.
 *
 * A revoke frees page tables, and readers of dirty bits walk page tables: the
 * two never meet in one. A dma-buf is reported as dirty to user space if
 * devices may write to it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/endpoint.h"
#include "lib/ioas.h"
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x4000000UL
#define WINDOW	0x4000000UL		/* window of I/O address space that is queried */
#define CHUNK	MOCK_DMABUF_MAX
#define CHUNKS	(WINDOW / CHUNK)
#define SECONDS	8

FIXTURE(dirty) {
	struct iommu *iommu;
	u32 ioas_id, hwpt_id;
	struct mock_device dev;
	atomic_bool stop;
	atomic_long reads, clears, cuts;
};

FIXTURE_SETUP(dirty)
{
	int fd;

	self->iommu = iommu_init(MODE_IOMMUFD);
	fd = self->iommu->iommufd;
	ASSERT_EQ(0, ioas_alloc(fd, &self->ioas_id));
	ASSERT_EQ(0, mock_device(fd, self->ioas_id, &self->dev));
	ASSERT_EQ(0, hwpt_alloc_flags(fd, self->dev.idev_id, self->ioas_id,
				      IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &self->hwpt_id));
	ASSERT_EQ(0, mock_attach(fd, &self->dev, self->hwpt_id));
	ASSERT_EQ(0, hwpt_set_dirty_tracking(fd, self->hwpt_id, true));
}

FIXTURE_TEARDOWN(dirty)
{
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_dirty *self, int dmabuf, u64 size, u64 iova, u32 flags)
{
	return ioas_map_file(self->iommu->iommufd, self->ioas_id, dmabuf, 0, size,
			     iova, flags);
}

static int unmap(struct _test_data_dirty *self, u64 size, u64 iova)
{
	return ioas_unmap(self->iommu->iommufd, self->ioas_id, iova, size, NULL);
}

static int bitmap_of(struct _test_data_dirty *self, u64 iova, u64 size, void *bitmap)
{
	return hwpt_get_dirty(self->iommu->iommufd, self->hwpt_id, iova, size, PAGE,
			      bitmap);
}

/* Pages alternate between the kinds; all kinds behave alike here. */
TEST_F(dirty, writable_is_dirty)
{
	int dmabuf = mock_dmabuf(self->iommu->iommufd, 64 * PAGE);
	u64 bits = 0;

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, map(self, dmabuf, 64 * PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(0, bitmap_of(self, IOVA, 64 * PAGE, &bits));
	EXPECT_EQ(~0ull, bits);

	/* It is still dirty, and so is a part of it. */
	bits = 0;
	EXPECT_EQ(0, bitmap_of(self, IOVA + 8 * PAGE, 16 * PAGE, &bits));
	EXPECT_EQ(0xffffull, bits);
	EXPECT_EQ(0, unmap(self, 64 * PAGE, IOVA));
}

TEST_F(dirty, read_only_is_clean)
{
	int dmabuf = mock_dmabuf(self->iommu->iommufd, 64 * PAGE);
	u64 bits = 0;

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, map(self, dmabuf, 64 * PAGE, IOVA, IOAS_READ));
	EXPECT_EQ(0, bitmap_of(self, IOVA, 64 * PAGE, &bits));
	EXPECT_EQ(0, bits);
}

/* Memory next to it is reported as precisely as before. */
TEST_F(dirty, memory_is_as_written)
{
	int dmabuf = mock_dmabuf(self->iommu->iommufd, 16 * PAGE);
	u64 written = 0x30, bits = 0;
	void *ram = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u64 at;

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, map(self, dmabuf, 16 * PAGE, IOVA, IOAS_RW));
	/* Each alone: adjacent physical pages share one dirty bit. */
	for (at = 0; at < 16 * PAGE; at += PAGE)
		ASSERT_EQ(0, ioas_map(self->iommu->iommufd, self->ioas_id, ram + at, PAGE,
				      IOVA + 16 * PAGE + at, IOAS_RW));
	EXPECT_EQ(0, bitmap_of(self, IOVA, 32 * PAGE, &bits));
	EXPECT_EQ(0xffffull, bits);

	ASSERT_EQ(0, mock_dirty(self->iommu->iommufd, self->hwpt_id, IOVA + 16 * PAGE,
				16 * PAGE, PAGE, &written));
	bits = 0;
	EXPECT_EQ(0, bitmap_of(self, IOVA, 32 * PAGE, &bits));
	EXPECT_EQ(0xffffull | 0x30ull << 16, bits);
}

static void *reads(void *arg)
{
	struct _test_data_dirty *self = arg;
	static u64 bitmap[WINDOW / PAGE / 64];

	while (!self->stop) {
		bitmap_of(self, IOVA, WINDOW, bitmap);
		self->reads++;
	}
	return NULL;
}

static void *clears(void *arg)
{
	struct _test_data_dirty *self = arg;

	while (!self->stop) {
		hwpt_set_dirty_tracking(self->iommu->iommufd, self->hwpt_id, true);
		self->clears++;
	}
	return NULL;
}

/* Two threads walk the domain; this one takes its contents away. */
static void walk_while(struct __test_metadata *_metadata, struct _test_data_dirty *self,
		       void (*cut)(struct __test_metadata *_metadata,
				   struct _test_data_dirty *self, void *arg), void *arg)
{
	time_t end = time(NULL) + SECONDS;
	pthread_t reader, clearer;

	ASSERT_EQ(0, pthread_create(&reader, NULL, reads, self));
	ASSERT_EQ(0, pthread_create(&clearer, NULL, clears, self));
	while (time(NULL) < end) {
		cut(_metadata, self, arg);
		self->cuts++;
	}
	self->stop = true;
	pthread_join(reader, NULL);
	pthread_join(clearer, NULL);
	TH_LOG("%ld bitmaps, %ld times cleared, %ld times taken away",
	       self->reads, self->clears, self->cuts);
	EXPECT_GT(self->reads, 0);
	EXPECT_GT(self->clears, 0);
}

static void cut_mock(struct __test_metadata *_metadata, struct _test_data_dirty *self,
		     void *arg)
{
	int fd = self->iommu->iommufd;
	int buf[CHUNKS];
	size_t i;

	for (i = 0; i < CHUNKS; i++) {
		buf[i] = mock_dmabuf(fd, CHUNK);
		ASSERT_GE(buf[i], 0);
		ASSERT_EQ(0, map(self, buf[i], CHUNK, IOVA + i * CHUNK, IOAS_RW));
	}
	for (i = 0; i < CHUNKS; i++)
		ASSERT_EQ(0, mock_revoke(fd, buf[i]));
	for (i = 0; i < CHUNKS; i++) {
		ASSERT_EQ(0, unmap(self, CHUNK, IOVA + i * CHUNK));
		close(buf[i]);
	}
}

TEST_F_TIMEOUT(dirty, against_revokes, 120)
{
	walk_while(_metadata, self, cut_mock, NULL);
}

static void cut_slice(struct __test_metadata *_metadata, struct _test_data_dirty *self,
		      void *arg)
{
	struct vfio_pci_device *mem = arg;
	int slice = slice_export(mem, BAR, 0, WINDOW);

	ASSERT_GE(slice, 0);
	ASSERT_EQ(0, map(self, slice, WINDOW, IOVA, IOAS_RW));
	endpoint_memory(mem, false);
	endpoint_memory(mem, true);
	ASSERT_EQ(0, unmap(self, WINDOW, IOVA));
	close(slice);
}

TEST_F_TIMEOUT(dirty, against_memory_off, 120)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);
	struct vfio_pci_device *mem;

	if (!bdf)
		SKIP(return, "needs ivshmem");
	mem = endpoint_open(bdf, self->iommu, NULL);
	ASSERT_GE(mem->bars[BAR].info.size, WINDOW);
	walk_while(_metadata, self, cut_slice, mem);
	vfio_pci_device_cleanup(mem);
}

TEST_HARNESS_MAIN
