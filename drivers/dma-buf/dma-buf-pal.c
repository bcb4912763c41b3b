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
 *   in the core's part of the attachment, out of an importer's reach.
 * - Importers get a constructor, a map and an unmap call that are exported to
 *   the modules in PAL_IMPORTERS only. The constructor puts a grant into the
 *   entry, which no other code makes, and the match asks for it. An exporter
 *   sees the entries of those who attach to it and could copy one: it would get
 *   an attachment, and no address, because it cannot call map.
 * - No list reaches an importer before dma_buf_phys_list_check() has seen it.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/pci.h>

#include "dma-buf-core.h"

#if IS_MODULE(CONFIG_DMABUF_MAPPING_KUNIT_TEST)
#define PAL_IMPORTERS "iommufd,dma-buf-mapping-kunit"
#else
#define PAL_IMPORTERS "iommufd"
#endif

/* Only the address counts */
static const u8 pal_grant;

static int pal_match(struct dma_buf *dmabuf,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp)
{
	return imp->pal_data.grant == &pal_grant ? 0 : -EOPNOTSUPP;
}

static const char *pal_why(const struct dma_buf_mapping_match *exp,
			   const struct dma_buf_mapping_match *imp)
{
	return "importer may not have physical addresses";
}

/* The importer learns that it is PAL, and no more */
static void pal_finish_match(struct dma_buf_match_args *args,
			     const struct dma_buf_mapping_match *exp,
			     const struct dma_buf_mapping_match *imp)
{
	struct dma_buf_mapping_match *result = &args->attach->map_type;

	*result = (struct dma_buf_mapping_match){ .type = result->type };
}

static void pal_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	if (entry->exp_ops && entry->pal_data.exporting_p2p_device)
		snprintf(buf, len, "(P2P from %s)",
			 pci_name(entry->pal_data.exporting_p2p_device));
}

const struct dma_buf_mapping_type dma_buf_mapping_pal_type = {
	.name = "PAL",
	.match = pal_match,
	.finish_match = pal_finish_match,
	.describe = pal_describe,
	.why = pal_why,
};

/**
 * dma_buf_pal_exporter_match - make an exporter's PAL entry
 * @ops: exporter operations
 * @p2p_device: PCI function whose BARs the ranges lie in, or NULL. The exporter
 *	keeps it alive until the match is over.
 *
 * See DMA_BUF_EMAPPING_PAL() and DMA_BUF_EMAPPING_PAL_P2P().
 *
 * Return: The entry.
 */
struct dma_buf_mapping_match
dma_buf_pal_exporter_match(const struct dma_buf_mapping_pal_exp_ops *ops,
			   struct pci_dev *p2p_device)
{
	return (struct dma_buf_mapping_match){
		.type = &dma_buf_mapping_pal_type,
		.exp_ops = &ops->ops,
		.pal_data = { .exporting_p2p_device = p2p_device },
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
 * show the neighbour's memory, a short list would be read past its end.
 */
int dma_buf_phys_list_check(const struct dma_buf_phys_list *list, size_t size)
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
		if (list->kinds && list->kinds[i] != DMA_BUF_PHYS_MMIO &&
		    list->kinds[i] != DMA_BUF_PHYS_MEMORY)
			return -EINVAL;
	}
	return total == size ? 0 : -EINVAL;
}

static const struct dma_buf_mapping_pal_exp_ops *
pal_exp_ops(struct dma_buf_attachment *attach)
{
	return container_of_const(to_core_attachment(attach)->exp_ops,
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
	const struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	list = ops->map_phys(attach);
	if (!list)
		return ERR_PTR(-ENOMEM);
	if (IS_ERR(list))
		return list;

	ret = dma_buf_phys_list_check(list, attach->dmabuf->size);
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
	const struct dma_buf_phys_list *list;
	long ret;

	might_sleep();

	if (WARN_ON(attach->map_type.type != &dma_buf_mapping_pal_type))
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

	if (WARN_ON(attach->map_type.type != &dma_buf_mapping_pal_type))
		return;

	dma_buf_pal_unmap(attach, list);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_pal_unmap_phys, PAL_IMPORTERS);
