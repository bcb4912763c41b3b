// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace of a negotiation: each pair that was tried, and why it did or did
 * not match.
 */
#include "fake-p2p.h"
#include "trace-log.h"

#define MATCH	"dma_buf_mapping_match"
#define ATTACH	"dma_buf_dynamic_attach"
#define DETACH	"dma_buf_detach"

/* Longer descriptions of an entry are cut */
#define ENTRY_LEN	48

/* One line of the trace */
struct pair {
	const char *exporter;
	const char *importer;
	int result;
	const char *reason;
};

/* The lines are about this buffer, and there are no others */
static void expect_pairs(struct fake_exporter *exp, const struct pair *pairs,
			 size_t nr)
{
	struct kunit *test = exp->test;
	char *expected = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	size_t i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	for (i = 0; i < nr; i++)
		n += scnprintf(expected + n, PAGE_SIZE - n,
			       "exp_name=fake ino=%lu exporter=\"%s\" importer=\"%s\" result=%d reason=\"%s\"\n",
			       (unsigned long)file_inode(exp->dmabuf->file)->i_ino,
			       pairs[i].exporter, pairs[i].importer,
			       pairs[i].result, pairs[i].reason);
	KUNIT_EXPECT_STREQ(test, trace_log_end(test, MATCH), expected);
}

static void put(struct dma_buf_attachment *attach)
{
	if (!IS_ERR(attach))
		dma_buf_detach(attach->dmabuf, attach);
}

/* How an importer's entry for a device looks like, as long as that is short */
static const char *sgt_of(struct kunit *test, struct device *dev,
			  const char *p2p)
{
	char *str = kunit_kzalloc(test, ENTRY_LEN, GFP_KERNEL);
	int len;

	KUNIT_ASSERT_NOT_NULL(test, str);
	len = snprintf(str, ENTRY_LEN, "SGT(%s%s)", dev_name(dev), p2p);
	KUNIT_ASSERT_LT(test, len, ENTRY_LEN);
	return str;
}

static void sgt_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "SGT", sgt_of(test, dev, ""), 0, "matched" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_sgt_attach(exp->dmabuf, dev));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void p2p_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *far = fake_device(test, "far");
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf_mapping_match imp[] = {
		fake_sgt(p2p->near),
		fake_sgt_p2p(far),
		fake_sgt_p2p(p2p->near),
	};
	const struct pair pairs[] = {
		{ "SGT(P2P from 0000:0f:0a.0)", sgt_of(test, p2p->near, ""),
		  -EOPNOTSUPP, "importer does not accept P2P" },
		{ "SGT(P2P from 0000:0f:0a.0)", sgt_of(test, far, " P2P"),
		  -EOPNOTSUPP, "no P2P path between the devices" },
		{ "SGT(P2P from 0000:0f:0a.0)", sgt_of(test, p2p->near, " P2P"),
		  0, "matched" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_p2p_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
	/* To say why is not to ask again */
	KUNIT_EXPECT_EQ(test, p2p->asked, 2);
}

static void no_function_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "SGT", sgt_of(test, dev, " P2P"), -EOPNOTSUPP,
		  "exporter names no P2P device" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, NULL));
	trace_log_begin(test, MATCH);
	EXPECT_WARNING(test, put(fake_attach(exp,
					     fake_sgt_p2p(dev))));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void different_types_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "dev");
	struct dma_buf_mapping_match imp[] = {
		DMA_BUF_IMAPPING_PAL(),
		fake_sgt(dev),
	};
	const struct pair pairs[] = {
		{ "SGT", "PAL", -EOPNOTSUPP, "different types" },
		{ "SGT", sgt_of(test, dev, ""), 0, "matched" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

/* A pair with a converter is there twice: directly, and converted */
static void converted_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "PAL", sgt_of(test, dev, ""), -EOPNOTSUPP,
		  "different types" },
		{ "PAL", sgt_of(test, dev, ""), 0, "converted" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_sgt_attach(exp->dmabuf, dev));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void not_converted_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *far = fake_device(test, "far");
	struct fake_p2p *p2p = fake_p2p(test);
	const struct pair pairs[] = {
		{ "PAL(P2P from 0000:0f:0a.0)", sgt_of(test, far, " P2P"),
		  -EOPNOTSUPP, "different types" },
		{ "PAL(P2P from 0000:0f:0a.0)", sgt_of(test, far, " P2P"),
		  -EOPNOTSUPP, "no P2P path between the devices" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->pdev));
	trace_log_begin(test, MATCH);
	put(fake_attach(exp, fake_sgt_p2p(far)));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void pal_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_mapping_match imp[] = {
		{ .type = exp->entries[0].type },
		DMA_BUF_IMAPPING_PAL(),
	};
	const struct pair pairs[] = {
		{ "PAL", "PAL", -EOPNOTSUPP,
		  "importer may not have physical addresses" },
		{ "PAL", "PAL", 0, "matched" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static int without_p2p(struct fake_exporter *exp,
		       struct dma_buf_attachment *attach)
{
	return dma_buf_sgt_refine_no_p2p(attach);
}

/* What was matched is not what the importer gets */
static void refine_no_p2p_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct fake_p2p *p2p = fake_p2p(test);
	const char *importer = sgt_of(test, p2p->near, " P2P");
	const struct pair pairs[] = {
		{ "SGT(P2P from 0000:0f:0a.0)", importer, 0, "matched" },
		{ "SGT", importer, 0, "matched" },
	};

	exp->on_attach = without_p2p;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	trace_log_begin(test, MATCH);
	put(fake_attach(exp, fake_sgt_p2p(p2p->near)));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static struct device *wanted;

static int wants_device(struct fake_exporter *exp,
			struct dma_buf_attachment *attach)
{
	return dma_buf_sgt_refine_device(attach, wanted);
}

static void refine_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *far = fake_device(test, "far");
	struct fake_p2p *p2p = fake_p2p(test);
	const struct dma_buf_mapping_match imp[] = {
		fake_sgt_p2p(p2p->near),
		fake_sgt_p2p(far),
	};
	const struct pair pairs[] = {
		{ "SGT(P2P from 0000:0f:0a.0)", sgt_of(test, p2p->near, " P2P"),
		  0, "matched" },
		{ "SGT(P2P from 0000:0f:0a.0)", sgt_of(test, far, " P2P"),
		  -EOPNOTSUPP, "no P2P path between the devices" },
	};

	wanted = far;
	exp->on_attach = wants_device;
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_p2p_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static int told_match(struct dma_buf *dmabuf,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp)
{
	return imp->private_data.val[0];
}

/* A type that has no words */
static void quiet_type_test(struct kunit *test)
{
	static const struct dma_buf_mapping_type quiet = {
		.name = "quiet",
		.match = told_match,
	};
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_mapping_match imp[] = {
		{ .type = &quiet, .private_data.val[0] = -EOPNOTSUPP },
		{ .type = &quiet, .private_data.val[0] = -EBUSY },
	};
	const struct pair pairs[] = {
		{ "quiet", "quiet", -EOPNOTSUPP, "refused by the type" },
		{ "quiet", "quiet", -EBUSY, "error" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, (struct dma_buf_mapping_match){
		.type = &quiet, .exp_ops = &fake_sgt_ops.ops });
	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

/* The end of a line of the older events */
static void expect_tail(struct kunit *test, const char *log, const char *tail)
{
	size_t len = strlen(log);

	KUNIT_ASSERT_GE(test, len, strlen(tail));
	KUNIT_EXPECT_STREQ(test, log + len - strlen(tail), tail);
}

/* Those events were made for attachments that have a device */
static void attach_without_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);

	trace_log_begin(test, ATTACH);
	put(fake_attach(exp, DMA_BUF_IMAPPING_PAL()));
	expect_tail(test, trace_log_end(test, ATTACH),
		    " is_dynamic=1 dev_name=none\n");
}

static void detach_without_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);

	trace_log_begin(test, DETACH);
	put(fake_attach(exp, DMA_BUF_IMAPPING_PAL()));
	expect_tail(test, trace_log_end(test, DETACH),
		    " is_dynamic=1 dev_name=none\n");
}

static void attach_with_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "dev");
	char tail[64];

	snprintf(tail, sizeof(tail), " is_dynamic=0 dev_name=%s\n",
		 dev_name(dev));
	trace_log_begin(test, ATTACH);
	put(dma_buf_sgt_attach(exp->dmabuf, dev));
	expect_tail(test, trace_log_end(test, ATTACH), tail);
}

static struct kunit_case trace_tests[] = {
	KUNIT_CASE(sgt_test),
	KUNIT_CASE(p2p_test),
	KUNIT_CASE(no_function_test),
	KUNIT_CASE(different_types_test),
	KUNIT_CASE(converted_test),
	KUNIT_CASE(not_converted_test),
	KUNIT_CASE(pal_test),
	KUNIT_CASE(refine_no_p2p_test),
	KUNIT_CASE(refine_device_test),
	KUNIT_CASE(quiet_type_test),
	KUNIT_CASE(attach_without_device_test),
	KUNIT_CASE(detach_without_device_test),
	KUNIT_CASE(attach_with_device_test),
	{}
};

static struct kunit_suite trace_suite = {
	.name = "dma_buf_match_trace",
	.init = fake_test_init,
	.test_cases = trace_tests,
};

kunit_test_suite(trace_suite);
