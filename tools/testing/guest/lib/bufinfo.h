/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BUFINFO_H
#define GUEST_BUFINFO_H

#include <stddef.h>

/* The lines that debugfs has about one dma-buf in dma_buf/bufinfo. */
void bufinfo_read(int dmabuf, char *text, size_t size);

/* The number of attached importers. */
int bufinfo_attachments(int dmabuf);

/* The totals of the whole system. */
struct bufinfo {
	int buffers;
	int attachments;
	int untyped;		/* attachments without the name of their type */
	char first[64];		/* the first such line */
};

struct bufinfo bufinfo_all(void);
int bufinfo_buffers(void);

#endif
