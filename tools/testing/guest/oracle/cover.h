/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_COVER_H
#define ORACLE_COVER_H

#include <stdbool.h>

/*
 * Which places of the kernel's code do the system calls of all threads and
 * processes reach? Says nothing about interrupts and the kernel's workers.
 */

/* In the first process, once. False if the kernel has no KCOV. */
bool cover_init(void);

/* Each thread and each process calls it first. Without cover_init() it does nothing. */
void cover_begin(void);

/* The last call of a thread whose process goes on */
void cover_end(void);

/* Now and then: what this thread has reached since the last time */
void cover_take(void);

/* One line for each place: "# pc ADDRESS" */
void cover_print(void);

#endif
