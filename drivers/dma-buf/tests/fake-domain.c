// SPDX-License-Identifier: GPL-2.0-only
/*
 * An IOMMU domain that remembers what is mapped at each page.
 */
#include <linux/sizes.h>

#include "fake-domain.h"

static struct fake_domain *to_fake(struct iommu_domain *domain)
{
	return container_of(domain, struct fake_domain, domain);
}

static struct fake_pte *pte_of(struct fake_domain *fake, unsigned long iova)
{
	size_t i = (iova - fake->iova) / fake->granule;

	KUNIT_ASSERT_LT(fake->test, i, fake->nr_pages);
	return &fake->ptes[i];
}

static int fake_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fake_domain *fake = to_fake(domain);
	struct kunit *test = fake->test;
	size_t size = pgsize * pgcount, done;

	/* A revoke waits for the task that maps, which must not wait for memory */
	KUNIT_EXPECT_FALSE(test, gfpflags_allow_blocking(gfp));
	KUNIT_EXPECT_TRUE(test, gfp & __GFP_ACCOUNT);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(iova | paddr, pgsize));

	if (fake->failures) {
		fake->failures--;
		return -ENOMEM;
	}
	if (++fake->maps == fake->fail_at)
		return -EIO;
	for (done = 0; done < size; done += fake->granule) {
		struct fake_pte *pte = pte_of(fake, iova + done);

		KUNIT_EXPECT_EQ(test, pte->paddr, 0);
		*pte = (struct fake_pte){ paddr + done, prot };
		fake->mapped++;
	}
	fake->sizes |= pgsize;
	fake->longest = max(fake->longest, size);
	if (fake->on_map)
		fake->on_map(fake);
	*mapped = size;
	return 0;
}

static size_t fake_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fake_domain *fake = to_fake(domain);
	size_t size = pgsize * pgcount, done;

	for (done = 0; done < size; done += fake->granule) {
		struct fake_pte *pte = pte_of(fake, iova + done);

		KUNIT_EXPECT_NE(fake->test, pte->paddr, 0);
		*pte = (struct fake_pte){};
		fake->mapped--;
	}
	return size;
}

static int fake_sync_map(struct iommu_domain *domain, unsigned long iova,
			 size_t size)
{
	struct fake_domain *fake = to_fake(domain);

	fake->syncs++;
	if (!fake->sync_failures)
		return 0;
	fake->sync_failures--;
	return fake->sync_error;
}

static const struct iommu_domain_ops fake_domain_ops = {
	.map_pages = fake_map_pages,
	.unmap_pages = fake_unmap_pages,
	.iotlb_sync_map = fake_sync_map,
};

static void free_ptes(void *ptes)
{
	kvfree(ptes);
}

/**
 * fake_iommu_domain - make a domain
 * @test: the test
 * @iova: first address
 * @size: number of bytes that can be mapped from there on
 *
 * Return: The domain, with pages of 4 KiB, 2 MiB and 1 GiB.
 */
struct fake_domain *fake_iommu_domain(struct kunit *test, unsigned long iova,
				      size_t size)
{
	struct fake_domain *fake;

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	fake->test = test;
	fake->iova = iova;
	fake->granule = PAGE_SIZE;
	fake->nr_pages = size / PAGE_SIZE;
	fake->ptes = kvcalloc(fake->nr_pages, sizeof(*fake->ptes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->ptes);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_ptes,
							fake->ptes), 0);
	fake->domain.type = IOMMU_DOMAIN_UNMANAGED;
	fake->domain.ops = &fake_domain_ops;
	fake->domain.pgsize_bitmap = SZ_4K | SZ_2M | SZ_1G;
	return fake;
}
