/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MODULE_H
#define GUEST_MODULE_H

#include <stdbool.h>

/* Is there such a module for this kernel, loaded or not? */
bool module_exists(const char *name);

/* Load it with all that it depends on: 0 or -EIO. */
int module_load(const char *name);

/* Unload it, and nothing else: 0, -EAGAIN if somebody holds it, or another -errno. */
int module_unload(const char *name);

#endif
