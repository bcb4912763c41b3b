/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI functions that exist only in a config space of the test, for the PCI core to
 * enumerate and to measure distances between.
 */
#ifndef _DMA_BUF_FAKE_PCI_H
#define _DMA_BUF_FAKE_PCI_H

#include <linux/kconfig.h>
#include <linux/pci.h>

#include <kunit/test.h>

#define FAKE_PCI_OFFSET		0x1000000000ULL
#define FAKE_BAR		0xe0000000UL
#define FAKE_BAR_SIZE		SZ_1M

struct fake_pci;

#if IS_ENABLED(CONFIG_PCI_P2PDMA) && IS_ENABLED(CONFIG_X86)

struct fake_pci *fake_pci(struct kunit *test, u16 domain, u16 vendor);
struct pci_dev *fake_pci_dev(struct fake_pci *pci, unsigned int bus,
			     unsigned int slot);
void fake_pci_redirect(struct pci_dev *port);

#else

static inline struct fake_pci *fake_pci(struct kunit *test, u16 domain,
					u16 vendor)
{
	kunit_skip(test, "needs PCI_P2PDMA, and sysdata of x86");
	return NULL;
}

static inline struct pci_dev *fake_pci_dev(struct fake_pci *pci,
					   unsigned int bus, unsigned int slot)
{
	return NULL;
}

static inline void fake_pci_redirect(struct pci_dev *port)
{
}

#endif
#endif /* _DMA_BUF_FAKE_PCI_H */
