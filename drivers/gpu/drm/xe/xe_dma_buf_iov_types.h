/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VRAM that a PF has given to a VF, for buffers of the VF that the PF imports.
 */
#ifndef _XE_DMA_BUF_IOV_TYPES_H_
#define _XE_DMA_BUF_IOV_TYPES_H_

#include <linux/list.h>

struct xe_bo;

/* Equals XE_MAX_TILES_PER_DEVICE, whose header cannot be included here */
#define XE_DMA_BUF_IOV_TILES 2

/**
 * struct xe_dma_buf_iov - VRAM of one VF, and the imports that map some of it
 *
 * All zero is a VF without VRAM. The iov_lock of xe_dma_buf_iov.c protects it.
 */
struct xe_dma_buf_iov {
	/**
	 * @lmem: per tile, the VRAM behind the VF's LMEM BAR, one after the
	 * other. Not referenced: xe_dma_buf_iov_withdraw() clears it before the
	 * VRAM is unpinned.
	 */
	struct xe_bo *lmem[XE_DMA_BUF_IOV_TILES];
	/** @gen: counts how often @lmem has changed. */
	unsigned int gen;
	/** @imports: list of struct xe_dma_buf_iov_map, for imported objects. */
	struct hlist_head imports;
};

#endif
