/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>

/*
 * The devices that the guest was started with, by words "machine=NAME,NAME..."
 * on the kernel's command line: tools/guest/devices and tools/vgpu/devices*
 * define them. A test that finds no such device fails; on a machine without the
 * word it may skip.
 *
 * A kernel that lacks even the subsystem (/sys/class/CLASS, if not NULL) was
 * configured without it, and is not expected to have the device.
 */
bool machine_promises(const char *name, const char *class);

#endif
