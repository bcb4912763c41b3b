// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
struct sg_table *m(struct dma_buf_attachment *a, enum dma_data_direction d);
struct sg_table *m2(struct dma_buf_attachment *a, enum dma_data_direction d);
void u(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d);
bool fast(void);
const struct dma_buf_ops o = {
	.map_dma_buf =
#ifdef CONFIG_NET
		m,
#else
		m2,
#endif
	.unmap_dma_buf = u,
};
