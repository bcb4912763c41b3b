/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_NVME_H
#define ORACLE_NVME_H

#include <stdbool.h>

#include <libvfio.h>

/*
 * An NVMe controller as a DMA engine: edu takes 100 ms for a transfer, this one a
 * fraction of one. It takes the time of day from memory and stores it there: 8
 * bytes, the lower 48 of which are what it was given and the milliseconds since.
 * One that QEMU stops at the IOMMU reads 0, and there is no word about it.
 */
struct nvme {
	struct vfio_pci_device *dev;
	u32 id;			/* iommufd's name for it */
	void *regs;
	void *ram;		/* at NVME_IOVA, wherever it is attached to */
	int tail, head, phase;
};

#define NVME_IOVA	0x8000000UL
#define NVME_RAM	(3 * 4096UL)

/* The controller that has no memory; false if there is none. */
bool nvme_there(void);
bool nvme_open(struct nvme *n, struct iommu *iommu);
void nvme_close(struct nvme *n);

/* Have it store 8 bytes at an IOVA, and fetch them. */
void nvme_store(struct nvme *n, u64 iova, u64 value);
u64 nvme_load(struct nvme *n, u64 iova);

#endif
