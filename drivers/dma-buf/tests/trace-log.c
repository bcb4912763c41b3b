// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trace instance of the tests, and the text of its trace file.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/trace.h>
#include <linux/trace_events.h>
#include <linux/uio.h>

#include "trace-log.h"

#define INSTANCE	"dma_buf_kunit"
#define LOG_SIZE	(4 * PAGE_SIZE)

struct trace_log {
	struct kunit *test;
	struct trace_array *tr;
	const char *event;
};

static void destroy(void *data)
{
	struct trace_log *log = data;

	trace_array_set_clr_event(log->tr, "dma_buf", log->event, false);
	trace_array_put(log->tr);
	KUNIT_EXPECT_EQ(log->test, trace_array_destroy(log->tr), 0);
}

/**
 * trace_log_begin - log an event, until the end of the test
 * @test: the test
 * @event: an event of the system dma_buf
 *
 * Skips the test if the event cannot be traced.
 */
void trace_log_begin(struct kunit *test, const char *event)
{
	struct trace_log *log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, log);
	log->test = test;
	log->event = event;
	log->tr = trace_array_get_by_name(INSTANCE, NULL);
	if (!log->tr)
		kunit_skip(test, "there can be no trace instance");
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy, log), 0);
	KUNIT_ASSERT_EQ(test,
			trace_array_set_clr_event(log->tr, "dma_buf", event,
						  true), 0);
}

/* tracefs need not be mounted anywhere to be read */
static struct file *open_trace(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("tracefs");
	struct vfsmount *mnt;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	module_put(type->owner);
	KUNIT_ASSERT_FALSE(test, IS_ERR(mnt));
	file = file_open_root_mnt(mnt, "instances/" INSTANCE "/trace", O_RDONLY,
				  0);
	/* The file has a reference of its own */
	kern_unmount(mnt);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	return file;
}

static void read_trace(struct kunit *test, char *buf, size_t len)
{
	struct file *file = open_trace(test);
	loff_t pos = 0;
	ssize_t n;

	do {
		struct kvec vec = { .iov_base = buf + pos,
				    .iov_len = len - 1 - pos };
		struct iov_iter iter;

		iov_iter_kvec(&iter, ITER_DEST, &vec, 1, vec.iov_len);
		n = vfs_iter_read(file, &iter, &pos, 0);
	} while (n > 0 && pos < len - 1);
	/* Now and not later: an open file keeps the instance from being destroyed */
	__fput_sync(file);
	KUNIT_ASSERT_EQ(test, n, 0);
}

/**
 * trace_log_end - get the log
 * @test: the test
 * @event: the event, as it was passed to trace_log_begin()
 *
 * Return: What the event printed, one line each, without task and time.
 */
char *trace_log_end(struct kunit *test, const char *event)
{
	char *buf = kunit_kzalloc(test, LOG_SIZE, GFP_KERNEL);
	char *out = kunit_kzalloc(test, LOG_SIZE, GFP_KERNEL);
	char mark[64];
	char *rest, *line, *text;
	size_t n = 0;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, out);
	snprintf(mark, sizeof(mark), " %s: ", event);
	read_trace(test, buf, LOG_SIZE);

	rest = buf;
	while ((line = strsep(&rest, "\n"))) {
		text = strstr(line, mark);
		if (text)
			n += scnprintf(out + n, LOG_SIZE - n, "%s\n",
				       text + strlen(mark));
	}
	return out;
}
