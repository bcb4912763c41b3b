/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_FEATURE_H
#define VFIO_PCI_SLICE_FEATURE_H

#include <linux/errno.h>
#include <linux/types.h>

struct dma_buf;
struct vfio_pci_core_device;

int vfio_pci_slice_arg(struct vfio_pci_core_device *vdev, u32 flags, void *to,
		       const void __user *arg, size_t argsz, size_t size);
struct dma_buf *vfio_pci_slice_get(struct vfio_pci_core_device *vdev, int fd);

#ifdef CONFIG_VFIO_PCI_DMABUF
int vfio_pci_feature_dma_buf_revoke(struct vfio_pci_core_device *vdev, u32 flags,
				    void __user *arg, size_t argsz);
#else
static inline int vfio_pci_feature_dma_buf_revoke(struct vfio_pci_core_device *vdev,
						  u32 flags, void __user *arg,
						  size_t argsz)
{
	return -ENOTTY;
}
#endif

#endif /* VFIO_PCI_SLICE_FEATURE_H */
