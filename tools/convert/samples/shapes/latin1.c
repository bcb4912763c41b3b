// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
MODULE_IMPORT_NS("DMA_BUF");
/* Jürgen */ struct device *f(struct dma_buf_attachment *a) { /* ä */ return a->dev; }
