// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
struct sg_table *m(struct dma_buf_attachment *a, enum dma_data_direction d);
void u(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d);
const struct dma_buf_ops o = {
	map_dma_buf: m,
	unmap_dma_buf: u,
};
int f(int x) { return x ? m != 0 : u != 0; }
