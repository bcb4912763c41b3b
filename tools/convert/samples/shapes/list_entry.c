// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
struct device *f(struct dma_buf *b)
{
	return list_first_entry(&b->attachments, struct dma_buf_attachment,
				node)->dev;
}
