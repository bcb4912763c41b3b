/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DOMAIN, the address space mapping type: the core maps the buffer into IOMMU
 * domains of the importer.
 */
#ifndef _LINUX_DMA_BUF_DOMAIN_H
#define _LINUX_DMA_BUF_DOMAIN_H

#include <linux/dma-buf.h>
#include <linux/list.h>

struct iommu_domain;

extern const struct dma_buf_mapping_type dma_buf_mapping_domain_type;

/**
 * DMA_BUF_IMAPPING_DOMAIN - importer entry for the DOMAIN type
 * @is_coherent: all devices of all domains are coherent with the caches of the CPUs.
 *	Otherwise the core maps only device memory for them.
 *
 * A macro, so that it can initialise a static object. Any importer can have the
 * entry; the calls below are exported to the modules in
 * DMA_BUF_DOMAIN_IMPORTERS, see drivers/dma-buf/dma-buf-domain.c.
 */
#define DMA_BUF_IMAPPING_DOMAIN(is_coherent)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_domain_type,			\
		.domain_data = { .coherent = (is_coherent) },		\
	})

/**
 * struct dma_buf_domain_span - a part of a buffer at one place of a domain
 * @domain: the domain, which must exist until dma_buf_domain_clear()
 * @iova: start of the span in the domain
 * @offset: start of the span in the buffer, in bytes
 * @length: its length in bytes. @iova, @offset and @length are multiples of the
 *	smallest page of @domain.
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE and so on, for cacheable memory.
 *	For device memory the core replaces IOMMU_CACHE by IOMMU_MMIO.
 * @small_pages: use no page larger than PAGE_SIZE, because the importer will
 *	take parts of the span out of the domain
 * @not_restored: the exporter has taken the buffer away and given it back, and the
 *	core could not map it here again, most likely for want of memory. Nothing is
 *	mapped; the core tries again after the next outage. Called under a lock that
 *	dma_buf_domain_clear() takes, so that the span exists meanwhile, and must
 *	not call any function below. Optional.
 * @priv: private to the importer, for @not_restored
 *
 * The importer owns it and writes it before dma_buf_domain_fill(). From then to
 * dma_buf_domain_clear() it belongs to the core.
 */
struct dma_buf_domain_span {
	struct iommu_domain *domain;
	unsigned long iova;
	size_t offset;
	size_t length;
	int prot;
	bool small_pages;
	void (*not_restored)(struct dma_buf_domain_span *span);
	void *priv;
	/* private: number of bytes that are mapped, from @iova on */
	size_t mapped;
	/* private: in the list of all spans of the attachment */
	struct list_head elm;
};

int dma_buf_domain_map(struct dma_buf_attachment *attach, size_t offset,
		       size_t length);
void dma_buf_domain_unmap(struct dma_buf_attachment *attach);
int dma_buf_domain_fill(struct dma_buf_attachment *attach,
			struct dma_buf_domain_span *span);
void dma_buf_domain_clear(struct dma_buf_attachment *attach,
			  struct dma_buf_domain_span *span);
void dma_buf_domain_split(struct dma_buf_attachment *attach,
			  struct dma_buf_domain_span *span, size_t length,
			  struct dma_buf_domain_span *rest);
void dma_buf_domain_invalidate(struct dma_buf_attachment *attach);
void dma_buf_domain_restore(struct dma_buf_attachment *attach);
int dma_buf_domain_keep_revoked(struct dma_buf_attachment *attach);
bool dma_buf_domain_may_write(struct dma_buf *dmabuf);
bool dma_buf_domain_revoked(const struct dma_buf_attachment *attach);

#endif /* _LINUX_DMA_BUF_DOMAIN_H */
