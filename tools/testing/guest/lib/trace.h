/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_TRACE_H
#define GUEST_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A trace of the kernel's events, in a tracing instance of its own. An event
 * has the name of its path below events/: "iommu/map".
 */
struct trace {
	char *instance;
	int pipe;
	char pending[8192];
	size_t len;
};

void trace_open(struct trace *t);
void trace_close(struct trace *t);

/* Define a dynamic event, such as "p:guest/map iommu_map prot=$arg5". */
void trace_define(const char *definition);

/* False if this kernel has no such event. */
bool trace_enable(struct trace *t, const char *event);

/* The next event's line, if there is one. */
bool trace_next(struct trace *t, char *line, size_t size);

/* Discard the events so far. */
void trace_drain(struct trace *t);

#endif
