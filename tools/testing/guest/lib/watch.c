// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "slice.h"
#include "watch.h"

#define ROUND_LIMIT	30	/* s */

enum use { LOAD, STORE, SYSCALL };

static __thread sigjmp_buf escape;

static void on_fault(int sig)
{
	siglongjmp(escape, sig);
}

/* Without a system call for each access, unlike try_read(): the mask stays. */
static void catch_faults(void)
{
	struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
}

struct watch_report *watch_report_new(void)
{
	void *report = mmap(NULL, sizeof(struct watch_report), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	VFIO_ASSERT_NE(report, MAP_FAILED);
	return report;
}

/* Was the access served? */
static bool use(void *addr, enum use how, int zero, u64 value)
{
	if (how == SYSCALL)
		return read(zero, addr + WATCH_WORD, sizeof(value)) == sizeof(value);
	if (sigsetjmp(escape, 0))
		return false;
	if (how == LOAD)
		readq(addr);
	else
		writeq(value, addr + WATCH_WORD);
	return true;
}

static void look(struct watcher *me, struct spot *spot, enum use how, int zero)
{
	struct watch_report *report = me->watch->report;
	int changes = atomic_load(&spot->changes);
	enum spot_state state = atomic_load(&spot->state);
	bool cut = atomic_load(&report->cut);
	bool stale = state == SPOT_CLOSED || (state == SPOT_READONLY && how != LOAD);
	u64 value = ((u64)getpid() << 32) + atomic_load(&report->rounds[me->id]);

	if (!use(spot->addr, how, zero, value)) {
		report->signals++;
		return;
	}
	report->served++;
	/* Opened again before it was used: nothing is wrong */
	stale &= atomic_load(&spot->changes) == changes;
	if (!cut && !stale)
		return;
	if (!report->late && !report->stale) {
		report->bad = (unsigned long)spot->addr;
		report->bad_offset = spot->offset;
	}
	if (cut)
		report->late++;
	if (stale)
		report->stale++;
}

static void *run(void *arg)
{
	struct watcher *me = arg;
	struct watch *w = me->watch;
	int i, zero, rc;
	cpu_set_t set;
	long round;

	CPU_ZERO(&set);
	CPU_SET(me->cpu, &set);
	rc = sched_setaffinity(0, sizeof(set), &set);
	VFIO_ASSERT_EQ(rc, 0);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	VFIO_ASSERT_GE(zero, 0);
	while (!atomic_load(&w->stop)) {
		round = w->report->rounds[me->id];
		for (i = 0; i < atomic_load(&w->nr); i++) {
			look(me, &w->spots[i], round % 2 ? LOAD : STORE, zero);
			look(me, &w->spots[i], SYSCALL, zero);
		}
		w->report->rounds[me->id]++;
	}
	close(zero);
	return NULL;
}

void watch_start(struct watch *w, struct watch_report *report)
{
	int i, rc;

	catch_faults();
	w->report = report;
	w->stop = false;
	w->nr_threads = sysconf(_SC_NPROCESSORS_ONLN);
	VFIO_ASSERT_LE(w->nr_threads, WATCH_CPUS);
	for (i = 0; i < w->nr_threads; i++) {
		w->threads[i] = (struct watcher){
			.watch = w, .cpu = i, .id = report->nr++,
		};
		rc = pthread_create(&w->threads[i].thread, NULL, run, &w->threads[i]);
		VFIO_ASSERT_EQ(rc, 0);
	}
}

void watch_stop(struct watch *w)
{
	int i;

	atomic_store(&w->stop, true);
	for (i = 0; i < w->nr_threads; i++)
		pthread_join(w->threads[i].thread, NULL);
}

static void set_state(struct spot *spot, enum spot_state state)
{
	spot->changes++;
	atomic_store(&spot->state, state);
}

void watch_add(struct watch *w, void *addr, u64 offset)
{
	int nr = atomic_load(&w->nr), i;

	for (i = 0; i < nr; i++) {
		if (w->spots[i].addr == addr) {
			w->spots[i].offset = offset;
			set_state(&w->spots[i], SPOT_OPEN);
			return;
		}
	}
	VFIO_ASSERT_LT(nr, WATCH_SPOTS);
	w->spots[nr].addr = addr;
	w->spots[nr].offset = offset;
	w->spots[nr].state = SPOT_OPEN;
	atomic_store(&w->nr, nr + 1);
}

void watch_set(struct watch *w, const void *from, size_t length, enum spot_state state)
{
	int i;

	for (i = 0; i < atomic_load(&w->nr); i++)
		if (w->spots[i].addr >= from && w->spots[i].addr < from + length)
			set_state(&w->spots[i], state);
}

void watch_moved(struct watch *w, const void *from, size_t length, void *to)
{
	int i, nr = atomic_load(&w->nr);

	watch_set(w, from, length, SPOT_CLOSED);
	for (i = 0; i < nr; i++)
		if (w->spots[i].addr >= from && w->spots[i].addr < from + length)
			watch_add(w, to + (w->spots[i].addr - from), w->spots[i].offset);
}

bool watch_round(struct watch_report *report)
{
	time_t end = time(NULL) + ROUND_LIMIT;
	long before[WATCH_SPOTS];
	int i, nr = report->nr;

	for (i = 0; i < nr; i++)
		before[i] = report->rounds[i];
	for (i = 0; i < nr; i++) {
		/* The current round began earlier: two contain a whole one */
		while (report->rounds[i] < before[i] + 3) {
			if (time(NULL) > end)
				return false;
			usleep(200);
		}
	}
	return true;
}

/* Did the access raise a signal? */
static bool value_at(const void *addr, u64 *value)
{
	if (sigsetjmp(escape, 0))
		return true;
	*value = readq(addr);
	return false;
}

bool watch_verify(struct watch *w, char *why, size_t size)
{
	enum spot_state state;
	struct spot *spot;
	u64 value = 0;
	bool sig;
	int i;

	for (i = 0; i < atomic_load(&w->nr); i++) {
		spot = &w->spots[i];
		state = atomic_load(&spot->state);
		sig = value_at(spot->addr, &value);
		if (sig != (state == SPOT_CLOSED)) {
			snprintf(why, size, "read at %p, offset %#lx, state %d: signal %d",
				 spot->addr, (long)spot->offset, state, sig);
			return false;
		}
		if (!sig && value != page_sign(spot->offset)) {
			snprintf(why, size, "at %p is %#llx, not the page at %#lx",
				 spot->addr, (long long)value, (long)spot->offset);
			return false;
		}
		sig = !use(spot->addr, STORE, -1, i);
		if (sig != (state != SPOT_OPEN)) {
			snprintf(why, size, "write at %p, offset %#lx, state %d: signal %d",
				 spot->addr, (long)spot->offset, state, sig);
			return false;
		}
	}
	return true;
}
