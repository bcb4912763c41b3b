// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling a span of a domain: how much at a time, with which pages, and what happens
 * if memory is short or the exporter revokes the buffer meanwhile.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "fake-domain.h"

#define SZ_PAGE		((unsigned long)PAGE_SIZE)

/**
 * struct fill_test - a buffer of one range, to be put into a domain
 * @exp: the exporter
 * @attach: attachment that has mapped all of the buffer
 * @fake: the domain
 * @span: all of the buffer, at the beginning of the domain
 */
struct fill_test {
	struct fake_exporter *exp;
	struct dma_buf_attachment *attach;
	struct fake_domain *fake;
	struct dma_buf_domain_span span;
};

static const struct dma_buf_attach_ops domain_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
};

static struct fill_test *setup(struct kunit *test, unsigned long iova,
			       phys_addr_t paddr, size_t size)
{
	struct dma_buf_mapping_match entry = fake_domain();
	struct fill_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct dma_buf_phys_list *list = fake_list(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, t);
	list->phys[0] = (struct phys_vec){ paddr, size };
	t->exp = fake_exporter(test, FAKE_MATCH);
	fake_offer(t->exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, NULL));
	t->exp->list = list;
	fake_export(t->exp, size);
	t->attach = dma_buf_mapping_attach(t->exp->dmabuf, &entry, 1,
					   &domain_ops, t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(t->attach, 0, size), 0);
	t->fake = fake_iommu_domain(test, iova, size);
	t->span = fake_span(t->fake, 0, size);
	return t;
}

static int fill(struct fill_test *t)
{
	return dma_buf_domain_fill(t->attach, &t->span);
}

/* For a test whose span was not filled, or was cleared */
static void cleanup(struct fill_test *t)
{
	KUNIT_EXPECT_EQ(t->fake->test, t->fake->mapped, 0);
	dma_buf_domain_unmap(t->attach);
	dma_buf_detach(t->exp->dmabuf, t->attach);
}

static void clear_and_cleanup(struct fill_test *t)
{
	dma_buf_domain_clear(t->attach, &t->span);
	cleanup(t);
}

static void large_pages_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, SZ_64M);

	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->maps, 1);
	KUNIT_EXPECT_EQ(test, t->fake->sizes, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_64M / SZ_PAGE);
	clear_and_cleanup(t);
}

/* Where only small pages fit, the core fills one table at a time */
static void one_table_at_a_time_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->maps, SZ_64M / SZ_2M + 1);
	KUNIT_EXPECT_EQ(test, t->fake->syncs, SZ_64M / SZ_2M + 1);
	KUNIT_EXPECT_LE(test, t->fake->longest, SZ_2M);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_64M / SZ_PAGE);
	KUNIT_EXPECT_EQ(test, t->fake->ptes[0].paddr, SZ_2G);
	KUNIT_EXPECT_EQ(test, t->fake->ptes[1000].paddr, SZ_2G + 1000 * SZ_PAGE);
	clear_and_cleanup(t);
}

/* Up to the last byte of the address space */
static void top_of_space_test(struct kunit *test)
{
	struct fill_test *t = setup(test, -(unsigned long)SZ_4M, SZ_64M, SZ_4M);

	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_4M / SZ_PAGE);
	clear_and_cleanup(t);
}

/* An IOMMU with smaller pages than the CPU: spans begin and end inside of one */
static void part_of_a_page_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_1M, 8 * SZ_PAGE);
	unsigned long half = SZ_PAGE / 2;

	t->fake->domain.pgsize_bitmap |= half;
	t->fake->granule = half;
	t->span.offset = half;
	t->span.length = 4 * half;
	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, 4);
	KUNIT_EXPECT_EQ(test, t->fake->ptes[0].paddr, SZ_1M + half);
	KUNIT_EXPECT_EQ(test, t->fake->ptes[3].paddr, SZ_1M + 4 * half);
	clear_and_cleanup(t);
}

/* The importer will cut the span at any page */
static void small_pages_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, SZ_4M);

	t->span.small_pages = true;
	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->longest, SZ_PAGE);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_4M / SZ_PAGE);
	clear_and_cleanup(t);
}

/* The core reclaims memory and goes on where it was */
static void short_of_memory_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	t->fake->failures = 5;
	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->failures, 0);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_64M / SZ_PAGE);
	clear_and_cleanup(t);
}

/* The core gives up after some tries, and leaves nothing mapped */
static void no_memory_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	t->fake->failures = 1000;
	KUNIT_EXPECT_EQ(test, fill(t), -ENOMEM);
	KUNIT_EXPECT_GT(test, t->fake->failures, 900);
	cleanup(t);
}

/* The exporter revokes while a table is filled, and has to wait for that table only */
struct revoker {
	struct work_struct work;
	struct fake_exporter *exp;
	unsigned int at;
};

static struct revoker revoker;

static void revoke_work(struct work_struct *work)
{
	struct dma_buf *dmabuf = revoker.exp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	revoker.exp->list = ERR_PTR(-ENODEV);
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);
}

static void start_revoker(struct fake_domain *fake)
{
	if (fake->maps != revoker.at)
		return;
	schedule_work(&revoker.work);
	/* Wait until the revoker waits for us */
	while (!dma_resv_is_locked(revoker.exp->dmabuf->resv))
		msleep(20);
	msleep(200);
}

static void revoke_meanwhile_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	revoker.exp = t->exp;
	revoker.at = 3;
	INIT_WORK(&revoker.work, revoke_work);
	t->fake->on_map = start_revoker;
	/* Success, as if the revoke had come later */
	KUNIT_EXPECT_EQ(test, fill(t), 0);
	flush_work(&revoker.work);
	/* No table is begun after the revoke has set the flag */
	KUNIT_EXPECT_EQ(test, t->fake->maps, 3);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, 0);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
	KUNIT_EXPECT_TRUE(test, dma_buf_domain_revoked(t->attach));
	clear_and_cleanup(t);
}

/* If a batch could not be synced, it is undone and mapped again */
static void sync_is_short_of_memory_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, SZ_64M);

	t->fake->sync_error = -ENOMEM;
	t->fake->sync_failures = 3;
	KUNIT_ASSERT_EQ(test, fill(t), 0);
	KUNIT_EXPECT_EQ(test, t->fake->syncs, 4);
	KUNIT_EXPECT_EQ(test, t->fake->maps, 4);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, SZ_64M / SZ_PAGE);
	clear_and_cleanup(t);
}

static void sync_fails_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, SZ_64M);

	t->fake->sync_error = -EIO;
	t->fake->sync_failures = 1;
	KUNIT_EXPECT_EQ(test, fill(t), -EIO);
	t->fake->sync_error = -ENOMEM;
	t->fake->sync_failures = 1000;
	KUNIT_EXPECT_EQ(test, fill(t), -ENOMEM);
	KUNIT_EXPECT_GT(test, t->fake->sync_failures, 900);
	cleanup(t);
}

static void fill_and_split(struct fill_test *t, size_t length,
			   struct dma_buf_domain_span *rest)
{
	t->span.small_pages = true;
	KUNIT_ASSERT_EQ(t->fake->test, fill(t), 0);
	dma_buf_domain_split(t->attach, &t->span, length, rest);
	KUNIT_EXPECT_EQ(t->fake->test, t->fake->mapped, 16);
}

/* Each half can be cleared, and the other one stays where it is */
static void split_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, 16 * SZ_PAGE);
	struct dma_buf_domain_span rest;
	size_t i;

	for (i = 0; i < 2; i++) {
		t->span = fake_span(t->fake, 0, 16 * SZ_PAGE);
		fill_and_split(t, 3 * SZ_PAGE, &rest);
		KUNIT_EXPECT_EQ(test, rest.iova, SZ_1G + 3 * SZ_PAGE);
		KUNIT_EXPECT_EQ(test, rest.offset, 3 * SZ_PAGE);
		KUNIT_EXPECT_EQ(test, rest.length, 13 * SZ_PAGE);
		KUNIT_EXPECT_EQ(test, t->span.length, 3 * SZ_PAGE);
		dma_buf_domain_clear(t->attach, i ? &rest : &t->span);
		KUNIT_EXPECT_EQ(test, t->fake->mapped, i ? 3 : 13);
		KUNIT_EXPECT_EQ(test, t->fake->ptes[2].paddr,
				i ? SZ_2G + 2 * SZ_PAGE : 0);
		KUNIT_EXPECT_EQ(test, t->fake->ptes[3].paddr,
				i ? 0 : SZ_2G + 3 * SZ_PAGE);
		dma_buf_domain_clear(t->attach, i ? &t->span : &rest);
		KUNIT_EXPECT_EQ(test, t->fake->mapped, 0);
	}
	cleanup(t);
}

/* A revoke finds both halves, or the split cuts an empty span */
static void split_and_revoke_test(struct kunit *test)
{
	struct fill_test *t = setup(test, SZ_1G, SZ_2G, 16 * SZ_PAGE);
	struct dma_buf_domain_span rest, last;

	fill_and_split(t, 3 * SZ_PAGE, &rest);
	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(t->exp->dmabuf);
	dma_resv_unlock(t->exp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, t->fake->mapped, 0);
	dma_buf_domain_split(t->attach, &rest, 2 * SZ_PAGE, &last);
	dma_buf_domain_clear(t->attach, &last);
	dma_buf_domain_clear(t->attach, &rest);
	clear_and_cleanup(t);
}

static struct kunit_case domain_fill_tests[] = {
	KUNIT_CASE(large_pages_test),
	KUNIT_CASE(one_table_at_a_time_test),
	KUNIT_CASE(top_of_space_test),
	KUNIT_CASE(part_of_a_page_test),
	KUNIT_CASE(small_pages_test),
	KUNIT_CASE(short_of_memory_test),
	KUNIT_CASE(no_memory_test),
	KUNIT_CASE(sync_is_short_of_memory_test),
	KUNIT_CASE(sync_fails_test),
	KUNIT_CASE_SLOW(revoke_meanwhile_test),
	KUNIT_CASE(split_test),
	KUNIT_CASE(split_and_revoke_test),
	{}
};

static struct kunit_suite domain_fill_suite = {
	.name = "dma_buf_domain_fill",
	.init = fake_test_init,
	.test_cases = domain_fill_tests,
};

kunit_test_suite(domain_fill_suite);
