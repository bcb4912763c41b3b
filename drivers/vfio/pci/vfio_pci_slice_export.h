/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_EXPORT_H
#define VFIO_PCI_SLICE_EXPORT_H

#include <linux/sizes.h>
#include <linux/vfio.h>

#include "vfio_pci_slice.h"

/*
 * Maximum number of ranges of one export: as many as fitted in the largest
 * kmalloc() when the user's array was one, so that user space gets the same
 * error.
 */
#define VFIO_PCI_DMA_BUF_MAX_RANGES	(SZ_4M / sizeof(struct vfio_region_dma_range))

/* Number of ranges that are read to the stack: most slices have one */
#define VFIO_PCI_DMA_BUF_FEW_RANGES	16

struct vfio_region_dma_range *
vfio_pci_dma_buf_get_ranges(struct vfio_region_dma_range *few,
			    const void __user *from, u32 nr_ranges);
void vfio_pci_dma_buf_put_ranges(const struct vfio_region_dma_range *few,
				 const struct vfio_region_dma_range *ranges);
int vfio_pci_dma_buf_export(struct vfio_pci_dma_buf *buf,
			    const struct dma_buf_ops *ops,
			    struct vfio_pci_core_device *vdev,
			    unsigned int bar, size_t size, int flags);

#endif /* VFIO_PCI_SLICE_EXPORT_H */
