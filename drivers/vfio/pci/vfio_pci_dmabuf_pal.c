// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci as a dma-buf exporter: slices of a BAR as physical ranges (PAL).
 *
 * BAR memory cannot move and cannot be pinned; it can only be taken away, when
 * the device is reset, loses its memory decode or is closed. So an importer has
 * to be revocable. The dma-buf core maps the ranges into the domains of iommufd,
 * and makes scatterlists of them for importers whose device can do peer-to-peer
 * with ours. Better than that, but for the driver of a VF's PF only, is what
 * vfio_pci_dmabuf_iov.c offers.
 *
 * What takes the buffer away changes the state that vfio_pci_dma_buf_on() looks
 * at, takes the reservation lock, tells the importers and waits until there is
 * no mapping of any kind. vfio_pci_dma_buf_map_begin() tests the state under the
 * same lock, so no mapping begins after that.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"

/* Why an importer cannot have the buffer. Only some ask if it will come back. */
static int vfio_pci_dma_buf_errno(struct vfio_pci_dma_buf *buf,
				  const struct dma_buf_attachment *attach)
{
	if (dma_buf_attach_restorable(attach) && !vfio_pci_dma_buf_gone(buf))
		return -EAGAIN;
	return -ENODEV;
}

static const struct dma_buf_phys_list *
vfio_pci_dma_buf_map_phys(struct dma_buf_attachment *attach)
{
	struct vfio_pci_dma_buf *buf = attach->dmabuf->priv;
	int ret = vfio_pci_dma_buf_map_begin(buf);

	return ret ? ERR_PTR(vfio_pci_dma_buf_errno(buf, attach)) : buf->list;
}

static void vfio_pci_dma_buf_unmap_phys(struct dma_buf_attachment *attach,
					const struct dma_buf_phys_list *list)
{
	vfio_pci_dma_buf_map_end(attach->dmabuf->priv);
}

static const struct dma_buf_mapping_pal_exp_ops vfio_pci_dma_buf_pal_ops = {
	.map_phys = vfio_pci_dma_buf_map_phys,
	.unmap_phys = vfio_pci_dma_buf_unmap_phys,
};

/**
 * vfio_pci_dma_buf_match - negotiate the mapping type
 * @args: what the core passes
 *
 * Matching asks how the importer's device gets to ours, which needs a function
 * that answers to config accesses, and the bridges above it. A reference on the
 * function is not enough for that. But everything that takes one of them away
 * revokes the buffer first, under the reservation lock.
 *
 * What was matched may be revoked right after: vfio_pci_dma_buf_map_begin() will
 * see it.
 *
 * Return: What dma_buf_match_mapping() says, -EINTR if the task was killed, or
 * -ENODEV if the buffer is revoked and the importer would have been taken: -EAGAIN
 * if it will come back and the importer would notice.
 */
int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args)
{
	struct vfio_pci_dma_buf *buf = args->dmabuf->priv;
	bool revocable = dma_buf_attach_revocable(args->attach);
	struct dma_buf_mapping_match exp[2];
	size_t n;
	int ret;

	atomic_inc(&buf->matching);
	/* Counted first, then the state: see vfio_pci_dma_buf_quiet() */
	smp_mb__after_atomic();
	ret = dma_buf_lock_killable(args->dmabuf);
	if (ret)
		goto out;
	ret = -EOPNOTSUPP;
	if (revocable)
		ret = vfio_pci_dma_buf_errno(buf, args->attach);
	if (vfio_pci_dma_buf_on(buf)) {
		n = vfio_pci_dma_buf_offer_iov(buf, exp);
		exp[n] = DMA_BUF_EMAPPING_RANGES(&vfio_pci_dma_buf_pal_ops,
						 buf->list->provider,
						 BIT(buf->list->kind), 0);
		exp[n] = dma_buf_offer(exp[n], DMA_BUF_OFFER_REVOCABLE);
		ret = dma_buf_match_mapping(args, exp, n + 1);
	}
	dma_resv_unlock(args->dmabuf->resv);
out:
	atomic_dec(&buf->matching);
	return ret;
}

/**
 * vfio_pci_dma_buf_get_ranges - copy the user's ranges
 * @few: where to put them if they are few, of VFIO_PCI_DMA_BUF_FEW_RANGES
 * @from: the array
 * @nr_ranges: its length
 *
 * Their number is the user's choice too: bounded here, and what is kept of them
 * is charged to the user in vfio_pci_dma_buf_alloc().
 *
 * Return: The array, for vfio_pci_dma_buf_put_ranges(), or an ERR_PTR.
 */
struct vfio_region_dma_range *
vfio_pci_dma_buf_get_ranges(struct vfio_region_dma_range *few,
			    const void __user *from, u32 nr_ranges)
{
	if (nr_ranges > VFIO_PCI_DMA_BUF_MAX_RANGES)
		return ERR_PTR(-ENOMEM);
	if (nr_ranges > VFIO_PCI_DMA_BUF_FEW_RANGES)
		return vmemdup_array_user(from, nr_ranges, sizeof(*few));
	if (copy_from_user(few, from, nr_ranges * sizeof(*few)))
		return ERR_PTR(-EFAULT);
	return few;
}

/**
 * vfio_pci_dma_buf_put_ranges - free what vfio_pci_dma_buf_get_ranges() allocated
 * @few: its @few
 * @ranges: what it returned
 */
void vfio_pci_dma_buf_put_ranges(const struct vfio_region_dma_range *few,
				 const struct vfio_region_dma_range *ranges)
{
	if (ranges != few)
		kvfree(ranges);
}

/*
 * Is all of the buffer what mmap() of the BAR would map as well? A driver may
 * export other memory than that, which it has to map in its own way.
 */
static bool vfio_pci_dma_buf_is_bar(struct vfio_pci_dma_buf *buf,
				    struct vfio_pci_core_device *vdev,
				    unsigned int bar)
{
	u64 start = pci_resource_start(vdev->pdev, bar);
	u64 len = PAGE_ALIGN((u64)pci_resource_len(vdev->pdev, bar));
	size_t i;

	if (!vdev->bar_mmap_supported[bar])
		return false;
	/* That one takes nothing from anywhere else */
	if (vdev->pci_ops->get_dmabuf_phys == vfio_pci_core_get_dmabuf_phys)
		return true;
	for (i = 0; i < buf->list->length; i++) {
		const struct phys_vec *phys = &buf->list->phys[i];

		if (phys->paddr < start || phys->paddr - start > len ||
		    phys->len > len - (phys->paddr - start))
			return false;
	}
	return true;
}

/*
 * A buffer that is made during a transition cannot be imported until its end,
 * and an importer would take that for the end of the buffer.
 */
static int vfio_pci_dma_buf_settle(struct vfio_pci_bars *bars)
{
	if (wait_event_killable(bars->settled, vfio_pci_bars_settled(bars)))
		return -EINTR;
	return 0;
}

/**
 * vfio_pci_dma_buf_export - give slices of a BAR to user space
 * @buf: the slices. Freed by the dma-buf or, if this fails, here.
 * @vdev: the device, open
 * @bar: the BAR they are in
 * @size: their sum
 * @flags: how to open the dma-buf's file and its file descriptor
 *
 * Context: Waits for the end of a transition that is in progress. mmap_lock is
 * not held.
 *
 * Return: File descriptor or -errno.
 */
int vfio_pci_dma_buf_export(struct vfio_pci_dma_buf *buf,
			    struct vfio_pci_core_device *vdev,
			    unsigned int bar, size_t size, int flags)
{
	struct dma_buf *dmabuf;
	int ret;

	buf->bar = bar;
	buf->mappable = vfio_pci_dma_buf_is_bar(buf, vdev, bar);
	dmabuf = vfio_pci_dma_buf_create(buf, size, flags, NULL);
	if (IS_ERR(dmabuf)) {
		vfio_pci_dma_buf_free(buf);
		return PTR_ERR(dmabuf);
	}

	ret = vfio_pci_dma_buf_settle(vdev->bars);
	/* The file descriptor takes over the reference */
	if (!ret)
		ret = dma_buf_fd(dmabuf, flags);
	if (ret < 0)
		dma_buf_put(dmabuf);
	return ret;
}
