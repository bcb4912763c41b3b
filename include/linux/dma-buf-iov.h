/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-buf mapping type IOV: a piece of a BAR of a virtual function, for the
 * driver of its physical function. See drivers/dma-buf/dma-buf-iov.c.
 */
#ifndef _LINUX_DMA_BUF_IOV_H
#define _LINUX_DMA_BUF_IOV_H

#include <linux/dma-buf.h>
#include <linux/dma-direction.h>

struct pci_dev;

/**
 * struct dma_buf_iov - a buffer that lies in a BAR of a virtual function
 * @vf: the function, valid while the buffer is mapped
 * @bar: index of the BAR among those of the VF
 * @nr_ranges: number of pieces of the buffer, see dma_buf_iov_range()
 */
struct dma_buf_iov {
	struct pci_dev *vf;
	unsigned int bar;
	unsigned int nr_ranges;
};

/**
 * struct dma_buf_iov_range - one piece of such a buffer
 * @offset: offset in the BAR, page-aligned
 * @length: not 0, page-aligned
 */
struct dma_buf_iov_range {
	u64 offset;
	u64 length;
};

/**
 * struct dma_buf_iov_importer - what the driver of a PF declares about itself
 * @bars: bit mask of the BARs of its VFs of which it knows the memory behind
 * @refuse: returns why the driver cannot use the buffer, in a few constant words,
 *	or NULL if it can. The core calls it each time that the exporter chooses;
 *	the answer may differ after the driver has called dma_buf_mapping_renew().
 *	Called with the reservation lock held, with a buffer that is valid; must
 *	not map anything.
 *
 * Constant.
 */
struct dma_buf_iov_importer {
	u8 bars;
	const char *(*refuse)(struct dma_buf_attachment *attach,
			      const struct dma_buf_iov *iov);
};

/**
 * struct dma_buf_mapping_iov_exp_ops - exporter operations of the IOV type
 */
struct dma_buf_mapping_iov_exp_ops {
	/** @ops: tag, see &struct dma_buf_mapping_exp_ops. */
	struct dma_buf_mapping_exp_ops ops;

	/**
	 * @look:
	 *
	 * Fills in @iov. Called with the reservation lock held, as all of
	 * these. Maps nothing, and can be called at any time.
	 *
	 * Returns:
	 *
	 * 0, or -ENODEV if the buffer is revoked.
	 */
	int (*look)(struct dma_buf_attachment *attach, struct dma_buf_iov *iov);

	/** @range: returns piece @i, less than the number that @look returned. */
	void (*range)(struct dma_buf_attachment *attach, unsigned int i,
		      struct dma_buf_iov_range *range);

	/**
	 * @map_iov:
	 *
	 * The BAR and the VF do not change until @unmap_iov; if they have to, the
	 * exporter invalidates the importer first.
	 *
	 * Returns:
	 *
	 * 0, or -ENODEV if the buffer is revoked.
	 */
	int (*map_iov)(struct dma_buf_attachment *attach);

	/** @unmap_iov: undoes @map_iov. Cannot fail. */
	void (*unmap_iov)(struct dma_buf_attachment *attach);
};

extern const struct dma_buf_mapping_type dma_buf_mapping_iov_type;

/**
 * DMA_BUF_IMAPPING_IOV - importer entry for the IOV type
 * @importer: pointer to the &struct dma_buf_iov_importer
 *
 * The PF is the device of the attach call: only dma_buf_dynamic_attach() has one.
 * A macro, so that it can initialise a static object.
 */
#define DMA_BUF_IMAPPING_IOV(importer)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_iov_type,			\
		.private_data = { .ptr = (importer) },			\
	})

/**
 * DMA_BUF_EMAPPING_IOV - exporter entry for the IOV type
 * @iov_exp_ops: pointer to the &struct dma_buf_mapping_iov_exp_ops
 * @vf: the VF; the exporter keeps it alive until the match is over
 * @bar: index of its BAR
 */
#define DMA_BUF_EMAPPING_IOV(iov_exp_ops, vf, bar)			\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_iov_type,			\
		.exp_ops = &(iov_exp_ops)->ops,				\
		.private_data = { .ptr = (vf), .val = { (bar) } },	\
	})

/**
 * dma_buf_is_iov - is the attachment served as a piece of a VF's BAR?
 * @attach: the attachment
 *
 * Return: True if it is.
 */
static inline bool dma_buf_is_iov(const struct dma_buf_attachment *attach)
{
	return dma_buf_attach_map_type(attach)->type ==
	       &dma_buf_mapping_iov_type;
}

int dma_buf_iov_map_attachment(struct dma_buf_attachment *attach,
			       enum dma_data_direction dir,
			       struct dma_buf_iov *iov);
void dma_buf_iov_unmap_attachment(struct dma_buf_attachment *attach);
void dma_buf_iov_range(struct dma_buf_attachment *attach, unsigned int i,
		       struct dma_buf_iov_range *range);
int dma_buf_iov_select(struct dma_buf_attachment *attach,
		       const struct dma_buf_match *matches,
		       unsigned int nr_matches);

#endif /* _LINUX_DMA_BUF_IOV_H */
