// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host bridge without hardware.
 *
 *	00:00.0 host bridge
 *	00:01.0 port --- 01:00.0 switch -+- 02:00.0 port --- 03:00.0 function
 *	                                 `- 02:01.0 port --- 04:00.0 function
 *	00:02.0 port --- 05:00.0 function
 *
 * All ports are plain PCI bridges: the distance depends on nothing else. Drivers do
 * not bind to any of it, because the buses are only scanned.
 */
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include "fake-pci.h"

#define CONFIG_DWORDS	(PCI_CFG_SPACE_SIZE / 4)
/* An offset outside of all capabilities */
#define FAKE_ACS	0xc0

/**
 * struct fake_function - the config space of a function
 * @bus: its bus
 * @slot: its slot
 * @secondary: the bus behind it, 0 if it is no bridge
 * @subordinate: the last bus behind it
 * @config: registers
 */
struct fake_function {
	u8 bus;
	u8 slot;
	u8 secondary;
	u8 subordinate;
	u32 config[CONFIG_DWORDS];
};

static const struct fake_function topology[] = {
	{ .bus = 0, .slot = 0 },
	{ .bus = 0, .slot = 1, .secondary = 1, .subordinate = 4 },
	{ .bus = 0, .slot = 2, .secondary = 5, .subordinate = 5 },
	{ .bus = 1, .slot = 0, .secondary = 2, .subordinate = 4 },
	{ .bus = 2, .slot = 0, .secondary = 3, .subordinate = 3 },
	{ .bus = 2, .slot = 1, .secondary = 4, .subordinate = 4 },
	{ .bus = 3, .slot = 0 },
	{ .bus = 4, .slot = 0 },
	{ .bus = 5, .slot = 0 },
};

/**
 * struct fake_pci - a host bridge and everything below it
 * @sysdata: the data that x86 needs for it
 * @test: the test
 * @bridge: the PCI core's view of it
 * @buses: bus numbers that are in use
 * @memory: the window that BARs lie in
 * @function: all functions
 */
struct fake_pci {
	struct pci_sysdata sysdata;
	struct kunit *test;
	struct pci_host_bridge *bridge;
	struct resource buses;
	struct resource memory;
	struct fake_function function[ARRAY_SIZE(topology)];
};

static struct fake_function *find(struct fake_pci *pci, unsigned int bus,
				  unsigned int devfn)
{
	size_t i;

	if (PCI_FUNC(devfn))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(pci->function); i++)
		if (pci->function[i].bus == bus &&
		    pci->function[i].slot == PCI_SLOT(devfn))
			return &pci->function[i];
	return NULL;
}

static struct fake_pci *to_fake_pci(struct pci_bus *bus)
{
	return container_of(to_pci_sysdata(bus), struct fake_pci, sysdata);
}

static int config_read(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *val)
{
	struct fake_function *f = find(to_fake_pci(bus), bus->number, devfn);
	u32 dword;

	if (!f || where >= PCI_CFG_SPACE_SIZE) {
		PCI_SET_ERROR_RESPONSE(val);
		return PCIBIOS_DEVICE_NOT_FOUND;
	}
	dword = f->config[where / 4] >> (where % 4 * 8);
	*val = size == 4 ? dword : dword & ((1U << size * 8) - 1);
	return PCIBIOS_SUCCESSFUL;
}

/* The bits of a register that can be written */
static u32 writable(const struct fake_function *f, int reg)
{
	if (reg == PCI_COMMAND)
		return PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (f->secondary)
		return 0;
	if (reg == PCI_BASE_ADDRESS_0)
		return ~(u32)(FAKE_BAR_SIZE - 1);
	return 0;
}

static int config_write(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 val)
{
	struct fake_function *f = find(to_fake_pci(bus), bus->number, devfn);
	u32 mask;

	if (!f || where >= PCI_CFG_SPACE_SIZE)
		return PCIBIOS_DEVICE_NOT_FOUND;

	mask = size == 4 ? ~0U : (1U << size * 8) - 1;
	mask <<= where % 4 * 8;
	mask &= writable(f, where & ~3);
	val <<= where % 4 * 8;
	f->config[where / 4] = (f->config[where / 4] & ~mask) | (val & mask);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops fake_pci_ops = {
	.read = config_read,
	.write = config_write,
};

static void fill_config(struct fake_function *f, size_t nr, u16 vendor)
{
	f->config[PCI_VENDOR_ID / 4] = vendor | (u32)(0xfff0 + nr) << 16;

	if (f->secondary) {
		f->config[PCI_CLASS_REVISION / 4] = PCI_CLASS_BRIDGE_PCI << 16;
		f->config[PCI_CACHE_LINE_SIZE / 4] =
			PCI_HEADER_TYPE_BRIDGE << 16;
		f->config[PCI_PRIMARY_BUS / 4] =
			f->bus | f->secondary << 8 | f->subordinate << 16;
	} else if (!f->bus) {
		f->config[PCI_CLASS_REVISION / 4] = PCI_CLASS_BRIDGE_HOST << 16;
	} else {
		f->config[PCI_COMMAND / 4] = PCI_COMMAND_MEMORY;
		f->config[PCI_CLASS_REVISION / 4] = PCI_CLASS_NOT_DEFINED << 16;
		f->config[PCI_BASE_ADDRESS_0 / 4] =
			FAKE_BAR + nr * FAKE_BAR_SIZE;
	}
}

static void remove_bus(void *data)
{
	struct fake_pci *pci = data;

	pci_lock_rescan_remove();
	pci_stop_root_bus(pci->bridge->bus);
	pci_remove_root_bus(pci->bridge->bus);
	pci_unlock_rescan_remove();
	pci_free_host_bridge(pci->bridge);
}

/**
 * fake_pci - make a host bridge and everything below it
 * @test: the test
 * @domain: PCI domain, different from those of other host bridges
 * @vendor: vendor of all functions. The PCI core knows the vendors whose host bridges
 *	pass on peer-to-peer traffic.
 *
 * BARs are %FAKE_PCI_OFFSET higher in the CPU's address space than on the bus.
 * Skips the test if it does not know the architecture's host bridges.
 *
 * Return: The host bridge.
 */
struct fake_pci *fake_pci(struct kunit *test, u16 domain, u16 vendor)
{
	struct pci_host_bridge *bridge;
	struct fake_pci *pci;
	size_t i;
	int ret;

	pci = kunit_kzalloc(test, sizeof(*pci), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pci);
	pci->test = test;
	pci->sysdata.domain = domain;
	pci->sysdata.node = NUMA_NO_NODE;
	pci->buses = DEFINE_RES_NAMED(0, 6, "fake buses", IORESOURCE_BUS);
	pci->memory = DEFINE_RES_MEM(FAKE_PCI_OFFSET + FAKE_BAR, SZ_16M);
	memcpy(pci->function, topology, sizeof(topology));
	for (i = 0; i < ARRAY_SIZE(topology); i++)
		fill_config(&pci->function[i], i, vendor);

	bridge = pci_alloc_host_bridge(0);
	KUNIT_ASSERT_NOT_NULL(test, bridge);
	bridge->ops = &fake_pci_ops;
	bridge->sysdata = &pci->sysdata;
	pci_add_resource(&bridge->windows, &pci->buses);
	pci_add_resource_offset(&bridge->windows, &pci->memory,
				FAKE_PCI_OFFSET);

	pci_lock_rescan_remove();
	ret = pci_scan_root_bus_bridge(bridge);
	pci_unlock_rescan_remove();
	if (ret)
		pci_free_host_bridge(bridge);
	KUNIT_ASSERT_EQ(test, ret, 0);

	pci->bridge = bridge;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, remove_bus, pci),
			0);
	return pci;
}

static void put_dev(void *data)
{
	pci_dev_put(data);
}

/**
 * fake_pci_dev - get a function
 * @pci: the host bridge
 * @bus: its bus
 * @slot: its slot
 *
 * Return: The function, for as long as the test runs.
 */
struct pci_dev *fake_pci_dev(struct fake_pci *pci, unsigned int bus,
			     unsigned int slot)
{
	struct kunit *test = pci->test;
	struct pci_dev *pdev;

	pdev = pci_get_domain_bus_and_slot(pci->sysdata.domain, bus,
					   PCI_DEVFN(slot, 0));
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_dev, pdev),
			0);
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(&pdev->dev,
						  DMA_BIT_MASK(64)), 0);
	/* As firmware declares for some devices, and x86 for all */
	dev_set_dma_coherent(&pdev->dev);
	return pdev;
}

/**
 * fake_pci_redirect - let a port send peer-to-peer traffic to the host bridge
 * @port: the port
 */
void fake_pci_redirect(struct pci_dev *port)
{
	struct fake_function *f = find(to_fake_pci(port->bus),
				       port->bus->number, port->devfn);

	port->acs_cap = FAKE_ACS;
	f->config[(FAKE_ACS + PCI_ACS_CTRL) / 4] |=
		PCI_ACS_RR << (FAKE_ACS + PCI_ACS_CTRL) % 4 * 8;
}
