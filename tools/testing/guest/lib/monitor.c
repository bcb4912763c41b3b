// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <libvfio.h>

#include "monitor.h"

/* The machine's port for it, see tools/guest/devices. */
#define LINE	"/sys/bus/pci/devices/0000:00:0f.0/*:0/*:0.0/tty/ttyS*"

static int open_line(void)
{
	struct termios raw;
	char path[PATH_MAX];
	glob_t found;
	int fd;

	if (glob(LINE, 0, NULL, &found))
		return -1;
	snprintf(path, sizeof(path), "/dev/%s", basename(found.gl_pathv[0]));
	globfree(&found);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &raw))
		return -1;
	/* Without this, QEMU's answers would be echoed to it as commands. */
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	raw.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSAFLUSH, &raw);
	return fd;
}

bool monitor_is_there(void)
{
	int fd = open_line();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void monitor_command(const char *format, ...)
{
	int fd = open_line();
	va_list args;
	int len;

	VFIO_ASSERT_GE(fd, 0);
	/* Greetings may have been echoed before the line was raw: end them. */
	VFIO_ASSERT_EQ(write(fd, "\n", 1), 1);
	va_start(args, format);
	len = vdprintf(fd, format, args);
	va_end(args);
	VFIO_ASSERT_GT(len, 0);
	VFIO_ASSERT_EQ(write(fd, "\n", 1), 1);
	VFIO_ASSERT_EQ(tcdrain(fd), 0);
	close(fd);
}
