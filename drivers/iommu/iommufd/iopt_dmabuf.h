/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-bufs as a source of iopt_pages, see iopt_dmabuf.c
 */
#ifndef __IOPT_DMABUF_H
#define __IOPT_DMABUF_H

#include <linux/dma-buf-domain.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/types.h>

struct dma_buf;
struct dma_buf_attachment;
struct io_pagetable;
struct iommu_option;
struct iopt_area;
struct iopt_pages;
struct iopt_share;

/**
 * struct iopt_pages_dmabuf - the dma-buf of an iopt_pages
 * @attach: the attachment, constant from the end of the import to the release
 * @start: byte offset of page 0 in the dma-buf, always PAGE_SIZE aligned
 * @stays_revoked: the core does not map it again after an outage, because user
 *	space has asked for that. Set before the first area is made.
 * @share: the entry by which other areas find the import, NULL if it was not made
 *	by address. Owned, constant from before the entry is in the tree.
 */
struct iopt_pages_dmabuf {
	struct dma_buf_attachment *attach;
	unsigned long start;
	bool stays_revoked;
	struct iopt_share *share;
};

/**
 * struct iopt_dmabuf_track - an area of a dma-buf in a domain
 * @span: the span that the core maps, or has emptied because of a revoke. Its domain
 *	stays in the IOAS for as long as the track exists.
 * @elm: in &iopt_area.dmabuf_tracks, under &iopt_pages.mutex
 */
struct iopt_dmabuf_track {
	struct dma_buf_domain_span span;
	struct hlist_node elm;
};

int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf);
struct iopt_pages *iopt_dmabuf_stay_revoked(struct iopt_pages *pages);
bool iopt_dmabuf_gone(struct iopt_pages *pages);
void iopt_dmabuf_release(struct iopt_pages *pages);

int iopt_dmabuf_fill_domain(struct iopt_area *area,
			    struct iommu_domain *domain);
int iopt_dmabuf_fill_domains(struct iopt_area *area, struct iopt_pages *pages);
void iopt_dmabuf_unfill_domain(struct iopt_area *area,
			       struct iommu_domain *domain);
void iopt_dmabuf_unfill_domains(struct iopt_area *area,
				struct iopt_pages *pages);

/* iopt_dmabuf_event.c */
#if IS_ENABLED(CONFIG_DMA_SHARED_BUFFER)
int iopt_dmabuf_option_event(struct iommu_option *cmd,
			     struct io_pagetable *iopt);
void iopt_dmabuf_event_signal(struct io_pagetable *iopt);
void iopt_dmabuf_event_fini(struct io_pagetable *iopt);
#else
static inline int iopt_dmabuf_option_event(struct iommu_option *cmd,
					   struct io_pagetable *iopt)
{
	return -EOPNOTSUPP;
}

static inline void iopt_dmabuf_event_fini(struct io_pagetable *iopt)
{
}
#endif

#ifdef CONFIG_IOMMUFD_NOIOMMU
extern const struct iommu_ops iommufd_noiommu_ops;

/*
 * Can the device still reach pages after they are taken out of @domain? Without an
 * IOMMU it can: user space asks for the physical addresses and keeps them.
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
