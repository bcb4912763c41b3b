// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf converter from PAL to SGT: an exporter gives physical ranges, an
 * importer gets a scatterlist that the core has mapped for its device.
 *
 * A list is mapped in one of two ways. If the DMA API can reserve one span of
 * IOVA for all of the buffer, every range is linked into it and the importer
 * gets a single segment. Otherwise each range has an address of its own: a bus
 * address if the two devices talk below a common switch, else whatever
 * dma_map_phys() returns.
 *
 * A segment's length is an unsigned int, so that a range may need several.
 */
#include <linux/align.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "dma-buf-core.h"

#define MAX_SEGMENT ALIGN_DOWN((size_t)UINT_MAX, PAGE_SIZE)

/**
 * struct pal_sgt - a list that is mapped for a device
 * @sgt: what the importer sees, DMA addresses only
 * @list: what the exporter gave, until unmap
 * @state: IOVA that all ranges share, if dma_use_iova()
 * @bus_addr: MMIO ranges were not mapped, the devices use bus addresses
 */
struct pal_sgt {
	struct sg_table sgt;
	const struct dma_buf_phys_list *list;
	struct dma_iova_state state;
	bool bus_addr;
};

static int pal_sgt_match(struct dma_buf *dmabuf,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp)
{
	struct pci_dev *pdev = exp->pal_data.exporting_p2p_device;

	return pdev ? dma_buf_sgt_check_p2p(pdev, imp) : 0;
}

static const char *pal_sgt_why(const struct dma_buf_mapping_match *exp,
			       const struct dma_buf_mapping_match *imp)
{
	return dma_buf_sgt_why_no_p2p(exp->pal_data.exporting_p2p_device, imp);
}

/*
 * MMIO goes through the DMA API as such. Cacheable memory is shared with its
 * owner: bouncing or flushing it would take it apart.
 */
static unsigned long range_attrs(const struct dma_buf_phys_list *list, size_t i)
{
	return dma_buf_phys_list_kind(list, i) == DMA_BUF_PHYS_MMIO ?
		DMA_ATTR_MMIO : DMA_ATTR_REQUIRE_COHERENT;
}

static bool range_is_bus_addr(const struct pal_sgt *map, size_t i)
{
	return map->bus_addr &&
	       dma_buf_phys_list_kind(map->list, i) == DMA_BUF_PHYS_MMIO;
}

static bool has_kind(const struct dma_buf_phys_list *list,
		     enum dma_buf_phys_kind kind)
{
	size_t i;

	for (i = 0; i < list->length; i++)
		if (dma_buf_phys_list_kind(list, i) == kind)
			return true;
	return false;
}

enum pci_p2pdma_map_type dma_buf_p2p_map_type(struct p2pdma_provider *provider,
					      struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_p2p_map_type, provider, dev);
	return pci_p2pdma_map_type(provider, dev);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_p2p_map_type);

/*
 * How do the MMIO ranges get to the device? An offer that names no device was
 * matched without a look at the way there, so MMIO has no place in its list.
 */
static int choose_route(struct pal_sgt *map, struct dma_buf_attachment *attach)
{
	if (!has_kind(map->list, DMA_BUF_PHYS_MMIO))
		return 0;
	if (!map->list->provider || !dma_buf_sgt_p2p_allowed(attach))
		return -EOPNOTSUPP;

	switch (dma_buf_p2p_map_type(map->list->provider,
				     dma_buf_sgt_dma_device(attach))) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		map->bus_addr = true;
		return 0;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* Not DIV_ROUND_UP(): the sum overflows where a size_t has 32 bits */
static size_t nr_segments(size_t len)
{
	return len / MAX_SEGMENT + !!(len % MAX_SEGMENT);
}

/* Spread @len bytes at @addr over as many segments as they need */
static struct scatterlist *fill_segments(struct scatterlist *sg,
					 dma_addr_t addr, size_t len)
{
	while (len) {
		size_t part = min(len, MAX_SEGMENT);

		/* DMA addresses only, importers have no use for a page */
		sg_set_page(sg, NULL, 0, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = part;
		addr += part;
		len -= part;
		sg = sg_next(sg);
	}
	return sg;
}

/*
 * There is no CPU side of the table, and orig_nents says so to importers. But
 * it is also what the table is freed by.
 */
static void free_segments(struct pal_sgt *map)
{
	map->sgt.orig_nents = map->sgt.nents;
	sg_free_table(&map->sgt);
}

static int alloc_segments(struct pal_sgt *map, size_t size)
{
	const struct dma_buf_phys_list *list = map->list;
	unsigned int nents = 0;
	size_t i;

	if (dma_use_iova(&map->state)) {
		nents = nr_segments(size);
	} else {
		for (i = 0; i < list->length; i++) {
			size_t n = nr_segments(list->phys[i].len);

			if (check_add_overflow(nents, n, &nents))
				return -EINVAL;
		}
	}
	return sg_alloc_table(&map->sgt, nents, GFP_KERNEL);
}

/*
 * Undo link_ranges() for the first @nr ranges and give the IOVA back. The unmap
 * of a revoked buffer has to be the end of all access, so this does not leave
 * the flush of the IOTLB to later. Ranges of memory are linked for coherent
 * devices only, so that none needs a sync and one attribute does for all.
 */
static void unlink_ranges(struct pal_sgt *map, struct device *dev, size_t nr,
			  enum dma_data_direction dir)
{
	size_t len = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		len += map->list->phys[i].len;
	if (len)
		dma_iova_unlink(dev, &map->state, 0, len, dir, DMA_ATTR_MMIO);
	dma_iova_free(dev, &map->state);
}

/* Put all ranges side by side into the IOVA that was reserved for them */
static int link_ranges(struct pal_sgt *map, struct device *dev, size_t size,
		       enum dma_data_direction dir)
{
	const struct dma_buf_phys_list *list = map->list;
	size_t offset = 0;
	size_t i;
	int ret;

	for (i = 0; i < list->length; i++) {
		ret = dma_iova_link(dev, &map->state, list->phys[i].paddr,
				    offset, list->phys[i].len, dir,
				    range_attrs(list, i));
		if (ret)
			goto err_unlink;
		offset += list->phys[i].len;
	}

	ret = dma_iova_sync(dev, &map->state, 0, size);
	if (ret)
		goto err_unlink;

	fill_segments(map->sgt.sgl, map->state.addr, size);
	return 0;

err_unlink:
	unlink_ranges(map, dev, i, dir);
	return ret;
}

/* Undo map_ranges() for the first @nr ranges */
static void unmap_ranges(struct pal_sgt *map, struct device *dev, size_t nr,
			 enum dma_data_direction dir)
{
	const struct dma_buf_phys_list *list = map->list;
	struct scatterlist *sg = map->sgt.sgl;
	size_t i, n;

	for (i = 0; i < nr; i++) {
		if (!range_is_bus_addr(map, i))
			dma_unmap_phys(dev, sg_dma_address(sg),
				       list->phys[i].len, dir,
				       range_attrs(list, i));
		/* One mapping can be spread over several segments */
		n = nr_segments(list->phys[i].len);
		while (n--)
			sg = sg_next(sg);
	}
}

/* Give each range an address of its own */
static int map_ranges(struct pal_sgt *map, struct device *dev,
		      enum dma_data_direction dir)
{
	const struct dma_buf_phys_list *list = map->list;
	struct scatterlist *sg = map->sgt.sgl;
	size_t i;
	int ret;

	for (i = 0; i < list->length; i++) {
		const struct phys_vec *vec = &list->phys[i];
		dma_addr_t addr;

		if (range_is_bus_addr(map, i)) {
			addr = pci_p2pdma_bus_addr_map(list->provider,
						       vec->paddr);
		} else {
			addr = dma_map_phys(dev, vec->paddr, vec->len, dir,
					    range_attrs(list, i));
			ret = dma_mapping_error(dev, addr);
			if (ret)
				goto err_unmap;
		}
		sg = fill_segments(sg, addr, vec->len);
	}
	return 0;

err_unmap:
	unmap_ranges(map, dev, i, dir);
	return ret;
}

/*
 * What goes through an IOMMU is side by side in one span of IOVA. Mapped one by
 * one, ranges would leave the flush of the IOTLB to a queue: see unlink_ranges().
 * So there is no way for memory next to MMIO that has bus addresses.
 */
static int alloc_iova(struct pal_sgt *map, struct device *dev, size_t size)
{
	if (!use_dma_iommu(dev))
		return 0;
	if (map->bus_addr)
		return has_kind(map->list, DMA_BUF_PHYS_MEMORY) ?
			-EOPNOTSUPP : 0;
	return dma_iova_try_alloc(dev, &map->state, 0, size) ? 0 : -ENOMEM;
}

static int map_list(struct pal_sgt *map, struct dma_buf_attachment *attach,
		    enum dma_data_direction dir)
{
	struct device *dev = dma_buf_sgt_dma_device(attach);
	size_t size = attach->dmabuf->size;
	int ret;

	/* The DMA API keeps a flag in the top bit of the size */
	if ((u64)size & DMA_IOVA_USE_SWIOTLB)
		return -EINVAL;

	ret = choose_route(map, attach);
	if (ret)
		return ret;
	ret = alloc_iova(map, dev, size);
	if (ret)
		return ret;

	ret = alloc_segments(map, size);
	if (ret) {
		if (dma_use_iova(&map->state))
			dma_iova_free(dev, &map->state);
		return ret;
	}

	if (dma_use_iova(&map->state))
		ret = link_ranges(map, dev, size, dir);
	else
		ret = map_ranges(map, dev, dir);
	if (ret) {
		free_segments(map);
		return ret;
	}

	map->sgt.orig_nents = 0;
	return 0;
}

static struct sg_table *pal_sgt_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct pal_sgt *map;
	int ret;

	map = kzalloc_obj(*map);
	if (!map)
		return ERR_PTR(-ENOMEM);

	map->list = dma_buf_pal_map(attach);
	if (IS_ERR(map->list)) {
		ret = PTR_ERR(map->list);
		goto err_free;
	}

	ret = map_list(map, attach, dir);
	if (ret)
		goto err_unmap;
	return &map->sgt;

err_unmap:
	dma_buf_pal_unmap(attach, map->list);
err_free:
	kfree(map);
	return ERR_PTR(ret);
}

static void pal_sgt_unmap(struct dma_buf_attachment *attach,
			  struct sg_table *sgt, enum dma_data_direction dir)
{
	struct pal_sgt *map = container_of(sgt, struct pal_sgt, sgt);
	struct device *dev = dma_buf_sgt_dma_device(attach);

	if (dma_use_iova(&map->state))
		unlink_ranges(map, dev, map->list->length, dir);
	else
		unmap_ranges(map, dev, map->list->length, dir);

	free_segments(map);
	dma_buf_pal_unmap(attach, map->list);
	kfree(map);
}

static const struct dma_buf_mapping_sgt_exp_ops pal_sgt_exp_ops = {
	.map_dma_buf = pal_sgt_map,
	.unmap_dma_buf = pal_sgt_unmap,
};

static void pal_sgt_finish(struct dma_buf_match_args *args,
			   const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp)
{
	args->attach->map_type.exp_ops = &pal_sgt_exp_ops.ops;
	dma_buf_sgt_finish(args->attach, imp,
			   exp->pal_data.exporting_p2p_device ?
				   DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE :
				   DMA_SGT_EXPORTER_NO_P2P);
}

const struct dma_buf_converter dma_buf_pal_to_sgt = {
	.from = &dma_buf_mapping_pal_type,
	.to = &dma_buf_mapping_sgt_type,
	.match = pal_sgt_match,
	.finish = pal_sgt_finish,
	.why = pal_sgt_why,
};
