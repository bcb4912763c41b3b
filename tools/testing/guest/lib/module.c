// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"

/* With -D, modprobe only prints its actions */
static int run(const char *option, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "modprobe %s %s > /dev/null 2>&1", option, name);
	return system(command) ? -EIO : 0;
}

bool module_exists(const char *name)
{
	char path[256];

	/* A built-in driver has a folder there as well, with less in it */
	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return !access(path, F_OK) || !run("-D", name);
}

int module_load(const char *name)
{
	return run("", name);
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}
