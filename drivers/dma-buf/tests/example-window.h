/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst: the header of a private
 * type of two drivers.
 */
#ifndef _DMA_BUF_EXAMPLE_WINDOW_H
#define _DMA_BUF_EXAMPLE_WINDOW_H

/* [type] */
#include <linux/dma-buf.h>

/* The operations of an exporter that offers the type */
struct window_exp_ops {
	struct dma_buf_mapping_exp_ops ops;
	/* Both are called with the reservation lock held; -ENODEV after a revoke */
	int (*map_window)(struct dma_buf_attachment *attach,
			  unsigned long *offset);
	void (*unmap_window)(struct dma_buf_attachment *attach);
};

extern const struct dma_buf_mapping_type window_type;

/* Importer: the device that it belongs to, and how far it can reach */
static inline struct dma_buf_mapping_match WINDOW_IMAPPING(const char *card,
							   unsigned long reach)
{
	return (struct dma_buf_mapping_match){
		.type = &window_type,
		.private_data = { .ptr = card, .val = { reach } },
	};
}

/* Exporter: the device that has the memory, and the offset there */
static inline struct dma_buf_mapping_match
WINDOW_EMAPPING(const struct window_exp_ops *ops, const char *card,
		unsigned long offset)
{
	return (struct dma_buf_mapping_match){
		.type = &window_type,
		.exp_ops = &ops->ops,
		.private_data = { .ptr = card, .val = { offset } },
	};
}

int window_map(struct dma_buf_attachment *attach, unsigned long *offset);
void window_unmap(struct dma_buf_attachment *attach);

/* [end] */
#endif /* _DMA_BUF_EXAMPLE_WINDOW_H */
