// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS(DMA_BUF);
MODULE_IMPORT_NS(OTHER);
void f(struct dma_buf_attachment *a, struct sg_table *t)
{
	dma_buf_unmap_attachment(a, t, DMA_TO_DEVICE);
}
