// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a buffer that was away comes back: into which domains, what may happen
 * meanwhile, and what happens if memory is short.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include "dma-buf-domain-map.h"
#include "fail-nth.h"
#include "fake-domain.h"

#define SZ_PAGE		((unsigned long)PAGE_SIZE)
#define IOVA		((unsigned long)SZ_1G + SZ_PAGE)
#define SIZE		((unsigned long)SZ_16M)
/* More tries than the kernel makes */
#define FOR_EVER	100000
/* The number of failures in one try before the core gives it up */
#define TRY_FAILS	(DMA_BUF_DOMAIN_FILL_TRIES + 1)
/* The number of tries before the core gives a span up */
#define ALL_TRIES	7

/**
 * struct restore_test - a buffer of one range, and two domains for it
 * @exp: the exporter
 * @list: the list of the buffer when it is not away
 * @attach: attachment that has mapped all of it
 * @fake: the domains
 * @span: all of the buffer, at the beginning of each domain
 * @reports: number of reports for each span that it was not restored
 */
struct restore_test {
	struct fake_exporter *exp;
	struct dma_buf_phys_list *list;
	struct dma_buf_attachment *attach;
	struct fake_domain *fake[2];
	struct dma_buf_domain_span span[2];
	unsigned int reports[2];
};

static const struct dma_buf_attach_ops restore_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
	.restore_mappings = dma_buf_domain_restore,
};

static const struct dma_buf_attach_ops no_restore_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
};

static void count_report(struct dma_buf_domain_span *span)
{
	struct restore_test *t = span->priv;

	t->reports[span - t->span]++;
}

static void attach(struct restore_test *t, const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_mapping_match entry = fake_domain();

	t->attach = dma_buf_mapping_attach(t->exp->dmabuf, &entry, 1, ops, t);
	KUNIT_ASSERT_FALSE(t->exp->test, IS_ERR(t->attach));
}

static struct restore_test *setup(struct kunit *test)
{
	struct restore_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->list = fake_list(test, 1);
	t->list->phys[0] = (struct phys_vec){ SZ_2G, SIZE };
	t->exp = fake_exporter(test, FAKE_MATCH);
	fake_offer(t->exp, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, NULL));
	fake_allow_pin(t->exp);
	t->exp->list = t->list;
	fake_export(t->exp, SIZE);
	for (i = 0; i < ARRAY_SIZE(t->fake); i++) {
		t->fake[i] = fake_iommu_domain(test, IOVA, SIZE);
		t->span[i] = fake_span(t->fake[i], 0, SIZE);
		t->span[i].not_restored = count_report;
		t->span[i].priv = t;
	}
	return t;
}

/* With all of the buffer in the first domain */
static struct restore_test *setup_filled(struct kunit *test)
{
	struct restore_test *t = setup(test);

	attach(t, &restore_ops);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(t->attach, 0, SIZE), 0);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[0]), 0);
	return t;
}

static void clear(struct restore_test *t, size_t i)
{
	dma_buf_domain_clear(t->attach, &t->span[i]);
	KUNIT_EXPECT_EQ(t->exp->test, t->fake[i]->mapped, 0);
}

/* For a test whose spans are cleared */
static void cleanup(struct restore_test *t)
{
	dma_buf_domain_unmap(t->attach);
	dma_buf_detach(t->exp->dmabuf, t->attach);
	KUNIT_EXPECT_EQ(t->exp->test, t->exp->mapped, 0);
	KUNIT_EXPECT_EQ(t->exp->test, t->exp->pinned, 0);
}

static void take(struct restore_test *t, int error)
{
	struct dma_buf *dmabuf = t->exp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	t->exp->list = ERR_PTR(error);
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);
	KUNIT_EXPECT_EQ(t->exp->test, t->fake[0]->mapped, 0);
	KUNIT_EXPECT_EQ(t->exp->test, t->fake[1]->mapped, 0);
	KUNIT_EXPECT_EQ(t->exp->test, t->exp->mapped, 0);
}

static void start_giving(struct restore_test *t)
{
	struct dma_buf *dmabuf = t->exp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	t->exp->list = t->list;
	dma_buf_restore_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);
}

static struct delayed_work *work_of(struct restore_test *t)
{
	return &dma_buf_domain_map_of(t->attach)->restore;
}

/* Wait until all work, including further tries, is done */
static void settle(struct restore_test *t)
{
	/* A work item may have ended and queued itself again before the wait */
	do {
		flush_delayed_work(work_of(t));
	} while (work_busy(&work_of(t)->work));
}

static void give(struct restore_test *t)
{
	start_giving(t);
	settle(t);
}

static void expect_mapped(struct restore_test *t, size_t i)
{
	struct kunit *test = t->exp->test;
	size_t page;

	KUNIT_ASSERT_EQ(test, t->fake[i]->mapped, SIZE / SZ_PAGE);
	for (page = 0; page < SIZE / SZ_PAGE; page += 511)
		KUNIT_EXPECT_EQ(test, t->fake[i]->ptes[page].paddr,
				SZ_2G + page * SZ_PAGE);
}

/* Repeatedly, in both domains */
static void back_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	unsigned int n;

	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[1]), 0);
	for (n = 0; n < 3; n++) {
		take(t, -EAGAIN);
		KUNIT_EXPECT_TRUE(test, dma_buf_domain_revoked(t->attach));
		give(t);
		KUNIT_EXPECT_FALSE(test, dma_buf_domain_revoked(t->attach));
		expect_mapped(t, 0);
		expect_mapped(t, 1);
	}
	KUNIT_EXPECT_EQ(test, t->reports[0] + t->reports[1], 0);
	clear(t, 0);
	clear(t, 1);
	cleanup(t);
}

/* A call without need changes nothing */
static void needless_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	unsigned int maps = t->fake[0]->maps;

	give(t);
	give(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->maps, maps);
	KUNIT_EXPECT_EQ(test, t->exp->calls.map_phys, 1);
	clear(t, 0);
	give(t);
	cleanup(t);

	/* Neither does one before the map or after the unmap */
	attach(t, &restore_ops);
	start_giving(t);
	dma_buf_detach(t->exp->dmabuf, t->attach);
	start_giving(t);
}

/* A domain joins while the buffer is away */
static void fill_meanwhile_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);

	take(t, -EAGAIN);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[1]), 0);
	KUNIT_EXPECT_EQ(test, t->fake[1]->mapped, 0);
	give(t);
	expect_mapped(t, 0);
	expect_mapped(t, 1);
	clear(t, 0);
	clear(t, 1);
	cleanup(t);
}

/* And one leaves, or all do */
static void clear_meanwhile_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);

	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[1]), 0);
	take(t, -EAGAIN);
	clear(t, 0);
	give(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	expect_mapped(t, 1);

	take(t, -EAGAIN);
	clear(t, 1);
	start_giving(t);
	cleanup(t);
	KUNIT_EXPECT_EQ(test, t->fake[1]->mapped, 0);
}

/* The buffer turns out to be gone permanently only when it is mapped again */
static void gone_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	unsigned int maps;

	take(t, -EAGAIN);
	start_giving(t);
	take(t, -ENODEV);
	settle(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	maps = t->fake[0]->maps;

	dma_resv_lock(t->exp->dmabuf->resv, NULL);
	dma_buf_restore_mappings(t->exp->dmabuf);
	dma_resv_unlock(t->exp->dmabuf->resv);
	settle(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->maps, maps);
	KUNIT_EXPECT_TRUE(test, dma_buf_domain_revoked(t->attach));
	/* The core does not report that as a failure */
	KUNIT_EXPECT_EQ(test, t->reports[0], 0);
	clear(t, 0);
	cleanup(t);
}

/* An importer maps while the buffer is away */
static void map_meanwhile_test(struct kunit *test)
{
	struct restore_test *t = setup(test);

	t->exp->list = ERR_PTR(-EAGAIN);
	attach(t, &restore_ops);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(t->attach, 0, SIZE), 0);
	KUNIT_EXPECT_EQ(test, t->exp->pinned, 1);
	KUNIT_EXPECT_TRUE(test, dma_buf_domain_revoked(t->attach));
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[0]), 0);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	/* The exporter invalidates although nothing is mapped */
	take(t, -EAGAIN);
	give(t);
	expect_mapped(t, 0);
	clear(t, 0);
	cleanup(t);

	/* An importer without restore_mappings cannot map meanwhile */
	t->exp->list = ERR_PTR(-EAGAIN);
	attach(t, &no_restore_ops);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(t->attach, 0, SIZE), -EAGAIN);
	dma_buf_detach(t->exp->dmabuf, t->attach);
	/* Nor can any importer if the buffer is gone permanently */
	t->exp->list = ERR_PTR(-ENODEV);
	attach(t, &restore_ops);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(t->attach, 0, SIZE), -ENODEV);
	dma_buf_detach(t->exp->dmabuf, t->attach);
	KUNIT_EXPECT_EQ(test, t->exp->pinned, 0);
}

static void not_wanted_test(struct kunit *test)
{
	struct restore_test *t = setup(test);

	attach(t, &no_restore_ops);
	KUNIT_EXPECT_FALSE(test, dma_buf_attach_restorable(t->attach));
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(t->attach, 0, SIZE), 0);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[0]), 0);
	take(t, -EAGAIN);
	give(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	clear(t, 0);
	cleanup(t);

	/* An importer without operations is not restored either */
	t->attach = dma_buf_attach(t->exp->dmabuf, fake_device(test, "static"));
	if (!IS_ERR(t->attach)) {
		KUNIT_EXPECT_FALSE(test, dma_buf_attach_restorable(t->attach));
		start_giving(t);
		dma_buf_detach(t->exp->dmabuf, t->attach);
	}
}

/* In four pieces, which do not touch */
static struct dma_buf_phys_list *in_pieces(struct kunit *test)
{
	struct dma_buf_phys_list *list = fake_list(test, 4);
	size_t i;

	for (i = 0; i < list->length; i++)
		list->phys[i] = (struct phys_vec){ SZ_2G - i * SZ_256M,
						   SIZE / 4 };
	return list;
}

static void expect_pieces(struct restore_test *t)
{
	struct kunit *test = t->exp->test;
	size_t i;

	KUNIT_ASSERT_EQ(test, t->fake[0]->mapped, SIZE / SZ_PAGE);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, t->fake[0]->ptes[i * SIZE / 4 / SZ_PAGE].paddr,
				SZ_2G - i * SZ_256M);
}

/* The exporter's list has more pieces than before, and then fewer */
static void list_grows_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	struct dma_buf_phys_list *one = t->list;

	take(t, -EAGAIN);
	t->list = in_pieces(test);
	give(t);
	expect_pieces(t);
	take(t, -EAGAIN);
	t->list = one;
	give(t);
	expect_mapped(t, 0);
	clear(t, 0);
	cleanup(t);
}

/* Returns false if the allocation that failed was one of a checker */
static bool grow_without_memory(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	struct delayed_work *work = work_of(t);
	unsigned int nth;
	bool hit = false;
	bool failed;

	take(t, -EAGAIN);
	t->list = in_pieces(test);
	for (nth = 1; nth < 3; nth++) {
		take(t, -EAGAIN);
		t->exp->list = t->list;
		/* Call it here, because only allocations of this task fail */
		fail_nth_begin(1);
		work->work.func(&work->work);
		failed = fail_nth_end();
		if (!FAIL_NTH_CHECKERS)
			KUNIT_EXPECT_EQ(test, failed, delayed_work_pending(work));
		if (nth == 1)
			hit = delayed_work_pending(work);
		else
			KUNIT_EXPECT_FALSE(test, delayed_work_pending(work));
		settle(t);
		expect_pieces(t);
	}
	KUNIT_EXPECT_EQ(test, t->reports[0], 0);
	clear(t, 0);
	cleanup(t);
	return hit;
}

/* No memory for the index of runs: the core tries again, and keeps the index then */
static void list_grows_no_memory_test(struct kunit *test)
{
	unsigned int sweeps = 0;
	bool hit;

	fail_nth_init(test);
	do {
		hit = grow_without_memory(test);
	} while (!hit && ++sweeps < FAIL_NTH_SWEEPS);
	KUNIT_EXPECT_TRUE(test, hit);
}

/* The core makes memory, at once or a little later */
static void short_of_memory_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);

	take(t, -EAGAIN);
	t->fake[0]->failures = TRY_FAILS - 1;
	give(t);
	expect_mapped(t, 0);

	take(t, -EAGAIN);
	t->fake[0]->failures = TRY_FAILS + 1;
	start_giving(t);
	flush_work(&work_of(t)->work);
	/* Nothing of the span is mapped until the next try */
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	KUNIT_EXPECT_TRUE(test, delayed_work_pending(work_of(t)));
	settle(t);
	expect_mapped(t, 0);
	KUNIT_EXPECT_EQ(test, t->reports[0], 0);
	clear(t, 0);
	cleanup(t);
}

/* There is no memory for one domain; the other one is restored */
static void no_memory_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);

	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[1]), 0);
	take(t, -EAGAIN);
	t->fake[0]->failures = FOR_EVER;
	give(t);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	expect_mapped(t, 1);
	KUNIT_EXPECT_EQ(test, t->reports[0], 1);
	KUNIT_EXPECT_EQ(test, t->reports[1], 0);
	KUNIT_EXPECT_EQ(test, FOR_EVER - t->fake[0]->failures,
			ALL_TRIES * TRY_FAILS);

	/* The next outage ends with all restored, or with the same report */
	take(t, -EAGAIN);
	give(t);
	KUNIT_EXPECT_EQ(test, t->reports[0], 2);
	take(t, -EAGAIN);
	t->fake[0]->failures = 0;
	give(t);
	expect_mapped(t, 0);
	expect_mapped(t, 1);
	KUNIT_EXPECT_EQ(test, t->reports[0], 2);

	/* The same for other errors; and a span that has failed can be cleared */
	take(t, -EAGAIN);
	t->fake[0]->maps = 0;
	t->fake[0]->fail_at = 2;
	t->fake[0]->failures = 0;
	start_giving(t);
	flush_work(&work_of(t)->work);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	expect_mapped(t, 1);
	clear(t, 0);
	clear(t, 1);
	settle(t);
	cleanup(t);
	KUNIT_EXPECT_EQ(test, t->reports[0], 2);
}

/* The exporter's list is malformed: no span is restored, and all are reported */
static void bad_list_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);
	struct dma_buf_phys_list *list = t->list;

	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[1]), 0);
	take(t, -EAGAIN);
	t->list = ERR_PTR(-EIO);
	give(t);
	KUNIT_EXPECT_EQ(test, t->reports[0], 1);
	KUNIT_EXPECT_EQ(test, t->reports[1], 1);
	t->list = list;
	give(t);
	/* The core does not try again without another outage */
	take(t, -EAGAIN);
	give(t);
	expect_mapped(t, 0);
	expect_mapped(t, 1);
	clear(t, 0);
	clear(t, 1);
	cleanup(t);
}

/* Another task comes while the work item is half done, and waits for one table */
static struct meanwhile {
	struct work_struct work;
	struct restore_test *t;
	void (*what)(struct restore_test *t);
	unsigned int at;
} meanwhile;

static void meanwhile_work(struct work_struct *work)
{
	meanwhile.what(meanwhile.t);
}

static void start_meanwhile(struct fake_domain *fake)
{
	if (fake->maps != meanwhile.at)
		return;
	schedule_work(&meanwhile.work);
	/* Give it time to wait for the lock that is held here */
	msleep(300);
}

static struct restore_test *setup_meanwhile(struct kunit *test,
					    void (*what)(struct restore_test *t))
{
	struct restore_test *t = setup_filled(test);

	meanwhile.t = t;
	meanwhile.what = what;
	meanwhile.at = t->fake[0]->maps + 3;
	INIT_WORK(&meanwhile.work, meanwhile_work);
	take(t, -EAGAIN);
	t->fake[0]->on_map = start_meanwhile;
	return t;
}

static void take_again(struct restore_test *t)
{
	struct dma_buf *dmabuf = t->exp->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	t->exp->list = ERR_PTR(-EAGAIN);
	dma_buf_invalidate_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);
}

static void away_again_test(struct kunit *test)
{
	struct restore_test *t = setup_meanwhile(test, take_again);

	give(t);
	flush_work(&meanwhile.work);
	/* No table is begun after the revoke has set the flag */
	KUNIT_EXPECT_EQ(test, t->fake[0]->maps, meanwhile.at);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
	give(t);
	expect_mapped(t, 0);
	KUNIT_EXPECT_EQ(test, t->reports[0], 0);
	clear(t, 0);
	cleanup(t);
}

/* The buffer goes away and comes back within one table of the running work item */
static void take_and_give(struct restore_test *t)
{
	take_again(t);
	start_giving(t);
}

static void away_and_back_test(struct kunit *test)
{
	struct restore_test *t = setup_meanwhile(test, take_and_give);

	give(t);
	flush_work(&meanwhile.work);
	settle(t);
	expect_mapped(t, 0);
	clear(t, 0);
	cleanup(t);
}

static void clear_it(struct restore_test *t)
{
	dma_buf_domain_clear(t->attach, &t->span[0]);
}

static void clear_in_between_test(struct kunit *test)
{
	struct restore_test *t = setup_meanwhile(test, clear_it);

	give(t);
	flush_work(&meanwhile.work);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
	cleanup(t);
}

static void end_it(struct restore_test *t)
{
	dma_buf_domain_clear(t->attach, &t->span[0]);
	cleanup(t);
}

static void end_in_between_test(struct kunit *test)
{
	struct restore_test *t = setup_meanwhile(test, end_it);

	start_giving(t);
	while (READ_ONCE(t->fake[0]->maps) < meanwhile.at)
		msleep(20);
	flush_work(&meanwhile.work);
	KUNIT_EXPECT_EQ(test, t->fake[0]->mapped, 0);
}

/* A task fills a span of its own when the buffer goes away and comes back */
static void fill_over_outage_test(struct kunit *test)
{
	struct restore_test *t = setup_filled(test);

	clear(t, 0);
	meanwhile.t = t;
	meanwhile.what = take_and_give;
	meanwhile.at = t->fake[0]->maps + 3;
	INIT_WORK(&meanwhile.work, meanwhile_work);
	t->fake[0]->on_map = start_meanwhile;
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(t->attach, &t->span[0]), 0);
	flush_work(&meanwhile.work);
	settle(t);
	expect_mapped(t, 0);
	clear(t, 0);
	cleanup(t);
}

static struct kunit_case domain_restore_tests[] = {
	KUNIT_CASE(back_test),
	KUNIT_CASE(needless_test),
	KUNIT_CASE(fill_meanwhile_test),
	KUNIT_CASE(clear_meanwhile_test),
	KUNIT_CASE(gone_test),
	KUNIT_CASE(map_meanwhile_test),
	KUNIT_CASE(not_wanted_test),
	KUNIT_CASE(list_grows_test),
	KUNIT_CASE(list_grows_no_memory_test),
	KUNIT_CASE(short_of_memory_test),
	KUNIT_CASE(no_memory_test),
	KUNIT_CASE(bad_list_test),
	KUNIT_CASE_SLOW(away_again_test),
	KUNIT_CASE_SLOW(away_and_back_test),
	KUNIT_CASE_SLOW(clear_in_between_test),
	KUNIT_CASE_SLOW(end_in_between_test),
	KUNIT_CASE_SLOW(fill_over_outage_test),
	{}
};

static struct kunit_suite domain_restore_suite = {
	.name = "dma_buf_domain_restore",
	.init = fake_test_init,
	.test_cases = domain_restore_tests,
};

kunit_test_suite(domain_restore_suite);
