/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_WC_H
#define VFIO_PCI_WC_H

#include <linux/mm.h>

#include "vfio_pci_slice.h"

#ifdef CONFIG_VFIO_PCI_WC
bool vfio_pci_wc_same(struct vfio_pci_bars *bars, unsigned long pfn,
		      unsigned int order);
int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
		    struct vfio_pci_dma_buf *buf, bool wc);
void vfio_pci_wc_init(struct vfio_pci_bars *bars);
bool vfio_pci_wc_revoked(struct vfio_pci_dma_buf *buf);
int vfio_pci_wc_revoke(struct vfio_pci_dma_buf *buf, bool killable);
void vfio_pci_wc_release(struct dma_buf *dmabuf);
void vfio_pci_wc_close_buf(struct vfio_pci_dma_buf *buf);
void vfio_pci_wc_close(struct vfio_pci_core_device *vdev);

static inline void vfio_pci_wc_cancel(struct vfio_pci_bars *bars)
{
	cancel_work_sync(&bars->wc.work);
}
#else
/* Here mappings have a type, and pages have none */
static inline bool vfio_pci_wc_same(struct vfio_pci_bars *bars,
				    unsigned long pfn, unsigned int order)
{
	return true;
}

static inline int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
				  struct vfio_pci_dma_buf *buf, bool wc)
{
	WRITE_ONCE(buf->want_wc, wc);
	return 0;
}

static inline void vfio_pci_wc_init(struct vfio_pci_bars *bars)
{
}

static inline bool vfio_pci_wc_revoked(struct vfio_pci_dma_buf *buf)
{
	return false;
}

static inline int vfio_pci_wc_revoke(struct vfio_pci_dma_buf *buf,
				     bool killable)
{
	return 0;
}

#define vfio_pci_wc_release vfio_pci_dma_buf_release

static inline void vfio_pci_wc_close_buf(struct vfio_pci_dma_buf *buf)
{
}

static inline void vfio_pci_wc_close(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_wc_cancel(struct vfio_pci_bars *bars)
{
}
#endif

#endif /* VFIO_PCI_WC_H */
