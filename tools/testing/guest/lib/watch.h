/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_WATCH_H
#define GUEST_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/*
 * A thread on each CPU that goes on using addresses, with loads, stores and
 * system calls, whatever becomes of them.  No translation is forgotten for want
 * of use, and whatever can still be reached is reached.
 */
#define WATCH_SPOTS	64
#define WATCH_CPUS	8
#define WATCH_WORD	8	/* where a spot is written; the page's sign is in front */

enum spot_state { SPOT_OPEN, SPOT_READONLY, SPOT_CLOSED };

struct spot {
	void *addr;
	atomic_ulong offset;		/* in the BAR */
	atomic_int state;		/* enum spot_state */
	atomic_int changes;		/* of it, each counted before it is made */
};

/* Shared by all processes that watch, and by who cuts them off. */
struct watch_report {
	atomic_bool cut;		/* nothing may be reached any more */
	atomic_int cuts;		/* how often that has changed, if somebody counts */
	atomic_long late;		/* was, though */
	atomic_long stale;		/* a spot that is closed was */
	atomic_long served, signals;
	atomic_ulong bad;		/* the first such address, its spot's offset */
	atomic_ulong bad_offset;
	atomic_int nr;			/* threads that are there */
	atomic_long rounds[WATCH_SPOTS];	/* of each */
};

struct watch {
	struct watch_report *report;
	struct spot spots[WATCH_SPOTS];
	atomic_int nr;			/* of the spots */
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

/* Watch one more address; what is to be expected of those in a range. */
void watch_add(struct watch *w, void *addr, u64 offset);
void watch_set(struct watch *w, const void *from, size_t length, enum spot_state state);

/* Until each thread has used each spot after this call; false after 30 s. */
bool watch_round(struct watch_report *report);

/* What was at [from, from + length) is at @to now. */
void watch_moved(struct watch *w, const void *from, size_t length, void *to);

/*
 * Does each open spot show its page, and take a write, and no other one?  If not,
 * @why says which.
 */
bool watch_verify(struct watch *w, char *why, size_t size);

#endif
