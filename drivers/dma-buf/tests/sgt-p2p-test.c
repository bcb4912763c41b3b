// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peer-to-peer through SGT: when it matches, and which importers require it.
 */
#include "dma-buf-core.h"
#include "fake-p2p.h"

/* The exporter's offers, in its order */
enum p2p_offer {
	OFFER_P2P,
	OFFER_PLAIN,
	OFFER_P2P_PLAIN,
	OFFER_PLAIN_P2P,
};

struct p2p_case {
	const char *name;
	enum p2p_offer offer;
	bool accepts;
	bool near;
	/* The expected result */
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

	/* In the set nevertheless */
	{ "second choice, accepted, near", OFFER_PLAIN_P2P, true, true,
	  0, false, 1 },
	{ "second choice, not accepted, far", OFFER_PLAIN_P2P, false, false,
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

	fake_export(exp, FAKE_SIZE);
	if (offer == OFFER_PLAIN_P2P || offer == OFFER_PLAIN)
		fake_offer(exp, plain);
	if (offer != OFFER_PLAIN)
		fake_offer(exp, peer);
	if (offer == OFFER_P2P_PLAIN)
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
	/* The match has no reference on the exporter's function from here on */
	KUNIT_EXPECT_NULL(test,
			  attach->map_type->sgt_data.exporting_p2p_device);
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

	attach = dma_buf_dynamic_attach(exp->dmabuf, dev,
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

	attach = dma_buf_attach(exp->dmabuf, p2p->near);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = dma_buf_dynamic_attach(exp->dmabuf, p2p->near, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, p2p->asked, 0);
}

/* A peer-to-peer offer has to name a function */
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

struct required_case {
	const char *name;
	enum p2p_offer offer;
	bool near;
	int ret;
	unsigned int matches;
};

/* Importers that require peer-to-peer */
static const struct required_case required_cases[] = {
	{ "required by both, near", OFFER_P2P, true, 0, 1 },
	{ "required by both, far", OFFER_P2P, false, -EOPNOTSUPP },
	{ "not offered", OFFER_PLAIN, true, -EOPNOTSUPP },
	/* The plain offer does not get into the set */
	{ "preferred, near", OFFER_P2P_PLAIN, true, 0, 1 },
	{ "preferred, far", OFFER_P2P_PLAIN, false, -EOPNOTSUPP },
	{ "second choice, near", OFFER_PLAIN_P2P, true, 0, 1 },
};

KUNIT_ARRAY_PARAM_DESC(required, required_cases, name);

static const struct dma_buf_mapping_match required_types[] = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_REQUIRES_P2P),
};

/* The table decides, and not the flag of importers without a table */
static const struct dma_buf_attach_ops required_ops = {
	.allow_peer2peer = false,
	.supported_mapping_types = required_types,
	.nr_supported_mapping_types = ARRAY_SIZE(required_types),
};

static void required_test(struct kunit *test)
{
	const struct required_case *c = test->param_value;
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, c->offer);
	struct device *dev = c->near ? p2p->near : fake_device(test, "far");
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(exp->dmabuf, dev, &required_ops, exp);
	if (c->ret) {
		KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(c->ret));
		return;
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), dev);
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->nr_matches,
			c->matches);
	dma_buf_detach(exp->dmabuf, attach);
}

/* An importer's table, of which two entries fit */
static void table_test(struct kunit *test)
{
	static const struct dma_buf_mapping_match types[] = {
		DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
		DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_NO_P2P),
	};
	static const struct dma_buf_attach_ops ops = {
		.supported_mapping_types = types,
		.nr_supported_mapping_types = ARRAY_SIZE(types),
	};
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = p2p_exporter(test, p2p, OFFER_P2P_PLAIN);
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(exp->dmabuf, p2p->near, &ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), p2p->near);
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->nr_matches, 3);
	dma_buf_detach(exp->dmabuf, attach);

	/* A table names no device: the attach call has to */
	attach = dma_buf_mapping_attach(exp->dmabuf, types, ARRAY_SIZE(types),
					&ops, exp);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));
}

static struct kunit_case sgt_p2p_tests[] = {
	KUNIT_CASE_PARAM(mapping_attach_test, p2p_gen_params),
	KUNIT_CASE_PARAM(dynamic_attach_test, p2p_gen_params),
	KUNIT_CASE(static_attach_test),
	KUNIT_CASE(no_function_test),
	KUNIT_CASE(no_topology_test),
	KUNIT_CASE_PARAM(required_test, required_gen_params),
	KUNIT_CASE(table_test),
	{}
};

static struct kunit_suite sgt_p2p_suite = {
	.name = "dma_buf_sgt_p2p",
	.init = fake_test_init,
	.test_cases = sgt_p2p_tests,
};

kunit_test_suite(sgt_p2p_suite);
