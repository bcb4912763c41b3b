// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index that iommufd keeps over the physical ranges of a dma-buf: merging
 * of neighbours, slices that begin and end anywhere, and reading in any order.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/prandom.h>

#include <kunit/test.h>

#include "iopt_dmabuf.h"

#define MAX_RANGES	4
#define MAX_RUNS	4

#define MMIO		true
#define MEMORY		false

/* All numbers are of pages */
struct index_case {
	const char *name;
	struct {
		unsigned long pfn;
		unsigned long nr;
		bool mmio;
	} range[MAX_RANGES];
	/* The part of the ranges that is imported */
	unsigned long start;
	unsigned long nr;
	/* What the index has to look like */
	struct iopt_dmabuf_run runs[MAX_RUNS];
	size_t nr_runs;
};

static const struct index_case index_cases[] = {
	{ "one page", { { 100, 1, MMIO } }, 0, 1, { { 0, 100, MMIO } }, 1 },
	{ "one range", { { 100, 8, MMIO } }, 0, 8, { { 0, 100, MMIO } }, 1 },
	{ "one range of memory", { { 100, 8, MEMORY } }, 0, 8,
	  { { 0, 100, MEMORY } }, 1 },
	{ "PFN 0", { { 0, 8, MMIO } }, 0, 8, { { 0, 0, MMIO } }, 1 },

	{ "scattered", { { 100, 2, MMIO }, { 50, 3, MMIO }, { 7, 1, MMIO } },
	  0, 6, { { 0, 100, MMIO }, { 2, 50, MMIO }, { 5, 7, MMIO } }, 3 },
	{ "with holes", { { 10, 2, MMIO }, { 13, 2, MMIO } },
	  0, 4, { { 0, 10, MMIO }, { 2, 13, MMIO } }, 2 },
	{ "descending neighbours", { { 12, 2, MMIO }, { 10, 2, MMIO } },
	  0, 4, { { 0, 12, MMIO }, { 2, 10, MMIO } }, 2 },
	{ "the same page again", { { 10, 1, MMIO }, { 10, 1, MMIO } },
	  0, 2, { { 0, 10, MMIO }, { 1, 10, MMIO } }, 2 },

	{ "neighbours", { { 10, 2, MMIO }, { 12, 2, MMIO } }, 0, 4,
	  { { 0, 10, MMIO } }, 1 },
	{ "three neighbours", { { 10, 1, MMIO }, { 11, 1, MMIO },
	    { 12, 1, MMIO } }, 0, 3, { { 0, 10, MMIO } }, 1 },
	{ "neighbours and another", { { 10, 1, MMIO }, { 11, 1, MMIO },
	    { 20, 1, MMIO }, { 21, 1, MMIO } }, 0, 4,
	  { { 0, 10, MMIO }, { 2, 20, MMIO } }, 2 },
	{ "neighbours of two kinds", { { 10, 2, MMIO }, { 12, 2, MEMORY } },
	  0, 4, { { 0, 10, MMIO }, { 2, 12, MEMORY } }, 2 },
	{ "alternating kinds", { { 10, 1, MMIO }, { 11, 1, MEMORY },
	    { 12, 1, MMIO }, { 13, 1, MEMORY } }, 0, 4,
	  { { 0, 10, MMIO }, { 1, 11, MEMORY }, { 2, 12, MMIO },
	    { 3, 13, MEMORY } }, 4 },

	{ "slice of a range", { { 100, 8, MMIO } }, 2, 3,
	  { { 0, 102, MMIO } }, 1 },
	{ "last page of a range", { { 100, 8, MMIO } }, 7, 1,
	  { { 0, 107, MMIO } }, 1 },
	{ "first page of a range", { { 100, 8, MMIO } }, 0, 1,
	  { { 0, 100, MMIO } }, 1 },
	{ "second range exactly", { { 100, 4, MMIO }, { 50, 4, MEMORY } },
	  4, 4, { { 0, 50, MEMORY } }, 1 },
	{ "from one range into another",
	  { { 100, 4, MMIO }, { 50, 4, MMIO } }, 3, 2,
	  { { 0, 103, MMIO }, { 1, 50, MMIO } }, 2 },
	{ "over a range in between",
	  { { 100, 4, MMIO }, { 50, 4, MMIO }, { 200, 4, MMIO } }, 2, 8,
	  { { 0, 102, MMIO }, { 2, 50, MMIO }, { 6, 200, MMIO } }, 3 },
	{ "last page of all",
	  { { 100, 4, MMIO }, { 50, 4, MMIO }, { 200, 4, MMIO } }, 11, 1,
	  { { 0, 203, MMIO } }, 1 },
	{ "into a neighbour", { { 10, 4, MMIO }, { 14, 4, MMIO } }, 3, 2,
	  { { 0, 13, MMIO } }, 1 },
	{ "behind neighbours",
	  { { 10, 4, MMIO }, { 14, 4, MMIO }, { 5, 1, MMIO } }, 6, 3,
	  { { 0, 16, MMIO }, { 2, 5, MMIO } }, 2 },
	{ "what follows is not looked at",
	  { { 10, 4, MMIO }, { 90, 4, MMIO } }, 0, 4,
	  { { 0, 10, MMIO } }, 1 },
};

KUNIT_ARRAY_PARAM_DESC(index, index_cases, name);

static void free_list(void *list)
{
	kvfree(list);
}

static struct dma_buf_phys_list *make_list(struct kunit *test, size_t length,
					   u8 **kinds)
{
	struct dma_buf_phys_list *list;

	list = dma_buf_phys_list_alloc(length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_list, list),
			0);
	*kinds = kunit_kzalloc(test, length, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *kinds);
	list->kinds = *kinds;
	return list;
}

static struct dma_buf_phys_list *case_list(struct kunit *test)
{
	const struct index_case *c = test->param_value;
	struct dma_buf_phys_list *list;
	size_t length = 0;
	u8 *kinds;
	size_t i;

	while (length < MAX_RANGES && c->range[length].nr)
		length++;
	list = make_list(test, length, &kinds);
	for (i = 0; i < length; i++) {
		list->phys[i].paddr = PFN_PHYS(c->range[i].pfn);
		list->phys[i].len = c->range[i].nr * PAGE_SIZE;
		kinds[i] = c->range[i].mmio ? DMA_BUF_PHYS_MMIO :
			DMA_BUF_PHYS_MEMORY;
	}
	return list;
}

static void make_index(struct kunit *test, struct iopt_pages_dmabuf *dmabuf,
		       const struct dma_buf_phys_list *list,
		       unsigned long start, unsigned long nr)
{
	int ret;

	dmabuf->start = start * PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(dmabuf, 1), 0);
	ret = iopt_dmabuf_index(dmabuf, nr, list);
	if (ret == -ENOSPC) {
		KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(dmabuf,
							      dmabuf->nr_runs),
				0);
		ret = iopt_dmabuf_index(dmabuf, nr, list);
	}
	KUNIT_ASSERT_EQ(test, ret, 0);
}

static void runs_test(struct kunit *test)
{
	const struct index_case *c = test->param_value;
	struct iopt_pages_dmabuf dmabuf = {};
	size_t i;

	make_index(test, &dmabuf, case_list(test), c->start, c->nr);
	KUNIT_EXPECT_EQ(test, dmabuf.nr_runs, c->nr_runs);
	for (i = 0; i < min(dmabuf.nr_runs, c->nr_runs); i++) {
		KUNIT_EXPECT_EQ(test, dmabuf.runs[i].first_index,
				c->runs[i].first_index);
		KUNIT_EXPECT_EQ(test, dmabuf.runs[i].pfn, c->runs[i].pfn);
		KUNIT_EXPECT_EQ(test, dmabuf.runs[i].mmio, c->runs[i].mmio);
	}
	/* One run needs no memory */
	KUNIT_EXPECT_EQ(test, dmabuf.runs == &dmabuf.single, c->nr_runs == 1);

	iopt_dmabuf_index_free(&dmabuf);
	KUNIT_EXPECT_NULL(test, dmabuf.runs);
	KUNIT_EXPECT_EQ(test, dmabuf.nr_runs, 0);
}

/* A list without kinds is all MMIO */
static void no_kinds_test(struct kunit *test)
{
	const struct index_case *c = test->param_value;
	struct dma_buf_phys_list *list = case_list(test);
	struct iopt_pages_dmabuf dmabuf = {};
	size_t i;

	list->kinds = NULL;
	make_index(test, &dmabuf, list, c->start, c->nr);
	for (i = 0; i < dmabuf.nr_runs; i++)
		KUNIT_EXPECT_TRUE(test, dmabuf.runs[i].mmio);
	iopt_dmabuf_index_free(&dmabuf);
}

/* The slow and simple way to find a page */
static void find_page(const struct dma_buf_phys_list *list, unsigned long page,
		      struct iopt_dmabuf_run *out)
{
	size_t i;

	for (i = 0; page >= PHYS_PFN(list->phys[i].len); i++)
		page -= PHYS_PFN(list->phys[i].len);
	out->pfn = PHYS_PFN(list->phys[i].paddr) + page;
	out->mmio = dma_buf_phys_list_kind(list, i) == DMA_BUF_PHYS_MMIO;
}

/* The piece is right page by page, and ends for a reason */
static unsigned long check_read(struct kunit *test,
				struct pfn_reader_dmabuf *reader,
				const struct dma_buf_phys_list *list,
				unsigned long first, unsigned long last)
{
	unsigned long start = PHYS_PFN(reader->dmabuf->start);
	struct iopt_dmabuf_run run = {}, page;
	unsigned long n, i;

	n = iopt_dmabuf_read(reader, first, last, &run);
	KUNIT_ASSERT_GE(test, n, 1);
	KUNIT_ASSERT_LE(test, n, last - first + 1);
	KUNIT_EXPECT_EQ(test, run.first_index, first);
	for (i = 0; i < n; i++) {
		find_page(list, start + first + i, &page);
		KUNIT_ASSERT_EQ(test, run.pfn + i, page.pfn);
		KUNIT_ASSERT_EQ(test, run.mmio, page.mmio);
	}
	if (first + n <= last) {
		find_page(list, start + first + n, &page);
		KUNIT_EXPECT_TRUE(test, page.pfn != run.pfn + n ||
				  page.mmio != run.mmio);
	}
	return n;
}

/* All pieces, as a domain is filled */
static void read_forward_test(struct kunit *test)
{
	const struct index_case *c = test->param_value;
	struct dma_buf_phys_list *list = case_list(test);
	struct iopt_pages_dmabuf dmabuf = {};
	struct pfn_reader_dmabuf reader = { .dmabuf = &dmabuf };
	unsigned long index = 0;
	size_t pieces = 0;

	make_index(test, &dmabuf, list, c->start, c->nr);
	while (index < c->nr) {
		index += check_read(test, &reader, list, index, c->nr - 1);
		pieces++;
	}
	KUNIT_EXPECT_EQ(test, index, c->nr);
	KUNIT_EXPECT_EQ(test, pieces, c->nr_runs);
	iopt_dmabuf_index_free(&dmabuf);
}

/* Every part of the slice, with a reader that has been anywhere */
static void read_anything_test(struct kunit *test)
{
	const struct index_case *c = test->param_value;
	struct dma_buf_phys_list *list = case_list(test);
	struct iopt_pages_dmabuf dmabuf = {};
	unsigned long first, last, before;

	make_index(test, &dmabuf, list, c->start, c->nr);
	for (first = 0; first < c->nr; first++) {
		for (last = first; last < c->nr; last++) {
			struct pfn_reader_dmabuf fresh = { .dmabuf = &dmabuf };

			check_read(test, &fresh, list, first, last);
			for (before = 0; before < c->nr; before++) {
				struct pfn_reader_dmabuf used = {
					.dmabuf = &dmabuf,
				};

				check_read(test, &used, list, before, before);
				check_read(test, &used, list, first, last);
			}
		}
	}
	iopt_dmabuf_index_free(&dmabuf);
}

/* Many ranges of any length, order and kind, the same in every run */
static void random_test(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round;

	prandom_seed_state(&rnd, 2026);
	for (round = 0; round < 50; round++) {
		size_t length = 1 + prandom_u32_state(&rnd) % 300;
		struct iopt_pages_dmabuf dmabuf = {};
		struct pfn_reader_dmabuf reader = { .dmabuf = &dmabuf };
		struct dma_buf_phys_list *list;
		unsigned long pfn = 1000, total = 0;
		unsigned long start, nr, index;
		u8 *kinds;
		size_t i;

		list = make_list(test, length, &kinds);
		for (i = 0; i < length; i++) {
			unsigned long n = 1 + prandom_u32_state(&rnd) % 5;

			/* Half of them go on where the last one ended */
			if (prandom_u32_state(&rnd) % 2)
				pfn = prandom_u32_state(&rnd);
			list->phys[i].paddr = PFN_PHYS(pfn);
			list->phys[i].len = n * PAGE_SIZE;
			kinds[i] = prandom_u32_state(&rnd) % 4 ?
				DMA_BUF_PHYS_MMIO : DMA_BUF_PHYS_MEMORY;
			pfn += n;
			total += n;
		}
		start = prandom_u32_state(&rnd) % total;
		nr = 1 + prandom_u32_state(&rnd) % (total - start);

		make_index(test, &dmabuf, list, start, nr);
		KUNIT_EXPECT_LE(test, dmabuf.nr_runs, length);
		for (index = 0; index < nr;)
			index += check_read(test, &reader, list, index, nr - 1);
		for (i = 0; i < 200; i++) {
			unsigned long a = prandom_u32_state(&rnd) % nr;
			unsigned long b = prandom_u32_state(&rnd) % nr;

			check_read(test, &reader, list, min(a, b), max(a, b));
		}
		iopt_dmabuf_index_free(&dmabuf);
	}
}

/* Nothing was imported, or the list is shorter than that */
static void empty_test(struct kunit *test)
{
	struct iopt_pages_dmabuf dmabuf = {};
	struct dma_buf_phys_list *list;
	u8 *kinds;

	list = make_list(test, 1, &kinds);
	list->phys[0] = (struct phys_vec){ PAGE_SIZE, PAGE_SIZE };
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(&dmabuf, 1), 0);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, iopt_dmabuf_index(&dmabuf, 0, list),
				-EINVAL);
		dmabuf.start = PAGE_SIZE;
		KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(&dmabuf, 1), 0);
		KUNIT_EXPECT_EQ(test, iopt_dmabuf_index(&dmabuf, 1, list),
				-EINVAL);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 2);
	}
	KUNIT_EXPECT_NULL(test, dmabuf.runs);
}

static struct kunit_case iopt_dmabuf_tests[] = {
	KUNIT_CASE_PARAM(runs_test, index_gen_params),
	KUNIT_CASE_PARAM(no_kinds_test, index_gen_params),
	KUNIT_CASE_PARAM(read_forward_test, index_gen_params),
	KUNIT_CASE_PARAM(read_anything_test, index_gen_params),
	KUNIT_CASE(random_test),
	KUNIT_CASE(empty_test),
	{}
};

static struct kunit_suite iopt_dmabuf_suite = {
	.name = "dma_buf_iommufd",
	.test_cases = iopt_dmabuf_tests,
};

kunit_test_suite(iopt_dmabuf_suite);

MODULE_DESCRIPTION("KUnit tests of iommufd's index over a dma-buf");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
