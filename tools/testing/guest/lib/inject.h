/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_INJECT_H
#define GUEST_INJECT_H

#include <stdbool.h>

/* False if this kernel cannot make its own allocations fail. */
bool inject_ready(void);

/* Let the nth allocation of this thread from here on fail. */
void inject_arm(int nth);

/* Stop that. True if that allocation was made, and so failed. */
bool inject_disarm(void);

/* The same for each worker that unbound workqueues have now. */
void inject_arm_workers(int nth);

/* Stop it.  In so many workers that allocation came. */
int inject_disarm_workers(void);

#endif
