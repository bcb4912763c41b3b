// SPDX-License-Identifier: GPL-2.0
/*
 * Exporters of ordinary memory, in an IOAS.
 *
 * The data that a device reads and writes there are those of the buffer's own
 * CPU mapping, byte for byte, without any sync.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/edu.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/mem.h"
#include "lib/trace.h"

#define PAGE	GUEST_PAGE
#define PAGES	64
#define SIZE	(PAGES * PAGE)
#define IOVA	0x1000000UL
#define LEN	4000UL		/* length of a transfer, limited by the edu's buffer */

static int udmabuf(void)
{
	return export_udmabuf(SIZE);
}

static int scattered(void)
{
	return export_udmabuf_scattered(PAGES);
}

static int system_heap(void)
{
	return export_heap("system", SIZE);
}

static int cma_heap(void)
{
	return export_heap("default_cma_region", SIZE);
}

FIXTURE(memory) {
	struct iommu *iommu;
	struct edu edu;
	int dmabuf;
	u8 *cpu;		/* the buffer's own mapping */
	u8 want[SIZE];		/* its expected content */
};

FIXTURE_VARIANT(memory) {
	int (*export)(void);
};

FIXTURE_VARIANT_ADD(memory, udmabuf) { .export = udmabuf };
FIXTURE_VARIANT_ADD(memory, udmabuf_scattered) { .export = scattered };
FIXTURE_VARIANT_ADD(memory, system_heap) { .export = system_heap };
FIXTURE_VARIANT_ADD(memory, cma_heap) { .export = cma_heap };

FIXTURE_SETUP(memory)
{
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!edu_open(&self->edu, self->iommu, 0))
		SKIP(return, "no edu");
	self->dmabuf = variant->export();
	ASSERT_GE(self->dmabuf, 0);
	self->cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->dmabuf, 0);
	ASSERT_NE(self->cpu, MAP_FAILED);
	mem_random(self->want, SIZE, 1);
	memcpy(self->cpu, self->want, SIZE);
}

FIXTURE_TEARDOWN(memory)
{
	if (self->edu.dev) {
		munmap(self->cpu, SIZE);
		close(self->dmabuf);
		vfio_pci_device_cleanup(self->edu.dev);
	}
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_memory *self, u64 start, u64 length, u64 iova,
	       u32 flags)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, start, length, iova, flags);
}

static int unmap(struct _test_data_memory *self, u64 iova, u64 length)
{
	return ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, iova,
			  length, NULL);
}

/* The device copies @len bytes inside of the buffer, which is at @iova. */
static void copy(struct _test_data_memory *self, u64 iova, u64 from, u64 to,
		 size_t len)
{
	edu_load(&self->edu, iova + from, len);
	edu_wait(&self->edu);
	edu_store(&self->edu, iova + to, len);
	edu_wait(&self->edu);
	memmove(self->want + to, self->want + from, len);
}

/* Start and end of the transfers: within pages, across them, at both ends. */
static const struct {
	u64 from, to;
	size_t len;
} copies[] = {
	{ 0, SIZE - LEN, LEN },
	{ SIZE - LEN, 1, LEN },
	{ 3 * PAGE - 100, 7 * PAGE + 1000, LEN },
	{ 20 * PAGE + 4095, 40 * PAGE - 1, 2 },
	{ 33 * PAGE, 34 * PAGE, 1 },
	{ 11 * PAGE - 2000, 60 * PAGE - 2001, LEN },
};

TEST_F(memory, dma)
{
	int i;

	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	for (i = 0; i < ARRAY_SIZE(copies); i++) {
		copy(self, IOVA, copies[i].from, copies[i].to, copies[i].len);
		ASSERT_EQ(-1, mem_differ(self->cpu, self->want, SIZE))
			TH_LOG("after copy %d", i);
	}
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));
}

/* The device reads data that the CPU writes after the import. */
TEST_F(memory, cpu_writes)
{
	int i;

	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	for (i = 0; i < 4; i++) {
		mem_random(self->want + 5 * PAGE - 50, LEN, 10 + i);
		memcpy(self->cpu + 5 * PAGE - 50, self->want + 5 * PAGE - 50, LEN);
		copy(self, IOVA, 5 * PAGE - 50, (10 + 2 * i) * PAGE, LEN);
		ASSERT_EQ(-1, mem_differ(self->cpu, self->want, SIZE))
			TH_LOG("round %d", i);
	}
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));
}

/* A part of the buffer, which lives on after its file is closed. */
TEST_F(memory, part)
{
	const u64 start = 13 * PAGE;

	ASSERT_EQ(0, map(self, start, 9 * PAGE, IOVA, IOAS_RW));
	close(self->dmabuf);
	self->dmabuf = -1;
	copy(self, IOVA - start, start, start + 5 * PAGE + 96, LEN);
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	EXPECT_EQ(0, unmap(self, IOVA, 9 * PAGE));
}

/* At two places, and after one of them was unmapped. */
TEST_F(memory, twice)
{
	const u64 other = IOVA + 2 * SIZE;

	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	ASSERT_EQ(0, ioas_copy(self->iommu->iommufd, self->iommu->ioas_id, other,
			       self->iommu->ioas_id, IOVA, SIZE, IOAS_RW));
	copy(self, IOVA, 0, 30 * PAGE, LEN);
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));
	copy(self, other, 30 * PAGE, 31 * PAGE + 7, LEN);
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	EXPECT_EQ(0, unmap(self, other, SIZE));
}

/* By the address of a part of the CPU's mapping. */
TEST_F(memory, by_address)
{
	const u64 start = 13 * PAGE;

	ASSERT_EQ(0, ioas_map(self->iommu->iommufd, self->iommu->ioas_id, self->cpu + start,
			      9 * PAGE, IOVA, IOAS_RW));
	copy(self, IOVA - start, start, start + 5 * PAGE + 96, LEN);
	copy(self, IOVA - start, start + 9 * PAGE - LEN, start + PAGE, LEN);
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	EXPECT_EQ(0, unmap(self, IOVA, 9 * PAGE));
}

/* A second domain, of another device, is filled like the first. */
TEST_F(memory, another_domain)
{
	struct edu first = self->edu;
	u32 hwpt;

	ASSERT_TRUE(edu_open(&self->edu, self->iommu, 1));
	ASSERT_EQ(0, hwpt_alloc(self->iommu->iommufd, self->edu.id,
				self->iommu->ioas_id, &hwpt));
	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	ASSERT_EQ(0, endpoint_attach(self->edu.dev, hwpt));
	copy(self, IOVA, 2 * PAGE, 3 * PAGE + 55, LEN);
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));

	/* And one that is made after the buffer was mapped */
	ASSERT_EQ(0, endpoint_attach(self->edu.dev, self->iommu->ioas_id));
	ASSERT_EQ(0, iommufd_destroy(self->iommu->iommufd, hwpt));
	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	ASSERT_EQ(0, hwpt_alloc(self->iommu->iommufd, self->edu.id,
				self->iommu->ioas_id, &hwpt));
	ASSERT_EQ(0, endpoint_attach(self->edu.dev, hwpt));
	copy(self, IOVA, 9 * PAGE, 30 * PAGE + 55, LEN);
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));

	vfio_pci_device_cleanup(self->edu.dev);
	self->edu = first;
	EXPECT_EQ(0, iommufd_destroy(self->iommu->iommufd, hwpt));
}

/* Mapped read-only: the IOMMU stops a write. */
TEST_F(memory, read_only)
{
	struct trace trace;

	trace_open(&trace);
	iommu_fault_watch(&trace);
	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_READ));
	edu_load(&self->edu, IOVA + PAGE, LEN);
	edu_wait(&self->edu);
	trace_drain(&trace);
	edu_store(&self->edu, IOVA, 512);
	edu_wait(&self->edu);
	EXPECT_TRUE(iommu_fault_at(&trace, IOVA, 512));
	EXPECT_EQ(-1, mem_differ(self->cpu, self->want, SIZE));
	trace_close(&trace);
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));
}

/* Each holder of the buffer sees how it is used. */
TEST_F(memory, fdinfo)
{
	char path[64], info[1024];
	int fd, n;

	ASSERT_EQ(0, map(self, 0, SIZE, IOVA, IOAS_RW));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->dmabuf);
	fd = open(path, O_RDONLY);
	ASSERT_GE(fd, 0);
	n = read(fd, info, sizeof(info) - 1);
	close(fd);
	ASSERT_GT(n, 0);
	info[n] = 0;
	EXPECT_NE(NULL, strstr(info, "attachment:\tDOMAIN memory default\n"))
		TH_LOG("%s", info);
	EXPECT_EQ(0, unmap(self, IOVA, SIZE));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

FIXTURE(heap) {
	struct iommu *iommu;
	struct edu edu;
};

FIXTURE_SETUP(heap)
{
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!edu_open(&self->edu, self->iommu, 0))
		SKIP(return, "no edu");
}

FIXTURE_TEARDOWN(heap)
{
	if (self->edu.dev)
		vfio_pci_device_cleanup(self->edu.dev);
	iommu_cleanup(self->iommu);
}

/* The CPU cannot write to it, and neither can a device. */
TEST_F(heap, exported_to_be_read)
{
	int fd = export_heap_as("system", SIZE, O_RDONLY);
	int iommufd = self->iommu->iommufd;
	u32 ioas = self->iommu->ioas_id;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EPERM, ioas_map_file(iommufd, ioas, fd, 0, SIZE, IOVA, IOAS_RW));
	EXPECT_EQ(-EPERM, ioas_map_file(iommufd, ioas, fd, 0, SIZE, IOVA, IOAS_WRITE));
	EXPECT_EQ(0, ioas_map_file(iommufd, ioas, fd, 0, SIZE, IOVA, IOAS_READ));
	EXPECT_EQ(0, ioas_unmap(iommufd, ioas, IOVA, SIZE, NULL));
	close(fd);
}

/* It is a copy, whatever memory backs the buffer. */
TEST_F(heap, private_mapping)
{
	int fd = export_heap("system", SIZE);
	u8 *p;

	ASSERT_GE(fd, 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED) {
		EXPECT_EQ(-EFAULT, ioas_map(self->iommu->iommufd, self->iommu->ioas_id, p,
					    SIZE, IOVA, IOAS_READ));
		munmap(p, SIZE);
	}
	close(fd);
}

static long slab_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %ld", &kb) != 1)
			kb = -1;
	if (f)
		fclose(f);
	return kb;
}

#define IMPORTS		1000
#define LARGE		(256UL << 20)

/* An import of a page costs less than one of the whole buffer. */
TEST_F(heap, small_imports_of_a_large_buffer)
{
	int fd = export_heap("system", LARGE);
	int iommufd = self->iommu->iommufd;
	u32 ioas = self->iommu->ioas_id;
	long before, after;
	int i;

	ASSERT_GE(fd, 0);
	/* State that is kept for all imports */
	ASSERT_EQ(0, ioas_map_file(iommufd, ioas, fd, 0, PAGE, IOVA, IOAS_RW));
	before = slab_kb();
	ASSERT_GT(before, 0);
	for (i = 1; i <= IMPORTS; i++)
		ASSERT_EQ(0, ioas_map_file(iommufd, ioas, fd, i * PAGE, PAGE,
					   IOVA + i * PAGE, IOAS_RW));
	after = slab_kb();
	/* About 4 KiB with the checkers on. A whole table has 8 KiB more. */
	EXPECT_LT(after - before, IMPORTS * 8)
		TH_LOG("%ld KiB", after - before);
	EXPECT_EQ(0, ioas_unmap(iommufd, ioas, IOVA, (IMPORTS + 1) * PAGE, NULL));
	close(fd);
}

TEST_HARNESS_MAIN
