/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For exporters that take a buffer away from importers: see dma-buf-importers.c.
 */
#ifndef _LINUX_DMA_BUF_IMPORTERS_H
#define _LINUX_DMA_BUF_IMPORTERS_H

#include <linux/dma-resv.h>
#include <linux/types.h>

struct dma_buf;
struct dma_fence;

int dma_buf_add_user_fences(struct dma_buf *dmabuf, struct dma_fence *fence,
			    enum dma_resv_usage usage);
int dma_buf_lock(struct dma_buf *dmabuf, bool killable);
int dma_buf_wait_importers(struct dma_buf *dmabuf, bool killable);

#endif /* _LINUX_DMA_BUF_IMPORTERS_H */
