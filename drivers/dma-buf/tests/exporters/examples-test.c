// SPDX-License-Identifier: GPL-2.0-only
/*
 * The examples of Documentation/driver-api/dma-buf-mapping.rst, each exporter
 * with importers. For the private type see private-type-test.c.
 */
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/sizes.h>

#include "dma-buf-core.h"
#include "fake-domain.h"
#include "fake-p2p.h"

#include "example-bar.c"
#include "example-domain.c"
#include "example-gpu.c"
#include "example-importer.c"
#include "example-memory.c"

#define PAGES		4
#define SIZE		(PAGES * PAGE_SIZE)
#define BAR_START	((phys_addr_t)SZ_1G)

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

static void keep(struct kunit *test, struct dma_buf *dmabuf)
{
	KUNIT_ASSERT_FALSE(test, IS_ERR(dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer,
							dmabuf), 0);
}

/* The number of times that the importer's device was stopped */
static unsigned int stops;

static void device_stop(struct import *import)
{
	stops++;
}

static struct dma_buf *bar_buffer(struct kunit *test, struct fake_p2p *p2p)
{
	struct dma_buf *dmabuf = regs_export(&p2p->provider, BAR_START, SIZE);

	keep(test, dmabuf);
	return dmabuf;
}

static void bar_import_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct dma_buf *dmabuf = bar_buffer(test, p2p);
	struct import far = { .dev = fake_device(test, "far") };
	struct import near = { .dev = p2p->near };

	KUNIT_EXPECT_EQ(test, import_begin(&far, dmabuf), -EOPNOTSUPP);
	KUNIT_ASSERT_EQ(test, import_begin(&near, dmabuf), 0);
	stops = 0;
	KUNIT_EXPECT_EQ(test, import_map(&near), 0);
	KUNIT_EXPECT_EQ(test, import_map(&near), 0);
	KUNIT_ASSERT_NOT_NULL(test, near.sgt);
	KUNIT_EXPECT_EQ(test, sg_dma_address(near.sgt->sgl),
			BAR_START + p2p->provider.bus_offset);
	KUNIT_EXPECT_EQ(test, vfs_poll(dmabuf->file, NULL) & EPOLLHUP ? 1 : 0, 0);

	/* The mapping is gone before it returns, and does not come back */
	regs_revoke(dmabuf);
	KUNIT_EXPECT_NULL(test, near.sgt);
	KUNIT_EXPECT_EQ(test, stops, 1);
	KUNIT_EXPECT_EQ(test, import_map(&near), -ENODEV);
	KUNIT_EXPECT_EQ(test, vfs_poll(dmabuf->file, NULL) & EPOLLHUP ? 1 : 0, 1);
	KUNIT_EXPECT_EQ(test, import_begin(&far, dmabuf), -ENODEV);
	import_end(&near);
	KUNIT_EXPECT_EQ(test, stops, 1);
}

static void bar_domain_test(struct kunit *test)
{
	struct dma_buf *dmabuf = bar_buffer(test, fake_p2p(test));
	struct fake_domain *fake = fake_iommu_domain(test, SZ_512M, SIZE);
	struct dma_buf_domain_span span = {
		.offset = PAGE_SIZE,
		.length = 2 * PAGE_SIZE,
	};
	struct dma_buf_attachment *attach;

	KUNIT_EXPECT_PTR_EQ(test, area_begin(dmabuf, SIZE, PAGE_SIZE),
			    ERR_PTR(-EINVAL));
	attach = area_begin(dmabuf, PAGE_SIZE, 3 * PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_ASSERT_EQ(test, area_fill(attach, &span, &fake->domain, SZ_512M),
			0);
	KUNIT_EXPECT_EQ(test, fake->mapped, 2);
	KUNIT_EXPECT_EQ(test, fake->ptes[0].paddr, BAR_START + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, fake->ptes[0].prot,
			IOMMU_READ | IOMMU_WRITE | IOMMU_MMIO);

	regs_revoke(dmabuf);
	KUNIT_EXPECT_EQ(test, fake->mapped, 0);
	dma_buf_domain_clear(attach, &span);
	area_end(dmabuf, attach);
	KUNIT_EXPECT_PTR_EQ(test, area_begin(dmabuf, 0, PAGE_SIZE),
			    ERR_PTR(-ENODEV));
}

static void ram_release(struct dma_buf *dmabuf)
{
}

static void free_page_action(void *page)
{
	__free_page(page);
}

/* A buffer that contains the same page several times */
static struct dma_buf *page_buffer(struct kunit *test, struct ram *ram,
				   const struct dma_buf_ops *ops)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct page *page = alloc_page(GFP_KERNEL);
	struct dma_buf *dmabuf;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_action,
							page), 0);
	ram->nr = PAGES;
	ram->pages = kunit_kcalloc(test, PAGES, sizeof(*ram->pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ram->pages);
	for (i = 0; i < PAGES; i++)
		ram->pages[i] = page;
	info.ops = ops;
	info.size = SIZE;
	info.flags = O_RDWR;
	info.priv = ram;
	dmabuf = dma_buf_export(&info);
	keep(test, dmabuf);
	return dmabuf;
}

static void expect_scatterlist(struct kunit *test, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	attach = dma_buf_attach(dmabuf, fake_device(test, "importer"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	dma_buf_sgt_unmap_attachment_unlocked(attach, sgt, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
}

static void plain_test(struct kunit *test)
{
	struct ram ram;
	struct dma_buf *dmabuf = page_buffer(test, &ram, &ram_plain_ops);

	expect_scatterlist(test, dmabuf);
	KUNIT_EXPECT_PTR_EQ(test, area_begin(dmabuf, 0, SIZE),
			    ERR_PTR(-EOPNOTSUPP));
}

static void pages_test(struct kunit *test)
{
	struct ram ram;
	struct dma_buf *dmabuf = page_buffer(test, &ram, &ram_ops);
	struct fake_domain *fake = fake_iommu_domain(test, SZ_512M, SIZE);
	struct dma_buf_domain_span span = { .length = SIZE };
	struct dma_buf_attachment *attach;

	expect_scatterlist(test, dmabuf);
	attach = area_begin(dmabuf, 0, SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	KUNIT_ASSERT_EQ(test, area_fill(attach, &span, &fake->domain, SZ_512M),
			0);
	KUNIT_EXPECT_EQ(test, fake->mapped, PAGES);
	KUNIT_EXPECT_EQ(test, fake->ptes[3].paddr, page_to_phys(ram.pages[0]));
	KUNIT_EXPECT_EQ(test, fake->ptes[3].prot,
			IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE);
	dma_buf_domain_clear(attach, &span);
	area_end(dmabuf, attach);
}

/* The GPU's own addresses, which show where the buffer is */
#define VRAM	((dma_addr_t)SZ_1G)
#define SYSTEM	((dma_addr_t)SZ_2G)

static int gpu_move(struct gpu_bo *bo, bool vram)
{
	dma_resv_assert_held(bo->dmabuf->resv);

	if (bo->in_vram == vram)
		return 0;
	if (bo->nr_pinned)
		return -EBUSY;
	bo->in_vram = vram;
	dma_buf_invalidate_mappings(bo->dmabuf);
	return 0;
}

static struct sg_table *gpu_map_here(struct gpu_bo *bo, struct device *dev,
				     enum dma_data_direction dir)
{
	struct sg_table *sgt = kzalloc_obj(*sgt);

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, 1, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	sg_set_page(sgt->sgl, ZERO_PAGE(0), SIZE, 0);
	sg_dma_address(sgt->sgl) = bo->in_vram ? VRAM : SYSTEM;
	sg_dma_len(sgt->sgl) = SIZE;
	return sgt;
}

static void gpu_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	sg_free_table(sgt);
	kfree(sgt);
}

static void gpu_release(struct dma_buf *dmabuf)
{
}

static void gpu_buffer(struct kunit *test, struct gpu_bo *bo,
		       struct fake_p2p *p2p)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	*bo = (struct gpu_bo){ .pdev = &p2p->pdev, .may_migrate = true };
	info.ops = &gpu_dmabuf_ops;
	info.size = SIZE;
	info.priv = bo;
	bo->dmabuf = dma_buf_export(&info);
	keep(test, bo->dmabuf);
}

/* An importer that accepts peer-to-peer and system memory */
static struct import *any_import(struct kunit *test, struct gpu_bo *bo,
				 struct device *dev)
{
	static const struct dma_buf_attach_ops ops = {
		.allow_peer2peer = true,
		.invalidate_mappings = import_invalidate,
	};
	struct import *import = kunit_kzalloc(test, sizeof(*import), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, import);
	import->dev = dev;
	import->attach = dma_buf_dynamic_attach(bo->dmabuf, dev, &ops, import);
	KUNIT_ASSERT_FALSE(test, IS_ERR(import->attach));
	get_dma_buf(bo->dmabuf);
	return import;
}

static void expect_at(struct kunit *test, struct import *import,
		      dma_addr_t where)
{
	KUNIT_ASSERT_EQ(test, import_map(import), 0);
	KUNIT_EXPECT_EQ(test, sg_dma_address(import->sgt->sgl), where);
}

/* The GPU sleeps between two maps of an importer, and wakes up again */
static void gpu_sleep_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct import strict = { .dev = p2p->near };
	struct import *any;
	struct gpu_bo bo;

	gpu_buffer(test, &bo, p2p);
	any = any_import(test, &bo, p2p->near);
	KUNIT_ASSERT_EQ(test, import_begin(&strict, bo.dmabuf), 0);
	expect_at(test, any, VRAM);
	expect_at(test, &strict, VRAM);

	gpu_suspend(&bo, true);
	KUNIT_EXPECT_NULL(test, any->sgt);
	expect_at(test, any, SYSTEM);
	KUNIT_EXPECT_EQ(test, import_map(&strict), -EBUSY);

	gpu_suspend(&bo, false);
	expect_at(test, any, VRAM);
	expect_at(test, &strict, VRAM);
	import_end(&strict);
	import_end(any);
}

/* If one importer cannot reach VRAM, none is served there */
static void gpu_second_importer_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct import *near, *far;
	struct gpu_bo bo;

	gpu_buffer(test, &bo, p2p);
	near = any_import(test, &bo, p2p->near);
	expect_at(test, near, VRAM);
	far = any_import(test, &bo, fake_device(test, "far"));
	/* The first one keeps its mapping until the second maps */
	KUNIT_EXPECT_NOT_NULL(test, near->sgt);
	expect_at(test, far, SYSTEM);
	KUNIT_EXPECT_NULL(test, near->sgt);
	expect_at(test, near, SYSTEM);
	import_end(far);
	/* The choice holds until the exporter invalidates it */
	expect_at(test, near, SYSTEM);
	gpu_suspend(&bo, false);
	expect_at(test, near, VRAM);
	import_end(near);
}

static void gpu_pin_test(struct kunit *test)
{
	struct fake_p2p *p2p = fake_p2p(test);
	struct import strict = { .dev = p2p->near };
	struct import *far;
	struct gpu_bo bo;

	gpu_buffer(test, &bo, p2p);
	far = any_import(test, &bo, fake_device(test, "far"));
	dma_resv_lock(bo.dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(far->attach), 0);
	dma_resv_unlock(bo.dmabuf->resv);
	KUNIT_ASSERT_EQ(test, import_begin(&strict, bo.dmabuf), 0);
	KUNIT_EXPECT_EQ(test, import_map(&strict), -EBUSY);
	expect_at(test, far, SYSTEM);
	dma_resv_lock(bo.dmabuf->resv, NULL);
	dma_buf_unpin(far->attach);
	dma_resv_unlock(bo.dmabuf->resv);
	import_end(far);
	KUNIT_EXPECT_EQ(test, import_map(&strict), 0);
	import_end(&strict);
}

static struct kunit_case examples_tests[] = {
	KUNIT_CASE(bar_import_test),
	KUNIT_CASE(bar_domain_test),
	KUNIT_CASE(plain_test),
	KUNIT_CASE(pages_test),
	KUNIT_CASE(gpu_sleep_test),
	KUNIT_CASE(gpu_second_importer_test),
	KUNIT_CASE(gpu_pin_test),
	{}
};

static struct kunit_suite examples_suite = {
	.name = "dma_buf_examples",
	.init = fake_test_init,
	.test_cases = examples_tests,
};

kunit_test_suite(examples_suite);
