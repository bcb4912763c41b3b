/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events as the text that user space reads.
 */
#ifndef _DMA_BUF_TRACE_LOG_H
#define _DMA_BUF_TRACE_LOG_H

#include <kunit/test.h>

#ifdef CONFIG_EVENT_TRACING

void trace_log_begin(struct kunit *test, const char *event);
char *trace_log_end(struct kunit *test, const char *event);

#else

static inline void trace_log_begin(struct kunit *test, const char *event)
{
	kunit_skip(test, "needs CONFIG_EVENT_TRACING");
}

static inline char *trace_log_end(struct kunit *test, const char *event)
{
	return "";
}

#endif
#endif /* _DMA_BUF_TRACE_LOG_H */
