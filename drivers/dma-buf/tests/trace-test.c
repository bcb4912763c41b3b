// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trace of a negotiation: each pair that the core tried, and why it did or did not
 * match.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>

#include "fake-p2p.h"
#include "trace-log.h"

#define MATCH	"dma_buf_mapping_match"
#define SELECT	"dma_buf_mapping_select"
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

/* The trace has lines about this buffer only */
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

/* The text of an importer's entry for a device, as long as it is short */
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
	put(dma_buf_attach(exp->dmabuf, dev));
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
		{ "SGT", sgt_of(test, p2p->near, ""), 0, "matched" },
		{ "SGT", sgt_of(test, far, " P2P"), 0, "matched" },
		{ "SGT", sgt_of(test, p2p->near, " P2P"), 0, "matched" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_p2p_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
	/* The trace has not called the PCI core again */
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
		fake_domain(),
		fake_sgt(dev),
	};
	const struct pair pairs[] = {
		{ "SGT", "DOMAIN(coherent)", -EOPNOTSUPP, "different types" },
		{ "SGT", sgt_of(test, dev, ""), 0, "matched" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

/* A pair with a converter */
static void converted_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "PAL", sgt_of(test, dev, ""), 0, "converted" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_attach(exp->dmabuf, dev));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void not_converted_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *far = fake_device(test, "far");
	struct fake_p2p *p2p = fake_p2p(test);
	const struct pair pairs[] = {
		{ "PAL(P2P from 0000:0f:0a.0)", sgt_of(test, far, " P2P"),
		  -EOPNOTSUPP, "no P2P path between the devices" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->provider));
	trace_log_begin(test, MATCH);
	put(fake_attach(exp, fake_sgt_p2p(far)));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void pal_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct dma_buf_mapping_match imp[] = {
		DMA_BUF_IMAPPING_DOMAIN(false),
		fake_domain(),
	};
	const struct pair pairs[] = {
		{ "PAL", "DOMAIN", -EOPNOTSUPP, "importer is not coherent" },
		{ "PAL", "DOMAIN(coherent)", 0, "converted" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

/* Offers with conditions, and a set that is full */
static void conditions_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "dev");
	struct dma_buf_mapping_match sgt = DMA_BUF_EMAPPING_SGT(&fake_sgt_ops);
	struct dma_buf_mapping_match pal = DMA_BUF_EMAPPING_PAL(&fake_pal_ops);
	const char *imp = sgt_of(test, dev, "");
	const struct pair pairs[] = {
		{ "SGT", imp, -EOPNOTSUPP, "importer cannot be revoked" },
		{ "PAL", imp, -EOPNOTSUPP, "offered to address spaces only" },
		{ "SGT", imp, 0, "matched" },
	};

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, dma_buf_offer(sgt, DMA_BUF_OFFER_REVOCABLE));
	fake_offer(exp, dma_buf_offer(pal, DMA_BUF_OFFER_DOMAIN));
	fake_offer(exp, sgt);
	trace_log_begin(test, MATCH);
	put(dma_buf_attach(exp->dmabuf, dev));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void full_set_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct device *dev = fake_device(test, "dev");
	struct pair pairs[DMA_BUF_MAX_MATCHES + 1];
	const struct dma_buf_mapping_match imp[] = {
		fake_sgt(dev), fake_sgt(dev), fake_sgt(dev),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pairs); i++)
		pairs[i] = (struct pair){ "SGT", sgt_of(test, dev, ""), 0,
					  "matched" };
	pairs[DMA_BUF_MAX_MATCHES].result = -ENOSPC;
	pairs[DMA_BUF_MAX_MATCHES].reason = "no room in the set";

	fake_export(exp, FAKE_SIZE);
	for (i = 0; i < 3; i++)
		fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	trace_log_begin(test, MATCH);
	put(dma_buf_mapping_attach(exp->dmabuf, imp, ARRAY_SIZE(imp),
				   &fake_dynamic_ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void required_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "SGT", sgt_of(test, dev, " P2P only"), -EOPNOTSUPP,
		  "importer requires P2P" },
	};

	trace_log_begin(test, MATCH);
	put(fake_attach(exp, DMA_BUF_IMAPPING_SGT(dev,
						  DMA_SGT_IMPORTER_REQUIRES_P2P)));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

/* An entry without a device shows the device of the attach call */
static void table_test(struct kunit *test)
{
	static const struct dma_buf_mapping_match types[] = {
		DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
	};
	static const struct dma_buf_attach_ops ops = {
		.supported_mapping_types = types,
		.nr_supported_mapping_types = ARRAY_SIZE(types),
	};
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "dev");
	const struct pair pairs[] = {
		{ "SGT", sgt_of(test, dev, " P2P"), 0, "matched" },
	};

	trace_log_begin(test, MATCH);
	put(dma_buf_dynamic_attach(exp->dmabuf, dev, &ops, exp));
	expect_pairs(exp, pairs, ARRAY_SIZE(pairs));
}

static void map_unmap(struct kunit *test, struct dma_buf_attachment *attach)
{
	struct sg_table *sgt;

	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	if (!IS_ERR(sgt))
		dma_buf_sgt_unmap_attachment_unlocked(attach, sgt,
						      DMA_TO_DEVICE);
}

static void select_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf_attachment *attach;
	unsigned long ino;
	char expected[256];

	fake_let_select(exp);
	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	ino = file_inode(exp->dmabuf->file)->i_ino;
	snprintf(expected, sizeof(expected),
		 "exp_name=fake ino=%lu selected=-16 of=2 type=none\n"
		 "exp_name=fake ino=%lu selected=0 of=2 type=SGT P2P\n"
		 "exp_name=fake ino=%lu selected=1 of=2 type=SGT\n",
		 ino, ino, ino);

	trace_log_begin(test, SELECT);
	attach = dma_buf_dynamic_attach(exp->dmabuf, p2p->near,
					&fake_pinned_ops, exp);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	exp->selected = -EBUSY;
	map_unmap(test, attach);
	exp->selected = 0;
	map_unmap(test, attach);
	exp->selected = 1;
	map_unmap(test, attach);
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	map_unmap(test, attach);
	put(attach);
	KUNIT_EXPECT_STREQ(test, trace_log_end(test, SELECT), expected);
}

static int told_match(const struct dma_buf_match_args *args,
		      const struct dma_buf_mapping_match *exp,
		      const struct dma_buf_mapping_match *imp,
		      struct dma_buf_mapping_match *result, const char **why)
{
	return imp->private_data.val[0];
}

/* A type without a describe callback */
static void quiet_type_test(struct kunit *test)
{
	static const struct dma_buf_mapping_type quiet = {
		.name = "quiet",
		.owner = THIS_MODULE,
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

/* The older events expect attachments that have a device */
static void attach_without_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);

	trace_log_begin(test, ATTACH);
	put(fake_attach(exp, fake_domain()));
	expect_tail(test, trace_log_end(test, ATTACH),
		    " is_dynamic=1 dev_name=none\n");
}

static void detach_without_device_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);

	trace_log_begin(test, DETACH);
	put(fake_attach(exp, fake_domain()));
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
	put(dma_buf_attach(exp->dmabuf, dev));
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
	KUNIT_CASE(conditions_test),
	KUNIT_CASE(full_set_test),
	KUNIT_CASE(required_test),
	KUNIT_CASE(table_test),
	KUNIT_CASE(select_test),
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
