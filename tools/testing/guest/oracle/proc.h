/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_PROC_H
#define ORACLE_PROC_H

#include "world.h"

/*
 * A process that has mappings: this one, or a child that fork() made in the middle
 * of it all, with all that was there, to which slices can be sent. Each of these
 * calls is made by the process.
 */
enum request_type {
	ASK_READ, ASK_WRITE, ASK_KERNEL_READ, ASK_GUP, ASK_MMAP, ASK_MUNMAP, ASK_FREE,
	ASK_MPROTECT, ASK_MREMAP, ASK_MADVISE, ASK_EXIT,
};

struct request {
	enum request_type type;
	void *addr;
	u64 at, value;
	size_t length;
	int prot;
	int fd;			/* for ASK_MMAP, of who asks */
};

/* 0, -errno or a signal; @value takes what was read, or where it is mapped. */
long proc_ask(struct proc *proc, const struct request *request, u64 *value);

/* fork(); the child's @proc is told what it has got. */
void proc_fork(struct world *w, struct proc *proc);

/* SIGKILL, or have it exit. */
void proc_end(struct proc *proc, bool kill);

#endif
