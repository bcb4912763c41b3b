// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libvfio.h>

#include "bufinfo.h"
#include "file.h"

#define DEBUGFS		"/sys/kernel/debug"
#define BUFINFO_MAX	0x100000

static char *read_all(void)
{
	char *all = malloc(BUFINFO_MAX);

	VFIO_ASSERT_NOT_NULL(all);
	file_mount("debugfs", DEBUGFS);
	VFIO_ASSERT_GT(file_read(all, BUFINFO_MAX, DEBUGFS "/dma_buf/bufinfo"), 0);
	return all;
}

void bufinfo_read(int dmabuf, char *text, size_t size)
{
	char *all = read_all(), *start, *end;
	char inode[32];
	struct stat st;

	VFIO_ASSERT_EQ(fstat(dmabuf, &st), 0);

	snprintf(inode, sizeof(inode), "\t%08llu\t", (unsigned long long)st.st_ino);
	start = strstr(all, inode);
	VFIO_ASSERT_NOT_NULL(start, "bufinfo does not list inode %s", inode);
	while (start > all && start[-1] != '\n')
		start--;
	end = strstr(start, "\n\n");
	VFIO_ASSERT_NOT_NULL(end);
	*end = 0;
	snprintf(text, size, "%s", start);
	free(all);
}

int bufinfo_attachments(int dmabuf)
{
	char text[4096], *total;
	int found, n;

	bufinfo_read(dmabuf, text, sizeof(text));
	total = strstr(text, "Total ");
	VFIO_ASSERT_NOT_NULL(total, "bufinfo: %s", text);
	found = sscanf(total, "Total %d devices attached", &n);
	VFIO_ASSERT_EQ(found, 1);
	return n;
}

int bufinfo_buffers(void)
{
	char *all = read_all(), *at = all, *total = NULL;
	int found, n;

	while ((at = strstr(at, "\nTotal ")))
		total = at++;
	VFIO_ASSERT_NOT_NULL(total);
	found = sscanf(total, "\nTotal %d objects", &n);
	VFIO_ASSERT_EQ(found, 1);
	free(all);
	return n;
}
