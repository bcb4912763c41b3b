// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/io.h>

#include "lib/endpoint.h"
#include "lib/ioas.h"
#include "lib/pci.h"

#include "nvme.h"

#define INTMS		0x0c
#define CC		0x14
#define CSTS		0x1c
#define AQA		0x24
#define ASQ		0x28
#define ACQ		0x30
#define TAIL		0x1000
#define HEAD		0x1004

#define ENABLE		(1 | 6 << 16 | 4 << 20)
#define SET_FEATURES	0x09
#define GET_FEATURES	0x0a
#define TIMESTAMP	0x0e

/* The queues, a page each, and the word that the controller reads and writes */
#define ENTRIES		64
#define SQ		0
#define CQ		4096
#define WORD		8192

struct command {
	u32 opcode, nsid;
	u64 rsvd, mptr, prp1, prp2;
	u32 dw10, dw11, dw12, dw13, dw14, dw15;
};

struct completion {
	u32 result, rsvd, sq, status;
};

static const char *find(void)
{
	const char *bdf;
	int i;

	for (i = 0; (bdf = pci_find(&pci_nvme_flr, i)); i++)
		if (!pci_bar_phys(bdf, 2))
			return bdf;
	return NULL;
}

bool nvme_there(void)
{
	return find();
}

static void wait_ready(struct nvme *n, bool ready)
{
	int tries = 30000;

	while ((readl(n->regs + CSTS) & 1) != ready) {
		usleep(1000);
		VFIO_ASSERT_GT(--tries, 0, "%s does not start", n->dev->bdf);
	}
}

bool nvme_open(struct nvme *n, struct iommu *iommu)
{
	const char *bdf = find();

	if (!bdf)
		return false;
	n->ram = mmap(NULL, NVME_RAM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	VFIO_ASSERT_NE(n->ram, MAP_FAILED);
	VFIO_ASSERT_EQ(ioas_map(iommu->iommufd, iommu->ioas_id, n->ram, NVME_RAM, NVME_IOVA,
				IOAS_RW), 0);
	n->dev = endpoint_open(bdf, iommu, &n->id);
	n->regs = n->dev->bars[0].vaddr;
	VFIO_ASSERT_NOT_NULL(n->regs);

	writel(0, n->regs + CC);
	wait_ready(n, false);
	writel((ENTRIES - 1) << 16 | (ENTRIES - 1), n->regs + AQA);
	writeq(NVME_IOVA + SQ, n->regs + ASQ);
	writeq(NVME_IOVA + CQ, n->regs + ACQ);
	writel(ENABLE, n->regs + CC);
	wait_ready(n, true);
	/* The interrupts would have no handler. */
	writel(~0, n->regs + INTMS);
	n->tail = 0;
	n->head = 0;
	n->phase = 1;
	return true;
}

void nvme_close(struct nvme *n)
{
	vfio_pci_device_cleanup(n->dev);
	munmap(n->ram, NVME_RAM);
}

/*
 * Usually it takes no time. The loop reads neither the clock nor the device,
 * because that would keep the emulator from running the device.
 */
static void wait_a_little(struct nvme *n, int tries)
{
	VFIO_ASSERT_LT(tries, 300000, "%s does not answer", n->dev->bdf);
	if (tries > 2000)
		usleep(200);
}

static void run(struct nvme *n, u8 opcode, u64 iova)
{
	volatile struct completion *done = n->ram + CQ;
	struct command *command = n->ram + SQ;
	int tries = 0;

	command += n->tail;
	memset(command, 0, sizeof(*command));
	command->opcode = opcode;
	command->prp1 = iova;
	command->dw10 = TIMESTAMP;
	n->tail = (n->tail + 1) % ENTRIES;
	writel(n->tail, n->regs + TAIL);

	done += n->head;
	while ((done->status >> 16 & 1) != n->phase)
		wait_a_little(n, ++tries);
	__sync_synchronize();
	n->head = (n->head + 1) % ENTRIES;
	if (!n->head)
		n->phase ^= 1;
	writel(n->head, n->regs + HEAD);
}

void nvme_store(struct nvme *n, u64 iova, u64 value)
{
	*(volatile u64 *)(n->ram + WORD) = value;
	__sync_synchronize();
	run(n, SET_FEATURES, NVME_IOVA + WORD);
	run(n, GET_FEATURES, iova);
}

u64 nvme_load(struct nvme *n, u64 iova)
{
	run(n, SET_FEATURES, iova);
	run(n, GET_FEATURES, NVME_IOVA + WORD);
	__sync_synchronize();
	return *(volatile u64 *)(n->ram + WORD);
}
