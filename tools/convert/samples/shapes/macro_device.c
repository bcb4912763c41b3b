// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
#define ATTACH_DEV(attach) ((attach)->dev)
struct device *f(struct dma_buf_attachment *attach)
{
	return ATTACH_DEV(attach);
}
