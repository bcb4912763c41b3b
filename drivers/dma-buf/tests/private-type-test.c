// SPDX-License-Identifier: GPL-2.0-only
/*
 * A private mapping type of two drivers, the example of the documentation.
 *
 * The type is a window into the memory of one device: the importer gets an offset, and
 * has to be a function of the same device as the exporter.
 */
#include <linux/module.h>

#include <kunit/static_stub.h>

#include "dma-buf-core.h"
#include "fake-module.h"
#include "mapping-test.h"
#include "trace-log.h"

/* A module whose references can be counted */
#undef THIS_MODULE
#define THIS_MODULE FAKE_MODULE

#include "example-window.c"
#include "example-card.c"

static int fake_map_window(struct dma_buf_attachment *attach,
			   unsigned long *offset)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.map++;
	exp->mapped++;
	*offset = attach->map_type->private_data.val[1];
	return 0;
}

static void fake_unmap_window(struct dma_buf_attachment *attach)
{
	struct fake_exporter *exp = to_fake_exporter(attach->dmabuf);

	exp->calls.unmap++;
	exp->mapped--;
}

static const struct window_exp_ops fake_window_ops = {
	.map_window = fake_map_window,
	.unmap_window = fake_unmap_window,
};

static const struct dma_buf_attach_ops card_attach_ops = {
	.allow_peer2peer = true,
};

static const char *const card_a = "card A";
static const char *const card_b = "card B";

static struct fake_exporter *window_exporter(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, WINDOW_EMAPPING(&fake_window_ops, card_a, SZ_1M));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	return exp;
}

static void map_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;
	unsigned long offset = 0;

	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_PTR_EQ(test, attach->map_type->type, &window_type);
	dma_resv_lock(exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, window_map(attach, &offset), 0);
	KUNIT_EXPECT_EQ(test, offset, SZ_1M);
	KUNIT_EXPECT_EQ(test, exp->calls.map, 1);
	window_unmap(attach);
	dma_resv_unlock(exp->dmabuf->resv);

	/* The importer's own data is in it as well */
	KUNIT_EXPECT_PTR_EQ(test, attach->map_type->private_data.ptr, card_a);
	KUNIT_EXPECT_EQ(test, attach->map_type->private_data.val[0], SZ_2M);
	dma_buf_detach(exp->dmabuf, attach);
}

/* SGT has nothing to return for such an attachment */
static void no_device_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_is_sgt(attach));
	KUNIT_EXPECT_NULL(test, dma_buf_sgt_dma_device(attach));
	KUNIT_EXPECT_NULL(test, dma_buf_get_sgt_ops(attach));
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(attach));
	EXPECT_REFUSED(test, fake_map_phys_unlocked(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

static void refused_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;

	attach = fake_attach(exp, WINDOW_IMAPPING(card_b, SZ_2M));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_1M));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

/* An importer that supports both types, and belongs to another card */
static void fall_back_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_mapping_match imp[] = {
		WINDOW_IMAPPING(card_b, SZ_2M),
		fake_sgt(fake_device(test, "importer")),
	};
	struct dma_buf_attachment *attach;

	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_dynamic_ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

/* Revocation is part of every type */
static void revoke_test(struct kunit *test)
{
	struct dma_buf_mapping_match imp = WINDOW_IMAPPING(card_a, SZ_2M);
	struct fake_exporter *exp = window_exporter(test);
	struct fake_importer importer = { .test = test };

	importer.attach = dma_buf_mapping_attach(exp->dmabuf, &imp, 1,
						 &fake_dynamic_ops, &importer);
	KUNIT_ASSERT_FALSE(test, IS_ERR(importer.attach));
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, importer.invalidated, 1);
	dma_buf_detach(exp->dmabuf, importer.attach);
}

/* The exporter selects a private type, and unmap goes where map was */
static void select_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct card card = {
		.name = card_a,
		.reach = SZ_2M,
		.dev = fake_device(test, "importer"),
	};

	fake_let_select(exp);
	KUNIT_ASSERT_EQ(test, card_attach(&card, exp->dmabuf), 0);

	dma_resv_lock(exp->dmabuf->resv, NULL);
	exp->selected = -EBUSY;
	KUNIT_EXPECT_EQ(test, card_map(&card), -EBUSY);
	exp->selected = 0;
	KUNIT_EXPECT_EQ(test, card_map(&card), 0);
	KUNIT_EXPECT_EQ(test, card.offset, SZ_1M);

	/* A scatterlist can be selected now, but the window is still mapped */
	exp->selected = 1;
	dma_buf_invalidate_mappings(exp->dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, card.attach->map_type->type, &window_type);
	card_unmap(&card);
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	KUNIT_EXPECT_EQ(test, card_map(&card), 0);
	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(card.attach));
	KUNIT_EXPECT_EQ(test, exp->mapped, 1);
	EXPECT_WARNING(test, window_unmap(card.attach));
	card_unmap(&card);
	EXPECT_WARNING(test, dma_buf_mapping_unselect(card.attach));
	dma_resv_unlock(exp->dmabuf->resv);
	dma_buf_detach(exp->dmabuf, card.attach);
}

static const struct dma_buf_mapping_type ownerless_type = {
	.name = "ownerless",
};

static bool all_in_modules(const struct dma_buf_mapping_type *type)
{
	return true;
}

/* Without a reference the module could be unloaded while the attachment exists */
static void no_owner_test(struct kunit *test)
{
	const struct dma_buf_mapping_match entry = {
		.type = &ownerless_type,
		.exp_ops = &fake_sgt_ops.ops,
	};
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_attachment *attach = NULL;

	kunit_activate_static_stub(test, dma_buf_type_in_module,
				   all_in_modules);
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, entry);
	EXPECT_WARNING(test, attach = fake_attach(exp, entry));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
}

/* The trace has the type's description of its entries, as far as it fits */
static void words_test(struct kunit *test)
{
	static const char *const expected[] = {
		"exporter=\"window(memory of card A)\" importer=\"window(function of card B)\" result=-95 reason=\"another device\"\n",
		"exporter=\"window(memory of card A)\" importer=\"window(function of card A)\" result=-95 reason=\"out of reach\"\n",
		"exporter=\"window(memory of card A)\" importer=\"window(function of a card with a name that is t\" result=-95 reason=\"another device\"\n",
		"exporter=\"window(memory of card A)\" importer=\"window(function of card A)\" result=0 reason=\"matched\"\n",
	};
	struct fake_exporter *exp = window_exporter(test);
	const struct dma_buf_mapping_match imp[] = {
		WINDOW_IMAPPING(card_b, SZ_1M),
		WINDOW_IMAPPING(card_a, SZ_1M),
		WINDOW_IMAPPING("a card with a name that is too long", SZ_1M),
		WINDOW_IMAPPING(card_a, SZ_2M),
	};
	struct dma_buf_attachment *attach;
	char *log, *line;
	size_t i;

	exp->nr_entries = 1;
	trace_log_begin(test, "dma_buf_mapping_match");
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_dynamic_ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(exp->dmabuf, attach);

	log = trace_log_end(test, "dma_buf_mapping_match");
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		line = strstr(log, expected[i]);
		KUNIT_EXPECT_NOT_NULL_MSG(test, line, "no %s in %s",
					  expected[i], log);
		if (line)
			log = line + strlen(expected[i]);
	}
	KUNIT_EXPECT_STREQ(test, log, "");
}

static void debugfs_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;
	char buf[64] = "";
	struct seq_file s = { .buf = buf, .size = sizeof(buf) };

	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_attachment_show(&s, attach);
	dma_resv_unlock(exp->dmabuf->resv);
	KUNIT_EXPECT_STREQ(test, buf, "\twindow: card A at 0x100000\n");
	dma_buf_detach(exp->dmabuf, attach);
}

/* The module of the type stays while an attachment can use the type */
static void owner_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *first, *second, *sgt;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD))
		kunit_skip(test, "needs CONFIG_MODULE_UNLOAD");

	first = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_ASSERT_FALSE(test, IS_ERR(first));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 1);
	second = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_ASSERT_FALSE(test, IS_ERR(second));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 2);

	/* The type of the match counts, not the other offers of the exporter */
	sgt = dma_buf_attach(exp->dmabuf, fake_device(test, "importer"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 2);
	dma_buf_detach(exp->dmabuf, sgt);

	dma_buf_detach(exp->dmabuf, first);
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 1);
	dma_buf_detach(exp->dmabuf, second);
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
}

static int refuse(struct fake_exporter *exp, struct dma_buf_attachment *attach)
{
	KUNIT_EXPECT_EQ(exp->test, fake_module_refs(), 1);
	return -EBUSY;
}

static void owner_refused_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD))
		kunit_skip(test, "needs CONFIG_MODULE_UNLOAD");

	attach = fake_attach(exp, WINDOW_IMAPPING(card_b, SZ_2M));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);

	exp->on_attach = refuse;
	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EBUSY));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
}

static void owner_unloading_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	struct dma_buf_attachment *attach;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD))
		kunit_skip(test, "needs CONFIG_MODULE_UNLOAD");

	fake_module_unload(true);
	attach = fake_attach(exp, WINDOW_IMAPPING(card_a, SZ_2M));
	fake_module_unload(false);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

/* The importer gets its next type instead */
static void owner_unloading_fall_back_test(struct kunit *test)
{
	struct fake_exporter *exp = window_exporter(test);
	const struct dma_buf_mapping_match imp[] = {
		WINDOW_IMAPPING(card_a, SZ_2M),
		fake_sgt(fake_device(test, "importer")),
	};
	struct dma_buf_attachment *attach;

	if (!IS_ENABLED(CONFIG_MODULE_UNLOAD))
		kunit_skip(test, "needs CONFIG_MODULE_UNLOAD");

	fake_module_unload(true);
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
					&fake_dynamic_ops, exp);
	fake_module_unload(false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_EXPECT_TRUE(test, dma_buf_is_sgt(attach));
	dma_buf_detach(exp->dmabuf, attach);
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
}

static struct kunit_case private_type_tests[] = {
	KUNIT_CASE(map_test),
	KUNIT_CASE(no_device_test),
	KUNIT_CASE(refused_test),
	KUNIT_CASE(fall_back_test),
	KUNIT_CASE(revoke_test),
	KUNIT_CASE(select_test),
	KUNIT_CASE(no_owner_test),
	KUNIT_CASE(words_test),
	KUNIT_CASE(debugfs_test),
	KUNIT_CASE(owner_test),
	KUNIT_CASE(owner_refused_test),
	KUNIT_CASE(owner_unloading_test),
	KUNIT_CASE(owner_unloading_fall_back_test),
	{}
};

static struct kunit_suite private_type_suite = {
	.name = "dma_buf_private_type",
	.init = fake_test_init,
	.test_cases = private_type_tests,
};

kunit_test_suite(private_type_suite);
