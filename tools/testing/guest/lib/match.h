/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MATCH_H
#define GUEST_MATCH_H

#include "trace.h"

/* The negotiation of one importer with one exporter. */
struct match {
	int pairs;		/* number of pairs of entries that the core tried */
	char offered[128];	/* by the exporter, best first */
	char asked[128];	/* by the importer */
	char chosen[64];	/* the selected type, or nothing */
	char reason[128];	/* of the last pair */
};

/* Start watching; false if this kernel does not negotiate. */
bool match_watch(struct trace *t);

/* The negotiations over this buffer since the last call. */
struct match match_seen(struct trace *t, int dmabuf);

#endif
