/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_AREA_H
#define VFIO_PCI_AREA_H

#include "vfio_pci_slice_map.h"

struct dma_buf;
struct file;
struct vfio_device;

bool vfio_pci_area_skew(const struct vfio_pci_slice_map *map, unsigned long page,
			unsigned long npages, unsigned long size,
			unsigned long *skew);
unsigned long vfio_pci_dma_buf_get_area(struct dma_buf *dmabuf,
					unsigned long addr, unsigned long len,
					unsigned long pgoff,
					unsigned long flags);
unsigned long vfio_pci_get_area(struct vfio_device *core_vdev, struct file *file,
				unsigned long addr, unsigned long len,
				unsigned long pgoff, unsigned long flags);

#endif /* VFIO_PCI_AREA_H */
