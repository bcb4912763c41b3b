/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Unmaps imported buffers whose exporter has invalidated them.
 */
#ifndef _XE_DMA_BUF_UNMAP_H_
#define _XE_DMA_BUF_UNMAP_H_

struct xe_bo;

void xe_dma_buf_unmap_idle(struct xe_bo *bo);

#endif
