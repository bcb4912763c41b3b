/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_DMABUF_IOV_H
#define VFIO_PCI_DMABUF_IOV_H

#include <linux/dma-buf-iov.h>

#include "vfio_pci_slice.h"

#ifdef CONFIG_PCI_IOV
size_t vfio_pci_dma_buf_offer_iov(struct vfio_pci_dma_buf *buf,
				  struct dma_buf_mapping_match *exp);
#define vfio_pci_dma_buf_select dma_buf_iov_select
#else
static inline size_t
vfio_pci_dma_buf_offer_iov(struct vfio_pci_dma_buf *buf,
			   struct dma_buf_mapping_match *exp)
{
	return 0;
}

/* PAL is the only offer */
#define vfio_pci_dma_buf_select NULL
#endif

#endif /* VFIO_PCI_DMABUF_IOV_H */
