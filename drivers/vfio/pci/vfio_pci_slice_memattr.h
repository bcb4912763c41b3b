/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_MEMATTR_H
#define VFIO_PCI_SLICE_MEMATTR_H

#include <linux/errno.h>
#include <linux/types.h>

struct vfio_pci_core_device;

#ifdef CONFIG_VFIO_PCI_DMABUF
int vfio_pci_feature_dma_buf_memattr(struct vfio_pci_core_device *vdev, u32 flags,
				     void __user *arg, size_t argsz);
#else
static inline int vfio_pci_feature_dma_buf_memattr(struct vfio_pci_core_device *vdev,
						   u32 flags, void __user *arg,
						   size_t argsz)
{
	return -ENOTTY;
}
#endif

#endif /* VFIO_PCI_SLICE_MEMATTR_H */
