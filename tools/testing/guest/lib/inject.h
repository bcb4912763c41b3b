/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_INJECT_H
#define GUEST_INJECT_H

#include <stdbool.h>

/* False if this kernel cannot make its own allocations fail. */
bool inject_ready(void);

/* Have the nth allocation of this thread fail, from here on. */
void inject_arm(int nth);

/* Stop it.  True if that allocation came, and so failed. */
bool inject_disarm(void);

/* The same for each worker that unbound workqueues have now. */
void inject_arm_workers(int nth);

/* Stop it.  In so many workers that allocation came. */
int inject_disarm_workers(void);

#endif
