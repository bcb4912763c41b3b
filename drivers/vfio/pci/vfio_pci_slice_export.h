/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_EXPORT_H
#define VFIO_PCI_SLICE_EXPORT_H

#include <linux/sizes.h>
#include <linux/vfio.h>

#include "vfio_pci_slice.h"

/*
 * Ranges of one export. As many as a single kmalloc() of the user's array held
 * while it was one, so that the error stays what user space knows.
 */
#define VFIO_PCI_DMA_BUF_MAX_RANGES	(SZ_4M / sizeof(struct vfio_region_dma_range))

/* So many are read to the stack: most slices have one */
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
