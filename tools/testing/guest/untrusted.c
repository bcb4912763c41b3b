// SPDX-License-Identifier: GPL-2.0
/*
 * The effect of a client that has only a slice's file descriptor on the owner
 * of the device: nothing lasting.
 *
 * In each test a client misbehaves, and meanwhile the owner revokes the slice,
 * resets the device, or closes it. That has to be over within LIMIT seconds,
 * which is a lot: a revoke takes some milliseconds here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/client.h"
#include "lib/endpoint.h"
#include "lib/fence.h"
#include "lib/ioas.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define SIZE	(16 * PAGE)
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define LIMIT	4.0
#define MAX_VMAS 1024		/* VFIO_SLICE_MAX_VMAS */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* Begins a child that ends with this process; true in the child */
static bool begin_child(pid_t *pid)
{
	*pid = fork();
	VFIO_ASSERT_GE(*pid, 0);
	if (*pid)
		return false;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

static void end_child(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	VFIO_ASSERT_EQ(waitpid(pid, &status, 0), pid);
}

FIXTURE(untrusted) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	int dmabuf, other;
};

FIXTURE_SETUP(untrusted)
{
	const char *bdf = pci_find(&pci_ivshmem_bus, 0);

	if (!bdf)
		SKIP(return, "no ivshmem that its bus can reset");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	ASSERT_NE(NULL, self->dev->bars[BAR].vaddr);
	self->dmabuf = slice_export(self->dev, BAR, 0, SIZE);
	ASSERT_GE(self->dmabuf, 0);
	self->other = slice_export(self->dev, BAR, SIZE, SIZE);
	ASSERT_GE(self->other, 0);
}

FIXTURE_TEARDOWN(untrusted)
{
	close(self->dmabuf);
	close(self->other);
	if (self->dev)
		vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

/* Time that the owner needs to do it */
static double revoke_takes(struct _test_data_untrusted *self, int dmabuf)
{
	double begin = now();

	VFIO_ASSERT_EQ(slice_revoke(self->dev, dmabuf), 0);
	return now() - begin;
}

static double outage_takes(struct _test_data_untrusted *self)
{
	double begin = now();

	endpoint_memory(self->dev, false);
	endpoint_memory(self->dev, true);
	return now() - begin;
}

static double close_takes(struct _test_data_untrusted *self)
{
	double begin = now();

	vfio_pci_device_cleanup(self->dev);
	self->dev = NULL;
	return now() - begin;
}

/* A client's fence exists for those that ask, and delays no other task */
TEST_F_TIMEOUT(untrusted, adds_a_fence, 60)
{
	int fence = fence_unsignaled();
	void *p;

	if (fence < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, fence_import(self->dmabuf, fence));
	EXPECT_FALSE(fence_idle(self->dmabuf));
	p = map_shared(self->dmabuf, 0, SIZE, RW);
	ASSERT_NE(NULL, p);

	EXPECT_LT(outage_takes(self), LIMIT);
	EXPECT_EQ(0, child_read(p));
	EXPECT_LT(revoke_takes(self, self->dmabuf), LIMIT);
	EXPECT_EQ(SIGBUS, child_read(p));

	ASSERT_EQ(0, fence_import(self->other, fence));
	EXPECT_LT(close_takes(self), LIMIT);
	EXPECT_FALSE(fence_idle(self->other));
}

/* The same with an import of the client's: only its wait is included */
TEST_F_TIMEOUT(untrusted, adds_a_fence_and_imports, 60)
{
	int fence = fence_unsignaled();

	if (fence < 0)
		SKIP(return, "no vgem");
	ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
				   self->dmabuf, 0, SIZE, IOVA, IOAS_RW));
	ASSERT_EQ(0, fence_import(self->dmabuf, fence));
	EXPECT_LT(outage_takes(self), LIMIT);
	EXPECT_LT(revoke_takes(self, self->dmabuf), LIMIT);

	ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
				   self->other, 0, SIZE, IOVA + SIZE, IOAS_RW));
	ASSERT_EQ(0, fence_import(self->other, fence));
	EXPECT_LT(close_takes(self), LIMIT);
}

/* And repeated without a pause */
TEST_F_TIMEOUT(untrusted, adds_fences_in_a_loop, 120)
{
	int fence = fence_unsignaled();
	pid_t pid;
	int i;

	if (fence < 0)
		SKIP(return, "no vgem");
	if (begin_child(&pid)) {
		for (i = 0; i < 20000; i++)
			fence_import(self->dmabuf, fence);
		pause();
	}
	usleep(200000);
	for (i = 0; i < 3; i++)
		EXPECT_LT(outage_takes(self), LIMIT);
	EXPECT_LT(revoke_takes(self, self->dmabuf), LIMIT);
	end_child(pid);
}

/*
 * A futex operation has a fault that cannot wait without mmap_lock: the kernel
 * repeats it. SIGKILL ends it in the middle of a reset.
 */
static void futex_loop(void *word)
{
	for (;;)
		syscall(SYS_futex, word, FUTEX_WAKE_OP, 0, 0, word,
			FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0));
}

struct resetter {
	struct vfio_pci_device *dev;
	atomic_bool stop;
	atomic_int nr;
};

static void *keep_resetting(void *arg)
{
	struct resetter *r = arg;

	while (!r->stop) {
		endpoint_sysfs_reset(r->dev);
		r->nr++;
	}
	return NULL;
}

TEST_F_TIMEOUT(untrusted, uses_futexes_during_a_reset, 120)
{
	struct resetter r = { .dev = self->dev };
	double begin, worst = 0, sum = 0;
	pthread_t thread;
	pid_t pid;
	void *p;
	int i;

	p = map_shared(self->dmabuf, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_resetting, &r));
	for (i = 0; i < 10; i++) {
		if (begin_child(&pid))
			futex_loop(p);
		usleep(100000);
		begin = now();
		end_child(pid);
		begin = now() - begin;
		sum += begin;
		worst = max(worst, begin);
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_GT(r.nr, 0);
	TH_LOG("kill: worst %.3f s, %.3f s on average, in %d resets", worst, sum / i, r.nr);
	EXPECT_LT(worst, 1.0);
}

/* A client that waits in a fault during a reset, stopped */
TEST_F_TIMEOUT(untrusted, is_stopped_in_a_fault, 60)
{
	struct resetter r = { .dev = self->dev };
	pthread_t thread;
	pid_t pid[4];
	void *p;
	int i;

	p = map_shared(self->dmabuf, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_resetting, &r));
	for (i = 0; i < 4; i++) {
		if (begin_child(&pid[i]))
			for (;;)
				readq(p + i * PAGE);
		usleep(50000);
		kill(pid[i], SIGSTOP);
	}
	while (r.nr < 3)
		usleep(10000);
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_LT(outage_takes(self), LIMIT);
	EXPECT_LT(revoke_takes(self, self->dmabuf), LIMIT);
	for (i = 0; i < 4; i++)
		end_child(pid[i]);
}

/* Repeated mmap() of a page, with an access; returns how many succeeded */
static int map_many(int dmabuf, void **maps, int max)
{
	int nr;

	for (nr = 0; nr < max; nr++) {
		maps[nr] = map_shared(dmabuf, nr % 16 * PAGE, PAGE, RW);
		if (!maps[nr])
			break;
		readq(maps[nr]);
	}
	return nr;
}

TEST_F_TIMEOUT(untrusted, has_many_vmas, 120)
{
	void *maps[MAX_VMAS + 1], *whole;
	pid_t pid;
	int nr, i;

	nr = map_many(self->dmabuf, maps, MAX_VMAS + 1);
	EXPECT_EQ(MAX_VMAS, nr);
	EXPECT_EQ(ENOMEM, errno);

	/* VMAs of another slice do not count */
	whole = map_shared(self->other, 0, SIZE, RW);
	ASSERT_NE(NULL, whole);
	readq(whole);

	/* A child above the limit has mappings, but nothing in them */
	EXPECT_EQ(SIGBUS, child_read(maps[0]));
	EXPECT_EQ(0, child_read(whole));

	/* While one CPU always reads, each VMA costs a flush of its TLB */
	if (begin_child(&pid))
		for (;;)
			readq(whole);
	EXPECT_LT(outage_takes(self), LIMIT);
	for (i = 0; i < nr; i++)
		readq(maps[i]);
	EXPECT_LT(revoke_takes(self, self->dmabuf), LIMIT);
	end_child(pid);

	/* After a revoke they cost nothing, and can go */
	EXPECT_LT(outage_takes(self), LIMIT);
	EXPECT_EQ(SIGBUS, child_read(maps[0]));
	for (i = 0; i < nr; i++)
		EXPECT_EQ(0, munmap(maps[i], PAGE));
}

TEST_F_TIMEOUT(untrusted, splits_vmas, 120)
{
	void *maps[MAX_VMAS], *p;
	int nr, i;

	p = map_shared(self->dmabuf, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	nr = map_many(self->dmabuf, maps, MAX_VMAS - 2);
	ASSERT_EQ(MAX_VMAS - 2, nr);

	/* One is left: the first split takes it */
	EXPECT_EQ(0, mprotect(p + 8 * PAGE, 8 * PAGE, PROT_READ));
	EXPECT_EQ(-1, mprotect(p + 4 * PAGE, PAGE, PROT_READ));
	EXPECT_EQ(ENOMEM, errno);
	EXPECT_EQ(-1, munmap(p + 4 * PAGE, PAGE));
	EXPECT_EQ(ENOMEM, errno);
	readq(p + 4 * PAGE);

	for (i = 0; i < nr; i++)
		EXPECT_EQ(0, munmap(maps[i], PAGE));
	EXPECT_EQ(0, munmap(p + 4 * PAGE, PAGE));
	EXPECT_EQ(0, child_read(p));
	EXPECT_EQ(0, munmap(p, SIZE));

	/* The counter is still right */
	nr = map_many(self->dmabuf, maps, MAX_VMAS);
	EXPECT_EQ(MAX_VMAS, nr);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(0, munmap(maps[i], PAGE));
}

/* With the lowest priority, next to programs that use all CPUs */
static void idle_client(int dmabuf)
{
	const struct sched_param param = {};
	void *p;

	sched_setscheduler(0, SCHED_IDLE, &param);
	for (;;) {
		p = map_shared(dmabuf, 0, SIZE, RW);
		if (!p)
			_exit(0);
		faults_of(p, SIZE);
		munmap(p, SIZE);
	}
}

#define REVOKES	10

static double revokes_take(struct _test_data_untrusted *self, double *worst)
{
	double sum = 0, took;
	int i, fd;

	*worst = 0;
	for (i = 0; i < REVOKES; i++) {
		fd = slice_export(self->dev, BAR, 2 * SIZE, SIZE);
		VFIO_ASSERT_GE(fd, 0);
		took = revoke_takes(self, fd);
		sum += took;
		*worst = max(*worst, took);
		close(fd);
	}
	return sum;
}

TEST_F_TIMEOUT(untrusted, has_the_lowest_priority, 180)
{
	pid_t hogs[2], clients[2];
	double alone, beside, worst;
	int i;

	for (i = 0; i < 2; i++)
		if (begin_child(&hogs[i]))
			for (;;)
				;
	alone = revokes_take(self, &worst);
	for (i = 0; i < 2; i++)
		if (begin_child(&clients[i]))
			idle_client(self->other);
	usleep(500000);
	beside = revokes_take(self, &worst);
	TH_LOG("%d revokes: %.3f s, %.3f s beside clients, worst %.3f s", REVOKES,
	       alone, beside, worst);
	EXPECT_LT(beside, 4 * alone + 1);
	for (i = 0; i < 2; i++) {
		end_child(hogs[i]);
		end_child(clients[i]);
	}
}

TEST_HARNESS_MAIN
