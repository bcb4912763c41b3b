// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device memory that user space has exported, as physical ranges in the BAR.
 */
#include "habanalabs.h"

#include <linux/dma-buf-mapping.h>
#include <linux/math64.h>
#include <linux/pci-p2pdma.h>

/*
 * Walk @size bytes from @offset on through @pages and store the ranges in the BAR,
 * neighbours merged. Returns the number of ranges; @phys may be NULL.
 */
static size_t fill_ranges(struct phys_vec *phys, const u64 *pages,
			  u64 page_size, u64 offset, u64 size, u64 bar_offset)
{
	u64 page = div64_u64_rem(offset, page_size, &offset);
	phys_addr_t end = 0;
	size_t nr = 0;

	for (; size; page++) {
		phys_addr_t paddr = bar_offset + pages[page] + offset;
		u64 len = min(size, page_size - offset);

		if (!nr || paddr != end) {
			if (phys)
				phys[nr] = (struct phys_vec){ .paddr = paddr };
			nr++;
		}
		if (phys)
			phys[nr - 1].len += len;
		end = paddr + len;
		size -= len;
		offset = 0;
	}
	return nr;
}

static struct p2pdma_provider *
hl_provider(const struct hl_dmabuf_priv *hl_dmabuf)
{
	struct hl_device *hdev = hl_dmabuf->ctx->hdev;

	return pcim_p2pdma_provider(hdev->pdev,
				    hdev->pci_mem_region[PCI_REGION_DRAM].bar_id);
}

static const struct dma_buf_phys_list *
hl_dmabuf_map_phys(struct dma_buf_attachment *attach)
{
	struct hl_dmabuf_priv *hl_dmabuf = attach->dmabuf->priv;
	struct hl_device *hdev = hl_dmabuf->ctx->hdev;
	struct hl_vm_phys_pg_pack *pack = hl_dmabuf->phys_pg_pack;
	const u64 *pages = pack ? pack->pages : &hl_dmabuf->device_phys_addr;
	u64 size = attach->dmabuf->size;
	u64 page_size = pack ? pack->page_size : size;
	u64 bar_offset = hdev->dram_pci_bar_start -
			 hdev->asic_prop.dram_base_address;
	struct dma_buf_phys_list *list;
	size_t nr;

	/* The provider is freed when the driver unbinds */
	if (hdev->device_fini_pending)
		return ERR_PTR(-ENODEV);

	nr = fill_ranges(NULL, pages, page_size, hl_dmabuf->offset, size,
			 bar_offset);
	list = dma_buf_phys_list_alloc(nr, GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);

	list->provider = hl_provider(hl_dmabuf);
	fill_ranges(list->phys, pages, page_size, hl_dmabuf->offset, size,
		    bar_offset);
	return list;
}

static void hl_dmabuf_unmap_phys(struct dma_buf_attachment *attach,
				 const struct dma_buf_phys_list *list)
{
	kvfree(list);
}

static const struct dma_buf_mapping_pal_exp_ops hl_dmabuf_pal_ops = {
	.map_phys = hl_dmabuf_map_phys,
	.unmap_phys = hl_dmabuf_unmap_phys,
};

/*
 * The core makes scatterlists of the ranges, with segments as long as the importer's
 * device allows. Domains are left out: they would have to lose the ranges when the
 * device is removed, and this driver does not revoke.
 */
int hl_dmabuf_match_mapping(const struct dma_buf_match_args *args)
{
	struct hl_dmabuf_priv *hl_dmabuf = args->dmabuf->priv;
	struct dma_buf_mapping_match exp;

	/* The provider is freed when the driver unbinds */
	if (hl_dmabuf->ctx->hdev->device_fini_pending)
		return -ENODEV;

	exp = DMA_BUF_EMAPPING_PAL_P2P(&hl_dmabuf_pal_ops,
				       hl_provider(hl_dmabuf));
	exp = dma_buf_offer(exp, DMA_BUF_OFFER_SGT | DMA_BUF_OFFER_CUT);
	return dma_buf_match_mapping(args, &exp, 1);
}
