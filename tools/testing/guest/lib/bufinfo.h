/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BUFINFO_H
#define GUEST_BUFINFO_H

#include <stddef.h>

/* What debugfs tells of one dma-buf: its lines of dma_buf/bufinfo. */
void bufinfo_read(int dmabuf, char *text, size_t size);

/* How many importers are attached to it. */
int bufinfo_attachments(int dmabuf);

/* What there is in the whole system. */
struct bufinfo {
	int buffers;
	int attachments;
	int untyped;		/* attachments whose type is not named */
	char first[64];		/* the first such line */
};

struct bufinfo bufinfo_all(void);
int bufinfo_buffers(void);

#endif
