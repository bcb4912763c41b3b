// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an importer of domains. A test includes it.
 */
/* [headers] */
#include <linux/dma-buf-domain.h>
#include <linux/iommu.h>

static const struct dma_buf_mapping_match area_types[] = {
	DMA_BUF_IMAPPING_DOMAIN(true),
};

static const struct dma_buf_attach_ops area_attach_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
	.restore_mappings = dma_buf_domain_restore,
};

/* [begin] */
/* Map @length bytes of the buffer from @offset on, for any number of places */
static struct dma_buf_attachment *area_begin(struct dma_buf *dmabuf,
					     size_t offset, size_t length)
{
	struct dma_buf_attachment *attach;
	int ret;

	attach = dma_buf_mapping_attach(dmabuf, area_types,
					ARRAY_SIZE(area_types), &area_attach_ops,
					NULL);
	if (IS_ERR(attach))
		return attach;
	ret = dma_buf_domain_map(attach, offset, length);
	if (ret) {
		dma_buf_detach(dmabuf, attach);
		return ERR_PTR(ret);
	}
	return attach;
}

/* [fill] */
/* The caller has written @span, except the domain and the place in the domain */
static int area_fill(struct dma_buf_attachment *attach,
		     struct dma_buf_domain_span *span,
		     struct iommu_domain *domain, unsigned long iova)
{
	span->domain = domain;
	span->iova = iova;
	span->prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;
	return dma_buf_domain_fill(attach, span);
}

/* [finish] */
/* The caller has cleared all places with dma_buf_domain_clear() */
static void area_end(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	dma_buf_domain_unmap(attach);
	dma_buf_detach(dmabuf, attach);
}

/* [end] */
