/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_FAULTS_H
#define GUEST_FAULTS_H

#include <stdbool.h>

/* False if this kernel cannot make its own allocations fail. */
bool faults_ready(void);

/* Have the nth allocation of this thread fail, from here on. */
void faults_arm(int nth);

/* Stop it.  True if that allocation came, and so failed. */
bool faults_disarm(void);

#endif
