/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_REPORT_H
#define ORACLE_REPORT_H

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

/* Seconds */
double now(void);

#endif
