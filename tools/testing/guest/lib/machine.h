/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>

/*
 * What the guest was started with, by words "machine=NAME,NAME..." on the
 * kernel's command line: tools/guest/devices and tools/vgpu/devices* say there
 * what they have.  A test that finds no such thing fails; on a machine without
 * the word it may skip.
 *
 * A kernel that has not even the subsystem (/sys/class/CLASS, if not NULL) was
 * configured without it, and is promised nothing.
 */
bool machine_promises(const char *name, const char *class);

#endif
