/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-bufs as a source of iopt_pages, see iopt_dmabuf.c
 */
#ifndef __IOPT_DMABUF_H
#define __IOPT_DMABUF_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/types.h>

struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_phys_list;
struct iopt_area;
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
 * @revoking: the exporter is about to take @exp_phys away. Written under the
 *	reservation lock; whoever fills a domain sees it between two batches.
 * @runs: index over the part of @exp_phys that was imported, in page order
 * @nr_runs: number of @runs
 * @max_runs: how many there is room for
 * @single: what @runs points to if there is room for just one
 * @start: byte offset of page 0 in the dma-buf, always PAGE_SIZE aligned
 * @tracker: of &iopt_pages_dmabuf_track.elm, all domains that may map the pages
 */
struct iopt_pages_dmabuf {
	struct dma_buf_attachment *attach;
	const struct dma_buf_phys_list *exp_phys;
	bool revoking;
	struct iopt_dmabuf_run *runs;
	size_t nr_runs;
	size_t max_runs;
	struct iopt_dmabuf_run single;
	unsigned long start;
	struct list_head tracker;
};

/**
 * struct iopt_pages_dmabuf_track - a domain that may map an area of a dma-buf
 * @domain: the domain, which stays in the IOAS for as long as it is tracked
 * @area: the area, likewise
 * @filled: how many bytes of the area @domain maps, from its beginning on
 * @elm: in &iopt_pages_dmabuf.tracker
 * @area_elm: in &iopt_area.dmabuf_tracks
 *
 * &iopt_pages.mutex protects the rest.
 */
struct iopt_pages_dmabuf_track {
	struct iommu_domain *domain;
	struct iopt_area *area;
	size_t filled;
	struct list_head elm;
	struct hlist_node area_elm;
};

/* Reads the pages of a dma-buf, most of the time one run after the other */
struct pfn_reader_dmabuf {
	const struct iopt_pages_dmabuf *dmabuf;
	size_t run;
};

int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf);
void iopt_dmabuf_release(struct iopt_pages *pages);

int iopt_dmabuf_fill_domain(struct iopt_area *area,
			    struct iommu_domain *domain);
int iopt_dmabuf_fill_domains(struct iopt_area *area, struct iopt_pages *pages);
void iopt_dmabuf_unfill_domain(struct iopt_area *area,
			       struct iommu_domain *domain);
void iopt_dmabuf_unfill_domains(struct iopt_area *area,
				struct iopt_pages *pages);

unsigned long iopt_dmabuf_read(struct pfn_reader_dmabuf *reader,
			       unsigned long start_index,
			       unsigned long last_index,
			       struct iopt_dmabuf_run *out);

#if IS_ENABLED(CONFIG_KUNIT)
int iopt_dmabuf_index_alloc(struct iopt_pages_dmabuf *dmabuf, size_t nr);
int iopt_dmabuf_index(struct iopt_pages_dmabuf *dmabuf, unsigned long npages,
		      const struct dma_buf_phys_list *list);
void iopt_dmabuf_index_free(struct iopt_pages_dmabuf *dmabuf);
#endif

#ifdef CONFIG_IOMMUFD_NOIOMMU
extern const struct iommu_ops iommufd_noiommu_ops;

/*
 * Does taking pages out of @domain keep the device from them? Without an IOMMU
 * user space asks for the physical addresses, and nothing takes them back.
 */
static inline bool iopt_dmabuf_revocable(const struct iommu_domain *domain)
{
	return domain->owner != &iommufd_noiommu_ops;
}
#else
static inline bool iopt_dmabuf_revocable(const struct iommu_domain *domain)
{
	return true;
}
#endif

#endif
