/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers of a VF that its PF imports.
 */
#ifndef _XE_DMA_BUF_IOV_H_
#define _XE_DMA_BUF_IOV_H_

#include <linux/dma-buf.h>
#include <linux/types.h>

#include <drm/ttm/ttm_bo.h>

struct drm_pagemap_addr;
struct sg_table;
struct xe_bo;
struct xe_gt;

#ifdef CONFIG_PCI_IOV

/* As an importer, most wanted first */
#define XE_NR_IMPORT_TYPES 2
extern const struct dma_buf_mapping_match xe_import_types[XE_NR_IMPORT_TYPES];

struct sg_table *xe_dma_buf_map_import(struct ttm_buffer_object *ttm_bo);
void xe_dma_buf_unmap_import(struct ttm_buffer_object *ttm_bo);
const struct drm_pagemap_addr *xe_dma_buf_iov_addr(const struct xe_bo *bo);

/* The PF's provisioning */
void xe_dma_buf_iov_provide(struct xe_gt *gt, unsigned int vfid,
			    struct xe_bo *lmem);
void xe_dma_buf_iov_withdraw(struct xe_gt *gt, struct xe_bo *lmem);

#else /* !CONFIG_PCI_IOV */

#define XE_NR_IMPORT_TYPES 1
static const struct dma_buf_mapping_match xe_import_types[] __maybe_unused = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

static inline struct sg_table *
xe_dma_buf_map_import(struct ttm_buffer_object *ttm_bo)
{
	return dma_buf_sgt_map_attachment(ttm_bo->base.import_attach,
					  DMA_BIDIRECTIONAL);
}

static inline void xe_dma_buf_unmap_import(struct ttm_buffer_object *ttm_bo)
{
	dma_buf_sgt_unmap_attachment(ttm_bo->base.import_attach, ttm_bo->sg,
				     DMA_BIDIRECTIONAL);
}

static inline const struct drm_pagemap_addr *
xe_dma_buf_iov_addr(const struct xe_bo *bo)
{
	return NULL;
}

#endif
#endif
