/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_JOB_H
#define GUEST_JOB_H

#include <stdbool.h>

#include <linux/types.h>
#include <sys/types.h>

/*
 * An operation that may hang permanently: a process of its own does it, so that
 * the test can continue without it.
 */
struct job {
	pid_t pid;
	int result;		/* read end of a pipe */
};

/* The result of a job: 0 or -errno, and the start of its mapping, if any. */
struct job_result {
	int error;
	u64 seen;
};

#define JOB_HANGS	1	/* no error of a system call */

struct job job_start(struct job_result (*work)(void *), void *arg);

/* The result, within this number of ms, or JOB_HANGS. A result ends the job. */
struct job_result job_end(struct job *job, int ms);

/* False if SIGKILL does not end it. */
bool job_kill(struct job *job);

#endif
