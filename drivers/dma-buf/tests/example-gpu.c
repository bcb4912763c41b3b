// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an exporter that has memory of its own, and can move a buffer to
 * system memory. A test includes it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

/* [buffer] */
/**
 * struct gpu_bo - a buffer that moves
 * @dmabuf: the buffer
 * @pdev: the GPU
 * @may_migrate: the buffer can be in system memory as well, constant
 * @in_vram: the buffer is in the GPU's memory
 * @asleep: no device can reach the GPU's memory
 * @nr_pinned: number of pins, which keep the buffer where it is
 *
 * The reservation lock protects the members that are not constant.
 */
struct gpu_bo {
	struct dma_buf *dmabuf;
	struct pci_dev *pdev;
	bool may_migrate;
	bool in_vram;
	bool asleep;
	unsigned int nr_pinned;
};

/* [driver] */
/* The driver's own code. A move calls dma_buf_invalidate_mappings(). */
static int gpu_move(struct gpu_bo *bo, bool vram);
static struct sg_table *gpu_map_here(struct gpu_bo *bo, struct device *dev,
				     enum dma_data_direction dir);
static void gpu_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir);
static void gpu_release(struct dma_buf *dmabuf);

/* [match] */
static struct sg_table *gpu_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	struct gpu_bo *bo = attach->dmabuf->priv;
	int ret;

	ret = gpu_move(bo, dma_buf_sgt_p2p_allowed(attach));
	if (ret)
		return ERR_PTR(ret);
	return gpu_map_here(bo, dma_buf_sgt_dma_device(attach), dir);
}

static const struct dma_buf_mapping_sgt_exp_ops gpu_sgt_ops = {
	.map_dma_buf = gpu_map,
	.unmap_dma_buf = gpu_unmap,
};

static int gpu_match_mapping(const struct dma_buf_match_args *args)
{
	struct gpu_bo *bo = args->dmabuf->priv;
	struct dma_buf_mapping_match offers[2];
	size_t n = 0;

	offers[n++] = DMA_BUF_EMAPPING_SGT_P2P(&gpu_sgt_ops, bo->pdev);
	if (bo->may_migrate)
		offers[n++] = DMA_BUF_EMAPPING_SGT(&gpu_sgt_ops);
	return dma_buf_match_mapping(args, offers, n);
}

/* [select] */
/* An importer that cannot reach our memory forces the buffer out of it */
static bool gpu_reached_by_all(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (!dma_buf_attach_accepts_sgt_p2p(attach))
			return false;
	return true;
}

static int gpu_select_mapping(struct dma_buf_attachment *attach,
			      const struct dma_buf_match *matches,
			      unsigned int nr_matches)
{
	struct gpu_bo *bo = attach->dmabuf->priv;
	bool vram;
	int i;

	if (bo->nr_pinned)
		vram = bo->in_vram;
	else
		vram = !bo->asleep && gpu_reached_by_all(attach->dmabuf);
	i = dma_buf_find_sgt(matches, nr_matches, vram);
	return i < 0 ? -EBUSY : i;
}

static int gpu_pin(struct dma_buf_attachment *attach)
{
	struct gpu_bo *bo = attach->dmabuf->priv;
	int ret;

	/* The buffer may have been moved since the choice was made */
	ret = gpu_move(bo, dma_buf_sgt_p2p_allowed(attach));
	if (!ret)
		bo->nr_pinned++;
	return ret;
}

static void gpu_unpin(struct dma_buf_attachment *attach)
{
	struct gpu_bo *bo = attach->dmabuf->priv;

	bo->nr_pinned--;
}

static const struct dma_buf_ops gpu_dmabuf_ops = {
	.match_mapping = gpu_match_mapping,
	.select_mapping = gpu_select_mapping,
	.pin = gpu_pin,
	.unpin = gpu_unpin,
	.release = gpu_release,
};

/* [sleep] */
/* The GPU is about to sleep, or has woken up: let attachments select another match */
static void gpu_suspend(struct gpu_bo *bo, bool asleep)
{
	dma_resv_lock(bo->dmabuf->resv, NULL);
	bo->asleep = asleep;
	dma_buf_invalidate_mappings(bo->dmabuf);
	dma_resv_unlock(bo->dmabuf->resv);
}

/* [end] */
