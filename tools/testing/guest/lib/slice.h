/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SLICE_H
#define GUEST_SLICE_H

#include <stddef.h>

#include "endpoint.h"
#include "slice_uapi.h"

#define SLICE_NC	VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_NC
#define SLICE_WC	VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC

/* A device feature with every field chosen by the caller: 0 or -errno. */
int slice_feature(struct vfio_pci_device *dev, u32 flags, const void *data,
		  size_t len);

/*
 * Revoke a slice permanently, with or without waiting for importers; set the
 * CPU's memory type of later mappings.
 */
int slice_revoke(struct vfio_pci_device *dev, int dmabuf);
int slice_start_revoke(struct vfio_pci_device *dev, int dmabuf);
int slice_memattr(struct vfio_pci_device *dev, int dmabuf, u32 memattr);

/* Low power, by runtime power management: 0 or -errno. */
int slice_low_power(struct vfio_pci_device *dev, bool on);

/* One range of a BAR as a dma-buf, or -errno. */
int slice_export(struct vfio_pci_device *dev, int bar, u64 offset, u64 length);

/* A shared mapping of a file, or NULL with errno. */
void *map_shared(int fd, u64 offset, size_t length, int prot);

/* The same at an address that is @skew above a multiple of @align. */
void *map_aligned(int fd, u64 offset, size_t length, int prot, size_t align,
		  size_t skew);

/*
 * A word that distinguishes the pages of a BAR: written to the start of each
 * page, and read from there.
 */
void pages_sign(void *bar, size_t length);
u64 page_sign(u64 offset);

/* Does a mapping that starts at @offset of the BAR show these words? */
bool pages_are(const void *map, size_t length, u64 offset);

#endif
