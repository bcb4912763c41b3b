// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvfio.h>

#include "file.h"
#include "trace.h"

#define TRACEFS "/sys/kernel/tracing"

void trace_open(struct trace *t)
{
	static unsigned int nr;
	char path[PATH_MAX];
	int len;

	file_mount("tracefs", TRACEFS);
	len = asprintf(&t->instance, TRACEFS "/instances/guest.%d.%u", getpid(), nr++);
	VFIO_ASSERT_GT(len, 0);
	VFIO_ASSERT_EQ(mkdir(t->instance, 0755), 0, "%s", t->instance);
	file_write("4096", "%s/buffer_size_kb", t->instance);

	snprintf(path, sizeof(path), "%s/trace_pipe", t->instance);
	t->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	VFIO_ASSERT_GE(t->pipe, 0, "%s", path);
	t->len = 0;
}

void trace_close(struct trace *t)
{
	close(t->pipe);
	file_write("0", "%s/events/enable", t->instance);
	VFIO_ASSERT_EQ(rmdir(t->instance), 0);
	free(t->instance);
}

void trace_define(const char *definition)
{
	int rc;

	file_mount("tracefs", TRACEFS);
	rc = file_write(definition, TRACEFS "/dynamic_events");
	VFIO_ASSERT_TRUE(!rc || rc == -EEXIST, "\"%s\": %s", definition, strerror(-rc));
}

bool trace_enable(struct trace *t, const char *event)
{
	return !file_write("1", "%s/events/%s/enable", t->instance, event);
}

bool trace_next(struct trace *t, char *line, size_t size)
{
	char *end = memchr(t->pending, '\n', t->len);
	ssize_t n;

	while (!end) {
		VFIO_ASSERT_LT(t->len, sizeof(t->pending), "trace line too long");
		n = read(t->pipe, t->pending + t->len, sizeof(t->pending) - t->len);
		if (n <= 0)
			return false;
		t->len += n;
		end = memchr(t->pending, '\n', t->len);
	}

	*end++ = 0;
	snprintf(line, size, "%s", t->pending);
	t->len -= end - t->pending;
	memmove(t->pending, end, t->len);
	return true;
}

void trace_drain(struct trace *t)
{
	char line[sizeof(t->pending)];

	while (trace_next(t, line, sizeof(line)))
		;
}
