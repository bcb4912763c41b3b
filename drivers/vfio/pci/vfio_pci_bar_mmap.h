/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_BAR_MMAP_H
#define VFIO_PCI_BAR_MMAP_H

struct dma_buf_ops;
struct vfio_pci_core_device;
struct vm_area_struct;

extern const struct dma_buf_ops vfio_pci_slice_ops;

int vfio_pci_bar_mmap(struct vfio_pci_core_device *vdev, unsigned int bar,
		      struct vm_area_struct *vma);

#endif /* VFIO_PCI_BAR_MMAP_H */
