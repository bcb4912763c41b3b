// SPDX-License-Identifier: GPL-2.0
/*
 * The costs of an import into an IOAS for others.
 *
 * A client that has only a slice of a BAR can import it as often as its memory
 * allows. It can be killed meanwhile, and the owner can revoke the slice in the
 * middle; unrelated processes do not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
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
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL
#define MB	(1UL << 20)

FIXTURE(import) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	u64 size;			/* size of its BAR */
};

#define FULL	(1024 * MB)
#define DOMAINS	6

FIXTURE_VARIANT(import) {
	u64 least;			/* minimum size of the BAR */
};

FIXTURE_VARIANT_ADD(import, small) { .least = 0 };
FIXTURE_VARIANT_ADD(import, large) { .least = FULL };

FIXTURE_SETUP(import)
{
	const char *bdf;
	int i;

	self->iommu = iommu_init(MODE_IOMMUFD);
	for (i = 0; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		self->mem = endpoint_open(bdf, self->iommu, NULL);
		self->size = self->mem->bars[BAR].info.size;
		if (self->size >= variant->least)
			return;
		vfio_pci_device_cleanup(self->mem);
		self->mem = NULL;
	}
	SKIP(return, "no ivshmem of that size");
}

FIXTURE_TEARDOWN(import)
{
	if (self->mem)
		vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* An IOAS with mock devices only: it waits for no flush. */
static u32 mock_ioas(int iommufd, int devices)
{
	struct mock_device dev;
	u32 id, hwpt;
	int rc;

	rc = ioas_alloc(iommufd, &id);
	VFIO_ASSERT_EQ(rc, 0);
	while (devices--) {
		rc = mock_device(iommufd, id, &dev);
		VFIO_ASSERT_EQ(rc, 0);
		/* A page table of its own. */
		rc = hwpt_alloc(iommufd, dev.idev_id, id, &hwpt);
		VFIO_ASSERT_EQ(rc, 0);
		rc = mock_attach(iommufd, &dev, hwpt);
		VFIO_ASSERT_EQ(rc, 0);
	}
	return id;
}

/* A buffer is no longer than its BAR, even if it shows parts repeatedly. */
TEST_F(import, export_is_bounded)
{
	struct vfio_region_dma_range *many;
	struct vfio_region_dma_range ranges[] = {
		{ 0, self->size / 2 }, { 0, self->size / 2 }, { PAGE, PAGE },
	};
	int fd, i;

	fd = endpoint_export(self->mem, BAR, ranges, 2);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, ranges, 3));
	ranges[0].length = self->size;
	fd = endpoint_export(self->mem, BAR, ranges, 1);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, ranges, 2));

	many = calloc(460, sizeof(*many));
	for (i = 0; i < 460; i++)
		many[i].length = self->size;
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, many, 460));
	free(many);

	/* The number of ranges has a limit of its own. */
	if (variant->least)
		return;
	many = calloc(self->size / PAGE + 1, sizeof(*many));
	for (i = 0; i <= self->size / PAGE; i++)
		many[i].length = PAGE;
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, many, i));
	fd = endpoint_export(self->mem, BAR, many, i - 1);
	EXPECT_GE(fd, 0);
	close(fd);
	free(many);
}

/* A slow import: small pages only, in several page tables. */
static int slow_import(int iommufd, u32 ioas_id, int slice)
{
	return ioas_map_file(iommufd, ioas_id, slice, 0, FULL, IOVA + PAGE, IOAS_RW);
}

#define NEEDS_MUCH(self)						\
	do {								\
		if ((self)->size < FULL)				\
			SKIP(return, "the small one is too fast");	\
	} while (0)

struct importer {
	int iommufd, slice, rc;
	u32 ioas_id;
	pthread_t thread;
	atomic_bool done;
};

static void *import_slowly(void *arg)
{
	struct importer *im = arg;

	im->rc = slow_import(im->iommufd, im->ioas_id, im->slice);
	im->done = true;
	return NULL;
}

static double import_time(struct __test_metadata *_metadata, int iommufd, u32 ioas_id,
			  int slice)
{
	double t = now();

	ASSERT_EQ(0, slow_import(iommufd, ioas_id, slice));
	t = now() - t;
	ASSERT_EQ(0, ioas_unmap(iommufd, ioas_id, IOVA + PAGE, FULL, NULL));
	return t;
}

/*
 * A BAR that mmap() accepts can be exported: its whole page, by either length
 */
TEST_F(import, of_a_bar_smaller_than_a_page)
{
	struct vfio_pci_bar *bar = &self->mem->bars[0];
	const u32 mask = 0x55aa;	/* a register that keeps the written value */
	struct engines engines;
	int fd[2], i;
	u32 value;
	void *p;

	if (variant->least)
		SKIP(return, "the same device");
	if (!bar->vaddr || bar->info.size >= PAGE)
		SKIP(return, "no BAR smaller than a page that can be mapped");
	EXPECT_EQ(-EINVAL, slice_export(self->mem, 0, 0, bar->info.size / 2));
	EXPECT_EQ(-EINVAL, slice_export(self->mem, 0, 0, 2 * PAGE));
	EXPECT_EQ(-EINVAL, slice_export(self->mem, 0, PAGE, PAGE));
	EXPECT_EQ(-EINVAL, slice_export(self->mem, 0, bar->info.size, bar->info.size));
	ASSERT_TRUE(engines_open(&engines, self->iommu, 1));
	writel(mask, bar->vaddr);
	for (i = 0; i < 2; i++) {
		fd[i] = slice_export(self->mem, 0, 0, i ? PAGE : bar->info.size);
		ASSERT_GE(fd[i], 0);
		EXPECT_EQ(PAGE, lseek(fd[i], 0, SEEK_END));
		p = map_shared(fd[i], 0, PAGE, PROT_READ | PROT_WRITE);
		ASSERT_NE(NULL, p);
		EXPECT_EQ(mask, readl(p));
		EXPECT_EQ(0, munmap(p, PAGE));
		ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
					   fd[i], 0, PAGE, IOVA, IOAS_RW));
		engines_read(&engines, &value, IOVA, sizeof(value));
		EXPECT_EQ(mask, value);
		EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
					PAGE, NULL));
		EXPECT_EQ(0, slice_revoke(self->mem, fd[i]));
		close(fd[i]);
	}
	writel(0, bar->vaddr);
	engines_close(&engines);
}

static int change_process(int iommufd)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	return ioctl(iommufd, IOMMU_IOAS_CHANGE_PROCESS, &cmd) ? -errno : 0;
}

/* Live update: another process takes over, and dma-bufs belong to no process */
TEST_F(import, change_of_process)
{
	int iommufd = self->iommu->iommufd, slice, status;
	u32 ioas = self->iommu->ioas_id;
	struct engines engines;
	u64 value = 0;
	void *ram;
	pid_t pid;

	slice = slice_export(self->mem, BAR, 0, PAGE);
	ASSERT_GE(slice, 0);
	ASSERT_EQ(0, ioas_map_file(iommufd, ioas, slice, 0, PAGE, IOVA, IOAS_RW));
	pid = fork();
	if (!pid)
		_exit(-change_process(iommufd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));

	/* The process that took over is gone, and DMA still works. */
	ASSERT_TRUE(engines_open(&engines, self->iommu, 1));
	writeq(0x1234567890, self->mem->bars[BAR].vaddr);
	engines_read(&engines, &value, IOVA, sizeof(value));
	EXPECT_EQ(0x1234567890, value);
	engines_close(&engines);

	/* Pages that were found by their address belong to a process. */
	EXPECT_EQ(0, change_process(iommufd));
	ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ram);
	ASSERT_EQ(0, ioas_map(iommufd, ioas, ram, PAGE, IOVA + PAGE, IOAS_RW));
	EXPECT_EQ(-EINVAL, change_process(iommufd));
	EXPECT_EQ(0, ioas_unmap(iommufd, ioas, IOVA + PAGE, PAGE, NULL));
	EXPECT_EQ(0, slice_revoke(self->mem, slice));
	EXPECT_EQ(0, change_process(iommufd));
	EXPECT_EQ(0, ioas_unmap(iommufd, ioas, IOVA, PAGE, NULL));
	close(slice);
}

TEST_F_TIMEOUT(import, can_be_killed, 120)
{
	double all, killed;
	int slice, status;
	pid_t pid;
	u32 id;

	NEEDS_MUCH(self);
	slice = slice_export(self->mem, BAR, 0, FULL);
	ASSERT_GE(slice, 0);
	id = mock_ioas(self->iommu->iommufd, DOMAINS);
	all = import_time(_metadata, self->iommu->iommufd, id, slice);

	pid = fork();
	if (!pid)
		_exit(slow_import(self->iommu->iommufd, id, slice) ? 1 : 0);
	usleep(all / 8 * 1e6);
	killed = now();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	killed = now() - killed;
	TH_LOG("an import takes %.3f s, its death %.3f s", all, killed);
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_LT(killed, all / 2);

	/* Nothing is left of it. */
	EXPECT_EQ(0, bufinfo_attachments(slice));
	EXPECT_EQ(0, slow_import(self->iommu->iommufd, id, slice));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, id, IOVA + PAGE, FULL, NULL));
	EXPECT_EQ(0, slice_revoke(self->mem, slice));
	close(slice);
}

TEST_F_TIMEOUT(import, revoke_does_not_wait_for_it, 120)
{
	struct importer im = { .iommufd = self->iommu->iommufd };
	double all, taken;
	int slice;

	NEEDS_MUCH(self);
	slice = slice_export(self->mem, BAR, 0, FULL);
	ASSERT_GE(slice, 0);
	im.slice = slice;
	im.ioas_id = mock_ioas(im.iommufd, DOMAINS);
	all = import_time(_metadata, im.iommufd, im.ioas_id, slice);

	ASSERT_EQ(0, pthread_create(&im.thread, NULL, import_slowly, &im));
	usleep(all / 8 * 1e6);
	ASSERT_FALSE(im.done);
	taken = now();
	ASSERT_EQ(0, slice_revoke(self->mem, slice));
	taken = now() - taken;
	pthread_join(im.thread, NULL);
	TH_LOG("an import takes %.3f s, a revoke in it %.3f s", all, taken);
	EXPECT_LT(taken, all / 2);

	/* The area exists, but maps nothing. */
	EXPECT_EQ(0, im.rc);
	EXPECT_EQ(0, ioas_unmap(im.iommufd, im.ioas_id, IOVA + PAGE, FULL, NULL));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	close(slice);
}

/* So does a device that comes later and fills a page table of its own. */
static void *attach_slowly(void *arg)
{
	struct importer *im = arg;
	struct mock_device dev;

	im->rc = mock_device(im->iommufd, im->ioas_id, &dev);
	im->done = true;
	return NULL;
}

TEST_F_TIMEOUT(import, nor_for_an_attach, 120)
{
	struct importer im = { .iommufd = self->iommu->iommufd };
	double all = 0, empty = 0, taken;
	struct mock_device dev;
	int i;

	NEEDS_MUCH(self);
	/* Time of an import, and of a revoke that empties two page tables. */
	for (i = 0; i < 2; i++) {
		im.slice = slice_export(self->mem, BAR, 0, FULL);
		ASSERT_GE(im.slice, 0);
		im.ioas_id = mock_ioas(im.iommufd, 1);
		ASSERT_EQ(0, slow_import(im.iommufd, im.ioas_id, im.slice));
		if (i)
			break;
		all = now();
		ASSERT_EQ(0, mock_device(im.iommufd, im.ioas_id, &dev));
		empty = now();
		all = empty - all;
		ASSERT_EQ(0, slice_revoke(self->mem, im.slice));
		empty = now() - empty;
		close(im.slice);
	}

	ASSERT_EQ(0, pthread_create(&im.thread, NULL, attach_slowly, &im));
	usleep(all / 8 * 1e6);
	taken = now();
	ASSERT_EQ(0, slice_revoke(self->mem, im.slice));
	taken = now() - taken;
	pthread_join(im.thread, NULL);
	TH_LOG("an attach takes %.3f s, a revoke after it %.3f s, in it %.3f s",
	       all, empty, taken);
	EXPECT_LT(taken, empty + all / 2);
	EXPECT_EQ(0, im.rc);
	close(im.slice);
}

/* Revokes at any time of an import, which leaves all of itself or nothing. */
TEST_F_TIMEOUT(import, against_revokes, 120)
{
	struct importer im = { .iommufd = self->iommu->iommufd };
	double all;
	int i;

	NEEDS_MUCH(self);
	im.ioas_id = mock_ioas(im.iommufd, 2);
	im.slice = slice_export(self->mem, BAR, 0, FULL);
	all = import_time(_metadata, im.iommufd, im.ioas_id, im.slice);
	close(im.slice);
	for (i = 0; i < 16; i++) {
		im.slice = slice_export(self->mem, BAR, 0, FULL);
		ASSERT_GE(im.slice, 0);
		ASSERT_EQ(0, pthread_create(&im.thread, NULL, import_slowly, &im));
		usleep(all * i / 14 * 1e6);
		endpoint_memory(self->mem, false);
		endpoint_memory(self->mem, true);
		pthread_join(im.thread, NULL);
		ASSERT_TRUE(im.rc == 0 || im.rc == -EAGAIN);
		if (!im.rc)
			ASSERT_EQ(0, ioas_unmap(im.iommufd, im.ioas_id, IOVA + PAGE,
						FULL, NULL));
		ASSERT_EQ(0, bufinfo_attachments(im.slice));
		close(im.slice);
	}
}

/* Objects of caches that no cgroup is charged for. */
static long free_of_charge(void)
{
	long sum = 0, active;
	char line[512], name[64];
	FILE *f = fopen("/proc/slabinfo", "r");

	VFIO_ASSERT_NOT_NULL(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", name, &active) == 2 &&
		    !strncmp(name, "kmalloc-", 8) && strncmp(name, "kmalloc-cg-", 11))
			sum += active;
	fclose(f);
	return sum;
}

#define PAID	4000

TEST_F_TIMEOUT(import, is_paid_for, 120)
{
	u32 id = mock_ioas(self->iommu->iommufd, 1);
	int slice, i, fd = self->iommu->iommufd;
	long before, after;

	if (variant->least)
		SKIP(return, "one is enough");
	if (access("/proc/slabinfo", R_OK))
		SKIP(return, "no /proc/slabinfo in this kernel");
	slice = slice_export(self->mem, BAR, 0, PAGE);
	ASSERT_GE(slice, 0);
	before = free_of_charge();
	for (i = 0; i < PAID; i++)
		ASSERT_EQ(0, ioas_map_file(fd, id, slice, 0, PAGE, IOVA + i * PAGE, IOAS_RW));
	after = free_of_charge();
	TH_LOG("%d imports: %ld objects that are not charged", PAID, after - before);
	EXPECT_LT(after - before, PAID / 2);
	EXPECT_EQ(0, ioas_unmap(fd, id, IOVA, PAID * PAGE, NULL));
	close(slice);
}

#define CGROUP	"/sys/fs/cgroup"

/*
 * A client whose memory cgroup is full: the page tables exceed its limit. That
 * affects only the client, whether the import fails or the client is killed.
 */
TEST_F_TIMEOUT(import, short_of_memory, 120)
{
	int slice, status;
	double taken;
	pid_t pid;
	u32 id;

	NEEDS_MUCH(self);
	file_mount("cgroup2", CGROUP);
	if (file_write("+memory", CGROUP "/cgroup.subtree_control"))
		SKIP(return, "no memory cgroups");
	mkdir(CGROUP "/import", 0755);
	ASSERT_EQ(0, file_write("2M", CGROUP "/import/memory.max"));

	slice = slice_export(self->mem, BAR, 0, FULL);
	ASSERT_GE(slice, 0);
	id = mock_ioas(self->iommu->iommufd, DOMAINS);
	pid = fork();
	if (!pid) {
		if (file_write("0", CGROUP "/import/cgroup.procs"))
			_exit(2);
		_exit(slow_import(self->iommu->iommufd, id, slice) == -ENOMEM ? 0 : 1);
	}
	usleep(50000);
	taken = now();
	ASSERT_EQ(0, slice_revoke(self->mem, slice));
	taken = now() - taken;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	TH_LOG("a revoke meanwhile takes %.3f s", taken);
	EXPECT_LT(taken, 1);
	EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) < 2);
	/* An import that met the revoke has an area that maps nothing */
	ioas_unmap(self->iommu->iommufd, id, IOVA + PAGE, FULL, NULL);
	close(slice);

	/* Without a revoke it cannot succeed. */
	slice = slice_export(self->mem, BAR, 0, FULL);
	pid = fork();
	if (!pid) {
		if (file_write("0", CGROUP "/import/cgroup.procs"))
			_exit(2);
		_exit(slow_import(self->iommu->iommufd, id, slice) == -ENOMEM ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) || !WEXITSTATUS(status));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	close(slice);
	rmdir(CGROUP "/import");
}

#define COPIES	12000
#define SAMPLE	2000

static double copies(struct __test_metadata *_metadata, int fd, u32 from, u32 to, int first)
{
	double t = now();
	int i;

	for (i = first; i < first + SAMPLE; i++)
		ASSERT_EQ(0, ioas_copy(fd, to, IOVA + i * PAGE, from, IOVA, PAGE, IOAS_RW));
	return now() - t;
}

/*
 * The last copies of an import cost as much as the first, and so does a revoke.
 */
TEST_F_TIMEOUT(import, many_copies, 300)
{
	u32 id = mock_ioas(self->iommu->iommufd, 1), other;
	int slice, i, fd = self->iommu->iommufd;
	double first, last, best = 0, taken;

	if (variant->least)
		SKIP(return, "one is enough");
	slice = slice_export(self->mem, BAR, 0, PAGE);
	ASSERT_GE(slice, 0);
	other = mock_ioas(fd, 1);
	ASSERT_EQ(0, ioas_map_file(fd, id, slice, 0, PAGE, IOVA, IOAS_RW));
	first = copies(_metadata, fd, id, other, 0);
	for (i = SAMPLE; i < COPIES; i += SAMPLE) {
		last = copies(_metadata, fd, id, other, i);
		if (i >= COPIES / 2 && (!best || last < best))
			best = last;
	}
	taken = now();
	ASSERT_EQ(0, slice_revoke(self->mem, slice));
	taken = now() - taken;
	TH_LOG("%d copies: the first %.3f s, the best of the last %.3f s, the revoke of %d %.3f s",
	       SAMPLE, first, best, COPIES, taken);
	/* Seven times, if a copy looked at all copies before it */
	EXPECT_LT(best, first * 3);
	EXPECT_EQ(0, ioas_unmap(fd, other, IOVA, COPIES * PAGE, NULL));
	EXPECT_EQ(0, ioas_unmap(fd, id, IOVA, PAGE, NULL));
	close(slice);
}

/* A slice that was exported read-only is read-only for devices too. */
TEST_F(import, read_only_slice)
{
	const struct vfio_region_dma_range range = { 0, PAGE };
	struct vfio_device_feature_dma_buf buf = {
		.region_index = BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1,
	};
	int fd = self->iommu->iommufd, slice, again;
	char path[64];
	u32 id;

	slice = endpoint_export_raw(self->mem, VFIO_DEVICE_FEATURE_GET, &buf, &range, 1);
	ASSERT_GE(slice, 0);
	id = mock_ioas(fd, 1);
	EXPECT_EQ(-EPERM, ioas_map_file(fd, id, slice, 0, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(-EPERM, ioas_map_file(fd, id, slice, 0, PAGE, IOVA, IOAS_WRITE));
	EXPECT_EQ(0, bufinfo_attachments(slice));
	EXPECT_EQ(0, ioas_map_file(fd, id, slice, 0, PAGE, IOVA, IOAS_READ));
	EXPECT_EQ(-EPERM, ioas_copy(fd, id, IOVA + PAGE, id, IOVA, PAGE, IOAS_RW));
	EXPECT_EQ(0, ioas_copy(fd, id, IOVA + PAGE, id, IOVA, PAGE, IOAS_READ));

	/* Other file descriptors of it do not change that. */
	again = dup(slice);
	EXPECT_EQ(-EPERM, ioas_map_file(fd, id, again, 0, PAGE, IOVA + 2 * PAGE, IOAS_RW));
	close(again);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slice);
	again = open(path, O_RDWR);
	if (again >= 0)
		EXPECT_EQ(-EPERM, ioas_map_file(fd, id, again, 0, PAGE, IOVA + 2 * PAGE,
						IOAS_RW));

	EXPECT_EQ(0, ioas_unmap(fd, id, IOVA, 2 * PAGE, NULL));
	close(slice);

	/* The same memory, exported by a process that may write to it. */
	slice = slice_export(self->mem, BAR, 0, PAGE);
	EXPECT_EQ(0, ioas_map_file(fd, id, slice, 0, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(0, ioas_unmap(fd, id, IOVA, PAGE, NULL));
	close(slice);
}

/* A task that holds the reservation lock of a buffer for some seconds. */
#define HOLD	4

FIXTURE(held) {
	int iommufd;
	u32 ioas_id;
	int dmabuf;
	pthread_t holder;
};

static void *hold(void *arg)
{
	struct _test_data_held *self = arg;

	mock_hold(self->iommufd, self->dmabuf, HOLD * 1000);
	return NULL;
}

FIXTURE_SETUP(held)
{
	self->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->iommufd, 0);
	self->ioas_id = mock_ioas(self->iommufd, 1);
	self->dmabuf = mock_dmabuf(self->iommufd, PAGE);
	ASSERT_GE(self->dmabuf, 0);
	ASSERT_EQ(0, pthread_create(&self->holder, NULL, hold, self));
	usleep(300000);
}

FIXTURE_TEARDOWN(held)
{
	pthread_join(self->holder, NULL);
	close(self->dmabuf);
	close(self->iommufd);
}

/* Start a child that runs this function, and wait until it has begun. */
#define IN_A_CHILD(pid, what)			\
	do {					\
		pid = fork();			\
		if (!pid)			\
			_exit(what ? 1 : 0);	\
		usleep(300000);			\
	} while (0)

static int map_held(struct _test_data_held *self)
{
	return ioas_map_file(self->iommufd, self->ioas_id, self->dmabuf, 0, PAGE, IOVA,
			     IOAS_RW);
}

static int read_bufinfo(void)
{
	static char all[1 << 20];

	return file_read(all, sizeof(all), "/sys/kernel/debug/dma_buf/bufinfo") <= 0;
}

TEST_F(held, importer_can_be_killed)
{
	int status;
	double t;
	pid_t pid;

	IN_A_CHILD(pid, map_held(self));
	t = now();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_LT(now() - t, HOLD / 2.);
	EXPECT_TRUE(WIFSIGNALED(status));
}

static void nothing(int sig)
{
}

/* Other signals do not make the import fail. */
TEST_F(held, importer_is_not_interrupted)
{
	const struct sigaction action = { .sa_handler = nothing };
	int status;
	pid_t pid;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	IN_A_CHILD(pid, map_held(self));
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/*
 * A task that lists all buffers waits for this one; no task waits for that one.
 */
TEST_F(held, bystander)
{
	int status, other;
	pid_t pid;
	double t;

	IN_A_CHILD(pid, read_bufinfo());
	t = now();
	other = mock_dmabuf(self->iommufd, PAGE);
	EXPECT_GE(other, 0);
	close(other);
	t = now() - t;
	TH_LOG("%.3f s to make a buffer and close it", t);
	EXPECT_LT(t, HOLD / 4.);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(held, reader_can_be_killed)
{
	int status;
	pid_t pid;
	double t;

	IN_A_CHILD(pid, read_bufinfo());
	t = now();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_LT(now() - t, HOLD / 2.);
}

TEST_HARNESS_MAIN
