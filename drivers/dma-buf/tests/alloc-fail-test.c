// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation on the way to a mapping fails once. The importer gets -ENOMEM,
 * and the attempt leaves no memory, no mapping and no pin behind.
 */
#include "fail-nth.h"
#include "fake-module.h"
#include "fake-p2p.h"
#include "watch.h"

/* More than any step here needs */
#define MANY	64

/* More entries than fit into one page of a scatterlist */
#define LONG_LIST	(PAGE_SIZE / sizeof(struct scatterlist) + 10)

struct fail_test {
	struct fake_exporter *exp;
	struct fake_p2p *p2p;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

/**
 * struct fail_case - an operation that needs memory
 * @name: its name
 * @setup: makes the exporter, and the attachment if the test is not about that
 * @attempt: tries the operation
 * @undo: undoes it after a success
 * @allocs: number of allocations that it needs
 * @debug_allocs: number of further allocations with CONFIG_DMABUF_DEBUG
 */
struct fail_case {
	const char *name;
	void (*setup)(struct kunit *test, struct fail_test *t);
	int (*attempt)(struct fail_test *t);
	void (*undo)(struct fail_test *t);
	unsigned int allocs;
	unsigned int debug_allocs;
};

static void setup_simple(struct kunit *test, struct fail_test *t)
{
	t->exp = fake_sgt_exporter(test, FAKE_SIMPLE);
}

static void setup_match(struct kunit *test, struct fail_test *t)
{
	t->exp = fake_sgt_exporter(test, FAKE_MATCH);
}

static void setup_pal(struct kunit *test, struct fail_test *t)
{
	t->exp = fake_pal_exporter(test);
}

static void setup_long_pal(struct kunit *test, struct fail_test *t)
{
	struct dma_buf_phys_list *list = fake_list(test, LONG_LIST);
	size_t i;

	for (i = 0; i < list->length; i++)
		list->phys[i] = (struct phys_vec){
			.paddr = SZ_1G + 2 * i * PAGE_SIZE,
			.len = PAGE_SIZE,
		};
	fake_kinds(test, list, DMA_BUF_PHYS_MEMORY);

	t->exp = fake_exporter(test, FAKE_MATCH);
	t->exp->list = list;
	fake_offer(t->exp, DMA_BUF_EMAPPING_PAL(&fake_pal_ops));
	fake_export(t->exp, LONG_LIST * PAGE_SIZE);
}

static int result(struct dma_buf_attachment *attach, struct fail_test *t)
{
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	t->attach = attach;
	return 0;
}

static int attach_static(struct fail_test *t)
{
	return result(dma_buf_attach(t->exp->dmabuf, t->p2p->near), t);
}

static int attach_dynamic(struct fail_test *t)
{
	return result(dma_buf_dynamic_attach(t->exp->dmabuf, t->p2p->near,
					     &fake_p2p_ops, t), t);
}

static int attach_domain(struct fail_test *t)
{
	return result(fake_attach(t->exp, fake_domain()), t);
}

static int attach_and_map_domain(struct fail_test *t)
{
	int ret = attach_domain(t);

	if (ret)
		return ret;
	ret = dma_buf_domain_map(t->attach, 0, t->exp->dmabuf->size);
	if (ret)
		dma_buf_detach(t->exp->dmabuf, t->attach);
	return ret;
}

static void unmap_domain(struct fail_test *t)
{
	dma_buf_domain_unmap(t->attach);
	dma_buf_detach(t->exp->dmabuf, t->attach);
}

static const struct dma_buf_mapping_type owned_type = {
	.name = "owned",
	.owner = FAKE_MODULE,
};

static void setup_private(struct kunit *test, struct fail_test *t)
{
	t->exp = fake_exporter(test, FAKE_MATCH);
	fake_export(t->exp, FAKE_SIZE);
	fake_offer(t->exp, (struct dma_buf_mapping_match){
		.type = &owned_type, .exp_ops = &fake_sgt_ops.ops });
}

static int attach_private(struct fail_test *t)
{
	return result(fake_attach(t->exp, t->exp->entries[0]), t);
}

static void detach(struct fail_test *t)
{
	dma_buf_detach(t->exp->dmabuf, t->attach);
}

/*
 * To the device only: for other mappings the debug code of the DMA API keeps more
 * records, and switches itself off if it cannot allocate one.
 */
static int map(struct fail_test *t)
{
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	t->sgt = sgt;
	return 0;
}

static void unmap(struct fail_test *t)
{
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, t->sgt, DMA_TO_DEVICE);
}

static const struct fail_case attach_cases[] = {
	{ "static SGT to a simple exporter",
	  setup_simple, attach_static, detach, 1, 0 },
	{ "dynamic SGT to a matching exporter",
	  setup_match, attach_dynamic, detach, 1, 0 },
	{ "SGT through the converter",
	  setup_pal, attach_static, detach, 1, 0 },
	{ "DOMAIN", setup_pal, attach_domain, detach, 1, 0 },
	/* The core's data, with an array of runs */
	{ "DOMAIN, mapped",
	  setup_pal, attach_and_map_domain, unmap_domain, 3, 0 },
	{ "a type in a module",
	  setup_private, attach_private, detach, 1, 0 },
};

static const struct fail_case map_cases[] = {
	/* The exporter has its table ready, the importer gets a copy */
	{ "simple exporter", setup_simple, map, unmap, 0, 2 },
	{ "matching exporter", setup_match, map, unmap, 0, 2 },
	/* The table and the converter's data */
	{ "converter", setup_pal, map, unmap, 2, 2 },
	/* The first of two chunks of a table comes from the page allocator */
	{ "converter, long table", setup_long_pal, map, unmap, 2, 2 },
};

KUNIT_ARRAY_PARAM_DESC(attach, attach_cases, name);
KUNIT_ARRAY_PARAM_DESC(map, map_cases, name);

static void expect_nothing_left(struct fail_test *t, struct watch *watch,
				unsigned int nth)
{
	struct kunit *test = t->exp->test;

	KUNIT_EXPECT_EQ_MSG(test, watch->nr, 0, "allocation %u", nth);
	KUNIT_EXPECT_EQ_MSG(test, t->exp->mapped, 0, "allocation %u", nth);
	KUNIT_EXPECT_EQ_MSG(test, t->exp->pinned, 0, "allocation %u", nth);
	KUNIT_EXPECT_EQ_MSG(test, fake_module_refs(), 0, "allocation %u", nth);
}

/* Each allocation fails once; returns the number of attempts that failed */
static unsigned int sweep(struct kunit *test, struct fail_test *t,
			  struct watch *watch)
{
	const struct fail_case *c = test->param_value;
	unsigned int failures = 0;
	unsigned int nth;
	bool failed;
	int ret;

	for (nth = 1; nth < MANY; nth++) {
		fail_nth_begin(nth);
		ret = c->attempt(t);
		failed = fail_nth_end();
		if (ret) {
			KUNIT_EXPECT_EQ_MSG(test, ret, -ENOMEM,
					    "allocation %u", nth);
			failures++;
		} else {
			c->undo(t);
			/* The checkers survive a failure of their own allocations */
			KUNIT_EXPECT_TRUE(test, !failed || FAIL_NTH_CHECKERS);
		}
		expect_nothing_left(t, watch, nth);
		if (!failed)
			break;
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	return failures;
}

static void fail_each(struct kunit *test, struct fail_test *t)
{
	const struct fail_case *c = test->param_value;
	/* With checkers, the allocations that every attempt makes */
	unsigned int allocs = c->allocs + c->debug_allocs *
			      (IS_ENABLED(CONFIG_DMABUF_DEBUG) &&
			       !FAIL_NTH_CHECKERS);
	struct watch *watch = watch_memory(test);
	unsigned int sweeps = 0;
	unsigned int failures;

	do {
		failures = sweep(test, t, watch);
	} while (failures < allocs && ++sweeps < FAIL_NTH_SWEEPS);

	if (FAIL_NTH_CHECKERS)
		KUNIT_EXPECT_GE(test, failures, allocs);
	else
		KUNIT_EXPECT_EQ(test, failures, allocs);
	KUNIT_EXPECT_EQ(test, watch->strange, 0);
	watch_end(watch);
}

static struct fail_test fail_setup(struct kunit *test)
{
	const struct fail_case *c = test->param_value;
	struct fail_test t = { .p2p = fake_p2p(test) };

	fail_nth_init(test);
	c->setup(test, &t);
	fake_allow_pin(t.exp);
	return t;
}

static void attach_fail_test(struct kunit *test)
{
	struct fail_test t = fail_setup(test);

	fail_each(test, &t);
	KUNIT_EXPECT_GE(test, t.exp->calls.attach, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&t.exp->dmabuf->attachments));
}

/* By a static importer, because the core pins its buffer as well */
static void map_fail_test(struct kunit *test)
{
	struct fail_test t = fail_setup(test);

	KUNIT_ASSERT_EQ(test, attach_static(&t), 0);
	fail_each(test, &t);
	detach(&t);
}

static void map_dynamic_fail_test(struct kunit *test)
{
	struct fail_test t = fail_setup(test);

	KUNIT_ASSERT_EQ(test, attach_dynamic(&t), 0);
	fail_each(test, &t);
	KUNIT_EXPECT_EQ(test, t.exp->calls.pin, 0);
	detach(&t);
}

static struct kunit_case alloc_fail_tests[] = {
	KUNIT_CASE_PARAM(attach_fail_test, attach_gen_params),
	KUNIT_CASE_PARAM(map_fail_test, map_gen_params),
	KUNIT_CASE_PARAM(map_dynamic_fail_test, map_gen_params),
	{}
};

static struct kunit_suite alloc_fail_suite = {
	.name = "dma_buf_alloc_fail",
	.init = fake_test_init,
	.test_cases = alloc_fail_tests,
};

kunit_test_suite(alloc_fail_suite);
