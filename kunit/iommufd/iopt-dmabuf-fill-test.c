// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling a domain with an area of a dma-buf: what is mapped where, how much of
 * it at a time, and what becomes of it when memory is short or the dma-buf is
 * taken away meanwhile.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "io_pagetable.h"

#define MAX_CALLS	200
#define MAX_RANGES	4
#define SZ_PAGE		((unsigned long)PAGE_SIZE)

/* One call of the driver's map_pages() */
struct map_call {
	unsigned long iova;
	phys_addr_t paddr;
	size_t size;
	int prot;
};

/**
 * struct fill - an area of a dma-buf and a domain to put it in
 * @test: the test
 * @iopt: of the area
 * @pages: of the area
 * @area: the area
 * @domain: the domain
 * @list: where the pages are
 * @calls: what was mapped, in this order
 * @nr_calls: number of @calls
 * @mapped: bytes that are mapped now
 * @failures: so many calls fail for want of memory
 * @revoke_at: the exporter comes during this call
 */
struct fill {
	struct kunit *test;
	struct io_pagetable iopt;
	struct iopt_pages pages;
	struct iopt_area area;
	struct iommu_domain domain;
	struct dma_buf_phys_list *list;
	struct map_call calls[MAX_CALLS];
	unsigned int nr_calls;
	size_t mapped;
	unsigned int failures;
	unsigned int revoke_at;
};

static int fake_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fill *f = container_of(domain, struct fill, domain);
	struct kunit *test = f->test;

	/* A revoke waits for the mutex, so nothing is waited for with it held */
	KUNIT_EXPECT_TRUE(test, lockdep_is_held(&f->pages.mutex) ||
			  !IS_ENABLED(CONFIG_LOCKDEP));
	KUNIT_EXPECT_FALSE(test, gfpflags_allow_blocking(gfp));
	KUNIT_EXPECT_TRUE(test, gfp & __GFP_ACCOUNT);

	if (f->failures) {
		f->failures--;
		return -ENOMEM;
	}
	KUNIT_ASSERT_LT(test, f->nr_calls, MAX_CALLS);
	f->calls[f->nr_calls++] = (struct map_call){
		.iova = iova,
		.paddr = paddr,
		.size = pgsize * pgcount,
		.prot = prot,
	};
	if (f->nr_calls == f->revoke_at)
		WRITE_ONCE(f->pages.dmabuf.revoking, true);
	*mapped = pgsize * pgcount;
	f->mapped += *mapped;
	return 0;
}

static size_t fake_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fill *f = container_of(domain, struct fill, domain);

	f->mapped -= pgsize * pgcount;
	return pgsize * pgcount;
}

static const struct iommu_domain_ops fake_domain_ops = {
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
};

/* A dma-buf of one range at @paddr, of which all is put at @iova */
static struct fill *fill_setup(struct kunit *test, unsigned long iova,
			       phys_addr_t paddr, size_t size)
{
	struct fill *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->list = kunit_kzalloc(test, struct_size(f->list, phys, MAX_RANGES),
				GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->list);
	f->list->length = 1;
	f->list->phys[0] = (struct phys_vec){ paddr, size };

	f->domain.type = IOMMU_DOMAIN_UNMANAGED;
	f->domain.ops = &fake_domain_ops;
	f->domain.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G;

	mutex_init(&f->pages.mutex);
	f->pages.type = IOPT_ADDRESS_DMABUF;
	f->pages.npages = PHYS_PFN(size);
	f->pages.domains_itree = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&f->pages.dmabuf.tracker);

	f->area.iopt = &f->iopt;
	f->area.pages = &f->pages;
	f->area.iommu_prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;
	f->area.node.start = iova;
	f->area.node.last = iova + size - 1;
	f->area.pages_node.last = f->pages.npages - 1;
	return f;
}

static int fill(struct fill *f)
{
	struct iopt_pages_dmabuf *dmabuf = &f->pages.dmabuf;

	KUNIT_ASSERT_EQ(f->test, iopt_dmabuf_index_alloc(dmabuf, MAX_RANGES), 0);
	KUNIT_ASSERT_EQ(f->test, iopt_dmabuf_index(dmabuf, f->pages.npages,
						   f->list), 0);
	dmabuf->exp_phys = f->list;
	return iopt_dmabuf_fill_domain(&f->area, &f->domain);
}

static void unfill(struct fill *f)
{
	scoped_guard(mutex, &f->pages.mutex)
		iopt_dmabuf_unfill_domain(&f->area, &f->domain);
	KUNIT_EXPECT_EQ(f->test, f->mapped, 0);
	KUNIT_EXPECT_TRUE(f->test, list_empty(&f->pages.dmabuf.tracker));
	KUNIT_EXPECT_TRUE(f->test, hlist_empty(&f->area.dmabuf_tracks));
	iopt_dmabuf_index_free(&f->pages.dmabuf);
}

/* All of it, one after the other, from the beginning to the end */
static void expect_all(struct fill *f)
{
	unsigned long iova = f->area.node.start;
	unsigned int i;

	for (i = 0; i < f->nr_calls; i++) {
		KUNIT_ASSERT_EQ(f->test, f->calls[i].iova, iova);
		iova += f->calls[i].size;
	}
	KUNIT_EXPECT_EQ(f->test, iova, f->area.node.last + 1);
	KUNIT_EXPECT_EQ(f->test, f->mapped, iopt_area_length(&f->area));
	KUNIT_EXPECT_PTR_EQ(f->test, f->area.storage_domain, &f->domain);
}

static void large_pages_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G, SZ_2G, SZ_64M);

	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->nr_calls, 1);
	KUNIT_EXPECT_EQ(test, f->calls[0].paddr, SZ_2G);
	expect_all(f);
	unfill(f);
}

/* Where only small pages fit, a table is filled at a time */
static void one_table_at_a_time_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->nr_calls, SZ_64M / SZ_2M + 1);
	for (i = 0; i < f->nr_calls; i++) {
		const struct map_call *c = &f->calls[i];

		KUNIT_EXPECT_EQ(test, c->iova / SZ_2M,
				(c->iova + c->size - 1) / SZ_2M);
		KUNIT_EXPECT_EQ(test, c->paddr - SZ_2G,
				c->iova - f->area.node.start);
	}
	expect_all(f);
	unfill(f);
}

/* To the last byte that there is */
static void top_of_space_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, -(unsigned long)SZ_4M, SZ_64M, SZ_4M);

	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->mapped, SZ_4M);
	unfill(f);
}

static void kinds_test(struct kunit *test)
{
	static const u8 kinds[] = { DMA_BUF_PHYS_MMIO, DMA_BUF_PHYS_MEMORY };
	struct fill *f = fill_setup(test, SZ_1G, SZ_1M, 8 * SZ_PAGE);

	f->list->kinds = kinds;
	f->list->length = 2;
	f->list->phys[0] = (struct phys_vec){ SZ_1M, 4 * SZ_PAGE };
	f->list->phys[1] = (struct phys_vec){ SZ_2M, 4 * SZ_PAGE };
	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_ASSERT_EQ(test, f->nr_calls, 2);
	KUNIT_EXPECT_EQ(test, f->calls[0].prot,
			IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
	KUNIT_EXPECT_EQ(test, f->calls[1].prot,
			IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
	KUNIT_EXPECT_EQ(test, f->calls[1].paddr, SZ_2M);
	expect_all(f);
	unfill(f);
}

/* An IOMMU with smaller pages than the CPU: areas begin and end inside of one */
static void part_of_a_page_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G, SZ_1M, 4 * SZ_PAGE);
	unsigned long half = SZ_PAGE / 2;

	f->domain.pgsize_bitmap |= half;
	f->list->length = 2;
	f->list->phys[0] = (struct phys_vec){ SZ_1M, 2 * SZ_PAGE };
	f->list->phys[1] = (struct phys_vec){ SZ_2M, 2 * SZ_PAGE };
	f->area.page_offset = half;
	f->area.pages_node.start = 1;
	f->area.pages_node.last = 3;
	f->area.node.last = f->area.node.start + 4 * half - 1;
	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_ASSERT_GE(test, f->nr_calls, 2);
	KUNIT_EXPECT_EQ(test, f->calls[0].paddr, SZ_1M + SZ_PAGE + half);
	KUNIT_EXPECT_EQ(test, f->calls[0].size, half);
	KUNIT_EXPECT_EQ(test, f->calls[1].paddr, SZ_2M);
	expect_all(f);
	unfill(f);
}

/* Type1 takes an area apart anywhere */
static void no_large_pages_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G, SZ_2G, 64 * SZ_PAGE);
	unsigned int i;

	f->iopt.disable_large_pages = true;
	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->nr_calls, 64);
	for (i = 0; i < f->nr_calls; i++)
		KUNIT_EXPECT_EQ(test, f->calls[i].size, SZ_PAGE);
	expect_all(f);
	unfill(f);
}

/* Memory that is not at hand is made, and the fill goes on where it was */
static void short_of_memory_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	f->failures = 5;
	KUNIT_ASSERT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->failures, 0);
	expect_all(f);
	unfill(f);
}

/* But not for ever, and then nothing is left */
static void no_memory_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	f->failures = 1000;
	KUNIT_EXPECT_EQ(test, fill(f), -ENOMEM);
	KUNIT_EXPECT_GT(test, f->failures, 900);
	KUNIT_EXPECT_EQ(test, f->mapped, 0);
	KUNIT_EXPECT_NULL(test, f->area.storage_domain);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->pages.dmabuf.tracker));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&f->area.dmabuf_tracks));
	iopt_dmabuf_index_free(&f->pages.dmabuf);
}

/* The exporter says that it is coming: no table is begun after that */
static void revoke_meanwhile_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G + SZ_PAGE, SZ_2G, SZ_64M);

	f->revoke_at = 3;
	KUNIT_EXPECT_EQ(test, fill(f), 0);
	KUNIT_EXPECT_EQ(test, f->nr_calls, 3);
	KUNIT_EXPECT_EQ(test, f->mapped, 3 * SZ_2M - SZ_PAGE);
	/* The area is there as if the revoke had come later */
	KUNIT_EXPECT_PTR_EQ(test, f->area.storage_domain, &f->domain);
	unfill(f);
}

static void revoked_before_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G, SZ_2G, SZ_64M);

	KUNIT_EXPECT_EQ(test, iopt_dmabuf_fill_domain(&f->area, &f->domain), 0);
	KUNIT_EXPECT_EQ(test, f->nr_calls, 0);
	KUNIT_EXPECT_PTR_EQ(test, f->area.storage_domain, &f->domain);
	unfill(f);
}

/* An index is as large as it was made, which is for others to say */
static void index_room_test(struct kunit *test)
{
	struct fill *f = fill_setup(test, SZ_1G, SZ_1M, 3 * SZ_PAGE);
	struct iopt_pages_dmabuf *dmabuf = &f->pages.dmabuf;
	unsigned int i;

	f->list->length = 3;
	for (i = 0; i < 3; i++)
		f->list->phys[i] = (struct phys_vec){ SZ_1M * (i + 1), SZ_PAGE };
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(dmabuf, 2), 0);
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_index(dmabuf, 3, f->list), -ENOSPC);
	KUNIT_EXPECT_EQ(test, dmabuf->nr_runs, 3);
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_index_alloc(dmabuf, dmabuf->nr_runs),
			0);
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_index(dmabuf, 3, f->list), 0);
	iopt_dmabuf_index_free(dmabuf);
}

static struct kunit_case iopt_dmabuf_fill_tests[] = {
	KUNIT_CASE(large_pages_test),
	KUNIT_CASE(one_table_at_a_time_test),
	KUNIT_CASE(top_of_space_test),
	KUNIT_CASE(kinds_test),
	KUNIT_CASE(part_of_a_page_test),
	KUNIT_CASE(no_large_pages_test),
	KUNIT_CASE(short_of_memory_test),
	KUNIT_CASE(no_memory_test),
	KUNIT_CASE(revoke_meanwhile_test),
	KUNIT_CASE(revoked_before_test),
	KUNIT_CASE(index_room_test),
	{}
};

static struct kunit_suite iopt_dmabuf_fill_suite = {
	.name = "dma_buf_iommufd_fill",
	.test_cases = iopt_dmabuf_fill_tests,
};

kunit_test_suite(iopt_dmabuf_fill_suite);
