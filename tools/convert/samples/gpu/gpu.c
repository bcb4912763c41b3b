// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter that has a choice, as it was before mapping types. Its offers are
 * for a person to write; see tools/convert/test_convert.py.
 */
#include <linux/dma-buf.h>
#include <linux/pci-p2pdma.h>

struct gpu_bo {
	struct pci_dev *pdev;
};

struct sg_table *gpu_map(struct dma_buf_attachment *attach,
			 enum dma_data_direction dir);
void gpu_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
	       enum dma_data_direction dir);
void gpu_release(struct dma_buf *dmabuf);
int gpu_pin_in_vram(struct gpu_bo *bo, bool allowed);

static int gpu_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct gpu_bo *bo = dmabuf->priv;

	if (pci_p2pdma_distance(bo->pdev, attach->dev, false) < 0)
		attach->peer2peer = false;
	return 0;
}

static int gpu_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	bool allowed = true;

	list_for_each_entry(attach, &dmabuf->attachments, node)
		allowed &= attach->peer2peer;
	return gpu_pin_in_vram(dmabuf->priv, allowed);
}

const struct dma_buf_ops gpu_dmabuf_ops = {
	.attach = gpu_attach,
	.pin = gpu_pin,
	.map_dma_buf = gpu_map,
	.unmap_dma_buf = gpu_unmap,
	.release = gpu_release,
};
