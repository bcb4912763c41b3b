// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DOMAIN type: which importers can have it, what the core maps where for lists of
 * all shapes, and how it unmaps.
 */
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/pfn.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/static_stub.h>

#include "dma-buf-core.h"
#include "fake-domain.h"

#define SZ_PAGE		((unsigned long)PAGE_SIZE)
#define BASE		((unsigned long)SZ_512M)
#define BOTH_KINDS	(BIT(DMA_BUF_PHYS_MMIO) | BIT(DMA_BUF_PHYS_MEMORY))
#define MAX_RANGES	4

static const struct dma_buf_attach_ops domain_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
};

static struct fake_exporter *range_exporter(struct kunit *test, size_t pages)
{
	struct fake_exporter *exp = fake_exporter(test, FAKE_MATCH);

	fake_offer(exp, DMA_BUF_EMAPPING_RANGES(&fake_pal_ops, NULL, BOTH_KINDS,
						0));
	fake_allow_pin(exp);
	fake_export(exp, pages * PAGE_SIZE);
	return exp;
}

static struct dma_buf_attachment *attach_domain(struct fake_exporter *exp)
{
	struct dma_buf_mapping_match entry = fake_domain();
	struct dma_buf_attachment *attach;

	attach = dma_buf_mapping_attach(exp->dmabuf, &entry, 1, &domain_ops, exp);
	KUNIT_ASSERT_FALSE(exp->test, IS_ERR(attach));
	return attach;
}

static void revoke(struct fake_exporter *exp)
{
	dma_resv_lock(exp->dmabuf->resv, NULL);
	exp->list = ERR_PTR(-ENODEV);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
}

/* A slow and simple way to find a page of the buffer */
static struct fake_pte find_page(const struct dma_buf_phys_list *list,
				 unsigned long page)
{
	size_t i;

	for (i = 0; page >= PHYS_PFN(list->phys[i].len); i++)
		page -= PHYS_PFN(list->phys[i].len);
	return (struct fake_pte){
		.paddr = list->phys[i].paddr + PFN_PHYS(page),
		.prot = IOMMU_READ | IOMMU_WRITE |
			(dma_buf_phys_list_kind(list, i) == DMA_BUF_PHYS_MMIO ?
				 IOMMU_MMIO : IOMMU_CACHE),
	};
}

static void expect_mapped(struct fake_domain *fake,
			  const struct dma_buf_phys_list *list,
			  unsigned long first_page, unsigned long nr)
{
	unsigned long i;

	KUNIT_ASSERT_EQ(fake->test, fake->mapped, nr);
	for (i = 0; i < nr; i++) {
		struct fake_pte pte = find_page(list, first_page + i);

		KUNIT_ASSERT_EQ(fake->test, fake->ptes[i].paddr, pte.paddr);
		KUNIT_ASSERT_EQ(fake->test, fake->ptes[i].prot, pte.prot);
	}
}

/* All numbers count pages */
struct shape {
	const char *name;
	struct {
		unsigned long pfn;
		unsigned long nr;
		enum dma_buf_phys_kind kind;
	} range[MAX_RANGES];
	/* The part that is mapped, and the number of calls for it */
	unsigned long start;
	unsigned long nr;
	unsigned int runs;
};

#define IO	DMA_BUF_PHYS_MMIO
#define MEM	DMA_BUF_PHYS_MEMORY

static const struct shape shapes[] = {
	{ "one page", { { 100, 1, IO } }, 0, 1, 1 },
	{ "one range", { { 100, 8, IO } }, 0, 8, 1 },
	{ "one range of memory", { { 100, 8, MEM } }, 0, 8, 1 },
	{ "scattered", { { 100, 2, IO }, { 50, 3, IO }, { 7, 1, IO } }, 0, 6, 3 },
	{ "with holes", { { 10, 2, IO }, { 13, 2, IO } }, 0, 4, 2 },
	{ "descending neighbours", { { 12, 2, IO }, { 10, 2, IO } }, 0, 4, 2 },
	{ "the same page again", { { 10, 1, IO }, { 10, 1, IO } }, 0, 2, 2 },
	{ "neighbours", { { 10, 2, IO }, { 12, 2, IO } }, 0, 4, 1 },
	{ "three neighbours", { { 10, 1, IO }, { 11, 1, IO }, { 12, 1, IO } },
	  0, 3, 1 },
	{ "neighbours and another",
	  { { 10, 1, IO }, { 11, 1, IO }, { 20, 1, IO }, { 21, 1, IO } },
	  0, 4, 2 },
	{ "neighbours of two kinds", { { 10, 2, IO }, { 12, 2, MEM } }, 0, 4, 2 },
	{ "alternating kinds",
	  { { 10, 1, IO }, { 11, 1, MEM }, { 12, 1, IO }, { 13, 1, MEM } },
	  0, 4, 4 },
	{ "part of a range", { { 100, 8, IO } }, 2, 3, 1 },
	{ "last page of a range", { { 100, 8, IO } }, 7, 1, 1 },
	{ "first page of a range", { { 100, 8, IO } }, 0, 1, 1 },
	{ "second range exactly", { { 100, 4, IO }, { 50, 4, MEM } }, 4, 4, 1 },
	{ "from one range into another", { { 100, 4, IO }, { 50, 4, IO } },
	  3, 2, 2 },
	{ "over a range in between",
	  { { 100, 4, IO }, { 50, 4, IO }, { 200, 4, IO } }, 2, 8, 3 },
	{ "last page of all",
	  { { 100, 4, IO }, { 50, 4, IO }, { 200, 4, IO } }, 11, 1, 1 },
	{ "into a neighbour", { { 10, 4, IO }, { 14, 4, IO } }, 3, 2, 1 },
	{ "behind neighbours", { { 10, 4, IO }, { 14, 4, IO }, { 5, 1, IO } },
	  6, 3, 2 },
	{ "what follows is not looked at", { { 10, 4, IO }, { 90, 4, IO } },
	  0, 4, 1 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

static struct fake_exporter *shape_exporter(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct dma_buf_phys_list *list;
	struct fake_exporter *exp;
	size_t length = 0, i, total = 0;
	u8 *kinds;

	while (length < MAX_RANGES && s->range[length].nr)
		length++;
	list = fake_list(test, length);
	kinds = (u8 *)fake_kinds(test, list, IO);
	for (i = 0; i < length; i++) {
		list->phys[i].paddr = PFN_PHYS(s->range[i].pfn);
		list->phys[i].len = s->range[i].nr * PAGE_SIZE;
		kinds[i] = s->range[i].kind;
		total += s->range[i].nr;
	}
	exp = range_exporter(test, total);
	exp->list = list;
	return exp;
}

/* The part as a whole: neighbours are mapped by one call */
static void shape_test(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct fake_exporter *exp = shape_exporter(test);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span;

	span = fake_span(fake, s->start * PAGE_SIZE, s->nr * PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, span.offset,
						 span.length), 0);
	KUNIT_EXPECT_EQ(test, exp->pinned, 1);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	expect_mapped(fake, exp->list, s->start, s->nr);
	KUNIT_EXPECT_EQ(test, fake->maps, s->runs);
	KUNIT_EXPECT_EQ(test, fake->syncs, 1);
	dma_buf_domain_clear(attach, &span);
	KUNIT_EXPECT_EQ(test, fake->mapped, 0);
	dma_buf_domain_unmap(attach);
	KUNIT_EXPECT_EQ(test, exp->pinned, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

/* Each part of the part: a span can begin and end at any page */
static void every_part_test(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct fake_exporter *exp = shape_exporter(test);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span;
	unsigned long first, nr;

	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, s->start * PAGE_SIZE,
						 s->nr * PAGE_SIZE), 0);
	for (first = s->start; first < s->start + s->nr; first++) {
		for (nr = 1; nr <= s->start + s->nr - first; nr++) {
			span = fake_span(fake, first * PAGE_SIZE, nr * PAGE_SIZE);
			KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(attach, &span),
					0);
			expect_mapped(fake, exp->list, first, nr);
			dma_buf_domain_clear(attach, &span);
			KUNIT_ASSERT_EQ(test, fake->mapped, 0);
		}
	}
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

static const size_t lengths[] = { 1, 2, 300, 511, 512, 513, 4096 };

static void length_desc(const size_t *length, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%zu ranges", *length);
}

KUNIT_ARRAY_PARAM(length, lengths, length_desc);

/* Ranges of any size, order and kind, the same in every run */
static struct fake_exporter *random_exporter(struct kunit *test)
{
	size_t length = *(const size_t *)test->param_value, i;
	struct dma_buf_phys_list *list = fake_list(test, length);
	u8 *kinds = (u8 *)fake_kinds(test, list, IO);
	unsigned long pfn = 1000, total = 0;
	struct fake_exporter *exp;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 2026);
	for (i = 0; i < length; i++) {
		unsigned long n = 1 + prandom_u32_state(&rnd) % 3;

		/* Half of them continue the previous one */
		if (prandom_u32_state(&rnd) % 2)
			pfn = 1 + prandom_u32_state(&rnd) % SZ_1M;
		list->phys[i].paddr = PFN_PHYS(pfn);
		list->phys[i].len = n * PAGE_SIZE;
		kinds[i] = prandom_u32_state(&rnd) % 4 ? IO : MEM;
		pfn += n;
		total += n;
	}
	exp = range_exporter(test, total);
	exp->list = list;
	return exp;
}

static void many_ranges_test(struct kunit *test)
{
	struct fake_exporter *exp = random_exporter(test);
	size_t size = exp->dmabuf->size;
	struct fake_domain *fake = fake_iommu_domain(test, BASE + SZ_PAGE, size);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span = fake_span(fake, 0, size);

	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, size), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	expect_mapped(fake, exp->list, 0, size / PAGE_SIZE);
	/* Once for each table rather than for each range */
	KUNIT_EXPECT_LE(test, fake->syncs, size / SZ_2M + 2);
	dma_buf_domain_clear(attach, &span);
	KUNIT_EXPECT_EQ(test, fake->mapped, 0);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

/* If any of the calls fails, nothing stays mapped, and the fill can be tried again */
static void fail_at_test(struct kunit *test)
{
	struct fake_exporter *exp = random_exporter(test);
	size_t size = exp->dmabuf->size;
	struct fake_domain *fake = fake_iommu_domain(test, BASE + SZ_PAGE, size);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span = fake_span(fake, 0, size);
	unsigned int n, calls;

	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, size), 0);
	KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	calls = fake->maps;
	dma_buf_domain_clear(attach, &span);
	for (n = 1; n <= calls; n += 1 + n / 5) {
		fake->maps = 0;
		fake->fail_at = n;
		KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(attach, &span), -EIO);
		KUNIT_ASSERT_EQ(test, fake->mapped, 0);
	}
	fake->fail_at = 0;
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	expect_mapped(fake, exp->list, 0, size / PAGE_SIZE);
	dma_buf_domain_clear(attach, &span);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

static struct fake_exporter *plain_exporter(struct kunit *test, size_t pages)
{
	struct fake_exporter *exp = range_exporter(test, pages);
	struct dma_buf_phys_list *list = fake_list(test, 1);

	list->phys[0] = (struct phys_vec){ SZ_2G, pages * PAGE_SIZE };
	exp->list = list;
	return exp;
}

/* Several domains, several places of one, cleared in any order */
static void spans_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct fake_domain *one = fake_iommu_domain(test, BASE, 32 * SZ_PAGE);
	struct fake_domain *two = fake_iommu_domain(test, 0, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span[] = {
		fake_span(one, 0, 8 * SZ_PAGE), fake_span(one, 0, 4 * SZ_PAGE),
		fake_span(two, 2 * SZ_PAGE, 2 * SZ_PAGE),
	};
	size_t i;

	span[1].iova += 16 * SZ_PAGE;
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, 8 * SZ_PAGE), 0);
	for (i = 0; i < ARRAY_SIZE(span); i++)
		KUNIT_ASSERT_EQ(test, dma_buf_domain_fill(attach, &span[i]), 0);
	KUNIT_EXPECT_EQ(test, one->mapped, 12);
	KUNIT_EXPECT_EQ(test, one->ptes[16].paddr, SZ_2G);
	KUNIT_EXPECT_EQ(test, two->mapped, 2);
	KUNIT_EXPECT_EQ(test, two->ptes[0].paddr, SZ_2G + 2 * SZ_PAGE);
	dma_buf_domain_clear(attach, &span[1]);
	KUNIT_EXPECT_EQ(test, one->mapped, 8);
	revoke(exp);
	KUNIT_EXPECT_EQ(test, one->mapped + two->mapped, 0);
	dma_buf_domain_clear(attach, &span[2]);
	dma_buf_domain_clear(attach, &span[0]);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

/* A span that is filled after a revoke succeeds, and maps nothing */
static void revoke_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span = fake_span(fake, 0, 8 * SZ_PAGE);

	/* A revoke before anything is mapped does nothing */
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);

	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, 8 * SZ_PAGE), 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_domain_revoked(attach));
	revoke(exp);
	KUNIT_EXPECT_TRUE(test, dma_buf_domain_revoked(attach));
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	/* A second revoke changes nothing */
	revoke(exp);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	KUNIT_EXPECT_EQ(test, fake->maps, 0);
	dma_buf_domain_clear(attach, &span);
	dma_buf_domain_unmap(attach);
	KUNIT_EXPECT_EQ(test, exp->pinned, 0);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, 8 * SZ_PAGE),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, exp->pinned, 0);
	dma_buf_detach(exp->dmabuf, attach);
}

static void map_error_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct dma_buf_attachment *attach = attach_domain(exp);
	const struct dma_buf_phys_list *list = exp->list;

	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 1, SZ_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, 9 * SZ_PAGE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 8 * SZ_PAGE, SZ_PAGE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 9 * SZ_PAGE,
						 -SZ_PAGE), -EINVAL);
	KUNIT_EXPECT_EQ(test, exp->calls.pin, 0);

	exp->pin_result = -EBUSY;
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), -EBUSY);
	/* A pin that fails ends the map like any other error */
	exp->pin_result = -ENOSPC;
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), -ENOSPC);
	exp->pin_result = 0;
	exp->list = ERR_PTR(-ENOSPC);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), -ENOSPC);
	exp->list = NULL;
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), -ENOMEM);
	KUNIT_EXPECT_EQ(test, exp->pinned, 0);

	exp->list = list;
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), 0);
	EXPECT_WARNING(test, KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0,
								      SZ_PAGE),
					     -EINVAL));
	dma_buf_domain_unmap(attach);
	EXPECT_WARNING(test, dma_buf_domain_unmap(attach));
	dma_buf_detach(exp->dmabuf, attach);
}

/* Spans that lie outside of the mapped part */
static void bad_span_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span spans[] = {
		fake_span(fake, 2 * SZ_PAGE, 0),
		fake_span(fake, 0, SZ_PAGE),
		fake_span(fake, 6 * SZ_PAGE, SZ_PAGE),
		fake_span(fake, 2 * SZ_PAGE, 5 * SZ_PAGE),
		fake_span(fake, 2 * SZ_PAGE, 4 * SZ_PAGE),
	};
	size_t i;

	spans[4].iova = -2 * SZ_PAGE;
	EXPECT_WARNING(test, KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach,
								       spans),
					     -EINVAL));
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 2 * SZ_PAGE,
						 4 * SZ_PAGE), 0);
	for (i = 0; i < ARRAY_SIZE(spans); i++)
		EXPECT_WARNING(test,
			       KUNIT_EXPECT_EQ(test,
					       dma_buf_domain_fill(attach,
								   &spans[i]),
					       -EINVAL));
	KUNIT_EXPECT_EQ(test, fake->maps, 0);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

static void read_only_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span = fake_span(fake, 0, SZ_PAGE);

	/* The file was opened O_RDONLY */
	exp->ops.dma_follows_file_mode = true;
	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), -EPERM);
	KUNIT_EXPECT_EQ(test, fake->maps, 0);
	span.prot &= ~IOMMU_WRITE;
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	dma_buf_domain_clear(attach, &span);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

static bool not_plain(void)
{
	return false;
}

/* Memory has more conditions than device memory: caches and encryption */
static void predict_test(struct kunit *test)
{
	struct fake_exporter *mem = fake_pal_exporter(test);
	struct fake_exporter *mmio = fake_exporter(test, FAKE_MATCH);
	struct dma_buf_mapping_match incoherent = DMA_BUF_IMAPPING_DOMAIN(false);
	struct dma_buf_attachment *attach;

	fake_offer(mmio, DMA_BUF_EMAPPING_PAL_P2P(&fake_pal_ops, NULL));
	fake_export(mmio, FAKE_SIZE);

	KUNIT_EXPECT_PTR_EQ(test, fake_attach(mem, incoherent),
			    ERR_PTR(-EOPNOTSUPP));
	attach = fake_attach(mmio, incoherent);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(mmio->dmabuf, attach);

	kunit_activate_static_stub(test, dma_buf_memory_is_plain, not_plain);
	KUNIT_EXPECT_PTR_EQ(test, fake_attach(mem, fake_domain()),
			    ERR_PTR(-EOPNOTSUPP));
	attach = fake_attach(mmio, fake_domain());
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	dma_buf_detach(mmio->dmabuf, attach);
}

/* A killed task neither waits for the lock nor fills anything */
static void killed_test(struct kunit *test)
{
	struct fake_exporter *exp = plain_exporter(test, 8);
	struct fake_domain *fake = fake_iommu_domain(test, BASE, SZ_1M);
	struct dma_buf_attachment *attach = attach_domain(exp);
	struct dma_buf_domain_span span = fake_span(fake, 0, SZ_PAGE);
	struct fake_holder holder;

	fake_hold(&holder, exp->dmabuf);
	fake_kill();
	KUNIT_EXPECT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), -EINTR);
	fake_let_go(&holder);
	KUNIT_EXPECT_EQ(test, exp->calls.pin, 0);
	fake_kill_end();

	KUNIT_ASSERT_EQ(test, dma_buf_domain_map(attach, 0, SZ_PAGE), 0);
	fake_kill();
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), -EINTR);
	fake_kill_end();
	KUNIT_EXPECT_EQ(test, fake->maps, 0);
	KUNIT_EXPECT_EQ(test, dma_buf_domain_fill(attach, &span), 0);
	dma_buf_domain_clear(attach, &span);
	dma_buf_domain_unmap(attach);
	dma_buf_detach(exp->dmabuf, attach);
}

static struct kunit_case domain_tests[] = {
	KUNIT_CASE_PARAM(shape_test, shape_gen_params),
	KUNIT_CASE_PARAM(every_part_test, shape_gen_params),
	KUNIT_CASE_PARAM(many_ranges_test, length_gen_params),
	KUNIT_CASE_PARAM(fail_at_test, length_gen_params),
	KUNIT_CASE(spans_test),
	KUNIT_CASE(revoke_test),
	KUNIT_CASE(map_error_test),
	KUNIT_CASE(bad_span_test),
	KUNIT_CASE(read_only_test),
	KUNIT_CASE(predict_test),
	KUNIT_CASE(killed_test),
	{}
};

static struct kunit_suite domain_suite = {
	.name = "dma_buf_domain",
	.init = fake_test_init,
	.test_cases = domain_tests,
};

kunit_test_suite(domain_suite);
