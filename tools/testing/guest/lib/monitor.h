/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MONITOR_H
#define GUEST_MONITOR_H

#include <stdbool.h>

#include <linux/compiler.h>

/*
 * QEMU's monitor, on the second serial line (tools/guest/devices): operations
 * on the machine that are impossible inside of it.
 */
bool monitor_is_there(void);

/* The answer is not read: look at the machine for the result. */
__printf(1, 2)
void monitor_command(const char *format, ...);

#endif
