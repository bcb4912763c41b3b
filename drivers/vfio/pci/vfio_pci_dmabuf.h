/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_DMABUF_H
#define VFIO_PCI_DMABUF_H

#include <linux/completion.h>
#include <linux/dma-buf-mapping.h>
#include <linux/kref.h>
#include <linux/list.h>

struct vfio_pci_core_device;
struct vfio_region_dma_range;

/*
 * Ranges of one export. As many as a single kmalloc() of the user's array held
 * while it was one, so that the error stays what user space knows.
 */
#define VFIO_PCI_DMA_BUF_MAX_RANGES	(SZ_4M / sizeof(struct vfio_region_dma_range))

/**
 * struct vfio_pci_dma_buf - slices of a device's BARs as a dma-buf
 * @dmabuf: the buffer, which owns this object
 * @vdev: the device, NULL once it was closed, with a vfio_device registration.
 *	Written under &vfio_pci_core_device.memory_lock and while @revoked, so
 *	that it can be used under the reservation lock while not @revoked.
 * @dmabufs_elm: in &vfio_pci_core_device.dmabufs, under its memory_lock
 * @list: where the slices are, allocated with this. Constant; its provider belongs to the driver
 *	binding of the device and may be used only under the reservation lock and
 *	while not @revoked.
 * @kref: one reference while not revoked and one for each mapping. The
 *	references of mappings come and go under the reservation lock.
 * @comp: completed by the last reference of @kref
 * @revoked: no mapping may be made. Written under the reservation lock and
 *	memory_lock, so that either is good to read it.
 */
struct vfio_pci_dma_buf {
	struct dma_buf *dmabuf;
	struct vfio_pci_core_device *vdev;
	struct list_head dmabufs_elm;
	struct dma_buf_phys_list *list;
	struct kref kref;
	struct completion comp;
	bool revoked;
};

extern const struct dma_buf_ops vfio_pci_dmabuf_ops;

struct vfio_region_dma_range *
vfio_pci_dma_buf_get_ranges(const void __user *from, u32 nr_ranges);
struct vfio_pci_dma_buf *
vfio_pci_dma_buf_alloc(struct vfio_pci_core_device *vdev, u32 nr_ranges);
void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *priv);
void vfio_pci_dma_buf_done(struct kref *kref);

#endif /* VFIO_PCI_DMABUF_H */
