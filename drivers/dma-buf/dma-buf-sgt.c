// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping type SGT: a scatterlist of DMA addresses for one device.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "dma-buf-core.h"

/*
 * Is there a peer-to-peer path from @dev to @pdev? It is asked quietly: an
 * exporter often has a second offer for importers that are too far away.
 */
bool dma_buf_p2p_reachable(struct pci_dev *pdev, struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_p2p_reachable, pdev, dev);
	return pci_p2pdma_distance(pdev, dev, false) >= 0;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_p2p_reachable);

static int check_accepts_p2p(const struct dma_buf_mapping_match *imp)
{
	return imp->sgt_data.importer_accepts_p2p ==
	       DMA_SGT_IMPORTER_ACCEPTS_P2P ? 0 : -EOPNOTSUPP;
}

/* Can @imp do peer-to-peer with @pdev? */
int dma_buf_sgt_check_p2p(struct pci_dev *pdev,
			  const struct dma_buf_mapping_match *imp)
{
	if (WARN_ON_ONCE(!pdev))
		return -EOPNOTSUPP;
	if (check_accepts_p2p(imp))
		return -EOPNOTSUPP;
	if (!dma_buf_p2p_reachable(pdev, imp->sgt_data.importing_dma_device))
		return -EOPNOTSUPP;
	return 0;
}

const char *dma_buf_sgt_why_no_p2p(struct pci_dev *pdev,
				   const struct dma_buf_mapping_match *imp)
{
	if (check_accepts_p2p(imp))
		return "importer does not accept P2P";
	if (!pdev)
		return "exporter names no P2P device";
	return "no P2P path between the devices";
}

static int sgt_match(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	switch (exp->sgt_data.exporter_requires_p2p) {
	case DMA_SGT_EXPORTER_NO_P2P:
		return 0;
	case DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE:
		return dma_buf_sgt_check_p2p(exp->sgt_data.exporting_p2p_device,
					     imp);
	case DMA_SGT_EXPORTER_REQUIRES_P2P_LINK:
		return check_accepts_p2p(imp);
	default:
		WARN_ON_ONCE(1);
		return -EINVAL;
	}
}

static const char *sgt_why(const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp)
{
	return dma_buf_sgt_why_no_p2p(exp->sgt_data.exporting_p2p_device, imp);
}

static void sgt_finish_match(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp)
{
	dma_buf_sgt_finish(args->attach, imp,
			   exp->sgt_data.exporter_requires_p2p);
}

static void sgt_debugfs_dump(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	seq_printf(s, "%s%s", dev_name(dma_buf_sgt_dma_device(attach)),
		   dma_buf_sgt_p2p_allowed(attach) ? " P2P" : "");
}

static void sgt_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	if (entry->sgt_data.importing_dma_device)
		snprintf(buf, len, "(%s%s)",
			 dev_name(entry->sgt_data.importing_dma_device),
			 entry->sgt_data.importer_accepts_p2p ? " P2P" : "");
	else if (entry->sgt_data.exporter_requires_p2p ==
		 DMA_SGT_EXPORTER_REQUIRES_P2P_LINK)
		snprintf(buf, len, "(P2P over a link)");
	else if (entry->sgt_data.exporter_requires_p2p &&
		 entry->sgt_data.exporting_p2p_device)
		snprintf(buf, len, "(P2P from %s)",
			 pci_name(entry->sgt_data.exporting_p2p_device));
}

const struct dma_buf_mapping_type dma_buf_mapping_sgt_type = {
	.name = "SGT",
	.match = sgt_match,
	.finish_match = sgt_finish_match,
	.device_memory = dma_buf_sgt_p2p_allowed,
	.debugfs_dump = sgt_debugfs_dump,
	.describe = sgt_describe,
	.why = sgt_why,
};
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_sgt_type, "DMA_BUF");

/**
 * dma_buf_sgt_dynamic_attach - attach a device that follows the buffer's moves
 * @dmabuf: buffer to attach to
 * @dev: device that does the DMA; stays valid for the life of the attachment
 * @importer_ops: importer operations; NULL makes a static attachment
 * @importer_priv: importer private pointer
 *
 * dma_buf_mapping_attach() with one SGT entry, which accepts peer-to-peer if
 * &dma_buf_attach_ops.allow_peer2peer says so.
 *
 * Context: May sleep. Must not be called with the reservation lock held.
 *
 * Return: As dma_buf_mapping_attach(). -EBUSY says that the buffer is somewhere
 * where @dev cannot reach it and cannot be moved.
 */
struct dma_buf_attachment *
dma_buf_sgt_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			   const struct dma_buf_attach_ops *importer_ops,
			   void *importer_priv)
{
	enum dma_sgt_importer_p2p p2p = DMA_SGT_NO_P2P;
	struct dma_buf_mapping_match imp;

	if (WARN_ON(!dev))
		return ERR_PTR(-EINVAL);

	if (importer_ops && importer_ops->allow_peer2peer)
		p2p = DMA_SGT_IMPORTER_ACCEPTS_P2P;
	imp = DMA_BUF_IMAPPING_SGT(dev, p2p);
	return dma_buf_mapping_attach(dmabuf, &imp, 1, importer_ops,
				      importer_priv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_dynamic_attach, "DMA_BUF");

/**
 * dma_buf_sgt_attach - attach a device that needs the buffer to stay in place
 * @dmabuf: buffer to attach to
 * @dev: device that does the DMA; stays valid for the life of the attachment
 *
 * dma_buf_sgt_dynamic_attach() without importer operations: the buffer is
 * pinned while it is mapped, if the exporter can pin at all.
 *
 * Context: May sleep. Must not be called with the reservation lock held.
 *
 * Return: As dma_buf_mapping_attach().
 */
struct dma_buf_attachment *dma_buf_sgt_attach(struct dma_buf *dmabuf,
					      struct device *dev)
{
	return dma_buf_sgt_dynamic_attach(dmabuf, dev, NULL, NULL);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_attach, "DMA_BUF");

/**
 * dma_buf_sgt_refine_no_p2p - serve an attachment without peer-to-peer
 * @attach: attachment that &dma_buf_ops.attach is called for
 *
 * For exporters that matched a peer-to-peer offer and see in their attach
 * callback that they cannot keep it for this attachment, because the device
 * sleeps, say. From now on dma_buf_sgt_p2p_allowed() is false. No-op if it
 * already is.
 *
 * Context: Only inside &dma_buf_ops.attach.
 *
 * Return: 0; -EINVAL if called elsewhere or the attachment is not SGT;
 * -EOPNOTSUPP if the exporter's memory can only be had peer-to-peer, because
 * the core makes the scatterlist of its physical ranges.
 */
int dma_buf_sgt_refine_no_p2p(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);

	if (WARN_ON(!core->negotiation) || !dma_buf_is_sgt(attach))
		return -EINVAL;
	if (core->conv && dma_buf_sgt_p2p_allowed(attach))
		return -EOPNOTSUPP;

	if (!core->conv)
		core->negotiation->exp_copy.sgt_data.exporter_requires_p2p =
			DMA_SGT_EXPORTER_NO_P2P;
	attach->map_type.sgt_data.exporter_requires_p2p =
		DMA_SGT_EXPORTER_NO_P2P;
	dma_buf_trace_refined(core, &attach->map_type, 0);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_refine_no_p2p, "DMA_BUF");

/**
 * dma_buf_sgt_refine_device - choose among the devices of a multi-path importer
 * @attach: attachment that &dma_buf_ops.attach is called for
 * @dev: one of the devices that the importer listed in its SGT entries
 *
 * The match took the first device of the importer that fits. An exporter that
 * knows better, which of them is nearest for one, changes the choice here. The
 * matched offer has to fit the new device as well.
 *
 * Context: Only inside &dma_buf_ops.attach. May sleep.
 *
 * Return: 0; -EINVAL if called elsewhere or the attachment is not SGT; -ENODEV
 * if the importer did not list @dev; what the match of that entry returned.
 */
int dma_buf_sgt_refine_device(struct dma_buf_attachment *attach,
			      struct device *dev)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);
	const struct dma_buf_match_args *args;
	int ret = -ENODEV;
	size_t i;

	if (WARN_ON(!core->negotiation) || !dma_buf_is_sgt(attach))
		return -EINVAL;
	args = &core->negotiation->args;

	for (i = 0; i < args->imp_len; i++) {
		const struct dma_buf_mapping_match *imp = &args->imp_matches[i];

		if (imp->type != &dma_buf_mapping_sgt_type ||
		    imp->sgt_data.importing_dma_device != dev)
			continue;
		ret = dma_buf_type_match(attach->dmabuf, core->conv,
					 core->negotiation->exp, imp);
		dma_buf_trace_refined(core, imp, ret);
		if (ret)
			continue;
		dma_buf_sgt_finish(attach, imp,
				   attach->map_type.sgt_data.exporter_requires_p2p);
		return 0;
	}
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_refine_device, "DMA_BUF");

/*
 * With CONFIG_DMABUF_DEBUG the importer gets a copy of the table that has the
 * DMA addresses but no pages, so that one which peeks at pages is found out.
 */
struct sgt_shadow {
	struct sg_table *exporters;
	struct sg_table importers;
};

static struct sg_table *shadow_table(struct sg_table *sgt)
{
	struct scatterlist *from, *to;
	struct sgt_shadow *shadow;
	int i, ret = 0;

	shadow = kzalloc_obj(*shadow);
	if (!shadow)
		return ERR_PTR(-ENOMEM);

	/* An exporter may have nothing to show but an identity */
	if (sgt->nents)
		ret = sg_alloc_table(&shadow->importers, sgt->nents,
				     GFP_KERNEL);
	if (ret) {
		kfree(shadow);
		return ERR_PTR(ret);
	}

	to = shadow->importers.sgl;
	for_each_sgtable_dma_sg(sgt, from, i) {
		sg_set_page(to, NULL, 0, 0);
		sg_dma_address(to) = sg_dma_address(from);
		sg_dma_len(to) = sg_dma_len(from);
		to = sg_next(to);
	}
	shadow->exporters = sgt;
	return &shadow->importers;
}

static struct sg_table *unshadow_table(struct sg_table *sgt)
{
	struct sgt_shadow *shadow =
		container_of(sgt, struct sgt_shadow, importers);

	sgt = shadow->exporters;
	sg_free_table(&shadow->importers);
	kfree(shadow);
	return sgt;
}

/* Importers are promised page-aligned DMA addresses and lengths */
static void debug_alignment(struct sg_table *sgt)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (PAGE_ALIGNED(sg_dma_address(sg)) &&
		    PAGE_ALIGNED(sg_dma_len(sg)))
			continue;
		pr_debug("%s: addr %llx or len %x is not page aligned!\n",
			 __func__, (u64)sg_dma_address(sg), sg_dma_len(sg));
		return;
	}
}

static bool pin_on_map(struct dma_buf_attachment *attach)
{
	return attach->dmabuf->ops->pin &&
	       !dma_buf_attachment_is_dynamic(attach);
}

/*
 * What a mapping needs after the exporter made it. Importers with static
 * attachments do not wait for fences, so moves have to end here.
 */
static struct sg_table *finish_map(struct dma_buf_attachment *attach,
				   struct sg_table *sgt)
{
	long ret;

	if (!dma_buf_attachment_is_dynamic(attach)) {
		ret = dma_resv_wait_timeout(attach->dmabuf->resv,
					    DMA_RESV_USAGE_KERNEL, true,
					    MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ERR_PTR(ret);
	}

	if (IS_ENABLED(CONFIG_DMABUF_DEBUG)) {
		sgt = shadow_table(sgt);
		if (IS_ERR(sgt))
			return sgt;
	}
	if (IS_ENABLED(CONFIG_DMA_API_DEBUG))
		debug_alignment(sgt);
	return sgt;
}

static struct sg_table *map_locked(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	const struct dma_buf_mapping_sgt_exp_ops *ops;
	struct sg_table *sgt, *ret;
	int err;

	ops = dma_buf_get_sgt_ops(attach);
	if (WARN_ON(!ops))
		return ERR_PTR(-EINVAL);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (dir != DMA_TO_DEVICE && !dma_buf_device_may_write(attach->dmabuf))
		return ERR_PTR(-EPERM);

	if (pin_on_map(attach)) {
		err = attach->dmabuf->ops->pin(attach);
		/*
		 * An exporter must not make the buffer unreachable while an
		 * attachment exists that needs it where it is.
		 */
		WARN_ON_ONCE(err == -EBUSY);
		if (WARN_ONCE(err > 0, "dma-buf exporter %s: pin returned %d\n",
			      attach->dmabuf->exp_name, err))
			err = -EINVAL;
		if (err)
			return ERR_PTR(err);
	}

	sgt = ops->map_dma_buf(attach, dir);
	if (!sgt)
		sgt = ERR_PTR(-ENOMEM);
	if (IS_ERR(sgt)) {
		ret = sgt;
		goto err_unpin;
	}

	ret = finish_map(attach, sgt);
	if (IS_ERR(ret))
		goto err_unmap;
	return ret;

err_unmap:
	ops->unmap_dma_buf(attach, sgt, dir);
err_unpin:
	if (pin_on_map(attach))
		attach->dmabuf->ops->unpin(attach);
	return ret;
}

/**
 * dma_buf_sgt_map_attachment - map the buffer for the importer's device
 * @attach: attachment of type SGT
 * @dir: direction of the DMA
 *
 * Addresses and lengths in the returned table are DMA addresses, page-aligned.
 * Importers must not look at its pages, if it has any. A static importer's
 * buffer stays pinned until it is unmapped. A dynamic importer has to wait for
 * the fences of the buffer before it lets the device use the addresses.
 *
 * Context: The reservation lock of the buffer is held. May sleep.
 *
 * Return: The table, to be given back with dma_buf_sgt_unmap_attachment(), or
 * an ERR_PTR: -EINVAL if the attachment is not SGT, -EPERM if the device would
 * write and dma_buf_device_may_write() says no, -ENODEV after a revoke, -EINTR
 * or -ERESTARTSYS when interrupted, or another error of the exporter.
 */
struct sg_table *dma_buf_sgt_map_attachment(struct dma_buf_attachment *attach,
					    enum dma_data_direction dir)
{
	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf))
		return ERR_PTR(-EINVAL);
	return map_locked(attach, dir);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_map_attachment, "DMA_BUF");

static void unmap_locked(struct dma_buf_attachment *attach,
			 struct sg_table *sgt, enum dma_data_direction dir)
{
	const struct dma_buf_mapping_sgt_exp_ops *ops;

	ops = dma_buf_get_sgt_ops(attach);
	if (WARN_ON(!ops))
		return;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (IS_ENABLED(CONFIG_DMABUF_DEBUG))
		sgt = unshadow_table(sgt);
	ops->unmap_dma_buf(attach, sgt, dir);

	if (pin_on_map(attach))
		attach->dmabuf->ops->unpin(attach);
}

/**
 * dma_buf_sgt_unmap_attachment - give back what was mapped
 * @attach: attachment of type SGT
 * @sgt: table that dma_buf_sgt_map_attachment() returned
 * @dir: direction it was mapped with
 *
 * Context: The reservation lock of the buffer is held. May sleep.
 */
void dma_buf_sgt_unmap_attachment(struct dma_buf_attachment *attach,
				  struct sg_table *sgt,
				  enum dma_data_direction dir)
{
	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf || !sgt))
		return;
	unmap_locked(attach, sgt, dir);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_unmap_attachment, "DMA_BUF");

/**
 * dma_buf_sgt_map_attachment_unlocked - dma_buf_sgt_map_attachment() with lock
 * @attach: attachment of type SGT
 * @dir: direction of the DMA
 *
 * Context: Takes the reservation lock of the buffer. May sleep.
 *
 * Return: As dma_buf_sgt_map_attachment().
 */
struct sg_table *
dma_buf_sgt_map_attachment_unlocked(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct sg_table *sgt;
	int ret;

	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf))
		return ERR_PTR(-EINVAL);

	ret = dma_buf_lock_killable(attach->dmabuf);
	if (ret)
		return ERR_PTR(ret);
	sgt = map_locked(attach, dir);
	dma_resv_unlock(attach->dmabuf->resv);
	return sgt;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_map_attachment_unlocked, "DMA_BUF");

/**
 * dma_buf_sgt_unmap_attachment_unlocked - dma_buf_sgt_unmap_attachment() with
 * lock
 * @attach: attachment of type SGT
 * @sgt: table that dma_buf_sgt_map_attachment_unlocked() returned
 * @dir: direction it was mapped with
 *
 * Context: Takes the reservation lock of the buffer. May sleep.
 */
void dma_buf_sgt_unmap_attachment_unlocked(struct dma_buf_attachment *attach,
					   struct sg_table *sgt,
					   enum dma_data_direction dir)
{
	might_sleep();

	if (WARN_ON(!attach || !attach->dmabuf || !sgt))
		return;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	unmap_locked(attach, sgt, dir);
	dma_resv_unlock(attach->dmabuf->resv);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_sgt_unmap_attachment_unlocked, "DMA_BUF");
