// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an exporter of pages. A test includes it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>

/**
 * struct ram - pages that stay where they are
 * @pages: the pages
 * @nr: number of pages
 */
struct ram {
	struct page **pages;
	size_t nr;
};

static void ram_release(struct dma_buf *dmabuf);

/* [scatterlist] */
static struct sg_table *ram_map(struct dma_buf_attachment *attach,
				enum dma_data_direction dir)
{
	struct ram *ram = attach->dmabuf->priv;
	struct sg_table *sgt = kzalloc_obj(*sgt);
	int ret;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages(sgt, ram->pages, ram->nr, 0,
					attach->dmabuf->size, GFP_KERNEL);
	if (ret)
		goto err_free;
	ret = dma_map_sgtable(dma_buf_sgt_dma_device(attach), sgt, dir, 0);
	if (ret)
		goto err_table;
	return sgt;

err_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void ram_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	dma_unmap_sgtable(dma_buf_sgt_dma_device(attach), sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

/* [plain] */
static const struct dma_buf_ops ram_plain_ops = {
	DMA_BUF_SIMPLE_SGT_EXP_MATCH(ram_map, ram_unmap),
	.release = ram_release,
};

/* [pages] */
static struct dma_buf_phys_list *ram_make_list(struct dma_buf *dmabuf)
{
	struct ram *ram = dmabuf->priv;

	return dma_buf_phys_list_of_pages(ram->pages, ram->nr);
}

static const struct dma_buf_ops ram_ops = {
	DMA_BUF_SGT_AND_PAGES_EXP_MATCH(ram_map, ram_unmap, ram_make_list),
	.release = ram_release,
};

/* [end] */
