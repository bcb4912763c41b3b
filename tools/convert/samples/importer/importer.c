// SPDX-License-Identifier: GPL-2.0-only
/* An importer as it was before mapping types; see tools/convert/test_convert.py. */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/module.h>

struct importer {
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

static void importer_invalidate(struct dma_buf_attachment *attach)
{
	struct importer *imp = attach->importer_priv;

	if (!imp->sgt)
		return;
	dma_buf_unmap_attachment(attach, imp->sgt, DMA_BIDIRECTIONAL);
	imp->sgt = NULL;
}

static const struct dma_buf_attach_ops importer_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = importer_invalidate,
};

int importer_get(struct importer *imp, struct dma_buf *dmabuf);
int importer_get(struct importer *imp, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(dmabuf, imp->dev, &importer_ops, imp);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	imp->attach = attach;

	dma_resv_lock(dmabuf->resv, NULL);
	imp->sgt = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	dma_resv_unlock(dmabuf->resv);
	return PTR_ERR_OR_ZERO(imp->sgt);
}
EXPORT_SYMBOL_GPL(importer_get);

bool importer_is_for(struct importer *imp, struct device *dev);
bool importer_is_for(struct importer *imp, struct device *dev)
{
	return imp->attach->dev == dev;
}
EXPORT_SYMBOL_GPL(importer_is_for);

MODULE_DESCRIPTION("Importer of scatterlists");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
