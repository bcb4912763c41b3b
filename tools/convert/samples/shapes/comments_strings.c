// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
/* dma_buf_map_attachment() set attach->peer2peer; no pci_p2pdma_distance() */
struct sg_table *m(struct dma_buf_attachment *a, enum dma_data_direction d);
void u(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d);
static const struct dma_buf_ops o = {
	.map_dma_buf = m,	// for dma_buf_map_attachment()
	.unmap_dma_buf = u,
};
const void *f(void)
{
	pr_info("dma_buf_unmap_attachment, attach->peer2peer\n");
	return &o;
}
