// SPDX-License-Identifier: GPL-2.0
/*
 * Guarantees for users of slices, owner and client: a notification of the end,
 * signals during waits, huge pages without a chosen address, many revokes at a
 * time, and a way to query support in advance.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
#define PUD	(1UL << 30)
#define BAR	2
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define REVOKE	VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
#define MEMATTR	VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define SET	VFIO_DEVICE_FEATURE_SET

FIXTURE(use) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	u64 phys;
	int fd;
};

FIXTURE_SETUP(use)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!bdf)
		SKIP(return, "needs ivshmem");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	self->phys = pci_bar_phys(bdf, BAR);
	self->fd = slice_export(self->dev, BAR, 0, 4 * PAGE);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(use)
{
	close(self->fd);
	if (self->dev)
		vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static bool hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 0) == 1 && pfd.revents == POLLHUP;
}

/* A process that waits for the end of a slice, and ends with it */
static pid_t start_poller(int fd)
{
	struct pollfd pfd = { .fd = fd };
	pid_t pid = fork();

	VFIO_ASSERT_GE(pid, 0);
	if (!pid)
		_exit(poll(&pfd, 1, 60000) == 1 && pfd.revents == POLLHUP ? 0 : 1);
	usleep(100000);
	return pid;
}

static int exit_status(pid_t pid)
{
	int status;

	VFIO_ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F_TIMEOUT(use, a_revoke_hangs_up, 120)
{
	int other = slice_export(self->dev, BAR, 0, 4 * PAGE);
	pid_t poller;

	ASSERT_GE(other, 0);
	EXPECT_FALSE(hung_up(self->fd));
	endpoint_memory(self->dev, false);
	EXPECT_FALSE(hung_up(self->fd));
	endpoint_memory(self->dev, true);
	EXPECT_FALSE(hung_up(self->fd));

	poller = start_poller(self->fd);
	ASSERT_EQ(0, waitpid(poller, NULL, WNOHANG));
	ASSERT_EQ(0, slice_revoke(self->dev, self->fd));
	EXPECT_EQ(0, exit_status(poller));
	EXPECT_TRUE(hung_up(self->fd));
	EXPECT_FALSE(hung_up(other));
	close(other);
}

TEST_F_TIMEOUT(use, a_close_hangs_up, 120)
{
	struct epoll_event event = { .events = EPOLLHUP }, got = {};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_GE(ep, 0);
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, self->fd, &event));
	EXPECT_EQ(0, epoll_wait(ep, &got, 1, 0));
	vfio_pci_device_cleanup(self->dev);
	self->dev = NULL;
	EXPECT_EQ(1, epoll_wait(ep, &got, 1, 60000));
	EXPECT_EQ((u32)EPOLLHUP, got.events);
	EXPECT_TRUE(hung_up(self->fd));
	close(ep);
}

static int revoke_with(struct vfio_pci_device *dev, u32 op, int fd, u32 flags)
{
	struct vfio_device_feature_dma_buf_revoke revoke = {
		.dmabuf_fd = fd,
		.flags = flags,
	};

	return slice_feature(dev, op | REVOKE, &revoke, sizeof(revoke));
}

static int probe_memattr(struct vfio_pci_device *dev, u32 memattr)
{
	struct vfio_device_feature_dma_buf_memattr attr = {
		.dmabuf_fd = -1,
		.memattr = memattr,
	};

	return slice_feature(dev, PROBE | SET | MEMATTR, &attr, sizeof(attr));
}

TEST_F_TIMEOUT(use, flags_of_a_revoke, 120)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		EXPECT_EQ(-EINVAL, revoke_with(self->dev, SET, self->fd, 1u << bit));
		EXPECT_EQ(-EINVAL, revoke_with(self->dev, PROBE | SET, -1, 1u << bit));
	}
	/* Half an argument is an error */
	EXPECT_EQ(-EINVAL, slice_feature(self->dev, SET | REVOKE, &self->fd, 4));
	EXPECT_FALSE(hung_up(self->fd));

	EXPECT_EQ(0, slice_feature(self->dev, PROBE | SET | REVOKE, NULL, 0));
	EXPECT_EQ(0, revoke_with(self->dev, PROBE | SET, -1, 0));
	EXPECT_EQ(0, revoke_with(self->dev, PROBE | SET, -1, VFIO_DMA_BUF_REVOKE_NOWAIT));
	EXPECT_EQ(0, revoke_with(self->dev, PROBE | SET, self->fd, 0));
	EXPECT_EQ(-EINVAL, revoke_with(self->dev, PROBE | VFIO_DEVICE_FEATURE_GET, -1, 0));
	EXPECT_FALSE(hung_up(self->fd));
}

TEST_F_TIMEOUT(use, memattr_can_be_probed, 120)
{
	int wc = !pgtable_types_are_of_pages() || memtypes_ready() ? 0 : -EOPNOTSUPP;

	EXPECT_EQ(0, slice_feature(self->dev, PROBE | SET | MEMATTR, NULL, 0));
	EXPECT_EQ(0, probe_memattr(self->dev, SLICE_NC));
	EXPECT_EQ(wc, probe_memattr(self->dev, SLICE_WC));
	EXPECT_EQ(-EINVAL, probe_memattr(self->dev, SLICE_WC + 1));
	EXPECT_EQ(wc, slice_memattr(self->dev, self->fd, SLICE_WC));
}

#define SLICES	64

/* One thread revokes many slices, half of them imported, and waits once */
TEST_F_TIMEOUT(use, many_revokes_at_once, 120)
{
	struct pollfd pfd[SLICES];
	void *map[SLICES];
	int i, left;

	for (i = 0; i < SLICES; i++) {
		pfd[i] = (struct pollfd){ slice_export(self->dev, BAR, i * PAGE, PAGE) };
		ASSERT_GE(pfd[i].fd, 0);
		map[i] = map_shared(pfd[i].fd, 0, PAGE, RW);
		ASSERT_NE(NULL, map[i]);
		*(volatile u64 *)map[i] = i;
		if (i % 2)
			ASSERT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
						   pfd[i].fd, 0, PAGE, IOVA + i * PAGE, IOAS_RW));
	}
	EXPECT_EQ(0, poll(pfd, SLICES, 0));
	for (i = 0; i < SLICES; i++) {
		ASSERT_EQ(0, revoke_with(self->dev, SET, pfd[i].fd, VFIO_DMA_BUF_REVOKE_NOWAIT));
		EXPECT_EQ(SIGBUS, child_read(map[i]));
		errno = 0;
		EXPECT_EQ(NULL, map_shared(pfd[i].fd, 0, PAGE, RW));
		EXPECT_EQ(ENODEV, errno);
	}
	for (left = SLICES; left; left--) {
		ASSERT_LT(0, poll(pfd, SLICES, 60000));
		for (i = 0; pfd[i].fd < 0 || !pfd[i].revents; i++)
			;
		EXPECT_EQ(POLLHUP, pfd[i].revents);
		EXPECT_EQ(-EBADFD, slice_revoke(self->dev, pfd[i].fd));
		EXPECT_EQ(-ENODEV, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
						 pfd[i].fd, 0, PAGE, IOVA + 2 * SLICES * PAGE,
						 IOAS_RW));
		close(pfd[i].fd);
		pfd[i].fd = -1;
	}
	for (i = 1; i < SLICES; i += 2)
		EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id,
					IOVA + i * PAGE, PAGE, NULL));
}

/* An unaligned mapping, so that the next one is not aligned by chance */
static void disturb(void)
{
	int i;

	for (i = 0; i < 3; i++)
		mmap(NULL, (2 * i + 1) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* It has 512 MiB with pages of 64 KiB. */
#define TOO_LARGE "a huge page is too large for this BAR"

#define RANGE(first, nr) \
	((struct vfio_region_dma_range){ (first) * PAGE, (nr) * PAGE })

TEST_F_TIMEOUT(use, huge_pages_of_a_slice, 120)
{
	struct vfio_region_dma_range whole = RANGE(512, 1024), odd = RANGE(511, 1026);
	struct vfio_region_dma_range parts[] = { RANGE(3, 1), RANGE(512, 512), RANGE(7, 1) };
	u64 *bar = self->dev->bars[BAR].vaddr;
	void *p;
	int fd;

	if (PAGE > 4096 && self->dev->bars[BAR].info.size < 4 * PMD)
		SKIP(return, TOO_LARGE);
	pages_sign(bar, 4 * PMD);
	fd = endpoint_export(self->dev, BAR, &whole, 1);
	disturb();
	p = map_shared(fd, 0, 2 * PMD, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(2, faults_of(p, 2 * PMD));
	EXPECT_TRUE(pages_are(p, 2 * PMD, PMD));
	close(fd);

	fd = endpoint_export(self->dev, BAR, &odd, 1);
	disturb();
	p = map_shared(fd, 0, 2 * PMD + 2 * PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1 + 2 + 1, faults_of(p, 2 * PMD + 2 * PAGE));
	EXPECT_TRUE(pages_are(p, 2 * PMD + 2 * PAGE, PMD - PAGE));
	close(fd);

	fd = endpoint_export(self->dev, BAR, parts, 3);
	disturb();
	p = map_shared(fd, 0, PMD + 2 * PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1 + 1 + 1, faults_of(p, PMD + 2 * PAGE));
	close(fd);
}

TEST_F_TIMEOUT(use, huge_pages_of_a_bar, 120)
{
	u64 at = self->dev->bars[BAR].info.offset;
	void *p, *hint;

	if (PAGE > 4096 && self->dev->bars[BAR].info.size < 4 * PMD)
		SKIP(return, TOO_LARGE);
	disturb();
	p = map_shared(self->dev->fd, at, 2 * PMD, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(2, faults_of(p, 2 * PMD));
	disturb();
	p = map_shared(self->dev->fd, at + PMD - PAGE, PMD + PAGE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1 + 1, faults_of(p, PMD + PAGE));

	/* An address that the program chooses is kept */
	hint = p - 16 * PMD + 5 * PAGE;
	p = mmap(hint, 2 * PMD, RW, MAP_SHARED, self->dev->fd, at);
	EXPECT_EQ(hint, p);
	/* The same after a move */
	hint = mremap(p, 2 * PMD, 2 * PMD, MREMAP_MAYMOVE | MREMAP_FIXED, hint + 8 * PMD);
	EXPECT_EQ(p + 8 * PMD, hint);
}

TEST(gigantic_pages_of_a_bar)
{
	const char *bdf = pci_find(&pci_ivshmem_bus, 1);
	struct vfio_pci_device *dev;
	struct iommu *iommu;
	struct entry e;
	void *p;

	if (!pgtable_gigantic())
		SKIP(return, "x86 only: Linux maps no gigantic pages of a BAR here");
	if (!bdf || !pgtable_ready())
		SKIP(return, "needs a second ivshmem with a port, and CONFIG_PTDUMP_DEBUGFS");
	iommu = iommu_init(MODE_IOMMUFD);
	dev = endpoint_open(bdf, iommu, NULL);
	if (dev->bars[BAR].info.size >= PUD) {
		disturb();
		p = map_shared(dev->fd, dev->bars[BAR].info.offset, PUD, RW);
		ASSERT_NE(NULL, p);
		EXPECT_EQ(1, faults_of(p, 4 * PMD));
		ASSERT_TRUE(pgtable_find(p + PMD, &e));
		EXPECT_STREQ("pud", e.level);
	}
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

/* Two adjacent mappings are moved by one call, as before */
static bool moves_two(int fd, u64 first, u64 second)
{
	void *room = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *to = room + 8 * PAGE;

	if (mmap(room, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, first) == MAP_FAILED ||
	    mmap(room + 2 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, second) ==
	    MAP_FAILED)
		return false;
	return mremap(room, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to &&
	       pages_are(to, 2 * PAGE, 0) && pages_are(to + 2 * PAGE, PAGE, 3 * PAGE);
}

TEST_F_TIMEOUT(use, two_are_moved_at_once, 120)
{
	int fd = slice_export(self->dev, BAR, 0, 8 * PAGE);
	u64 at = self->dev->bars[BAR].info.offset;

	ASSERT_GE(fd, 0);
	pages_sign(self->dev->bars[BAR].vaddr, 8 * PAGE);
	EXPECT_TRUE(moves_two(fd, 0, 3 * PAGE));
	EXPECT_TRUE(moves_two(self->dev->fd, at, at + 3 * PAGE));
	close(fd);
}

/* Signals of a timer, while an access waits for the end of a reset */
static atomic_long ticks;

static void tick(int sig)
{
	ticks++;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

struct waiter {
	atomic_bool ready, stop;
	double longest;			/* longest access */
	long ticks;			/* ticks during that */
};

static void wait_in_faults(struct waiter *w, const volatile u64 *map)
{
	struct itimerval timer = { .it_interval.tv_usec = 5000, .it_value.tv_usec = 5000 };
	struct sigaction act = { .sa_handler = tick, .sa_flags = SA_RESTART };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	w->ready = true;
	while (!w->stop) {
		double begin = seconds();
		long before = ticks;

		(void)*map;
		if (seconds() - begin > w->longest) {
			w->longest = seconds() - begin;
			w->ticks = ticks - before;
		}
	}
}

TEST(signals_get_through)
{
	const char *bdf = pci_find(&pci_nvme_flr, 0);
	struct vfio_pci_device *dev;
	struct iommu *iommu;
	struct waiter *w;
	int fd, i;
	pid_t pid;
	void *map;

	if (!bdf)
		SKIP(return, "needs an nvme with FLR");
	iommu = iommu_init(MODE_IOMMUFD);
	dev = endpoint_open(bdf, iommu, NULL);
	fd = slice_export(dev, BAR, 0, PAGE);
	ASSERT_GE(fd, 0);
	map = map_shared(fd, 0, PAGE, RW);
	ASSERT_NE(NULL, map);
	w = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		wait_in_faults(w, map);
		_exit(0);
	}
	while (!w->ready)
		usleep(1000);
	for (i = 0; i < 5; i++)
		endpoint_flr(dev);
	w->stop = true;
	EXPECT_EQ(0, exit_status(pid));
	/*
	 * It takes at least 100 ms. In any case one signal arrives when it is
	 * over.
	 */
	EXPECT_LT(0.05, w->longest);
	EXPECT_LE(3, w->ticks);
	close(fd);
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

TEST_HARNESS_MAIN
