// SPDX-License-Identifier: GPL-2.0-only
/*
 * The line that debugfs has about each attachment.
 */
#include <linux/dma-resv.h>
#include <linux/seq_file.h>

#include "dma-buf-core.h"
#include "fake-p2p.h"

/* The line is as in @before, the device's name, and @after */
static void expect_line(struct kunit *test, struct dma_buf_attachment *attach,
			const char *before, struct device *dev,
			const char *after)
{
	char buf[128] = "";
	char expected[128];
	struct seq_file s = { .buf = buf, .size = sizeof(buf) };

	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	scnprintf(expected, sizeof(expected), "%s%s%s", before,
		  dev ? dev_name(dev) : "", after);

	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_attachment_show(&s, attach);
	dma_resv_unlock(attach->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, s.count, strlen(expected));
	KUNIT_EXPECT_STREQ(test, buf, expected);
	dma_buf_detach(attach->dmabuf, attach);
}

static void sgt_test(struct kunit *test)
{
	struct device *dev = fake_device(test, "importer");
	enum fake_flavour flavour;

	for (flavour = FAKE_SIMPLE; flavour <= FAKE_MATCH; flavour++) {
		struct fake_exporter *exp = fake_sgt_exporter(test, flavour);

		expect_line(test, dma_buf_sgt_attach(exp->dmabuf, dev),
			    "\tSGT: ", dev, "\n");
		expect_line(test, fake_attach(exp,
					      fake_sgt_p2p(dev)),
			    "\tSGT: ", dev, "\n");
	}
}

static int give_up_p2p(struct fake_exporter *exp,
		       struct dma_buf_attachment *attach)
{
	return dma_buf_sgt_refine_no_p2p(attach);
}

static void p2p_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf_mapping_match imp =
		fake_sgt_p2p(p2p->near);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	expect_line(test, fake_attach(exp, imp), "\tSGT: ", p2p->near,
		    " P2P\n");

	exp->on_attach = give_up_p2p;
	expect_line(test, fake_attach(exp, imp), "\tSGT: ", p2p->near, "\n");
}

static void pal_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct fake_p2p *p2p = fake_p2p(test);

	expect_line(test, fake_attach(exp, DMA_BUF_IMAPPING_PAL()), "\tPAL:",
		    NULL, "\n");
	expect_line(test, dma_buf_sgt_attach(exp->dmabuf, p2p->near),
		    "\tSGT: ", p2p->near, " (from PAL)\n");

	exp->entries[0] = DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->pdev);
	expect_line(test, fake_attach(exp, fake_sgt_p2p(p2p->near)),
		    "\tSGT: ", p2p->near, " P2P (from PAL)\n");
}

static void quiet_type_test(struct kunit *test)
{
	static const struct dma_buf_mapping_type quiet = { .name = "quiet" };
	struct dma_buf_mapping_match entry = {
		.type = &quiet,
		.exp_ops = &fake_sgt_ops.ops,
	};
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, entry);
	expect_line(test, fake_attach(exp, entry), "\tquiet:", NULL, "\n");
}

static void dump_seven(struct seq_file *s, struct dma_buf_attachment *attach)
{
	seq_printf(s, "seven is %d", 7);
}

static void talking_type_test(struct kunit *test)
{
	static const struct dma_buf_mapping_type talking = {
		.name = "talking",
		.debugfs_dump = dump_seven,
	};
	struct dma_buf_mapping_match entry = {
		.type = &talking,
		.exp_ops = &fake_sgt_ops.ops,
	};
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_export(exp, FAKE_SIZE);
	fake_offer(exp, entry);
	expect_line(test, fake_attach(exp, entry), "\ttalking: seven is 7",
		    NULL, "\n");
}

static struct kunit_case show_tests[] = {
	KUNIT_CASE(sgt_test),
	KUNIT_CASE(p2p_test),
	KUNIT_CASE(pal_test),
	KUNIT_CASE(quiet_type_test),
	KUNIT_CASE(talking_type_test),
	{}
};

static struct kunit_suite show_suite = {
	.name = "dma_buf_attachment_show",
	.init = fake_test_init,
	.test_cases = show_tests,
};

kunit_test_suite(show_suite);
