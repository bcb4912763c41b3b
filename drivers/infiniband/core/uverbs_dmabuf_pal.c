// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of a device's BAR that user space has exported, as a physical range.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci-p2pdma.h>

#include "uverbs.h"

static const struct dma_buf_phys_list *
uverbs_dmabuf_map_phys(struct dma_buf_attachment *attach)
{
	struct ib_uverbs_dmabuf_file *priv = attach->dmabuf->priv;
	struct dma_buf_phys_list *list;

	if (priv->revoked)
		return ERR_PTR(-ENODEV);

	list = dma_buf_phys_list_alloc(1, GFP_KERNEL_ACCOUNT);
	if (!list)
		return ERR_PTR(-ENOMEM);

	list->provider = priv->provider;
	list->phys[0] = priv->phys_vec;
	kref_get(&priv->kref);
	return list;
}

static void uverbs_dmabuf_unmap_phys(struct dma_buf_attachment *attach,
				     const struct dma_buf_phys_list *list)
{
	struct ib_uverbs_dmabuf_file *priv = attach->dmabuf->priv;

	kvfree(list);
	kref_put(&priv->kref, ib_uverbs_dmabuf_done);
}

static const struct dma_buf_mapping_pal_exp_ops uverbs_dmabuf_pal_ops = {
	.map_phys = uverbs_dmabuf_map_phys,
	.unmap_phys = uverbs_dmabuf_unmap_phys,
};

/*
 * The device can be removed while the buffer exists, which revokes the buffer first.
 * So the offer is for revocable importers only, and these can pin the buffer.
 */
int uverbs_dmabuf_match_mapping(const struct dma_buf_match_args *args)
{
	struct ib_uverbs_dmabuf_file *priv = args->dmabuf->priv;
	struct dma_buf_mapping_match exp;
	int ret;

	/* A task that revokes holds it while it waits for importers */
	ret = dma_buf_lock_killable(args->dmabuf);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (!priv->revoked) {
		exp = DMA_BUF_EMAPPING_PAL_P2P(&uverbs_dmabuf_pal_ops,
					       priv->provider);
		exp = dma_buf_offer(exp, DMA_BUF_OFFER_REVOCABLE);
		ret = dma_buf_match_mapping(args, &exp, 1);
	}
	dma_resv_unlock(args->dmabuf->resv);
	return ret;
}
