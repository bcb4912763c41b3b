/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_NVME_H
#define ORACLE_NVME_H

#include <stdbool.h>

#include <libvfio.h>

/*
 * An NVMe controller as a DMA engine: edu takes 100 ms for a transfer, this one
 * a fraction of a millisecond. It reads a time of day from memory and stores it
 * there: 8 bytes, whose lower 48 bits are the given value plus the milliseconds
 * since. If the IOMMU stops the controller, QEMU's reads 0, and reports no
 * error.
 */
struct nvme {
	struct vfio_pci_device *dev;
	u32 id;			/* its id at iommufd */
	void *regs;
	void *ram;		/* at NVME_IOVA, in each address space it is attached to */
	int tail, head, phase;
};

#define NVME_IOVA	0x7000000UL	/* arm64 has its MSIs at 0x8000000 */
#define NVME_RAM	(3 * GUEST_PAGE)

/* The controller without memory; false if there is none. */
bool nvme_there(void);
bool nvme_open(struct nvme *n, struct iommu *iommu);
void nvme_close(struct nvme *n);

/* Let it store 8 bytes at an IOVA, or load them. */
void nvme_store(struct nvme *n, u64 iova, u64 value);
u64 nvme_load(struct nvme *n, u64 iova);

#endif
