// SPDX-License-Identifier: GPL-2.0
/*
 * Soft-dirty tracking makes mappings of devices read-only until they are
 * written, like all others. Each write there, by the process or by the kernel
 * for it, must succeed, and must not loop in the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(2UL << 20)
#define PUD	(512 * PMD)
#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define LIMIT	20		/* s */
#define MARK	0x5a5a5a5a5a5a5a5aull
#define SOFT_DIRTY (1ull << 55)		/* in an entry of pagemap */

/* Writers: 0, or the error of the system call. */

static int by_hand(void *to)
{
	writeq(MARK, to);
	return 0;
}

static int by_read(void *to)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, 64);

	close(fd);
	return n == 64 ? 0 : errno;
}

static int by_pipe(void *to)
{
	u64 word = MARK;
	int fds[2], rc;

	if (pipe(fds) || write(fds[1], &word, 8) != 8)
		return errno;
	rc = read(fds[0], to, 8) == 8 ? 0 : errno;
	close(fds[0]);
	close(fds[1]);
	return rc;
}

static int by_socket(void *to)
{
	struct msghdr msg = {
		.msg_iov = &(struct iovec){ to, 8 },
		.msg_iovlen = 1,
	};
	u64 word = MARK;
	int fds[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) || write(fds[1], &word, 8) != 8)
		return errno;
	rc = recvmsg(fds[0], &msg, 0) == 8 ? 0 : errno;
	close(fds[0]);
	close(fds[1]);
	return rc;
}

static int by_getdents(void *to)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n = syscall(SYS_getdents64, fd, to, 1024);

	close(fd);
	return n > 0 ? 0 : errno;
}

static int by_clock(void *to)
{
	return syscall(SYS_clock_gettime, CLOCK_MONOTONIC, to) ? errno : 0;
}

/* The kernel changes the second word of the call, without a key for it. */
static int by_futex(void *to)
{
	u32 word = 0;
	long rc = syscall(SYS_futex, &word, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 1, 1, to,
			  FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0));

	return rc < 0 ? errno : 0;
}

static int by_pi_futex(void *to)
{
	*(volatile u32 *)to = 0;
	if (syscall(SYS_futex, to, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0))
		return errno;
	return syscall(SYS_futex, to, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0) ?
	       errno : 0;
}

static int by_signal_mask(void *to)
{
	return syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, to, 8) ? errno : 0;
}

static const struct writer {
	const char *name;
	int (*run)(void *to);
} writers[] = {
	{ "a store", by_hand },
	{ "read() of /dev/zero", by_read },
	{ "read() of a pipe", by_pipe },
	{ "recvmsg()", by_socket },
	{ "getdents64()", by_getdents },
	{ "clock_gettime()", by_clock },
	{ "rt_sigprocmask()", by_signal_mask },
	{ "FUTEX_WAKE_OP", by_futex },
	{ "FUTEX_LOCK_PI", by_pi_futex },
};

/* The use of the page before the write */
static const char * const before[] = {
	"never touched", "read", "written", "made read-only and writable again",
};

FIXTURE(dirty) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	int fd;
	u64 offset;
	char *why;
};

FIXTURE_VARIANT(dirty) {
	size_t unit;
	bool slice;
};

#define VARIANT(name, ...) FIXTURE_VARIANT_ADD(dirty, name) { __VA_ARGS__ }

VARIANT(bar_4k, PAGE, false);
VARIANT(bar_2m, PMD, false);
VARIANT(bar_1g, PUD, false);
VARIANT(slice_4k, PAGE, true);
VARIANT(slice_2m, PMD, true);
VARIANT(slice_1g, PUD, true);

/* Does the kernel report a page of memory as written? */
static bool tracked(void)
{
	u64 *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	*page = MARK;
	if (fd < 0 || pread(fd, &entry, 8, (unsigned long)page / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	munmap(page, PAGE);
	return entry & SOFT_DIRTY;
}

FIXTURE_SETUP(dirty)
{
	const char *bdf;
	int i;

#ifdef __x86_64__
	if (access("/proc/self/clear_refs", W_OK))
		SKIP(return, "this kernel does not track who uses pages");
	ASSERT_TRUE(tracked());
#else
	if (!tracked())
		SKIP(return, "x86 only: this kernel does not track who writes pages");
#endif
	self->why = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	self->iommu = iommu_init(MODE_IOMMUFD);
	for (i = 0; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		self->dev = endpoint_open(bdf, self->iommu, NULL);
		if (self->dev->bars[BAR].info.size >= variant->unit + PMD)
			break;
		vfio_pci_device_cleanup(self->dev);
	}
	if (!bdf)
		SKIP(return, "no device that is large enough");
	self->fd = self->dev->fd;
	self->offset = self->dev->bars[BAR].info.offset;
	if (!variant->slice)
		return;
	self->offset = 0;
	self->fd = slice_export(self->dev, BAR, 0, variant->unit);
	if (self->fd == -ENOTTY)
		SKIP(return, "this kernel exports no BARs");
	ASSERT_GE(self->fd, 0);
	if (!map_shared(self->fd, 0, PAGE, RW))
		SKIP(return, "this kernel maps no slices");
}

FIXTURE_TEARDOWN(dirty)
{
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static void *map(struct _test_data_dirty *self, size_t unit)
{
	return map_aligned(self->fd, self->offset, unit, RW, unit == PAGE ? PMD : unit,
			   unit == PAGE ? PAGE : 0);
}

/* In a child: one way to write, after each of the possible uses before */
static void write_one(struct _test_data_dirty *self, size_t unit, const struct writer *writer)
{
	void *page, *word;
	int i, err;

	for (i = 0; i < ARRAY_SIZE(before); i++) {
		page = map(self, unit);
		word = page + unit / 2;
		if (i == 1)
			readq(word);
		if (i == 2)
			writeq(0, word);
		snprintf(self->why, PAGE, "%s, %s: hangs", writer->name, before[i]);
		if (file_write("4", "/proc/self/clear_refs"))
			snprintf(self->why, PAGE, "no clear_refs");
		if (i == 3) {
			readq(word);
			mprotect(page, unit, PROT_READ);
			mprotect(page, unit, RW);
		}
		err = writer->run(word);
		if (err) {
			snprintf(self->why, PAGE, "%s, %s: %s", writer->name, before[i],
				 strerror(err));
			_exit(1);
		}
		/* Twice, because tracking may break the first */
		writer->run(word);
		munmap(page, unit);
	}
	_exit(0);
}

/* A child's status; a child that hangs is killed, or left if it cannot be. */
static int end_of(pid_t pid, int seconds)
{
	int i, status;

	for (i = 0; i < seconds * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(10000);
	}
	return -1;
}

TEST_F_TIMEOUT(dirty, writes, 280)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		self->why[0] = 0;
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			write_one(self, variant->unit, &writers[i]);
		status = end_of(pid, LIMIT);
		if (status < 0) {
			kill(pid, SIGKILL);
			TH_LOG("SIGKILL %s", end_of(pid, 5) < 0 ? "does nothing" : "ends it");
		}
		EXPECT_EQ(0, status) {
			TH_LOG("%s", self->why);
		}
		/* Another one would only occupy one more CPU permanently. */
		if (status < 0)
			_exit(KSFT_FAIL);
	}
}

TEST_HARNESS_MAIN
