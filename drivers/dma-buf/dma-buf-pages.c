// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of ordinary memory, whose pages stay where they are. The core works out
 * the list of ranges once, when the buffer is first mapped for a domain, and keeps
 * it with the buffer. User space decides how many ranges there are, and how many
 * importers.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/scatterlist.h>

#include "dma-buf-core.h"

/* Add a piece of memory to the list. Without @list, only count. */
static void add_piece(struct dma_buf_phys_list *list, size_t *nr,
		      phys_addr_t *end, phys_addr_t paddr, size_t len)
{
	bool grows = *nr && paddr == *end;

	*end = paddr + len;
	if (!grows)
		++*nr;
	if (!list)
		return;
	if (!grows)
		list->phys[*nr - 1] = (struct phys_vec){ .paddr = paddr };
	list->phys[*nr - 1].len += len;
}

static size_t scan_pages(struct dma_buf_phys_list *list,
			 struct page *const *pages, size_t nr_pages)
{
	phys_addr_t end = 0;
	size_t i, nr = 0;

	for (i = 0; i < nr_pages; i++)
		add_piece(list, &nr, &end, page_to_phys(pages[i]), PAGE_SIZE);
	return nr;
}

/* User space chooses the length: a list that is too long is no kernel bug */
static struct dma_buf_phys_list *alloc_memory_list(size_t nr)
{
	struct dma_buf_phys_list *list;

	list = dma_buf_phys_list_alloc(nr, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (list)
		list->kind = DMA_BUF_PHYS_MEMORY;
	return list;
}

/**
 * dma_buf_phys_list_of_pages - the list of a buffer that is made of pages
 * @pages: the pages, which do not move while the list exists
 * @nr_pages: number of @pages, at least one
 *
 * Contiguous pages become one range.
 *
 * Return: The list, for kvfree(), or an ERR_PTR of -ENOMEM.
 */
struct dma_buf_phys_list *
dma_buf_phys_list_of_pages(struct page *const *pages, size_t nr_pages)
{
	struct dma_buf_phys_list *list;

	list = alloc_memory_list(scan_pages(NULL, pages, nr_pages));
	if (!list)
		return ERR_PTR(-ENOMEM);
	scan_pages(list, pages, nr_pages);
	return list;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_phys_list_of_pages, "DMA_BUF");

static size_t scan_table(struct dma_buf_phys_list *list,
			 const struct sg_table *sgt)
{
	struct scatterlist *sg;
	phys_addr_t end = 0;
	size_t nr = 0;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i)
		add_piece(list, &nr, &end, sg_phys(sg), sg->length);
	return nr;
}

/**
 * dma_buf_phys_list_of_sgt - the list of a buffer whose pages are in a table
 * @sgt: the table, whose pages do not move while the list is used. It need not
 *	be mapped for a device.
 *
 * Contiguous pages become one range.
 *
 * Return: The list, for kvfree(), or an ERR_PTR of -ENOMEM.
 */
struct dma_buf_phys_list *dma_buf_phys_list_of_sgt(const struct sg_table *sgt)
{
	struct dma_buf_phys_list *list;

	list = alloc_memory_list(scan_table(NULL, sgt));
	if (!list)
		return ERR_PTR(-ENOMEM);
	scan_table(list, sgt);
	return list;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_phys_list_of_sgt, "DMA_BUF");

static const struct dma_buf_pages_exp_ops *
pages_exp_ops(struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_pal_exp_ops *pal =
		container_of_const(dma_buf_current_match(attach)->offer,
				   struct dma_buf_mapping_pal_exp_ops, ops);

	return container_of_const(pal, struct dma_buf_pages_exp_ops, pal);
}

/**
 * dma_buf_pages_map_phys - &dma_buf_mapping_pal_exp_ops.map_phys of exporters with
 * &struct dma_buf_pages_exp_ops
 * @attach: the attachment
 *
 * Return: The list of the buffer, or an ERR_PTR of -ENOMEM.
 */
const struct dma_buf_phys_list *
dma_buf_pages_map_phys(struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(dmabuf->resv);

	if (!dmabuf->pages) {
		list = pages_exp_ops(attach)->make_list(dmabuf);
		if (IS_ERR(list))
			return list;
		dmabuf->pages = list;
	}
	return dmabuf->pages;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pages_map_phys, "DMA_BUF");

/**
 * dma_buf_pages_unmap_phys - &dma_buf_mapping_pal_exp_ops.unmap_phys of exporters
 * with &struct dma_buf_pages_exp_ops
 * @attach: the attachment
 * @list: the list, which stays with the buffer
 */
void dma_buf_pages_unmap_phys(struct dma_buf_attachment *attach,
			      const struct dma_buf_phys_list *list)
{
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pages_unmap_phys, "DMA_BUF");
