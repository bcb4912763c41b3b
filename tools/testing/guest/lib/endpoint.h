/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ENDPOINT_H
#define GUEST_ENDPOINT_H

#include <stdbool.h>
#include <linux/vfio.h>

#include <libvfio.h>

/*
 * A PCI device of this process: bound to iommufd, attached to the IOAS, BARs
 * mapped, memory and bus mastering on. @id, if not NULL, takes its id at
 * iommufd. Ends with vfio_pci_device_cleanup().
 */
struct vfio_pci_device *endpoint_open(const char *bdf, struct iommu *iommu, u32 *id);

/* Attach to an IOAS or a page table, instead of the former one. */
int endpoint_attach(struct vfio_pci_device *dev, u32 pt_id);
int endpoint_detach(struct vfio_pci_device *dev);

/* A driver's operations on its device that take its memory away. */
void endpoint_memory(struct vfio_pci_device *dev, bool on);
void endpoint_power(struct vfio_pci_device *dev, int state);
void endpoint_flr(struct vfio_pci_device *dev);
void endpoint_hot_reset(struct vfio_pci_device *dev);

/* An operation of another process: a reset that the driver does not request. */
void endpoint_sysfs_reset(struct vfio_pci_device *dev);

/*
 * Let vfio-pci export ranges of a BAR as a dma-buf. Returns its file descriptor
 * or -errno.
 */
int endpoint_export(struct vfio_pci_device *dev, int bar,
		    const struct vfio_region_dma_range *ranges, u32 nr_ranges);

/* The same, with every field chosen by the caller; @nr ranges are there. */
int endpoint_export_raw(struct vfio_pci_device *dev, u32 feature_flags,
			const struct vfio_device_feature_dma_buf *buf,
			const struct vfio_region_dma_range *ranges, size_t nr);

#endif
