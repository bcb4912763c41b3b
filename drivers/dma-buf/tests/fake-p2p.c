// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers in place of the PCI core, see the stubs in the dma-buf core. p2pdma-test.c
 * tests the answers of the PCI core itself.
 */
#include <kunit/static_stub.h>
#include <kunit/test-bug.h>

#include "dma-buf-core.h"
#include "fake-p2p.h"

#define FAKE_BUS_OFFSET		0x800000000ULL

static bool stub_reachable(struct pci_dev *pdev, struct device *dev)
{
	struct fake_p2p *p2p = container_of(pdev, struct fake_p2p, pdev);

	p2p->asked++;
	return dev == p2p->near;
}

static enum pci_p2pdma_map_type stub_map_type(struct p2pdma_provider *provider,
					      struct device *dev)
{
	struct fake_p2p *p2p =
		container_of(provider, struct fake_p2p, provider);

	return dev == p2p->near ? p2p->route : PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

static const struct resource *stub_bar(struct p2pdma_provider *provider)
{
	return &container_of(provider, struct fake_p2p, provider)->bar;
}

/**
 * fake_p2p - make a PCI function that one device reaches through a switch
 * @test: the test
 *
 * The device is called "near". All others are too far away.
 *
 * Return: The topology.
 */
struct fake_p2p *fake_p2p(struct kunit *test)
{
	struct fake_p2p *p2p;

	p2p = kunit_kzalloc(test, sizeof(*p2p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p2p);

	p2p->pdev.dev.init_name = "0000:0f:0a.0";
	p2p->provider.owner = &p2p->pdev.dev;
	p2p->provider.bus_offset = FAKE_BUS_OFFSET;
	p2p->bar = DEFINE_RES_MEM(0, SZ_1T);
	p2p->near = fake_device(test, "near");
	p2p->route = PCI_P2PDMA_MAP_BUS_ADDR;
	kunit_activate_static_stub(test, dma_buf_p2p_reachable, stub_reachable);
	kunit_activate_static_stub(test, dma_buf_p2p_map_type, stub_map_type);
	kunit_activate_static_stub(test, dma_buf_p2p_bar, stub_bar);
	return p2p;
}
