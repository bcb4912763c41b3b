// SPDX-License-Identifier: GPL-2.0-only
/*
 * xe as the importer of its VFs' buffers: where in VRAM they are, that no VF reaches
 * the VRAM of another one, and what happens to them when the provisioning changes. The
 * VRAM is fake.
 */
#define pci_iov_vf_id fake_pci_iov_vf_id
#define vram_region_gpu_offset iov_vram_region_gpu_offset
#define xe_bo_dma_unmap_pinned iov_xe_bo_dma_unmap_pinned
#define xe_bo_evict iov_xe_bo_evict
#define xe_bo_put iov_xe_bo_put
#define xe_dma_buf_iov_addr fake_xe_dma_buf_iov_addr
#define xe_dma_buf_iov_provide fake_xe_dma_buf_iov_provide
#define xe_dma_buf_iov_withdraw fake_xe_dma_buf_iov_withdraw
#define xe_dma_buf_map_import fake_xe_dma_buf_map_import
#define xe_dma_buf_unmap_import fake_xe_dma_buf_unmap_import
#define xe_import_types fake_xe_import_types

#include <linux/kconfig.h>

#ifdef CONFIG_PCI_IOV

#include "../../../gpu/drm/xe/xe_dma_buf_iov.c"

#include "dma-buf-core.h"
#include "fake-fence.h"
#include "mapping-test.h"
#include "trace-log.h"

#define VFS		2
#define TILES		XE_DMA_BUF_IOV_TILES
#define BLOCKS		2
#define PAGES(n)	((u64)(n) * PAGE_SIZE)
/* Start of a tile's VRAM in the GPU's address space */
#define TILE_BASE(tile)	((u64)(tile) << 40)

/**
 * struct fake_lmem - VRAM of a VF on one tile, of two blocks
 * @bo: the object
 * @res: its resource
 * @block: blocks of the allocator, not next to each other
 */
struct fake_lmem {
	struct xe_bo bo;
	struct xe_ttm_vram_mgr_resource res;
	struct gpu_buddy_block block[BLOCKS];
};

/**
 * struct xe_iov_test - a PF, two VFs, a buffer of one of them
 * @xe: the PF's GPU
 * @gt: the GTs of its tiles
 * @mgr: the VRAM managers of its tiles
 * @vfs: its VFs, the first entry is the PF
 * @lmem: the VRAM of each VF
 * @pf: PCI function of the PF
 * @vf: PCI functions of the VFs
 * @bus: the bus of the VFs
 * @exp: the exporter of the buffer
 * @of: the VF that the buffer belongs to
 * @range: the pieces of the buffer
 * @nr_ranges: length of @range
 * @bo: the PF's object for the buffer
 * @resource: the place of @bo, for TTM
 * @iov_mapped: number of mappings as IOV
 * @evicted: number of evictions of @bo
 * @idle: the GPU was done when @bo was unmapped
 */
struct xe_iov_test {
	struct xe_device *xe;
	struct xe_gt *gt[TILES];
	struct xe_ttm_vram_mgr mgr[TILES];
	struct xe_sriov_metadata vfs[1 + VFS];
	struct fake_lmem lmem[VFS][TILES];
	struct pci_dev pf;
	struct pci_dev vf[VFS];
	struct pci_bus bus;
	struct fake_exporter *exp;
	unsigned int of;
	struct dma_buf_iov_range range[2];
	unsigned int nr_ranges;
	struct xe_bo bo;
	struct ttm_resource resource;
	int iov_mapped;
	unsigned int evicted;
	bool idle;
};

/* One test at a time */
static struct xe_iov_test *current_test;

int pci_iov_vf_id(struct pci_dev *vf)
{
	return vf - current_test->vf;
}

u64 vram_region_gpu_offset(struct ttm_resource *res)
{
	return TILE_BASE(res->mem_type - XE_PL_VRAM0);
}

int xe_bo_evict(struct xe_bo *bo, struct drm_exec *exec)
{
	current_test->evicted++;
	bo->ttm.resource->mem_type = XE_PL_SYSTEM;
	return 0;
}

int xe_bo_dma_unmap_pinned(struct xe_bo *bo)
{
	current_test->idle = dma_resv_test_signaled(bo->ttm.base.resv,
						    DMA_RESV_USAGE_BOOKKEEP);
	xe_dma_buf_unmap_import(&bo->ttm);
	bo->ttm.sg = NULL;
	return 0;
}

void xe_bo_put(struct xe_bo *bo)
{
	WARN_ON(!refcount_dec_not_one(&bo->ttm.base.refcount.refcount));
}

static struct xe_iov_test *to_test(struct dma_buf_attachment *attach)
{
	return to_fake_exporter(attach->dmabuf)->test->priv;
}

static int look(struct dma_buf_attachment *attach, struct dma_buf_iov *iov)
{
	struct xe_iov_test *t = to_test(attach);

	iov->vf = &t->vf[t->of];
	iov->bar = LMEM_BAR;
	iov->nr_ranges = t->nr_ranges;
	return 0;
}

static void range(struct dma_buf_attachment *attach, unsigned int i,
		  struct dma_buf_iov_range *range)
{
	*range = to_test(attach)->range[i];
}

static int map_iov_of_vf(struct dma_buf_attachment *attach)
{
	to_test(attach)->iov_mapped++;
	return 0;
}

static void unmap_iov_of_vf(struct dma_buf_attachment *attach)
{
	to_test(attach)->iov_mapped--;
}

static const struct dma_buf_mapping_iov_exp_ops iov_ops = {
	.look = look,
	.range = range,
	.map_iov = map_iov_of_vf,
	.unmap_iov = unmap_iov_of_vf,
};

static int let_iov_select(struct fake_exporter *exp,
			  struct dma_buf_attachment *attach,
			  const struct dma_buf_match *matches,
			  unsigned int nr_matches)
{
	return dma_buf_iov_select(attach, matches, nr_matches);
}

static void invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops import_ops = {
	.supported_mapping_types = xe_import_types,
	.nr_supported_mapping_types = XE_NR_IMPORT_TYPES,
	.invalidate_mappings = invalidate,
};

/* 8 pages and 4, the second block before the first; each VF has its own */
static void make_lmem(struct xe_iov_test *t, unsigned int vf, unsigned int tile)
{
	struct fake_lmem *lmem = &t->lmem[vf][tile];
	u64 start = SZ_1G * (vf + 1);

	lmem->block[0].header = (start + SZ_16M) | 3;
	lmem->block[1].header = start | 2;
	INIT_LIST_HEAD(&lmem->res.blocks);
	list_add_tail(&lmem->block[0].link, &lmem->res.blocks);
	list_add_tail(&lmem->block[1].link, &lmem->res.blocks);
	lmem->res.base.mem_type = XE_PL_VRAM0 + tile;
	lmem->res.base.size = PAGES(12);
	lmem->res.base.bo = &lmem->bo.ttm;
	lmem->bo.ttm.base.size = PAGES(12);
	lmem->bo.ttm.bdev = &t->xe->ttm;
	lmem->bo.ttm.resource = &lmem->res.base;
}

/* The address of such a page */
static u64 lmem_addr(unsigned int vf, unsigned int tile, unsigned int page)
{
	u64 start = TILE_BASE(tile) + SZ_1G * (vf + 1);

	return page < 8 ? start + SZ_16M + PAGES(page) : start + PAGES(page - 8);
}

static void free_big(void *data)
{
	kvfree(data);
}

static void *alloc_big(struct kunit *test, size_t size)
{
	void *data = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_big, data),
			0);
	return data;
}

static void make_gpu(struct kunit *test, struct xe_iov_test *t)
{
	unsigned int tile, vf;

	t->xe = alloc_big(test, sizeof(*t->xe));
	t->xe->drm.dev = &t->pf.dev;
	t->xe->info.is_dgfx = 1;
	t->xe->sriov.__mode = XE_SRIOV_MODE_PF;
	t->xe->sriov.pf.driver_max_vfs = VFS;
	t->xe->sriov.pf.vfs = t->vfs;
	for (tile = 0; tile < TILES; tile++) {
		t->xe->tiles[tile].id = tile;
		t->xe->tiles[tile].xe = t->xe;
		t->gt[tile] = alloc_big(test, sizeof(*t->gt[tile]));
		t->gt[tile]->tile = &t->xe->tiles[tile];
		t->mgr[tile].mm.chunk_size = PAGE_SIZE;
		t->xe->ttm.man_drv[XE_PL_VRAM0 + tile] = &t->mgr[tile].manager;
		for (vf = 0; vf < VFS; vf++)
			make_lmem(t, vf, tile);
	}
}

static void make_functions(struct xe_iov_test *t)
{
	unsigned int i;

	t->pf.dev.bus = &pci_bus_type;
	t->pf.dev.init_name = "0000:03:00.0";
	t->bus.number = 3;
	for (i = 0; i < VFS; i++) {
		t->vf[i].dev.bus = &pci_bus_type;
		t->vf[i].dev.init_name = "0000:03:00.1";
		t->vf[i].bus = &t->bus;
		t->vf[i].is_virtfn = 1;
		t->vf[i].physfn = &t->pf;
		t->vf[i].resource[LMEM_BAR] = DEFINE_RES_MEM(SZ_1G, SZ_1M);
	}
}

static void provide(struct xe_iov_test *t, unsigned int vf, unsigned int tile)
{
	xe_dma_buf_iov_provide(t->gt[tile], vf + 1, &t->lmem[vf][tile].bo);
}

static void withdraw(struct xe_iov_test *t, unsigned int vf, unsigned int tile)
{
	xe_dma_buf_iov_withdraw(t->gt[tile], &t->lmem[vf][tile].bo);
}

static int xe_iov_test_init(struct kunit *test)
{
	struct xe_iov_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	current_test = t;
	make_functions(t);
	make_gpu(test, t);

	t->exp = fake_exporter(test, FAKE_MATCH);
	fake_let_select(t->exp);
	t->exp->on_select = let_iov_select;
	fake_export(t->exp, FAKE_SIZE);
	fake_offer(t->exp, DMA_BUF_EMAPPING_IOV(&iov_ops, &t->vf[0], LMEM_BAR));
	fake_offer(t->exp, DMA_BUF_EMAPPING_SGT(&fake_sgt_ops));
	t->range[0] = (struct dma_buf_iov_range){ 0, FAKE_SIZE };
	t->nr_ranges = 1;

	kref_init(&t->bo.ttm.base.refcount);
	t->resource.mem_type = XE_PL_TT;
	t->bo.ttm.base.dev = &t->xe->drm;
	t->bo.ttm.base.resv = t->exp->dmabuf->resv;
	t->bo.ttm.bdev = &t->xe->ttm;
	t->bo.ttm.resource = &t->resource;
	return fake_test_init(test);
}

static void import(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(t->exp->dmabuf, &t->pf.dev, &import_ops,
					&t->bo.ttm.base);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	t->bo.ttm.base.import_attach = attach;
}

/* As xe_bo_move_dmabuf() does */
static void map(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	KUNIT_ASSERT_NULL(test, t->bo.ttm.sg);
	dma_resv_lock(t->bo.ttm.base.resv, NULL);
	t->bo.ttm.sg = xe_dma_buf_map_import(&t->bo.ttm);
	t->resource.mem_type = XE_PL_TT;
	dma_resv_unlock(t->bo.ttm.base.resv);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(t->bo.ttm.sg));
}

static void unmap(struct xe_iov_test *t)
{
	dma_resv_lock(t->bo.ttm.base.resv, NULL);
	if (t->bo.ttm.sg)
		xe_dma_buf_unmap_import(&t->bo.ttm);
	t->bo.ttm.sg = NULL;
	dma_resv_unlock(t->bo.ttm.base.resv);
}

static void end_import(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	unmap(t);
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 0);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&t->vfs[1].iov.imports));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&t->vfs[2].iov.imports));
	dma_buf_detach(t->exp->dmabuf, t->bo.ttm.base.import_attach);
}

static void expect_sgt(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	KUNIT_EXPECT_NULL(test, xe_dma_buf_iov_addr(&t->bo));
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 0);
	KUNIT_EXPECT_EQ(test, t->exp->mapped, 1);
}

/* Page @page of the buffer is page @lmem_page of the VRAM of VF @vf on @tile */
static void expect_page(struct kunit *test, unsigned int page, unsigned int vf,
			unsigned int tile, unsigned int lmem_page)
{
	struct xe_iov_test *t = test->priv;
	const struct drm_pagemap_addr *addr = xe_dma_buf_iov_addr(&t->bo);
	struct xe_res_cursor cur;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	xe_res_first_dma(addr, PAGES(page), FAKE_SIZE - PAGES(page), &cur);
	KUNIT_EXPECT_TRUE(test, xe_res_is_vram(&cur));
	KUNIT_EXPECT_EQ_MSG(test, xe_res_dma(&cur),
			    lmem_addr(vf, tile, lmem_page), "page %u", page);
}

/* The first 12 pages of the BAR are on tile 0, and 12 on tile 1 */
struct quota_case {
	const char *name;
	unsigned int tiles;
	/* One piece from this page on, */
	unsigned int first;
	/* or a page here and three pages there */
	unsigned int other;
	/* Why it is SGT, NULL if it is IOV */
	const char *why;
};

static const struct quota_case quota_cases[] = {
	{ "at the start", 1, 0 },
	{ "inside", 1, 2 },
	{ "in two blocks", 1, 6 },
	{ "at the end", 1, 8 },
	{ "in two pieces", 1, 9, 1 },
	{ "on two tiles", 2, 10 },
	{ "on the second tile", 2, 13 },
	{ "at the end of the second tile", 2, 20 },
	{ "across the end", 1, 9, 0, "outside of the VF's VRAM" },
	{ "across the end of the second tile", 2, 21, 0,
	  "outside of the VF's VRAM" },
	{ "behind the end", 1, 12, 0, "outside of the VF's VRAM" },
	{ "second piece outside", 1, 1, 10, "outside of the VF's VRAM" },
	{ "no VRAM", 0, 0, 0, "VF has no VRAM" },
};

KUNIT_ARRAY_PARAM_DESC(quota, quota_cases, name);

static void expect_refused(struct kunit *test, const char *why)
{
	char *log = trace_log_end(test, "dma_buf_iov_refused");
	char line[64];

	snprintf(line, sizeof(line), "reason=\"%s\"\n", why);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(log, line), "no %s in %s", line,
				  log);
	expect_sgt(test);
}

static void quota_test(struct kunit *test)
{
	const struct quota_case *c = test->param_value;
	struct xe_iov_test *t = test->priv;
	unsigned int i, page;

	/* The other VF's VRAM is right behind, and out of reach */
	for (i = 0; i < TILES; i++)
		provide(t, 1, i);
	for (i = 0; i < c->tiles; i++)
		provide(t, 0, i);
	t->range[0].offset = PAGES(c->first);
	if (c->other) {
		t->range[0].length = PAGE_SIZE;
		t->range[1] = (struct dma_buf_iov_range){
			PAGES(c->other), FAKE_SIZE - PAGE_SIZE
		};
		t->nr_ranges = 2;
	}

	import(test);
	trace_log_begin(test, "dma_buf_iov_refused");
	map(test);
	if (c->why) {
		expect_refused(test, c->why);
	} else {
		trace_log_end(test, "dma_buf_iov_refused");
		for (i = 0; i < FAKE_PAGES; i++) {
			page = i && c->other ? c->other + i - 1 : c->first + i;
			expect_page(test, i, 0, page / 12, page % 12);
		}
		KUNIT_EXPECT_EQ(test, t->iov_mapped, 1);
		KUNIT_EXPECT_EQ(test, t->exp->mapped, 0);
	}
	end_import(test);
}

/* The same offset is another VF's own memory */
static void another_vf_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 0);
	provide(t, 1, 0);
	t->of = 1;
	import(test);
	map(test);
	expect_page(test, 0, 1, 0, 0);
	expect_page(test, 3, 1, 0, 3);
	/* Changes of the other VF have no effect */
	withdraw(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->evicted, 0);
	expect_page(test, 0, 1, 0, 0);
	end_import(test);
}

static void another_vf_without_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 0);
	t->of = 1;
	import(test);
	map(test);
	expect_sgt(test);
	end_import(test);
}

/* VRAM that is taken from the VF is in no page table, and not mapped again */
static void withdraw_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 0);
	import(test);
	map(test);
	expect_page(test, 0, 0, 0, 0);
	withdraw(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->evicted, 1);
	KUNIT_EXPECT_TRUE(test, t->idle);
	KUNIT_EXPECT_EQ(test, t->iov_mapped, 0);
	KUNIT_EXPECT_NULL(test, t->bo.ttm.sg);
	KUNIT_EXPECT_EQ(test, kref_read(&t->bo.ttm.base.refcount), 1);

	map(test);
	expect_sgt(test);
	end_import(test);
}

/* The same if nothing was mapped at that time */
static void withdraw_unmapped_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 0);
	import(test);
	map(test);
	unmap(t);
	withdraw(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->evicted, 0);
	map(test);
	expect_sgt(test);
	end_import(test);
}

/* The GPU still works on it: the VRAM stays the VF's until it is done */
static void withdraw_busy_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;
	struct fake_fence *fence;

	provide(t, 0, 0);
	import(test);
	map(test);
	fence = fake_fence(t->exp, DMA_RESV_USAGE_BOOKKEEP);
	schedule_delayed_work(&fence->work, HZ / 10);
	withdraw(t, 0, 0);
	KUNIT_EXPECT_TRUE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_EXPECT_TRUE(test, t->idle);
	end_import(test);
}

/* A tile before it gets VRAM: the same offset leads to another place */
static void reprovision_test(struct kunit *test)
{
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 1);
	import(test);
	map(test);
	expect_page(test, 0, 0, 1, 0);

	provide(t, 0, 0);
	KUNIT_EXPECT_EQ(test, t->evicted, 1);
	KUNIT_EXPECT_NULL(test, t->bo.ttm.sg);
	map(test);
	expect_page(test, 0, 0, 0, 0);

	withdraw(t, 0, 0);
	map(test);
	expect_page(test, 0, 0, 1, 0);
	end_import(test);
}

struct device_case {
	const char *name;
	bool integrated;
	bool need_64k;
	bool pinned;
	const char *why;
};

static const struct device_case device_cases[] = {
	{ "integrated", true, false, false,
	  "importer has no VRAM to give to VFs" },
	{ "64K", false, true, false, "VRAM needs pages of 64K" },
	{ "pinned", false, false, true, "importer has it on the screen" },
};

KUNIT_ARRAY_PARAM_DESC(device, device_cases, name);

static void refuse_test(struct kunit *test)
{
	const struct device_case *c = test->param_value;
	struct xe_iov_test *t = test->priv;

	provide(t, 0, 0);
	t->xe->info.is_dgfx = !c->integrated;
	t->xe->info.vram_flags = c->need_64k ? XE_VRAM_FLAGS_NEED64K : 0;
	t->bo.ttm.pin_count = c->pinned;
	import(test);
	trace_log_begin(test, "dma_buf_iov_refused");
	map(test);
	expect_refused(test, c->why);
	t->bo.ttm.pin_count = 0;
	end_import(test);
}

static struct kunit_case xe_iov_tests[] = {
	KUNIT_CASE_PARAM(quota_test, quota_gen_params),
	KUNIT_CASE(another_vf_test),
	KUNIT_CASE(another_vf_without_test),
	KUNIT_CASE(withdraw_test),
	KUNIT_CASE(withdraw_unmapped_test),
	KUNIT_CASE(withdraw_busy_test),
	KUNIT_CASE(reprovision_test),
	KUNIT_CASE_PARAM(refuse_test, device_gen_params),
	{}
};

#else /* !CONFIG_PCI_IOV */

#include <kunit/test.h>

static int xe_iov_test_init(struct kunit *test)
{
	return 0;
}

static void xe_iov_skipped(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI_IOV");
}

static struct kunit_case xe_iov_tests[] = {
	KUNIT_CASE(xe_iov_skipped),
	{}
};

#endif

static struct kunit_suite xe_iov_suite = {
	.name = "dma_buf_xe_iov",
	.init = xe_iov_test_init,
	.test_cases = xe_iov_tests,
};

kunit_test_suite(xe_iov_suite);
