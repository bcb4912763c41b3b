/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_DMABUF_PAL_H
#define VFIO_PCI_DMABUF_PAL_H

#include <linux/dma-buf-mapping.h>

#include "vfio_pci_slice.h"

#ifdef CONFIG_VFIO_PCI_DMABUF
int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args);
#else
/* Without peer-to-peer DMA only CPUs can use a buffer */
static inline int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* VFIO_PCI_DMABUF_PAL_H */
