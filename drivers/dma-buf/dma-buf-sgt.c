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
 * Is there a peer-to-peer path from @dev to @pdev? Does not log if there is none:
 * an exporter often has a second offer for importers that are too far away.
 */
bool dma_buf_p2p_reachable(struct pci_dev *pdev, struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_p2p_reachable, pdev, dev);
	return pci_p2pdma_distance(pdev, dev, false) >= 0;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_p2p_reachable);

/* Can @imp do peer-to-peer with @pdev? */
int dma_buf_sgt_check_p2p(const struct dma_buf_match_args *args,
			  struct pci_dev *pdev,
			  const struct dma_buf_mapping_match *imp,
			  const char **why)
{
	if (imp->sgt_data.importer_accepts_p2p == DMA_SGT_NO_P2P) {
		*why = "importer does not accept P2P";
		return -EOPNOTSUPP;
	}
	if (WARN_ON_ONCE(!pdev)) {
		*why = "exporter names no P2P device";
		return -EOPNOTSUPP;
	}
	if (!dma_buf_p2p_reachable(pdev, dma_buf_sgt_importer(args, imp))) {
		*why = "no P2P path between the devices";
		return -EOPNOTSUPP;
	}
	return 0;
}

static int check_p2p(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp, const char **why)
{
	switch (exp->sgt_data.exporter_requires_p2p) {
	case DMA_SGT_EXPORTER_NO_P2P:
		if (imp->sgt_data.importer_accepts_p2p !=
		    DMA_SGT_IMPORTER_REQUIRES_P2P)
			return 0;
		*why = "importer requires P2P";
		return -EOPNOTSUPP;
	case DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE:
		return dma_buf_sgt_check_p2p(args,
					     exp->sgt_data.exporting_p2p_device,
					     imp, why);
	default:
		WARN_ON_ONCE(1);
		return -EINVAL;
	}
}

/* The result does not name the exporter's PCI device: it has no reference on it */
static int sgt_match(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp,
		     struct dma_buf_mapping_match *result, const char **why)
{
	result->sgt_data.importing_dma_device = dma_buf_sgt_importer(args, imp);
	result->sgt_data.exporting_p2p_device = NULL;
	result->sgt_data.exporter_requires_p2p =
		exp->sgt_data.exporter_requires_p2p;
	return check_p2p(args, exp, imp, why);
}

static void sgt_debugfs_dump(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	seq_printf(s, "%s%s", dev_name(dma_buf_sgt_dma_device(attach)),
		   dma_buf_sgt_p2p_allowed(attach) ? " P2P" : "");
}

static const char *importer_words(const struct dma_buf_mapping_match *entry)
{
	switch (entry->sgt_data.importer_accepts_p2p) {
	case DMA_SGT_IMPORTER_ACCEPTS_P2P:
		return " P2P";
	case DMA_SGT_IMPORTER_REQUIRES_P2P:
		return " P2P only";
	default:
		return "";
	}
}

static void sgt_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	if (entry->sgt_data.importing_dma_device)
		snprintf(buf, len, "(%s%s)",
			 dev_name(entry->sgt_data.importing_dma_device),
			 importer_words(entry));
	else if (entry->sgt_data.exporter_requires_p2p &&
		 entry->sgt_data.exporting_p2p_device)
		snprintf(buf, len, "(P2P from %s)",
			 pci_name(entry->sgt_data.exporting_p2p_device));
}

const struct dma_buf_mapping_type dma_buf_mapping_sgt_type = {
	.name = "SGT",
	.match = sgt_match,
	.debugfs_dump = sgt_debugfs_dump,
	.describe = sgt_describe,
	.converter = &dma_buf_pal_to_sgt,
};
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_sgt_type, "DMA_BUF");

/*
 * With CONFIG_DMABUF_DEBUG the importer gets a copy of the table that has the
 * DMA addresses but no pages, so that an importer which uses pages fails.
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

	/* The table of an exporter may have no entries and serve as an identity only */
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

/* The contract of importers: page-aligned DMA addresses and lengths */
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
 * The steps after the exporter has made a mapping. Importers with static
 * attachments do not wait for fences, so wait for moves here.
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

static int pin_static(struct dma_buf_attachment *attach)
{
	int ret = attach->dmabuf->ops->pin(attach);

	/*
	 * While an attachment exists that needs the buffer where it is, the exporter
	 * must not make the buffer unreachable.
	 */
	WARN_ON_ONCE(ret == -EBUSY);
	if (WARN_ONCE(ret > 0, "dma-buf exporter %s: pin returned %d\n",
		      attach->dmabuf->exp_name, ret))
		return -EINVAL;
	return ret;
}

/* The caller has selected the match, which does not change until unmap */
static struct sg_table *map_selected(struct dma_buf_attachment *attach,
				     enum dma_data_direction dir)
{
	const struct dma_buf_mapping_sgt_exp_ops *ops;
	struct sg_table *sgt, *ret;
	int err;

	/* The exporter may have selected another type */
	ops = dma_buf_get_sgt_ops(attach);
	if (WARN_ON(!ops))
		return ERR_PTR(-EINVAL);

	if (dir != DMA_TO_DEVICE && !dma_buf_may_write(attach->dmabuf))
		return ERR_PTR(-EPERM);

	if (pin_on_map(attach)) {
		err = pin_static(attach);
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

static struct sg_table *map_locked(struct dma_buf_attachment *attach,
				   enum dma_data_direction dir)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);
	struct sg_table *sgt;
	int made;

	dma_resv_assert_held(attach->dmabuf->resv);

	made = dma_buf_use_begin(core);
	if (made < 0)
		return ERR_PTR(made);
	sgt = map_selected(attach, dir);
	if (IS_ERR(sgt))
		dma_buf_use_undo(core, made);
	return sgt;
}

/**
 * dma_buf_sgt_map_attachment - map the buffer for the importer's device
 * @attach: attachment of type SGT
 * @dir: direction of the DMA
 *
 * Addresses and lengths in the returned table are DMA addresses, page-aligned.
 * Importers must not use its pages, if it has any. The buffer of a static
 * importer stays pinned until it is unmapped. A dynamic importer has to wait for
 * the fences of the buffer before it lets the device use the addresses.
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 *
 * Return: The table, to be given back with dma_buf_sgt_unmap_attachment(), or
 * an ERR_PTR: -EINVAL if the attachment is not SGT, -EPERM if the device would
 * write and dma_buf_device_may_write() returns %false, -ENODEV after a revoke,
 * -EINTR or -ERESTARTSYS when interrupted, or another error of the exporter.
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
	dma_buf_use_end(to_core_attachment(attach));
}

/**
 * dma_buf_sgt_unmap_attachment - undo dma_buf_sgt_map_attachment()
 * @attach: attachment of type SGT
 * @sgt: table that dma_buf_sgt_map_attachment() returned
 * @dir: direction it was mapped with
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
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

	ret = dma_buf_core_lock(attach->dmabuf);
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
