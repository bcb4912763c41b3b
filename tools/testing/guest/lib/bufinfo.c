// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
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

/* An attachment's line begins with its type, a colon and an optional space. */
static bool has_type(const char *line)
{
	size_t len = strcspn(line, ":\n");

	return isalpha(line[0]) && line[len] == ':' &&
	       (line[len + 1] == ' ' || line[len + 1] == '\n');
}

struct bufinfo bufinfo_all(void)
{
	static const char heading[] = "\tAttached Devices:\n";
	struct bufinfo all = {};
	char *text = read_all(), *at = text, *total = NULL;
	int found, n;

	while ((at = strstr(at, heading))) {
		at += strlen(heading);
		while (*at == '\t') {
			all.attachments++;
			if (!has_type(at + 1) && !all.untyped++)
				snprintf(all.first, sizeof(all.first), "%.*s",
					 (int)strcspn(at + 1, "\n"), at + 1);
			at += strcspn(at, "\n");
			at += *at == '\n';
		}
		found = sscanf(at, "Total %d devices attached", &n);
		VFIO_ASSERT_EQ(found, 1, "bufinfo: %s", at);
	}

	at = text;
	while ((at = strstr(at, "\nTotal ")))
		total = at++;
	VFIO_ASSERT_NOT_NULL(total);
	found = sscanf(total, "\nTotal %d objects", &all.buffers);
	VFIO_ASSERT_EQ(found, 1);
	free(text);
	return all;
}

int bufinfo_buffers(void)
{
	return bufinfo_all().buffers;
}
