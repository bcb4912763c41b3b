// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page frame of each page of a buffer: any number of ranges in any order, compared
 * with a walk from the first range on.
 */
#include <linux/pfn.h>
#include <linux/pgtable.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "vfio_pci_area.h"
#include "vfio_pci_slice_map.h"

#define MAX_RANGES	4096

/* Addresses at which arithmetic in 32 bits, or in pages, goes wrong */
static const phys_addr_t bases[] = {
	0,
	SZ_1G,
#ifdef CONFIG_PHYS_ADDR_T_64BIT
	1ULL << 32,
	(1ULL << 40) - SZ_2M,
	(1ULL << 52) - SZ_1G,
#endif
};

static const unsigned int orders[] = { 0, PMD_SHIFT - PAGE_SHIFT };

/* The result that lookup should have, found the slow way */
static bool walk(const struct phys_vec *phys, size_t nr, unsigned long page,
		 unsigned int order, unsigned long *pfn)
{
	unsigned long count = 1UL << order;
	size_t i;

	for (i = 0; i < nr; i++) {
		unsigned long npages = phys[i].len >> PAGE_SHIFT;

		if (page < npages) {
			*pfn = PHYS_PFN(phys[i].paddr) + page;
			return npages - page >= count && !(*pfn % count);
		}
		page -= npages;
	}
	return false;
}

/* Up to the end of the range, and no page further */
static void check_span(struct kunit *test, const struct vfio_pci_slice_map *map,
		       unsigned long page, bool ok, unsigned long want)
{
	unsigned long got = 0, last = 0, start = 0, span;
	size_t i;

	span = vfio_pci_slice_span(map, page, &got);
	KUNIT_ASSERT_EQ(test, ok, span > 0);
	if (!ok)
		return;
	KUNIT_ASSERT_EQ(test, want, got);
	KUNIT_ASSERT_TRUE(test, walk(map->phys, map->nr, page + span - 1, 0,
				     &last));
	KUNIT_ASSERT_EQ(test, last, got + span - 1);
	for (i = 0; i < map->nr && start < page + span; i++)
		start += map->phys[i].len >> PAGE_SHIFT;
	KUNIT_ASSERT_EQ(test, start, page + span);
}

static void check_page(struct kunit *test, const struct vfio_pci_slice_map *map,
		       unsigned long page, unsigned int order)
{
	unsigned long want = 0, got = 0;
	bool ok = walk(map->phys, map->nr, page, order, &want);

	KUNIT_ASSERT_EQ_MSG(test, ok,
			    vfio_pci_slice_lookup(map, page, order, &got),
			    "page %lu order %u of %zu ranges", page, order,
			    map->nr);
	if (ok)
		KUNIT_ASSERT_EQ_MSG(test, want, got,
				    "page %lu order %u of %zu ranges", page,
				    order, map->nr);
	if (order)
		return;
	got = 0;
	KUNIT_ASSERT_EQ_MSG(test, ok, vfio_pci_slice_page(map, page, &got),
			    "page %lu of %zu ranges", page, map->nr);
	if (ok)
		KUNIT_ASSERT_EQ_MSG(test, want, got, "page %lu of %zu ranges",
				    page, map->nr);
	check_span(test, map, page, ok, want);
}

/* Every first and last page, their neighbours, and some in between */
static void check_map(struct kunit *test, const struct vfio_pci_slice_map *map,
		      struct rnd_state *rnd)
{
	unsigned long start = 0;
	size_t i, o;

	for (o = 0; o < ARRAY_SIZE(orders); o++) {
		start = 0;
		for (i = 0; i < map->nr; i++) {
			unsigned long npages = map->phys[i].len >> PAGE_SHIFT;

			check_page(test, map, start, orders[o]);
			check_page(test, map, start + npages - 1, orders[o]);
			check_page(test, map,
				   start + prandom_u32_state(rnd) % npages,
				   orders[o]);
			start += npages;
		}
		check_page(test, map, start, orders[o]);
		check_page(test, map, start + 1, orders[o]);
		check_page(test, map, ULONG_MAX, orders[o]);
		check_page(test, map, ULONG_MAX - 511, orders[o]);
	}
	KUNIT_EXPECT_EQ(test, start, map->npages);
}

static struct phys_vec *alloc_ranges(struct kunit *test, size_t nr)
{
	struct phys_vec *phys = kunit_kcalloc(test, nr, sizeof(*phys),
					      GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, phys);
	return phys;
}

static void check_ranges(struct kunit *test, struct phys_vec *phys, size_t nr,
			 struct rnd_state *rnd)
{
	struct vfio_pci_slice_map map;

	KUNIT_ASSERT_EQ(test, vfio_pci_slice_map_init(&map, phys, nr), 0);
	check_map(test, &map, rnd);
	vfio_pci_slice_map_fini(&map);
}

static void slice_map_random(struct kunit *test)
{
	static const size_t counts[] = { 1, 2, 3, 7, 64, 1000, MAX_RANGES };
	struct rnd_state rnd;
	size_t b, c, i;

	prandom_seed_state(&rnd, 1);
	for (c = 0; c < ARRAY_SIZE(counts); c++) {
		struct phys_vec *phys = alloc_ranges(test, counts[c]);

		for (b = 0; b < ARRAY_SIZE(bases); b++) {
			for (i = 0; i < counts[c]; i++) {
				phys[i].paddr = bases[b] +
					prandom_u32_state(&rnd) % 4096 * PAGE_SIZE;
				phys[i].len = (1 + prandom_u32_state(&rnd) % 9) *
					      PAGE_SIZE;
			}
			check_ranges(test, phys, counts[c], &rnd);
		}
		kunit_kfree(test, phys);
	}
}

/* Ranges some of which are large enough for a huge page, and some are aligned */
static void slice_map_huge(struct kunit *test)
{
	struct phys_vec phys[] = {
		{ SZ_1G, PMD_SIZE },
		{ SZ_1G + PMD_SIZE, PMD_SIZE - PAGE_SIZE },
		{ SZ_1G + PAGE_SIZE, PMD_SIZE },
		{ SZ_1G, 3 * PMD_SIZE },
		{ SZ_1G + 4 * PMD_SIZE, PAGE_SIZE },
	};
	unsigned int order = PMD_SHIFT - PAGE_SHIFT;
	unsigned long pages = PMD_SIZE / PAGE_SIZE;
	struct vfio_pci_slice_map map;
	struct rnd_state rnd;
	unsigned long pfn;

	prandom_seed_state(&rnd, 2);
	check_ranges(test, phys, ARRAY_SIZE(phys), &rnd);

	KUNIT_ASSERT_EQ(test,
			vfio_pci_slice_map_init(&map, phys, ARRAY_SIZE(phys)),
			0);
	KUNIT_EXPECT_TRUE(test, vfio_pci_slice_lookup(&map, 0, order, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, PHYS_PFN(SZ_1G));
	/* A page short, then not aligned, then aligned again */
	KUNIT_EXPECT_FALSE(test,
			   vfio_pci_slice_lookup(&map, pages, order, &pfn));
	KUNIT_EXPECT_FALSE(test, vfio_pci_slice_lookup(&map, 2 * pages - 1,
						       order, &pfn));
	KUNIT_EXPECT_TRUE(test, vfio_pci_slice_lookup(&map, 3 * pages - 1,
						      order, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, PHYS_PFN(SZ_1G));
	KUNIT_EXPECT_TRUE(test, vfio_pci_slice_lookup(&map, 5 * pages - 1,
						      order, &pfn));
	KUNIT_EXPECT_EQ(test, pfn, PHYS_PFN(SZ_1G + 2 * PMD_SIZE));
	vfio_pci_slice_map_fini(&map);
}

/* The same page at two places of the buffer */
static void slice_map_aliased(struct kunit *test)
{
	struct phys_vec phys[] = {
		{ SZ_1G, 2 * PAGE_SIZE },
		{ SZ_1G, PAGE_SIZE },
		{ SZ_1G, 4 * PAGE_SIZE },
	};
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 3);
	check_ranges(test, phys, ARRAY_SIZE(phys), &rnd);
	KUNIT_EXPECT_EQ(test, vfio_pci_slice_merge(phys, ARRAY_SIZE(phys)), 3);
}

static void slice_map_merge(struct kunit *test)
{
	struct phys_vec phys[] = {
		{ 0x1000 * PAGE_SIZE, PAGE_SIZE },
		{ 0x1001 * PAGE_SIZE, 2 * PAGE_SIZE },
		{ 0x1003 * PAGE_SIZE, PAGE_SIZE },
		{ 0x1005 * PAGE_SIZE, PAGE_SIZE },
		{ 0x1004 * PAGE_SIZE, PAGE_SIZE },
		{ 0x1005 * PAGE_SIZE, PAGE_SIZE },
	};

	KUNIT_ASSERT_EQ(test, vfio_pci_slice_merge(phys, ARRAY_SIZE(phys)), 3);
	KUNIT_EXPECT_EQ(test, phys[0].paddr, 0x1000 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys[0].len, 4 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys[1].paddr, 0x1005 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys[1].len, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys[2].paddr, 0x1004 * PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, phys[2].len, 2 * PAGE_SIZE);
}

/* Merging does not change the page frame of any page */
static void slice_map_merge_all(struct kunit *test)
{
	struct phys_vec *phys = alloc_ranges(test, MAX_RANGES);
	struct vfio_pci_slice_map map;
	unsigned long pfn;
	size_t i;

	for (i = 0; i < MAX_RANGES; i++) {
		phys[i].paddr = SZ_1G + i * PAGE_SIZE;
		phys[i].len = PAGE_SIZE;
	}
	KUNIT_EXPECT_EQ(test, vfio_pci_slice_merge(phys, MAX_RANGES), 1);
	KUNIT_ASSERT_EQ(test, vfio_pci_slice_map_init(&map, phys, 1), 0);
	KUNIT_EXPECT_NULL(test, map.starts);
	for (i = 0; i < MAX_RANGES; i++) {
		KUNIT_ASSERT_TRUE(test,
				  vfio_pci_slice_lookup(&map, i, 0, &pfn));
		KUNIT_ASSERT_EQ(test, pfn, PHYS_PFN(SZ_1G) + i);
	}
	KUNIT_EXPECT_FALSE(test, vfio_pci_slice_lookup(&map, MAX_RANGES, 0,
						       &pfn));
	vfio_pci_slice_map_fini(&map);
}

/* The largest length of a size_t: page numbers must not wrap */
static void slice_map_long(struct kunit *test)
{
	struct phys_vec phys = { 0, SIZE_MAX & PAGE_MASK };
	struct vfio_pci_slice_map map;
	unsigned long pfn;

	KUNIT_ASSERT_EQ(test, vfio_pci_slice_map_init(&map, &phys, 1), 0);
	KUNIT_EXPECT_TRUE(test, vfio_pci_slice_lookup(&map, map.npages - 1, 0,
						      &pfn));
	KUNIT_EXPECT_EQ(test, pfn, map.npages - 1);
	KUNIT_EXPECT_FALSE(test, vfio_pci_slice_lookup(&map, map.npages, 0,
						       &pfn));
	KUNIT_EXPECT_FALSE(test, vfio_pci_slice_lookup(&map, map.npages - 1,
						       orders[1], &pfn));
	KUNIT_EXPECT_FALSE(test, vfio_pci_slice_lookup(&map, ULONG_MAX,
						       orders[1], &pfn));
	vfio_pci_slice_map_fini(&map);
}

#define PAGES_2M	(SZ_2M >> PAGE_SHIFT)

struct area {
	const char *name;
	unsigned long page, npages;
	bool huge;
	unsigned long skew;
};

static void check_areas(struct kunit *test, const struct vfio_pci_slice_map *map,
			const struct area *areas, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		const struct area *area = &areas[i];
		unsigned long skew = 0;

		KUNIT_EXPECT_EQ_MSG(test, area->huge,
				    vfio_pci_area_skew(map, area->page,
						       area->npages, SZ_2M,
						       &skew),
				    "%s", area->name);
		KUNIT_EXPECT_EQ_MSG(test, area->skew, skew, "%s", area->name);
	}
}

/* Where a mapping has to begin to have pages of 2 MiB */
static void slice_map_area(struct kunit *test)
{
	static const struct area areas[] = {
		{ "all", 0, 2 * PAGES_2M + 2, true, SZ_2M - PAGE_SIZE },
		{ "one", 1, PAGES_2M, true, 0 },
		{ "all but one", 1, PAGES_2M - 1 },
		{ "from within", 2, 2 * PAGES_2M - 1, true, PAGE_SIZE },
		{ "a page more than the first", 1, PAGES_2M + 1, true, 0 },
		{ "only of the second", 2, PAGES_2M - 1 },
		{ "beyond the end", 2 * PAGES_2M + 2, PAGES_2M },
		{ "over the end", 2 * PAGES_2M + 1, PAGES_2M },
	};
	struct phys_vec phys[] = {
		{ SZ_1G + SZ_2M - PAGE_SIZE, PAGE_SIZE },
		{ SZ_1G + SZ_16M, 2 * SZ_2M },
		{ SZ_1G, PAGE_SIZE },
	};
	struct vfio_pci_slice_map map;

	if (SZ_2M % PAGE_SIZE || PAGES_2M < 4)
		kunit_skip(test, "pages are too large");
	KUNIT_ASSERT_EQ(test, vfio_pci_slice_map_init(&map, phys,
						      ARRAY_SIZE(phys)), 0);
	check_areas(test, &map, areas, ARRAY_SIZE(areas));
	vfio_pci_slice_map_fini(&map);
}

/* With many ranges, the search does not reach one that is far behind */
static void slice_map_area_many(struct kunit *test)
{
	static const struct area areas[] = {
		{ "too far", 0, MAX_RANGES + PAGES_2M },
		{ "near enough", MAX_RANGES - 8, 8 + PAGES_2M, true,
		  SZ_2M - 8 * PAGE_SIZE },
	};
	struct phys_vec *phys = alloc_ranges(test, MAX_RANGES + 1);
	struct vfio_pci_slice_map map;
	size_t i;

	for (i = 0; i < MAX_RANGES; i++) {
		phys[i].paddr = SZ_1G + 2 * i * PAGE_SIZE;
		phys[i].len = PAGE_SIZE;
	}
	phys[i].paddr = SZ_2M;
	phys[i].len = SZ_2M;
	KUNIT_ASSERT_EQ(test, vfio_pci_slice_map_init(&map, phys,
						      MAX_RANGES + 1), 0);
	check_areas(test, &map, areas, ARRAY_SIZE(areas));
	vfio_pci_slice_map_fini(&map);
}

static struct kunit_case slice_map_cases[] = {
	KUNIT_CASE_SLOW(slice_map_random),
	KUNIT_CASE(slice_map_huge),
	KUNIT_CASE(slice_map_aliased),
	KUNIT_CASE(slice_map_merge),
	KUNIT_CASE(slice_map_merge_all),
	KUNIT_CASE(slice_map_long),
	KUNIT_CASE(slice_map_area),
	KUNIT_CASE(slice_map_area_many),
	{}
};

static struct kunit_suite slice_map_suite = {
	.name = "dma_buf_vfio_slice",
	.test_cases = slice_map_cases,
};

kunit_test_suite(slice_map_suite);

MODULE_DESCRIPTION("KUnit tests of the lookup in vfio-pci's dma-bufs");
MODULE_LICENSE("GPL");
