// SPDX-License-Identifier: GPL-2.0
/*
 * Small files of the kernel, to read and to set its state.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvfio.h>

#include "file.h"

ssize_t file_read(char *buf, size_t size, const char *path, ...)
{
	char name[PATH_MAX];
	size_t used = 0;
	va_list args;
	ssize_t n;
	int fd;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);

	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf + used, size - 1 - used)) > 0)
		used += n;
	if (n < 0)
		used = -errno;
	else
		buf[used] = 0;
	close(fd);
	return used;
}

int file_write(const char *text, const char *path, ...)
{
	char name[PATH_MAX];
	va_list args;
	int fd, rc = 0;

	va_start(args, path);
	vsnprintf(name, sizeof(name), path, args);
	va_end(args);

	fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

void file_mount(const char *type, const char *where)
{
	mkdir(where, 0755);
	VFIO_ASSERT_TRUE(!mount(type, where, type, 0, NULL) || errno == EBUSY,
			 "cannot mount %s at %s", type, where);
}
