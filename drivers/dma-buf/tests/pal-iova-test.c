// SPDX-License-Identifier: GPL-2.0-only
/*
 * The converter from PAL to SGT, for a device behind an IOMMU: all ranges lie one after
 * the other in one span of IOVA. It needs a real PCI device whose DMA goes through an
 * IOMMU, and which has no driver. The device does no DMA.
 */
#include <linux/align.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>

#include "fail-nth.h"
#include "fake-p2p.h"

#define MAX_RANGES	3
#define MAX_SEGMENT	ALIGN_DOWN((u64)UINT_MAX, PAGE_SIZE)
/* More than the number of allocations of any mapping here */
#define MANY		200

#define MMIO		DMA_BUF_PHYS_MMIO
#define MEMORY		DMA_BUF_PHYS_MEMORY

struct iova_case {
	const char *name;
	size_t length;
	struct {
		u64 paddr;
		u64 len;
		enum dma_buf_phys_kind kind;
	} range[MAX_RANGES];
};

static const struct iova_case iova_cases[] = {
	{ "one page", 1, { { SZ_8G, PAGE_SIZE, MEMORY } } },
	{ "one page of MMIO", 1, { { SZ_8G, PAGE_SIZE, MMIO } } },
	{ "scattered memory", 3,
	  { { SZ_8G + PAGE_SIZE, SZ_1M, MEMORY },
	    { SZ_4G, PAGE_SIZE, MEMORY }, { SZ_16G, SZ_2M, MEMORY } } },
	{ "scattered MMIO", 3,
	  { { SZ_8G + PAGE_SIZE, SZ_1M, MMIO },
	    { SZ_4G, PAGE_SIZE, MMIO }, { SZ_16G, SZ_2M, MMIO } } },
	{ "both kinds", 3,
	  { { SZ_8G, SZ_1M, MMIO }, { SZ_4G, PAGE_SIZE, MEMORY },
	    { SZ_16G, SZ_2M, MMIO } } },
	{ "the same range again", 2,
	  { { SZ_8G, SZ_1M, MEMORY }, { SZ_8G, SZ_1M, MEMORY } } },
	{ "several segments", 2,
	  { { SZ_8G, SZ_4G, MEMORY }, { SZ_4G, SZ_2G, MEMORY } } },
};

KUNIT_ARRAY_PARAM_DESC(iova, iova_cases, name);

/**
 * struct iova_test - a buffer, and a device behind an IOMMU
 * @exp: the exporter
 * @list: its ranges
 * @p2p: the topology: the device reaches MMIO
 * @dev: the device
 * @dma_mask: its DMA mask before the test
 * @coherent_mask: its coherent mask before the test
 */
struct iova_test {
	struct fake_exporter *exp;
	struct dma_buf_phys_list *list;
	struct fake_p2p *p2p;
	struct device *dev;
	u64 dma_mask;
	u64 coherent_mask;
};

static void put_device_back(void *data)
{
	struct iova_test *t = data;

	*t->dev->dma_mask = t->dma_mask;
	t->dev->coherent_dma_mask = t->coherent_mask;
	pci_dev_put(to_pci_dev(t->dev));
}

static void find_device(struct kunit *test, struct iova_test *t)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev)
		if (!pdev->dev.driver && use_dma_iommu(&pdev->dev))
			break;
	if (!pdev)
		kunit_skip(test, "needs a PCI device that has an IOMMU and no driver");

	t->dev = &pdev->dev;
	t->dma_mask = *t->dev->dma_mask;
	t->coherent_mask = t->dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, put_device_back, t), 0);
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(t->dev, DMA_BIT_MASK(64)), 0);
}

static struct iova_test *iova_setup(struct kunit *test,
				    const struct iova_case *c)
{
	u8 *kinds = kunit_kzalloc(test, c->length, GFP_KERNEL);
	bool memory = false, mmio = false;
	struct iova_test *t;
	u64 size = 0;
	size_t i;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_NOT_NULL(test, kinds);
	find_device(test, t);
	t->p2p = fake_p2p(test);
	t->p2p->near = t->dev;
	t->p2p->route = PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;

	t->list = fake_list(test, c->length);
	for (i = 0; i < c->length; i++) {
		t->list->phys[i].paddr = c->range[i].paddr;
		t->list->phys[i].len = c->range[i].len;
		kinds[i] = c->range[i].kind;
		size += c->range[i].len;
		if (kinds[i] == MMIO)
			mmio = true;
		else
			memory = true;
	}
	if (memory)
		t->list->kinds = kinds;
	if (mmio)
		t->list->provider = &t->p2p->provider;

	t->exp = fake_exporter(test, FAKE_MATCH);
	t->exp->list = t->list;
	fake_export(t->exp, size);
	fake_offer(t->exp, DMA_BUF_EMAPPING_RANGES(&fake_pal_ops,
						   t->list->provider,
						   mmio << MMIO |
						   memory << MEMORY, 0));
	return t;
}

static struct dma_buf_attachment *iova_attach(struct iova_test *t)
{
	struct dma_buf_attachment *attach;

	attach = fake_attach(t->exp, fake_sgt_p2p(t->dev));
	KUNIT_ASSERT_FALSE(t->exp->test, IS_ERR(attach));
	return attach;
}

/* The first and the last page of each range are at the right place */
static void expect_translation(struct iova_test *t, dma_addr_t iova)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(t->dev);
	struct kunit *test = t->exp->test;
	size_t i;

	for (i = 0; i < t->list->length; i++) {
		const struct phys_vec *vec = &t->list->phys[i];
		size_t last = vec->len - PAGE_SIZE;

		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, iova),
				vec->paddr);
		KUNIT_EXPECT_EQ(test, iommu_iova_to_phys(domain, iova + last),
				vec->paddr + last);
		iova += vec->len;
	}
}

static void expect_no_translation(struct iova_test *t, dma_addr_t iova)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(t->dev);
	size_t i;

	for (i = 0; i < t->list->length; i++) {
		KUNIT_EXPECT_EQ(t->exp->test, iommu_iova_to_phys(domain, iova),
				0);
		iova += t->list->phys[i].len;
	}
}

/* One contiguous span, in segments as long as they can be */
static void iova_test(struct kunit *test)
{
	struct iova_test *t = iova_setup(test, test->param_value);
	struct dma_buf_attachment *attach = iova_attach(t);
	size_t left = t->exp->dmabuf->size;
	struct scatterlist *sg;
	dma_addr_t addr, first;
	struct sg_table *sgt;
	unsigned int i;

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, sgt->nents, DIV_ROUND_UP_ULL(left, MAX_SEGMENT));
	first = sg_dma_address(sgt->sgl);
	addr = first;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), addr);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), min(left, MAX_SEGMENT));
		addr += sg_dma_len(sg);
		left -= sg_dma_len(sg);
	}
	KUNIT_EXPECT_EQ(test, left, 0);
	expect_translation(t, first);

	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	expect_no_translation(t, first);
	dma_buf_detach(t->exp->dmabuf, attach);
}

static const struct iova_case mixed = {
	"", 2, { { SZ_8G, SZ_1M, MMIO }, { SZ_16G, SZ_2M, MEMORY } },
};

static const struct iova_case mmio = {
	"", 2, { { SZ_8G, SZ_1M, MMIO }, { SZ_16G, SZ_2M, MMIO } },
};

/* Bus addresses do not go through the IOMMU, so there is no span of IOVA */
static void bus_addr_test(struct kunit *test)
{
	struct iova_test *t = iova_setup(test, &mmio);
	struct dma_buf_attachment *attach = iova_attach(t);
	u64 offset = t->p2p->provider.bus_offset;
	struct sg_table *sgt;

	t->p2p->route = PCI_P2PDMA_MAP_BUS_ADDR;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_ASSERT_EQ(test, sgt->nents, 2);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl), SZ_8G + offset);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sg_next(sgt->sgl)),
			SZ_16G + offset);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(t->exp->dmabuf, attach);
}

/* Memory goes through it, and would need a span of its own, or be unmapped too late */
static void bus_addr_and_memory_test(struct kunit *test)
{
	struct iova_test *t = iova_setup(test, &mixed);
	struct dma_buf_attachment *attach = iova_attach(t);
	struct sg_table *sgt;

	t->p2p->route = PCI_P2PDMA_MAP_BUS_ADDR;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, t->exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap_phys, 1);
	dma_buf_detach(t->exp->dmabuf, attach);
}

/* The match predicts that */
static void bus_addr_and_memory_match_test(struct kunit *test)
{
	struct iova_test *t = iova_setup(test, &mixed);

	t->p2p->route = PCI_P2PDMA_MAP_BUS_ADDR;
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(t->exp, fake_sgt_p2p(t->dev)),
			    ERR_PTR(-EOPNOTSUPP));
}

/* Behind an IOMMU the mask limits the size, not the address of the memory */
static void mask_test(struct kunit *test)
{
	static const struct iova_case large = {
		"", 1, { { SZ_8G, SZ_64M, MEMORY } },
	};
	struct iova_test *t = iova_setup(test, &large);
	struct dma_buf_attachment *attach;

	*t->dev->dma_mask = DMA_BIT_MASK(25);
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(t->exp, fake_sgt(t->dev)),
			    ERR_PTR(-EOPNOTSUPP));
	*t->dev->dma_mask = DMA_BIT_MASK(32);
	attach = fake_attach(t->exp, fake_sgt(t->dev));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(t->exp->dmabuf, attach);
}

/* An address that no IOMMU can translate to, after addresses that it can */
static const struct iova_case link_error_cases[] = {
	{ "first range", 1, { { 1ULL << 60, SZ_2M, MMIO } } },
	{ "second range of MMIO", 2,
	  { { SZ_8G, SZ_1M, MMIO }, { 1ULL << 60, SZ_2M, MMIO } } },
	{ "third range, both kinds", 3,
	  { { SZ_8G, SZ_1M, MMIO }, { SZ_4G, SZ_1M, MEMORY },
	    { 1ULL << 60, SZ_2M, MEMORY } } },
};

KUNIT_ARRAY_PARAM_DESC(link_error, link_error_cases, name);

static void link_error_test(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct iova_test *t;

	if (IS_ENABLED(CONFIG_ARM_SMMU_V3))
		kunit_skip(test, "the SMMU's driver warns of such an address");
	t = iova_setup(test, test->param_value);
	attach = iova_attach(t);
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, t->exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap_phys, 1);
	dma_buf_detach(t->exp->dmabuf, attach);
}

/* Each allocation fails once; returns the number of maps that failed */
static unsigned int fail_each(struct iova_test *t,
			      struct dma_buf_attachment *attach)
{
	struct kunit *test = t->exp->test;
	unsigned int failures = 0;
	unsigned int nth;
	bool failed;

	for (nth = 1; nth < MANY; nth++) {
		struct sg_table *sgt;

		fail_nth_begin(nth);
		sgt = dma_buf_sgt_map_attachment_unlocked(attach,
							  DMA_TO_DEVICE);
		failed = fail_nth_end();
		if (IS_ERR(sgt)) {
			KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-ENOMEM));
			KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
			KUNIT_EXPECT_TRUE(test, failed);
			failures++;
		} else {
			dma_buf_sgt_unmap_attachment_unlocked(attach, sgt,
							      DMA_TO_DEVICE);
		}
		if (!failed)
			break;
	}
	KUNIT_EXPECT_LT(test, nth, MANY);
	return failures;
}

/* Page tables need memory as well */
static void alloc_fail_test(struct kunit *test)
{
	struct dma_buf_attachment *attach;
	unsigned int sweeps = 0;
	unsigned int failures;
	struct iova_test *t;

	fail_nth_init(test);
	t = iova_setup(test, &mixed);
	attach = iova_attach(t);
	/* The converter's data, and the table */
	do {
		failures = fail_each(t, attach);
	} while (failures < 2 && ++sweeps < FAIL_NTH_SWEEPS);
	KUNIT_EXPECT_GE(test, failures, 2);
	dma_buf_detach(t->exp->dmabuf, attach);
}

static struct kunit_case pal_iova_tests[] = {
	KUNIT_CASE_PARAM(iova_test, iova_gen_params),
	KUNIT_CASE(bus_addr_test),
	KUNIT_CASE(bus_addr_and_memory_test),
	KUNIT_CASE(bus_addr_and_memory_match_test),
	KUNIT_CASE(mask_test),
	KUNIT_CASE_PARAM(link_error_test, link_error_gen_params),
	KUNIT_CASE(alloc_fail_test),
	{}
};

static struct kunit_suite pal_iova_suite = {
	.name = "dma_buf_pal_iova",
	.init = fake_test_init,
	.test_cases = pal_iova_tests,
};

kunit_test_suite(pal_iova_suite);
