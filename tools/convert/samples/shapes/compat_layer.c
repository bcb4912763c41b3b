// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
#ifndef DMA_BUF_SIMPLE_SGT_EXP_MATCH
#define dma_buf_sgt_map_attachment(a, d) dma_buf_map_attachment(a, d)
static inline struct device *dma_buf_sgt_dma_device(struct dma_buf_attachment *attach)
{
	return attach->dev;
}
#endif
struct sg_table *m(struct dma_buf_attachment *a, enum dma_data_direction d);
void u(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d);
const struct dma_buf_ops o = {
#ifdef DMA_BUF_SIMPLE_SGT_EXP_MATCH
	DMA_BUF_SIMPLE_SGT_EXP_MATCH(m, u),
#else
	.map_dma_buf = m,
	.unmap_dma_buf = u,
#endif
};
struct sg_table *f(struct dma_buf_attachment *a)
{
	return dma_buf_map_attachment(a, DMA_TO_DEVICE);
}
