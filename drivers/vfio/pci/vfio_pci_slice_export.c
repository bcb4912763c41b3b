// SPDX-License-Identifier: GPL-2.0-only
/*
 * The export of slices: from the ranges that user space asks for to a dma-buf.
 */
#include <linux/dma-buf.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_slice_export.h"

/**
 * vfio_pci_dma_buf_get_ranges - copy the user's ranges
 * @few: room for VFIO_PCI_DMA_BUF_FEW_RANGES, used if they are enough
 * @from: the array
 * @nr_ranges: its length
 *
 * The user chooses the number of ranges. It is bounded here, and the user is
 * charged for the copy that vfio_pci_dma_buf_alloc() keeps.
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
 * vfio_pci_dma_buf_put_ranges - undo vfio_pci_dma_buf_get_ranges()
 * @few: its @few
 * @ranges: the array that it returned
 */
void vfio_pci_dma_buf_put_ranges(const struct vfio_region_dma_range *few,
				 const struct vfio_region_dma_range *ranges)
{
	if (ranges != few)
		kvfree(ranges);
}

/*
 * Would mmap() of the BAR map all of the buffer as well? A driver may export
 * other memory, which it has to map in its own way.
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
	/* That function takes all ranges from the BAR */
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
 * and an importer would conclude that the buffer is gone.
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
 * @ops: for the dma-buf, see vfio_pci_dma_buf_create()
 * @vdev: the device, open
 * @bar: the BAR that the slices are in
 * @size: sum of the ranges
 * @flags: how to open the dma-buf's file and its file descriptor
 *
 * Context: Waits for the end of a transition that is in progress. The caller
 * does not hold mmap_lock.
 *
 * Return: File descriptor or -errno.
 */
int vfio_pci_dma_buf_export(struct vfio_pci_dma_buf *buf,
			    const struct dma_buf_ops *ops,
			    struct vfio_pci_core_device *vdev,
			    unsigned int bar, size_t size, int flags)
{
	struct dma_buf *dmabuf;
	int ret;

	buf->bar = bar;
	buf->mappable = vfio_pci_dma_buf_is_bar(buf, vdev, bar);
	dmabuf = vfio_pci_dma_buf_create(buf, ops, size, flags, NULL);
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
