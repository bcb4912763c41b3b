// SPDX-License-Identifier: GPL-2.0-only
/*
 * Areas of a dma-buf in iommufd: what iommufd asks the core to map where, and what is
 * left when that fails.
 */
#include <linux/delay.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "io_pagetable.h"

#define SZ_PAGE		((unsigned long)PAGE_SIZE)
#define IOVA		((unsigned long)SZ_1G)
#define PADDR		((phys_addr_t)SZ_2G)
#define BUF_PAGES	64

struct mock {
	struct iommu_domain domain;
	unsigned long iova;
	phys_addr_t paddr;
	size_t mapped;
	int prot;
	unsigned int maps;
	bool fails;
};

/* The exporter's result of a map, instead of its list */
static int away;

/**
 * struct dmabuf_test - an import of a part of a dma-buf, of one MMIO range
 * @dmabuf: the dma-buf
 * @list: the range
 * @iopt: an IOAS
 * @pages: the import: pages 8 to 23
 * @area: the area: from the middle of page 10 on, 8 pages
 * @mock: two domains
 */
struct dmabuf_test {
	struct dma_buf *dmabuf;
	struct dma_buf_phys_list *list;
	struct io_pagetable iopt;
	struct iopt_pages pages;
	struct iopt_area area;
	struct mock mock[2];
};

static int mock_map(struct iommu_domain *domain, unsigned long iova,
		    phys_addr_t paddr, size_t pgsize, size_t pgcount, int prot,
		    gfp_t gfp, size_t *mapped)
{
	struct mock *mock = container_of(domain, struct mock, domain);

	if (mock->fails)
		return -EIO;
	if (!mock->maps++) {
		mock->iova = iova;
		mock->paddr = paddr;
		mock->prot = prot;
	}
	*mapped = pgsize * pgcount;
	mock->mapped += *mapped;
	return 0;
}

static size_t mock_unmap(struct iommu_domain *domain, unsigned long iova,
			 size_t pgsize, size_t pgcount,
			 struct iommu_iotlb_gather *gather)
{
	struct mock *mock = container_of(domain, struct mock, domain);

	mock->mapped -= pgsize * pgcount;
	return pgsize * pgcount;
}

static const struct iommu_domain_ops mock_ops = {
	.map_pages = mock_map,
	.unmap_pages = mock_unmap,
};

static const struct dma_buf_phys_list *
test_map_phys(struct dma_buf_attachment *attach)
{
	if (away)
		return ERR_PTR(away);
	return ((struct dmabuf_test *)attach->dmabuf->priv)->list;
}

static void test_unmap_phys(struct dma_buf_attachment *attach,
			    const struct dma_buf_phys_list *list)
{
}

static const struct dma_buf_mapping_pal_exp_ops test_pal_ops = {
	.map_phys = test_map_phys,
	.unmap_phys = test_unmap_phys,
};

static int test_match(const struct dma_buf_match_args *args)
{
	const struct dma_buf_mapping_match exp =
		DMA_BUF_EMAPPING_PAL_P2P(&test_pal_ops, NULL);

	return dma_buf_match_mapping(args, &exp, 1);
}

static void test_release(struct dma_buf *dmabuf)
{
}

static const struct dma_buf_ops test_ops = {
	.match_mapping = test_match,
	.release = test_release,
};

static void init_area(struct dmabuf_test *t)
{
	t->pages.type = IOPT_ADDRESS_DMABUF;
	t->pages.npages = 16;
	t->pages.dmabuf.start = 8 * SZ_PAGE;
	t->pages.domains_itree = RB_ROOT_CACHED;
	mutex_init(&t->pages.mutex);

	t->area.iopt = &t->iopt;
	t->area.pages = &t->pages;
	t->area.iommu_prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;
	t->area.page_offset = SZ_PAGE / 2;
	t->area.node.start = IOVA;
	t->area.node.last = IOVA + 8 * SZ_PAGE - 1;
	t->area.pages_node.start = 2;
	t->area.pages_node.last = 10;
	xa_init(&t->iopt.domains);
}

static int dmabuf_test_init(struct kunit *test)
{
	struct dmabuf_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	away = 0;
	t->list = kunit_kzalloc(test, struct_size(t->list, phys, 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->list);
	t->list->length = 1;
	t->list->phys[0] = (struct phys_vec){ PADDR, BUF_PAGES * SZ_PAGE };

	for (i = 0; i < ARRAY_SIZE(t->mock); i++) {
		t->mock[i].domain.type = IOMMU_DOMAIN_UNMANAGED;
		t->mock[i].domain.ops = &mock_ops;
		t->mock[i].domain.pgsize_bitmap = SZ_PAGE / 2 | SZ_4K | SZ_2M;
	}
	init_area(t);

	info.ops = &test_ops;
	info.size = BUF_PAGES * SZ_PAGE;
	info.priv = t;
	t->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf));
	return iopt_dmabuf_import(&t->pages, t->dmabuf);
}

/* The import owns the reference on the dma-buf */
static void dmabuf_test_exit(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, t->mock[0].mapped + t->mock[1].mapped, 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&t->area.dmabuf_tracks));
	iopt_dmabuf_release(&t->pages);
	flush_delayed_fput();
	xa_destroy(&t->iopt.domains);
}

static void expect_filled(struct kunit *test, const struct mock *mock)
{
	KUNIT_EXPECT_EQ(test, mock->mapped, 8 * SZ_PAGE);
	KUNIT_EXPECT_EQ(test, mock->iova, IOVA);
	KUNIT_EXPECT_EQ(test, mock->paddr, PADDR + 10 * SZ_PAGE + SZ_PAGE / 2);
	KUNIT_EXPECT_EQ(test, mock->prot, IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);
}

static void unfill(struct dmabuf_test *t, struct mock *mock)
{
	guard(mutex)(&t->pages.mutex);
	iopt_dmabuf_unfill_domain(&t->area, &mock->domain);
}

/* One domain after the other, as they are attached to the IOAS */
static void fill_domain_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[0].domain), 0);
	expect_filled(test, &t->mock[0]);
	KUNIT_EXPECT_PTR_EQ(test, t->area.storage_domain, &t->mock[0].domain);
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[1].domain), 0);
	expect_filled(test, &t->mock[1]);
	KUNIT_EXPECT_PTR_EQ(test, t->area.storage_domain, &t->mock[0].domain);

	unfill(t, &t->mock[1]);
	KUNIT_EXPECT_EQ(test, t->mock[1].mapped, 0);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 8 * SZ_PAGE);
	unfill(t, &t->mock[0]);
}

/* All domains at once, as an area is added, and what a failure leaves */
static void fill_domains_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t->mock); i++)
		KUNIT_ASSERT_EQ(test, xa_err(xa_store(&t->iopt.domains, i,
						      &t->mock[i].domain,
						      GFP_KERNEL)), 0);
	t->iopt.next_domain_id = ARRAY_SIZE(t->mock);

	t->mock[1].fails = true;
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_fill_domains(&t->area, &t->pages),
			-EIO);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 0);
	KUNIT_EXPECT_NULL(test, t->area.storage_domain);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&t->area.dmabuf_tracks));

	t->mock[1].fails = false;
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domains(&t->area, &t->pages), 0);
	expect_filled(test, &t->mock[0]);
	expect_filled(test, &t->mock[1]);
	KUNIT_EXPECT_PTR_EQ(test, t->area.storage_domain, &t->mock[0].domain);
	iopt_dmabuf_unfill_domains(&t->area, &t->pages);
	KUNIT_EXPECT_NULL(test, t->area.storage_domain);
}

/* Type1 cuts an area at any page */
static void no_large_pages_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	t->iopt.disable_large_pages = true;
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[0].domain), 0);
	KUNIT_EXPECT_GE(test, t->mock[0].maps, 8);
	unfill(t, &t->mock[0]);
}

static void take(struct dmabuf_test *t, int error)
{
	dma_resv_lock(t->dmabuf->resv, NULL);
	away = error;
	dma_buf_invalidate_mappings(t->dmabuf);
	dma_resv_unlock(t->dmabuf->resv);
}

/* Give the buffer back, and wait for the core's work item */
static void give(struct dmabuf_test *t)
{
	dma_resv_lock(t->dmabuf->resv, NULL);
	away = 0;
	dma_buf_restore_mappings(t->dmabuf);
	dma_resv_unlock(t->dmabuf->resv);
	msleep(200);
}

static void revoked_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[0].domain), 0);
	take(t, -ENODEV);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 0);

	/* Success, as if the revoke had come later */
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[1].domain), 0);
	KUNIT_EXPECT_EQ(test, t->mock[1].maps, 0);
	unfill(t, &t->mock[1]);
	unfill(t, &t->mock[0]);
}

/* After an outage the dma-buf is in all domains that it is in by then */
static void restored_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;
	size_t i;

	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[0].domain), 0);
	take(t, -EAGAIN);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 0);
	KUNIT_EXPECT_FALSE(test, iopt_dmabuf_gone(&t->pages));
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[1].domain), 0);
	KUNIT_EXPECT_EQ(test, t->mock[1].maps, 0);
	give(t);
	for (i = 0; i < ARRAY_SIZE(t->mock); i++)
		expect_filled(test, &t->mock[i]);

	take(t, -EAGAIN);
	unfill(t, &t->mock[0]);
	give(t);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 0);
	KUNIT_EXPECT_EQ(test, t->mock[1].mapped, 8 * SZ_PAGE);
	dma_buf_hang_up(t->dmabuf);
	KUNIT_EXPECT_TRUE(test, iopt_dmabuf_gone(&t->pages));
	unfill(t, &t->mock[1]);
}

/* User space has asked for IOMMU_IOAS_MAP_STAY_REVOKED */
static void stays_revoked_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;

	KUNIT_EXPECT_PTR_EQ(test, iopt_dmabuf_stay_revoked(ERR_PTR(-EAGAIN)),
			    ERR_PTR(-ENODEV));
	KUNIT_EXPECT_PTR_EQ(test, iopt_dmabuf_stay_revoked(ERR_PTR(-EPERM)),
			    ERR_PTR(-EPERM));
	KUNIT_EXPECT_PTR_EQ(test, iopt_dmabuf_stay_revoked(&t->pages),
			    &t->pages);
	KUNIT_ASSERT_EQ(test, iopt_dmabuf_fill_domain(&t->area,
						      &t->mock[0].domain), 0);
	KUNIT_EXPECT_FALSE(test, iopt_dmabuf_gone(&t->pages));
	take(t, -EAGAIN);
	KUNIT_EXPECT_TRUE(test, iopt_dmabuf_gone(&t->pages));
	give(t);
	KUNIT_EXPECT_EQ(test, t->mock[0].mapped, 0);
	KUNIT_EXPECT_TRUE(test, iopt_dmabuf_gone(&t->pages));
	unfill(t, &t->mock[0]);
}

/* The values that user space can set, and those that it cannot */
static void event_option_test(struct kunit *test)
{
	struct dmabuf_test *t = test->priv;
	struct iommu_option cmd = { .op = IOMMU_OPTION_OP_GET };

	KUNIT_EXPECT_EQ(test, iopt_dmabuf_option_event(&cmd, &t->iopt),
			-EOPNOTSUPP);
	cmd.op = IOMMU_OPTION_OP_SET;
	cmd.val64 = INT_MAX;
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_option_event(&cmd, &t->iopt), -EBADF);
	cmd.val64 = (u64)INT_MAX + 1;
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_option_event(&cmd, &t->iopt), -EINVAL);
	cmd.val64 = U64_MAX;
	KUNIT_EXPECT_EQ(test, iopt_dmabuf_option_event(&cmd, &t->iopt), 0);
	/* No eventfd is set */
	iopt_dmabuf_event_signal(&t->iopt);
	iopt_dmabuf_event_fini(&t->iopt);
}

static struct kunit_case iopt_dmabuf_tests[] = {
	KUNIT_CASE(fill_domain_test),
	KUNIT_CASE(fill_domains_test),
	KUNIT_CASE(no_large_pages_test),
	KUNIT_CASE(revoked_test),
	KUNIT_CASE(restored_test),
	KUNIT_CASE(stays_revoked_test),
	KUNIT_CASE(event_option_test),
	{}
};

static struct kunit_suite iopt_dmabuf_suite = {
	.name = "dma_buf_iommufd",
	.init = dmabuf_test_init,
	.exit = dmabuf_test_exit,
	.test_cases = iopt_dmabuf_tests,
};

kunit_test_suite(iopt_dmabuf_suite);

MODULE_DESCRIPTION("KUnit tests of dma-bufs in iommufd");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
