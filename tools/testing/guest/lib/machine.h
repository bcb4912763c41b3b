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

/*
 * What follows @name in a word "NAME..." of the kernel's command line, up to the
 * next call; or NULL. As a number, or @otherwise.
 */
const char *machine_word(const char *name);
long machine_number(const char *name, long otherwise);

/*
 * How long a test does things at random, which is @seconds unless the word
 * "storms=N" on the kernel's command line multiplies it (1 to 10): check-full has
 * more time than check.
 */
int machine_storm(int seconds);

#endif
