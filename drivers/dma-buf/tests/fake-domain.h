/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IOMMU domain that remembers what is mapped at each page.
 */
#ifndef _FAKE_DOMAIN_H
#define _FAKE_DOMAIN_H

#include <linux/iommu.h>

#include "mapping-test.h"

/* The mapping of a page of the domain; @paddr is 0 if there is none */
struct fake_pte {
	phys_addr_t paddr;
	int prot;
};

/**
 * struct fake_domain - an IOMMU domain
 * @domain: the domain
 * @test: the test
 * @iova: address of the first page that can be mapped
 * @granule: size of a page, PAGE_SIZE or less
 * @nr_pages: number of pages
 * @ptes: the mapping of each page
 * @mapped: number of pages that are mapped now
 * @maps: number of calls of map_pages
 * @syncs: number of calls of iotlb_sync_map
 * @sizes: the page sizes of all calls of map_pages, ORed
 * @longest: largest number of bytes in one call
 * @failures: this many calls of map_pages fail with -ENOMEM
 * @sync_failures: this many calls of iotlb_sync_map fail
 * @sync_error: the error of those
 * @fail_at: the n-th call fails with -EIO, counted from 1
 * @on_map: runs in each call
 */
struct fake_domain {
	struct iommu_domain domain;
	struct kunit *test;
	unsigned long iova;
	size_t granule;
	size_t nr_pages;
	struct fake_pte *ptes;
	size_t mapped;
	unsigned int maps;
	unsigned int syncs;
	size_t sizes;
	size_t longest;
	unsigned int failures;
	unsigned int sync_failures;
	int sync_error;
	unsigned int fail_at;
	void (*on_map)(struct fake_domain *fake);
};

struct fake_domain *fake_iommu_domain(struct kunit *test, unsigned long iova,
				      size_t size);

/* A span of @size bytes of the buffer from @offset on, where the domain begins */
static inline struct dma_buf_domain_span
fake_span(struct fake_domain *fake, size_t offset, size_t size)
{
	return (struct dma_buf_domain_span){
		.domain = &fake->domain,
		.iova = fake->iova,
		.offset = offset,
		.length = size,
		.prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
	};
}

#endif /* _FAKE_DOMAIN_H */
