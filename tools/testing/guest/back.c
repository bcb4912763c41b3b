// SPDX-License-Identifier: GPL-2.0
/*
 * What iommufd has mapped of a device's memory comes back with the memory.
 *
 * The memory goes in every way in which it can, and comes back. Then, without
 * any action of user space, DMA lands at the same place as before, in every
 * page table that the buffer is in by then. Mappings that were unmapped
 * meanwhile, revoked permanently or closed do not come back, and no DMA lands
 * while the memory is away.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/machine.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/slice.h"

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
#define STAY	IOMMU_IOAS_MAP_STAY_REVOKED

struct scene {
	struct iommu *iommu;
	struct engines engines;
	const char *bdf;
	struct vfio_pci_device *mem;
	int dmabuf;
};

/* The ways in which the memory goes and comes back */
struct way {
	const struct pci_kind *kind;
	void (*begin)(struct vfio_pci_device *dev);
	void (*end)(struct vfio_pci_device *dev);
	bool stays_off;		/* until end; else the memory is back at once */
};

static void memory_off(struct vfio_pci_device *dev)
{
	endpoint_memory(dev, false);
}

static void memory_on(struct vfio_pci_device *dev)
{
	endpoint_memory(dev, true);
}

static void power_off(struct vfio_pci_device *dev)
{
	endpoint_power(dev, 3);
}

static void power_on(struct vfio_pci_device *dev)
{
	endpoint_power(dev, 0);
	endpoint_memory(dev, true);
}

static void low_power(struct vfio_pci_device *dev)
{
	VFIO_ASSERT_EQ(slice_low_power(dev, true), 0);
}

static void full_power(struct vfio_pci_device *dev)
{
	VFIO_ASSERT_EQ(slice_low_power(dev, false), 0);
}

static void reset(struct vfio_pci_device *dev)
{
	vfio_pci_device_reset(dev);
}

static const struct way by_memory_off = {
	.kind = &pci_ivshmem, .begin = memory_off, .end = memory_on,
	.stays_off = true,
};

static const struct way by_low_power = {
	.kind = &pci_ivshmem, .begin = low_power, .end = full_power,
	.stays_off = true,
};

static const struct way by_d3hot = {
	.kind = &pci_nvme_flr, .begin = power_off, .end = power_on,
	.stays_off = true,
};

static const struct way by_bus_reset = {
	.kind = &pci_ivshmem_bus, .begin = reset, .end = memory_on,
};

static const struct way by_hot_reset = {
	.kind = &pci_ivshmem_bus, .begin = endpoint_hot_reset, .end = memory_on,
};

static const struct way by_flr_by_ioctl = {
	.kind = &pci_nvme_flr, .begin = reset, .end = memory_on,
};

static const struct way by_flr_by_config = {
	.kind = &pci_nvme_flr, .begin = endpoint_flr, .end = memory_on,
};

static const struct way by_bus_reset_by_sysfs = {
	.kind = &pci_ivshmem_bus, .begin = endpoint_sysfs_reset, .end = memory_on,
};

static const struct way by_flr_by_sysfs = {
	.kind = &pci_nvme_flr, .begin = endpoint_sysfs_reset, .end = memory_on,
};

static int export(struct vfio_pci_device *mem)
{
	const struct vfio_region_dma_range ranges[] = {
		{ FIRST, HALF }, { SECOND, HALF },
	};

	return endpoint_export(mem, BAR, ranges, ARRAY_SIZE(ranges));
}

static void scene_open(struct __test_metadata *_metadata, struct scene *self,
		       const struct way *way)
{
	self->bdf = pci_find(way->kind, 0);
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!self->bdf)
		SKIP(return, "no %s with %s", way->kind->name,
		     way->kind->reset ?: "memory");
	if (!engines_open(&self->engines, self->iommu, 2) || self->engines.nr < 2)
		SKIP(return, "needs two edu");
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
	self->dmabuf = export(self->mem);
	ASSERT_GE(self->dmabuf, 0);
}

static void scene_close(struct scene *self)
{
	close(self->dmabuf);
	if (self->mem)
		vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

static int map_as(struct scene *self, u64 iova, u32 flags)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
			     self->dmabuf, 0, SIZE, iova, IOAS_RW | flags);
}

static int map(struct scene *self)
{
	return map_as(self, IOVA, 0);
}

static int unmap(struct scene *self, u32 ioas_id, u64 iova)
{
	return ioas_unmap(self->iommu->iommufd, ioas_id, iova, SIZE, NULL);
}

/* A page table of its own for one engine, over the first IOAS. */
static u32 own_table(struct scene *self, int engine)
{
	u32 id;

	VFIO_ASSERT_EQ(hwpt_alloc(self->iommu->iommufd, self->engines.edu[engine].id,
				  self->iommu->ioas_id, &id), 0);
	return id;
}

/* A second IOAS, with the engines' own memory at the same place. */
static u32 other_ioas(struct scene *self)
{
	struct dma_region *ram = &self->engines.ram;
	u32 id;

	VFIO_ASSERT_EQ(ioas_alloc(self->iommu->iommufd, &id), 0);
	VFIO_ASSERT_EQ(ioas_copy(self->iommu->iommufd, id, ram->iova,
				 self->iommu->ioas_id, ram->iova, ram->size, IOAS_RW), 0);
	return id;
}

static int copy(struct scene *self, u32 to, u64 iova)
{
	return ioas_copy(self->iommu->iommufd, to, iova, self->iommu->ioas_id, IOVA, SIZE,
			 IOAS_RW);
}

/* Does all of a store by this engine appear in the BAR, or nothing of it? */
static bool lands(struct scene *self, int engine, u64 iova)
{
	u8 *first = self->mem->bars[BAR].vaddr + FIRST + SEAM;
	u8 *second = self->mem->bars[BAR].vaddr + SECOND;
	static const u8 zeros[LEN];
	u8 sent[LEN], got[LEN];

	bar_write(first, zeros, LEN / 2);
	bar_write(second, zeros, LEN / 2);
	mem_random(sent, LEN, 1);
	engine_store(&self->engines, engine, iova + SEAM, sent, LEN);
	bar_read(got, first, LEN / 2);
	bar_read(got + LEN / 2, second, LEN / 2);
	return mem_differ(sent, got, LEN) < 0;
}

/* The kernel maps it again soon, but not at once. */
static bool lands_again(struct scene *self, int engine, u64 iova)
{
	int tries;

	for (tries = 0; tries < 200; tries++) {
		if (lands(self, engine, iova))
			return true;
		usleep(50000);
	}
	return false;
}

/* Long enough for the buffer to come back, if it does. */
static void wait_for_nothing(void)
{
	usleep(300000);
}

/* An engine stores something, and the IOMMU stops it. */
static bool stopped(struct scene *self, struct trace *trace, int engine, u64 iova)
{
	u8 sent[LEN];

	trace_drain(trace);
	mem_random(sent, LEN, 2);
	engine_store(&self->engines, engine, iova + SEAM, sent, LEN);
	return iommu_fault_at(trace, iova + SEAM, LEN);
}

static void dma_lands_again(struct __test_metadata *_metadata, struct scene *self,
			    const struct way *way)
{
	struct trace trace;
	int i;

	trace_open(&trace);
	iommu_fault_watch(&trace);
	ASSERT_EQ(0, map(self));
	EXPECT_TRUE(lands(self, 0, IOVA));
	for (i = 0; i < 3; i++) {
		way->begin(self->mem);
		if (way->stays_off)
			EXPECT_TRUE(stopped(self, &trace, 0, IOVA));
		way->end(self->mem);
		EXPECT_TRUE(lands_again(self, 0, IOVA));
	}
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
	trace_close(&trace);
}

/* In two page tables of an IOAS, and in another IOAS; some joined meanwhile. */
static void everywhere(struct __test_metadata *_metadata, struct scene *self,
		       const struct way *way)
{
	u32 table = own_table(self, 1), other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	if (!way->stays_off) {
		ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, table));
		ASSERT_EQ(0, copy(self, other, COPY));
	}
	way->begin(self->mem);
	if (way->stays_off) {
		ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, table));
		ASSERT_EQ(0, copy(self, other, COPY));
	}
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 0, IOVA));
	EXPECT_TRUE(lands_again(self, 1, IOVA));

	way->begin(self->mem);
	ASSERT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 0, IOVA));
	EXPECT_TRUE(lands_again(self, 1, COPY));

	/* The copy works without the first. */
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	way->begin(self->mem);
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 1, COPY));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_FALSE(lands(self, 1, COPY));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

/*
 * A part that is unmapped while it is away stays so; the other half comes back.
 */
static void unmapped_meanwhile(struct __test_metadata *_metadata, struct scene *self,
			       const struct way *way)
{
	ASSERT_EQ(0, map(self));
	ASSERT_EQ(0, map_as(self, IOVA + SIZE, 0));
	way->begin(self->mem);
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 0, IOVA + SIZE));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));

	way->begin(self->mem);
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA + SIZE));
	way->end(self->mem);
	wait_for_nothing();
	EXPECT_FALSE(lands(self, 0, IOVA + SIZE));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));

	/* A program that maps again by itself notices no difference. */
	ASSERT_EQ(0, map(self));
	way->begin(self->mem);
	way->end(self->mem);
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, map(self));
	EXPECT_TRUE(lands(self, 0, IOVA));
}

/* A buffer that is away, and one that is gone permanently. */
static void two_states(struct __test_metadata *_metadata, struct scene *self,
		       const struct way *way)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map(self));
	way->begin(self->mem);
	if (way->stays_off) {
		EXPECT_EQ(-EAGAIN, map_as(self, IOVA + SIZE, 0));
		EXPECT_EQ(-ENODEV, map_as(self, IOVA + SIZE, STAY));
	}
	EXPECT_EQ(0, copy(self, other, COPY));
	EXPECT_EQ(0, endpoint_attach(self->engines.edu[1].dev, other));
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 1, COPY));

	ASSERT_EQ(0, slice_revoke(self->mem, self->dmabuf));
	EXPECT_EQ(-ENODEV, map_as(self, IOVA + SIZE, 0));
	EXPECT_EQ(-ENODEV, copy(self, other, COPY + SIZE));
	EXPECT_EQ(0, endpoint_attach(self->engines.edu[1].dev, own_table(self, 1)));
	way->begin(self->mem);
	EXPECT_EQ(-ENODEV, map_as(self, IOVA + SIZE, 0));
	way->end(self->mem);
	wait_for_nothing();
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_FALSE(lands(self, 1, IOVA));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	EXPECT_EQ(0, unmap(self, other, COPY));
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
}

/* With the flag, mappings behave as before the kernel restored them. */
static void not_wanted(struct __test_metadata *_metadata, struct scene *self,
		       const struct way *way)
{
	u32 other = other_ioas(self);

	ASSERT_EQ(0, map_as(self, IOVA, STAY));
	ASSERT_EQ(0, map_as(self, IOVA + SIZE, 0));
	EXPECT_TRUE(lands(self, 0, IOVA));
	way->begin(self->mem);
	EXPECT_EQ(-ENODEV, copy(self, other, COPY));
	way->end(self->mem);
	EXPECT_TRUE(lands_again(self, 0, IOVA + SIZE));
	EXPECT_FALSE(lands(self, 0, IOVA));
	EXPECT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
	ASSERT_EQ(0, map_as(self, IOVA, STAY));
	EXPECT_TRUE(lands(self, 0, IOVA));
}

/* The owner takes the memory away again while a restore is in progress. */
static void revoked_then(struct __test_metadata *_metadata, struct scene *self,
			 const struct way *way)
{
	int i;

	for (i = 0; i < 10; i++) {
		close(self->dmabuf);
		self->dmabuf = export(self->mem);
		ASSERT_GE(self->dmabuf, 0);
		ASSERT_EQ(0, map(self));
		way->begin(self->mem);
		way->end(self->mem);
		usleep(i * 200);
		ASSERT_EQ(0, slice_revoke(self->mem, self->dmabuf));
		ASSERT_FALSE(lands(self, 0, IOVA));
		if (!i) {
			wait_for_nothing();
			ASSERT_FALSE(lands(self, 0, IOVA));
		}
		ASSERT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
		ASSERT_EQ(0, bufinfo_attachments(self->dmabuf));
	}
}

static void closed_then(struct __test_metadata *_metadata, struct scene *self,
			const struct way *way)
{
	struct trace trace;
	int i;

	trace_open(&trace);
	iommu_fault_watch(&trace);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, map(self));
		way->begin(self->mem);
		way->end(self->mem);
		usleep(i * 200);
		vfio_pci_device_cleanup(self->mem);
		self->mem = NULL;
		ASSERT_TRUE(stopped(self, &trace, 0, IOVA));

		/* The next user of the device is independent of it. */
		self->mem = endpoint_open(self->bdf, self->iommu, NULL);
		way->begin(self->mem);
		way->end(self->mem);
		wait_for_nothing();
		ASSERT_FALSE(lands(self, 0, IOVA));
		ASSERT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
		ASSERT_EQ(0, bufinfo_attachments(self->dmabuf));
		close(self->dmabuf);
		self->dmabuf = export(self->mem);
		ASSERT_GE(self->dmabuf, 0);
	}
	trace_close(&trace);
}

/* The importer goes while a restore is in progress. */
static void unmapped_then(struct __test_metadata *_metadata, struct scene *self,
			  const struct way *way)
{
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, map(self));
		way->begin(self->mem);
		way->end(self->mem);
		usleep(i * 200);
		ASSERT_EQ(0, unmap(self, self->iommu->ioas_id, IOVA));
		ASSERT_FALSE(lands(self, 0, IOVA));
		ASSERT_EQ(0, bufinfo_attachments(self->dmabuf));
	}
}

/* Without memory, and all at once. */
FIXTURE(hard) {
	struct iommu *iommu;
	struct engines engines;
	struct vfio_pci_device *mem;
};

FIXTURE_SETUP(hard)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&self->engines, self->iommu, 1))
		SKIP(return, "needs edu and ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
}

FIXTURE_TEARDOWN(hard)
{
	if (self->mem)
		vfio_pci_device_cleanup(self->mem);
	engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

TEST_F(hard, flags_and_options)
{
	int fd = self->iommu->iommufd, memfd = memfd_create("back", 0), event = eventfd(0, 0);
	u32 id = self->iommu->ioas_id;

	ASSERT_GE(memfd, 0);
	ASSERT_EQ(0, ftruncate(memfd, PAGE));
	EXPECT_EQ(-EINVAL, ioas_map_file(fd, id, memfd, 0, PAGE, IOVA, IOAS_RW | STAY));
	EXPECT_EQ(-EOPNOTSUPP, ioas_map_file(fd, id, memfd, 0, PAGE, IOVA,
					     IOAS_RW | 1U << 29));
	EXPECT_EQ(-EOPNOTSUPP, ioas_copy(fd, id, IOVA, id, IOVA, PAGE, IOAS_RW | STAY));

#define EVENT(op, value) ioas_option(fd, id, IOMMU_OPTION_DMABUF_EVENT, IOMMU_OPTION_OP_##op, \
				     value)
	EXPECT_EQ(0, EVENT(SET, event));
	EXPECT_EQ(0, EVENT(SET, event));
	EXPECT_EQ(0, EVENT(SET, -1ULL));
	EXPECT_EQ(0, EVENT(SET, -1ULL));
	EXPECT_EQ(-EINVAL, EVENT(SET, memfd));
	EXPECT_EQ(-EINVAL, EVENT(SET, 1ULL << 32 | event));
	EXPECT_EQ(-EBADF, EVENT(SET, 1000));
	EXPECT_EQ(-EOPNOTSUPP, EVENT(GET, 0));
	EXPECT_EQ(-ENOENT, ioas_option(fd, 12345, IOMMU_OPTION_DMABUF_EVENT,
				       IOMMU_OPTION_OP_SET, event));
	/* The eventfd is released with the IOAS */
	EXPECT_EQ(0, EVENT(SET, event));
	close(event);
	close(memfd);
}

#define CGROUP	"/sys/fs/cgroup"

/* Of 64 KiB, for 512 MiB: no unmap frees it */
#define ONE_TABLE "one page table of the IOMMU covers the BAR: none is allocated"
#define MUCH	(32UL << 20)		/* of page tables: 16 */

/* As a process whose cgroup can be made small afterwards. */
static int import_for(struct __test_metadata *_metadata, struct _test_data_hard *self, int slice)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (file_write("0", CGROUP "/back/cgroup.procs"))
			_exit(2);
		/* Not aligned: no large pages */
		_exit(!!ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, slice, 0,
				      MUCH, IOVA + PAGE, IOAS_RW));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static bool hard_lands(struct _test_data_hard *self)
{
	u8 *at = self->mem->bars[BAR].vaddr + MUCH - PAGE;
	static const u8 zeros[LEN];
	u8 sent[LEN], got[LEN];

	bar_write(at, zeros, LEN);
	mem_random(sent, LEN, 1);
	engine_store(&self->engines, 0, IOVA + MUCH, sent, LEN);
	bar_read(got, at, LEN);
	return mem_differ(sent, got, LEN) < 0;
}

static bool hard_lands_again(struct _test_data_hard *self)
{
	int tries;

	for (tries = 0; tries < 200; tries++) {
		if (hard_lands(self))
			return true;
		usleep(50000);
	}
	return false;
}

/*
 * The importer pays for the page tables and has no memory for them: the eventfd
 * reports that, and no task is killed for it.
 */
TEST_F_TIMEOUT(hard, short_of_memory, 120)
{
	struct pollfd wait = { .fd = eventfd(0, 0), .events = POLLIN };
	u64 count = 0;
	int slice;

	if (PAGE > 4096)
		SKIP(return, ONE_TABLE);
	ASSERT_GE(wait.fd, 0);
	ASSERT_EQ(0, ioas_option(self->iommu->iommufd, self->iommu->ioas_id,
				 IOMMU_OPTION_DMABUF_EVENT, IOMMU_OPTION_OP_SET, wait.fd));
	file_mount("cgroup2", CGROUP);
	if (file_write("+memory", CGROUP "/cgroup.subtree_control"))
		SKIP(return, "no memory cgroups");
	mkdir(CGROUP "/back", 0755);
	slice = slice_export(self->mem, BAR, 0, MUCH);
	ASSERT_GE(slice, 0);
	ASSERT_EQ(0, import_for(_metadata, self, slice));
	ASSERT_TRUE(hard_lands(self));

	/* Too small for the page tables, which are freed meanwhile */
	endpoint_memory(self->mem, false);
	ASSERT_EQ(0, file_write("16K", CGROUP "/back/memory.max"));
	endpoint_memory(self->mem, true);
	ASSERT_EQ(1, poll(&wait, 1, 60000));
	EXPECT_EQ(sizeof(count), read(wait.fd, &count, sizeof(count)));
	EXPECT_EQ(1, count);
	EXPECT_FALSE(hard_lands(self));

	/* Now there is memory: the next restore succeeds without a report. */
	ASSERT_EQ(0, file_write("max", CGROUP "/back/memory.max"));
	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_TRUE(hard_lands_again(self));

	/* Or during the attempts. */
	endpoint_memory(self->mem, false);
	ASSERT_EQ(0, file_write("16K", CGROUP "/back/memory.max"));
	endpoint_memory(self->mem, true);
	usleep(500000);
	EXPECT_FALSE(hard_lands(self));
	ASSERT_EQ(0, file_write("max", CGROUP "/back/memory.max"));
	EXPECT_TRUE(hard_lands_again(self));
	EXPECT_EQ(0, poll(&wait, 1, 0));

	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA + PAGE,
				MUCH, NULL));
	close(slice);
	close(wait.fd);
	rmdir(CGROUP "/back");
}

#define FAIL	"/sys/kernel/debug/fail_page_alloc"

/* Let this part of the allocations that do not wait fail, in any task. */
static void fail_pages(int percent)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", percent);
	file_write("Y", FAIL "/ignore-gfp-wait");
	file_write("N", FAIL "/task-filter");
	file_write("0", FAIL "/min-order");
	file_write("0", FAIL "/verbose");
	file_write("-1", FAIL "/times");
	file_write("1", FAIL "/interval");
	file_write(text, FAIL "/probability");
}

/* Each import fails, in another page table as well, and the eventfd reports it once. */
static void no_import_succeeds(struct __test_metadata *_metadata, struct _test_data_hard *self,
			       struct pollfd *wait)
{
	u64 count = 0;
	int i;

	endpoint_memory(self->mem, false);
	fail_pages(100);
	endpoint_memory(self->mem, true);
	i = poll(wait, 1, 60000);
	fail_pages(0);
	ASSERT_EQ(1, i);
	EXPECT_EQ(sizeof(count), read(wait->fd, &count, sizeof(count)));
	EXPECT_EQ(1, count);
	EXPECT_FALSE(hard_lands(self));
}

/* A fill under a lock that exporters wait for does not wait for memory. */
TEST_F_TIMEOUT(hard, failing_allocations, 200)
{
	struct pollfd wait = { .fd = eventfd(0, EFD_NONBLOCK), .events = POLLIN };
	u64 count = 0;
	int slice, i;

	file_mount("debugfs", "/sys/kernel/debug");
	if (access(FAIL, F_OK))
		SKIP(return, "no fault injection in this kernel");
	ASSERT_EQ(0, ioas_option(self->iommu->iommufd, self->iommu->ioas_id,
				 IOMMU_OPTION_DMABUF_EVENT, IOMMU_OPTION_OP_SET, wait.fd));
	slice = slice_export(self->mem, BAR, 0, MUCH);
	ASSERT_GE(slice, 0);
	ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, slice, 0, MUCH,
				   IOVA + PAGE, IOAS_RW));
	for (i = 0; i < 10; i++) {
		endpoint_memory(self->mem, false);
		fail_pages(50);
		endpoint_memory(self->mem, true);
		usleep(100000);
		fail_pages(0);
		EXPECT_TRUE(hard_lands_again(self));
	}
	EXPECT_EQ(-1, read(wait.fd, &count, sizeof(count)));

	if (PAGE > 4096)
		TH_LOG(ONE_TABLE);
	else
		no_import_succeeds(_metadata, self, &wait);

	/* The text of the option describes this recovery: unmap and map */
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA + PAGE,
				MUCH, NULL));
	EXPECT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, slice, 0, MUCH,
				   IOVA + PAGE, IOAS_RW));
	EXPECT_TRUE(hard_lands(self));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA + PAGE,
				MUCH, NULL));
	close(slice);
	close(wait.fd);
}

/*
 * All at once: the memory goes and comes back, and threads map, unmap, copy,
 * attach and revoke.
 */
#define SLICES	4
#define PIECE	(8 * PAGE)
#define MAPPERS	3

struct storm {
	struct _test_data_hard *self;
	atomic_bool stop;
	atomic_long outages, maps, copies, attaches, revokes, errors;
	int slice[SLICES];
	pthread_rwlock_t lock;		/* of slice */
	u32 other, table;
};

struct mapper {
	struct storm *storm;
	int nr;
};

static void note(struct storm *s, atomic_long *count, int rc, int other)
{
	if (!rc)
		(*count)++;
	else if (rc != other && rc != -EAGAIN)
		s->errors++;
}

static void *toggle(void *arg)
{
	struct storm *s = arg;

	while (!s->stop) {
		endpoint_memory(s->self->mem, false);
		usleep(rand() % 3000);
		endpoint_memory(s->self->mem, true);
		usleep(rand() % 3000);
		s->outages++;
	}
	return NULL;
}

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;
	struct storm *s = m->storm;
	int fd = s->self->iommu->iommufd, rc;
	u32 id = s->self->iommu->ioas_id;
	u64 iova = IOVA + m->nr * PIECE, to = COPY + m->nr * PIECE;

	while (!s->stop) {
		pthread_rwlock_rdlock(&s->lock);
		rc = ioas_map_file(fd, id, s->slice[rand() % SLICES], 0, PIECE, iova, IOAS_RW);
		pthread_rwlock_unlock(&s->lock);
		note(s, &s->maps, rc, -ENODEV);
		if (rc)
			continue;
		usleep(rand() % 4000);
		rc = ioas_copy(fd, s->other, to, id, iova, PIECE, IOAS_RW);
		note(s, &s->copies, rc, -ENODEV);
		usleep(rand() % 4000);
		if (!rc && ioas_unmap(fd, s->other, to, PIECE, NULL))
			s->errors++;
		if (ioas_unmap(fd, id, iova, PIECE, NULL))
			s->errors++;
	}
	return NULL;
}

static void *attach_about(void *arg)
{
	struct storm *s = arg;
	struct vfio_pci_device *dev = s->self->engines.edu[0].dev;

	while (!s->stop) {
		note(s, &s->attaches, endpoint_attach(dev, s->other), 0);
		usleep(rand() % 3000);
		note(s, &s->attaches, endpoint_attach(dev, s->table), 0);
		usleep(rand() % 3000);
	}
	return NULL;
}

static void *revoke_all(void *arg)
{
	struct storm *s = arg;
	int i;

	while (!s->stop) {
		usleep(20000 + rand() % 20000);
		i = rand() % SLICES;
		note(s, &s->revokes, slice_revoke(s->self->mem, s->slice[i]), 0);
		pthread_rwlock_wrlock(&s->lock);
		close(s->slice[i]);
		s->slice[i] = slice_export(s->self->mem, BAR, i * PIECE, PIECE);
		if (s->slice[i] < 0)
			s->errors++;
		pthread_rwlock_unlock(&s->lock);
	}
	return NULL;
}

TEST_F_TIMEOUT(hard, storm, 300)
{
	struct mapper mapper[MAPPERS];
	pthread_t thread[MAPPERS + 3];
	int i, n = 0, fd = self->iommu->iommufd;
	static struct storm s;

	s.self = self;
	pthread_rwlock_init(&s.lock, NULL);
	for (i = 0; i < SLICES; i++) {
		s.slice[i] = slice_export(self->mem, BAR, i * PIECE, PIECE);
		ASSERT_GE(s.slice[i], 0);
	}
	ASSERT_EQ(0, ioas_alloc(fd, &s.other));
	ASSERT_EQ(0, hwpt_alloc(fd, self->engines.edu[0].id, self->iommu->ioas_id, &s.table));
	for (i = 0; i < MAPPERS; i++) {
		mapper[i] = (struct mapper){ &s, i };
		ASSERT_EQ(0, pthread_create(&thread[n++], NULL, map_and_unmap, &mapper[i]));
	}
	ASSERT_EQ(0, pthread_create(&thread[n++], NULL, toggle, &s));
	ASSERT_EQ(0, pthread_create(&thread[n++], NULL, attach_about, &s));
	ASSERT_EQ(0, pthread_create(&thread[n++], NULL, revoke_all, &s));
	sleep(machine_storm(10));
	s.stop = true;
	while (n--)
		pthread_join(thread[n], NULL);

	TH_LOG("%ld outages, %ld maps, %ld copies, %ld attaches, %ld revokes", s.outages, s.maps,
	       s.copies, s.attaches, s.revokes);
	EXPECT_EQ(0, s.errors);
	EXPECT_LT(10, s.outages);
	EXPECT_LT(10, s.maps);
	EXPECT_LT(10, s.copies);
	EXPECT_LT(10, s.attaches);
	EXPECT_LT(5, s.revokes);
	for (i = 0; i < SLICES; i++) {
		EXPECT_EQ(0, bufinfo_attachments(s.slice[i]));
		close(s.slice[i]);
	}
	pthread_rwlock_destroy(&s.lock);
}

/* Every way in which memory goes and comes back. */
FIXTURE(back) {
	struct scene scene;
};

FIXTURE_VARIANT(back) {
	const struct way *way;
};

FIXTURE_VARIANT_ADD(back, memory_off) { .way = &by_memory_off };
FIXTURE_VARIANT_ADD(back, low_power) { .way = &by_low_power };
FIXTURE_VARIANT_ADD(back, d3hot) { .way = &by_d3hot };
FIXTURE_VARIANT_ADD(back, bus_reset) { .way = &by_bus_reset };
FIXTURE_VARIANT_ADD(back, hot_reset) { .way = &by_hot_reset };
FIXTURE_VARIANT_ADD(back, flr_by_ioctl) { .way = &by_flr_by_ioctl };
FIXTURE_VARIANT_ADD(back, flr_by_config) { .way = &by_flr_by_config };
FIXTURE_VARIANT_ADD(back, bus_reset_by_sysfs) { .way = &by_bus_reset_by_sysfs };
FIXTURE_VARIANT_ADD(back, flr_by_sysfs) { .way = &by_flr_by_sysfs };

FIXTURE_SETUP(back)
{
	scene_open(_metadata, &self->scene, variant->way);
}

FIXTURE_TEARDOWN(back)
{
	scene_close(&self->scene);
}

TEST_F_TIMEOUT(back, dma_lands_again, 120)
{
	dma_lands_again(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(back, everywhere, 120)
{
	everywhere(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(back, unmapped_meanwhile, 120)
{
	unmapped_meanwhile(_metadata, &self->scene, variant->way);
}

/* Where the way matters little: one of those that are alike. */
FIXTURE(then) {
	struct scene scene;
};

FIXTURE_VARIANT(then) {
	const struct way *way;
};

FIXTURE_VARIANT_ADD(then, memory_off) { .way = &by_memory_off };
FIXTURE_VARIANT_ADD(then, d3hot) { .way = &by_d3hot };
FIXTURE_VARIANT_ADD(then, flr_by_ioctl) { .way = &by_flr_by_ioctl };
FIXTURE_VARIANT_ADD(then, bus_reset_by_sysfs) { .way = &by_bus_reset_by_sysfs };

FIXTURE_SETUP(then)
{
	scene_open(_metadata, &self->scene, variant->way);
}

FIXTURE_TEARDOWN(then)
{
	scene_close(&self->scene);
}

TEST_F_TIMEOUT(then, two_states, 120)
{
	two_states(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(then, not_wanted, 120)
{
	not_wanted(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(then, revoked_then, 120)
{
	revoked_then(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(then, closed_then, 120)
{
	closed_then(_metadata, &self->scene, variant->way);
}

TEST_F_TIMEOUT(then, unmapped_then, 120)
{
	unmapped_then(_metadata, &self->scene, variant->way);
}

TEST_HARNESS_MAIN
