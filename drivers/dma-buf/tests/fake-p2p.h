/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI topology of the test's own: which of its devices reach the exporter's
 * function, and how.
 */
#ifndef _DMA_BUF_FAKE_P2P_H
#define _DMA_BUF_FAKE_P2P_H

#include <linux/pci.h>
#include <linux/pci-p2pdma.h>

#include "mapping-test.h"

/**
 * struct fake_p2p - one PCI function and one device that may reach it
 * @pdev: the function
 * @provider: the provider of its BAR
 * @bar: the BAR, which covers everything below 1 TiB
 * @near: the only device that reaches @pdev
 * @route: the way in which it does
 * @asked: number of questions
 */
struct fake_p2p {
	struct pci_dev pdev;
	struct p2pdma_provider provider;
	struct resource bar;
	struct device *near;
	enum pci_p2pdma_map_type route;
	unsigned int asked;
};

struct fake_p2p *fake_p2p(struct kunit *test);

#endif /* _DMA_BUF_FAKE_P2P_H */
