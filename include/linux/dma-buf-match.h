/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-buf mapping types: the lists that importer and exporter compare while an
 * attachment is made.
 *
 * Included by <linux/dma-buf.h>, because an attachment holds the result of the
 * negotiation and the exporter's operations name its offers. The theory of
 * operation is in drivers/dma-buf/dma-buf-match.c.
 */
#ifndef _LINUX_DMA_BUF_MATCH_H
#define _LINUX_DMA_BUF_MATCH_H

#include <linux/types.h>

struct device;
struct dma_buf;
struct dma_buf_attach_ops;
struct dma_buf_attachment;
struct dma_buf_converter;
struct dma_buf_mapping_match;
struct dma_buf_match_args;
struct module;
struct p2pdma_provider;
struct pci_dev;
struct seq_file;

/* The number of pairs that an attachment can record, see dma_buf_match_mapping() */
#define DMA_BUF_MAX_MATCHES 8

/**
 * struct dma_buf_mapping_exp_ops - tag that every exporter ops struct embeds
 *
 * Each mapping type has operations with signatures of its own, in a struct of the
 * type. The struct has this tag as a member, from which the type gets it with
 * container_of().
 */
struct dma_buf_mapping_exp_ops {};

/**
 * struct dma_buf_mapping_type - one way to hand a buffer to an importer
 *
 * The address of this object identifies a type: there is one const object per type,
 * shared by all importers and exporters that support it. A driver defines a private
 * type by itself, without a change in a core header.
 *
 * The core calls @debugfs_dump with the reservation lock of the buffer held. It calls
 * the others with or without the lock, as the exporter chooses, and they may sleep.
 */
struct dma_buf_mapping_type {
	/** @name: short name, printed by debugfs, fdinfo and tracepoints. */
	const char *name;

	/**
	 * @owner:
	 *
	 * Module that the type's code lives in, NULL when built in. The core
	 * holds a reference on it for as long as an attachment has a match of
	 * the type. An importer that defines its own type cannot be unloaded
	 * before it has detached.
	 */
	struct module *owner;

	/**
	 * @match:
	 *
	 * Checks whether two entries of this type fit each other, and completes
	 * @result, which is the match of the attachment if the pair is selected.
	 * The core has filled in the type, the exporter's operations and a copy
	 * of the importer entry's data. Optional: without it any two entries of
	 * the type fit, and @result stays as it is.
	 *
	 * It has to predict what map will do: if map is bound to fail, the pair
	 * does not fit. It must not acquire anything, because nothing releases it.
	 *
	 * Returns:
	 *
	 * 0 if they fit; -EOPNOTSUPP if they do not, with a few constant words
	 * in @why, and the search goes on; any other negative error ends the
	 * attach with that error, unless another pair fits.
	 */
	int (*match)(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp,
		     struct dma_buf_mapping_match *result, const char **why);

	/**
	 * @debugfs_dump:
	 *
	 * Adds to the attachment's line in debugfs, without a newline.
	 * Optional.
	 */
	void (*debugfs_dump)(struct seq_file *s,
			     struct dma_buf_attachment *attach);

	/**
	 * @describe:
	 *
	 * Writes a description of an entry, without the type's name, into @buf
	 * of @len bytes. Optional. @entry is an exporter's if it has exp_ops.
	 */
	void (*describe)(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry);

	/**
	 * @converter:
	 *
	 * The converter that makes this type of another one. Only types of the
	 * core have one; NULL in all others.
	 */
	const struct dma_buf_converter *converter;

	/**
	 * @revocable:
	 *
	 * An importer can have the type only if it gives buffers back when the
	 * exporter invalidates them, see dma_buf_attach_revocable(). For other
	 * types it has to be dynamic.
	 */
	bool revocable;
};

/**
 * enum dma_buf_offer_flags - conditions of an exporter's entry
 * @DMA_BUF_OFFER_REVOCABLE: only for importers that let go of the buffer when the
 *	exporter invalidates it, see dma_buf_attach_revocable()
 * @DMA_BUF_OFFER_SGT: ranges only for importers of scatterlists
 * @DMA_BUF_OFFER_DOMAIN: ranges only for importers of address spaces
 * @DMA_BUF_OFFER_CUT: a scatterlist that the core makes has no segment that is
 *	longer than dma_get_max_seg_size() of the importer's device
 */
enum dma_buf_offer_flags {
	DMA_BUF_OFFER_REVOCABLE = 1 << 0,
	DMA_BUF_OFFER_SGT = 1 << 1,
	DMA_BUF_OFFER_DOMAIN = 1 << 2,
	DMA_BUF_OFFER_CUT = 1 << 3,
};

#define DMA_BUF_OFFER_FLAGS						\
	(DMA_BUF_OFFER_REVOCABLE | DMA_BUF_OFFER_SGT |			\
	 DMA_BUF_OFFER_DOMAIN | DMA_BUF_OFFER_CUT)

/**
 * struct dma_buf_mapping_match - one entry of an importer's or exporter's list
 *
 * The constructors of each type make entries: DMA_BUF_IMAPPING_*() for importers,
 * DMA_BUF_EMAPPING_*() for exporters. dma_buf_attach_map_type() returns the result
 * of two entries. Drivers read that through the accessors of the type and never
 * write it.
 */
struct dma_buf_mapping_match {
	/** @type: the mapping type of this entry. */
	const struct dma_buf_mapping_type *type;

	/** @exp_ops: the exporter's operations, NULL in an importer's entry. */
	const struct dma_buf_mapping_exp_ops *exp_ops;

	/** @flags: &enum dma_buf_offer_flags, 0 in an importer's entry. */
	unsigned int flags;

	union {
		/** @sgt_data: match data of the SGT type. */
		struct {
			/**
			 * @sgt_data.importing_dma_device: importer: the device that
			 * does the DMA, NULL for the device of the attach call.
			 */
			struct device *importing_dma_device;
			/** @sgt_data.exporting_p2p_device: exporter: function with the BAR. */
			struct pci_dev *exporting_p2p_device;
			/** @sgt_data.importer_accepts_p2p: enum dma_sgt_importer_p2p. */
			u8 importer_accepts_p2p;
			/** @sgt_data.exporter_requires_p2p: enum dma_sgt_exporter_p2p. */
			u8 exporter_requires_p2p;
		} sgt_data;

		/** @pal_data: match data of the PAL type, which has no importers. */
		struct {
			/** @pal_data.provider: provider of the device with the ranges. */
			struct p2pdma_provider *provider;
			/** @pal_data.last: highest address, 0 if not known. */
			u64 last;
			/** @pal_data.kinds: kinds of ranges that lists may have, in bits. */
			u8 kinds;
		} pal_data;

		/** @domain_data: match data of the DOMAIN type. */
		struct {
			/** @domain_data.coherent: importer: all devices are coherent. */
			bool coherent;
		} domain_data;

		/** @private_data: free for a driver-private type. */
		struct {
			/**
			 * @private_data.ptr: for the type to use. An importer's
			 * is copied into the attachment.
			 */
			const void *ptr;
			/** @private_data.val: for the type to use. */
			unsigned long val[2];
		} private_data;
	};
};

/**
 * struct dma_buf_match - two entries that fit, one match of an attachment's set
 * @result: the match that the importer gets if this one is selected
 * @offer: the exporter's operations, which differ from those in @result if the offer
 *	was converted
 * @conv: the converter between the two types, NULL if none
 * @provider: the provider in the exporter's PAL entry, for comparison only. Not
 *	initialized without @conv.
 * @kinds: the kinds of ranges in the exporter's PAL entry. As @provider.
 * @flags: &enum dma_buf_offer_flags of the exporter's entry
 *
 * Constant once the attach call has returned.
 */
struct dma_buf_match {
	struct dma_buf_mapping_match result;
	const struct dma_buf_mapping_exp_ops *offer;
	const struct dma_buf_converter *conv;
	const void *provider;
	u8 kinds;
	u8 flags;
};

/**
 * struct dma_buf_match_args - one negotiation, on the stack of the attach call
 * @dmabuf: the buffer
 * @attach: the attachment that is being made. Its buffer, importer operations and
 *	importer private data are valid, and nothing else.
 * @dev: the device of the attach call, NULL if the entries name theirs
 * @imp_matches: the importer's entries, most wanted first
 * @imp_len: number of entries in @imp_matches
 *
 * The core passes it to &dma_buf_ops.match_mapping, which passes it on to
 * dma_buf_match_mapping().
 */
struct dma_buf_match_args {
	struct dma_buf *dmabuf;
	const struct dma_buf_attachment *attach;
	struct device *dev;
	const struct dma_buf_mapping_match *imp_matches;
	size_t imp_len;
};

/**
 * dma_buf_offer - put conditions on an exporter's entry
 * @entry: the entry, made by a constructor
 * @flags: &enum dma_buf_offer_flags
 *
 * Return: The entry.
 */
static inline struct dma_buf_mapping_match
dma_buf_offer(struct dma_buf_mapping_match entry, unsigned int flags)
{
	entry.flags |= flags;
	return entry;
}

int dma_buf_match_mapping(const struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp_matches,
			  size_t exp_len);

int dma_buf_mapping_select(struct dma_buf_attachment *attach);
void dma_buf_mapping_unselect(struct dma_buf_attachment *attach);
void dma_buf_mapping_renew(struct dma_buf_attachment *attach);

bool dma_buf_attach_accepts(const struct dma_buf_attachment *attach,
			    const struct dma_buf_mapping_type *type);

/* dma-buf-access.c */
int __must_check dma_buf_lock_killable(struct dma_buf *dmabuf);
bool dma_buf_device_may_write(struct dma_buf *dmabuf);

struct dma_buf_attachment *
dma_buf_mapping_attach(struct dma_buf *dmabuf,
		       const struct dma_buf_mapping_match *imp_matches,
		       size_t imp_len,
		       const struct dma_buf_attach_ops *importer_ops,
		       void *importer_priv);

#endif /* _LINUX_DMA_BUF_MATCH_H */
