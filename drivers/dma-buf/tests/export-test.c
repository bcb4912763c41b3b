// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma_buf_export() takes operations that declare in exactly one way what the exporter
 * offers, and no others.
 */
#include "mapping-test.h"

#define SINGLE	BIT(0)
#define MATCH	BIT(1)
#define RELEASE	BIT(2)
#define PIN	BIT(3)
#define UNPIN	BIT(4)
#define DOMAIN	BIT(5)

static struct dma_buf_ops make_ops(struct kunit *test, unsigned int set)
{
	struct fake_exporter *simple = fake_exporter(test, FAKE_SIMPLE);
	struct fake_exporter *match = fake_exporter(test, FAKE_MATCH);

	fake_allow_pin(match);
	return (struct dma_buf_ops){
		.single_exporter_match = set & SINGLE ?
			simple->ops.single_exporter_match : NULL,
		.domain_exporter_match = set & DOMAIN ?
			simple->ops.single_exporter_match : NULL,
		.match_mapping = set & MATCH ? match->ops.match_mapping : NULL,
		.release = set & RELEASE ? match->ops.release : NULL,
		.pin = set & PIN ? match->ops.pin : NULL,
		.unpin = set & UNPIN ? match->ops.unpin : NULL,
	};
}

static void expect_refused(struct fake_exporter *exp, unsigned int what)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct kunit *test = exp->test;
	struct dma_buf *dmabuf = NULL;

	info.ops = &exp->ops;
	info.size = FAKE_SIZE;
	info.priv = exp;
	kunit_warning_suppress(test) {
		dmabuf = dma_buf_export(&info);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}
	KUNIT_EXPECT_PTR_EQ_MSG(test, dmabuf, ERR_PTR(-EINVAL), "%x", what);
}

static void expect_export(struct kunit *test, unsigned int set, bool right)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	exp->ops = make_ops(test, set);
	if (right)
		fake_export(exp, FAKE_SIZE);
	else
		expect_refused(exp, set);
}

static void ways_test(struct kunit *test)
{
	expect_export(test, RELEASE, false);
	expect_export(test, SINGLE | RELEASE, true);
	expect_export(test, MATCH | RELEASE, true);
	expect_export(test, SINGLE | MATCH | RELEASE, false);
	expect_export(test, SINGLE | DOMAIN | RELEASE, true);
	expect_export(test, MATCH | DOMAIN | RELEASE, false);
	expect_export(test, DOMAIN | RELEASE, false);
}

static void release_test(struct kunit *test)
{
	expect_export(test, SINGLE, false);
	expect_export(test, MATCH, false);
}

static void pin_test(struct kunit *test)
{
	expect_export(test, MATCH | RELEASE | PIN, false);
	expect_export(test, MATCH | RELEASE | UNPIN, false);
	expect_export(test, MATCH | RELEASE | PIN | UNPIN, true);
}

/* An attach does not check constant entries, so the export does */
static void malformed_entry_test(struct kunit *test)
{
	static const struct dma_buf_mapping_match good =
		DMA_BUF_EMAPPING_SGT(&fake_sgt_ops);
	struct dma_buf_mapping_match bad[] = { good, good, good };
	size_t i;

	bad[0].type = NULL;
	bad[1].exp_ops = NULL;
	bad[2].flags = DMA_BUF_OFFER_FLAGS + 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fake_exporter *exp = fake_exporter(test, FAKE_SIMPLE);

		exp->ops.single_exporter_match = &bad[i];
		expect_refused(exp, i);
		exp->ops.single_exporter_match = &good;
		exp->ops.domain_exporter_match = &bad[i];
		expect_refused(exp, i);
		exp->ops.domain_exporter_match = &good;
		fake_export(exp, FAKE_SIZE);
	}
}

static struct kunit_case export_tests[] = {
	KUNIT_CASE(ways_test),
	KUNIT_CASE(release_test),
	KUNIT_CASE(pin_test),
	KUNIT_CASE(malformed_entry_test),
	{}
};

static struct kunit_suite export_suite = {
	.name = "dma_buf_export_ops",
	.init = fake_test_init,
	.test_cases = export_tests,
};

kunit_test_suite(export_suite);
