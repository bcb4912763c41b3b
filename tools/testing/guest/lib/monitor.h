/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MONITOR_H
#define GUEST_MONITOR_H

#include <stdbool.h>

#include <linux/compiler.h>

/*
 * QEMU's monitor, to which the second serial line leads (tools/guest/devices):
 * what nobody inside the machine can do to it.
 */
bool monitor_is_there(void);

/* Nobody reads the answer: look at what has become of the machine. */
__printf(1, 2)
void monitor_command(const char *format, ...);

#endif
