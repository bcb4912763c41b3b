/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-bufs as a source of iopt_pages, see iopt_dmabuf.c
 */
#ifndef __IOPT_DMABUF_H
#define __IOPT_DMABUF_H

#include <linux/list.h>
#include <linux/types.h>

struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_phys_list;
struct iommufd_ctx;
struct iopt_pages;

/**
 * struct iopt_dmabuf_run - pages of one kind that are physically contiguous
 * @first_index: index of the first page, in the iopt_pages
 * @pfn: its PFN
 * @mmio: device memory rather than cacheable memory
 *
 * A run ends where the next one begins, or with the iopt_pages.
 */
struct iopt_dmabuf_run {
	unsigned long first_index;
	unsigned long pfn;
	bool mmio;
};

/**
 * struct iopt_pages_dmabuf - where the pages of a dma-buf are
 * @attach: the attachment, constant from the end of the import to the release
 * @exp_phys: the exporter's list, NULL if it was revoked. Written under the
 *	reservation lock of the dma-buf and &iopt_pages.mutex, so that either is
 *	good to read it. Nothing below is looked at while it is NULL.
 * @runs: index over the part of @exp_phys that was imported, in page order
 * @nr_runs: number of @runs
 * @single: what @runs points to if there is just one
 * @start: byte offset of page 0 in the dma-buf, always PAGE_SIZE aligned
 * @tracker: of &iopt_pages_dmabuf_track, all domains that may map the pages
 */
struct iopt_pages_dmabuf {
	struct dma_buf_attachment *attach;
	const struct dma_buf_phys_list *exp_phys;
	struct iopt_dmabuf_run *runs;
	size_t nr_runs;
	struct iopt_dmabuf_run single;
	unsigned long start;
	struct list_head tracker;
};

/* Reads the pages of a dma-buf, most of the time one run after the other */
struct pfn_reader_dmabuf {
	const struct iopt_pages_dmabuf *dmabuf;
	size_t run;
};

int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf);
void iopt_dmabuf_release(struct iopt_pages *pages);

unsigned long iopt_dmabuf_read(struct pfn_reader_dmabuf *reader,
			       unsigned long start_index,
			       unsigned long last_index,
			       struct iopt_dmabuf_run *out);

#if IS_ENABLED(CONFIG_KUNIT)
int iopt_dmabuf_index(struct iopt_pages_dmabuf *dmabuf, unsigned long npages,
		      const struct dma_buf_phys_list *list);
void iopt_dmabuf_index_free(struct iopt_pages_dmabuf *dmabuf);
#endif

#endif
