/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-buf mapping types: what importer and exporter say to each other while
 * an attachment is made.
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
struct dma_buf_mapping_match;
struct dma_buf_match_args;
struct module;
struct pci_dev;
struct seq_file;

/**
 * struct dma_buf_mapping_exp_ops - tag that every exporter ops struct embeds
 *
 * Each mapping type has operations with signatures of its own. They live in a
 * struct of the type that has this tag as a member and that the type gets back
 * with container_of().
 */
struct dma_buf_mapping_exp_ops {};

/**
 * struct dma_buf_mapping_type - one way to hand a buffer to an importer
 *
 * A type is known by the address of this object: one const object for each
 * type, shared by all importers and exporters that speak it. A driver-private
 * type is defined by the driver and needs nothing in a core header.
 *
 * @device_memory and @debugfs_dump are called with the reservation lock of the
 * buffer held, and the former must not sleep. The others may, and are called
 * with or without it, as the exporter likes it.
 */
struct dma_buf_mapping_type {
	/** @name: short name, printed by debugfs and the match tracepoint. */
	const char *name;

	/**
	 * @owner:
	 *
	 * Module that the type's code lives in, NULL when built in. The core
	 * holds a reference on it for as long as an attachment of the type
	 * exists. An importer that defines its own type cannot be unloaded
	 * before it has detached.
	 */
	struct module *owner;

	/**
	 * @match:
	 *
	 * Tells if two entries of this type fit each other. Optional: without
	 * it any two entries of the type fit.
	 *
	 * Returns:
	 *
	 * 0 if they fit, -EOPNOTSUPP if they do not and the search goes on, any
	 * other negative error ends the attach with that error.
	 */
	int (*match)(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp);

	/**
	 * @finish_match:
	 *
	 * Completes &dma_buf_attachment.map_type after @match said yes.
	 * Optional. The core has filled in the type, the exporter's operations
	 * and a copy of the importer entry's data. Cannot fail and has no
	 * counterpart: an exporter may still refuse in &dma_buf_ops.attach,
	 * so nothing may be acquired here.
	 */
	void (*finish_match)(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp);

	/**
	 * @device_memory:
	 *
	 * Tells if the buffer may be in memory of the exporter's device while
	 * @attach uses it. Optional: without it, it may, because the exporter
	 * has offered the type for what it is. SGT is matched for system memory
	 * as well, and says what was matched.
	 */
	bool (*device_memory)(const struct dma_buf_attachment *attach);

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
	 * Writes what an entry says, beyond the type's name, into @buf of
	 * @len bytes. Optional. @entry is an exporter's if it has exp_ops.
	 */
	void (*describe)(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry);

	/**
	 * @why:
	 *
	 * Says in a few words why @match returned -EOPNOTSUPP for the pair.
	 * Called only while somebody traces, and may do the work of @match
	 * again. Optional.
	 */
	const char *(*why)(const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp);
};

/**
 * struct dma_buf_mapping_match - one entry of an importer's or exporter's list
 *
 * Made by the constructors of each type: DMA_BUF_IMAPPING_*() for importers,
 * DMA_BUF_EMAPPING_*() for exporters. The negotiated one is kept in
 * &dma_buf_attachment.map_type. Drivers read it through the accessors of the
 * type and never write it: an exporter that wants less than what was matched
 * says so in &dma_buf_ops.attach, with the refine function of the type.
 */
struct dma_buf_mapping_match {
	/** @type: the mapping type that this entry speaks. */
	const struct dma_buf_mapping_type *type;

	/** @exp_ops: the exporter's operations, NULL in an importer's entry. */
	const struct dma_buf_mapping_exp_ops *exp_ops;

	union {
		/** @sgt_data: match data of the SGT type. */
		struct {
			/** @sgt_data.importing_dma_device: importer: who does the DMA. */
			struct device *importing_dma_device;
			/** @sgt_data.exporting_p2p_device: exporter: whose BAR it is. */
			struct pci_dev *exporting_p2p_device;
			/** @sgt_data.importer_accepts_p2p: enum dma_sgt_importer_p2p. */
			u8 importer_accepts_p2p;
			/** @sgt_data.exporter_requires_p2p: enum dma_sgt_exporter_p2p. */
			u8 exporter_requires_p2p;
		} sgt_data;

		/** @pal_data: match data of the PAL type. */
		struct {
			/** @pal_data.exporting_p2p_device: exporter: whose BAR it is. */
			struct pci_dev *exporting_p2p_device;
			/** @pal_data.grant: importer: proof of being allowed to ask. */
			const void *grant;
		} pal_data;

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
 * struct dma_buf_match_args - one negotiation, on the stack of the attach call
 * @dmabuf: the buffer
 * @attach: the attachment being made, complete but for its map_type: buffer,
 *	importer operations and importer private data can be looked at
 * @imp_matches: the importer's entries, most wanted first
 * @imp_len: number of entries in @imp_matches
 *
 * Handed to &dma_buf_ops.match_mapping, which hands it on to
 * dma_buf_match_mapping().
 */
struct dma_buf_match_args {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	const struct dma_buf_mapping_match *imp_matches;
	size_t imp_len;
};

int dma_buf_match_mapping(struct dma_buf_match_args *args,
			  const struct dma_buf_mapping_match *exp_matches,
			  size_t exp_len);

bool dma_buf_device_memory_allowed(struct dma_buf *dmabuf);

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
