// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping type IOV: a piece of a BAR of a virtual function, for the
 * driver of its physical function.
 *
 * A VF that is assigned to a virtual machine shows, in a BAR, memory that the
 * driver of the PF has given to it. That driver knows where the memory really is
 * and need not go through the BAR. It gets the VF, the BAR and offsets in the BAR,
 * and no address.
 *
 * The exporter offers IOV first and something for other importers behind it,
 * physical ranges for instance. The PCI core knows which function is the PF of a
 * VF, so that only the PF's driver matches. Only the PF knows whether it has memory
 * behind a range, and the answer changes when it gives its VFs other memory: the
 * exporter asks the PF each time that it chooses, see dma_buf_iov_select(), and
 * takes the next match if the PF refuses. The importer is responsible for security:
 * it must not accept an offset that is outside of what this VF has.
 *
 * The type belongs to neither of the two drivers, so that each can be loaded
 * without the other.
 */
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/seq_file.h>

#include "dma-buf-core.h"

#define CREATE_TRACE_POINTS
#include <trace/events/dma_buf_iov.h>

/* The BARs of a VF, as the PF names them: no ROM */
#define IOV_BARS	GENMASK(PCI_SRIOV_NUM_BARS - 1, 0)

static int iov_match(const struct dma_buf_match_args *args,
		     const struct dma_buf_mapping_match *exp,
		     const struct dma_buf_mapping_match *imp,
		     struct dma_buf_mapping_match *result, const char **why)
{
	const struct dma_buf_iov_importer *importer = imp->private_data.ptr;
	/* vf is only read: the entry that it comes from is const */
	struct pci_dev *vf = (struct pci_dev *)exp->private_data.ptr;
	unsigned long bar = exp->private_data.val[0];

	if (WARN_ON_ONCE(!vf || !importer || !importer->refuse ||
			 importer->bars & ~IOV_BARS))
		return -EINVAL;

	*why = "importer is not the VF's PF";
	if (!vf->is_virtfn || !args->dev || !dev_is_pci(args->dev) ||
	    pci_physfn(vf) != to_pci_dev(args->dev))
		return -EOPNOTSUPP;
	*why = "PF does not know what is behind the BAR";
	if (bar >= PCI_SRIOV_NUM_BARS || !(importer->bars & BIT(bar)))
		return -EOPNOTSUPP;

	/* Keep only the name of the VF: the match has no reference on it */
	result->private_data.val[0] = bar;
	result->private_data.val[1] = pci_dev_id(vf);
	return 0;
}

static void iov_debugfs_dump(struct seq_file *s,
			     struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);
	unsigned long id = match->private_data.val[1];

	seq_printf(s, "BAR %lu of %02lx:%02lx.%lx", match->private_data.val[0],
		   PCI_BUS_NUM(id), PCI_SLOT(id), PCI_FUNC(id));
}

static void iov_describe(char *buf, size_t len,
			 const struct dma_buf_mapping_match *entry)
{
	const struct dma_buf_iov_importer *importer = entry->private_data.ptr;
	const struct pci_dev *vf = entry->private_data.ptr;

	if (entry->exp_ops)
		snprintf(buf, len, "(BAR %lu of %s)",
			 entry->private_data.val[0], pci_name(vf));
	else
		snprintf(buf, len, "(BARs %#x)", importer->bars);
}

const struct dma_buf_mapping_type dma_buf_mapping_iov_type = {
	.name = "IOV",
	.match = iov_match,
	.debugfs_dump = iov_debugfs_dump,
	.describe = iov_describe,
	.revocable = true,
};
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_iov_type, "DMA_BUF");

static const struct dma_buf_mapping_iov_exp_ops *
to_iov_ops(const struct dma_buf_mapping_match *match)
{
	return container_of_const(match->exp_ops,
				  struct dma_buf_mapping_iov_exp_ops, ops);
}

/* Is this a piece of the BAR with at most @left bytes, the rest of the buffer? */
static bool range_valid(const struct dma_buf_iov_range *range, u64 bar_len,
			u64 left)
{
	return range->length && PAGE_ALIGNED(range->offset) &&
	       PAGE_ALIGNED(range->length) && range->length <= left &&
	       range->offset <= bar_len &&
	       range->length <= bar_len - range->offset;
}

/*
 * Make sure for importers that the pieces lie in the BAR and together are the
 * buffer. All exporters go through this one check.
 */
static int iov_look(struct dma_buf_attachment *attach,
		    const struct dma_buf_mapping_iov_exp_ops *ops,
		    struct dma_buf_iov *iov)
{
	u64 left = attach->dmabuf->size;
	struct dma_buf_iov_range range;
	unsigned int i;
	u64 bar_len;
	int ret;

	ret = ops->look(attach, iov);
	if (ret)
		return ret;
	if (iov->bar >= PCI_SRIOV_NUM_BARS)
		return -EINVAL;
	bar_len = PAGE_ALIGN((u64)pci_resource_len(iov->vf, iov->bar));
	for (i = 0; i < iov->nr_ranges; i++) {
		ops->range(attach, i, &range);
		if (!range_valid(&range, bar_len, left))
			return -EINVAL;
		left -= range.length;
	}
	return left ? -EINVAL : 0;
}

/* Why the importer cannot use @match, or NULL if it can */
static const char *iov_refused(struct dma_buf_attachment *attach,
			       const struct dma_buf_mapping_match *match)
{
	const struct dma_buf_iov_importer *importer = match->private_data.ptr;
	struct dma_buf_iov iov;
	int ret;

	ret = iov_look(attach, to_iov_ops(match), &iov);
	if (ret == -EINVAL)
		return "not all of it is in the BAR";
	/* A revoked buffer has no type: let the map call return the error */
	return ret ? NULL : importer->refuse(attach, &iov);
}

/**
 * dma_buf_iov_select - &dma_buf_ops.select_mapping for exporters of VFs
 * @attach: the attachment
 * @matches: the set of the attachment
 * @nr_matches: number of @matches
 *
 * Selects the first match, unless that is IOV and the importer cannot use it: then
 * the next. The tracepoint dma_buf:dma_buf_iov_refused shows the reason.
 *
 * Context: The caller holds the reservation lock of the buffer.
 *
 * Return: The index of one of @matches, or -EOPNOTSUPP if the importer takes
 * nothing but IOV and cannot use that.
 */
int dma_buf_iov_select(struct dma_buf_attachment *attach,
		       const struct dma_buf_match *matches,
		       unsigned int nr_matches)
{
	const char *why;
	unsigned int i;

	for (i = 0; i < nr_matches; i++) {
		if (matches[i].result.type != &dma_buf_mapping_iov_type)
			return i;
		why = iov_refused(attach, &matches[i].result);
		if (!why)
			return i;
		trace_dma_buf_iov_refused(attach->dmabuf,
					  &matches[i].result, why);
	}
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_iov_select, "DMA_BUF");

/**
 * dma_buf_iov_map_attachment - map a buffer as a piece of a VF's BAR
 * @attach: attachment that is IOV, see dma_buf_is_iov()
 * @dir: direction of the DMA
 * @iov: filled in
 *
 * The importer uses the memory that it has behind the offsets which
 * dma_buf_iov_range() returns, until the exporter invalidates the buffer.
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 *
 *
 * Return: 0, to be undone with dma_buf_iov_unmap_attachment(); -EPERM if the
 * device would write and dma_buf_device_may_write() says no; -ENODEV if the
 * buffer is revoked; -EINVAL if the attachment is not IOV, or the exporter's
 * ranges are not in its BAR.
 */
int dma_buf_iov_map_attachment(struct dma_buf_attachment *attach,
			       enum dma_data_direction dir,
			       struct dma_buf_iov *iov)
{
	const struct dma_buf_mapping_iov_exp_ops *ops;
	int ret;

	might_sleep();
	dma_resv_assert_held(attach->dmabuf->resv);

	if (dir != DMA_TO_DEVICE && !dma_buf_device_may_write(attach->dmabuf))
		return -EPERM;
	ret = dma_buf_mapping_select(attach);
	if (ret)
		return ret;

	ret = -EINVAL;
	if (WARN_ON(!dma_buf_is_iov(attach)))
		goto err_unselect;
	ops = to_iov_ops(dma_buf_attach_map_type(attach));
	ret = iov_look(attach, ops, iov);
	if (!ret)
		ret = ops->map_iov(attach);
	if (ret)
		goto err_unselect;
	return 0;

err_unselect:
	dma_buf_mapping_unselect(attach);
	dma_buf_mapping_renew(attach);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_iov_map_attachment, "DMA_BUF");

/**
 * dma_buf_iov_unmap_attachment - undo dma_buf_iov_map_attachment()
 * @attach: the attachment
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep.
 */
void dma_buf_iov_unmap_attachment(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	if (WARN_ON(!dma_buf_is_iov(attach)))
		return;
	to_iov_ops(dma_buf_attach_map_type(attach))->unmap_iov(attach);
	dma_buf_mapping_unselect(attach);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_iov_unmap_attachment, "DMA_BUF");

/**
 * dma_buf_iov_range - one of the pieces of a buffer
 * @attach: the attachment, which has a match of IOV
 * @i: index of the piece, less than &dma_buf_iov.nr_ranges
 * @range: filled in
 *
 * For importers, while the buffer is mapped and in &dma_buf_iov_importer.refuse.
 *
 * Context: The caller holds the reservation lock of the buffer.
 */
void dma_buf_iov_range(struct dma_buf_attachment *attach, unsigned int i,
		       struct dma_buf_iov_range *range)
{
	const struct dma_buf_core_attachment *core = to_core_attachment(attach);
	unsigned int m;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* IOV is not the selected match while the exporter chooses */
	for (m = 0; m < core->nr_matches; m++)
		if (core->matches[m].result.type == &dma_buf_mapping_iov_type)
			return to_iov_ops(&core->matches[m].result)
				->range(attach, i, range);
	WARN_ON(1);
	*range = (struct dma_buf_iov_range){};
}
EXPORT_SYMBOL_NS_GPL(dma_buf_iov_range, "DMA_BUF");
