/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_JOB_H
#define GUEST_JOB_H

#include <stdbool.h>

#include <linux/types.h>
#include <sys/types.h>

/*
 * Something that may hang for ever: done by a process of its own, so that the
 * test can go on without it.
 */
struct job {
	pid_t pid;
	int result;		/* read end of a pipe */
};

/* What a job came to: 0 or -errno, and at the start of the mapping if it made one. */
struct job_result {
	int error;
	u64 seen;
};

#define JOB_HANGS	1	/* no error of a system call */

struct job job_start(struct job_result (*work)(void *), void *arg);

/* What it came to, within so many ms; or JOB_HANGS.  Ends it in the first case. */
struct job_result job_end(struct job *job, int ms);

/* False if SIGKILL does not end it. */
bool job_kill(struct job *job);

#endif
