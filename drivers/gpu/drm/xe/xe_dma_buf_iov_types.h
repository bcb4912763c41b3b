/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a PF has given to a VF, for buffers of the VF that the PF imports.
 */
#ifndef _XE_DMA_BUF_IOV_TYPES_H_
#define _XE_DMA_BUF_IOV_TYPES_H_

#include <linux/list.h>

struct xe_bo;

/* As many as XE_MAX_TILES_PER_DEVICE, which is not known where this is needed */
#define XE_DMA_BUF_IOV_TILES 2

/**
 * struct xe_dma_buf_iov - VRAM of one VF, and who has mapped some of it
 *
 * All zero is a VF without VRAM. Under a lock of xe_dma_buf_iov.c.
 */
struct xe_dma_buf_iov {
	/**
	 * @lmem: per tile, what is behind the VF's LMEM BAR, one behind the
	 * other. No reference: xe_dma_buf_iov_provide() takes it away before it
	 * is unpinned.
	 */
	struct xe_bo *lmem[XE_DMA_BUF_IOV_TILES];
	/** @gen: counts how often @lmem has changed. */
	unsigned int gen;
	/** @imports: of struct xe_dma_buf_iov_map, imported objects. */
	struct hlist_head imports;
};

#endif
