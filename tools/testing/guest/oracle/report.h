/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_REPORT_H
#define ORACLE_REPORT_H

#include <errno.h>
#include <stdbool.h>

#include <linux/compiler.h>
#include <linux/types.h>

#include "program.h"

/*
 * The progress of a worker, in memory shared with the process that started it.
 */
struct report {
	struct program program;
	int at;				/* the running step; program.nr: the end */
	bool did[PROGRAM_MAX];		/* there was something to do */
	u64 steps, programs;
	u64 count[NR_OPERATIONS];	/* number of steps that had something to do */
	u64 checks;
	bool fails;			/* oracle.fail=1 */
	u64 hits;			/* allocations that failed for it */
	bool failed;
	char text[512];
};

extern struct report *report;

/* The kernel has broken a rule: report it, and end this process. */
__noreturn __printf(1, 2)
void fail(const char *format, ...);

/* Is @rc the expected result? */
void expect(const char *what, long rc, long want);
void expect_one(const char *what, long rc, long want, long other);

/*
 * Around a call of a step: with oracle.fail=1 an allocation that the call makes
 * fails. try_end() returns true if the call has made so many.
 */
void try_begin(const struct step *s);
bool try_end(void);

/*
 * A call that may fail without memory has then changed nothing: the second one
 * has the result that the first one would have had.
 */
#define TRY_BUT(s, failed, call)					\
({									\
	long _rc;							\
									\
	try_begin(s);							\
	_rc = (call);							\
	if (try_end() && failed(_rc))					\
		_rc = (call);						\
	_rc;								\
})
#define TRY(s, call)		TRY_BUT(s, no_memory, call)
/* A call of iommufd, which has points of failure of its own */
#define TRY_IOMMUFD(s, call)	TRY_BUT(s, iommufd_failed, call)
/* A call that gives something back, and needs no memory for it */
#define MUST(s, call)		TRY_BUT(s, no_object, call)

static inline bool no_memory(long rc)
{
	return rc == -ENOMEM;
}

/* iommufd has not found an object, because it was made to fail there. */
static inline bool no_object(long rc)
{
	return rc == -ENOENT;
}

static inline bool iommufd_failed(long rc)
{
	return no_memory(rc) || no_object(rc) || rc == -EINVAL || rc == -EFAULT;
}

/* Seconds */
double now(void);

#endif
