/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_OPEN_H
#define VFIO_PCI_OPEN_H

struct vfio_pci_core_device;

void vfio_pci_bars_init_dev(struct vfio_pci_core_device *vdev);
int vfio_pci_bars_prepare(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_open(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_close(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_release(struct vfio_pci_core_device *vdev);

#endif /* VFIO_PCI_OPEN_H */
