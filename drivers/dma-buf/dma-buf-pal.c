// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping type PAL: a list of physical address ranges.
 *
 * Physical addresses are for importers that manage address spaces on behalf of
 * others and whose every use of them is known: iommufd fills IOMMU page tables.
 * Anybody else could put the addresses where the exporter cannot take them back
 * from. So the type is private to the core, and who may use it is enforced:
 *
 * - Exporters get a constructor for their entry, open to all, because an
 *   exporter only gives away what it owns. After the match their operations are
 *   in the core's part of the attachment, where no interface leads to.
 * - Importers get a constructor, a map and an unmap call that are exported to
 *   the modules in PAL_IMPORTERS only. The constructor puts a grant into the
 *   entry, which no other code makes, and the match asks for it. An exporter
 *   sees the entries of those who attach to it and could copy one: it would get
 *   an attachment, and no address, because it cannot call map.
 * - No list reaches an importer before dma_buf_phys_list_check() has seen it.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/pci-p2pdma.h>

#include "dma-buf-core.h"

#if IS_MODULE(CONFIG_DMABUF_MAPPING_KUNIT_TEST)
#define PAL_IMPORTERS "iommufd,dma-buf-mapping-kunit"
#else
#define PAL_IMPORTERS "iommufd"
#endif

/* Only the address counts */
static const u8 pal_grant;

/* The importer learns that it is PAL, and what kinds of memory there may be */
static int pal_match(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp,
		     struct dma_buf_mapping_match *result, const char **why)
{
	*result = (struct dma_buf_mapping_match){
		.type = imp->type,
		.pal_data = { .kinds = exp->pal_data.kinds },
	};
	if (imp->pal_data.grant == &pal_grant)
		return 0;
	*why = "importer may not have physical addresses";
	return -EOPNOTSUPP;
}

static void pal_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	if (entry->exp_ops && entry->pal_data.provider)
		snprintf(buf, len, "(P2P from %s)",
			 dev_name(entry->pal_data.provider->owner));
}

const struct dma_buf_mapping_type dma_buf_mapping_pal_type = {
	.name = "PAL",
	.match = pal_match,
	.describe = pal_describe,
};

/**
 * dma_buf_pal_exporter_match - make an exporter's PAL entry
 * @ops: exporter operations
 * @provider: peer-to-peer provider of the MMIO ranges, or NULL. The exporter
 *	keeps it and its device alive until the match is over.
 * @kinds: what a list may have: BIT() of each &enum dma_buf_phys_kind
 * @last: no memory is at a higher address, or 0 if the exporter does not know:
 *	then it is taken to be anywhere in RAM
 *
 * See DMA_BUF_EMAPPING_PAL() and DMA_BUF_EMAPPING_PAL_P2P().
 *
 * Return: The entry.
 */
struct dma_buf_mapping_match
dma_buf_pal_exporter_match(const struct dma_buf_mapping_pal_exp_ops *ops,
			   struct p2pdma_provider *provider, unsigned int kinds,
			   u64 last)
{
	return (struct dma_buf_mapping_match){
		.type = &dma_buf_mapping_pal_type,
		.exp_ops = &ops->ops,
		.pal_data = {
			.provider = provider,
			.last = last,
			.kinds = kinds,
		},
	};
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pal_exporter_match, "DMA_BUF");

/**
 * dma_buf_pal_importer_match - make an importer's PAL entry
 *
 * See DMA_BUF_IMAPPING_PAL(). The entry must not be shown to anybody but
 * dma_buf_mapping_attach().
 *
 * Return: The entry.
 */
struct dma_buf_mapping_match dma_buf_pal_importer_match(void)
{
	return (struct dma_buf_mapping_match){
		.type = &dma_buf_mapping_pal_type,
		.pal_data = { .grant = &pal_grant },
	};
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_pal_importer_match, PAL_IMPORTERS);

/*
 * A misaligned address would be rounded down to a page when it is mapped and
 * show the neighbour's memory, a short list would be read past its end. @kinds
 * is what the exporter has offered.
 */
int dma_buf_phys_list_check(const struct dma_buf_phys_list *list, size_t size,
			    unsigned int kinds)
{
	size_t total = 0;
	size_t i;

	if (!list->length)
		return -EINVAL;

	for (i = 0; i < list->length; i++) {
		const struct phys_vec *vec = &list->phys[i];
		phys_addr_t last;

		if (!vec->len || !PAGE_ALIGNED(vec->paddr | vec->len))
			return -EINVAL;
		if (check_add_overflow(vec->paddr, vec->len - 1, &last) ||
		    check_add_overflow(total, vec->len, &total))
			return -EINVAL;
		if (list->kinds && list->kinds[i] > DMA_BUF_PHYS_MEMORY)
			return -EINVAL;
		/* Importers were matched for what was offered, and no more */
		if (!(kinds & BIT(dma_buf_phys_list_kind(list, i))))
			return -EINVAL;
	}
	return total == size ? 0 : -EINVAL;
}

static const struct dma_buf_mapping_pal_exp_ops *
pal_exp_ops(struct dma_buf_attachment *attach)
{
	return container_of_const(dma_buf_current_match(attach)->offer,
				  struct dma_buf_mapping_pal_exp_ops, ops);
}

/*
 * Get the list of an attachment whose exporter speaks PAL. The caller is the
 * importer's map call or the converter to another type.
 */
const struct dma_buf_phys_list *
dma_buf_pal_map(struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_pal_exp_ops *ops = pal_exp_ops(attach);
	const struct dma_buf_match *match = dma_buf_current_match(attach);
	const struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	list = ops->map_phys(attach);
	if (!list)
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(list))
		return list;

	ret = dma_buf_phys_list_check(list, attach->dmabuf->size, match->kinds);
	/* Nothing is known of the way to another device's memory */
	if (!ret && list->provider && list->provider != match->provider)
		ret = -EINVAL;
	if (ret) {
		pr_err_ratelimited("dma-buf exporter %s: malformed physical list\n",
				   attach->dmabuf->exp_name);
		ops->unmap_phys(attach, list);
		return ERR_PTR(ret);
	}
	return list;
}

void dma_buf_pal_unmap(struct dma_buf_attachment *attach,
		       const struct dma_buf_phys_list *list)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	pal_exp_ops(attach)->unmap_phys(attach, list);
}

static const struct dma_buf_phys_list *
map_and_wait(struct dma_buf_attachment *attach)
{
	const struct dma_buf_phys_list *list;
	long ret;

	if (WARN_ON(dma_buf_attach_map_type(attach)->type !=
		    &dma_buf_mapping_pal_type))
		return ERR_PTR(-EINVAL);

	list = dma_buf_pal_map(attach);
	if (IS_ERR(list))
		return list;

	ret = dma_resv_wait_timeout(attach->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0) {
		dma_buf_pal_unmap(attach, list);
		return ERR_PTR(ret);
	}
	return list;
}

/**
 * dma_buf_pal_map_phys - get the physical ranges of a buffer
 * @attach: attachment of type PAL
 *
 * The list was checked: page-aligned, non-empty ranges, together as long as the
 * buffer. It is the exporter's, read-only, and may be used until
 * dma_buf_pal_unmap_phys(), which the importer has to call from its
 * &dma_buf_attach_ops.invalidate_mappings, after it has taken the addresses out
 * of wherever it put them. Moves that the exporter has queued are over.
 *
 * Context: The reservation lock of the buffer is held. May sleep.
 *
 * Return: The list, or an ERR_PTR: -EINVAL if the attachment is not PAL or the
 * exporter's list is malformed, -ENODEV after a revoke, -ENOMEM, -ERESTARTSYS
 * when interrupted, or another error of the exporter.
 */
const struct dma_buf_phys_list *
dma_buf_pal_map_phys(struct dma_buf_attachment *attach)
{
	struct dma_buf_core_attachment *core = to_core_attachment(attach);
	const struct dma_buf_phys_list *list;
	int made;

	might_sleep();
	dma_resv_assert_held(attach->dmabuf->resv);

	made = dma_buf_use_begin(core);
	if (made < 0)
		return ERR_PTR(made);
	list = map_and_wait(attach);
	if (IS_ERR(list))
		dma_buf_use_undo(core, made);
	return list;
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_pal_map_phys, PAL_IMPORTERS);

/**
 * dma_buf_pal_unmap_phys - give the physical ranges of a buffer back
 * @attach: attachment of type PAL
 * @list: what dma_buf_pal_map_phys() returned
 *
 * Nothing that the importer answers for uses the addresses any more.
 *
 * Context: The reservation lock of the buffer is held. May sleep.
 */
void dma_buf_pal_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
	might_sleep();

	if (WARN_ON(dma_buf_attach_map_type(attach)->type !=
		    &dma_buf_mapping_pal_type))
		return;

	dma_buf_pal_unmap(attach, list);
	dma_buf_use_end(to_core_attachment(attach));
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_pal_unmap_phys, PAL_IMPORTERS);
