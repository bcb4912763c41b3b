/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lets a driver that uses dma-buf mapping types be built for older kernels as well. The
 * macro for exporters of plain SGT is the test: a kernel has either all of it or nothing.
 */
#ifndef DMA_BUF_COMPAT_H
#define DMA_BUF_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/version.h>

#ifndef DMA_BUF_SIMPLE_SGT_EXP_MATCH
#define DMA_BUF_SIMPLE_SGT_EXP_MATCH(map, unmap) \
	.map_dma_buf = (map), .unmap_dma_buf = (unmap)
#define dma_buf_sgt_dma_device(attach) ((attach)->dev)
#define dma_buf_sgt_map_attachment dma_buf_map_attachment
#define dma_buf_sgt_unmap_attachment dma_buf_unmap_attachment
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define dma_buf_sgt_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_sgt_unmap_attachment_unlocked dma_buf_unmap_attachment
#else
#define dma_buf_sgt_map_attachment_unlocked dma_buf_map_attachment_unlocked
#define dma_buf_sgt_unmap_attachment_unlocked dma_buf_unmap_attachment_unlocked
#endif
#endif

#endif
