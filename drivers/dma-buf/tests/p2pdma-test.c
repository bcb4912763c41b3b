// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer as the PCI core sees it, between functions of a fake host bridge. The
 * suites that work everywhere have a stub in place of the PCI core, this one does not.
 */
#include <linux/dma-mapping.h>
#include <linux/pci-p2pdma.h>

#include "fake-pci.h"
#include "mapping-test.h"

#define DOMAIN		0x4b55

/* Host bridges of this vendor are known to pass on peer-to-peer traffic */
#define GOOD_VENDOR	PCI_VENDOR_ID_GOOGLE
/* No such vendor exists */
#define BAD_VENDOR	0x7fff

/**
 * struct p2pdma_test - a BAR, exported as PAL and as SGT
 * @pci: the host bridge
 * @pdev: the function with the BAR, behind a port of the switch
 * @exp: the exporter
 * @list: the first two pages of the BAR, the second one first
 */
struct p2pdma_test {
	struct fake_pci *pci;
	struct pci_dev *pdev;
	struct fake_exporter *exp;
	struct dma_buf_phys_list *list;
};

static struct p2pdma_test p2pdma_setup(struct kunit *test, u16 vendor)
{
	struct p2pdma_test t = { .pci = fake_pci(test, DOMAIN, vendor) };
	phys_addr_t bar;

	t.pdev = fake_pci_dev(t.pci, 3, 0);
	bar = pci_resource_start(t.pdev, 0);
	KUNIT_ASSERT_EQ(test, bar,
			pci_bus_address(t.pdev, 0) + FAKE_PCI_OFFSET);
	KUNIT_ASSERT_EQ(test, pci_resource_len(t.pdev, 0), FAKE_BAR_SIZE);
	KUNIT_ASSERT_EQ(test, pcim_p2pdma_init(t.pdev), 0);

	t.list = fake_list(test, 2);
	t.list->phys[0] = (struct phys_vec){ bar + PAGE_SIZE, PAGE_SIZE };
	t.list->phys[1] = (struct phys_vec){ bar, PAGE_SIZE };
	t.list->provider = pcim_p2pdma_provider(t.pdev, 0);
	KUNIT_ASSERT_NOT_NULL(test, t.list->provider);

	t.exp = fake_exporter(test, FAKE_MATCH);
	t.exp->list = t.list;
	fake_export(t.exp, 2 * PAGE_SIZE);
	fake_offer(t.exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops,
						   t.list->provider));
	return t;
}

static void expect_p2p(struct p2pdma_test *t, struct device *dev, u64 offset)
{
	struct dma_buf_mapping_match entry = fake_sgt_p2p(dev);
	struct kunit *test = t->exp->test;
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct sg_table *sgt;
	size_t i;

	attach = fake_attach(t->exp, entry);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_ASSERT_EQ(test, sgt->nents, t->list->length);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg),
				t->list->phys[i].paddr - offset);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), t->list->phys[i].len);
	}
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(t->exp->dmabuf, attach);

	/* The distance is the same for an exporter that makes the table itself */
	t->exp->entries[0] = DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, t->pdev);
	attach = fake_attach(t->exp, entry);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(t->exp->dmabuf, attach);
}

static void expect_refused(struct p2pdma_test *t, struct device *dev)
{
	struct dma_buf_mapping_match entry = fake_sgt_p2p(dev);
	struct kunit *test = t->exp->test;

	KUNIT_EXPECT_PTR_EQ(test, fake_attach(t->exp, entry),
			    ERR_PTR(-EOPNOTSUPP));
	t->exp->entries[0] = DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, t->pdev);
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(t->exp, entry),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, t->exp->calls.attach, 0);
}

/* Both behind one switch: addresses of the bus */
static void switch_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, BAD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(t.pci, 4, 0);

	KUNIT_EXPECT_EQ(test,
			pci_p2pdma_distance(t.pdev, &importer->dev, false), 4);
	expect_p2p(&t, &importer->dev, FAKE_PCI_OFFSET);
}

/* The same function: traffic need not leave the device */
static void itself_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, BAD_VENDOR);

	expect_p2p(&t, &t.pdev->dev, FAKE_PCI_OFFSET);
}

/* The switch redirects all traffic to the host bridge: addresses of the CPU */
static void redirect_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, GOOD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(t.pci, 4, 0);

	fake_pci_redirect(fake_pci_dev(t.pci, 2, 1));
	expect_p2p(&t, &importer->dev, 0);
}

static void host_bridge_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, GOOD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(t.pci, 5, 0);

	expect_p2p(&t, &importer->dev, 0);
}

static void two_host_bridges_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, GOOD_VENDOR);
	struct fake_pci *other = fake_pci(test, DOMAIN + 1, GOOD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(other, 3, 0);

	expect_p2p(&t, &importer->dev, 0);
}

/* Skips the test if this CPU's host bridges pass on all traffic */
static void need_picky_cpu(struct kunit *test, struct p2pdma_test *t,
			   struct device *dev)
{
	if (pci_p2pdma_distance(t->pdev, dev, false) >= 0)
		kunit_skip(test, "all host bridges of this CPU are good");
}

static void unknown_host_bridge_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, BAD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(t.pci, 5, 0);

	need_picky_cpu(test, &t, &importer->dev);
	expect_refused(&t, &importer->dev);
}

static void redirect_to_unknown_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, BAD_VENDOR);
	struct pci_dev *importer = fake_pci_dev(t.pci, 4, 0);

	fake_pci_redirect(fake_pci_dev(t.pci, 2, 0));
	need_picky_cpu(test, &t, &importer->dev);
	expect_refused(&t, &importer->dev);
}

/* A device that is on no PCI bus */
static void no_pci_device_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, GOOD_VENDOR);

	expect_refused(&t, fake_device(test, "importer"));
}

/* An importer that is too far away for the first offer can get the second */
static void second_offer_test(struct kunit *test)
{
	struct p2pdma_test t = p2pdma_setup(test, GOOD_VENDOR);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;

	fake_offer(t.exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	attach = fake_attach(t.exp, fake_sgt_p2p(dev));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_get_sgt_ops(attach), &fake_sgt_ops);
	dma_buf_detach(t.exp->dmabuf, attach);
}

static struct kunit_case p2pdma_tests[] = {
	KUNIT_CASE(switch_test),
	KUNIT_CASE(itself_test),
	KUNIT_CASE(redirect_test),
	KUNIT_CASE(host_bridge_test),
	KUNIT_CASE(two_host_bridges_test),
	KUNIT_CASE(unknown_host_bridge_test),
	KUNIT_CASE(redirect_to_unknown_test),
	KUNIT_CASE(no_pci_device_test),
	KUNIT_CASE(second_offer_test),
	{}
};

static struct kunit_suite p2pdma_suite = {
	.name = "dma_buf_p2pdma",
	.init = fake_test_init,
	.test_cases = p2pdma_tests,
};

kunit_test_suite(p2pdma_suite);
