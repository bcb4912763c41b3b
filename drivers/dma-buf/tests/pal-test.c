// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PAL type: physical ranges that the core gets from an exporter, for importers
 * of domains, and how they are given back.
 */
#include <linux/dma-resv.h>

#include "dma-buf-core.h"
#include "fake-fence.h"
#include "fake-p2p.h"

static void map_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_is_sgt(attach));

	list = fake_map_phys_unlocked(attach);
	KUNIT_EXPECT_PTR_EQ(test, list, exp->list);
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 0);
	fake_unmap_phys_unlocked(attach, list);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	dma_buf_detach(exp->dmabuf, attach);
}

/* An exporter can use a constant entry in dma_buf_ops as well */
static void single_match_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_SIMPLE);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;

	exp->entries[0] = DMA_BUF_EMAPPING_PAL(&fake_pal_ops);
	exp->ops.single_exporter_match = exp->entries;
	exp->list = fake_default_list(test);
	fake_export(exp, FAKE_SIZE);

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	list = fake_map_phys_unlocked(attach);
	KUNIT_EXPECT_PTR_EQ(test, list, exp->list);
	fake_unmap_phys_unlocked(attach, list);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The exporter may give all importers the same list */
static void two_importers_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_attachment *first, *second;

	first = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	second = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));

	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(first), exp->list);
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(second), exp->list);
	KUNIT_EXPECT_EQ(test, exp->mapped, 2);
	fake_unmap_phys_unlocked(first, exp->list);
	dma_buf_detach(exp->dmabuf, first);
	fake_unmap_phys_unlocked(second, exp->list);
	dma_buf_detach(exp->dmabuf, second);
}

/* An importer without a DMA device has no distance */
static void p2p_offer_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf_attachment *attach;

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->provider));
	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_EQ(test, p2p->asked, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The core refuses an importer's entry of this type, whatever it contains */
static void no_importer_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_mapping_match offer = exp->entries[0];
	struct dma_buf_mapping_match entry = { .type = offer.type };

	KUNIT_EXPECT_PTR_EQ(test, fake_attach(exp, entry), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(exp, offer), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.match, 0);
}

/* The attachment does not expose the exporter's operations */
static void hidden_ops_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	const struct dma_buf_mapping_match *shown;
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	shown = dma_buf_attach_map_type(attach);
	KUNIT_EXPECT_PTR_EQ(test, shown->type, &dma_buf_mapping_domain_type);
	KUNIT_EXPECT_NULL(test, shown->exp_ops);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Exporters without physical addresses refuse, as before */
static void sgt_exporter_test(struct kunit *test)
{
	enum fake_flavour flavour;

	for (flavour = FAKE_SIMPLE; flavour <= FAKE_MATCH; flavour++) {
		struct fake_exporter *exp = fake_sgt_exporter(test, flavour);

		KUNIT_EXPECT_PTR_EQ(test,
				    fake_attach(exp, fake_domain()),
				    ERR_PTR(-EOPNOTSUPP));
	}
}

static void map_error_test(struct kunit *test)
{
	static const int errors[] = {
		0 /* NULL */, -ENOMEM, -EINVAL, -ENODEV, -EINTR, -ERESTARTSYS,
	};
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_attachment *attach;
	size_t i;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		exp->list = ERR_PTR(errors[i]);
		KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(attach),
				    ERR_PTR(errors[i] ?: -ENOMEM));
	}
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, ARRAY_SIZE(errors));
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Attachments of scatterlists have map calls of their own */
static void not_domain_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(exp->dmabuf, fake_device(test, "importer"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	EXPECT_REFUSED(test, fake_map_phys_unlocked(attach));
	EXPECT_WARNING(test, fake_unmap_phys_unlocked(attach, exp->list));
	KUNIT_EXPECT_EQ(test, exp->calls.map_phys, 0);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

static void revoke_test(struct kunit *test)
{
	struct dma_buf_mapping_match imp = fake_domain();
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct fake_importer importer = { .test = test };
	const struct dma_buf_phys_list *list = exp->list;

	importer.attach = dma_buf_mapping_attach(exp->dmabuf, &imp, 1,
						 &fake_dynamic_ops, &importer);
	KUNIT_ASSERT_FALSE(test, IS_ERR(importer.attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_attach_revocable(importer.attach));
	importer.list = fake_map_phys_unlocked(importer.attach);
	KUNIT_EXPECT_PTR_EQ(test, importer.list, list);

	dma_resv_lock(exp->dmabuf->resv, NULL);
	exp->list = ERR_PTR(-ENODEV);
	dma_buf_invalidate_mappings(exp->dmabuf);
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	/* A second invalidation changes nothing */
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, importer.invalidated, 2);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(importer.attach),
			    ERR_PTR(-ENODEV));

	/* The importer can map again if the exporter returns its list again */
	exp->list = list;
	importer.list = fake_map_phys_unlocked(importer.attach);
	KUNIT_EXPECT_PTR_EQ(test, importer.list, list);
	fake_unmap_phys_unlocked(importer.attach, importer.list);
	dma_buf_detach(exp->dmabuf, importer.attach);
}

/* An importer that never lets go gets no physical addresses from any exporter */
static void not_revocable_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_mapping_match imp[] = {
		fake_sgt(dev), fake_domain(),
	};
	struct dma_buf_attachment *attach;

	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_pinned_ops, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.match, 0);
}

static int only_revocable(struct fake_exporter *exp,
			  struct dma_buf_attachment *attach)
{
	return dma_buf_attach_revocable(attach) ? 0 : -EOPNOTSUPP;
}

/* An exporter can require that of importers of scatterlists as well */
static void only_revocable_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;

	exp->on_attach = only_revocable;
	attach = dma_buf_dynamic_attach(exp->dmabuf, dev, &fake_pinned_ops,
					NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = dma_buf_dynamic_attach(exp->dmabuf, dev,
					&fake_dynamic_ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

static void malformed_entry_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);

	exp->entries[0].exp_ops = NULL;
	EXPECT_REFUSED(test, fake_attach(exp, fake_domain()));
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

/* The importer decides about pinning; map does not pin */
static void pin_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;

	fake_allow_pin(exp);
	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));

	list = fake_map_phys_unlocked(attach);
	KUNIT_EXPECT_PTR_EQ(test, list, exp->list);
	KUNIT_EXPECT_EQ(test, exp->pinned, 0);
	fake_unmap_phys_unlocked(attach, list);

	dma_resv_lock(exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	KUNIT_EXPECT_EQ(test, exp->pinned, 1);
	dma_buf_unpin(attach);
	dma_resv_unlock(exp->dmabuf->resv);
	dma_buf_detach(exp->dmabuf, attach);
}

/* map returns addresses after waiting for the moves under way */
static void kernel_fence_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;
	struct fake_fence *fence, *write;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	fence = fake_fence(exp, DMA_RESV_USAGE_KERNEL);
	write = fake_fence(exp, DMA_RESV_USAGE_WRITE);
	fake_fence_signal_later(fence);

	list = fake_map_phys_unlocked(attach);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(&write->base));
	KUNIT_EXPECT_PTR_EQ(test, list, exp->list);
	fake_unmap_phys_unlocked(attach, list);
	dma_buf_detach(exp->dmabuf, attach);
}

static void interrupted_wait_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	fake_fence(exp, DMA_RESV_USAGE_KERNEL);
	fake_interrupt();
	list = fake_map_phys_unlocked(attach);
	fake_interrupt_end();
	KUNIT_EXPECT_PTR_EQ(test, list, ERR_PTR(-ERESTARTSYS));
	KUNIT_EXPECT_EQ(test, exp->calls.unmap_phys, 1);
	dma_buf_detach(exp->dmabuf, attach);
}

static struct kunit_case pal_tests[] = {
	KUNIT_CASE(map_test),
	KUNIT_CASE(single_match_test),
	KUNIT_CASE(two_importers_test),
	KUNIT_CASE(p2p_offer_test),
	KUNIT_CASE(no_importer_test),
	KUNIT_CASE(hidden_ops_test),
	KUNIT_CASE(sgt_exporter_test),
	KUNIT_CASE(map_error_test),
	KUNIT_CASE(not_domain_test),
	KUNIT_CASE(revoke_test),
	KUNIT_CASE(not_revocable_test),
	KUNIT_CASE(only_revocable_test),
	KUNIT_CASE(malformed_entry_test),
	KUNIT_CASE(pin_test),
	KUNIT_CASE(kernel_fence_test),
	KUNIT_CASE(interrupted_wait_test),
	{}
};

static struct kunit_suite pal_suite = {
	.name = "dma_buf_pal",
	.init = fake_test_init,
	.test_cases = pal_tests,
};

kunit_test_suite(pal_suite);
