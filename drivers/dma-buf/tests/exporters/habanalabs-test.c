// SPDX-License-Identifier: GPL-2.0-only
/*
 * habanalabs as an exporter of device memory: the importers that it serves, and the
 * ranges of the BAR for the pages of a buffer.
 */
#define hl_dmabuf_match_mapping fake_hl_dmabuf_match_mapping

#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>

#define pcim_p2pdma_provider fake_provider

static struct p2pdma_provider *fake_provider(struct pci_dev *pdev, int bar);

#include "../../../accel/habanalabs/common/dmabuf_pal.c"

#include "fake-p2p.h"

static struct p2pdma_provider *fake_provider(struct pci_dev *pdev, int bar)
{
	return &container_of(pdev, struct fake_p2p, pdev)->provider;
}

/* Device memory begins at BASE of the device's addresses, and of the BAR */
#define BASE	0x20000000ULL
#define BAR	0x4000000000ULL

struct hl_test {
	struct hl_dmabuf_priv priv;
	struct hl_ctx ctx;
	struct hl_device hdev;
	struct hl_vm_phys_pg_pack pack;
	struct fake_p2p *p2p;
	struct dma_buf *dmabuf;
};

static void fake_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops fake_hl_ops = {
	.match_mapping = hl_dmabuf_match_mapping,
	.release = fake_release,
};

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
}

static void free_test(void *t)
{
	kvfree(t);
}

static struct hl_test *setup(struct kunit *test, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct hl_test *t;

	t = kvzalloc_obj(*t);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_test, t), 0);
	t->p2p = fake_p2p(test);
	t->hdev.pdev = &t->p2p->pdev;
	t->hdev.dram_pci_bar_start = BAR;
	t->hdev.asic_prop.dram_base_address = BASE;
	t->ctx.hdev = &t->hdev;
	t->priv.ctx = &t->ctx;

	info.ops = &fake_hl_ops;
	info.size = size;
	info.priv = &t->priv;
	t->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer,
							t->dmabuf), 0);
	return t;
}

static struct dma_buf_attachment *attach(struct hl_test *t,
					 struct dma_buf_mapping_match imp)
{
	return dma_buf_mapping_attach(t->dmabuf, &imp, 1, &fake_p2p_ops, t);
}

/* Map, and compare with the expected ranges */
static void expect_ranges(struct kunit *test, struct hl_test *t,
			  const struct phys_vec *ranges, size_t nr)
{
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *peer;
	size_t i;

	peer = attach(t, fake_sgt_p2p(t->p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	list = hl_dmabuf_map_phys(peer);
	KUNIT_EXPECT_FALSE(test, IS_ERR(list));
	if (!IS_ERR(list)) {
		KUNIT_EXPECT_EQ(test, list->length, nr);
		for (i = 0; i < min(nr, list->length); i++) {
			KUNIT_EXPECT_EQ(test, list->phys[i].paddr,
					ranges[i].paddr);
			KUNIT_EXPECT_EQ(test, list->phys[i].len, ranges[i].len);
		}
		hl_dmabuf_unmap_phys(peer, list);
	}
	dma_buf_detach(t->dmabuf, peer);
}

static void address_test(struct kunit *test)
{
	struct hl_test *t = setup(test, SZ_1M);
	const struct phys_vec range = { BAR + SZ_16M, SZ_1M };

	t->priv.device_phys_addr = BASE + SZ_16M;
	expect_ranges(test, t, &range, 1);
}

/* Pages of 2 MiB: the first two are neighbours, the last comes before them */
static void pages_test(struct kunit *test)
{
	u64 pages[] = { BASE + SZ_8M, BASE + SZ_8M + SZ_2M, BASE };
	struct hl_test *t = setup(test, SZ_4M);
	const struct phys_vec ranges[] = {
		{ BAR + SZ_8M + SZ_1M, SZ_2M + SZ_1M },
		{ BAR, SZ_1M },
	};

	t->pack.pages = pages;
	t->pack.npages = ARRAY_SIZE(pages);
	t->pack.page_size = SZ_2M;
	t->priv.phys_pg_pack = &t->pack;
	t->priv.offset = SZ_1M;
	expect_ranges(test, t, ranges, ARRAY_SIZE(ranges));

	/* From the last page on */
	t->priv.offset = SZ_4M;
	t->dmabuf->size = SZ_1M;
	expect_ranges(test, t, &ranges[1], 1);
}

static void refused_test(struct kunit *test)
{
	struct hl_test *t = setup(test, SZ_1M);
	struct device *far = fake_device(test, "far");
	struct dma_buf_attachment *peer;

	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_sgt(t->p2p->near)),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_sgt_p2p(far)),
			    ERR_PTR(-EOPNOTSUPP));
	/* The driver does not revoke, so it refuses domains */
	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_domain()),
			    ERR_PTR(-EOPNOTSUPP));
	peer = attach(t, fake_sgt_p2p(t->p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(peer));

	dma_buf_detach(t->dmabuf, peer);
}

/* The driver is about to unbind */
static void removed_test(struct kunit *test)
{
	struct hl_test *t = setup(test, SZ_1M);
	struct dma_buf_attachment *peer;

	peer = attach(t, fake_sgt_p2p(t->p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	t->hdev.device_fini_pending = 1;
	KUNIT_EXPECT_PTR_EQ(test, hl_dmabuf_map_phys(peer),
			    ERR_PTR(-ENODEV));
	dma_buf_detach(t->dmabuf, peer);
}

static struct kunit_case habanalabs_tests[] = {
	KUNIT_CASE(address_test),
	KUNIT_CASE(pages_test),
	KUNIT_CASE(refused_test),
	KUNIT_CASE(removed_test),
	{}
};

static struct kunit_suite habanalabs_suite = {
	.name = "dma_buf_exporter_habanalabs",
	.init = fake_test_init,
	.test_cases = habanalabs_tests,
};

kunit_test_suite(habanalabs_suite);
