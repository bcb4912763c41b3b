// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer through SGT: when it is matched, and what an exporter can still
 * change about it while the attachment is made.
 */
#include "fake-p2p.h"

/* What the exporter offers, in its order */
enum p2p_offer {
	OFFER_P2P,
	OFFER_PLAIN,
	OFFER_P2P_PLAIN,
	OFFER_PLAIN_P2P,
	OFFER_LINK,
	OFFER_LINK_PLAIN,
};

struct p2p_case {
	const char *name;
	enum p2p_offer offer;
	bool accepts;
	bool near;
	/* What comes of it */
	int ret;
	bool allowed;
	unsigned int asked;
};

static const struct p2p_case p2p_cases[] = {
	{ "required, accepted, near", OFFER_P2P, true, true, 0, true, 1 },
	{ "required, accepted, far", OFFER_P2P, true, false,
	  -EOPNOTSUPP, false, 1 },
	{ "required, not accepted, near", OFFER_P2P, false, true,
	  -EOPNOTSUPP, false, 0 },
	{ "required, not accepted, far", OFFER_P2P, false, false,
	  -EOPNOTSUPP, false, 0 },

	{ "not offered, accepted, near", OFFER_PLAIN, true, true, 0, false, 0 },
	{ "not offered, accepted, far", OFFER_PLAIN, true, false, 0, false, 0 },
	{ "neither, near", OFFER_PLAIN, false, true, 0, false, 0 },
	{ "neither, far", OFFER_PLAIN, false, false, 0, false, 0 },

	{ "preferred, accepted, near", OFFER_P2P_PLAIN, true, true,
	  0, true, 1 },
	{ "preferred, accepted, far", OFFER_P2P_PLAIN, true, false,
	  0, false, 1 },
	{ "preferred, not accepted, near", OFFER_P2P_PLAIN, false, true,
	  0, false, 0 },

	{ "second choice, accepted, near", OFFER_PLAIN_P2P, true, true,
	  0, false, 0 },
	{ "second choice, not accepted, far", OFFER_PLAIN_P2P, false, false,
	  0, false, 0 },

	{ "link, accepted, near", OFFER_LINK, true, true, 0, true, 0 },
	{ "link, accepted, far", OFFER_LINK, true, false, 0, true, 0 },
	{ "link, not accepted, near", OFFER_LINK, false, true,
	  -EOPNOTSUPP, false, 0 },
	{ "link preferred, accepted, far", OFFER_LINK_PLAIN, true, false,
	  0, true, 0 },
	{ "link preferred, not accepted, near", OFFER_LINK_PLAIN, false, true,
	  0, false, 0 },
};

KUNIT_ARRAY_PARAM_DESC(p2p, p2p_cases, name);

static struct fake_exporter *p2p_exporter(struct kunit *test,
					  struct fake_p2p *p2p,
					  enum p2p_offer offer)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_mapping_match plain =
		DMA_BUF_EMAPPING_SGT(&fake_sgt_ops);
	struct dma_buf_mapping_match peer =
		DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev);

	if (offer == OFFER_LINK || offer == OFFER_LINK_PLAIN)
		peer = DMA_BUF_EMAPPING_SGT_P2P_LINK(&fake_sgt_ops);

	fake_export(exp, FAKE_SIZE);
	if (offer == OFFER_PLAIN_P2P || offer == OFFER_PLAIN)
		fake_offer(exp, plain);
	if (offer != OFFER_PLAIN)
		fake_offer(exp, peer);
	if (offer == OFFER_P2P_PLAIN || offer == OFFER_LINK_PLAIN)
		fake_offer(exp, plain);
	return exp;
}

static void expect_p2p(struct kunit *test, struct dma_buf_attachment *attach,
		       const struct p2p_case *c, struct device *dev)
{
	if (c->ret) {
		KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(c->ret));
		return;
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, dma_buf_sgt_p2p_allowed(attach), c->allowed);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), dev);
	/* Nothing keeps the exporter's function alive from here on */
	KUNIT_EXPECT_NULL(test,
			  attach->map_type.sgt_data.exporting_p2p_device);
	dma_buf_detach(attach->dmabuf, attach);
}

static void mapping_attach_test(struct kunit *test)
{
	const struct p2p_case *c = test->param_value;
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, c->offer);
	struct device *dev = c->near ? p2p->near : fake_device(test, "far");
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, c->accepts ? fake_sgt_p2p(dev) : fake_sgt(dev));
	KUNIT_EXPECT_EQ(test, p2p->asked, c->asked);
	expect_p2p(test, attach, c, dev);
}

/* The same through the function that most importers use */
static void dynamic_attach_test(struct kunit *test)
{
	const struct p2p_case *c = test->param_value;
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, c->offer);
	struct device *dev = c->near ? p2p->near : fake_device(test, "far");
	struct dma_buf_attachment *attach;

	attach = dma_buf_sgt_dynamic_attach(exp->dmabuf, dev,
					    c->accepts ? &fake_p2p_ops :
					    &fake_dynamic_ops, exp);
	KUNIT_EXPECT_EQ(test, p2p->asked, c->asked);
	expect_p2p(test, attach, c, dev);
}

/* A static importer never does peer-to-peer */
static void static_attach_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct dma_buf_attachment *attach;

	attach = dma_buf_sgt_attach(exp->dmabuf, p2p->near);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = dma_buf_sgt_dynamic_attach(exp->dmabuf, p2p->near, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, p2p->asked, 0);
}

/* A peer-to-peer offer has to say from where */
static void no_function_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P_PLAIN);
	struct dma_buf_attachment *attach;

	exp->entries[0].sgt_data.exporting_p2p_device = NULL;
	EXPECT_WARNING(test,
		       attach = fake_attach(exp,
					    fake_sgt_p2p(p2p->near)));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_EQ(test, p2p->asked, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Without a stub, a device that is no PCI device reaches nothing */
static void no_topology_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;
	struct pci_dev *pdev;

	pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, pdev));
	attach = fake_attach(exp, fake_sgt_p2p(dev));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
}

static int refine_no_p2p(struct fake_exporter *exp,
			 struct dma_buf_attachment *attach)
{
	KUNIT_EXPECT_EQ(exp->test, dma_buf_sgt_refine_no_p2p(attach), 0);
	KUNIT_EXPECT_FALSE(exp->test, dma_buf_sgt_p2p_allowed(attach));
	/* Once more changes nothing */
	KUNIT_EXPECT_EQ(exp->test, dma_buf_sgt_refine_no_p2p(attach), 0);
	return 0;
}

/* The exporter cannot keep its offer this time */
static void refine_no_p2p_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);

	exp->on_attach = refine_no_p2p;
	attach = fake_attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), p2p->near);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_get_sgt_ops(attach), &fake_sgt_ops);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Too late, and too early */
static void refine_misuse_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	EXPECT_WARNING(test, KUNIT_EXPECT_EQ(test, -EINVAL,
					     dma_buf_sgt_refine_no_p2p(attach)));
	EXPECT_WARNING(test,
		       KUNIT_EXPECT_EQ(test, -EINVAL,
				       dma_buf_sgt_refine_device(attach,
								 p2p->near)));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

static int refine_before_match(struct fake_exporter *exp,
			       struct dma_buf_match_args *args)
{
	struct fake_p2p *p2p = exp->test->priv;

	KUNIT_EXPECT_EQ(exp->test, dma_buf_sgt_refine_no_p2p(args->attach),
			-EINVAL);
	KUNIT_EXPECT_EQ(exp->test,
			dma_buf_sgt_refine_device(args->attach, p2p->near),
			-EINVAL);
	return dma_buf_match_mapping(args, exp->entries, exp->nr_entries);
}

static void refine_before_match_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct dma_buf_attachment *attach;

	test->priv = p2p;
	exp->on_match = refine_before_match;
	attach = fake_attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

/**
 * struct choice - an importer with two devices, and an exporter that chooses
 * @devs: the devices, in the importer's order
 * @wish: which one the exporter wants
 * @no_p2p_first: the exporter gives up peer-to-peer before it chooses
 * @ret: what the choice returned
 */
struct choice {
	struct device *devs[2];
	struct device *wish;
	bool no_p2p_first;
	int ret;
};

static int choose(struct fake_exporter *exp, struct dma_buf_attachment *attach)
{
	struct choice *choice = exp->test->priv;

	if (choice->no_p2p_first)
		KUNIT_EXPECT_EQ(exp->test, dma_buf_sgt_refine_no_p2p(attach),
				0);
	choice->ret = dma_buf_sgt_refine_device(attach, choice->wish);
	return 0;
}

static struct dma_buf_attachment *choice_attach(struct fake_exporter *exp,
						struct choice *choice)
{
	struct dma_buf_mapping_match imp[] = {
		fake_sgt_p2p(choice->devs[0]),
		fake_sgt_p2p(choice->devs[1]),
	};

	exp->test->priv = choice;
	exp->on_attach = choose;
	return dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				      &fake_p2p_ops, exp);
}

static void refine_device_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_PLAIN);
	struct choice choice = {
		.devs = { fake_device(test, "far"), p2p->near },
		.wish = p2p->near,
	};
	struct dma_buf_attachment *attach;

	attach = choice_attach(exp, &choice);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, choice.ret, 0);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), p2p->near);
	dma_buf_detach(exp->dmabuf, attach);

	/* What the importer has not listed is not to be had */
	choice.wish = fake_device(test, "strange");
	attach = choice_attach(exp, &choice);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, choice.ret, -ENODEV);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach),
			    choice.devs[0]);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The offer that was matched has to fit the other device too */
static void refine_device_too_far_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct choice choice = {
		.devs = { p2p->near, fake_device(test, "far") },
	};
	struct dma_buf_attachment *attach;

	choice.wish = choice.devs[1];
	attach = choice_attach(exp, &choice);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, choice.ret, -EOPNOTSUPP);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), p2p->near);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

/* A device may be in the list twice, with one entry that fits */
static void refine_device_twice_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct choice choice = { .wish = p2p->near };
	struct dma_buf_mapping_match imp[] = {
		DMA_BUF_IMAPPING_PAL(),
		fake_sgt(p2p->near),
		fake_sgt_p2p(p2p->near),
	};
	struct dma_buf_attachment *attach;

	test->priv = &choice;
	exp->on_attach = choose;
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_p2p_ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, choice.ret, 0);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

/* Another device does not bring back what was given up */
static void refine_both_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P);
	struct choice choice = {
		.devs = { p2p->near, p2p->near },
		.wish = p2p->near,
		.no_p2p_first = true,
	};
	struct dma_buf_attachment *attach;

	attach = choice_attach(exp, &choice);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, choice.ret, 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

static struct kunit_case sgt_p2p_tests[] = {
	KUNIT_CASE_PARAM(mapping_attach_test, p2p_gen_params),
	KUNIT_CASE_PARAM(dynamic_attach_test, p2p_gen_params),
	KUNIT_CASE(static_attach_test),
	KUNIT_CASE(no_function_test),
	KUNIT_CASE(no_topology_test),
	KUNIT_CASE(refine_no_p2p_test),
	KUNIT_CASE(refine_misuse_test),
	KUNIT_CASE(refine_before_match_test),
	KUNIT_CASE(refine_device_test),
	KUNIT_CASE(refine_device_too_far_test),
	KUNIT_CASE(refine_device_twice_test),
	KUNIT_CASE(refine_both_test),
	{}
};

static struct kunit_suite sgt_p2p_suite = {
	.name = "dma_buf_sgt_p2p",
	.init = fake_test_init,
	.test_cases = sgt_p2p_tests,
};

kunit_test_suite(sgt_p2p_suite);
