// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/userfaultfd.h>

#include "access.h"
#include "file.h"
#include "memcalls.h"
#include "slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(2UL << 20)
#define RW	(PROT_READ | PROT_WRITE)

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

void target_wrong(struct target *t, const char *what, ...)
{
	va_list args;

	if (t->why[0])
		return;
	va_start(args, what);
	vsnprintf(t->why, TARGET_WHY, what, args);
	va_end(args);
}

bool target_expect(struct target *t, const char *what, long rc, int want)
{
	int got = rc == -1 ? errno : 0;

	if (got == want)
		return true;
	target_wrong(t, "%s: %s instead of %s", what, got ? strerror(got) : "success",
		     want ? strerror(want) : "success");
	return false;
}

/* A part becomes accessible before the call returns. */
static void move(struct target *t, void *from, size_t length, void *to)
{
	void *p;

	watch_set(&t->watch, to, length, SPOT_OPEN);
	p = mremap(from, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (target_expect(t, "mremap", p == MAP_FAILED ? -1 : 0, 0))
		watch_moved(&t->watch, from, length, to);
}

static void unmap(struct target *t, void *from, size_t length)
{
	if (target_expect(t, "munmap", munmap(from, length), 0))
		watch_set(&t->watch, from, length, SPOT_CLOSED);
}

static void protect(struct target *t, void *from, size_t length, int prot)
{
	watch_set(&t->watch, from, length, SPOT_OPEN);
	if (target_expect(t, "mprotect", mprotect(from, length, prot), 0))
		watch_set(&t->watch, from, length,
			  prot == RW ? SPOT_OPEN : prot ? SPOT_READONLY : SPOT_CLOSED);
}

/* A page in the middle of the first, and other parts to cut */
static void *middle(struct target *t)
{
	return t->map + (t->unit > PAGE ? t->unit / 2 : 7 * PAGE);
}

static size_t half(struct target *t)
{
	return t->unit > PAGE ? t->unit / 2 : t->length / 2;
}

static void nothing(struct target *t)
{
}

static void move_all(struct target *t)
{
	move(t, t->map, t->length, t->room[0]);
}

static void move_all_askew(struct target *t)
{
	move(t, t->map, t->length, t->room[0] + PAGE);
}

static void move_all_by_pmd(struct target *t)
{
	move(t, t->map, t->length, t->room[0] + PMD);
}

static void move_there_and_back(struct target *t)
{
	move(t, t->map, t->length, t->room[0]);
	move(t, t->room[0], t->length, t->map);
}

static void move_on(struct target *t)
{
	move(t, t->map, t->length, t->room[0]);
	move(t, t->room[0], t->length, t->room[1]);
	protect(t, t->room[1] + t->length - PAGE, PAGE, PROT_READ);
}

static void move_first_page(struct target *t)
{
	move(t, t->map, PAGE, t->room[0]);
}

static void move_page(struct target *t)
{
	move(t, middle(t), PAGE, t->room[0]);
}

static void move_last_page(struct target *t)
{
	move(t, t->map + t->length - PAGE, PAGE, t->room[0]);
}

static void move_half(struct target *t)
{
	move(t, t->map, half(t), t->room[0]);
}

static void move_second_half(struct target *t)
{
	move(t, t->map + t->length - half(t), half(t), t->room[0] + PAGE);
}

static void move_second_unit(struct target *t)
{
	move(t, t->map + t->unit, t->unit, t->room[0]);
}

static void move_pmd(struct target *t)
{
	move(t, t->map + PMD, PMD, t->room[0]);
}

static void move_pmd_askew(struct target *t)
{
	move(t, t->map + PMD, PMD, t->room[0] + PAGE);
}

static void shrink(struct target *t)
{
	void *p = mremap(t->map, t->length, t->length - PAGE, 0);

	if (target_expect(t, "mremap", p == t->map ? 0 : -1, 0))
		watch_set(&t->watch, t->map + t->length - PAGE, PAGE, SPOT_CLOSED);
}

static void shrink_and_move(struct target *t)
{
	void *p = mremap(t->map, t->length, half(t), MREMAP_MAYMOVE | MREMAP_FIXED,
			 t->room[0]);

	if (!target_expect(t, "mremap", p == t->room[0] ? 0 : -1, 0))
		return;
	watch_moved(&t->watch, t->map, half(t), t->room[0]);
	watch_set(&t->watch, t->map, t->length, SPOT_CLOSED);
}

/* A change of the length, or a move, that mremap() has to refuse */
static void refuse(struct target *t, size_t old, size_t new, int flags, int want)
{
	void *p = mremap(t->map, old, new, flags, t->room[0]);

	target_expect(t, "mremap", p == MAP_FAILED ? -1 : 0, want);
}

static void grow(struct target *t)
{
	refuse(t, t->length, t->length + PAGE, MREMAP_MAYMOVE, EFAULT);
}

static void double_it(struct target *t)
{
	refuse(t, 0, t->length, MREMAP_MAYMOVE, EFAULT);
}

static void move_and_keep(struct target *t)
{
	refuse(t, t->length, t->length, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, EINVAL);
}

static void unmap_first_page(struct target *t)
{
	unmap(t, t->map, PAGE);
}

static void unmap_page(struct target *t)
{
	unmap(t, middle(t), PAGE);
}

static void unmap_last_page(struct target *t)
{
	unmap(t, t->map + t->length - PAGE, PAGE);
}

static void unmap_half(struct target *t)
{
	unmap(t, t->map, half(t));
}

static void unmap_pmd(struct target *t)
{
	unmap(t, t->map + PMD, PMD);
}

static void unmap_all(struct target *t)
{
	unmap(t, t->map, t->length);
}

static void overmap_page(struct target *t)
{
	void *p = mmap(middle(t), PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (target_expect(t, "mmap", p == middle(t) ? 0 : -1, 0))
		watch_set(&t->watch, middle(t), PAGE, SPOT_CLOSED);
}

static void protect_page(struct target *t)
{
	protect(t, middle(t), PAGE, PROT_READ);
}

static void protect_page_from_all(struct target *t)
{
	protect(t, middle(t), PAGE, PROT_NONE);
}

static void protect_page_and_back(struct target *t)
{
	protect(t, middle(t), PAGE, PROT_NONE);
	protect(t, middle(t), PAGE, RW);
}

static void protect_pmd(struct target *t)
{
	protect(t, t->map + PMD, PMD, PROT_READ);
}

static void protect_half(struct target *t)
{
	protect(t, t->map, half(t), PROT_READ);
}

static void protect_all(struct target *t)
{
	protect(t, t->map, t->length, PROT_READ);
}

static void protect_all_and_back(struct target *t)
{
	protect(t, t->map, t->length, PROT_READ);
	protect(t, t->map, t->length, RW);
	protect(t, t->map, t->length, PROT_NONE);
	protect(t, t->map, t->length, PROT_READ);
	protect(t, t->map, t->length, RW);
}

static void protect_and_move(struct target *t)
{
	protect(t, t->map, t->length, PROT_NONE);
	move(t, t->map, t->length, t->room[0]);
	unmap(t, t->room[0], PAGE);
	protect(t, t->room[0] + PAGE, t->length - PAGE, RW);
}

#define ANY	-1	/* the configuration decides */

/* The answer to each advice, for a mapping of memory that has no pages */
static const struct {
	int advice, want;
} advices[] = {
	{ MADV_NORMAL, 0 }, { MADV_RANDOM, 0 }, { MADV_SEQUENTIAL, 0 },
	{ MADV_NORMAL, 0 }, { MADV_WILLNEED, 0 }, { MADV_DONTNEED, EINVAL },
	{ 8 /* FREE */, EINVAL }, { MADV_MERGEABLE, ANY }, { MADV_UNMERGEABLE, ANY },
	{ MADV_HUGEPAGE, ANY }, { MADV_NOHUGEPAGE, ANY },
	{ MADV_DONTDUMP, 0 }, { MADV_DODUMP, EINVAL }, { 18 /* WIPEONFORK */, EINVAL },
	{ 19 /* KEEPONFORK */, 0 }, { 20 /* COLD */, EINVAL },
	{ 21 /* PAGEOUT */, EINVAL }, { 22 /* POPULATE_READ */, EINVAL },
	{ 23 /* POPULATE_WRITE */, EINVAL }, { 24 /* DONTNEED_LOCKED */, EINVAL },
	{ 25 /* COLLAPSE */, EINVAL }, { 100 /* HWPOISON */, ANY },
	{ 101 /* SOFT_OFFLINE */, ANY }, { 102 /* GUARD_INSTALL */, EINVAL },
	{ 103 /* GUARD_REMOVE */, EINVAL }, { MADV_DONTFORK, 0 }, { MADV_DOFORK, EINVAL },
};

static void advise(struct target *t, void *at, size_t length)
{
	char what[32];
	int i, rc;

	for (i = 0; i < ARRAY_SIZE(advices); i++) {
		snprintf(what, sizeof(what), "madvise %d", advices[i].advice);
		rc = madvise(at, length, advices[i].advice);
		if (advices[i].want != ANY)
			target_expect(t, what, rc, advices[i].want);
	}
}

static void advise_page(struct target *t)
{
	advise(t, middle(t), PAGE);
}

static void advise_all(struct target *t)
{
	advise(t, t->map, t->length);
}

static void advise_from_elsewhere(struct target *t)
{
	int self = syscall(SYS_pidfd_open, getpid(), 0), i;
	struct iovec iov = { middle(t), PAGE };

	target_expect(t, "pidfd_open", self, 0);
	for (i = 0; i < ARRAY_SIZE(advices); i++)
		syscall(SYS_process_madvise, self, &iov, 1, advices[i].advice, 0);
	close(self);
}

static void lock(struct target *t)
{
	mlock(middle(t), PAGE);
	munlock(middle(t), PAGE);
	syscall(SYS_mlock2, t->map, t->length, MLOCK_ONFAULT);
	mlock(t->map, t->length);
	munlock(t->map, half(t));
	mlockall(MCL_CURRENT);
	munlockall();
}

static void seal_page(struct target *t)
{
	void *p;

	if (!target_expect(t, "mseal", syscall(SYS_mseal, middle(t), PAGE, 0), 0))
		return;
	target_expect(t, "munmap of what is sealed", munmap(middle(t), PAGE), EPERM);
	p = mremap(middle(t), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t->room[0]);
	target_expect(t, "mremap of what is sealed", p == MAP_FAILED ? -1 : 0, EPERM);
}

static void seal_all(struct target *t)
{
	if (target_expect(t, "mseal", syscall(SYS_mseal, t->map, t->length, 0), 0))
		target_expect(t, "munmap of what is sealed", munmap(middle(t), PAGE), EPERM);
}

static void read_all(struct target *t, const char *path)
{
	static char buf[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		if (errno != ENOENT)
			target_wrong(t, "%s: %s", path, strerror(errno));
		return;
	}
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void look_for_frames(struct target *t)
{
	static u64 entries[1024];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct page_region regions[8];
	struct pm_scan_arg scan = {
		.size = sizeof(scan),
		.start = (unsigned long)t->map,
		.end = (unsigned long)t->map + t->length,
		.vec = (unsigned long)regions,
		.vec_len = ARRAY_SIZE(regions),
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_PFNZERO,
		.return_mask = PAGE_IS_PRESENT,
	};
	ssize_t got;
	int i;

	got = pread(fd, entries, sizeof(entries), (unsigned long)t->map / PAGE * 8);
	if (got != sizeof(entries))
		target_wrong(t, "pagemap: %zd", got);
	for (i = 0; i < t->length / PAGE && i < ARRAY_SIZE(entries); i++)
		if (entries[i] >> 63 && entries[i] & ((1ull << 55) - 1))
			target_wrong(t, "pagemap tells a frame: %#llx", (long long)entries[i]);
	if (ioctl(fd, PAGEMAP_SCAN, &scan) > 0)
		target_wrong(t, "pagemap shows something");
	scan.flags = PM_SCAN_WP_MATCHING;
	ioctl(fd, PAGEMAP_SCAN, &scan);
	close(fd);
}

static void show(struct target *t)
{
	read_all(t, "/proc/self/maps");
	read_all(t, "/proc/self/smaps");
	read_all(t, "/proc/self/smaps_rollup");
	read_all(t, "/proc/self/numa_maps");
	read_all(t, "/sys/kernel/debug/page_tables/current_user");
	look_for_frames(t);
}

static void forget_references(struct target *t)
{
	char how[] = "1";
	int rc;

	for (; how[0] <= '5'; how[0]++) {
		rc = file_write(how, "/proc/self/clear_refs");
		if (rc)
			target_wrong(t, "clear_refs %s: %s", how, strerror(-rc));
	}
}

static void ask_what_is_there(struct target *t)
{
	static unsigned char vec[1024];

	target_expect(t, "mincore", mincore(t->map, PAGE, vec), 0);
	target_expect(t, "mincore", mincore(middle(t), PAGE, vec), 0);
	target_expect(t, "msync", msync(t->map, t->length, MS_SYNC), EINVAL);
	target_expect(t, "msync", msync(middle(t), PAGE, MS_ASYNC), 0);
	target_expect(t, "msync", msync(middle(t), PAGE, MS_INVALIDATE), 0);
}

static void place(struct target *t)
{
	unsigned long nodes = 1;
	void *pages[] = { t->map, middle(t) };
	int to[] = { 0, 0 }, status[2];

	syscall(SYS_mbind, middle(t), PAGE, 2 /* MPOL_BIND */, &nodes, 8, 0);
	syscall(SYS_mbind, t->map, t->length, 1 /* MPOL_PREFERRED */, &nodes, 8,
		2 /* MPOL_MF_MOVE */);
	syscall(SYS_set_mempolicy_home_node, middle(t), PAGE, 0, 0);
	syscall(SYS_move_pages, 0, 2, pages, to, status, 2);
	syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0);
	syscall(SYS_migrate_pages, 0, 8, &nodes, &nodes);
}

static void handle_faults(struct target *t)
{
	struct uffdio_register what = {
		.range = { (unsigned long)middle(t), PAGE },
	};
	struct uffdio_api api = { .api = UFFD_API, .features = 1 << 15 /* WP_ASYNC */ };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC), mode;

	/* Not every kernel has either */
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return;
	for (mode = 1; mode < 8; mode++) {
		what.mode = mode;
		target_expect(t, "UFFDIO_REGISTER", ioctl(fd, UFFDIO_REGISTER, &what), EINVAL);
	}
	close(fd);
}

/* Calls that need the pages themselves */
static void take_pages(struct target *t)
{
	struct iovec here = { t->map + WATCH_WORD, 8 }, there = { middle(t) + WATCH_WORD, 8 };
	u64 word = 0;
	int fds[2], mem;

	if (process_vm_readv(getpid(), &(struct iovec){ &word, 8 }, 1, &there, 1, 0) != -1 ||
	    (errno != EFAULT && errno != ENOSYS))
		target_wrong(t, "process_vm_readv: %s", strerror(errno));
	if (process_vm_writev(getpid(), &here, 1, &there, 1, 0) != -1 ||
	    (errno != EFAULT && errno != ENOSYS))
		target_wrong(t, "process_vm_writev: %s", strerror(errno));
	target_expect(t, "pipe", pipe(fds), 0);
	target_expect(t, "vmsplice", vmsplice(fds[1], &here, 1, 0), EFAULT);
	close(fds[0]);
	close(fds[1]);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	target_expect(t, "read of mem", pread(mem, &word, 8, (unsigned long)t->map), EIO);
	target_expect(t, "write of mem", pwrite(mem, &word, 8, (unsigned long)middle(t) + 8), EIO);
	close(mem);
	target_expect(t, "futex", syscall(SYS_futex, t->map, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
}

static bool map_again(struct target *t, void *at, size_t length, size_t offset)
{
	return target_expect(t, "remap_file_pages",
			     remap_file_pages(at, length, 0, (t->file + offset) / PAGE, 0),
			     0);
}

static void map_again_page(struct target *t)
{
	if (map_again(t, middle(t), PAGE, PAGE))
		watch_add(&t->watch, middle(t), t->base + PAGE);
}

static void map_again_all(struct target *t)
{
	map_again(t, t->map, t->length, 0);
}

static void map_again_pmd(struct target *t)
{
	if (map_again(t, t->map + PMD, PMD, 0)) {
		watch_add(&t->watch, t->map + PMD, t->base);
		watch_add(&t->watch, t->map + PMD + PAGE, t->base + PAGE);
	}
}

static void no_huge_pages(struct target *t)
{
	int i;

	for (i = 0; i < 20; i++) {
		prctl(PR_SET_THP_DISABLE, i % 2, 0, 0, 0);
		protect(t, middle(t), PAGE, PROT_NONE);
		protect(t, middle(t), PAGE, RW);
		usleep(1000);
	}
}

static void fork_and_touch(struct target *t)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		munmap(middle(t), PAGE);
		mremap(t->map, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, t->room[1]);
		mprotect(t->map + t->length - PAGE, PAGE, PROT_NONE);
		_exit(readq(t->room[1]) != page_sign(t->base));
	}
	waitpid(pid, &status, 0);
	if (status)
		target_wrong(t, "a child ends with status %#x", status);
}

static void not_for_a_child(struct target *t)
{
	int status;
	pid_t pid;

	target_expect(t, "MADV_DONTFORK", madvise(middle(t), PAGE, MADV_DONTFORK), 0);
	pid = fork();
	if (!pid)
		_exit(child_read(middle(t)) != SIGSEGV || child_read(t->map));
	waitpid(pid, &status, 0);
	if (status)
		target_wrong(t, "a child ends with status %#x", status);
}

const struct memcall memcalls[] = {
	{ "nothing", nothing, CALL_TABLES | CALL_SHORT },
	{ "move all", move_all, CALL_TABLES | CALL_FEW },
	{ "move all askew", move_all_askew, CALL_TABLES },
	{ "move all by 2 MiB", move_all_by_pmd, CALL_TABLES | CALL_HUGE },
	{ "move there and back", move_there_and_back, CALL_TABLES },
	{ "move on", move_on, CALL_TABLES },
	{ "move first page", move_first_page, CALL_TABLES },
	{ "move page", move_page, CALL_TABLES | CALL_SHORT },
	{ "move last page", move_last_page, CALL_TABLES },
	{ "move half", move_half, CALL_TABLES },
	{ "move second half", move_second_half, CALL_TABLES },
	{ "move second unit", move_second_unit, CALL_TABLES },
	{ "move 2 MiB", move_pmd, CALL_TABLES | CALL_HUGE },
	{ "move 2 MiB askew", move_pmd_askew, CALL_TABLES | CALL_HUGE },
	{ "shrink", shrink, CALL_TABLES },
	{ "shrink and move", shrink_and_move, CALL_TABLES },
	{ "grow", grow },
	{ "double", double_it },
	{ "move and keep", move_and_keep },
	{ "unmap first page", unmap_first_page, CALL_TABLES },
	{ "unmap page", unmap_page, CALL_TABLES | CALL_FEW },
	{ "unmap last page", unmap_last_page, CALL_TABLES },
	{ "unmap half", unmap_half, CALL_TABLES },
	{ "unmap 2 MiB", unmap_pmd, CALL_TABLES | CALL_HUGE },
	{ "unmap all", unmap_all, CALL_TABLES },
	{ "map over page", overmap_page, CALL_TABLES },
	{ "protect page", protect_page, CALL_TABLES | CALL_SHORT },
	{ "protect page from all", protect_page_from_all, CALL_TABLES },
	{ "protect page and back", protect_page_and_back, CALL_TABLES },
	{ "protect 2 MiB", protect_pmd, CALL_TABLES | CALL_HUGE },
	{ "protect half", protect_half, CALL_TABLES },
	{ "protect all", protect_all, CALL_TABLES },
	{ "protect all and back", protect_all_and_back, CALL_TABLES },
	{ "protect and move", protect_and_move, CALL_TABLES },
	{ "advise page", advise_page },
	{ "advise all", advise_all },
	{ "advise from elsewhere", advise_from_elsewhere },
	{ "lock", lock },
	{ "seal page", seal_page },
	{ "seal all", seal_all },
	{ "show", show },
	{ "forget references", forget_references, CALL_TABLES },
	{ "ask what is there", ask_what_is_there },
	{ "place", place, CALL_TABLES },
	{ "handle faults", handle_faults },
	{ "take pages", take_pages },
	{ "map page again", map_again_page, CALL_TABLES | CALL_SHORT },
	{ "map 2 MiB again", map_again_pmd, CALL_TABLES | CALL_HUGE },
	{ "map all again", map_again_all, CALL_TABLES },
	{ "no huge pages", no_huge_pages, CALL_TABLES },
	{ "fork", fork_and_touch, CALL_TABLES },
	{ "not for a child", not_for_a_child, CALL_TABLES },
};

const int memcalls_nr = ARRAY_SIZE(memcalls);
