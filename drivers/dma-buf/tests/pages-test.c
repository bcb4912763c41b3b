// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lists of a buffer's own pages, and the entry for address spaces that exporters of
 * ordinary memory have behind their entry for scatterlists.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "dma-buf-core.h"
#include "mapping-test.h"

#define ORDER		2
#define NR_PAGES	4

/* Indices of pages in one block, and the ranges that they make */
struct pages_case {
	const char *name;
	unsigned int pages[NR_PAGES];
	unsigned int nr_pages;
	struct {
		unsigned int page;
		unsigned int nr;
	} ranges[NR_PAGES];
	unsigned int nr_ranges;
};

static const struct pages_case pages_cases[] = {
	{ "one", { 2 }, 1, { { 2, 1 } }, 1 },
	{ "all", { 0, 1, 2, 3 }, 4, { { 0, 4 } }, 1 },
	{ "backwards", { 3, 2, 1, 0 }, 4,
	  { { 3, 1 }, { 2, 1 }, { 1, 1 }, { 0, 1 } }, 4 },
	{ "hole", { 0, 1, 3 }, 3, { { 0, 2 }, { 3, 1 } }, 2 },
	{ "again", { 1, 1, 2 }, 3, { { 1, 1 }, { 1, 2 } }, 2 },
};

KUNIT_ARRAY_PARAM_DESC(pages, pages_cases, name);

static void free_block(void *page)
{
	__free_pages(page, ORDER);
}

static struct page *alloc_block(struct kunit *test)
{
	struct page *block = alloc_pages(GFP_KERNEL, ORDER);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_block, block),
			0);
	return block;
}

static void expect_ranges(struct kunit *test, struct page *block,
			  struct dma_buf_phys_list *list)
{
	const struct pages_case *c = test->param_value;
	size_t i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	KUNIT_ASSERT_EQ(test, list->length, c->nr_ranges);
	KUNIT_EXPECT_NULL(test, list->provider);
	for (i = 0; i < list->length; i++) {
		KUNIT_EXPECT_EQ(test, list->phys[i].paddr,
				page_to_phys(block + c->ranges[i].page));
		KUNIT_EXPECT_EQ(test, list->phys[i].len,
				c->ranges[i].nr * PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, dma_buf_phys_list_kind(list, i),
				DMA_BUF_PHYS_MEMORY);
	}
	KUNIT_EXPECT_EQ(test, dma_buf_phys_list_check(list,
						      c->nr_pages * PAGE_SIZE,
						      BIT(DMA_BUF_PHYS_MEMORY)),
			0);
	kvfree(list);
}

static void pages_test(struct kunit *test)
{
	const struct pages_case *c = test->param_value;
	struct page *block = alloc_block(test), *pages[NR_PAGES];
	unsigned int i;

	for (i = 0; i < c->nr_pages; i++)
		pages[i] = block + c->pages[i];
	expect_ranges(test, block, dma_buf_phys_list_of_pages(pages,
							      c->nr_pages));
}

static void table_test(struct kunit *test)
{
	const struct pages_case *c = test->param_value;
	struct page *block = alloc_block(test);
	struct scatterlist *sg;
	struct sg_table sgt;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, sg_alloc_table(&sgt, c->nr_pages, GFP_KERNEL), 0);
	for_each_sgtable_sg(&sgt, sg, i)
		sg_set_page(sg, block + c->pages[i], PAGE_SIZE, 0);
	expect_ranges(test, block, dma_buf_phys_list_of_sgt(&sgt));
	sg_free_table(&sgt);
}

static struct fake_exporter *memory_exporter(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_SIMPLE);

	exp->entries[0] = DMA_BUF_EMAPPING_PAL(&fake_pal_ops);
	exp->entries[0].flags = DMA_BUF_OFFER_DOMAIN;
	exp->ops.domain_exporter_match = exp->entries;
	exp->list = fake_default_list(test);
	fake_export(exp, FAKE_SIZE);
	return exp;
}

static void expect_set(struct fake_exporter *exp,
		       struct dma_buf_attachment *attach, unsigned int nr,
		       const struct dma_buf_mapping_type *first)
{
	struct kunit *test = exp->test;

	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->nr_matches, nr);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attach_map_type(attach)->type, first);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The exporter's scatterlists, which importers of scatterlists always get */
static void second_entry_test(struct kunit *test)
{
	struct fake_exporter *exp = memory_exporter(test);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_mapping_match both[] = { fake_domain(), fake_sgt(dev) };

	expect_set(exp, dma_buf_attach(exp->dmabuf, dev), 1,
		   &dma_buf_mapping_sgt_type);
	expect_set(exp, fake_attach(exp, fake_domain()), 1,
		   &dma_buf_mapping_domain_type);
	/* In the exporter's order */
	expect_set(exp, dma_buf_mapping_attach(exp->dmabuf, both,
					       ARRAY_SIZE(both),
					       &fake_dynamic_ops, exp),
		   2, &dma_buf_mapping_sgt_type);
	KUNIT_EXPECT_PTR_EQ(test,
			    fake_attach(exp, DMA_BUF_IMAPPING_DOMAIN(false)),
			    ERR_PTR(-EOPNOTSUPP));
}

/* A buffer whose file is read-only */
static void read_only_test(struct kunit *test)
{
	struct fake_exporter *memory = memory_exporter(test);
	struct fake_exporter *other = fake_pal_exporter(test);

	KUNIT_EXPECT_TRUE(test, dma_buf_device_may_write(memory->dmabuf));
	KUNIT_EXPECT_FALSE(test, dma_buf_domain_may_write(memory->dmabuf));
	KUNIT_EXPECT_TRUE(test, dma_buf_domain_may_write(other->dmabuf));
}

/* What an exporter of memory has instead of map and unmap; counts the lists */
static unsigned int lists_made;

static struct dma_buf_phys_list *make_list(struct dma_buf *dmabuf)
{
	struct dma_buf_phys_list *list;

	lists_made++;
	if (to_fake_exporter(dmabuf)->list == ERR_PTR(-ENOMEM))
		return ERR_PTR(-ENOMEM);
	list = dma_buf_phys_list_alloc(1, GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);
	list->kind = DMA_BUF_PHYS_MEMORY;
	list->phys[0] = (struct phys_vec){ SZ_1G, dmabuf->size };
	return list;
}

static const struct dma_buf_pages_exp_ops kept_ops = {
	.pal.map_phys = dma_buf_pages_map_phys,
	.pal.unmap_phys = dma_buf_pages_unmap_phys,
	.make_list = make_list,
};

static struct fake_exporter *kept_exporter(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	lists_made = 0;
	fake_offer(exp, DMA_BUF_EMAPPING_PAL(&kept_ops.pal));
	fake_export(exp, FAKE_SIZE);
	return exp;
}

/* One list for any number of importers, which outlives the first one */
static void kept_list_test(struct kunit *test)
{
	struct fake_exporter *exp = kept_exporter(test);
	struct dma_buf_attachment *a = fake_attach(exp, fake_domain());
	struct dma_buf_attachment *b = fake_attach(exp, fake_domain());
	const struct dma_buf_phys_list *list;

	KUNIT_ASSERT_FALSE(test, IS_ERR(a));
	KUNIT_ASSERT_FALSE(test, IS_ERR(b));
	list = fake_map_phys_unlocked(a);
	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(b), list);
	fake_unmap_phys_unlocked(a, list);
	dma_buf_detach(exp->dmabuf, a);
	fake_unmap_phys_unlocked(b, list);
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(b), list);
	fake_unmap_phys_unlocked(b, list);
	dma_buf_detach(exp->dmabuf, b);
	KUNIT_EXPECT_EQ(test, lists_made, 1);
}

static void no_list_test(struct kunit *test)
{
	struct fake_exporter *exp = kept_exporter(test);
	struct dma_buf_attachment *attach = fake_attach(exp, fake_domain());
	const struct dma_buf_phys_list *list;

	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	exp->list = ERR_PTR(-ENOMEM);
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(attach), exp->list);
	/* The next importer tries again */
	exp->list = NULL;
	list = fake_map_phys_unlocked(attach);
	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	fake_unmap_phys_unlocked(attach, list);
	dma_buf_detach(exp->dmabuf, attach);
	KUNIT_EXPECT_EQ(test, lists_made, 2);
}

static struct kunit_case pages_tests[] = {
	KUNIT_CASE_PARAM(pages_test, pages_gen_params),
	KUNIT_CASE_PARAM(table_test, pages_gen_params),
	KUNIT_CASE(second_entry_test),
	KUNIT_CASE(read_only_test),
	KUNIT_CASE(kept_list_test),
	KUNIT_CASE(no_list_test),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "dma_buf_pages",
	.init = fake_test_init,
	.test_cases = pages_tests,
};

kunit_test_suite(pages_suite);
