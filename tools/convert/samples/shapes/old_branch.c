// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
#include <linux/version.h>
MODULE_IMPORT_NS("DMA_BUF");
struct sg_table *f(struct dma_buf_attachment *a)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return dma_buf_map_attachment(a, DMA_TO_DEVICE);
#else
	return dma_buf_map_attachment_unlocked(a, DMA_TO_DEVICE);
#endif
}
struct sg_table *m(struct dma_buf_attachment *a, enum dma_data_direction d);
void u(struct dma_buf_attachment *a, struct sg_table *t, enum dma_data_direction d);
void *k(struct dma_buf *b, unsigned long n);
const struct dma_buf_ops o = {
	.map_dma_buf = m,
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 6, 0)
	.map = k,
#endif
	.unmap_dma_buf = u,
};
