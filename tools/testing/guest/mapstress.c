// SPDX-License-Identifier: GPL-2.0
/*
 * All at once: faults, mmap, munmap, export, close, revoke, resets by the owner
 * and by other processes, imports, changes of the type, and clients that try to
 * disturb this, on all CPUs, with many slices of one BAR.
 *
 * Each page of the BAR has a sign of its own. A reader of a page sees that sign
 * or gets SIGBUS, and always gets SIGBUS once the revoke of its slice has
 * returned.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/fence.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define PAGES	256UL
#define SLOTS	16
#define RANGES	3
#define IOVA	0x10000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define FAILSLAB "/sys/kernel/debug/failslab"

/* A slice; its users hold its lock shared, its replacement holds it alone. */
struct slot {
	pthread_rwlock_t lock;
	int dmabuf;			/* or -1 */
	u64 page[PAGES];		/* pages of the BAR */
	size_t size;
	u64 *map;
	size_t mapped;			/* length of the part from @from on */
	u64 from;
	atomic_bool revoked;		/* the ioctl has returned */
};

#define WORKS	13

static const char * const names[WORKS] = {
	"reads of slices", "reads of the BAR", "mmaps of slices", "mmaps of the BAR",
	"exports", "revokes", "transitions", "imports", "forks", "changes of type",
	"fences", "clients that are stopped and killed", "calls for mappings",
};

FIXTURE(stress) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	struct slot slots[SLOTS];
	atomic_bool stop;
	atomic_long done[WORKS], served, signals, wrong, late, errors;
	bool fails;			/* some allocations fail */
	int fence;
	time_t fence_made;
};

FIXTURE_VARIANT(stress) {
	const struct pci_kind *kind;
	bool fails;
	bool moves;			/* the memory goes and comes back */
	int seconds;			/* see machine_storm() */
};

FIXTURE_VARIANT_ADD(stress, memory_off) {
	.kind = &pci_ivshmem, .moves = true, .seconds = 5,
};

FIXTURE_VARIANT_ADD(stress, resets) {
	.kind = &pci_nvme_flr, .moves = true, .seconds = 20,
};

FIXTURE_VARIANT_ADD(stress, without_transitions) {
	.kind = &pci_ivshmem, .seconds = 5,
};

FIXTURE_VARIANT_ADD(stress, failing_allocations) {
	.kind = &pci_ivshmem, .moves = true, .fails = true, .seconds = 15,
};

struct worker {
	struct _test_data_stress *self;
	const struct _fixture_variant_stress *variant;
	int work;
	u32 seed;
	pthread_t thread;
};

static void failslab(int probability)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", probability);
	file_write("1", FAILSLAB "/task-filter");
	file_write("-1", FAILSLAB "/times");
	file_write("100", FAILSLAB "/interval");
	file_write("N", FAILSLAB "/ignore-gfp-wait");
	file_write("0", FAILSLAB "/verbose");
	file_write(text, FAILSLAB "/probability");
}

FIXTURE_SETUP(stress)
{
	const char *bdf = pci_find(variant->kind, 0);
	int i;

	if (!bdf)
		SKIP(return, "no %s", variant->kind->name);
	if (variant->fails && access(FAILSLAB, F_OK))
		SKIP(return, "no fault injection in this kernel");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	ASSERT_GE(self->dev->bars[BAR].info.size, PAGES * PAGE);
	pages_sign(self->dev->bars[BAR].vaddr, PAGES * PAGE);
	self->fails = variant->fails;
	self->fence = fence_unsignaled();
	ASSERT_GE(self->fence, 0);
	self->fence_made = time(NULL);
	for (i = 0; i < SLOTS; i++) {
		pthread_rwlock_init(&self->slots[i].lock, NULL);
		self->slots[i].dmabuf = -1;
	}
}

FIXTURE_TEARDOWN(stress)
{
	failslab(0);
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static u32 next(struct worker *w)
{
	w->seed = w->seed * 1103515245 + 12345;
	return w->seed >> 8;
}

/* Count an error unless it is one of those that may occur. */
static bool good(struct worker *w, int rc, int may_be)
{
	if (rc >= 0 || rc == may_be || (w->self->fails && rc == -ENOMEM))
		return rc >= 0;
	if (!w->self->errors++)
		ksft_print_msg("%s: %s\n", names[w->work], strerror(-rc));
	return false;
}

static void look(struct worker *w, const void *addr, u64 page, struct slot *slot)
{
	bool revoked = slot && atomic_load(&slot->revoked);
	u64 value;

	if (try_read(addr, &value)) {
		w->self->signals++;
		return;
	}
	w->self->served++;
	if (value != page_sign(page) && !w->self->wrong++)
		ksft_print_msg("page %#lx: %#lx\n", (unsigned long)page,
			       (unsigned long)value);
	if (revoked)
		w->self->late++;
}

static void work_read(struct worker *w, struct slot *slot)
{
	int i, n = next(w) % 64;
	u64 at;

	pthread_rwlock_rdlock(&slot->lock);
	for (i = 0; slot->map && i < n; i++) {
		at = next(w) % (slot->mapped / PAGE);
		look(w, (void *)slot->map + at * PAGE,
		     slot->page[slot->from / PAGE + at], slot);
	}
	pthread_rwlock_unlock(&slot->lock);
}

static void work_read_bar(struct worker *w, struct slot *slot)
{
	u64 at = next(w) % PAGES * PAGE;

	look(w, w->self->dev->bars[BAR].vaddr + at, at, NULL);
}

static void unmap_slot(struct slot *slot)
{
	if (slot->map)
		munmap(slot->map, slot->mapped);
	slot->map = NULL;
}

static void work_map(struct worker *w, struct slot *slot)
{
	u64 pages = slot->size / PAGE;

	pthread_rwlock_wrlock(&slot->lock);
	unmap_slot(slot);
	pages = slot->size / PAGE;
	if (slot->dmabuf >= 0 && next(w) % 4) {
		slot->from = next(w) % pages * PAGE;
		slot->mapped = slot->size - slot->from;
		slot->map = map_shared(slot->dmabuf, slot->from, slot->mapped, RW);
		if (!slot->map)
			good(w, -errno, atomic_load(&slot->revoked) ? -ENODEV : 0);
	}
	pthread_rwlock_unlock(&slot->lock);
}

static void work_map_bar(struct worker *w, struct slot *slot)
{
	u64 at = next(w) % (PAGES - 8) * PAGE, page;
	size_t length = (1 + next(w) % 8) * PAGE, i;
	void *p;

	p = map_shared(w->self->dev->fd, w->self->dev->bars[BAR].info.offset + at,
		       length, RW);
	if (!good(w, p ? 0 : -errno, 0))
		return;
	for (i = 0; i < 4; i++) {
		page = next(w) % (length / PAGE) * PAGE;
		look(w, p + page, at + page, NULL);
	}
	if (length > 2 * PAGE && next(w) % 2) {
		munmap(p + PAGE, PAGE);
		/* Another mapping may have that address by now */
		munmap(p, PAGE);
		munmap(p + 2 * PAGE, length - 2 * PAGE);
	} else {
		munmap(p, length);
	}
}

static void work_export(struct worker *w, struct slot *slot)
{
	struct vfio_region_dma_range r[RANGES];
	int i, fd;
	u64 at;

	pthread_rwlock_wrlock(&slot->lock);
	if (next(w) % 2)
		unmap_slot(slot);	/* otherwise the mapping outlives the fd */
	if (slot->dmabuf >= 0)
		close(slot->dmabuf);
	slot->dmabuf = -1;
	if (!slot->map) {
		slot->size = 0;
		for (i = 0; i < RANGES; i++) {
			r[i].offset = next(w) % (PAGES - 16) * PAGE;
			r[i].length = (1 + next(w) % 16) * PAGE;
			for (at = 0; at < r[i].length; at += PAGE, slot->size += PAGE)
				slot->page[slot->size / PAGE] = r[i].offset + at;
		}
		fd = endpoint_export(w->self->dev, BAR, r, RANGES);
		if (good(w, fd, 0))
			slot->dmabuf = fd;
		atomic_store(&slot->revoked, false);
	}
	pthread_rwlock_unlock(&slot->lock);
}

static void work_revoke(struct worker *w, struct slot *slot)
{
	int rc;

	pthread_rwlock_rdlock(&slot->lock);
	if (slot->dmabuf >= 0) {
		rc = slice_revoke(w->self->dev, slot->dmabuf);
		if (good(w, rc, -EBADFD))
			atomic_store(&slot->revoked, true);
	}
	pthread_rwlock_unlock(&slot->lock);
	usleep(next(w) % 20000);
}

static void work_transition(struct worker *w, struct slot *slot)
{
	struct vfio_pci_device *dev = w->self->dev;

	if (!w->variant->moves) {
		usleep(1000);
		return;
	}
	switch (next(w) % (w->variant->kind == &pci_nvme_flr ? 5 : 2)) {
	case 0:
		endpoint_memory(dev, false);
		usleep(next(w) % 2000);
		endpoint_memory(dev, true);
		break;
	case 1:
		if (good(w, slice_low_power(dev, true), 0)) {
			usleep(next(w) % 2000);
			good(w, slice_low_power(dev, false), 0);
		}
		break;
	case 2:
		good(w, ioctl(dev->fd, VFIO_DEVICE_RESET) ? -errno : 0, -EAGAIN);
		break;
	case 3:
		endpoint_flr(dev);
		break;
	case 4:
		endpoint_sysfs_reset(dev);
		break;
	}
	usleep(next(w) % 20000);
}

static void work_import(struct worker *w, struct slot *slot)
{
	u64 iova = IOVA + (slot - w->self->slots) * PAGES * PAGE;
	struct iommu *iommu = w->self->iommu;
	size_t size;
	int rc;

	pthread_rwlock_rdlock(&slot->lock);
	size = slot->size;
	rc = -ENODEV;
	if (slot->dmabuf >= 0)
		rc = ioas_map_file(iommu->iommufd, iommu->ioas_id, slot->dmabuf, 0,
				   size, iova, IOAS_RW);
	pthread_rwlock_unlock(&slot->lock);
	/* The memory is off at this time */
	if (rc == -EAGAIN)
		rc = -ENODEV;
	if (good(w, rc, -ENODEV)) {
		usleep(next(w) % 5000);
		good(w, ioas_unmap(iommu->iommufd, iommu->ioas_id, iova, size, NULL), 0);
	}
}

static void work_fork(struct worker *w, struct slot *slot)
{
	int status = 0;
	pid_t pid;

	pthread_rwlock_rdlock(&slot->lock);
	pid = fork();
	if (!pid) {
		atomic_store(&w->self->wrong, 0);
		atomic_store(&w->self->late, 0);
		if (slot->map)
			look(w, slot->map, slot->page[slot->from / PAGE], slot);
		look(w, w->self->dev->bars[BAR].vaddr, 0, NULL);
		_exit(w->self->wrong || w->self->late);
	}
	pthread_rwlock_unlock(&slot->lock);
	if (!good(w, pid < 0 ? -errno : 0, -EAGAIN))
		return;
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		w->self->wrong++;
	usleep(next(w) % 50000);
}

/*
 * A slice's pages belong to it alone for a while: readers elsewhere get SIGBUS.
 * Some stay so until the slice goes.
 */
static void work_type(struct worker *w, struct slot *slot)
{
	u32 attr[] = { SLICE_WC, next(w) % 8 ? SLICE_NC : SLICE_WC };
	int i, rc;

	for (i = 0; i < ARRAY_SIZE(attr); i++) {
		rc = 0;
		pthread_rwlock_rdlock(&slot->lock);
		if (slot->dmabuf >= 0)
			rc = slice_memattr(w->self->dev, slot->dmabuf, attr[i]);
		pthread_rwlock_unlock(&slot->lock);
		if (rc != -EBADFD)
			good(w, rc, -EOPNOTSUPP);
		usleep(next(w) % 5000);
	}
	usleep(next(w) % 50000);
}

/* A fence of a client, for which no other task has to wait */
static void work_fence(struct worker *w, struct slot *slot)
{
	int i, rc;

	/* It ends by itself after 10 s. */
	if (!w->self->fails && time(NULL) > w->self->fence_made + 8) {
		close(w->self->fence);
		w->self->fence = fence_unsignaled();
		w->self->fence_made = time(NULL);
	}
	pthread_rwlock_rdlock(&slot->lock);
	for (i = 0; slot->dmabuf >= 0 && i < 8; i++) {
		rc = fence_import(slot->dmabuf, w->self->fence);
		if (!good(w, rc, 0))
			break;
	}
	pthread_rwlock_unlock(&slot->lock);
	usleep(next(w) % 20000);
}

/* A child's work on a mapping until it is killed */
static void misbehave(void *map, size_t size, int how)
{
	u32 *word = map;

	/*
	 * Another thread may have been in try_read(): its handler is not for
	 * this child.
	 */
	signal(SIGBUS, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	for (;;) {
		switch (how) {
		case 0:
			READ_ONCE(*word);
			break;
		case 1:
			syscall(SYS_futex, word, FUTEX_WAKE_OP, 0, 0, word,
				FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0));
			break;
		case 2:
			mprotect(map, PAGE, PROT_READ);
			READ_ONCE(*word);
			mprotect(map, PAGE, RW);
			break;
		}
		word = (void *)word + PAGE;
		if ((void *)word >= map + size)
			word = map;
	}
}

/* Stopped in a fault, killed in one, or killed while stopped, by chance */
static void work_stop(struct worker *w, struct slot *slot)
{
	int how = next(w) % 3;
	pid_t pid;

	pthread_rwlock_rdlock(&slot->lock);
	pid = slot->map ? fork() : 0;
	if (slot->map && !pid)
		misbehave(slot->map, slot->mapped, how);
	pthread_rwlock_unlock(&slot->lock);
	if (pid <= 0) {
		good(w, pid < 0 ? -errno : 0, -EAGAIN);
		usleep(1000);
		return;
	}
	usleep(next(w) % 20000);
	kill(pid, SIGSTOP);
	usleep(next(w) % 50000);
	if (next(w) % 2)
		kill(pid, SIGCONT);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Splits, moves and holes, in another mapping of the same pages */
static void work_calls(struct worker *w, struct slot *slot)
{
	size_t size;
	void *p, *q;
	u64 value;

	pthread_rwlock_rdlock(&slot->lock);
	size = slot->size;
	p = slot->dmabuf >= 0 && size > 2 * PAGE ?
	    map_shared(slot->dmabuf, 0, size, RW) : NULL;
	pthread_rwlock_unlock(&slot->lock);
	if (!p)
		return;
	try_read(p, &value);
	mprotect(p + PAGE, PAGE, PROT_READ);
	madvise(p, size, next(w) % 2 ? MADV_DONTNEED : MADV_HUGEPAGE);
	try_read(p + PAGE, &value);
	q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	if (q != MAP_FAILED) {
		try_read(q, &value);
		munmap(q, PAGE);
	}
	q = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (q == MAP_FAILED ||
	    mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q) {
		munmap(p, size);
		return;
	}
	try_read(q, &value);
	munmap(q, PAGE);
	/* Another mapping may have the second page's address by now */
	munmap(p, PAGE);
	munmap(p + 2 * PAGE, size - 2 * PAGE);
}

static void (* const works[WORKS])(struct worker *w, struct slot *slot) = {
	work_read, work_read_bar, work_map, work_map_bar, work_export, work_revoke,
	work_transition, work_import, work_fork, work_type, work_fence, work_stop,
	work_calls,
};

static void *run(void *arg)
{
	struct worker *w = arg;

	if (w->variant->fails)
		file_write("1", "/proc/thread-self/make-it-fail");
	while (!atomic_load(&w->self->stop)) {
		struct slot *slot = &w->self->slots[next(w) % SLOTS];

		works[w->work](w, slot);
		w->self->done[w->work]++;
	}
	return NULL;
}

TEST_F_TIMEOUT(stress, all_at_once, 360)
{
	struct worker workers[WORKS + 1];
	int i;

	if (variant->fails)
		failslab(1);
	for (i = 0; i < ARRAY_SIZE(workers); i++) {
		workers[i] = (struct worker){
			.self = self, .variant = variant,
			.work = i % WORKS, .seed = i * 7919 + 1,
		};
		ASSERT_EQ(0, pthread_create(&workers[i].thread, NULL, run, &workers[i]));
	}
	sleep(machine_storm(variant->seconds));
	atomic_store(&self->stop, true);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		ASSERT_EQ(0, pthread_join(workers[i].thread, NULL));
	failslab(0);

	for (i = 0; i < WORKS; i++) {
		TH_LOG("%ld %s", atomic_load(&self->done[i]), names[i]);
		EXPECT_GT(atomic_load(&self->done[i]), 0);
	}
	TH_LOG("%ld words, %ld signals", atomic_load(&self->served),
	       atomic_load(&self->signals));
	EXPECT_GT(atomic_load(&self->served), 0);
	EXPECT_GT(atomic_load(&self->signals), 0);
	EXPECT_EQ(0, atomic_load(&self->wrong));
	EXPECT_EQ(0, atomic_load(&self->late));
	EXPECT_EQ(0, atomic_load(&self->errors));

	/* In any case, the device works. */
	for (i = 0; i < SLOTS; i++) {
		unmap_slot(&self->slots[i]);
		if (self->slots[i].dmabuf >= 0)
			close(self->slots[i].dmabuf);
	}
	endpoint_memory(self->dev, true);
	EXPECT_TRUE(pages_are(self->dev->bars[BAR].vaddr, PAGES * PAGE, 0));
}

/*
 * The device is opened and closed under slices that live on in a child:
 * exports, maps, imports, and their rest after the owner is gone.
 */
FIXTURE(owners) {
};

FIXTURE_SETUP(owners)
{
}

FIXTURE_TEARDOWN(owners)
{
}

TEST_F_TIMEOUT(owners, come_and_go, 60)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);
	struct timespec now, begin;
	int i, rounds = 0, seconds = machine_storm(5), fd[4];
	struct iommu *iommu;
	void *p[4];

	if (!bdf)
		SKIP(return, "needs ivshmem");
	iommu = iommu_init(MODE_IOMMUFD);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		struct vfio_pci_device *dev = endpoint_open(bdf, iommu, NULL);

		pages_sign(dev->bars[BAR].vaddr, 8 * PAGE);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			fd[i] = slice_export(dev, BAR, i * PAGE, 2 * PAGE);
			ASSERT_GE(fd[i], 0);
			p[i] = map_shared(fd[i], 0, 2 * PAGE, RW);
			ASSERT_NE(NULL, p[i]);
			if (i % 2)
				ASSERT_TRUE(pages_are(p[i], 2 * PAGE, i * PAGE));
			ASSERT_EQ(0, ioas_map_file(iommu->iommufd, iommu->ioas_id, fd[i],
						   0, 2 * PAGE, IOVA + i * 2 * PAGE, IOAS_RW));
		}
		ASSERT_EQ(0, slice_revoke(dev, fd[rounds % ARRAY_SIZE(fd)]));
		if (rounds % 3 == 0)
			close(fd[0]);
		vfio_pci_device_cleanup(dev);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			u64 value;

			ASSERT_EQ(SIGBUS, try_read(p[i], &value));
			ASSERT_EQ(0, munmap(p[i], 2 * PAGE));
			if (i || rounds % 3)
				close(fd[i]);
			ASSERT_EQ(0, ioas_unmap(iommu->iommufd, iommu->ioas_id,
						IOVA + i * 2 * PAGE, 2 * PAGE, NULL));
		}
		rounds++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < seconds);
	EXPECT_GT(rounds, 2);
	iommu_cleanup(iommu);
}

TEST_HARNESS_MAIN
