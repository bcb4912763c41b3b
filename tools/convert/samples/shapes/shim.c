// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
/* A layer of the driver's own, from when nobody else had these names. */
static inline struct device *dma_buf_sgt_dma_device(struct dma_buf_attachment *attach)
{
	return attach->dev;
}
#define dma_buf_sgt_map_attachment(a, d) \
	dma_buf_map_attachment(a, d)
struct sg_table *f(struct dma_buf_attachment *a)
{
	return dma_buf_sgt_map_attachment(a, DMA_TO_DEVICE);
}
