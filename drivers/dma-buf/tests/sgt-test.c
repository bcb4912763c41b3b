// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SGT type: attach, map and unmap, for exporters that have one entry and for those
 * that make a list.
 */
#include <linux/dma-resv.h>

#include "fake-fence.h"

struct sgt_case {
	const char *name;
	enum fake_flavour flavour;
	bool dynamic;
};

static const struct sgt_case sgt_cases[] = {
	{ "simple exporter, static importer", FAKE_SIMPLE, false },
	{ "simple exporter, dynamic importer", FAKE_SIMPLE, true },
	{ "matching exporter, static importer", FAKE_MATCH, false },
	{ "matching exporter, dynamic importer", FAKE_MATCH, true },
};

KUNIT_ARRAY_PARAM_DESC(sgt, sgt_cases, name);

/**
 * struct sgt_test - one buffer with one importer
 * @exp: the exporter
 * @imp: the importer, if it is dynamic
 * @dev: the importer's device
 * @attach: the attachment
 */
struct sgt_test {
	struct fake_exporter *exp;
	struct fake_importer imp;
	struct device *dev;
	struct dma_buf_attachment *attach;
};

static struct sgt_test *sgt_setup(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);

	t->exp = fake_sgt_exporter(test, c->flavour);
	t->dev = fake_device(test, "importer");
	t->imp.test = test;
	if (c->dynamic)
		t->attach = dma_buf_dynamic_attach(t->exp->dmabuf, t->dev,
						   &fake_dynamic_ops,
						   &t->imp);
	else
		t->attach = dma_buf_attach(t->exp->dmabuf, t->dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	t->imp.attach = t->attach;
	return t;
}

static void sgt_teardown(struct sgt_test *t)
{
	dma_buf_detach(t->exp->dmabuf, t->attach);
	KUNIT_EXPECT_EQ(t->exp->test, t->exp->calls.detach, 1);
}

static void attach_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct dma_buf_attachment *attach = t->attach;

	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), t->dev);
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	KUNIT_EXPECT_NOT_NULL(test, dma_buf_get_sgt_ops(attach));
	if (c->flavour == FAKE_MATCH)
		KUNIT_EXPECT_PTR_EQ(test, dma_buf_get_sgt_ops(attach),
				    &fake_sgt_ops);

	KUNIT_EXPECT_EQ(test, t->exp->calls.attach, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.match, c->flavour == FAKE_MATCH);
	KUNIT_EXPECT_FALSE(test, list_empty(&t->exp->dmabuf->attachments));
	KUNIT_EXPECT_EQ(test, dma_buf_attach_revocable(attach), c->dynamic);
	sgt_teardown(t);
}

/* The importer sees the addresses, and with DMABUF_DEBUG nothing else */
static void expect_copy(struct kunit *test, struct sg_table *sgt,
			struct sg_table *original)
{
	struct scatterlist *sg = sgt->sgl, *from = original->sgl;
	unsigned int i;

	if (!IS_ENABLED(CONFIG_DMABUF_DEBUG)) {
		KUNIT_EXPECT_PTR_EQ(test, sgt, original);
		return;
	}

	KUNIT_EXPECT_PTR_NE(test, sgt, original);
	KUNIT_ASSERT_EQ(test, sgt->nents, original->nents);
	for (i = 0; i < sgt->nents; i++) {
		KUNIT_EXPECT_EQ(test, sg_dma_address(sg), sg_dma_address(from));
		KUNIT_EXPECT_EQ(test, sg_dma_len(sg), sg_dma_len(from));
		KUNIT_EXPECT_NULL(test, sg_page(sg));
		KUNIT_EXPECT_NOT_NULL(test, sg_page(from));
		sg = sg_next(sg);
		from = sg_next(from);
	}
}

static void map_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_copy(test, sgt, &t->exp->sgt);
	KUNIT_EXPECT_EQ(test, t->exp->calls.map, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 0);

	/* The exporter gets its own table back, see fake_unmap() */
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 1);
	sgt_teardown(t);
}

/* Like a virtio-gpu that shares the resource and not the memory */
static void map_nothing_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct sg_table full = t->exp->sgt;
	struct sg_table *sgt;

	t->exp->sgt = (struct sg_table){};
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, sgt->nents, 0);
	KUNIT_EXPECT_NULL(test, sgt->sgl);
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 1);
	t->exp->sgt = full;
	sgt_teardown(t);
}

static void map_locked_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	sgt = dma_buf_sgt_map_attachment(t->attach, DMA_FROM_DEVICE);
	if (!IS_ERR(sgt))
		dma_buf_sgt_unmap_attachment(t->attach, sgt, DMA_FROM_DEVICE);
	dma_resv_unlock(t->exp->dmabuf->resv);

	KUNIT_EXPECT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, t->exp->calls.map, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 1);
	sgt_teardown(t);
}

/* The importer gets the result of map, and nothing is left behind */
static void map_error_test(struct kunit *test)
{
	static const int errors[] = {
		0 /* NULL */, -ENOMEM, -EINVAL, -ENODEV, -EINTR, -ERESTARTSYS,
		-EOPNOTSUPP,
	};
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;
	size_t i;

	fake_allow_pin(t->exp);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		t->exp->map_result = ERR_PTR(errors[i]);
		sgt = dma_buf_sgt_map_attachment_unlocked(t->attach,
							  DMA_TO_DEVICE);
		KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(errors[i] ?: -ENOMEM));
	}
	KUNIT_EXPECT_EQ(test, t->exp->calls.map, ARRAY_SIZE(errors));
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 0);
	KUNIT_EXPECT_EQ(test, t->exp->calls.pin,
			c->dynamic ? 0 : ARRAY_SIZE(errors));
	KUNIT_EXPECT_EQ(test, t->exp->calls.unpin, t->exp->calls.pin);
	sgt_teardown(t);
}

/* The core pins a static importer's buffer while it is mapped */
static void pin_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	fake_allow_pin(t->exp);
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, t->exp->pinned, !c->dynamic);
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, t->exp->pinned, 0);
	KUNIT_EXPECT_EQ(test, t->exp->calls.pin, !c->dynamic);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unpin, !c->dynamic);
	sgt_teardown(t);
}

static void expect_pin_error(struct sgt_test *t, int result, int error,
			     int warnings)
{
	struct kunit *test = t->exp->test;
	struct sg_table *sgt = NULL;

	fake_rearm_warnings();
	t->exp->pin_result = result;
	kunit_warning_suppress(test) {
		sgt = dma_buf_sgt_map_attachment_unlocked(t->attach,
							  DMA_TO_DEVICE);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, warnings);
	}
	KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(error));
	KUNIT_EXPECT_EQ(test, t->exp->calls.map, 0);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unpin, 0);
}

static void pin_error_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	fake_allow_pin(t->exp);
	if (c->dynamic) {
		/* The core does not pin, so that this cannot fail */
		t->exp->pin_result = -ENOMEM;
		sgt = dma_buf_sgt_map_attachment_unlocked(t->attach,
							  DMA_TO_DEVICE);
		KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
		dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt,
						      DMA_TO_DEVICE);
	} else {
		expect_pin_error(t, -ENOMEM, -ENOMEM, 0);
		expect_pin_error(t, -EINTR, -EINTR, 0);
		expect_pin_error(t, -EINVAL, -EINVAL, 0);
		expect_pin_error(t, -EOPNOTSUPP, -EOPNOTSUPP, 0);
		/* The exporter has moved the buffer out of reach */
		expect_pin_error(t, -EBUSY, -EBUSY, 1);
		/* A positive number would pass IS_ERR() as a table */
		expect_pin_error(t, 1, -EINVAL, 1);
		expect_pin_error(t, INT_MAX, -EINVAL, 1);
	}
	sgt_teardown(t);
}

/* A dynamic importer pins by itself, for any type */
static void explicit_pin_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;

	fake_allow_pin(exp);
	attach = dma_buf_dynamic_attach(exp->dmabuf, dev,
					&fake_pinned_ops, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_attach_revocable(attach));

	dma_resv_lock(exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), 0);
	KUNIT_EXPECT_EQ(test, exp->pinned, 1);
	/* There is no callback to call */
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_buf_unpin(attach);
	exp->pin_result = -EINVAL;
	KUNIT_EXPECT_EQ(test, dma_buf_pin(attach), -EINVAL);
	dma_resv_unlock(exp->dmabuf->resv);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The exporter moves or revokes the buffer while it is mapped */
static void revoke_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt, *again;

	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	t->imp.sgt = sgt;

	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	t->exp->map_result = ERR_PTR(-ENODEV);
	dma_buf_invalidate_mappings(t->exp->dmabuf);
	dma_resv_unlock(t->exp->dmabuf->resv);

	KUNIT_EXPECT_EQ(test, t->imp.invalidated, c->dynamic);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, c->dynamic);
	again = dma_buf_sgt_map_attachment_unlocked(t->attach,
						    DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_PTR_EQ(test, again, ERR_PTR(-ENODEV));
	if (!c->dynamic)
		dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt,
						      DMA_BIDIRECTIONAL);
	sgt_teardown(t);
}

/* A static importer ignores fences, so map waits for moves */
static void kernel_fence_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct fake_fence *fence;
	struct sg_table *sgt;

	fence = fake_fence(t->exp, DMA_RESV_USAGE_KERNEL);
	if (!c->dynamic)
		fake_fence_signal_later(fence);
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, dma_fence_is_signaled(&fence->base), !c->dynamic);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	sgt_teardown(t);
}

/* The users of the buffer wait for other fences themselves */
static void write_fence_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct fake_fence *fence;
	struct sg_table *sgt;

	fence = fake_fence(t->exp, DMA_RESV_USAGE_WRITE);
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	sgt_teardown(t);
}

static void interrupted_wait_test(struct kunit *test)
{
	const struct sgt_case *c = test->param_value;
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	fake_allow_pin(t->exp);
	fake_fence(t->exp, DMA_RESV_USAGE_KERNEL);
	fake_interrupt();
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	fake_interrupt_end();

	if (c->dynamic) {
		KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
		dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt,
						      DMA_TO_DEVICE);
	} else {
		KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-ERESTARTSYS));
	}
	KUNIT_EXPECT_EQ(test, t->exp->calls.map, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unmap, 1);
	KUNIT_EXPECT_EQ(test, t->exp->calls.unpin, !c->dynamic);
	sgt_teardown(t);
}

/* The core complains about a misaligned table at debug level, and passes it on */
static void misaligned_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct sg_table *sgt;

	sg_dma_address(t->exp->sgt.sgl) += 1;
	sgt = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	expect_copy(test, sgt, &t->exp->sgt);
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, sgt, DMA_TO_DEVICE);
	sgt_teardown(t);
}

/* Two importers, each with a mapping of its own */
static void two_importers_test(struct kunit *test)
{
	struct sgt_test *t = sgt_setup(test);
	struct device *dev = fake_device(test, "second");
	struct dma_buf_attachment *attach;
	struct sg_table *first, *second;

	attach = dma_buf_attach(t->exp->dmabuf, dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(attach), dev);
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_dma_device(t->attach), t->dev);

	first = dma_buf_sgt_map_attachment_unlocked(t->attach, DMA_TO_DEVICE);
	second = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 2);
	dma_buf_sgt_unmap_attachment_unlocked(t->attach, first, DMA_TO_DEVICE);
	dma_buf_detach(t->exp->dmabuf, t->attach);

	expect_copy(test, second, &t->exp->sgt);
	dma_buf_sgt_unmap_attachment_unlocked(attach, second, DMA_TO_DEVICE);
	dma_buf_detach(t->exp->dmabuf, attach);
}

/* Calls with NULL for a mandatory argument */
static void null_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment nothing = {};
	struct sg_table sgt;

	EXPECT_REFUSED(test, dma_buf_attach(NULL, dev));
	EXPECT_REFUSED(test, dma_buf_attach(exp->dmabuf, NULL));
	EXPECT_REFUSED(test, dma_buf_dynamic_attach(NULL, dev,
						    &fake_dynamic_ops,
						    test));
	EXPECT_REFUSED(test, dma_buf_sgt_map_attachment(NULL, DMA_NONE));
	EXPECT_REFUSED(test, dma_buf_sgt_map_attachment(&nothing, DMA_NONE));
	EXPECT_REFUSED(test,
		       dma_buf_sgt_map_attachment_unlocked(NULL, DMA_NONE));
	EXPECT_REFUSED(test, dma_buf_sgt_map_attachment_unlocked(&nothing,
								 DMA_NONE));

	EXPECT_WARNING(test,
		       dma_buf_sgt_unmap_attachment(NULL, &sgt, DMA_NONE));
	EXPECT_WARNING(test, dma_buf_sgt_unmap_attachment(&nothing, &sgt,
							  DMA_NONE));
	EXPECT_WARNING(test, dma_buf_sgt_unmap_attachment_unlocked(NULL, &sgt,
								   DMA_NONE));
	EXPECT_WARNING(test, dma_buf_sgt_unmap_attachment_unlocked(&nothing,
								   &sgt,
								   DMA_NONE));
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
	KUNIT_EXPECT_EQ(test, exp->calls.map, 0);
}

static void unmap_nothing_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;

	attach = dma_buf_attach(exp->dmabuf, dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	EXPECT_WARNING(test,
		       dma_buf_sgt_unmap_attachment_unlocked(attach, NULL,
							     DMA_NONE));
	dma_resv_lock(exp->dmabuf->resv, NULL);
	EXPECT_WARNING(test,
		       dma_buf_sgt_unmap_attachment(attach, NULL, DMA_NONE));
	dma_resv_unlock(exp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, exp->calls.unmap, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

/* The SGT calls do nothing for an attachment of another type */
static void not_sgt_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_attachment *attach;
	struct sg_table sgt;

	attach = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_is_sgt(attach));
	KUNIT_EXPECT_NULL(test, dma_buf_sgt_dma_device(attach));
	KUNIT_EXPECT_NULL(test, dma_buf_get_sgt_ops(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));

	EXPECT_REFUSED(test,
		       dma_buf_sgt_map_attachment_unlocked(attach, DMA_NONE));
	EXPECT_WARNING(test,
		       dma_buf_sgt_unmap_attachment_unlocked(attach, &sgt,
							     DMA_NONE));
	dma_buf_detach(exp->dmabuf, attach);
}

/* Entries that the constructors cannot make */
static void malformed_entry_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_mapping_match entry =
		fake_sgt(dev);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));

	exp->entries[0].exp_ops = NULL;
	EXPECT_REFUSED(test, fake_attach(exp, entry));

	exp->entries[0] = DMA_BUF_EMAPPING_SGT(&fake_sgt_ops);
	exp->entries[0].sgt_data.exporter_requires_p2p = 17;
	EXPECT_REFUSED(test, fake_attach(exp, entry));

	exp->entries[0] = DMA_BUF_EMAPPING_SGT(&fake_sgt_ops);
	entry.sgt_data.importing_dma_device = NULL;
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(exp, entry), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

static struct kunit_case sgt_tests[] = {
	KUNIT_CASE_PARAM(attach_test, sgt_gen_params),
	KUNIT_CASE_PARAM(map_test, sgt_gen_params),
	KUNIT_CASE_PARAM(map_nothing_test, sgt_gen_params),
	KUNIT_CASE_PARAM(map_locked_test, sgt_gen_params),
	KUNIT_CASE_PARAM(map_error_test, sgt_gen_params),
	KUNIT_CASE_PARAM(pin_test, sgt_gen_params),
	KUNIT_CASE_PARAM(pin_error_test, sgt_gen_params),
	KUNIT_CASE(explicit_pin_test),
	KUNIT_CASE_PARAM(revoke_test, sgt_gen_params),
	KUNIT_CASE_PARAM(kernel_fence_test, sgt_gen_params),
	KUNIT_CASE_PARAM(write_fence_test, sgt_gen_params),
	KUNIT_CASE_PARAM(interrupted_wait_test, sgt_gen_params),
	KUNIT_CASE_PARAM(misaligned_test, sgt_gen_params),
	KUNIT_CASE_PARAM(two_importers_test, sgt_gen_params),
	KUNIT_CASE(null_test),
	KUNIT_CASE(unmap_nothing_test),
	KUNIT_CASE(not_sgt_test),
	KUNIT_CASE(malformed_entry_test),
	{}
};

static struct kunit_suite sgt_suite = {
	.name = "dma_buf_sgt",
	.init = fake_test_init,
	.test_cases = sgt_tests,
};

kunit_test_suite(sgt_suite);
