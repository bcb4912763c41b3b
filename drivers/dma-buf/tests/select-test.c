// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exporter's choice among the matches of an attachment: when it is made, how long
 * it holds, and what a choice that fails leaves behind.
 */
#include <linux/dma-resv.h>

#include "dma-buf-core.h"
#include "fake-p2p.h"

enum { P2P, PLAIN };

/**
 * struct choice - an exporter that can choose, and an importer
 * @exp: the exporter, which offers peer-to-peer and plain SGT
 * @p2p: the topology
 * @imp: the importer's private data
 * @attach: the importer's attachment; its set has both
 */
struct choice {
	struct fake_exporter *exp;
	struct fake_p2p *p2p;
	struct fake_importer imp;
	struct dma_buf_attachment *attach;
};

static struct choice *choice(struct kunit *test)
{
	struct choice *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->exp = fake_exporter(test, FAKE_MATCH);
	c->p2p = fake_p2p(test);
	fake_let_select(c->exp);
	fake_allow_pin(c->exp);
	fake_export(c->exp, FAKE_SIZE);
	fake_offer(c->exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops,
						    &c->p2p->pdev));
	fake_offer(c->exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));

	c->attach = dma_buf_dynamic_attach(c->exp->dmabuf, c->p2p->near,
					   &fake_p2p_ops, &c->imp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(c->attach));
	c->imp.test = test;
	c->imp.attach = c->attach;
	KUNIT_EXPECT_EQ(test, c->exp->calls.select, 0);
	return c;
}

static struct sg_table *map(struct choice *c)
{
	return dma_buf_sgt_map_attachment_unlocked(c->attach,
						   DMA_BIDIRECTIONAL);
}

static void unmap(struct choice *c, struct sg_table *sgt)
{
	dma_buf_sgt_unmap_attachment_unlocked(c->attach, sgt,
					      DMA_BIDIRECTIONAL);
}

static int pin(struct choice *c)
{
	int ret;

	dma_resv_lock(c->exp->dmabuf->resv, NULL);
	ret = dma_buf_pin(c->attach);
	dma_resv_unlock(c->exp->dmabuf->resv);
	return ret;
}

static void unpin(struct choice *c)
{
	dma_resv_lock(c->exp->dmabuf->resv, NULL);
	dma_buf_unpin(c->attach);
	dma_resv_unlock(c->exp->dmabuf->resv);
}

static void invalidate(struct choice *c)
{
	dma_resv_lock(c->exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(c->exp->dmabuf);
	dma_resv_unlock(c->exp->dmabuf->resv);
}

static void expect_choice(struct choice *c, int which, unsigned int asked)
{
	KUNIT_EXPECT_EQ(c->exp->test, dma_buf_sgt_p2p_allowed(c->attach),
			which == P2P);
	KUNIT_EXPECT_EQ(c->exp->test, c->exp->calls.select, asked);
}

/* The choice holds over unmap and map, pin and unpin */
static void holds_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *sgt, *again;

	expect_choice(c, P2P, 0);
	c->exp->selected = PLAIN;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, PLAIN, 1);

	c->exp->selected = P2P;
	KUNIT_EXPECT_EQ(test, pin(c), 0);
	again = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(again));
	unmap(c, sgt);
	unmap(c, again);
	unpin(c);
	expect_choice(c, PLAIN, 1);
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	unmap(c, sgt);
	expect_choice(c, PLAIN, 1);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* A pin chooses, too */
static void pin_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *sgt;

	c->exp->selected = PLAIN;
	KUNIT_EXPECT_EQ(test, pin(c), 0);
	expect_choice(c, PLAIN, 1);
	c->exp->selected = P2P;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, PLAIN, 1);
	unmap(c, sgt);
	unpin(c);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* An invalidation ends the choice, for importers that let go in the callback */
static void invalidate_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *sgt;

	c->exp->selected = PLAIN;
	c->imp.sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(c->imp.sgt));
	invalidate(c);
	KUNIT_EXPECT_EQ(test, c->imp.invalidated, 1);
	expect_choice(c, P2P, 1);

	c->exp->selected = P2P;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, P2P, 2);
	unmap(c, sgt);

	/* Also if nothing is mapped */
	invalidate(c);
	c->exp->selected = PLAIN;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, PLAIN, 3);
	unmap(c, sgt);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* An importer that unmaps later undoes the map of the old choice */
static void late_unmap_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *first, *second;

	c->exp->selected = PLAIN;
	first = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	invalidate(c);
	c->exp->selected = P2P;
	expect_choice(c, PLAIN, 1);
	/* One attachment has one choice at a time */
	second = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	expect_choice(c, PLAIN, 1);
	unmap(c, first);
	expect_choice(c, PLAIN, 1);
	unmap(c, second);

	first = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	expect_choice(c, P2P, 2);
	unmap(c, first);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* A choice that fails leaves nothing behind */
static void failure_test(struct kunit *test)
{
	static const struct {
		int ret, expected;
		unsigned int warnings;
	} cases[] = {
		{ -EBUSY, -EBUSY, 0 }, { -ENODEV, -ENODEV, 0 },
		{ 2, -EINVAL, 1 }, { INT_MAX, -EINVAL, 1 },
	};
	struct choice *c = choice(test);
	struct sg_table *sgt = NULL;
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c->exp->selected = cases[i].ret;
		fake_rearm_warnings();
		kunit_warning_suppress(test) {
			sgt = map(c);
			fake_rearm_warnings();
			ret = pin(c);
			KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test,
							      2 * cases[i].warnings);
		}
		KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(cases[i].expected));
		KUNIT_EXPECT_EQ(test, ret, cases[i].expected);
		expect_choice(c, P2P, 2 * i + 2);
	}
	KUNIT_EXPECT_EQ(test, c->exp->calls.map, 0);
	KUNIT_EXPECT_EQ(test, c->exp->calls.pin, 0);

	/* The next map calls the exporter again */
	c->exp->selected = PLAIN;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, PLAIN, 2 * ARRAY_SIZE(cases) + 1);
	unmap(c, sgt);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* Nor does a choice for a map or pin that fails, until one succeeds */
static void failed_map_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *sgt;

	c->exp->selected = PLAIN;
	c->exp->map_result = ERR_PTR(-ENOSPC);
	KUNIT_EXPECT_PTR_EQ(test, map(c), ERR_PTR(-ENOSPC));
	expect_choice(c, P2P, 1);
	c->exp->pin_result = -EINVAL;
	KUNIT_EXPECT_EQ(test, pin(c), -EINVAL);
	expect_choice(c, P2P, 2);

	c->exp->map_result = &c->exp->sgt;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, PLAIN, 3);
	c->exp->map_result = ERR_PTR(-ENOSPC);
	KUNIT_EXPECT_PTR_EQ(test, map(c), ERR_PTR(-ENOSPC));
	unmap(c, sgt);
	KUNIT_EXPECT_PTR_EQ(test, map(c), ERR_PTR(-ENOSPC));
	expect_choice(c, PLAIN, 3);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

/* Later importers influence the selection, but not the set */
static void later_importer_test(struct kunit *test)
{
	struct choice *c = choice(test);
	const struct dma_buf_core_attachment *core =
		to_core_attachment(c->attach);
	const struct dma_buf_match *set = core->matches;
	struct dma_buf_attachment *other;
	struct sg_table *sgt;

	KUNIT_EXPECT_EQ(test, core->nr_matches, 2);
	other = dma_buf_attach(c->exp->dmabuf, fake_device(test, "far"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, core->nr_matches, 2);
	KUNIT_EXPECT_PTR_EQ(test, core->matches, set);
	expect_choice(c, P2P, 0);

	/* The exporter chooses even from one match */
	sgt = dma_buf_sgt_map_attachment_unlocked(other, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_choice(c, P2P, 1);
	dma_buf_sgt_unmap_attachment_unlocked(other, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(c->exp->dmabuf, other);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

static int choose_device(struct fake_exporter *exp,
			 struct dma_buf_attachment *attach,
			 const struct dma_buf_match *matches,
			 unsigned int nr_matches)
{
	unsigned int i;

	for (i = 0; i < nr_matches; i++)
		if (matches[i].result.sgt_data.importing_dma_device ==
		    exp->test->priv)
			return i;
	return -EBUSY;
}

/* An importer with two devices: the exporter knows which one is nearer */
static void two_devices_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *first = fake_device(test, "first");
	struct device *second = fake_device(test, "second");
	const struct dma_buf_mapping_match imp[] = {
		fake_sgt(first), fake_sgt(second),
	};
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	fake_let_select(exp);
	exp->on_select = choose_device;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_pinned_ops, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), first);

	test->priv = second;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), second);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Ranges and scatterlists: unmap goes to the operations of the map */
static void other_operations_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	fake_let_select(exp);
	exp->list = fake_default_list(test);
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	fake_offer(exp, DMA_BUF_EMAPPING_PAL(&fake_pal_ops));
	attach = dma_buf_dynamic_attach(exp->dmabuf, dev, &fake_pinned_ops,
					NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));

	exp->selected = 1;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.map, 0);
	exp->selected = 0;
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, exp->calls.map, 1);
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Without select_mapping the first match always holds */
static void no_selection_test(struct kunit *test)
{
	struct choice *c = choice(test);
	struct sg_table *sgt;

	c->exp->ops.select_mapping = NULL;
	c->exp->selected = PLAIN;
	sgt = map(c);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	unmap(c, sgt);
	invalidate(c);
	KUNIT_EXPECT_EQ(test, pin(c), 0);
	unpin(c);
	expect_choice(c, P2P, 0);
	dma_buf_detach(c->exp->dmabuf, c->attach);
}

static struct kunit_case select_tests[] = {
	KUNIT_CASE(holds_test),
	KUNIT_CASE(pin_test),
	KUNIT_CASE(invalidate_test),
	KUNIT_CASE(late_unmap_test),
	KUNIT_CASE(failure_test),
	KUNIT_CASE(failed_map_test),
	KUNIT_CASE(later_importer_test),
	KUNIT_CASE(two_devices_test),
	KUNIT_CASE(other_operations_test),
	KUNIT_CASE(no_selection_test),
	{}
};

static struct kunit_suite select_suite = {
	.name = "dma_buf_select",
	.init = fake_test_init,
	.test_cases = select_tests,
};

kunit_test_suite(select_suite);
