// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
MODULE_IMPORT_NS("DMA_BUF");
static struct sg_table *bar_map(struct dma_buf_attachment *a, enum dma_data_direction d)
{
	dma_map_resource(a->dev, 0, PAGE_SIZE, d, 0);
	return ERR_PTR(-EIO);
}
static void bar_unmap(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d)
{
}
const struct dma_buf_ops bar_ops = {
	.map_dma_buf = bar_map,
	.unmap_dma_buf = bar_unmap,
};
