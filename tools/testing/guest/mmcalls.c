// SPDX-License-Identifier: GPL-2.0
/*
 * All operations that a process can request on its memory, for mappings of BARs
 * and of slices, in small, huge and gigantic pages.
 *
 * A client does one after the other to such a mapping, while a thread on each
 * CPU keeps using all addresses at which it is or was. Then the owner revokes,
 * resets, turns the memory off or closes the device. After that no CPU may
 * reach forbidden memory by an old or new address.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/memcalls.h"
#include "lib/pci.h"
#include "lib/slice.h"
#include "lib/watch.h"

#define PAGE	GUEST_PAGE
#define PMD	(2UL << 20)
#define PUD	(512 * PMD)
#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define PROBES	10

/* Shared by the owner and the clients */
struct talk {
	atomic_int ready;		/* number of clients that have done their call */
	atomic_int again;		/* number of clients that have checked again */
	atomic_int phase;
	char why[2][TARGET_WHY];		/* the failure of each client */
};

enum { CALL, LOOK_AGAIN, END };

static int probes(size_t unit, size_t length, u64 *at)
{
	const u64 all[] = {
		0, PAGE, 7 * PAGE, PMD, PMD + PAGE, unit / 2, unit / 2 + PAGE,
		unit - PAGE, unit, length - PAGE,
	};
	int i, k, nr = 0;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		for (k = 0; k < nr && at[k] != all[i]; k++)
			;
		if (k == nr && all[i] < length && !(all[i] % PAGE))
			at[nr++] = all[i];
	}
	return nr;
}

static void *reserve(size_t length, size_t align, size_t skew)
{
	void *base = mmap(NULL, length + 2 * align + skew, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	VFIO_ASSERT_NE(base, MAP_FAILED);
	return (void *)(((unsigned long)base + align - 1) & ~(align - 1)) + skew;
}

/*
 * The owner and the clients
 */

enum cut { REVOKE, MEMORY, RESET, CLOSE };

FIXTURE(mm) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	const char *bdf;
	struct talk *talk;
	size_t length;
	u64 base;
	u64 probe[PROBES];
	int nr_probes;
	int slice;
	long slowest;			/* slowest revoke, us */
};

FIXTURE_VARIANT(mm) {
	size_t unit;
	bool slice;
	enum cut cut;
	int processes;
};

#define VARIANT(name, ...) FIXTURE_VARIANT_ADD(mm, name) { __VA_ARGS__ }
#define VARIANTS(size, unit) \
	VARIANT(slice_##size##_revoke, unit, true, REVOKE, 1); \
	VARIANT(slice_##size##_forked_revoke, unit, true, REVOKE, 2); \
	VARIANT(slice_##size##_memory, unit, true, MEMORY, 1); \
	VARIANT(slice_##size##_close, unit, true, CLOSE, 2); \
	VARIANT(bar_##size##_memory, unit, false, MEMORY, 1); \
	VARIANT(bar_##size##_reset, unit, false, RESET, 2)

VARIANTS(1g, PUD);
VARIANTS(2m, PMD);
VARIANTS(4k, PAGE);

/* The first device that is large enough, and that can be reset if necessary */
static bool open_memory(struct _test_data_mm *self, enum cut cut)
{
	const struct pci_kind *kind = cut == RESET ? &pci_ivshmem_bus : &pci_ivshmem;
	struct vfio_pci_device *dev;
	const char *bdf;
	int i;

	for (i = 0; (bdf = pci_find(kind, i)); i++) {
		dev = endpoint_open(bdf, self->iommu, NULL);
		if (dev->bars[BAR].info.size >= self->base + self->length) {
			self->dev = dev;
			self->bdf = bdf;
			return true;
		}
		vfio_pci_device_cleanup(dev);
	}
	return false;
}

FIXTURE_SETUP(mm)
{
	int slice;

	self->length = variant->unit == PAGE ? 16 * PAGE : 2 * variant->unit;
	self->base = variant->unit == PUD ? 0 : 4 * PMD;
	self->nr_probes = probes(variant->unit, self->length, self->probe);
	self->talk = mmap(NULL, sizeof(*self->talk), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->slice = -1;
	if (!open_memory(self, variant->cut))
		SKIP(return, "no device that is large enough, and can be reset");
	if (!variant->slice)
		return;
	slice = slice_export(self->dev, BAR, self->base, self->length);
	if (slice == -ENOTTY)
		SKIP(return, "this kernel exports no BARs");
	ASSERT_GE(slice, 0);
	if (!map_shared(slice, 0, PAGE, RW))
		SKIP(return, "this kernel maps no slices");
	close(slice);
}

FIXTURE_TEARDOWN(mm)
{
	if (self->dev)
		vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static void words(struct _test_data_mm *self, u64 *word)
{
	int i;

	for (i = 0; i < self->nr_probes; i++)
		word[i] = readq(self->dev->bars[BAR].vaddr + self->base + self->probe[i] +
				WATCH_WORD);
}

static void sign(struct _test_data_mm *self)
{
	u64 at;
	int i;

	for (i = 0; i < self->nr_probes; i++) {
		at = self->base + self->probe[i];
		writeq(page_sign(at), self->dev->bars[BAR].vaddr + at);
	}
}

/* A client has only its slice of the device. */
static void drop_device(struct _test_data_mm *self)
{
	struct vfio_pci_device *dev = self->dev;
	int i;

	for (i = 0; i < ARRAY_SIZE(dev->bars); i++)
		if (dev->bars[i].vaddr)
			munmap(dev->bars[i].vaddr, dev->bars[i].info.size);
	close(dev->fd);
	close(self->iommu->iommufd);
}

static void map_target(struct _test_data_mm *self, struct target *t)
{
	size_t align = t->unit == PAGE ? PMD : t->unit;
	size_t skew = t->unit == PAGE ? PAGE : 0;
	long before;
	void *p;
	int i;

	t->map = reserve(t->length, align, skew);
	for (i = 0; i < ARRAY_SIZE(t->room); i++)
		t->room[i] = reserve(t->length + PMD, align, skew);
	p = mmap(t->map, t->length, RW, MAP_SHARED | MAP_FIXED, t->fd, t->file);
	if (!target_expect(t, "mmap", p == t->map ? 0 : -1, 0))
		return;
	before = faults();
	for (i = 0; i < self->nr_probes; i++) {
		watch_add(&t->watch, t->map + self->probe[i], t->base + self->probe[i]);
		readq(t->map + self->probe[i]);
	}
	before = faults() - before;
	if (t->unit > PAGE && before != t->length / t->unit)
		target_wrong(t, "%ld faults, no pages of %#lx", before, (long)t->unit);
}

static void wait_for(atomic_int *value, int at_least)
{
	while (atomic_load(value) < at_least)
		usleep(500);
}

static void serve(struct target *t, struct talk *talk, const struct memcall *call,
		  struct watch_report *report)
{
	char why[TARGET_WHY];

	watch_start(&t->watch, report);
	while (report->served < 10)
		usleep(100);
	if (!t->why[0])
		call->run(t);
	if (!watch_verify(&t->watch, why, sizeof(why)))
		target_wrong(t, "%s", why);
	talk->ready++;
	wait_for(&talk->phase, LOOK_AGAIN);
	if (talk->phase == LOOK_AGAIN) {
		if (!watch_verify(&t->watch, why, sizeof(why)))
			target_wrong(t, "afterwards: %s", why);
		talk->again++;
	}
	wait_for(&talk->phase, END);
	watch_stop(&t->watch);
}

static void client(struct _test_data_mm *self, const struct _fixture_variant_mm *variant,
		   const struct memcall *call, struct watch_report *report)
{
	static struct target t;
	pid_t pid = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	t = (struct target){
		.why = self->talk->why[0],
		.unit = variant->unit,
		.length = self->length,
		.base = self->base,
	};
	t.fd = variant->slice ? self->slice : self->dev->fd;
	t.file = variant->slice ? 0 : self->dev->bars[BAR].info.offset + self->base;
	if (variant->slice)
		drop_device(self);
	map_target(self, &t);
	if (variant->processes > 1) {
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			t.why = self->talk->why[1];
		}
	}
	serve(&t, self->talk, call, report);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	_exit(0);
}

/* Wait for @value, the end of @pid, or 30 s. */
static bool answered(atomic_int *value, int at_least, pid_t pid)
{
	time_t end = time(NULL) + 30;

	while (atomic_load(value) < at_least) {
		if (time(NULL) > end || waitpid(pid, NULL, WNOHANG) == pid)
			return false;
		usleep(1000);
	}
	return true;
}

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const char *timed_revoke(struct _test_data_mm *self)
{
	long took = now_us();
	int rc = slice_revoke(self->dev, self->slice);

	took = now_us() - took;
	if (took > self->slowest)
		self->slowest = took;
	return rc ? "the revoke failed" : NULL;
}

static const char *unchanged(struct _test_data_mm *self, struct watch_report *report)
{
	u64 before[PROBES], after[PROBES];

	words(self, before);
	if (!watch_round(report))
		return "somebody hangs";
	words(self, after);
	return memcmp(before, after, sizeof(u64) * self->nr_probes) ?
	       "the memory changes" : NULL;
}

static const char *look_again(struct _test_data_mm *self, int processes, pid_t pid)
{
	self->talk->phase = LOOK_AGAIN;
	return answered(&self->talk->again, processes, pid) ? NULL : "no answer afterwards";
}

static const char *take_away(struct _test_data_mm *self, enum cut cut, int processes,
			     struct watch_report *report, pid_t pid)
{
	const char *bad;

	switch (cut) {
	case REVOKE:
		bad = timed_revoke(self);
		report->cut = true;
		return bad ?: unchanged(self, report);
	case MEMORY:
		endpoint_memory(self->dev, false);
		report->cut = true;
		if (!watch_round(report))
			return "somebody hangs";
		report->cut = false;
		if (!watch_round(report))
			return "somebody hangs";
		endpoint_memory(self->dev, true);
		return look_again(self, processes, pid);
	case RESET:
		if (ioctl(self->dev->fd, VFIO_DEVICE_RESET))
			return "the reset failed";
		return look_again(self, processes, pid);
	case CLOSE:
		vfio_pci_device_cleanup(self->dev);
		report->cut = true;
		if (!watch_round(report))
			return "somebody hangs";
		self->dev = endpoint_open(self->bdf, self->iommu, NULL);
		return unchanged(self, report);
	}
	return NULL;
}

/* The failure of a call, or NULL. */
static const char *check(struct _test_data_mm *self, const struct _fixture_variant_mm *variant,
			 const struct memcall *call)
{
	struct watch_report *report = watch_report_new();
	struct talk *talk = self->talk;
	const char *bad;
	static char text[3 * TARGET_WHY];
	pid_t pid;

	memset(talk, 0, sizeof(*talk));
	sign(self);
	if (variant->slice) {
		self->slice = slice_export(self->dev, BAR, self->base, self->length);
		VFIO_ASSERT_GE(self->slice, 0);
	}
	pid = fork();
	if (!pid)
		client(self, variant, call, report);
	if (!answered(&talk->ready, variant->processes, pid))
		bad = "the client does not answer, or has died";
	else if (!watch_round(report))
		bad = "the client hangs";
	else
		bad = take_away(self, variant->cut, variant->processes, report, pid);
	talk->phase = END;
	if (bad)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, bad ? WNOHANG : 0);
	if (variant->slice)
		close(self->slice);
	if (!bad && (report->late || report->stale))
		bad = "an address reaches what it should not";
	if (bad || talk->why[0][0] || talk->why[1][0]) {
		snprintf(text, sizeof(text), "%s: %ld late, %ld stale (%#lx, page %#lx); %s; %s",
			 bad ?: "", report->late, report->stale, report->bad,
			 report->bad_offset, talk->why[0], talk->why[1]);
		bad = text;
	}
	munmap(report, sizeof(*report));
	return bad;
}

static bool concerns(const struct memcall *call, const struct _fixture_variant_mm *variant)
{
	if (call->flags & CALL_HUGE && variant->unit < PUD)
		return false;
	/* Each once for a BAR and for a slice; then those that differ */
	if (variant->processes == 1 && variant->slice == (variant->cut == REVOKE))
		return true;
	if (variant->cut == REVOKE)
		return call->flags & CALL_TABLES;
	/* With DEBUG_OBJECTS_FREE, closing a device takes 20 s for each GiB */
	if (variant->cut == CLOSE && variant->unit == PUD)
		return call->flags & CALL_FEW;
	return call->flags & (CALL_SHORT | CALL_FEW);
}

TEST_F_TIMEOUT(mm, calls, 280)
{
	long took, most = 0;
	int i, worst = 0;
	const char *bad;

	for (i = 0; i < memcalls_nr; i++) {
		if (!concerns(&memcalls[i], variant))
			continue;
		took = now_us();
		bad = check(self, variant, &memcalls[i]);
		EXPECT_EQ(NULL, bad) {
			TH_LOG("%s: %s", memcalls[i].name, bad);
		}
		took = now_us() - took;
		if (took > most) {
			most = took;
			worst = i;
		}
	}
	TH_LOG("the longest took %ld ms: %s", most / 1000, memcalls[worst].name);
	if (self->slowest)
		TH_LOG("the slowest revoke took %ld us", self->slowest);
}

TEST_HARNESS_MAIN
