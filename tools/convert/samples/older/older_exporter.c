// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter of pages outside of the kernel tree, for 6.1 and later kernels
 * before mapping types; see tools/convert/test_convert.py.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/version.h>

static struct dma_buf *older_dmabuf;

static struct sg_table *older_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	int ret;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, 1, GFP_KERNEL);
	if (ret)
		goto err_free;
	sg_set_page(sgt->sgl, attach->dmabuf->priv, PAGE_SIZE, 0);
	ret = dma_map_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto err_free_table;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void older_unmap(struct dma_buf_attachment *attach,
			struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

static void older_release(struct dma_buf *dmabuf)
{
	__free_page(dmabuf->priv);
}

static const struct dma_buf_ops older_ops = {
	.map_dma_buf = older_map,
	.unmap_dma_buf = older_unmap,
	.release = older_release,
};

static int __init older_init(void)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	info.ops = &older_ops;
	info.size = PAGE_SIZE;
	info.priv = page;
	older_dmabuf = dma_buf_export(&info);
	if (IS_ERR(older_dmabuf)) {
		__free_page(page);
		return PTR_ERR(older_dmabuf);
	}
	return 0;
}
module_init(older_init);

static void __exit older_exit(void)
{
	dma_buf_put(older_dmabuf);
}
module_exit(older_exit);

MODULE_DESCRIPTION("Exporter for the tests of make convert");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
