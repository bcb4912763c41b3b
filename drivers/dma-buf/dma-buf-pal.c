// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping type PAL: a list of physical address ranges.
 *
 * Exporters offer it, and importers never see it. An importer could put an address
 * where the exporter cannot take it back from, and nothing would show that. So the
 * core makes another type of every list: a scatterlist that is mapped for a device,
 * or a mapping in a domain. The core undoes both when the exporter revokes the
 * buffer.
 *
 * The exporter's operations are in the core's part of the attachment, which no
 * interface exposes, and dma_buf_phys_list_check() checks each list before the core
 * uses it.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/pci-p2pdma.h>
#include <linux/scatterlist.h>

#include <kunit/visibility.h>

#include "dma-buf-core.h"

static void pal_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	if (entry->pal_data.provider)
		snprintf(buf, len, "(P2P from %s)",
			 dev_name(entry->pal_data.provider->owner));
}

const struct dma_buf_mapping_type dma_buf_mapping_pal_type = {
	.name = "PAL",
	.describe = pal_describe,
};
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_pal_type, "DMA_BUF");

/*
 * Mapping would round a misaligned address down to a page and show the neighbour's
 * memory, and would read past the end of a short list. @kinds are the kinds that the
 * exporter has offered.
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
		/* The importer was matched for the offered kinds only */
		if (!(kinds & BIT(dma_buf_phys_list_kind(list, i))))
			return -EINVAL;
	}
	return total == size ? 0 : -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_phys_list_check);

static const struct dma_buf_mapping_pal_exp_ops *
pal_exp_ops(struct dma_buf_attachment *attach)
{
	return container_of_const(dma_buf_current_match(attach)->offer,
				  struct dma_buf_mapping_pal_exp_ops, ops);
}

/*
 * Get the list of an attachment whose exporter offers PAL. The caller makes another
 * type of it.
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
	/* The match checked the path to match->provider, and to no other device */
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

/* Scatterlists are left out: their map calls select the match and wait themselves */
static bool is_domain(const struct dma_buf_attachment *attach)
{
	const struct dma_buf_match *match = dma_buf_current_match(attach);

	return match->conv && !dma_buf_match_is_sgt(&match->result);
}

static const struct dma_buf_phys_list *
map_and_wait(struct dma_buf_attachment *attach)
{
	const struct dma_buf_phys_list *list;
	long ret;

	if (WARN_ON(!is_domain(attach)))
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

/*
 * The list of an attachment of the DOMAIN type, for use until
 * dma_buf_pal_unmap_phys(). Waits for the moves that the exporter has queued.
 *
 * Returns the list, or an ERR_PTR: -EINVAL if the attachment is of another type
 * or the exporter's list is malformed, -ENODEV after a revoke, -ENOMEM,
 * -ERESTARTSYS when interrupted, or another error of the exporter.
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
EXPORT_SYMBOL_IF_KUNIT(dma_buf_pal_map_phys);

/* The importer has stopped using the addresses in everything that it has mapped */
void dma_buf_pal_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
	might_sleep();

	if (WARN_ON(!is_domain(attach)))
		return;

	dma_buf_pal_unmap(attach, list);
	dma_buf_use_end(to_core_attachment(attach));
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_pal_unmap_phys);
