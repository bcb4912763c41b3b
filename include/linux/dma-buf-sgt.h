/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SGT, the scatterlist mapping type: DMA addresses made for one device.
 *
 * Included by <linux/dma-buf.h>.
 */
#ifndef _LINUX_DMA_BUF_SGT_H
#define _LINUX_DMA_BUF_SGT_H

#ifndef __DMA_BUF_H__
#error "include <linux/dma-buf.h>"
#endif

#include <linux/dma-buf-match.h>
#include <linux/dma-direction.h>

struct sg_table;

/**
 * enum dma_sgt_importer_p2p - what an SGT importer can take
 * @DMA_SGT_NO_P2P: refuses peer-to-peer, only memory that has struct pages
 * @DMA_SGT_IMPORTER_ACCEPTS_P2P: peer-to-peer addresses without struct pages as
 *	well. For dynamic importers only.
 * @DMA_SGT_IMPORTER_REQUIRES_P2P: peer-to-peer or nothing: the attach fails
 *	where it would have fallen back to system memory
 */
enum dma_sgt_importer_p2p {
	DMA_SGT_NO_P2P = 0,
	DMA_SGT_IMPORTER_ACCEPTS_P2P = 2,
	DMA_SGT_IMPORTER_REQUIRES_P2P = 3,
};

/**
 * enum dma_sgt_exporter_p2p - what an SGT exporter's offer needs
 * @DMA_SGT_EXPORTER_NO_P2P: nothing, any importer can be served
 * @DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE: an importer that accepts
 *	peer-to-peer and whose device can reach the exporter's, according to
 *	pci_p2pdma_distance()
 */
enum dma_sgt_exporter_p2p {
	DMA_SGT_EXPORTER_NO_P2P = 0,
	DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE = 1,
};

extern const struct dma_buf_mapping_type dma_buf_mapping_sgt_type;

/**
 * struct dma_buf_mapping_sgt_exp_ops - exporter operations of the SGT type
 */
struct dma_buf_mapping_sgt_exp_ops {
	/** @ops: tag, see &struct dma_buf_mapping_exp_ops. */
	struct dma_buf_mapping_exp_ops ops;

	/**
	 * @map_dma_buf:
	 *
	 * Makes the buffer reachable for dma_buf_sgt_dma_device() of the
	 * attachment and returns a scatterlist of DMA addresses. Called with
	 * the reservation lock held, may sleep. The backing store must stay
	 * where it is until @unmap_dma_buf, unless the importer is dynamic and
	 * dma_buf_invalidate_mappings() is called first. Peer-to-peer addresses
	 * may be returned only if dma_buf_sgt_p2p_allowed().
	 *
	 * The importer must not change the list. The exporter owns it and may
	 * return the same one again only after @unmap_dma_buf.
	 *
	 * Returns:
	 *
	 * The table, or an ERR_PTR: -ENODEV after the buffer was revoked,
	 * -EINTR or -ERESTARTSYS when interrupted. NULL counts as -ENOMEM.
	 */
	struct sg_table *(*map_dma_buf)(struct dma_buf_attachment *attach,
					enum dma_data_direction dir);

	/**
	 * @unmap_dma_buf:
	 *
	 * Undoes @map_dma_buf with the same table and direction. Called with
	 * the reservation lock held, may sleep, cannot fail.
	 */
	void (*unmap_dma_buf)(struct dma_buf_attachment *attach,
			      struct sg_table *sgt,
			      enum dma_data_direction dir);
};

/**
 * DMA_BUF_IMAPPING_SGT - importer entry for the SGT type
 * @dev: device that does the DMA; stays valid for the life of the attachment.
 *	NULL for the one that is passed to the attach call.
 * @p2p: &enum dma_sgt_importer_p2p
 *
 * A macro, so that it can initialise a static object.
 */
#define DMA_BUF_IMAPPING_SGT(dev, p2p)					\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.sgt_data = {						\
			.importing_dma_device = (dev),			\
			.importer_accepts_p2p = (p2p),			\
		},							\
	})

/**
 * DMA_BUF_EMAPPING_SGT - exporter entry for the SGT type, serves any importer
 * @sgt_exp_ops: pointer to the &struct dma_buf_mapping_sgt_exp_ops
 *
 * A macro, so that it can initialise a static object.
 */
#define DMA_BUF_EMAPPING_SGT(sgt_exp_ops)				\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &(sgt_exp_ops)->ops,				\
		.sgt_data = {						\
			.exporter_requires_p2p = DMA_SGT_EXPORTER_NO_P2P, \
		},							\
	})

/**
 * DMA_BUF_EMAPPING_SGT_P2P - exporter entry for the SGT type, peer-to-peer only
 * @sgt_exp_ops: pointer to the &struct dma_buf_mapping_sgt_exp_ops
 * @pdev: PCI function whose BAR the addresses lie in; the exporter keeps it
 *	alive until the match is over
 */
#define DMA_BUF_EMAPPING_SGT_P2P(sgt_exp_ops, pdev)			\
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &(sgt_exp_ops)->ops,				\
		.sgt_data = {						\
			.exporting_p2p_device = pdev,			\
			.exporter_requires_p2p =			\
				DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE,	\
		},							\
	})

/**
 * DMA_BUF_SIMPLE_SGT_EXP_MATCH - a dma_buf_ops that offers just plain SGT
 * @_map_dma_buf: &dma_buf_mapping_sgt_exp_ops.map_dma_buf
 * @_unmap_dma_buf: &dma_buf_mapping_sgt_exp_ops.unmap_dma_buf
 *
 * Goes into the initialiser of a &struct dma_buf_ops at file scope.
 */
#define DMA_BUF_SIMPLE_SGT_EXP_MATCH(_map_dma_buf, _unmap_dma_buf)	\
	.single_exporter_match = &(const struct dma_buf_mapping_match){	\
		.type = &dma_buf_mapping_sgt_type,			\
		.exp_ops = &((const struct dma_buf_mapping_sgt_exp_ops){ \
			.map_dma_buf = (_map_dma_buf),			\
			.unmap_dma_buf = (_unmap_dma_buf),		\
		}).ops,							\
	}

/**
 * dma_buf_sgt_importer - the device that an importer's SGT entry is for
 * @args: the negotiation
 * @imp: entry of the SGT type, one of &dma_buf_match_args.imp_matches
 *
 * For &dma_buf_ops.match_mapping and the match callbacks of types.
 *
 * Return: The device that the entry names, or that of the attach call.
 */
static inline struct device *
dma_buf_sgt_importer(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *imp)
{
	return imp->sgt_data.importing_dma_device ?: args->dev;
}

/**
 * dma_buf_match_is_sgt - is this match a scatterlist?
 * @match: the result of dma_buf_attach_map_type(), or one match of a set
 *
 * Return: True if it is.
 */
static inline bool
dma_buf_match_is_sgt(const struct dma_buf_mapping_match *match)
{
	return match->type == &dma_buf_mapping_sgt_type;
}

/**
 * dma_buf_match_is_sgt_p2p - is this match a peer-to-peer scatterlist?
 * @match: the result of dma_buf_attach_map_type(), or one match of a set
 *
 * Return: True if it is, and the addresses may lie in the exporter's device.
 */
static inline bool
dma_buf_match_is_sgt_p2p(const struct dma_buf_mapping_match *match)
{
	return dma_buf_match_is_sgt(match) &&
	       match->sgt_data.exporter_requires_p2p !=
		       DMA_SGT_EXPORTER_NO_P2P;
}

/**
 * dma_buf_find_sgt - find a scatterlist in a set
 * @matches: the set, as &dma_buf_ops.select_mapping gets it
 * @nr_matches: length of @matches
 * @p2p: find a peer-to-peer match, or one that is not
 *
 * Return: The index of the first such match, or -EOPNOTSUPP.
 */
static inline int dma_buf_find_sgt(const struct dma_buf_match *matches,
				   unsigned int nr_matches, bool p2p)
{
	unsigned int i;

	for (i = 0; i < nr_matches; i++)
		if (dma_buf_match_is_sgt(&matches[i].result) &&
		    dma_buf_match_is_sgt_p2p(&matches[i].result) == p2p)
			return i;
	return -EOPNOTSUPP;
}

/**
 * dma_buf_attach_map_type - the match that serves the attachment
 * @attach: the attachment
 *
 * It changes only when the exporter selects another match of the set, for a map
 * or a pin after an invalidation. It is constant while something is mapped or
 * pinned.
 *
 * Return: The match that is selected, or the default. Before &dma_buf_ops.attach
 * it is a match without a type.
 */
static inline const struct dma_buf_mapping_match *
dma_buf_attach_map_type(const struct dma_buf_attachment *attach)
{
	return READ_ONCE(attach->map_type);
}

/**
 * dma_buf_is_sgt - is the attachment served by a scatterlist?
 * @attach: the attachment
 *
 * Return: True if it is.
 */
static inline bool dma_buf_is_sgt(const struct dma_buf_attachment *attach)
{
	return dma_buf_match_is_sgt(dma_buf_attach_map_type(attach));
}

/**
 * dma_buf_sgt_dma_device - the device that an SGT attachment is mapped for
 * @attach: the attachment
 *
 * Return: The importer's device, or NULL if the attachment is not SGT.
 */
static inline struct device *
dma_buf_sgt_dma_device(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);

	if (!dma_buf_match_is_sgt(match))
		return NULL;
	return match->sgt_data.importing_dma_device;
}

/**
 * dma_buf_sgt_p2p_allowed - may the exporter hand out peer-to-peer addresses?
 * @attach: the attachment
 *
 * Return: True if the attachment is SGT and the offer that was matched is a
 * peer-to-peer one. False for every other type.
 */
static inline bool
dma_buf_sgt_p2p_allowed(const struct dma_buf_attachment *attach)
{
	return dma_buf_match_is_sgt_p2p(dma_buf_attach_map_type(attach));
}

/**
 * dma_buf_sgt_p2p_required - does the importer refuse a buffer in system memory?
 * @attach: the attachment
 *
 * For an exporter that matches peer-to-peer and finds out where the buffer is when
 * it maps: the map call fails with -EBUSY if that is system memory.
 *
 * Return: True if the attachment is SGT and the importer requires peer-to-peer.
 */
static inline bool
dma_buf_sgt_p2p_required(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);

	return dma_buf_match_is_sgt(match) &&
	       match->sgt_data.importer_accepts_p2p ==
	       DMA_SGT_IMPORTER_REQUIRES_P2P;
}

bool dma_buf_attach_accepts_sgt_p2p(const struct dma_buf_attachment *attach);

/**
 * dma_buf_get_sgt_ops - the exporter's SGT operations for an attachment
 * @attach: the attachment
 *
 * Return: The operations, or NULL if the attachment is not SGT.
 */
static inline const struct dma_buf_mapping_sgt_exp_ops *
dma_buf_get_sgt_ops(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);

	if (!dma_buf_match_is_sgt(match))
		return NULL;
	return container_of_const(match->exp_ops,
				  struct dma_buf_mapping_sgt_exp_ops, ops);
}

/**
 * dma_buf_sgt_mapped_by - is this the exporter's map callback?
 * @attach: the attachment
 * @map: &dma_buf_mapping_sgt_exp_ops.map_dma_buf to compare with
 *
 * For helpers that exporters combine in more than one way.
 *
 * Return: True if the attachment is SGT and mapped by @map.
 */
static inline bool
dma_buf_sgt_mapped_by(const struct dma_buf_attachment *attach,
		      struct sg_table *(*map)(struct dma_buf_attachment *attach,
					      enum dma_data_direction dir))
{
	const struct dma_buf_mapping_sgt_exp_ops *ops =
		dma_buf_get_sgt_ops(attach);

	return ops && ops->map_dma_buf == map;
}

struct sg_table *dma_buf_sgt_map_attachment(struct dma_buf_attachment *attach,
					    enum dma_data_direction dir);
void dma_buf_sgt_unmap_attachment(struct dma_buf_attachment *attach,
				  struct sg_table *sgt,
				  enum dma_data_direction dir);
struct sg_table *
dma_buf_sgt_map_attachment_unlocked(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir);
void dma_buf_sgt_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
					   struct sg_table *sgt,
					   enum dma_data_direction dir);

#endif /* _LINUX_DMA_BUF_SGT_H */
