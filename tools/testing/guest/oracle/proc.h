/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_PROC_H
#define ORACLE_PROC_H

#include "world.h"

/*
 * A process with mappings: this one, or a child that fork() made at some point,
 * with all mappings of that time, to which slices can be sent. The process
 * makes each of these calls.
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
	int fd;			/* for ASK_MMAP, of the process that asks */
};

/*
 * 0, -errno or a signal; @value takes the value read, or the address of the
 * mapping.
 */
long proc_ask(struct proc *proc, const struct request *request, u64 *value);

/* fork(); the child's @proc gets its mappings. */
void proc_fork(struct world *w, struct proc *proc);

/* SIGKILL, or let it exit. */
void proc_end(struct proc *proc, bool kill);

#endif
