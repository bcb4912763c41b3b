// SPDX-License-Identifier: GPL-2.0-only
/* An exporter as it was before mapping types; see tools/convert/test_convert.py. */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

static struct sg_table *exporter_map_dma_buf(struct dma_buf_attachment *attach,
					     enum dma_data_direction dir)
{
	struct sg_table *sgt;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, 1, GFP_KERNEL);
	if (ret)
		goto err_free;
	sg_set_page(sgt->sgl, attach->dmabuf->priv, PAGE_SIZE, 0);

	ret = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (ret)
		goto err_free_table;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void exporter_unmap_dma_buf(struct dma_buf_attachment *attach,
				   struct sg_table *sgt,
				   enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static void exporter_release(struct dma_buf *dmabuf)
{
	__free_page(dmabuf->priv);
}

static const struct dma_buf_ops exporter_ops = {
	.map_dma_buf = exporter_map_dma_buf,
	.unmap_dma_buf = exporter_unmap_dma_buf,
	.release = exporter_release,
};

struct dma_buf *exporter_export(struct page *page);
struct dma_buf *exporter_export(struct page *page)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	info.ops = &exporter_ops;
	info.size = PAGE_SIZE;
	info.priv = page;
	return dma_buf_export(&info);
}
EXPORT_SYMBOL_GPL(exporter_export);

MODULE_DESCRIPTION("Exporter of a page");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
