/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_REVOKE_H
#define VFIO_PCI_REVOKE_H

#include "vfio_pci_slice.h"

int vfio_pci_dma_buf_revoke(struct vfio_pci_dma_buf *buf);
int vfio_pci_dma_buf_start_revoke(struct vfio_pci_dma_buf *buf);

#endif /* VFIO_PCI_REVOKE_H */
