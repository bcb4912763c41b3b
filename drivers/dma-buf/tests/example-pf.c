// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: the driver of a PF, which uses the memory that it has given to its
 * VFs. pf_has() checks whether the driver has given this range to the VF; pf_use() is
 * the driver's own code. A test includes it.
 */
/* [headers] */
#include <linux/dma-buf-iov.h>

/* An imported buffer */
struct pf_buffer {
	struct dma_buf_attachment *attach;
	/* NULL if the buffer is mapped as memory of a VF */
	struct sg_table *sgt;
};

static const char *pf_refuse(struct dma_buf_attachment *attach,
			     const struct dma_buf_iov *iov)
{
	struct dma_buf_iov_range range;
	unsigned int i;

	for (i = 0; i < iov->nr_ranges; i++) {
		dma_buf_iov_range(attach, i, &range);
		if (!pf_has(iov->vf, &range))
			return "not all of it was given to the VF";
	}
	return NULL;
}

static const struct dma_buf_iov_importer pf_importer = {
	.bars = BIT(2),
	.refuse = pf_refuse,
};

/* For .supported_mapping_types in struct dma_buf_attach_ops */
static const struct dma_buf_mapping_match pf_types[] = {
	DMA_BUF_IMAPPING_IOV(&pf_importer),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

/* [map] */
static int pf_map_vf(struct pf_buffer *buf)
{
	struct dma_buf_iov_range range;
	struct dma_buf_iov iov;
	unsigned int i;
	int ret;

	ret = dma_buf_iov_map_attachment(buf->attach, DMA_BIDIRECTIONAL, &iov);
	if (ret)
		return ret;
	for (i = 0; i < iov.nr_ranges; i++) {
		dma_buf_iov_range(buf->attach, i, &range);
		pf_use(buf, iov.vf, &range);
	}
	buf->sgt = NULL;
	return 0;
}

static int pf_map_sgt(struct pf_buffer *buf)
{
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment(buf->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	buf->sgt = sgt;
	return 0;
}

/* The caller holds the reservation lock */
static int pf_map(struct pf_buffer *buf)
{
	int ret = dma_buf_mapping_select(buf->attach);

	if (ret)
		return ret;
	if (dma_buf_is_iov(buf->attach))
		ret = pf_map_vf(buf);
	else
		ret = pf_map_sgt(buf);
	/* The mapping keeps the choice from here on */
	dma_buf_mapping_unselect(buf->attach);
	if (ret)
		dma_buf_mapping_renew(buf->attach);
	return ret;
}

static void pf_unmap(struct pf_buffer *buf)
{
	if (buf->sgt)
		dma_buf_sgt_unmap_attachment(buf->attach, buf->sgt,
					     DMA_BIDIRECTIONAL);
	else
		dma_buf_iov_unmap_attachment(buf->attach);
}

/* [end] */
