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
 *
 * The match predicts whether mapping will work as far as that can be known without
 * the list: from how the two devices reach each other, which addresses the
 * importer's device can send, and whether it is coherent with the CPU's caches.
 */
#include <linux/align.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/iommu-dma.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "dma-buf-core.h"

#define MAX_SEGMENT ALIGN_DOWN((size_t)UINT_MAX, PAGE_SIZE)

/**
 * struct pal_sgt - a list that is mapped for a device
 * @sgt: the table that the importer sees, with DMA addresses only
 * @list: the exporter's list, until unmap
 * @state: IOVA that all ranges share, if dma_use_iova()
 * @max_segment: maximum length of a segment
 * @bus_addr: the devices use bus addresses for MMIO ranges, which are not mapped
 */
struct pal_sgt {
	struct sg_table sgt;
	const struct dma_buf_phys_list *list;
	struct dma_iova_state state;
	size_t max_segment;
	bool bus_addr;
};

enum pci_p2pdma_map_type dma_buf_p2p_map_type(struct p2pdma_provider *provider,
					      struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_p2p_map_type, provider, dev);
	return pci_p2pdma_map_type(provider, dev);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_p2p_map_type);

/* The BAR that @provider belongs to, or NULL if it cannot be found */
const struct resource *dma_buf_p2p_bar(struct p2pdma_provider *provider)
{
	struct pci_dev *pdev = to_pci_dev(provider->owner);
	int bar;

	KUNIT_STATIC_STUB_REDIRECT(dma_buf_p2p_bar, provider);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pcim_p2pdma_provider(pdev, bar) == provider)
			return pci_resource_n(pdev, bar);
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_p2p_bar);

/* Can the importer send this address? */
static bool can_address(struct device *dev, u64 last)
{
	return last <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/* Can the importer's device send IOVA that is as large as the buffer? */
static const char *check_iova(struct device *dev, size_t size)
{
	return can_address(dev, size - 1) ? NULL :
	       "buffer is larger than the DMA mask of the importer";
}

/*
 * Would MMIO of this provider be mapped for the device? The match has found that
 * the two reach each other, so the PCI core has the result already.
 */
static const char *check_mmio(struct p2pdma_provider *provider,
			      struct device *dev, unsigned int kinds,
			      size_t size)
{
	const struct resource *bar = dma_buf_p2p_bar(provider);
	u64 last = bar ? bar->end : 0;

	switch (dma_buf_p2p_map_type(provider, dev)) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		/* See alloc_iova() */
		if (kinds & BIT(DMA_BUF_PHYS_MEMORY) && use_dma_iommu(dev))
			return "memory beside bus addresses";
		if (bar)
			last += provider->bus_offset;
		break;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		if (use_dma_iommu(dev))
			return check_iova(dev, size);
		break;
	default:
		return "no P2P path between the devices";
	}
	return can_address(dev, last) ? NULL :
	       "BAR is beyond the DMA mask of the importer";
}

bool dma_buf_dev_coherent(struct device *dev)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_dev_coherent, dev);
	return dev_is_dma_coherent(dev);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_dev_coherent);

/* Would memory be mapped for the device without bounce buffers and flushes? */
static const char *check_memory(const struct dma_buf_mapping_match *exp,
				struct device *dev, size_t size)
{
	u64 last = exp->pal_data.last;

	if (!dma_buf_dev_coherent(dev))
		return "importer is not coherent";
	if (use_dma_iommu(dev))
		return check_iova(dev, size);
	if (last ? !can_address(dev, last) : dma_addressing_limited(dev))
		return "memory is beyond the DMA mask of the importer";
	return NULL;
}

static int pal_sgt_check_p2p(const struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp,
			     const char **why)
{
	struct p2pdma_provider *provider = exp->pal_data.provider;
	int ret;

	if (!provider) {
		*why = "exporter names no P2P device";
		return -EOPNOTSUPP;
	}
	ret = dma_buf_sgt_check_p2p(args, to_pci_dev(provider->owner), imp,
				    why);
	if (ret)
		return ret;
	/* Cacheable memory of a device is mapped like any other memory */
	if (exp->pal_data.kinds & BIT(DMA_BUF_PHYS_MMIO))
		*why = check_mmio(provider, dma_buf_sgt_importer(args, imp),
				  exp->pal_data.kinds, args->dmabuf->size);
	return *why ? -EOPNOTSUPP : 0;
}

/* The checks that need the device only, not the ranges */
static const char *check_device(const struct dma_buf_mapping_match *exp,
				struct device *dev, size_t size)
{
	if (!use_dma_iommu(dev) && is_swiotlb_force_bounce(dev))
		return "DMA of the importer is bounced";
	if (exp->flags & DMA_BUF_OFFER_CUT &&
	    dma_get_max_seg_size(dev) < PAGE_SIZE)
		return "segments of the importer are too short";
	if (exp->pal_data.kinds & BIT(DMA_BUF_PHYS_MEMORY))
		return check_memory(exp, dev, size);
	return NULL;
}

static const struct dma_buf_mapping_sgt_exp_ops pal_sgt_exp_ops;

static int pal_sgt_match(const struct dma_buf_match_args *args,
			 const struct dma_buf_mapping_match *exp,
			 const struct dma_buf_mapping_match *imp,
			 struct dma_buf_mapping_match *result, const char **why)
{
	/* Cacheable device memory has no struct pages either */
	bool p2p = exp->pal_data.kinds & BIT(DMA_BUF_PHYS_MMIO) ||
		   exp->pal_data.provider;
	struct device *dev = dma_buf_sgt_importer(args, imp);
	int ret;

	result->exp_ops = &pal_sgt_exp_ops.ops;
	result->sgt_data.importing_dma_device = dev;
	result->sgt_data.exporter_requires_p2p =
		p2p ? DMA_SGT_EXPORTER_REQUIRES_P2P_DISTANCE :
		      DMA_SGT_EXPORTER_NO_P2P;

	if (p2p) {
		ret = pal_sgt_check_p2p(args, exp, imp, why);
		if (ret)
			return ret;
	} else if (imp->sgt_data.importer_accepts_p2p ==
		   DMA_SGT_IMPORTER_REQUIRES_P2P) {
		*why = "importer requires P2P";
		return -EOPNOTSUPP;
	}
	*why = check_device(exp, dev, args->dmabuf->size);
	return *why ? -EOPNOTSUPP : 0;
}

/*
 * The DMA API maps MMIO as such. Cacheable memory is shared with the exporter, which
 * would not see what is in a bounce buffer or not yet flushed.
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

/*
 * Find out how the device reaches the MMIO ranges. If the list names a provider,
 * dma_buf_pal_map() has checked that it is the provider of the match.
 */
static int choose_route(struct pal_sgt *map, struct dma_buf_attachment *attach)
{
	if (!has_kind(map->list, DMA_BUF_PHYS_MMIO))
		return 0;
	if (!map->list->provider)
		return -EOPNOTSUPP;

	switch (dma_buf_p2p_map_type(map->list->provider,
				     dma_buf_sgt_dma_device(attach))) {
	case PCI_P2PDMA_MAP_BUS_ADDR:
		map->bus_addr = true;
		return 0;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* Not DIV_ROUND_UP(): the sum overflows where size_t has 32 bits */
static size_t nr_segments(const struct pal_sgt *map, size_t len)
{
	return len / map->max_segment + !!(len % map->max_segment);
}

/* Spread @len bytes at @addr over as many segments as necessary */
static struct scatterlist *fill_segments(const struct pal_sgt *map,
					 struct scatterlist *sg,
					 dma_addr_t addr, size_t len)
{
	while (len) {
		size_t part = min(len, map->max_segment);

		/* DMA addresses only: importers must not use pages */
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
 * orig_nents is 0 for importers, because the table has no pages. sg_free_table()
 * needs the number of entries in it.
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
		nents = nr_segments(map, size);
	} else {
		for (i = 0; i < list->length; i++) {
			size_t n = nr_segments(map, list->phys[i].len);

			if (check_add_overflow(nents, n, &nents))
				return -EINVAL;
		}
	}
	return sg_alloc_table(&map->sgt, nents, GFP_KERNEL);
}

/*
 * Undo link_ranges() for the first @nr ranges and give the IOVA back. The unmap
 * of a revoked buffer has to end all access, so flush the IOTLB now rather than
 * later. Memory ranges are linked for coherent devices only, so that none needs a
 * sync and the attributes are the same for all.
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

/* Link all ranges one after the other into the IOVA that was reserved for them */
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

	fill_segments(map, map->sgt.sgl, map->state.addr, size);
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
		/* One range can be spread over several segments */
		n = nr_segments(map, list->phys[i].len);
		while (n--)
			sg = sg_next(sg);
	}
}

/*
 * The DMA API does not see bus addresses, so check here that the device can send
 * them. Only addresses inside the provider's BAR have a bus address.
 */
static int bus_addr_of(const struct pal_sgt *map, struct device *dev,
		       const struct phys_vec *vec, dma_addr_t *addr)
{
	const struct resource *bar = dma_buf_p2p_bar(map->list->provider);
	struct resource range = DEFINE_RES_MEM(vec->paddr, vec->len);

	*addr = pci_p2pdma_bus_addr_map(map->list->provider, vec->paddr);
	if (!bar || !resource_contains(bar, &range) ||
	    !can_address(dev, *addr + vec->len - 1))
		return -EOPNOTSUPP;
	return 0;
}

static int map_range(const struct pal_sgt *map, struct device *dev, size_t i,
		     enum dma_data_direction dir, dma_addr_t *addr)
{
	const struct phys_vec *vec = &map->list->phys[i];

	if (range_is_bus_addr(map, i))
		return bus_addr_of(map, dev, vec, addr);

	*addr = dma_map_phys(dev, vec->paddr, vec->len, dir,
			     range_attrs(map->list, i));
	return dma_mapping_error(dev, *addr);
}

/* Map each range at an address of its own */
static int map_ranges(struct pal_sgt *map, struct device *dev,
		      enum dma_data_direction dir)
{
	const struct dma_buf_phys_list *list = map->list;
	struct scatterlist *sg = map->sgt.sgl;
	dma_addr_t addr;
	size_t i;
	int ret;

	for (i = 0; i < list->length; i++) {
		ret = map_range(map, dev, i, dir, &addr);
		if (ret)
			goto err_unmap;
		sg = fill_segments(map, sg, addr, list->phys[i].len);
	}
	return 0;

err_unmap:
	unmap_ranges(map, dev, i, dir);
	return ret;
}

/*
 * Behind an IOMMU, all ranges go into one span of IOVA. If they were mapped one by
 * one, the DMA API would leave the flush of the IOTLB to a queue: see
 * unlink_ranges(). So memory cannot be combined with MMIO that has bus addresses.
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

	map->max_segment = MAX_SEGMENT;
	if (dma_buf_current_match(attach)->flags & DMA_BUF_OFFER_CUT)
		map->max_segment = ALIGN_DOWN(min(MAX_SEGMENT,
						  dma_get_max_seg_size(dev)),
					      PAGE_SIZE);

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

const struct dma_buf_converter dma_buf_pal_to_sgt = {
	.from = &dma_buf_mapping_pal_type,
	.match = pal_sgt_match,
};
