/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_TRANSITION_H
#define VFIO_PCI_TRANSITION_H

#include "vfio_pci_bars.h"

struct vfio_pci_core_device;

void vfio_pci_transition_init(struct vfio_pci_bars *bars);
void vfio_pci_bars_cut_cpus(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_bars *bars);
bool vfio_pci_bars_tell(struct vfio_pci_bars *bars, bool killable, int *ret);
int vfio_pci_bars_take(struct vfio_pci_core_device *vdev,
		       struct vfio_pci_bars *bars, bool killable);
void vfio_pci_bars_pause(struct vfio_pci_core_device *vdev);
int vfio_pci_bars_stop(struct vfio_pci_core_device *vdev);
int vfio_pci_bars_stop_begin(struct vfio_pci_core_device *vdev);
int vfio_pci_bars_stop_wait(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_start(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_settle(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_bars *bars);
int vfio_pci_lock_and_stop_bars(struct vfio_pci_core_device *vdev);
void vfio_pci_start_bars_and_unlock(struct vfio_pci_core_device *vdev);

#endif /* VFIO_PCI_TRANSITION_H */
