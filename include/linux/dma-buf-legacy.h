/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names that importers used while a scatterlist was all there was. Each is
 * the SGT function of the same purpose. Included by <linux/dma-buf.h>.
 */
#ifndef _LINUX_DMA_BUF_LEGACY_H
#define _LINUX_DMA_BUF_LEGACY_H

#ifndef __DMA_BUF_H__
#error "include <linux/dma-buf.h>"
#endif

#include <linux/dma-buf-sgt.h>

static inline struct dma_buf_attachment *
dma_buf_attach(struct dma_buf *dmabuf, struct device *dev)
{
	return dma_buf_sgt_attach(dmabuf, dev);
}

static inline struct dma_buf_attachment *
dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv)
{
	return dma_buf_sgt_dynamic_attach(dmabuf, dev, importer_ops,
					  importer_priv);
}

static inline struct sg_table *
dma_buf_map_attachment(struct dma_buf_attachment *attach,
		       enum dma_data_direction dir)
{
	return dma_buf_sgt_map_attachment(attach, dir);
}

static inline void dma_buf_unmap_attachment(struct dma_buf_attachment *attach,
					    struct sg_table *sgt,
					    enum dma_data_direction dir)
{
	dma_buf_sgt_unmap_attachment(attach, sgt, dir);
}

static inline struct sg_table *
dma_buf_map_attachment_unlocked(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	return dma_buf_sgt_map_attachment_unlocked(attach, dir);
}

static inline void
dma_buf_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
				  struct sg_table *sgt,
				  enum dma_data_direction dir)
{
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, dir);
}

#endif /* _LINUX_DMA_BUF_LEGACY_H */
