// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
struct sg_table *f(struct dma_buf_attachment *a)
{
	return dma_buf_map_attachment(a,
#ifdef CONFIG_NET
				      DMA_TO_DEVICE
#else
				      DMA_BIDIRECTIONAL
#endif
				     );
}
struct device *g(struct dma_buf_attachment *a)
{
	return a
#ifdef CONFIG_NET
		->dev;
#else
		->dev->parent;
#endif
}
