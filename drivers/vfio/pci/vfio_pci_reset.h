/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_RESET_H
#define VFIO_PCI_RESET_H

#include <linux/pci.h>

struct vfio_pci_core_device;

void vfio_pci_bars_error(struct vfio_pci_core_device *vdev,
			 pci_channel_state_t state);
void vfio_pci_bars_unplug(struct vfio_pci_core_device *vdev);

#endif /* VFIO_PCI_RESET_H */
