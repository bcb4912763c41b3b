// SPDX-License-Identifier: GPL-2.0-only
/*
 * uverbs as an exporter of a page of a BAR: the importers that it serves, and that a
 * revoke is final.
 */
#define uverbs_dmabuf_match_mapping fake_uverbs_dmabuf_match_mapping

#include <linux/dma-resv.h>

#include "../../../infiniband/core/uverbs_dmabuf_pal.c"

#include "fake-p2p.h"

#define BAR_PAGE	0xfe000000ULL

struct uverbs_test {
	struct ib_uverbs_dmabuf_file file;
	struct fake_p2p *p2p;
	struct dma_buf *dmabuf;
};

static void fake_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops fake_uverbs_ops = {
	.match_mapping = uverbs_dmabuf_match_mapping,
	.release = fake_release,
};

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
}

static struct uverbs_test *setup(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct uverbs_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->p2p = fake_p2p(test);
	t->file.provider = &t->p2p->provider;
	t->file.phys_vec = (struct phys_vec){ BAR_PAGE, FAKE_SIZE };
	kref_init(&t->file.kref);
	init_completion(&t->file.comp);

	info.ops = &fake_uverbs_ops;
	info.size = FAKE_SIZE;
	info.priv = &t->file;
	t->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer,
							t->dmabuf), 0);
	t->file.dmabuf = t->dmabuf;
	return t;
}

static struct dma_buf_attachment *attach(struct uverbs_test *t,
					 struct dma_buf_mapping_match imp)
{
	return dma_buf_mapping_attach(t->dmabuf, &imp, 1, &fake_p2p_ops, t);
}

static void refused_test(struct kunit *test)
{
	struct uverbs_test *t = setup(test);
	struct device *far = fake_device(test, "far");

	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_sgt(t->p2p->near)),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_sgt_p2p(far)),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_attach(t->dmabuf, t->p2p->near),
			    ERR_PTR(-EOPNOTSUPP));
}

static void scatterlist_test(struct kunit *test)
{
	struct uverbs_test *t = setup(test);
	struct dma_buf_attachment *peer;
	struct sg_table *sgt;

	peer = attach(t, fake_sgt_p2p(t->p2p->near));
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(peer));

	sgt = dma_buf_sgt_map_attachment_unlocked(peer, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	KUNIT_EXPECT_EQ(test, kref_read(&t->file.kref), 2);
	KUNIT_EXPECT_EQ(test, sgt->nents, 1);
	KUNIT_EXPECT_EQ(test, sg_dma_address(sgt->sgl),
			BAR_PAGE + t->p2p->provider.bus_offset);
	KUNIT_EXPECT_EQ(test, sg_dma_len(sgt->sgl), FAKE_SIZE);
	dma_buf_sgt_unmap_attachment_unlocked(peer, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, kref_read(&t->file.kref), 1);
	dma_buf_detach(t->dmabuf, peer);
}

static void ranges_test(struct kunit *test)
{
	struct uverbs_test *t = setup(test);
	const struct dma_buf_phys_list *list;
	struct dma_buf_attachment *pal;

	pal = attach(t, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(pal));
	list = fake_map_phys_unlocked(pal);
	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	KUNIT_EXPECT_EQ(test, list->length, 1);
	KUNIT_EXPECT_EQ(test, list->phys[0].paddr, BAR_PAGE);
	KUNIT_EXPECT_EQ(test, list->phys[0].len, FAKE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_list_kind(list, 0),
			DMA_BUF_PHYS_MMIO);
	fake_unmap_phys_unlocked(pal, list);
	KUNIT_EXPECT_EQ(test, kref_read(&t->file.kref), 1);
	dma_buf_detach(t->dmabuf, pal);
}

/* No new attachment, no new mapping, and the revoke waits for the last one */
static void revoke_test(struct kunit *test)
{
	struct uverbs_test *t = setup(test);
	struct dma_buf_attachment *peer, *pal;
	struct sg_table *sgt;

	peer = attach(t, fake_sgt_p2p(t->p2p->near));
	pal = attach(t, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer) || IS_ERR(pal));
	sgt = dma_buf_sgt_map_attachment_unlocked(peer, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));

	dma_resv_lock(t->dmabuf->resv, NULL);
	t->file.revoked = true;
	dma_resv_unlock(t->dmabuf->resv);
	kref_put(&t->file.kref, ib_uverbs_dmabuf_done);
	KUNIT_EXPECT_FALSE(test, completion_done(&t->file.comp));

	KUNIT_EXPECT_PTR_EQ(test, attach(t, fake_sgt_p2p(t->p2p->near)),
			    ERR_PTR(-ENODEV));
	KUNIT_EXPECT_PTR_EQ(test, fake_map_phys_unlocked(pal),
			    ERR_PTR(-ENODEV));
	dma_buf_sgt_unmap_attachment_unlocked(peer, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_TRUE(test, completion_done(&t->file.comp));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_map_attachment_unlocked(peer,
								      DMA_BIDIRECTIONAL),
			    ERR_PTR(-ENODEV));
	dma_buf_detach(t->dmabuf, pal);
	dma_buf_detach(t->dmabuf, peer);
}

static struct kunit_case uverbs_tests[] = {
	KUNIT_CASE(refused_test),
	KUNIT_CASE(scatterlist_test),
	KUNIT_CASE(ranges_test),
	KUNIT_CASE(revoke_test),
	{}
};

static struct kunit_suite uverbs_suite = {
	.name = "dma_buf_exporter_uverbs",
	.init = fake_test_init,
	.test_cases = uverbs_tests,
};

kunit_test_suite(uverbs_suite);
