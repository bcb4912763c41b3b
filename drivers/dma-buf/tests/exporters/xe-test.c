// SPDX-License-Identifier: GPL-2.0-only
/*
 * xe as an exporter: the offers for each importer, and where the buffer may be after
 * that. And as an importer: what an invalidation leaves mapped.
 */
#include <linux/delay.h>

#define __drm_dev_dbg fake___drm_dev_dbg
#define drm_exec_cleanup fake_drm_exec_cleanup
#define drm_exec_lock_obj fake_drm_exec_lock_obj
#define drm_gem_dmabuf_mmap fake_drm_gem_dmabuf_mmap
#define drm_gem_dmabuf_release fake_drm_gem_dmabuf_release
#define drm_gem_dmabuf_vmap fake_drm_gem_dmabuf_vmap
#define drm_gem_dmabuf_vunmap fake_drm_gem_dmabuf_vunmap
#define drm_gem_object_free fake_drm_gem_object_free
#define drm_gem_prime_export fake_drm_gem_prime_export
#define drm_gpuvm_resv_object_alloc fake_drm_gpuvm_resv_object_alloc
#define drm_prime_pages_to_sg fake_drm_prime_pages_to_sg
#define ttm_bo_setup_export fake_ttm_bo_setup_export
#define xe_bo_can_migrate fake_xe_bo_can_migrate
#define xe_bo_dma_unmap_pinned fake_xe_bo_dma_unmap_pinned
#define xe_bo_evict fake_xe_bo_evict
#define xe_bo_init_locked fake_xe_bo_init_locked
#define xe_bo_is_vram fake_xe_bo_is_vram
#define xe_bo_lock fake_xe_bo_lock
#define xe_bo_migrate fake_xe_bo_migrate
#define xe_bo_pin_external fake_xe_bo_pin_external
#define xe_bo_put fake_xe_bo_put
#define xe_bo_set_purgeable_state fake_xe_bo_set_purgeable_state
#define xe_bo_unlock fake_xe_bo_unlock
#define xe_bo_unpin_external fake_xe_bo_unpin_external
#define xe_bo_validate fake_xe_bo_validate
#define xe_pm_runtime_get fake_xe_pm_runtime_get
#define xe_pm_runtime_put fake_xe_pm_runtime_put
#define xe_ttm_vram_mgr_alloc_sgt fake_xe_ttm_vram_mgr_alloc_sgt
#define xe_ttm_vram_mgr_free_sgt fake_xe_ttm_vram_mgr_free_sgt
#define xe_validation_ctx_fini fake_xe_validation_ctx_fini
#define xe_validation_ctx_init fake_xe_validation_ctx_init
#define xe_validation_should_retry fake_xe_validation_should_retry
#define xe_gem_prime_export fake_xe_gem_prime_export
#define xe_gem_prime_import fake_xe_gem_prime_import
#define xe_import_types fake_xe_import_types

#define xe_dma_buf_unmap_idle fake_xe_dma_buf_unmap_idle

#include "../../../gpu/drm/xe/xe_dma_buf.c"
#include "../../../gpu/drm/xe/xe_dma_buf_unmap.c"

#include "fake-fence.h"
#include "fake-p2p.h"
#include "never-called.h"

NEVER_CALLED(drm_exec_cleanup);
NEVER_CALLED(drm_exec_lock_obj);
NEVER_CALLED(drm_gem_dmabuf_mmap);
NEVER_CALLED(drm_gem_dmabuf_release);
NEVER_CALLED(drm_gem_dmabuf_vmap);
NEVER_CALLED(drm_gem_dmabuf_vunmap);
NEVER_CALLED(drm_gem_object_free);
NEVER_CALLED(drm_gem_prime_export);
NEVER_CALLED(drm_gpuvm_resv_object_alloc);
NEVER_CALLED(drm_prime_pages_to_sg);
NEVER_CALLED(ttm_bo_setup_export);
NEVER_CALLED(xe_bo_init_locked);
NEVER_CALLED(xe_bo_lock);
NEVER_CALLED(xe_bo_set_purgeable_state);
NEVER_CALLED(xe_bo_unlock);
NEVER_CALLED(xe_bo_unpin_external);
NEVER_CALLED(xe_ttm_vram_mgr_alloc_sgt);
NEVER_CALLED(xe_ttm_vram_mgr_free_sgt);
NEVER_CALLED(xe_validation_ctx_fini);
NEVER_CALLED(xe_validation_ctx_init);
NEVER_CALLED(xe_validation_should_retry);

/* Input and record of the fakes of xe; one test at a time */
static struct {
	bool can_migrate;
	int pm_refs;
	unsigned int migrated;
	unsigned int validated;
	unsigned int pinned;
	unsigned int evicted;
	unsigned int unmapped;
	unsigned int put;
	bool in_place;
	bool idle;
	bool on_screen;
	bool stays;
} gpu;

void __drm_dev_dbg(struct _ddebug *desc, const struct device *dev,
		   enum drm_debug_category category, const char *format, ...)
{
}

bool xe_bo_can_migrate(struct xe_bo *bo, u32 mem_type)
{
	return gpu.can_migrate;
}

bool xe_bo_is_vram(struct xe_bo *bo)
{
	return true;
}

/* Migration for a pin succeeds; a map goes no further than this */
int xe_bo_migrate(struct xe_bo *bo, u32 mem_type, struct ttm_operation_ctx *tctx,
		  struct drm_exec *exec)
{
	gpu.migrated++;
	return gpu.can_migrate ? 0 : -EINVAL;
}

int xe_bo_validate(struct xe_bo *bo, struct xe_vm *vm, bool allow_res_evict,
		   struct drm_exec *exec)
{
	gpu.validated++;
	return gpu.stays ? 0 : -ENOSPC;
}

int xe_bo_pin_external(struct xe_bo *bo, bool in_place, struct drm_exec *exec)
{
	gpu.pinned++;
	gpu.in_place = in_place;
	return 0;
}

int xe_bo_evict(struct xe_bo *bo, struct drm_exec *exec)
{
	gpu.evicted++;
	if (!gpu.on_screen)
		bo->ttm.resource->mem_type = XE_PL_SYSTEM;
	return 0;
}

int xe_bo_dma_unmap_pinned(struct xe_bo *bo)
{
	gpu.unmapped++;
	gpu.idle = dma_resv_test_signaled(bo->ttm.base.resv,
					  DMA_RESV_USAGE_BOOKKEEP);
	dma_buf_sgt_unmap_attachment(bo->ttm.base.import_attach, bo->ttm.sg,
				     DMA_BIDIRECTIONAL);
	bo->ttm.sg = NULL;
	return 0;
}

/* The test has a reference of its own */
void xe_bo_put(struct xe_bo *bo)
{
	gpu.put++;
	WARN_ON(!refcount_dec_not_one(&bo->ttm.base.refcount.refcount));
}

void xe_pm_runtime_get(struct xe_device *xe)
{
	gpu.pm_refs++;
}

void xe_pm_runtime_put(struct xe_device *xe)
{
	gpu.pm_refs--;
}

/**
 * struct xe_test - a buffer in VRAM
 * @bo: the buffer
 * @xe: the GPU
 * @p2p: its PCI function, and the devices that reach it
 * @resource: the place of @bo
 * @ops: xe's operations without the release of DRM
 * @dmabuf: the exported buffer
 */
struct xe_test {
	struct xe_bo bo;
	struct xe_device *xe;
	struct fake_p2p *p2p;
	struct ttm_resource resource;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
};

static void fake_release(struct dma_buf *dmabuf)
{
}

static void put_buffer(void *data)
{
	struct xe_test *t = data;

	dma_buf_put(t->dmabuf);
	flush_delayed_fput();
	kvfree(t->xe);
}

static struct xe_test *setup(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct xe_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	memset(&gpu, 0, sizeof(gpu));
	gpu.can_migrate = true;

	t->p2p = fake_p2p(test);
	t->ops = xe_dmabuf_ops;
	t->ops.release = fake_release;
	info.ops = &t->ops;
	info.size = FAKE_SIZE;
	info.priv = &t->bo.ttm.base;
	t->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer, t),
			0);

	t->xe = kvzalloc_obj(*t->xe);
	KUNIT_ASSERT_NOT_NULL(test, t->xe);
	t->xe->drm.dev = &t->p2p->pdev.dev;
	t->resource.mem_type = XE_PL_TT;
	t->xe->ttm.wq = system_percpu_wq;
	kref_init(&t->bo.ttm.base.refcount);
	t->bo.ttm.base.dev = &t->xe->drm;
	t->bo.ttm.base.resv = t->dmabuf->resv;
	t->bo.ttm.bdev = &t->xe->ttm;
	t->bo.ttm.resource = &t->resource;
	return t;
}

static struct dma_buf_attachment *attach(struct xe_test *t, bool peer,
					 struct device *dev)
{
	return dma_buf_dynamic_attach(t->dmabuf, dev,
				      peer ? &fake_p2p_ops : NULL, t);
}

struct xe_case {
	const char *name;
	bool peer;
	bool near;
	bool can_migrate;
	/* The expected result */
	int ret;
	bool vram;
};

static const struct xe_case xe_cases[] = {
	{ "peer, near", true, true, true, 0, true },
	{ "peer, near, VRAM only", true, true, false, 0, true },
	{ "peer, far", true, false, true, 0, false },
	{ "peer, far, VRAM only", true, false, false, -EOPNOTSUPP, false },
	{ "static importer", false, true, true, 0, false },
	{ "static importer, VRAM only", false, true, false, -EOPNOTSUPP, false },
};

KUNIT_ARRAY_PARAM_DESC(xe, xe_cases, name);

static void offer_test(struct kunit *test)
{
	const struct xe_case *c = test->param_value;
	struct xe_test *t = setup(test);
	struct dma_buf_attachment *made;

	gpu.can_migrate = c->can_migrate;
	made = attach(t, c->peer, c->near ? t->p2p->near :
					    fake_device(test, "far"));
	if (c->ret) {
		KUNIT_EXPECT_PTR_EQ(test, made, ERR_PTR(c->ret));
		KUNIT_EXPECT_EQ(test, gpu.pm_refs, 0);
		return;
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(made));
	KUNIT_EXPECT_EQ(test, dma_buf_sgt_p2p_allowed(made), c->vram);
	KUNIT_EXPECT_EQ(test, gpu.pm_refs, 1);
	dma_buf_detach(t->dmabuf, made);
	KUNIT_EXPECT_EQ(test, gpu.pm_refs, 0);
}

/* A peer's mapping stays in the buffer's preferred place */
static void map_test(struct kunit *test)
{
	struct xe_test *t = setup(test);
	struct dma_buf_attachment *peer;

	peer = attach(t, true, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_PTR_EQ(test, dma_buf_sgt_map_attachment_unlocked(peer,
								      DMA_TO_DEVICE),
			    ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_EQ(test, gpu.validated, 1);
	KUNIT_EXPECT_EQ(test, gpu.migrated, 0);
	dma_buf_detach(t->dmabuf, peer);
}

static int pin(struct dma_buf_attachment *attach)
{
	int ret;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ret = dma_buf_pin(attach);
	dma_resv_unlock(attach->dmabuf->resv);
	return ret;
}

static const struct dma_buf_mapping_match p2p_or_nothing[] = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_REQUIRES_P2P),
};

static const struct dma_buf_attach_ops p2p_or_nothing_ops = {
	.supported_mapping_types = p2p_or_nothing,
	.nr_supported_mapping_types = ARRAY_SIZE(p2p_or_nothing),
};

/* An importer that requires peer-to-peer gets nothing in system memory */
static void required_in_tt_test(struct kunit *test)
{
	struct xe_test *t = setup(test);
	struct dma_buf_attachment *peer;

	gpu.stays = true;
	peer = dma_buf_dynamic_attach(t->dmabuf, t->p2p->near,
				      &p2p_or_nothing_ops, t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_PTR_EQ(test,
			    dma_buf_sgt_map_attachment_unlocked(peer,
								DMA_TO_DEVICE),
			    ERR_PTR(-EBUSY));
	dma_buf_detach(t->dmabuf, peer);
}

/* One importer that cannot reach VRAM is enough to move the buffer */
static void pin_test(struct kunit *test)
{
	struct xe_test *t = setup(test);
	struct dma_buf_attachment *peer, *other;

	peer = attach(t, true, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_EQ(test, pin(peer), 0);
	KUNIT_EXPECT_EQ(test, gpu.migrated, 0);
	KUNIT_EXPECT_FALSE(test, gpu.in_place);

	other = attach(t, false, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_EQ(test, pin(peer), 0);
	KUNIT_EXPECT_EQ(test, gpu.migrated, 1);
	KUNIT_EXPECT_TRUE(test, gpu.in_place);
	KUNIT_EXPECT_EQ(test, gpu.pinned, 2);
	dma_buf_detach(t->dmabuf, other);
	dma_buf_detach(t->dmabuf, peer);
}

static void invalidate(struct fake_exporter *exp)
{
	dma_resv_lock(exp->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(exp->dmabuf);
	dma_resv_unlock(exp->dmabuf->resv);
}

/* xe as an importer of a buffer of @exp */
static struct dma_buf_attachment *import(struct kunit *test, struct xe_test *t,
					 struct fake_exporter *exp)
{
	struct ttm_buffer_object *bo = &t->bo.ttm;
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(exp->dmabuf, t->p2p->near,
					&xe_dma_buf_attach_ops, &bo->base);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	bo->base.import_attach = attach;
	bo->base.resv = exp->dmabuf->resv;
	bo->sg = dma_buf_sgt_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(bo->sg));
	return attach;
}

static void end_import(struct xe_test *t, struct fake_exporter *exp)
{
	struct ttm_buffer_object *bo = &t->bo.ttm;

	flush_workqueue(t->xe->ttm.wq);
	if (bo->sg)
		dma_buf_sgt_unmap_attachment_unlocked(bo->base.import_attach,
						      bo->sg,
						      DMA_BIDIRECTIONAL);
	dma_buf_detach(exp->dmabuf, bo->base.import_attach);
}

/* An idle GPU has nothing mapped when the callback has returned */
static void invalidate_idle_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct xe_test *t = setup(test);

	import(test, t, exp);
	invalidate(exp);
	KUNIT_EXPECT_EQ(test, gpu.evicted, 1);
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	invalidate(exp);
	KUNIT_EXPECT_EQ(test, gpu.evicted, 2);
	KUNIT_EXPECT_EQ(test, gpu.unmapped, 1);
	end_import(t, exp);
}

/* Returns the fence of the GPU's work */
static struct fake_fence *invalidate_busy(struct fake_exporter *exp)
{
	struct fake_fence *fence = fake_fence(exp, DMA_RESV_USAGE_BOOKKEEP);

	/* If the callback waits, the test fails and does not hang */
	schedule_delayed_work(&fence->work, 5 * HZ);
	invalidate(exp);
	return fence;
}

/* The callback does not wait for the GPU; the mapping stays until it is done */
static void invalidate_busy_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct xe_test *t = setup(test);
	struct fake_fence *fence;

	import(test, t, exp);
	fence = invalidate_busy(exp);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(&fence->base));
	KUNIT_EXPECT_EQ(test, exp->mapped, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&t->bo.ttm.base.refcount), 2);

	dma_fence_signal(&fence->base);
	flush_workqueue(t->xe->ttm.wq);
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	KUNIT_EXPECT_TRUE(test, gpu.idle);
	KUNIT_EXPECT_EQ(test, gpu.put, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&t->bo.ttm.base.refcount), 1);
	end_import(t, exp);
}

/* As xe_bo_move_dmabuf() does */
static void map_again(struct kunit *test, struct xe_test *t)
{
	struct ttm_buffer_object *bo = &t->bo.ttm;

	dma_buf_sgt_unmap_attachment_unlocked(bo->base.import_attach, bo->sg,
					      DMA_BIDIRECTIONAL);
	bo->sg = dma_buf_sgt_map_attachment_unlocked(bo->base.import_attach,
						     DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(bo->sg));
	t->bo.nr_mapped++;
	t->resource.mem_type = XE_PL_TT;
}

/* A mapping that was made since is not the old one */
static void invalidate_mapped_again_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct xe_test *t = setup(test);
	struct fake_fence *fence;

	import(test, t, exp);
	fence = invalidate_busy(exp);
	map_again(test, t);
	dma_fence_signal(&fence->base);
	flush_workqueue(t->xe->ttm.wq);
	KUNIT_EXPECT_EQ(test, gpu.unmapped, 0);
	KUNIT_EXPECT_EQ(test, gpu.put, 1);
	end_import(t, exp);
}

/* The same if that mapping is to go as well, and the GPU still uses it */
static void invalidate_twice_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct xe_test *t = setup(test);
	struct fake_fence *first, *second;

	import(test, t, exp);
	first = invalidate_busy(exp);
	map_again(test, t);
	second = invalidate_busy(exp);
	dma_fence_signal(&first->base);
	/* The second work item waits in the queue: nothing flushes it */
	while (READ_ONCE(gpu.put) < 1)
		msleep(20);
	KUNIT_EXPECT_EQ(test, gpu.unmapped, 0);
	KUNIT_EXPECT_EQ(test, exp->mapped, 1);

	dma_fence_signal(&second->base);
	flush_workqueue(t->xe->ttm.wq);
	KUNIT_EXPECT_EQ(test, gpu.unmapped, 1);
	KUNIT_EXPECT_TRUE(test, gpu.idle);
	KUNIT_EXPECT_EQ(test, exp->mapped, 0);
	end_import(t, exp);
}

static void invalidate_on_screen_test(struct kunit *test)
{
	struct fake_exporter *exp = fake_sgt_exporter(test, FAKE_SIMPLE);
	struct xe_test *t = setup(test);

	import(test, t, exp);
	gpu.on_screen = true;
	invalidate(exp);
	KUNIT_EXPECT_EQ(test, gpu.unmapped, 0);
	end_import(t, exp);
}

/* Another importer has the buffer pinned in system memory */
static void select_test(struct kunit *test)
{
	struct xe_test *t = setup(test);
	struct dma_buf_attachment *peer;

	peer = attach(t, true, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(peer));

	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(peer), 0);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(peer));
	dma_buf_mapping_unselect(peer);

	t->bo.ttm.pin_count = 1;
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(peer), 0);
	KUNIT_EXPECT_TRUE(test, dma_buf_sgt_p2p_allowed(peer));
	dma_buf_mapping_unselect(peer);
	/* fake_p2p_ops would look for a fake importer */
	peer->importer_ops = NULL;
	dma_buf_invalidate_mappings(t->dmabuf);
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(peer), 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(peer));
	dma_buf_mapping_unselect(peer);
	t->bo.ttm.pin_count = 0;
	dma_resv_unlock(t->dmabuf->resv);
	dma_buf_detach(t->dmabuf, peer);
}

static struct kunit_case xe_tests[] = {
	KUNIT_CASE_PARAM(offer_test, xe_gen_params),
	KUNIT_CASE(map_test),
	KUNIT_CASE(required_in_tt_test),
	KUNIT_CASE(pin_test),
	KUNIT_CASE(invalidate_idle_test),
	KUNIT_CASE(invalidate_busy_test),
	KUNIT_CASE(invalidate_mapped_again_test),
	KUNIT_CASE(invalidate_twice_test),
	KUNIT_CASE(invalidate_on_screen_test),
	KUNIT_CASE(select_test),
	{}
};

static struct kunit_suite xe_suite = {
	.name = "dma_buf_exporter_xe",
	.init = fake_test_init,
	.test_cases = xe_tests,
};

kunit_test_suite(xe_suite);
