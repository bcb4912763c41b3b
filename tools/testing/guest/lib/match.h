/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_MATCH_H
#define GUEST_MATCH_H

#include "trace.h"

/* What one importer and one exporter had to say to each other. */
struct match {
	int pairs;		/* of entries that were looked at */
	char offered[128];	/* by the exporter, best first */
	char asked[128];	/* by the importer */
	char chosen[64];	/* the type, or nothing */
	char reason[128];	/* of the last pair */
};

/* Start watching; false if this kernel does not negotiate. */
bool match_watch(struct trace *t);

/* What was negotiated over this buffer since the last time. */
struct match match_seen(struct trace *t, int dmabuf);

#endif
