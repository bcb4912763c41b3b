/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_FILE_H
#define GUEST_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include <linux/compiler.h>

/* Read a whole small file as a string.  Returns its length or -errno. */
__printf(3, 4)
ssize_t file_read(char *buf, size_t size, const char *path, ...);

/* Write a string to a file that exists.  Returns 0 or -errno. */
__printf(2, 3)
int file_write(const char *text, const char *path, ...);

/* Mount a kernel file system, unless it is mounted already. */
void file_mount(const char *type, const char *where);

#endif
