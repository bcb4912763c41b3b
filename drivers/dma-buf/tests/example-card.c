// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an importer of two types. A test includes it.
 */
#include "example-window.h"

/**
 * struct card - a device with memory of its own, and the buffer that it has mapped
 * @name: the device into whose memory the card has windows
 * @reach: size of the memory that the windows reach
 * @dev: the device
 * @attach: the attachment
 * @sgt: the mapping, if it is a scatterlist
 * @offset: the mapping, if it is a window
 */
struct card {
	const char *name;
	unsigned long reach;
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	unsigned long offset;
};

static const struct dma_buf_attach_ops card_attach_ops;

/* [attach] */
static int card_attach(struct card *card, struct dma_buf *dmabuf)
{
	const struct dma_buf_mapping_match types[] = {
		WINDOW_IMAPPING(card->name, card->reach),
		DMA_BUF_IMAPPING_SGT(card->dev, DMA_SGT_IMPORTER_ACCEPTS_P2P),
	};

	card->attach = dma_buf_mapping_attach(dmabuf, types, ARRAY_SIZE(types),
					      &card_attach_ops, card);
	return PTR_ERR_OR_ZERO(card->attach);
}

/* [map] */
/* The caller holds the reservation lock */
static int card_map(struct card *card)
{
	struct dma_buf_attachment *attach = card->attach;
	int ret;

	ret = dma_buf_mapping_select(attach);
	if (ret)
		return ret;
	if (dma_buf_is_sgt(attach)) {
		card->sgt = dma_buf_sgt_map_attachment(attach,
						       DMA_BIDIRECTIONAL);
		ret = PTR_ERR_OR_ZERO(card->sgt);
	} else {
		ret = window_map(attach, &card->offset);
	}
	dma_buf_mapping_unselect(attach);
	return ret;
}

static void card_unmap(struct card *card)
{
	if (dma_buf_is_sgt(card->attach))
		dma_buf_sgt_unmap_attachment(card->attach, card->sgt,
					     DMA_BIDIRECTIONAL);
	else
		window_unmap(card->attach);
}

/* [end] */
