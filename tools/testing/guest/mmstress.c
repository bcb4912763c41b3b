// SPDX-License-Identifier: GPL-2.0
/*
 * The operations of mmcalls.c, by several threads of several processes at the
 * same addresses, while the owner revokes or turns the memory off and on. After
 * that they may reach nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "lib/slice.h"
#include "lib/watch.h"

#define PAGE	GUEST_PAGE
#define PMD	(2UL << 20)
#define PUD	(512 * PMD)
#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define PLACES	2
#define CALLERS	2
#define SECONDS	8	/* see machine_storm() */

FIXTURE(race) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	size_t length;
	u64 probe[8];
	int nr_probes;
	int slice;
	long cuts, served, signals;
};

FIXTURE_VARIANT(race) {
	size_t unit;
	bool slice;
};

#define VARIANT(name, ...) FIXTURE_VARIANT_ADD(race, name) { __VA_ARGS__ }

VARIANT(slice_4k, PAGE, true);
VARIANT(slice_2m, PMD, true);
VARIANT(slice_1g, PUD, true);
VARIANT(bar_2m, PMD, false);
VARIANT(bar_1g, PUD, false);

/* The places of a process: adjacent room for mappings of the file */
struct arena {
	struct watch watch;
	size_t length, unit;
	int fd;
	u64 file;
	void *place[PLACES];
	atomic_bool go;
};

struct caller {
	struct arena *arena;
	u32 seed;
	pthread_t thread;
};

static u32 next(struct caller *me)
{
	me->seed = me->seed * 1103515245 + 12345;
	return me->seed >> 8;
}

struct piece {
	void *at;
	size_t offset, length;
};

/* A page, a huge page, a half, or all, of a place */
static struct piece some(struct caller *me)
{
	struct arena *a = me->arena;
	const size_t sizes[] = { PAGE, PMD, a->length / 2, a->length };
	struct piece p;

	do {
		p.length = sizes[next(me) % ARRAY_SIZE(sizes)];
	} while (p.length > a->length);
	p.offset = next(me) % (a->length / p.length) * p.length;
	if (next(me) % 2)
		p.offset = 0;
	p.at = a->place[next(me) % PLACES] + p.offset;
	return p;
}

static void call_map(struct caller *me)
{
	struct arena *a = me->arena;
	struct piece p = some(me);

	if (next(me) % 2)
		mmap(p.at, p.length, RW, MAP_SHARED | MAP_FIXED, a->fd, a->file + p.offset);
	else
		mmap(a->place[next(me) % PLACES], a->length, RW, MAP_SHARED | MAP_FIXED,
		     a->fd, a->file);
}

static void call_move(struct caller *me)
{
	struct arena *a = me->arena;
	struct piece p = some(me);
	void *to = a->place[next(me) % PLACES] + p.offset;

	if (next(me) % 4 == 0 && p.length < a->length)
		to = a->place[next(me) % PLACES] + PAGE;
	mremap(p.at, p.length, p.length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void call_unmap(struct caller *me)
{
	struct piece p = some(me);

	munmap(p.at, p.length);
}

static void call_protect(struct caller *me)
{
	static const int prots[] = { PROT_NONE, PROT_READ, RW, RW };
	struct piece p = some(me);

	mprotect(p.at, p.length, prots[next(me) % ARRAY_SIZE(prots)]);
}

static void call_advise(struct caller *me)
{
	struct piece p = some(me);

	madvise(p.at, p.length, next(me) % 26);
}

static void call_lock(struct caller *me)
{
	struct piece p = some(me);

	if (next(me) % 2)
		mlock(p.at, p.length);
	else
		munlock(p.at, p.length);
}

static void call_track(struct caller *me)
{
	file_write("4", "/proc/self/clear_refs");
}

static void call_show(struct caller *me)
{
	static const char * const paths[] = {
		"/proc/self/smaps", "/proc/self/numa_maps", "/proc/self/pagemap",
	};
	char buf[4096];
	int fd = open(paths[next(me) % ARRAY_SIZE(paths)], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	pread(fd, buf, sizeof(buf), 0);
	while (read(fd, buf, sizeof(buf)) > 0 && next(me) % 64)
		;
	close(fd);
}

static void call_map_again(struct caller *me)
{
	struct piece p = some(me);

	remap_file_pages(p.at, p.length, 0, (me->arena->file + p.offset) / PAGE, 0);
}

static void call_small(struct caller *me)
{
	prctl(PR_SET_THP_DISABLE, next(me) % 2, 0, 0, 0);
}

static void call_place(struct caller *me)
{
	struct piece p = some(me);
	unsigned long nodes = 1;

	syscall(SYS_mbind, p.at, p.length, 2, &nodes, 8, 2);
}

static void call_fork(struct caller *me)
{
	struct watch *w = &me->arena->watch;
	struct piece p = some(me);
	pid_t pid = fork();
	u64 value;
	int cuts;

	if (!pid) {
		/* Cuts do not wait for a child: was it one cut all the time? */
		cuts = atomic_load(&w->report->cuts);
		if (!try_read(p.at, &value) && cuts % 2 && w->report->cuts == cuts)
			w->report->late++;
		mremap(p.at, p.length, p.length, MREMAP_MAYMOVE | MREMAP_FIXED,
		       me->arena->place[next(me) % PLACES]);
		cuts = atomic_load(&w->report->cuts);
		if (!try_write(p.at + WATCH_WORD, 1) && cuts % 2 && w->report->cuts == cuts)
			w->report->late++;
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void (* const calls[])(struct caller *me) = {
	call_map, call_map, call_move, call_move, call_unmap, call_protect, call_protect,
	call_advise, call_lock, call_track, call_show, call_map_again, call_small, call_place,
	call_fork,
};

static void *run(void *arg)
{
	struct caller *me = arg;

	while (!atomic_load(&me->arena->go))
		usleep(100);
	for (;;)
		calls[next(me) % ARRAY_SIZE(calls)](me);
	return NULL;
}

FIXTURE_SETUP(race)
{
	const u64 probe[] = { 0, PAGE, 7 * PAGE, PMD, variant->unit / 2, variant->unit - PAGE,
			      variant->unit };
	const char *bdf;
	int i;

	self->length = variant->unit == PAGE ? 16 * PAGE : 2 * variant->unit;
	for (i = 0; i < ARRAY_SIZE(probe); i++)
		if (probe[i] < self->length && !(probe[i] % PAGE))
			self->probe[self->nr_probes++] = probe[i];
	self->iommu = iommu_init(MODE_IOMMUFD);
	for (i = 0; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		self->dev = endpoint_open(bdf, self->iommu, NULL);
		if (self->dev->bars[BAR].info.size >= self->length)
			break;
		vfio_pci_device_cleanup(self->dev);
	}
	if (!bdf)
		SKIP(return, "no device that is large enough");
	self->slice = slice_export(self->dev, BAR, 0, self->length);
	if (variant->slice && self->slice == -ENOTTY)
		SKIP(return, "this kernel exports no BARs");
	if (variant->slice && !map_shared(self->slice, 0, PAGE, RW))
		SKIP(return, "this kernel maps no slices");
	if (self->slice >= 0)
		close(self->slice);
}

FIXTURE_TEARDOWN(race)
{
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static void client(struct _test_data_race *self, const struct _fixture_variant_race *variant,
		   struct watch_report *report, u32 seed)
{
	size_t align = variant->unit == PAGE ? PMD : variant->unit;
	struct caller callers[CALLERS];
	static struct arena a;
	void *base;
	int i, k, rc;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a.length = self->length;
	a.unit = variant->unit;
	a.fd = variant->slice ? self->slice : self->dev->fd;
	a.file = variant->slice ? 0 : self->dev->bars[BAR].info.offset;
	base = mmap(NULL, (PLACES + 1) * a.length + align + PMD, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	VFIO_ASSERT_NE(base, MAP_FAILED);
	base = (void *)(((unsigned long)base + align - 1) & ~(align - 1));
	for (i = 0; i < PLACES; i++) {
		a.place[i] = base + i * a.length;
		for (k = 0; k < self->nr_probes; k++)
			watch_add(&a.watch, a.place[i] + self->probe[k], self->probe[k]);
	}
	watch_start(&a.watch, report);
	for (i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){ .arena = &a, .seed = seed + i * 7919 };
		rc = pthread_create(&callers[i].thread, NULL, run, &callers[i]);
		VFIO_ASSERT_EQ(rc, 0);
	}
	/*
	 * Mappings that only reserve room could be made accessible. No other
	 * code looks for room from now on, and all stacks exist.
	 */
	munmap(base, (PLACES + 1) * a.length);
	mmap(a.place[0], a.length, RW, MAP_SHARED | MAP_FIXED, a.fd, a.file);
	atomic_store(&a.go, true);
	for (;;)
		pause();
}

static void cut(struct watch_report *report, bool on)
{
	report->cut = on;
	report->cuts++;
}

static bool unchanged(struct _test_data_race *self, struct watch_report *report)
{
	u64 before[ARRAY_SIZE(self->probe)], *word;
	bool same = true;
	int i;

	for (i = 0; i < self->nr_probes; i++) {
		word = self->dev->bars[BAR].vaddr + self->probe[i] + WATCH_WORD;
		before[i] = readq(word);
	}
	if (!watch_round(report))
		return false;
	for (i = 0; i < self->nr_probes; i++) {
		word = self->dev->bars[BAR].vaddr + self->probe[i] + WATCH_WORD;
		same &= before[i] == readq(word);
	}
	return same;
}

/* One client, cut off once or several times; false on a failure. */
static bool one(struct _test_data_race *self, const struct _fixture_variant_race *variant,
		u32 seed)
{
	struct watch_report *report = watch_report_new();
	bool good = true;
	pid_t pid;
	int i;

	if (variant->slice)
		self->slice = slice_export(self->dev, BAR, 0, self->length);
	pid = fork();
	if (!pid)
		client(self, variant, report, seed);
	while (report->served < 10)
		usleep(100);
	for (i = 0; good && i < (variant->slice ? seed % 3 : 10); i++) {
		usleep(seed * (i + 1) % 30000);
		endpoint_memory(self->dev, false);
		cut(report, true);
		good = watch_round(report);
		cut(report, false);
		good = good && watch_round(report) && !report->late;
		endpoint_memory(self->dev, true);
		self->cuts++;
	}
	if (variant->slice) {
		usleep(seed % 100000);
		good = good && !slice_revoke(self->dev, self->slice);
		cut(report, true);
		good = good && unchanged(self, report) && !report->late;
		self->cuts++;
		close(self->slice);
	}
	self->served += report->served;
	self->signals += report->signals;
	if (!good)
		ksft_print_msg("seed %u: %ld late (%#lx, page %#lx)\n", seed, report->late,
			       report->bad, report->bad_offset);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(report, sizeof(*report));
	return good;
}

TEST_F_TIMEOUT(race, all_at_once, 120)
{
	time_t end = time(NULL) + machine_storm(SECONDS);
	u32 seed = 1;

	while (time(NULL) < end) {
		ASSERT_TRUE(one(self, variant, seed));
		seed = seed * 48271 % 2147483647;
	}
	TH_LOG("%ld cuts, %ld served, %ld signals", self->cuts, self->served, self->signals);
	EXPECT_GT(self->cuts, 3);
	EXPECT_GT(self->served, 100);
	EXPECT_GT(self->signals, 100);
}

TEST_HARNESS_MAIN
