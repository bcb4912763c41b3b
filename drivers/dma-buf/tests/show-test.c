// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lines about each attachment in debugfs and fdinfo.
 */
#include <linux/dma-resv.h>
#include <linux/module.h>
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

		expect_line(test, dma_buf_attach(exp->dmabuf, dev),
			    "\tSGT: ", dev, "\n");
		expect_line(test, fake_attach(exp,
					      fake_sgt_p2p(dev)),
			    "\tSGT: ", dev, "\n");
	}
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
}

static void pal_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_pal_exporter(test);
	struct fake_p2p *p2p = fake_p2p(test);

	expect_line(test, fake_attach(exp, fake_domain()), "\tDOMAIN:", NULL,
		    " (from PAL)\n");
	expect_line(test, dma_buf_attach(exp->dmabuf, p2p->near),
		    "\tSGT: ", p2p->near, " (from PAL)\n");

	exp->entries[0] = DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->provider);
	expect_line(test, fake_attach(exp, fake_sgt_p2p(p2p->near)),
		    "\tSGT: ", p2p->near, " P2P (from PAL)\n");
}

static void quiet_type_test(struct kunit *test)
{
	static const struct dma_buf_mapping_type quiet = { .name = "quiet", .owner = THIS_MODULE };
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
		.owner = THIS_MODULE,
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

/* The lines of fdinfo about the buffer's attachments */
static void expect_fdinfo(struct kunit *test, struct fake_exporter *exp,
			  const char *expected)
{
	char *buf = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct seq_file s = { .buf = buf, .size = PAGE_SIZE };

	KUNIT_ASSERT_NOT_NULL(test, buf);
	dma_buf_attachments_fdinfo(&s, exp->dmabuf);
	KUNIT_EXPECT_STREQ(test, buf, expected);
}

static struct sg_table *map(struct dma_buf_attachment *attach)
{
	return dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
}

static void unmap(struct dma_buf_attachment *attach, struct sg_table *sgt)
{
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
}

static void fdinfo_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf_attachment *peer, *pal;
	struct sg_table *sgt;

	fake_export(exp, FAKE_SIZE);
	fake_let_select(exp);
	fake_offer(exp, DMA_BUF_EMAPPING_SGT_P2P(&fake_sgt_ops, &p2p->pdev));
	fake_offer(exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	fake_offer(exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, &p2p->provider));
	expect_fdinfo(test, exp, "attachments:\t0\n");

	peer = dma_buf_dynamic_attach(exp->dmabuf, p2p->near, &fake_pinned_ops,
				      NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	expect_fdinfo(test, exp, "attachment:\tSGT p2p default\n"
				 "attachments:\t1\n");

	exp->selected = 1;
	sgt = map(peer);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	unmap(peer, sgt);
	pal = fake_attach(exp, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(pal));
	expect_fdinfo(test, exp, "attachment:\tDOMAIN p2p default\n"
				 "attachment:\tSGT memory selected\n"
				 "attachments:\t2\n");
	dma_buf_detach(exp->dmabuf, pal);

	/* The choice is over, and so is its name */
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
	expect_fdinfo(test, exp, "attachment:\tSGT p2p default\n"
				 "attachments:\t1\n");
	dma_buf_detach(exp->dmabuf, peer);
}

/* A thousand attachments do not get a thousand lines */
static void fdinfo_many_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct device *dev = fake_device(test, "importer");
	struct dma_buf_attachment *attach[40];
	char *expected = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, expected);
	for (i = 0; i < ARRAY_SIZE(attach); i++) {
		attach[i] = dma_buf_attach(exp->dmabuf, dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(attach[i]));
	}
	for (i = 0; i < 32; i++)
		strlcat(expected, "attachment:\tSGT memory default\n",
			PAGE_SIZE);
	strlcat(expected, "attachments:\t40\n", PAGE_SIZE);
	expect_fdinfo(test, exp, expected);
	for (i = 0; i < ARRAY_SIZE(attach); i++)
		dma_buf_detach(exp->dmabuf, attach[i]);
}

static struct kunit_case show_tests[] = {
	KUNIT_CASE(sgt_test),
	KUNIT_CASE(p2p_test),
	KUNIT_CASE(pal_test),
	KUNIT_CASE(quiet_type_test),
	KUNIT_CASE(talking_type_test),
	KUNIT_CASE(fdinfo_test),
	KUNIT_CASE(fdinfo_many_test),
	{}
};

static struct kunit_suite show_suite = {
	.name = "dma_buf_attachment_show",
	.init = fake_test_init,
	.test_cases = show_tests,
};

kunit_test_suite(show_suite);
