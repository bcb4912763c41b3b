/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_EXPORTERS_H
#define GUEST_EXPORTERS_H

#include <stddef.h>

/* Exporters of memory that need no device: a dma-buf, or -errno. */
int export_udmabuf(size_t size);

/*
 * Huge pages in reverse order: no two of them make one entry of a scatterlist.
 */
int export_udmabuf_scattered(unsigned int pages);
int export_heap(const char *heap, size_t size);
int export_heap_as(const char *heap, size_t size, int mode);	/* O_RDONLY, O_RDWR */

#endif
