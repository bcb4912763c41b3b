/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MODULE_H
#define GUEST_MODULE_H

#include <stdbool.h>

/* Is there such a module for this kernel, loaded or not? */
bool module_exists(const char *name);

/* Load it and its dependencies: 0 or -EIO. */
int module_load(const char *name);

/* Unload only this module: 0, -EAGAIN if it is in use, or another -errno. */
int module_unload(const char *name);

#endif
