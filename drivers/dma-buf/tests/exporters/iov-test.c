// SPDX-License-Identifier: GPL-2.0-only
/*
 * The type IOV: which driver gets a piece of a VF's BAR, and which piece.
 */
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/pci.h>
#include <linux/seq_file.h>

#include "dma-buf-core.h"
#include "mapping-test.h"
#include "trace-log.h"

#ifdef CONFIG_PCI_IOV

#define BAR		2
#define BAR_SIZE	SZ_1M
#define RANGES		2

/**
 * struct iov_test - a VF with a buffer in its BAR, and its PF
 * @exp: the exporter; its buffer is the VF's
 * @pf: the PF
 * @other: a function that is not the PF
 * @vf: the VF
 * @bus: the bus of @vf
 * @range: the pieces of the buffer
 * @nr_ranges: length of @range
 * @revoked: the buffer is revoked
 * @iov_mapped: number of mappings that were not given back yet
 * @why: the PF's answer
 * @asked: number of calls of the PF's refuse callback
 * @invalidated: number of times that the importer was invalidated
 */
struct iov_test {
	struct fake_exporter *exp;
	struct pci_dev pf;
	struct pci_dev other;
	struct pci_dev vf;
	struct pci_bus bus;
	struct dma_buf_iov_range range[RANGES];
	unsigned int nr_ranges;
	bool revoked;
	int iov_mapped;
	const char *why;
	unsigned int asked;
	unsigned int invalidated;
};

static struct iov_test *to_iov_test(struct dma_buf_attachment *attach)
{
	return to_fake_exporter(attach->dmabuf)->test->priv;
}

static int look(struct dma_buf_attachment *attach, struct dma_buf_iov *iov)
{
	struct iov_test *t = to_iov_test(attach);

	iov->vf = &t->vf;
	iov->bar = BAR;
	iov->nr_ranges = t->nr_ranges;
	return t->revoked ? -ENODEV : 0;
}

static void range(struct dma_buf_attachment *attach, unsigned int i,
		  struct dma_buf_iov_range *range)
{
	*range = to_iov_test(attach)->range[i];
}

static int map_iov(struct dma_buf_attachment *attach)
{
	to_iov_test(attach)->iov_mapped++;
	return 0;
}

static void unmap_iov(struct dma_buf_attachment *attach)
{
	to_iov_test(attach)->iov_mapped--;
}

static const struct dma_buf_mapping_iov_exp_ops iov_ops = {
	.look = look,
	.range = range,
	.map_iov = map_iov,
	.unmap_iov = unmap_iov,
};

static const char *refuse(struct dma_buf_attachment *attach,
			  const struct dma_buf_iov *iov)
{
	struct iov_test *t = to_iov_test(attach);
	struct kunit *test = t->exp->test;
	struct dma_buf_iov_range range;

	t->asked++;
	KUNIT_EXPECT_PTR_EQ(test, iov->vf, &t->vf);
	KUNIT_EXPECT_EQ(test, iov->bar, BAR);
	KUNIT_EXPECT_EQ(test, iov->nr_ranges, t->nr_ranges);
	dma_buf_iov_range(attach, 0, &range);
	KUNIT_EXPECT_EQ(test, range.offset, t->range[0].offset);
	KUNIT_EXPECT_EQ(test, range.length, t->range[0].length);
	return t->why;
}

static const struct dma_buf_iov_importer pf_driver = {
	.bars = BIT(BAR),
	.refuse = refuse,
};

/* [IOV, SGT], the table of the driver of a PF */
static const struct dma_buf_mapping_match own_types[] = {
	DMA_BUF_IMAPPING_IOV(&pf_driver),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

static void invalidate(struct dma_buf_attachment *attach)
{
	to_iov_test(attach)->invalidated++;
}

static const struct dma_buf_attach_ops pf_ops = {
	.supported_mapping_types = own_types,
	.nr_supported_mapping_types = ARRAY_SIZE(own_types),
	.invalidate_mappings = invalidate,
};

static const struct dma_buf_attach_ops pf_only_ops = {
	.supported_mapping_types = own_types,
	.nr_supported_mapping_types = 1,
	.invalidate_mappings = invalidate,
};

/*
 * The example of the chapter. The PF has given the memory before @given to the VF.
 */
static u64 given;
static u64 used;

static bool pf_has(const struct pci_dev *vf,
		   const struct dma_buf_iov_range *range)
{
	return range->offset + range->length <= given;
}

struct pf_buffer;

static void pf_use(struct pf_buffer *buf, const struct pci_dev *vf,
		   const struct dma_buf_iov_range *range)
{
	used += range->length;
}

#include "example-pf.c"

static const struct dma_buf_attach_ops example_ops = {
	.supported_mapping_types = pf_types,
	.nr_supported_mapping_types = ARRAY_SIZE(pf_types),
	.invalidate_mappings = invalidate,
};

static int let_iov_select(struct fake_exporter *exp,
			  struct dma_buf_attachment *attach,
			  const struct dma_buf_match *matches,
			  unsigned int nr_matches)
{
	return dma_buf_iov_select(attach, matches, nr_matches);
}

static int iov_test_init(struct kunit *test)
{
	struct dma_buf_mapping_match entry;
	struct iov_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	t->pf.dev.bus = &pci_bus_type;
	t->pf.dev.init_name = "0000:0f:00.0";
	t->pf.is_physfn = 1;
	t->other.dev.bus = &pci_bus_type;
	t->other.dev.init_name = "0000:0e:00.0";
	t->bus.number = 0x0f;
	t->vf.dev.bus = &pci_bus_type;
	t->vf.dev.init_name = "0000:0f:00.1";
	t->vf.bus = &t->bus;
	t->vf.devfn = PCI_DEVFN(0, 1);
	t->vf.is_virtfn = 1;
	t->vf.physfn = &t->pf;
	t->vf.resource[BAR] = DEFINE_RES_MEM(SZ_1G, BAR_SIZE);

	/* Not in order, and not contiguous */
	t->nr_ranges = 2;
	t->range[0] = (struct dma_buf_iov_range){ SZ_64K, PAGE_SIZE };
	t->range[1] = (struct dma_buf_iov_range){ 0, FAKE_SIZE - PAGE_SIZE };

	t->exp = fake_exporter(test, FAKE_MATCH);
	fake_let_select(t->exp);
	t->exp->on_select = let_iov_select;
	fake_export(t->exp, FAKE_SIZE);
	entry = DMA_BUF_EMAPPING_IOV(&iov_ops, &t->vf, BAR);
	fake_offer(t->exp, dma_buf_offer(entry, DMA_BUF_OFFER_REVOCABLE));
	fake_offer(t->exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	return fake_test_init(test);
}

static struct dma_buf_attachment *attach_pf(struct kunit *test,
					    const struct dma_buf_attach_ops *ops)
{
	struct iov_test *t = test->priv;
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(t->exp->dmabuf, &t->pf.dev, ops, t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	return attach;
}

static void detach(struct dma_buf_attachment *attach)
{
	struct iov_test *t = to_iov_test(attach);

	KUNIT_EXPECT_EQ(t->exp->test, t->iov_mapped, 0);
	dma_buf_detach(attach->dmabuf, attach);
}

static int map(struct dma_buf_attachment *attach, struct dma_buf_iov *iov)
{
	int ret;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ret = dma_buf_iov_map_attachment(attach, DMA_BIDIRECTIONAL, iov);
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static void unmap(struct dma_buf_attachment *attach)
{
	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_iov_unmap_attachment(attach);
	dma_resv_unlock(attach->dmabuf->resv);
}

/* Is IOV selected now? */
static bool selects_iov(struct dma_buf_attachment *attach)
{
	bool ret;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ret = !dma_buf_mapping_select(attach);
	ret = ret && dma_buf_is_iov(attach);
	dma_buf_mapping_unselect(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static void iov_map_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov_range range;
	struct dma_buf_iov iov = {};
	unsigned int i;

	KUNIT_EXPECT_EQ(test, map(attach, &iov), 0);
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 1);
	KUNIT_EXPECT_EQ(test, t->asked, 1);
	KUNIT_EXPECT_PTR_EQ(test, iov.vf, &t->vf);
	KUNIT_EXPECT_EQ(test, iov.bar, BAR);
	KUNIT_ASSERT_EQ(test, iov.nr_ranges, t->nr_ranges);

	dma_resv_lock(attach->dmabuf->resv, NULL);
	for (i = 0; i < iov.nr_ranges; i++) {
		dma_buf_iov_range(attach, i, &range);
		KUNIT_EXPECT_EQ(test, range.offset, t->range[i].offset);
		KUNIT_EXPECT_EQ(test, range.length, t->range[i].length);
	}
	dma_resv_unlock(attach->dmabuf->resv);

	/* The accessors of SGT return nothing */
	KUNIT_EXPECT_FALSE(test, dma_buf_is_sgt(attach));
	KUNIT_EXPECT_NULL(test, dma_buf_sgt_dma_device(attach));
	unmap(attach);
	detach(attach);
}

enum who {
	THE_PF,
	ANOTHER,
	NOT_PCI,
	NO_VF,
	NO_BAR,
};

struct iov_case {
	const char *name;
	enum who who;
	bool iov;
	const char *trace;
};

static const struct iov_case iov_cases[] = {
	{ "the PF", THE_PF, true, "result=0 reason=\"matched\"" },
	{ "another function", ANOTHER, false,
	  "result=-95 reason=\"importer is not the VF's PF\"" },
	{ "no PCI function", NOT_PCI, false,
	  "result=-95 reason=\"importer is not the VF's PF\"" },
	/* pci_physfn() of it is the function itself */
	{ "buffer of the PF", NO_VF, false,
	  "result=-95 reason=\"importer is not the VF's PF\"" },
	{ "another BAR", NO_BAR, false,
	  "result=-95 reason=\"PF does not know what is behind the BAR\"" },
};

KUNIT_ARRAY_PARAM_DESC(iov, iov_cases, name);

static void iov_match_test(struct kunit *test)
{
	const struct iov_case *c = test->param_value;
	struct iov_test *t = test->priv;
	struct device *dev = &t->pf.dev;
	struct dma_buf_attachment *attach;
	char line[160];
	char *log;

	if (c->who == ANOTHER)
		dev = &t->other.dev;
	if (c->who == NOT_PCI)
		dev = fake_device(test, "platform");
	if (c->who == NO_VF)
		t->exp->entries[0].private_data.ptr = &t->pf;
	if (c->who == NO_BAR)
		t->exp->entries[0].private_data.val[0] = 0;

	trace_log_begin(test, "dma_buf_mapping_match");
	attach = dma_buf_dynamic_attach(t->exp->dmabuf, dev, &pf_ops, t);
	log = trace_log_end(test, "dma_buf_mapping_match");
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));

	snprintf(line, sizeof(line),
		 "exporter=\"IOV(BAR %u of %s)\" importer=\"IOV(BARs 0x4)\" %s\n",
		 c->who == NO_BAR ? 0 : BAR,
		 c->who == NO_VF ? "0000:0f:00.0" : "0000:0f:00.1", c->trace);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(log, line), "no %s in %s", line,
				  log);

	/* Every importer can have it in another form */
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->nr_matches,
			1 + c->iov);
	KUNIT_EXPECT_EQ(test, selects_iov(attach), c->iov);
	KUNIT_EXPECT_EQ(test, t->asked, c->iov);
	detach(attach);
}

/* The PF refuses with a reason: a scatterlist. Then it accepts. */
static void iov_refuse_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	char *log;

	t->why = "VF has no memory";
	trace_log_begin(test, "dma_buf_iov_refused");
	KUNIT_EXPECT_FALSE(test, selects_iov(attach));
	log = trace_log_end(test, "dma_buf_iov_refused");
	KUNIT_EXPECT_NOT_NULL_MSG(test,
				  strstr(log, "vf=0f:00.1 bar=2 reason=\"VF has no memory\"\n"),
				  "%s", log);

	/* The choice holds until the importer renews it */
	t->why = NULL;
	KUNIT_EXPECT_FALSE(test, selects_iov(attach));
	KUNIT_EXPECT_EQ(test, t->asked, 1);
	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_mapping_renew(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	KUNIT_EXPECT_TRUE(test, selects_iov(attach));
	detach(attach);
}

/* An importer that gave up its mapping gets another type */
static void iov_renew_mapped_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	KUNIT_EXPECT_EQ(test, map(attach, &iov), 0);
	t->why = "it is gone";
	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_mapping_renew(attach);
	KUNIT_EXPECT_TRUE(test, dma_buf_is_iov(attach));
	dma_buf_iov_unmap_attachment(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	KUNIT_EXPECT_FALSE(test, selects_iov(attach));
	detach(attach);
}

static void iov_only_refused_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_only_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	t->why = "no";
	KUNIT_EXPECT_EQ(test, map(attach, &iov), -EOPNOTSUPP);
	t->why = NULL;
	KUNIT_EXPECT_EQ(test, map(attach, &iov), 0);
	unmap(attach);
	detach(attach);
}

struct range_case {
	const char *name;
	struct dma_buf_iov_range range[RANGES];
	unsigned int nr;
	bool valid;
};

#define END (BAR_SIZE - FAKE_SIZE)

static const struct range_case range_cases[] = {
	{ "at the start", { { 0, FAKE_SIZE } }, 1, true },
	{ "at the end", { { END, FAKE_SIZE } }, 1, true },
	{ "twice the same", { { 0, FAKE_SIZE / 2 }, { 0, FAKE_SIZE / 2 } }, 2,
	  true },
	{ "across the end", { { END + PAGE_SIZE, FAKE_SIZE } }, 1, false },
	{ "outside", { { BAR_SIZE, FAKE_SIZE } }, 1, false },
	{ "before the start", { { -PAGE_SIZE, FAKE_SIZE } }, 1, false },
	{ "too long to add", { { PAGE_SIZE, -PAGE_SIZE } }, 1, false },
	{ "not aligned", { { 1, FAKE_SIZE } }, 1, false },
	{ "length not aligned", { { 0, FAKE_SIZE - 1 }, { 0, 1 } }, 2, false },
	{ "empty", { { 0, 0 }, { 0, FAKE_SIZE } }, 2, false },
	{ "too short", { { 0, FAKE_SIZE - PAGE_SIZE } }, 1, false },
	{ "too long", { { 0, FAKE_SIZE + PAGE_SIZE } }, 1, false },
	{ "none", {}, 0, false },
};

KUNIT_ARRAY_PARAM_DESC(range, range_cases, name);

/* The core does not call the importer for a range outside of the BAR */
static void iov_range_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	const struct range_case *c = test->param_value;
	struct iov_test *t = test->priv;

	memcpy(t->range, c->range, sizeof(t->range));
	t->nr_ranges = c->nr;
	KUNIT_EXPECT_EQ(test, selects_iov(attach), c->valid);
	KUNIT_EXPECT_EQ(test, t->asked, c->valid);
	detach(attach);
}

/* Nor can such a range be mapped, if it has changed since */
static void iov_range_map_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	KUNIT_EXPECT_TRUE(test, selects_iov(attach));
	t->range[0].offset = BAR_SIZE;
	KUNIT_EXPECT_EQ(test, map(attach, &iov), -EINVAL);
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->users, 0);
	detach(attach);
}

static void iov_revoke_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	KUNIT_EXPECT_EQ(test, map(attach, &iov), 0);
	dma_resv_lock(attach->dmabuf->resv, NULL);
	t->revoked = true;
	dma_buf_invalidate_mappings(attach->dmabuf);
	dma_buf_iov_unmap_attachment(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, t->invalidated, 1);

	KUNIT_EXPECT_EQ(test, map(attach, &iov), -ENODEV);
	/* The importer is not called for a function that may be gone */
	KUNIT_EXPECT_EQ(test, t->asked, 1);
	t->revoked = false;
	KUNIT_EXPECT_EQ(test, map(attach, &iov), 0);
	unmap(attach);
	detach(attach);
}

static void iov_read_only_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;
	fmode_t mode = t->exp->dmabuf->file->f_mode;

	t->exp->ops.dma_follows_file_mode = true;
	t->exp->dmabuf->file->f_mode &= ~FMODE_WRITE;
	KUNIT_EXPECT_EQ(test, map(attach, &iov), -EPERM);
	dma_resv_lock(attach->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_iov_map_attachment(attach, DMA_TO_DEVICE,
							 &iov), 0);
	dma_buf_iov_unmap_attachment(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	t->exp->dmabuf->file->f_mode = mode;
	detach(attach);
}

/* An importer that cannot be revoked does not get it */
static void iov_not_revocable_test(struct kunit *test)
{
	static const struct dma_buf_attach_ops ops = {
		.supported_mapping_types = own_types,
		.nr_supported_mapping_types = ARRAY_SIZE(own_types),
	};
	struct iov_test *t = test->priv;

	KUNIT_EXPECT_PTR_EQ(test,
			    dma_buf_dynamic_attach(t->exp->dmabuf, &t->pf.dev,
						   &ops, t),
			    ERR_PTR(-EINVAL));
}

/* A list without a device has no PF */
static void iov_no_device_test(struct kunit *test)
{
	struct iov_test *t = test->priv;

	KUNIT_EXPECT_PTR_EQ(test,
			    dma_buf_mapping_attach(t->exp->dmabuf, own_types, 1,
						   &pf_ops, t),
			    ERR_PTR(-EOPNOTSUPP));
}

static void iov_wrong_type_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	t->why = "no";
	EXPECT_WARNING(test, KUNIT_EXPECT_EQ(test, map(attach, &iov), -EINVAL));
	KUNIT_EXPECT_EQ(test, to_core_attachment(attach)->users, 0);
	detach(attach);
}

static void iov_debugfs_test(struct kunit *test)
{
	struct dma_buf_attachment *attach = attach_pf(test, &pf_ops);
	char buf[64] = "";
	struct seq_file s = { .buf = buf, .size = sizeof(buf) };

	dma_resv_lock(attach->dmabuf->resv, NULL);
	dma_buf_attachment_show(&s, attach);
	dma_resv_unlock(attach->dmabuf->resv);
	KUNIT_EXPECT_STREQ(test, buf, "\tIOV: BAR 2 of 0f:00.1\n");
	detach(attach);
}

static void iov_example_test(struct kunit *test)
{
	struct pf_buffer buf = { .attach = attach_pf(test, &example_ops) };
	struct iov_test *t = test->priv;

	given = BAR_SIZE;
	used = 0;
	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, pf_map(&buf), 0);
	KUNIT_EXPECT_NULL(test, buf.sgt);
	KUNIT_EXPECT_EQ(test, used, FAKE_SIZE);
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 1);
	pf_unmap(&buf);

	/* The VF has less now */
	given = SZ_64K;
	dma_buf_mapping_renew(buf.attach);
	KUNIT_EXPECT_EQ(test, pf_map(&buf), 0);
	KUNIT_EXPECT_NOT_NULL(test, buf.sgt);
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 0);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 1);
	pf_unmap(&buf);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
	KUNIT_EXPECT_EQ(test, to_core_attachment(buf.attach)->users, 0);
	dma_resv_unlock(t->exp->dmabuf->resv);
	detach(buf.attach);
}

static struct kunit_case iov_tests[] = {
	KUNIT_CASE(iov_map_test),
	KUNIT_CASE(iov_example_test),
	KUNIT_CASE_PARAM(iov_match_test, iov_gen_params),
	KUNIT_CASE(iov_refuse_test),
	KUNIT_CASE(iov_renew_mapped_test),
	KUNIT_CASE(iov_only_refused_test),
	KUNIT_CASE_PARAM(iov_range_test, range_gen_params),
	KUNIT_CASE(iov_range_map_test),
	KUNIT_CASE(iov_revoke_test),
	KUNIT_CASE(iov_read_only_test),
	KUNIT_CASE(iov_not_revocable_test),
	KUNIT_CASE(iov_no_device_test),
	KUNIT_CASE(iov_wrong_type_test),
	KUNIT_CASE(iov_debugfs_test),
	{}
};

#else /* !CONFIG_PCI_IOV */

static int iov_test_init(struct kunit *test)
{
	return 0;
}

static void iov_skipped(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI_IOV");
}

static struct kunit_case iov_tests[] = {
	KUNIT_CASE(iov_skipped),
	{}
};

#endif

static struct kunit_suite iov_suite = {
	.name = "dma_buf_iov",
	.init = iov_test_init,
	.test_cases = iov_tests,
};

kunit_test_suite(iov_suite);
