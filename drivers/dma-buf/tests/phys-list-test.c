// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core checks every physical list before it makes a scatterlist of it or maps it
 * into a domain. It gives a malformed list back to the exporter.
 */
#include "mapping-test.h"

#define MAX_RANGES	3
#define LAST_PAGE	(PHYS_ADDR_MAX & PAGE_MASK)

struct list_case {
	const char *name;
	size_t length;
	struct phys_vec phys[MAX_RANGES];
	/* Kinds of the ranges, all MMIO if it is NULL */
	const u8 *kinds;
};

static const u8 all_memory[MAX_RANGES] = {
	DMA_BUF_PHYS_MEMORY, DMA_BUF_PHYS_MEMORY, DMA_BUF_PHYS_MEMORY,
};

static const u8 kind_after_last[] = { DMA_BUF_PHYS_MEMORY + 1 };
static const u8 second_kind_wrong[] = { DMA_BUF_PHYS_MEMORY, 0xff };

static const struct list_case bad_lists[] = {
	{ "no ranges", 0, {}, all_memory },
	{ "address not aligned", 1,
	  { { SZ_1G + 1, FAKE_SIZE } }, all_memory },
	{ "address aligned to half a page", 1,
	  { { SZ_1G + PAGE_SIZE / 2, FAKE_SIZE } }, all_memory },
	{ "second address not aligned", 2,
	  { { SZ_1G, PAGE_SIZE }, { SZ_2G + 512, 3 * PAGE_SIZE } },
	  all_memory },
	{ "length not aligned", 2,
	  { { SZ_1G, PAGE_SIZE + 512 }, { SZ_2G, 3 * PAGE_SIZE - 512 } },
	  all_memory },
	{ "last length not aligned", 1,
	  { { SZ_1G, FAKE_SIZE - 1 } }, all_memory },
	{ "only range is empty", 1, { { SZ_1G, 0 } }, all_memory },
	{ "first range is empty", 2,
	  { { SZ_1G, 0 }, { SZ_2G, FAKE_SIZE } }, all_memory },
	{ "last range is empty", 2,
	  { { SZ_1G, FAKE_SIZE }, { SZ_2G, 0 } }, all_memory },
	{ "range beyond the last address", 2,
	  { { LAST_PAGE, 2 * PAGE_SIZE }, { SZ_1G, 2 * PAGE_SIZE } },
	  all_memory },
	{ "total wraps to the right size", 2,
	  { { 0, SIZE_MAX & PAGE_MASK }, { SZ_1G, FAKE_SIZE + PAGE_SIZE } },
	  all_memory },
	{ "too short", 1, { { SZ_1G, 3 * PAGE_SIZE } }, all_memory },
	{ "too short, several ranges", 3,
	  { { SZ_1G, PAGE_SIZE }, { SZ_2G, PAGE_SIZE }, { 0, PAGE_SIZE } },
	  all_memory },
	{ "too long", 1, { { SZ_1G, 5 * PAGE_SIZE } }, all_memory },
	{ "too long by a range", 2,
	  { { SZ_1G, FAKE_SIZE }, { SZ_2G, PAGE_SIZE } }, all_memory },
	{ "unknown kind", 1, { { SZ_1G, FAKE_SIZE } }, kind_after_last },
	{ "second kind unknown", 2,
	  { { SZ_1G, PAGE_SIZE }, { SZ_2G, 3 * PAGE_SIZE } },
	  second_kind_wrong },
};

static const struct list_case good_lists[] = {
	{ "one range", 1, { { SZ_1G, FAKE_SIZE } }, all_memory },
	{ "one range of MMIO", 1, { { SZ_1G, FAKE_SIZE } }, NULL },
	{ "descending", 2,
	  { { SZ_2G, PAGE_SIZE }, { SZ_1G, 3 * PAGE_SIZE } }, all_memory },
	{ "adjacent", 2,
	  { { SZ_1G, PAGE_SIZE }, { SZ_1G + PAGE_SIZE, 3 * PAGE_SIZE } },
	  all_memory },
	{ "the same page again", 3,
	  { { SZ_1G, PAGE_SIZE }, { SZ_1G, PAGE_SIZE },
	    { SZ_1G, 2 * PAGE_SIZE } }, all_memory },
	{ "from address 0", 1, { { 0, FAKE_SIZE } }, all_memory },
	{ "up to the last address", 1,
	  { { LAST_PAGE - 3 * PAGE_SIZE, FAKE_SIZE } }, all_memory },
};

KUNIT_ARRAY_PARAM_DESC(bad_list, bad_lists, name);
KUNIT_ARRAY_PARAM_DESC(good_list, good_lists, name);

static struct fake_exporter *list_exporter(struct kunit *test)
{
	const struct list_case *c = test->param_value;
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_phys_list *list = fake_list(test, MAX_RANGES);

	memcpy(list->phys, c->phys, sizeof(c->phys));
	list->length = c->length;
	list->kinds = c->kinds;
	if (!c->kinds)
		exp->entries[0] = DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, NULL);
	exp->list = list;
	return exp;
}

static void bad_list_to_pal_test(struct kunit *test)
{
	struct fake_exporter *exp = list_exporter(test);
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(attach),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	dma_buf_detach(exp->dmabuf, attach);
}

static void bad_list_to_sgt_test(struct kunit *test)
{
	struct fake_exporter *exp = list_exporter(test);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	attach = dma_buf_attach(exp->dmabuf, dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	dma_buf_detach(exp->dmabuf, attach);
}

static void good_list_to_pal_test(struct kunit *test)
{
	struct fake_exporter *exp = list_exporter(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	list = fake_map_phys_unlocked(attach);
	KUNIT_ASSERT_PTR_EQ(test, list, exp->list);
	fake_unmap_phys_unlocked(attach, list);
	dma_buf_detach(exp->dmabuf, attach);
}

/* A kind that was not offered, for an importer that takes every kind */
static void other_kind_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_attachment *attach;

	fake_kinds(test, (struct dma_buf_phys_list *)exp->list,
		   DMA_BUF_PHYS_MMIO);
	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(attach),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	dma_buf_detach(exp->dmabuf, attach);
}

/* A new list from the allocator */
static void alloc_test(struct kunit *test)
{
	struct dma_buf_phys_list *list = fake_list(test, 3);
	size_t i;

	KUNIT_EXPECT_EQ(test, list->length, 3);
	KUNIT_EXPECT_NULL(test, list->provider);
	for (i = 0; i < list->length; i++) {
		KUNIT_EXPECT_EQ(test, list->phys[i].paddr, 0);
		KUNIT_EXPECT_EQ(test, list->phys[i].len, 0);
		KUNIT_EXPECT_EQ(test, dma_buf_phys_list_kind(list, i),
				DMA_BUF_PHYS_MMIO);
	}
	fake_kinds(test, list, DMA_BUF_PHYS_MEMORY);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_list_kind(list, 2), DMA_BUF_PHYS_MEMORY);

	/* Its size does not fit into a size_t */
	KUNIT_EXPECT_NULL(test,
			  dma_buf_phys_list_alloc(SIZE_MAX / 8,
						  GFP_KERNEL | __GFP_NOWARN));
}

static struct kunit_case phys_list_tests[] = {
	KUNIT_CASE_PARAM(bad_list_to_pal_test, bad_list_gen_params),
	KUNIT_CASE_PARAM(bad_list_to_sgt_test, bad_list_gen_params),
	KUNIT_CASE_PARAM(good_list_to_pal_test, good_list_gen_params),
	KUNIT_CASE(other_kind_test),
	KUNIT_CASE(alloc_test),
	{}
};

static struct kunit_suite phys_list_suite = {
	.name = "dma_buf_phys_list",
	.init = fake_test_init,
	.test_cases = phys_list_tests,
};

kunit_test_suite(phys_list_suite);
