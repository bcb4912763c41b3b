/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mapping types in which amdgpu exports and imports buffers, XGMI among them.
 */
#ifndef __AMDGPU_DMA_BUF_TYPES_H__
#define __AMDGPU_DMA_BUF_TYPES_H__

#include <linux/dma-buf.h>

struct amdgpu_bo;
struct ttm_tt;

/**
 * struct amdgpu_xgmi_exp_ops - exporter operations of the XGMI type
 * @ops: tag, see &struct dma_buf_mapping_exp_ops
 * @map_xgmi: returns the exporter's buffer object, which is in VRAM and stays
 *	there until the importer has been invalidated; or an ERR_PTR. Called with
 *	the reservation lock held.
 */
struct amdgpu_xgmi_exp_ops {
	struct dma_buf_mapping_exp_ops ops;
	struct amdgpu_bo *(*map_xgmi)(struct dma_buf_attachment *attach);
};

extern const struct dma_buf_mapping_type amdgpu_mapping_xgmi_type;

/* Importer: the GPU is that of its object, see amdgpu_dma_buf_attach_ops */
#define AMDGPU_IMAPPING_XGMI()						\
	((struct dma_buf_mapping_match){				\
		.type = &amdgpu_mapping_xgmi_type,			\
	})

/* Exporter: VRAM of @adev */
#define AMDGPU_EMAPPING_XGMI(xgmi_exp_ops, adev)			\
	((struct dma_buf_mapping_match){				\
		.type = &amdgpu_mapping_xgmi_type,			\
		.exp_ops = &(xgmi_exp_ops)->ops,			\
		.private_data = { .ptr = (adev) },			\
	})

/* As an importer, most wanted first */
#define AMDGPU_NR_IMPORT_TYPES 2
extern const struct dma_buf_mapping_match
amdgpu_import_types[AMDGPU_NR_IMPORT_TYPES];

struct sg_table *amdgpu_dma_buf_map_import(struct dma_buf_attachment *attach);
void amdgpu_dma_buf_unmap_import(struct dma_buf_attachment *attach,
				 struct sg_table *sgt);
bool amdgpu_ttm_tt_is_over_xgmi(const struct ttm_tt *ttm);

/* As an exporter. The operations are in amdgpu_dma_buf.c. */
extern const struct dma_buf_mapping_sgt_exp_ops amdgpu_dma_buf_sgt_ops;

int amdgpu_dma_buf_match_mapping(const struct dma_buf_match_args *args);
int amdgpu_dma_buf_select_mapping(struct dma_buf_attachment *attach,
				  const struct dma_buf_match *matches,
				  unsigned int nr_matches);
bool amdgpu_dma_buf_reaches_vram(const struct dma_buf_attachment *attach);
bool amdgpu_dma_buf_all_reach_vram(struct dma_buf *dmabuf);

#endif
