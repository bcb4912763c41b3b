// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporters that can move a buffer: where each of the importers allows the buffer
 * to be.
 */
#include <linux/module.h>

#include "fake-p2p.h"

static const struct dma_buf_mapping_type anywhere_type = {
	.name = "anywhere",
	.owner = THIS_MODULE,
};

static const struct dma_buf_mapping_exp_ops no_ops;

/* Offers all types */
static struct fake_exporter *gpu(struct kunit *test, struct fake_p2p *p2p)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, (struct dma_buf_mapping_match){
		.type = &anywhere_type, .exp_ops = &no_ops });
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->provider));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	return exp;
}

static struct dma_buf_attachment *attach(struct fake_exporter *exp,
					 struct dma_buf_mapping_match entry)
{
	struct dma_buf_attachment *made;

	made = dma_buf_mapping_attach(exp->dmabuf, &entry, 1, &fake_p2p_ops,
				      exp);
	KUNIT_ASSERT_FALSE(exp->test, IS_ERR(made));
	return made;
}

static void expect_accepts(struct kunit *test,
			   struct dma_buf_attachment *attach, bool sgt,
			   bool p2p, bool domain, bool anywhere)
{
	KUNIT_EXPECT_EQ(test, sgt,
			dma_buf_attach_accepts(attach, &dma_buf_mapping_sgt_type));
	KUNIT_EXPECT_EQ(test, p2p, dma_buf_attach_accepts_sgt_p2p(attach));
	KUNIT_EXPECT_EQ(test, domain,
			dma_buf_attach_accepts(attach,
					       &dma_buf_mapping_domain_type));
	KUNIT_EXPECT_EQ(test, anywhere,
			dma_buf_attach_accepts(attach, &anywhere_type));
}

static void accepts_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = gpu(test, p2p);
	struct device *far = fake_device(test, "far");
	struct dma_buf_attachment *made;

	/* The converter of the PAL offer serves a P2P importer as well */
	made = attach(exp, fake_sgt_p2p(p2p->near));
	expect_accepts(test, made, true, true, false, false);
	dma_buf_detach(exp->dmabuf, made);
	made = attach(exp, fake_sgt(p2p->near));
	expect_accepts(test, made, true, false, false, false);
	dma_buf_detach(exp->dmabuf, made);
	made = attach(exp, fake_sgt_p2p(far));
	expect_accepts(test, made, true, false, false, false);
	dma_buf_detach(exp->dmabuf, made);
	made = attach(exp, fake_domain());
	expect_accepts(test, made, false, false, true, false);
	dma_buf_detach(exp->dmabuf, made);
	made = attach(exp, (struct dma_buf_mapping_match){
		.type = &anywhere_type });
	expect_accepts(test, made, false, false, false, true);
	dma_buf_detach(exp->dmabuf, made);
}

/* Neither the selection nor other importers change the answer */
static void final_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = gpu(test, p2p);
	struct dma_buf_attachment *made, *other;
	struct sg_table *sgt;

	fake_let_select(exp);
	made = attach(exp, fake_sgt_p2p(p2p->near));
	exp->selected = 2;
	sgt = dma_buf_sgt_map_attachment_unlocked(made, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(made));
	expect_accepts(test, made, true, true, false, false);
	other = attach(exp, fake_sgt(p2p->near));
	expect_accepts(test, made, true, true, false, false);
	dma_buf_detach(exp->dmabuf, other);
	dma_buf_sgt_unmap_attachment_unlocked(made, sgt, DMA_TO_DEVICE);
	dma_buf_detach(exp->dmabuf, made);
}

/* Helpers recognise their own callback, and only in an SGT attachment */
static struct sg_table *other_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	return ERR_PTR(-EINVAL);
}

static void mapped_by_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = gpu(test, p2p);
	struct dma_buf_attachment *sgt, *pal;

	sgt = attach(exp, fake_sgt(p2p->near));
	pal = attach(exp, fake_domain());
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_mapped_by(sgt, fake_sgt_ops.map_dma_buf));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_mapped_by(sgt, other_map));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_mapped_by(pal, fake_sgt_ops.map_dma_buf));
	dma_buf_detach(exp->dmabuf, pal);
	dma_buf_detach(exp->dmabuf, sgt);
}

static struct kunit_case device_memory_tests[] = {
	KUNIT_CASE(accepts_test),
	KUNIT_CASE(final_test),
	KUNIT_CASE(mapped_by_test),
	{}
};

static struct kunit_suite device_memory_suite = {
	.name = "dma_buf_device_memory",
	.init = fake_test_init,
	.test_cases = device_memory_tests,
};

kunit_test_suite(device_memory_suite);
