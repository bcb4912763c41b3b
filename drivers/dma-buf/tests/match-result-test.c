// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer's result for every value that a callback can return while an attachment
 * is made, and for malformed lists.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>

#include "fake-module.h"
#include "mapping-test.h"

/* A type whose match returns the value in the exporter's entry */
static int told_match(const struct dma_buf_match_args *args,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp,
		      struct dma_buf_mapping_match *result, const char **why)
{
	return (int)(long)exp->private_data.val[0];
}

static const struct dma_buf_mapping_type told_type = {
	.name = "told",
	.owner = FAKE_MODULE,
	.match = told_match,
};

static const struct dma_buf_mapping_type other_type = {
	.name = "other",
	.owner = THIS_MODULE,
};

static const struct dma_buf_mapping_match told_entry = { .type = &told_type };
static const struct dma_buf_mapping_match other_entry = { .type = &other_type };
/* The exporter's entry of the same type */
static const struct dma_buf_mapping_match other_offer = {
	.type = &other_type,
	.exp_ops = &fake_sgt_ops.ops,
};

static struct dma_buf_mapping_match told(int ret)
{
	return (struct dma_buf_mapping_match){
		.type = &told_type,
		.exp_ops = &fake_sgt_ops.ops,
		.private_data.val[0] = ret,
	};
}

/* One value that a callback returned, and the expected result */
struct result_case {
	int ret;
	int expected;
	unsigned int warnings;
};

static const struct result_case result_cases[] = {
	{ 0, 0, 0 },
	{ -EOPNOTSUPP, -EOPNOTSUPP, 0 },
	{ -EINVAL, -EINVAL, 0 },
	{ -ENOMEM, -ENOMEM, 0 },
	{ -EBUSY, -EBUSY, 0 },
	{ -ENODEV, -ENODEV, 0 },
	{ -EPERM, -EPERM, 0 },
	{ 1, -EINVAL, 1 },
	{ INT_MAX, -EINVAL, 1 },
};

static void result_desc(const struct result_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%d becomes %d", c->ret,
		 c->expected);
}

KUNIT_ARRAY_PARAM(result, result_cases, result_desc);

/* Attach, expect the result, and expect that a refusal leaves nothing behind */
static void expect_result(struct fake_exporter *exp,
			  const struct dma_buf_mapping_match *imp, size_t len,
			  int expected, unsigned int warnings)
{
	struct kunit *test = exp->test;
	struct dma_buf_attachment *attach = NULL;

	kunit_warning_suppress(test) {
		attach = dma_buf_mapping_attach(exp->dmabuf, imp, len,
						&fake_dynamic_ops, exp);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, warnings);
	}
	if (expected) {
		KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(expected));
		KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
		KUNIT_EXPECT_TRUE(test, list_empty(&exp->dmabuf->attachments));
		return;
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(attach));
	dma_buf_detach(exp->dmabuf, attach);
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
}

static void type_match_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(c->ret));
	expect_result(exp, &told_entry, 1, c->expected, c->warnings);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, !c->expected);
}

/* One pair that fits is enough, whatever is wrong with another one */
static void type_match_goes_on_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(c->ret));
	fake_offer(exp, told(0));
	expect_result(exp, &told_entry, 1, 0, c->warnings);
}

/* The same in the importer's list */
static void type_match_next_importer_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	const struct dma_buf_mapping_match imp[] = { told_entry, other_entry };

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(c->ret));
	fake_offer(exp, other_offer);
	expect_result(exp, imp, ARRAY_SIZE(imp), 0, c->warnings);
}

/* The importer gets the first error of a type */
static void first_error_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(-EOPNOTSUPP));
	fake_offer(exp, told(-EBUSY));
	fake_offer(exp, told(-EPERM));
	expect_result(exp, &told_entry, 1, -EBUSY, 0);
}

/* Two entries of a type without a match callback fit */
static void type_without_match_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, other_offer);
	expect_result(exp, &other_entry, 1, 0, 0);
}

static int return_priv(struct fake_exporter *exp,
		       const struct dma_buf_match_args *args)
{
	return *(int *)exp->test->priv;
}

/* match_mapping returns without a match, and without asking for one */
static void match_mapping_without_match_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	int ret = c->ret;

	test->priv = &ret;
	exp->on_match = return_priv;
	fake_export(exp, FAKE_SIZE);
	if (ret < 0)
		expect_result(exp, &told_entry, 1, c->expected, 0);
	else
		expect_result(exp, &told_entry, 1, -EINVAL, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

static int match_then_return_priv(struct fake_exporter *exp,
				  const struct dma_buf_match_args *args)
{
	struct dma_buf_mapping_match entry = told(0);

	KUNIT_EXPECT_EQ(exp->test, dma_buf_match_mapping(args, &entry, 1), 0);
	return return_priv(exp, args);
}

/* match_mapping returns an error after it has found a match */
static void match_mapping_after_match_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	int ret = c->ret;

	test->priv = &ret;
	exp->on_match = match_then_return_priv;
	fake_export(exp, FAKE_SIZE);
	expect_result(exp, &told_entry, 1, c->expected, c->warnings);
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, !c->expected);
}

static int attach_returns_priv(struct fake_exporter *exp,
			       struct dma_buf_attachment *attach)
{
	return *(int *)exp->test->priv;
}

static void exporter_attach_test(struct kunit *test)
{
	const struct result_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	int ret = c->ret;

	test->priv = &ret;
	exp->on_attach = attach_returns_priv;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(0));
	expect_result(exp, &told_entry, 1, c->expected, c->warnings);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 1);
}

/* An exporter can do without attach and detach callbacks */
static void no_exporter_attach_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	exp->ops.attach = NULL;
	exp->ops.detach = NULL;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(0));
	expect_result(exp, &told_entry, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

static int match_twice(struct fake_exporter *exp,
		       const struct dma_buf_match_args *args)
{
	struct dma_buf_mapping_match first = told(0);

	KUNIT_EXPECT_EQ(exp->test, dma_buf_match_mapping(args, &first, 1), 0);
	return dma_buf_match_mapping(args, &other_offer, 1);
}

/* A second match would overwrite the first */
static void match_twice_test(struct kunit *test)
{
	const struct dma_buf_mapping_match imp[] = { told_entry, other_entry };
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	exp->on_match = match_twice;
	fake_export(exp, FAKE_SIZE);
	expect_result(exp, imp, ARRAY_SIZE(imp), -EINVAL, 1);
}

static int match_again(struct fake_exporter *exp,
		       const struct dma_buf_match_args *args)
{
	struct dma_buf_mapping_match first = told(-EOPNOTSUPP);

	KUNIT_EXPECT_EQ(exp->test, dma_buf_match_mapping(args, &first, 1),
			-EOPNOTSUPP);
	return dma_buf_match_mapping(args, &other_offer, 1);
}

/* A second search after one that has found nothing is allowed */
static void match_after_failure_test(struct kunit *test)
{
	const struct dma_buf_mapping_match imp[] = { told_entry, other_entry };
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	exp->on_match = match_again;
	fake_export(exp, FAKE_SIZE);
	expect_result(exp, imp, ARRAY_SIZE(imp), 0, 0);
}

static int match_locked(struct fake_exporter *exp,
			const struct dma_buf_match_args *args)
{
	int ret;

	dma_resv_lock(args->dmabuf->resv, NULL);
	ret = dma_buf_match_mapping(args, exp->entries, exp->nr_entries);
	dma_resv_unlock(args->dmabuf->resv);
	return ret;
}

/* An exporter may hold the reservation lock while it matches */
static void match_locked_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	const struct dma_buf_mapping_match imp[] = {
		fake_sgt(fake_device(test, "importer")), told_entry,
	};

	exp->on_match = match_locked;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, told(-EOPNOTSUPP));
	expect_result(exp, imp, ARRAY_SIZE(imp), -EOPNOTSUPP, 0);
	fake_offer(exp, DMA_BUF_EMAPPING_PAL(&fake_pal_ops));
	expect_result(exp, imp, ARRAY_SIZE(imp), 0, 0);
}

static int changes_type(const struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp,
			struct dma_buf_mapping_match *result, const char **why)
{
	result->type = &other_type;
	return 0;
}

static const struct dma_buf_mapping_type changeling_type = {
	.name = "changeling",
	.owner = FAKE_MODULE,
	.match = changes_type,
};

/* match must not change the type: the reference on the module would be lost */
static void match_changes_type_test(struct kunit *test)
{
	const struct dma_buf_mapping_match entry = {
		.type = &changeling_type,
		.exp_ops = &fake_sgt_ops.ops,
	};
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_attachment *attach = NULL;

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, entry);
	kunit_warning_suppress(test) {
		attach = fake_attach(exp, entry);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(attach));
	KUNIT_EXPECT_PTR_EQ(test, attach->map_type->type, &changeling_type);
	dma_buf_detach(exp->dmabuf, attach);
	KUNIT_EXPECT_EQ(test, fake_module_refs(), 0);
}

/* Malformed lists on either side */
struct list_case {
	const char *name;
	const struct dma_buf_mapping_match *list;
	size_t len;
	unsigned int warnings;
};

static const struct dma_buf_mapping_match no_type[] = {
	{ .type = NULL },
};

static const struct dma_buf_mapping_match no_type_last[] = {
	{ .type = &other_type, .exp_ops = &fake_sgt_ops.ops },
	{ .type = NULL },
};

static const struct dma_buf_mapping_match strange_flag[] = {
	{ .type = &other_type, .exp_ops = &fake_sgt_ops.ops,
	  .flags = DMA_BUF_OFFER_FLAGS + 1 },
};

static const struct list_case list_cases[] = {
	{ "NULL", NULL, 1, 0 },
	{ "NULL and empty", NULL, 0, 0 },
	{ "empty", &other_entry, 0, 0 },
	{ "entry without a type", no_type, 1, 1 },
	{ "last entry without a type", no_type_last, 2, 1 },
	{ "unknown flag", strange_flag, 1, 1 },
};

KUNIT_ARRAY_PARAM_DESC(list, list_cases, name);

static void importer_list_test(struct kunit *test)
{
	const struct list_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, other_offer);
	expect_result(exp, c->list, c->len, -EINVAL, c->warnings);
	KUNIT_EXPECT_EQ(test, exp->calls.match, 0);
}

static int match_priv_list(struct fake_exporter *exp,
			   const struct dma_buf_match_args *args)
{
	const struct list_case *c = exp->test->param_value;

	return dma_buf_match_mapping(args, c->list, c->len);
}

static void exporter_list_test(struct kunit *test)
{
	const struct list_case *c = test->param_value;
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	exp->on_match = match_priv_list;
	fake_export(exp, FAKE_SIZE);
	expect_result(exp, &other_entry, 1, -EINVAL, c->warnings);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

/* A private type may have no match callback that would notice */
static void no_operations_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, other_offer);
	fake_offer(exp, other_entry);
	expect_result(exp, &other_entry, 1, -EINVAL, 1);
	KUNIT_EXPECT_EQ(test, exp->calls.attach, 0);
}

static void no_buffer_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = NULL;

	kunit_warning_suppress(test) {
		attach = dma_buf_mapping_attach(NULL, &other_entry, 1,
						&fake_dynamic_ops, test);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));
}

/* Importers without operations can have plain SGT only */
static void static_importer_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "dev");
	struct dma_buf_mapping_match imp[2];
	struct dma_buf_attachment *attach;

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));

	imp[0] = fake_sgt(dev);
	imp[1] = imp[0];
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, 2, NULL, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(exp->dmabuf, attach);
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);

	/* The first entry of the list fits, but the second one is not allowed */
	imp[1] = fake_sgt_p2p(dev);
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, 2, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));

	imp[1] = fake_domain();
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, 2, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));

	imp[1] = other_entry;
	attach = dma_buf_mapping_attach(exp->dmabuf, imp, 2, NULL, NULL);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINVAL));

	/* The core has called the exporter for none of these */
	KUNIT_EXPECT_EQ(test, exp->calls.match, 1);
}

static int attached;

static int count_attach(struct dma_buf *dmabuf,
			struct dma_buf_attachment *attach)
{
	attached++;
	return 0;
}

static void count_detach(struct dma_buf *dmabuf,
			 struct dma_buf_attachment *attach)
{
	attached--;
}

/* A killed task does not wait for the lock, and leaves nothing behind */
static void killed_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach;
	struct fake_holder holder;

	attached = 0;
	exp->ops.attach = count_attach;
	exp->ops.detach = count_detach;
	fake_hold(&holder, exp->dmabuf);
	fake_kill();
	attach = dma_buf_attach(exp->dmabuf, dev);
	fake_kill_end();
	fake_let_go(&holder);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EINTR));
	KUNIT_EXPECT_EQ(test, attached, 0);
}

static struct kunit_case match_result_tests[] = {
	KUNIT_CASE_PARAM(type_match_test, result_gen_params),
	KUNIT_CASE_PARAM(type_match_goes_on_test, result_gen_params),
	KUNIT_CASE_PARAM(type_match_next_importer_test, result_gen_params),
	KUNIT_CASE(first_error_test),
	KUNIT_CASE(type_without_match_test),
	KUNIT_CASE_PARAM(match_mapping_without_match_test, result_gen_params),
	KUNIT_CASE_PARAM(match_mapping_after_match_test, result_gen_params),
	KUNIT_CASE_PARAM(exporter_attach_test, result_gen_params),
	KUNIT_CASE(no_exporter_attach_test),
	KUNIT_CASE(match_twice_test),
	KUNIT_CASE(match_after_failure_test),
	KUNIT_CASE(match_locked_test),
	KUNIT_CASE(match_changes_type_test),
	KUNIT_CASE_PARAM(importer_list_test, list_gen_params),
	KUNIT_CASE_PARAM(exporter_list_test, list_gen_params),
	KUNIT_CASE(no_operations_test),
	KUNIT_CASE(no_buffer_test),
	KUNIT_CASE(static_importer_test),
	KUNIT_CASE(killed_test),
	{}
};

static struct kunit_suite match_result_suite = {
	.name = "dma_buf_match_result",
	.init = fake_test_init,
	.test_cases = match_result_tests,
};

kunit_test_suite(match_result_suite);
