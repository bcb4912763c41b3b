/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_WATCH_H
#define GUEST_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/*
 * A thread on each CPU that keeps using addresses, with loads, stores and
 * system calls, whatever happens to them. So TLBs keep their entries, and all
 * that is still reachable is reached.
 */
#define WATCH_SPOTS	64
#define WATCH_CPUS	8
#define WATCH_WORD	8	/* place of a spot's writes; the page's sign is in front */

enum spot_state { SPOT_OPEN, SPOT_READONLY, SPOT_CLOSED };

struct spot {
	void *addr;
	atomic_ulong offset;		/* in the BAR */
	atomic_int state;		/* enum spot_state */
	atomic_int changes;		/* of it, each counted in advance */
};

/* Shared by all processes that watch, and the one that cuts them off. */
struct watch_report {
	atomic_bool cut;		/* nothing may be reached from now on */
	atomic_int cuts;		/* number of changes of that, if it is counted */
	atomic_long late;		/* but something was */
	atomic_long stale;		/* a closed spot was reached */
	atomic_long served, signals;
	atomic_ulong bad;		/* the first such address, its spot's offset */
	atomic_ulong bad_offset;
	atomic_int nr;			/* number of running threads */
	atomic_long rounds[WATCH_SPOTS];	/* number of rounds of each */
};

struct watch {
	struct watch_report *report;
	struct spot spots[WATCH_SPOTS];
	atomic_int nr;			/* number of spots */
	atomic_bool stop;
	int nr_threads;
	struct watcher {
		struct watch *watch;
		pthread_t thread;
		int cpu, id;
	} threads[WATCH_CPUS];
};

struct watch_report *watch_report_new(void);

void watch_start(struct watch *w, struct watch_report *report);
void watch_stop(struct watch *w);

/* Watch one more address; set the expectation for those in a range. */
void watch_add(struct watch *w, void *addr, u64 offset);
void watch_set(struct watch *w, const void *from, size_t length, enum spot_state state);

/* Until each thread has used each spot after this call; false after 30 s. */
bool watch_round(struct watch_report *report);

/* The content of [from, from + length) is at @to now. */
void watch_moved(struct watch *w, const void *from, size_t length, void *to);

/*
 * Does each open spot show its page, and take a write, and no other spot? If
 * not, @why describes the failure.
 */
bool watch_verify(struct watch *w, char *why, size_t size);

#endif
