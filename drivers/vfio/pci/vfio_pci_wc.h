/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_WC_H
#define VFIO_PCI_WC_H

#include <linux/mm.h>

#include "vfio_pci_dmabuf.h"

#ifdef CONFIG_VFIO_PCI_WC
bool vfio_pci_wc_allows(struct vfio_pci_dma_buf *buf,
			struct vm_area_struct *vma, unsigned long pfn,
			unsigned int order);
int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
		    struct vfio_pci_dma_buf *buf, u32 memattr);
void vfio_pci_wc_give_back(struct vfio_pci_dma_buf *buf);
void vfio_pci_wc_fini(struct vfio_pci_dma_buf *buf);
#else
/* Pages have no type, mappings have */
static inline bool vfio_pci_wc_allows(struct vfio_pci_dma_buf *buf,
				      struct vm_area_struct *vma,
				      unsigned long pfn, unsigned int order)
{
	return true;
}

static inline int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
				  struct vfio_pci_dma_buf *buf, u32 memattr)
{
	WRITE_ONCE(buf->memattr, memattr);
	return 0;
}

static inline void vfio_pci_wc_give_back(struct vfio_pci_dma_buf *buf)
{
}

static inline void vfio_pci_wc_fini(struct vfio_pci_dma_buf *buf)
{
}
#endif

#endif /* VFIO_PCI_WC_H */
