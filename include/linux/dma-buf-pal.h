/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PAL, the physical address list mapping type: the ranges of the buffer in the
 * CPU's physical address space. Exporters offer it to the core, which makes
 * scatterlists and mappings in domains of it.
 *
 * Included by <linux/dma-buf-mapping.h>.
 */
#ifndef _LINUX_DMA_BUF_PAL_H
#define _LINUX_DMA_BUF_PAL_H

#include <linux/dma-buf.h>
#include <linux/overflow.h>
#include <linux/slab.h>

struct p2pdma_provider;
struct page;
struct sg_table;

extern const struct dma_buf_mapping_type dma_buf_mapping_pal_type;

/**
 * enum dma_buf_phys_kind - what lies at a physical range
 * @DMA_BUF_PHYS_MMIO: device memory or registers, mapped uncached and, for a
 *	DMA, as peer-to-peer
 * @DMA_BUF_PHYS_MEMORY: cacheable memory, coherent for DMA like RAM
 */
enum dma_buf_phys_kind {
	DMA_BUF_PHYS_MMIO = 0,
	DMA_BUF_PHYS_MEMORY = 1,
};

/**
 * struct dma_buf_phys_list - the physical ranges of a buffer, in buffer order
 * @provider: peer-to-peer provider of the MMIO ranges. Without one the MMIO
 *	ranges cannot be mapped through the DMA API.
 * @kinds: &enum dma_buf_phys_kind of each range, NULL if all are of @kind
 * @kind: &enum dma_buf_phys_kind of all ranges, if @kinds is NULL
 * @length: number of ranges
 * @phys: the ranges: page-aligned, not empty, together as long as the buffer.
 *	Ranges may overlap: a buffer may show the same memory twice.
 *
 * The exporter owns the list and everything it points to, from
 * &dma_buf_mapping_pal_exp_ops.map_phys to the matching unmap_phys. It may hand
 * the same list to several importers at once.
 */
struct dma_buf_phys_list {
	struct p2pdma_provider *provider;
	const u8 *kinds;
	u8 kind;
	size_t length;
	struct phys_vec phys[] __counted_by(length);
};

/**
 * dma_buf_phys_list_alloc - allocate a zeroed list of MMIO ranges
 * @length: number of ranges, at least one
 * @gfp: GFP_KERNEL_ACCOUNT where user space chooses @length
 *
 * Return: The list, to be freed with kvfree(), or NULL.
 */
static inline struct dma_buf_phys_list *
dma_buf_phys_list_alloc(size_t length, gfp_t gfp)
{
	struct dma_buf_phys_list *list;

	list = kvzalloc(struct_size(list, phys, length), gfp);
	if (list)
		list->length = length;
	return list;
}

/**
 * dma_buf_phys_list_kind - what lies at range @i of @list
 * @list: the list
 * @i: index of the range
 *
 * Return: The kind.
 */
static inline enum dma_buf_phys_kind
dma_buf_phys_list_kind(const struct dma_buf_phys_list *list, size_t i)
{
	return list->kinds ? list->kinds[i] : list->kind;
}

/**
 * struct dma_buf_mapping_pal_exp_ops - exporter operations of the PAL type
 *
 * Only the core calls them, and it checks every list before it uses it.
 */
struct dma_buf_mapping_pal_exp_ops {
	/** @ops: tag, see &struct dma_buf_mapping_exp_ops. */
	struct dma_buf_mapping_exp_ops ops;

	/**
	 * @map_phys:
	 *
	 * Returns the ranges of the buffer. Called with the reservation lock
	 * held, may sleep. The memory must stay there until @unmap_phys, which
	 * the core calls for a dynamic importer soon after
	 * dma_buf_invalidate_mappings(). An exporter that needs its importers to
	 * be revocable puts %DMA_BUF_OFFER_REVOCABLE on its offer. If it must not
	 * wait for an importer's memory when it revokes, it has its list ready.
	 *
	 * Returns:
	 *
	 * The list, or an ERR_PTR: -ENODEV after the buffer was revoked. NULL
	 * counts as -ENOMEM.
	 */
	const struct dma_buf_phys_list *
	(*map_phys)(struct dma_buf_attachment *attach);

	/**
	 * @unmap_phys:
	 *
	 * The importer has stopped using the addresses of the list. Called with
	 * the reservation lock held, may sleep, cannot fail.
	 */
	void (*unmap_phys)(struct dma_buf_attachment *attach,
			   const struct dma_buf_phys_list *list);
};

/**
 * struct dma_buf_pages_exp_ops - operations of an exporter of ordinary memory
 * @pal: the core's own
 * @make_list: returns the list of the buffer, which kvfree() can free. Called once,
 *	with the reservation lock held; the core keeps the list until the buffer is
 *	freed. May sleep. Returns an ERR_PTR if it fails.
 */
struct dma_buf_pages_exp_ops {
	struct dma_buf_mapping_pal_exp_ops pal;
	struct dma_buf_phys_list *(*make_list)(struct dma_buf *dmabuf);
};

const struct dma_buf_phys_list *
dma_buf_pages_map_phys(struct dma_buf_attachment *attach);
void dma_buf_pages_unmap_phys(struct dma_buf_attachment *attach,
			      const struct dma_buf_phys_list *list);
struct dma_buf_phys_list *
dma_buf_phys_list_of_pages(struct page *const *pages, size_t nr_pages);
struct dma_buf_phys_list *dma_buf_phys_list_of_sgt(const struct sg_table *sgt);

/**
 * DMA_BUF_EMAPPING_RANGES - exporter entry for the PAL type
 * @pal_exp_ops: pointer to the &struct dma_buf_mapping_pal_exp_ops
 * @p2p_provider: peer-to-peer provider of the device with the ranges, or NULL. The
 *	exporter keeps it and its device alive until the match is over. The
 *	exporter's lists name the same provider.
 * @phys_kinds: the kinds that a list may have: BIT() of each &enum dma_buf_phys_kind
 * @last_byte: the highest address of the memory, or 0 if the exporter does not know
 *	it, which stands for anywhere in RAM
 *
 * A macro, so that it can initialise a static object.
 */
#define DMA_BUF_EMAPPING_RANGES(pal_exp_ops, p2p_provider, phys_kinds, last_byte) \
	((struct dma_buf_mapping_match){				\
		.type = &dma_buf_mapping_pal_type,			\
		.exp_ops = &(pal_exp_ops)->ops,				\
		.pal_data = {						\
			.provider = (p2p_provider),			\
			.last = (last_byte),				\
			.kinds = (phys_kinds),				\
		},							\
	})

/**
 * DMA_BUF_EMAPPING_PAL - exporter entry for the PAL type, memory
 * @pal_exp_ops: pointer to the &struct dma_buf_mapping_pal_exp_ops
 *
 * All ranges are %DMA_BUF_PHYS_MEMORY. Serves importers of address spaces and of
 * scatterlists, if their devices are coherent and reach all of memory.
 */
#define DMA_BUF_EMAPPING_PAL(pal_exp_ops)				\
	DMA_BUF_EMAPPING_RANGES(pal_exp_ops, NULL,			\
				BIT(DMA_BUF_PHYS_MEMORY), 0)

/**
 * DMA_BUF_EMAPPING_PAL_P2P - exporter entry for the PAL type, a BAR
 * @pal_exp_ops: pointer to the &struct dma_buf_mapping_pal_exp_ops
 * @provider: peer-to-peer provider of the BAR; the exporter keeps it and its
 *	PCI function alive until the match is over. Its lists name the same provider.
 *
 * All ranges are %DMA_BUF_PHYS_MMIO. Serves importers of address spaces, and
 * those of scatterlists that accept peer-to-peer and whose device can reach the
 * BAR.
 */
#define DMA_BUF_EMAPPING_PAL_P2P(pal_exp_ops, provider)		\
	DMA_BUF_EMAPPING_RANGES(pal_exp_ops, provider,			\
				BIT(DMA_BUF_PHYS_MMIO), 0)

/**
 * DMA_BUF_SGT_AND_PAGES_EXP_MATCH - a dma_buf_ops that offers plain SGT, and its
 * pages to address spaces
 * @_map_dma_buf: &dma_buf_mapping_sgt_exp_ops.map_dma_buf
 * @_unmap_dma_buf: &dma_buf_mapping_sgt_exp_ops.unmap_dma_buf
 * @_make_list: &dma_buf_pages_exp_ops.make_list
 *
 * For ordinary memory that stays where it is for the life of the buffer. Goes
 * into the initialiser of a &struct dma_buf_ops at file scope.
 */
#define DMA_BUF_SGT_AND_PAGES_EXP_MATCH(_map_dma_buf, _unmap_dma_buf,	\
					_make_list)			\
	DMA_BUF_SIMPLE_SGT_EXP_MATCH(_map_dma_buf, _unmap_dma_buf),	\
	.domain_exporter_match = &(const struct dma_buf_mapping_match){	\
		.type = &dma_buf_mapping_pal_type,			\
		.exp_ops = &((const struct dma_buf_pages_exp_ops){	\
			.pal.map_phys = dma_buf_pages_map_phys,		\
			.pal.unmap_phys = dma_buf_pages_unmap_phys,	\
			.make_list = (_make_list),			\
		}).pal.ops,						\
		.flags = DMA_BUF_OFFER_DOMAIN,				\
		.pal_data = { .kinds = BIT(DMA_BUF_PHYS_MEMORY) },	\
	}

#endif /* _LINUX_DMA_BUF_PAL_H */
