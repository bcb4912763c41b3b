/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_EDU_H
#define GUEST_EDU_H

#include <stdbool.h>

#include <libvfio.h>

/*
 * QEMU's "edu" device: a DMA engine between the bus and a buffer of its own.
 * A transfer takes 100 ms, and must be shorter than the buffer.
 */
#define EDU_MAX		4095
#define EDU_IOVA_END	0x10000000UL	/* the limit of its DMA */

struct edu {
	struct vfio_pci_device *dev;
	u32 id;			/* its id at iommufd */
	void *regs;
};

/* The nth edu of the machine; false if there is none. */
bool edu_open(struct edu *edu, struct iommu *iommu, int nth);

void edu_load(struct edu *edu, u64 iova, size_t len);	/* bus to buffer */
void edu_store(struct edu *edu, u64 iova, size_t len);	/* buffer to bus */
bool edu_busy(struct edu *edu);
void edu_wait(struct edu *edu);

#endif
