/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_BARMAP_H
#define VFIO_PCI_BARMAP_H

#include <linux/types.h>

struct vfio_pci_core_device;

int vfio_pci_barmap_claimed(struct vfio_pci_core_device *vdev, unsigned int bar);
void __iomem *vfio_pci_barmap_begin(struct vfio_pci_core_device *vdev,
				    unsigned int bar, loff_t pos, size_t *count);
void vfio_pci_barmap_end(struct vfio_pci_core_device *vdev, unsigned int bar,
			 loff_t pos, void __iomem *io);
bool vfio_pci_barmap_drop(struct vfio_pci_core_device *vdev, unsigned int bar);
void vfio_pci_barmap_release(struct vfio_pci_core_device *vdev);

#endif /* VFIO_PCI_BARMAP_H */
