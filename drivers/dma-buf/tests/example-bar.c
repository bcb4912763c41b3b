// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an exporter of a BAR. A test includes it.
 */
/* [headers] */
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

/**
 * struct regs - a part of a BAR
 * @provider: provider of the BAR; it lives as long as the driver is bound
 * @list: the ranges of the part, constant
 * @gone: the part was revoked, protected by the reservation lock
 * @nr_mapped: number of mappings that importers have not given back
 */
struct regs {
	struct p2pdma_provider *provider;
	struct dma_buf_phys_list *list;
	bool gone;
	atomic_t nr_mapped;
};

/* [map] */
static const struct dma_buf_phys_list *
regs_map_phys(struct dma_buf_attachment *attach)
{
	struct regs *regs = attach->dmabuf->priv;

	if (regs->gone)
		return ERR_PTR(-ENODEV);
	atomic_inc(&regs->nr_mapped);
	return regs->list;
}

static void regs_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
	struct regs *regs = attach->dmabuf->priv;

	if (atomic_dec_and_test(&regs->nr_mapped))
		wake_up_var(&regs->nr_mapped);
}

static const struct dma_buf_mapping_pal_exp_ops regs_pal_ops = {
	.map_phys = regs_map_phys,
	.unmap_phys = regs_unmap_phys,
};

/* [match] */
static int regs_match_mapping(const struct dma_buf_match_args *args)
{
	struct regs *regs = args->dmabuf->priv;
	struct dma_buf_mapping_match offer;
	int ret;

	ret = dma_buf_lock_killable(args->dmabuf);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (!regs->gone) {
		offer = DMA_BUF_EMAPPING_PAL_P2P(&regs_pal_ops, regs->provider);
		offer = dma_buf_offer(offer, DMA_BUF_OFFER_REVOCABLE);
		ret = dma_buf_match_mapping(args, &offer, 1);
	}
	dma_resv_unlock(args->dmabuf->resv);
	return ret;
}

/* [export] */
static void regs_free(struct regs *regs)
{
	kvfree(regs->list);
	kfree(regs);
}

static void regs_release(struct dma_buf *dmabuf)
{
	regs_free(dmabuf->priv);
}

static const struct dma_buf_ops regs_dmabuf_ops = {
	.match_mapping = regs_match_mapping,
	.release = regs_release,
};

/* One range. The ranges of a new list are MMIO. */
static struct regs *regs_alloc(struct p2pdma_provider *provider,
			       phys_addr_t start, size_t size)
{
	struct regs *regs = kzalloc_obj(*regs, GFP_KERNEL_ACCOUNT);

	if (!regs)
		return NULL;
	regs->provider = provider;
	regs->list = dma_buf_phys_list_alloc(1, GFP_KERNEL_ACCOUNT);
	if (!regs->list) {
		kfree(regs);
		return NULL;
	}
	regs->list->provider = provider;
	regs->list->phys[0] = (struct phys_vec){ .paddr = start, .len = size };
	return regs;
}

/* pcim_p2pdma_provider() has returned @provider for the BAR */
static struct dma_buf *regs_export(struct p2pdma_provider *provider,
				   phys_addr_t start, size_t size)
{
	struct regs *regs = regs_alloc(provider, start, size);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;

	if (!regs)
		return ERR_PTR(-ENOMEM);
	info.ops = &regs_dmabuf_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = regs;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf))
		regs_free(regs);
	return dmabuf;
}

/* [revoke] */
/* The driver is about to unbind from the device. It has a reference on the buffer. */
static void regs_revoke(struct dma_buf *dmabuf)
{
	struct regs *regs = dmabuf->priv;

	dma_resv_lock(dmabuf->resv, NULL);
	regs->gone = true;
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(dmabuf->resv);

	/* Importers may unmap later, and need the reservation lock for that */
	wait_var_event(&regs->nr_mapped, !atomic_read(&regs->nr_mapped));

	/* The buffer will not come back: tell tasks that poll it */
	dma_buf_hang_up(dmabuf);
}

/* [end] */
