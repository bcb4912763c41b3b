// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
struct buf { struct dma_buf_attachment *attach; };
void f(struct buf *buf, struct dma_buf_attachment *attach, struct device *d)
{
	struct kobject *k = &attach->dev->kobj;

	if ((attach)->dev == d || d != buf->attach->dev)
		d = attach->dev, k = &buf->attach->dev->kobj;
	attach->dev = NULL;
	dma_sync_single_for_cpu(buf->attach->dev, 0,
				PAGE_SIZE, DMA_TO_DEVICE);
	kobject_put(k);
}
