// SPDX-License-Identifier: GPL-2.0
/*
 * The negotiation, as the kernel's tracepoint shows it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <libvfio.h>

#include "match.h"

bool match_watch(struct trace *t)
{
	return trace_enable(t, "dma_buf/dma_buf_mapping_match");
}

/* The value of key="value" or key=value in a line. */
static void field(const char *line, const char *key, char *value, size_t size)
{
	const char *at = strstr(line, key);
	char end = ' ';

	VFIO_ASSERT_NOT_NULL(at, "no %s in: %s", key, line);
	at += strlen(key);
	if (*at == '"')
		end = *at++;
	while (*at && *at != end && --size)
		*value++ = *at++;
	*value = 0;
}

static void add(char *list, size_t size, const char *entry)
{
	size_t len = strlen(list);

	if (!strstr(list, entry))
		snprintf(list + len, size - len, "%s%s", len ? ", " : "", entry);
}

struct match match_seen(struct trace *t, int dmabuf)
{
	char line[512], exporter[64], importer[64], text[32];
	struct match match = {};
	struct stat st;
	int rc;

	rc = fstat(dmabuf, &st);
	VFIO_ASSERT_EQ(rc, 0);
	while (trace_next(t, line, sizeof(line))) {
		if (!strstr(line, "dma_buf_mapping_match:"))
			continue;
		field(line, " ino=", text, sizeof(text));
		if (strtoul(text, NULL, 10) != st.st_ino)
			continue;

		match.pairs++;
		field(line, " exporter=", exporter, sizeof(exporter));
		field(line, " importer=", importer, sizeof(importer));
		field(line, " reason=", match.reason, sizeof(match.reason));
		field(line, " result=", text, sizeof(text));
		add(match.offered, sizeof(match.offered), exporter);
		add(match.asked, sizeof(match.asked), importer);
		/* The first one is the default */
		if (!strcmp(text, "0") && !*match.chosen)
			snprintf(match.chosen, sizeof(match.chosen), "%.*s",
				 (int)strcspn(importer, " ("), importer);
	}
	return match;
}
