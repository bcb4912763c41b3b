// SPDX-License-Identifier: GPL-2.0
#include <unistd.h>

#include <linux/io.h>

#include "edu.h"
#include "endpoint.h"
#include "pci.h"

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98
#define EDU_DMA_START	1
#define EDU_DMA_TO_BUS	2
#define EDU_BUFFER	0x40000

bool edu_open(struct edu *edu, struct iommu *iommu, int nth)
{
	const char *bdf = pci_find(&pci_edu, nth);

	if (!bdf)
		return false;
	edu->dev = endpoint_open(bdf, iommu, &edu->id);
	edu->regs = edu->dev->bars[0].vaddr;
	VFIO_ASSERT_NOT_NULL(edu->regs);
	return true;
}

static void edu_start(struct edu *edu, u64 src, u64 dst, size_t len, u64 cmd)
{
	VFIO_ASSERT_LE(len, EDU_MAX);
	VFIO_ASSERT_FALSE(edu_busy(edu));
	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(len, edu->regs + EDU_DMA_COUNT);
	writeq(cmd | EDU_DMA_START, edu->regs + EDU_DMA_CMD);
}

void edu_load(struct edu *edu, u64 iova, size_t len)
{
	edu_start(edu, iova, EDU_BUFFER, len, 0);
}

void edu_store(struct edu *edu, u64 iova, size_t len)
{
	edu_start(edu, EDU_BUFFER, iova, len, EDU_DMA_TO_BUS);
}

bool edu_busy(struct edu *edu)
{
	return readq(edu->regs + EDU_DMA_CMD) & EDU_DMA_START;
}

void edu_wait(struct edu *edu)
{
	int tries = 10000;

	while (edu_busy(edu)) {
		usleep(1000);
		VFIO_ASSERT_GT(--tries, 0, "%s hangs", edu->dev->bdf);
	}
}
