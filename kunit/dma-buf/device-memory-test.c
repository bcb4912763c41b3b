// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporters that can move a buffer: may it be in memory of their device, for
 * all the importers that it has?
 */
#include <linux/dma-resv.h>

#include "fake-p2p.h"

/* A type whose importers reach any memory of the device, and one that none */
static bool never(const struct dma_buf_attachment *attach)
{
	return false;
}

static const struct dma_buf_mapping_type anywhere_type = { .name = "anywhere" };
static const struct dma_buf_mapping_type nowhere_type = {
	.name = "nowhere",
	.device_memory = never,
};

static const struct dma_buf_mapping_exp_ops no_ops;

static bool allowed(struct fake_exporter *exp)
{
	bool ret;

	dma_resv_lock(exp->dmabuf->resv, NULL);
	ret = dma_buf_device_memory_allowed(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	return ret;
}

/* Offers everything that there is */
static struct fake_exporter *gpu(struct kunit *test, struct fake_p2p *p2p)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, (struct dma_buf_mapping_match){
		.type = &anywhere_type, .exp_ops = &no_ops });
	fake_offer(exp, (struct dma_buf_mapping_match){
		.type = &nowhere_type, .exp_ops = &no_ops });
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->pdev));
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

static void nobody_test(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, allowed(gpu(test, fake_p2p(test))));
}

/* One that cannot reach it is enough, whoever else is there, until it goes */
static void scatterlists_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = gpu(test, p2p);
	struct dma_buf_attachment *peer, *other, *last;

	/* A P2P importer is served by the converter of the PAL offer */
	peer = attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_EXPECT_TRUE(test, allowed(exp));
	other = attach(exp, fake_sgt(p2p->near));
	KUNIT_EXPECT_FALSE(test, allowed(exp));
	last = attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_EXPECT_FALSE(test, allowed(exp));

	dma_buf_detach(exp->dmabuf, other);
	KUNIT_EXPECT_TRUE(test, allowed(exp));
	dma_buf_detach(exp->dmabuf, peer);
	dma_buf_detach(exp->dmabuf, last);
}

/* Types other than SGT do not force the buffer out */
static void other_types_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = gpu(test, p2p);
	struct dma_buf_attachment *pal, *anywhere, *nowhere;

	pal = attach(exp, DMA_BUF_IMAPPING_PAL());
	anywhere = attach(exp, (struct dma_buf_mapping_match){
		.type = &anywhere_type });
	KUNIT_EXPECT_TRUE(test, allowed(exp));
	nowhere = attach(exp, (struct dma_buf_mapping_match){
		.type = &nowhere_type });
	KUNIT_EXPECT_FALSE(test, allowed(exp));

	dma_buf_detach(exp->dmabuf, nowhere);
	dma_buf_detach(exp->dmabuf, anywhere);
	dma_buf_detach(exp->dmabuf, pal);
}

static int give_up_p2p(struct fake_exporter *exp,
		       struct dma_buf_attachment *attach)
{
	return dma_buf_sgt_refine_no_p2p(attach);
}

static void refined_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_attachment *peer;

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	exp->on_attach = give_up_p2p;
	peer = attach(exp, fake_sgt_p2p(p2p->near));
	KUNIT_EXPECT_FALSE(test, allowed(exp));
	dma_buf_detach(exp->dmabuf, peer);
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
	pal = attach(exp, DMA_BUF_IMAPPING_PAL());
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_mapped_by(sgt, fake_sgt_ops.map_dma_buf));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_mapped_by(sgt, other_map));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_mapped_by(pal, fake_sgt_ops.map_dma_buf));
	dma_buf_detach(exp->dmabuf, pal);
	dma_buf_detach(exp->dmabuf, sgt);
}

static struct kunit_case device_memory_tests[] = {
	KUNIT_CASE(nobody_test),
	KUNIT_CASE(scatterlists_test),
	KUNIT_CASE(other_types_test),
	KUNIT_CASE(refined_test),
	KUNIT_CASE(mapped_by_test),
	{}
};

static struct kunit_suite device_memory_suite = {
	.name = "dma_buf_device_memory",
	.init = fake_test_init,
	.test_cases = device_memory_tests,
};

kunit_test_suite(device_memory_suite);
