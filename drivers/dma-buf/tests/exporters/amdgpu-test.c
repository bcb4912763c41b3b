// SPDX-License-Identifier: GPL-2.0-only
/*
 * amdgpu as an exporter: the offers for each importer, how a sleeping GPU changes them,
 * and where the buffer may be after that.
 */
#define amdgpu_bo_pin fake_amdgpu_bo_pin
#define amdgpu_dmabuf_is_xgmi_accessible fake_amdgpu_dmabuf_is_xgmi_accessible
#define amdgpu_dma_buf_all_reach_vram fake_amdgpu_dma_buf_all_reach_vram
#define amdgpu_dma_buf_map_import fake_amdgpu_dma_buf_map_import
#define amdgpu_dma_buf_match_mapping fake_amdgpu_dma_buf_match_mapping
#define amdgpu_dma_buf_reaches_vram fake_amdgpu_dma_buf_reaches_vram
#define amdgpu_dma_buf_select_mapping fake_amdgpu_dma_buf_select_mapping
#define amdgpu_dma_buf_sgt_ops fake_amdgpu_dma_buf_sgt_ops
#define amdgpu_dma_buf_unmap_import fake_amdgpu_dma_buf_unmap_import
#define amdgpu_dmabuf_ops fake_amdgpu_dmabuf_ops
#define amdgpu_gem_prime_export fake_amdgpu_gem_prime_export
#define amdgpu_gem_prime_import fake_amdgpu_gem_prime_import
#define amdgpu_import_types fake_amdgpu_import_types
#define amdgpu_mapping_xgmi_type fake_amdgpu_mapping_xgmi_type
#define amdgpu_ttm_tt_is_over_xgmi fake_amdgpu_ttm_tt_is_over_xgmi
#define amdgpu_bo_placement_from_domain fake_amdgpu_bo_placement_from_domain
#define amdgpu_bo_unpin fake_amdgpu_bo_unpin
#define amdgpu_display_supported_domains fake_amdgpu_display_supported_domains
#define amdgpu_gem_object_create fake_amdgpu_gem_object_create
#define amdgpu_ttm_mmio_remap_alloc_sgt fake_amdgpu_ttm_mmio_remap_alloc_sgt
#define amdgpu_ttm_mmio_remap_free_sgt fake_amdgpu_ttm_mmio_remap_free_sgt
#define amdgpu_ttm_tt_get_usermm fake_amdgpu_ttm_tt_get_usermm
#define amdgpu_vm_bo_invalidate fake_amdgpu_vm_bo_invalidate
#define amdgpu_vm_bo_update_shared fake_amdgpu_vm_bo_update_shared
#define amdgpu_vm_clear_freed fake_amdgpu_vm_clear_freed
#define amdgpu_vm_handle_moved fake_amdgpu_vm_handle_moved
#define amdgpu_vm_ready fake_amdgpu_vm_ready
#define amdgpu_vram_mgr_alloc_sgt fake_amdgpu_vram_mgr_alloc_sgt
#define amdgpu_vram_mgr_free_sgt fake_amdgpu_vram_mgr_free_sgt
#define amdgpu_xgmi_same_hive fake_amdgpu_xgmi_same_hive
#define __drm_err fake___drm_err
#define drm_gem_dmabuf_mmap fake_drm_gem_dmabuf_mmap
#define drm_gem_dmabuf_release fake_drm_gem_dmabuf_release
#define drm_gem_dmabuf_vmap fake_drm_gem_dmabuf_vmap
#define drm_gem_dmabuf_vunmap fake_drm_gem_dmabuf_vunmap
#define drm_gem_object_free fake_drm_gem_object_free
#define drm_gem_prime_export fake_drm_gem_prime_export
#define drm_prime_pages_to_sg fake_drm_prime_pages_to_sg
#define pm_runtime_get_if_active fake_pm_runtime_get_if_active
#define __pm_runtime_suspend fake___pm_runtime_suspend
#define ttm_bo_move_to_lru_tail fake_ttm_bo_move_to_lru_tail
#define ttm_bo_setup_export fake_ttm_bo_setup_export
#define ttm_bo_validate fake_ttm_bo_validate

#include "../../../gpu/drm/amd/amdgpu/amdgpu_dma_buf.c"
#include "../../../gpu/drm/amd/amdgpu/amdgpu_dma_buf_types.c"

#include "dma-buf-core.h"
#include "fake-p2p.h"
#include "never-called.h"
#include "trace-log.h"

NEVER_CALLED(amdgpu_bo_unpin);
NEVER_CALLED(amdgpu_display_supported_domains);
NEVER_CALLED(amdgpu_gem_object_create);
NEVER_CALLED(amdgpu_ttm_mmio_remap_alloc_sgt);
NEVER_CALLED(amdgpu_ttm_mmio_remap_free_sgt);
NEVER_CALLED(amdgpu_ttm_tt_get_usermm);
NEVER_CALLED(amdgpu_vram_mgr_alloc_sgt);
NEVER_CALLED(amdgpu_vram_mgr_free_sgt);
NEVER_CALLED(drm_gem_dmabuf_mmap);
NEVER_CALLED(drm_gem_dmabuf_release);
NEVER_CALLED(drm_gem_dmabuf_vmap);
NEVER_CALLED(drm_gem_dmabuf_vunmap);
NEVER_CALLED(drm_gem_object_free);
NEVER_CALLED(drm_gem_prime_export);
NEVER_CALLED(drm_prime_pages_to_sg);
NEVER_CALLED(ttm_bo_move_to_lru_tail);
NEVER_CALLED(ttm_bo_setup_export);
NEVER_CALLED(__drm_err);

/* Input and record of the fakes of amdgpu; one test at a time */
static struct {
	int awake;
	u32 pinned_to;
	u32 placed_in;
	bool stays;
	const struct amdgpu_vm *stopped;
	const struct amdgpu_vm *updated;
	unsigned int updates;
	/* Its new place, if it may be moved */
	struct ttm_resource *goes_to;
} gpu;

bool amdgpu_xgmi_same_hive(struct amdgpu_device *adev,
			   struct amdgpu_device *bo_adev)
{
	return adev != bo_adev && adev->gmc.xgmi.hive_id &&
	       adev->gmc.xgmi.hive_id == bo_adev->gmc.xgmi.hive_id;
}

/* Both change the device's own count, as pm_runtime_get_noresume() does */
int pm_runtime_get_if_active(struct device *dev)
{
	if (gpu.awake == 1)
		atomic_inc(&dev->power.usage_count);
	return gpu.awake;
}

int __pm_runtime_suspend(struct device *dev, int rpmflags)
{
	if (rpmflags & RPM_GET_PUT)
		atomic_dec(&dev->power.usage_count);
	return 0;
}

void amdgpu_vm_bo_update_shared(struct amdgpu_bo *bo)
{
}

void amdgpu_vm_bo_invalidate(struct amdgpu_bo *bo, bool evicted)
{
}

bool amdgpu_vm_ready(struct amdgpu_vm *vm)
{
	return vm != gpu.stopped;
}

int amdgpu_vm_clear_freed(struct amdgpu_device *adev, struct amdgpu_vm *vm,
			  struct dma_fence **fence)
{
	gpu.updated = vm;
	return 0;
}

int amdgpu_vm_handle_moved(struct amdgpu_device *adev, struct amdgpu_vm *vm,
			   struct ww_acquire_ctx *ticket)
{
	gpu.updates++;
	return 0;
}

int amdgpu_bo_pin(struct amdgpu_bo *bo, u32 domain)
{
	gpu.pinned_to = domain;
	return 0;
}

void amdgpu_bo_placement_from_domain(struct amdgpu_bo *abo, u32 domain)
{
	gpu.placed_in = domain;
}

/* The map callback has set the placement, and fails here or finds the buffer there */
int ttm_bo_validate(struct ttm_buffer_object *bo,
		    struct ttm_placement *placement,
		    struct ttm_operation_ctx *ctx)
{
	if (gpu.goes_to)
		bo->resource = gpu.goes_to;
	return gpu.stays || gpu.goes_to ? 0 : -ENOSPC;
}

/**
 * struct amdgpu_test - a buffer in VRAM and another GPU
 * @bo: the buffer
 * @other_bo: the other GPU's object for it
 * @p2p: the exporter's PCI function, and the devices that reach it
 * @adev: the exporter's GPU
 * @other: the other one
 * @ops: amdgpu's operations without the release of DRM
 * @dmabuf: the exported buffer
 */
struct amdgpu_test {
	struct amdgpu_bo bo;
	struct amdgpu_bo other_bo;
	struct fake_p2p *p2p;
	struct amdgpu_device *adev;
	struct amdgpu_device *other;
	struct dma_buf_ops ops;
	struct dma_buf *dmabuf;
};

static void fake_release(struct dma_buf *dmabuf)
{
}

static void put_buffer(void *data)
{
	struct amdgpu_test *t = data;

	dma_buf_put(t->dmabuf);
	flush_delayed_fput();
	dma_resv_fini(&t->bo.tbo.base._resv);
}

static void free_device(void *adev)
{
	kvfree(adev);
}

static struct amdgpu_device *fake_gpu(struct kunit *test, const char *name)
{
	struct amdgpu_device *adev = kvzalloc_obj(*adev);

	KUNIT_ASSERT_NOT_NULL(test, adev);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_device,
							adev), 0);
	adev->dev = fake_device(test, name);
	adev->ddev.dev = adev->dev;
	return adev;
}

static struct amdgpu_test *setup(struct kunit *test)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct amdgpu_test *t;

	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	memset(&gpu, 0, sizeof(gpu));
	gpu.awake = 1;

	t->p2p = fake_p2p(test);
	t->adev = fake_gpu(test, "gpu");
	t->adev->pdev = &t->p2p->pdev;
	t->other = fake_gpu(test, "other-gpu");

	dma_resv_init(&t->bo.tbo.base._resv);
	t->bo.tbo.base.resv = &t->bo.tbo.base._resv;
	t->bo.tbo.bdev = &t->adev->mman.bdev;
	t->bo.preferred_domains = AMDGPU_GEM_DOMAIN_VRAM;
	t->bo.allowed_domains = AMDGPU_GEM_DOMAIN_VRAM | AMDGPU_GEM_DOMAIN_GTT;
	t->other_bo.tbo.bdev = &t->other->mman.bdev;

	t->ops = amdgpu_dmabuf_ops;
	t->ops.release = fake_release;
	info.ops = &t->ops;
	info.size = FAKE_SIZE;
	info.resv = t->bo.tbo.base.resv;
	info.priv = &t->bo.tbo.base;
	t->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer, t),
			0);
	return t;
}

/* The number of references that keep the GPU awake */
static int pm_refs(struct amdgpu_test *t)
{
	return atomic_read(&t->adev->ddev.dev->power.usage_count);
}

/* The importer: any device, or another GPU that amdgpu drives */
enum importer {
	STATIC,
	PEER,
	AMDGPU,
};

static struct dma_buf_attachment *attach(struct amdgpu_test *t,
					 enum importer who, struct device *dev)
{
	switch (who) {
	case STATIC:
		return dma_buf_attach(t->dmabuf, dev);
	case PEER:
		return dma_buf_dynamic_attach(t->dmabuf, dev, &fake_p2p_ops, t);
	default:
		return dma_buf_dynamic_attach(t->dmabuf, dev,
					      &amdgpu_dma_buf_attach_ops,
					      &t->other_bo.tbo.base);
	}
}

/* The expected result */
enum served {
	IN_GTT,
	OVER_PCI,
	OVER_XGMI,
};

struct amdgpu_case {
	const char *name;
	enum importer who;
	bool near;
	bool same_hive;
	bool compressed;
	int awake;
	enum served served;
};

static const struct amdgpu_case amdgpu_cases[] = {
	{ "static importer", STATIC, true, false, false, 1, IN_GTT },
	{ "peer, near", PEER, true, false, false, 1, OVER_PCI },
	{ "peer, far", PEER, false, false, false, 1, IN_GTT },
	{ "peer, near, compressed", PEER, true, false, true, 1, IN_GTT },
	{ "peer, near, asleep", PEER, true, false, false, 0, IN_GTT },
	{ "peer, near, no runtime PM", PEER, true, false, false, -EINVAL,
	  OVER_PCI },
	/* An importer that is not amdgpu does not get XGMI, in no hive */
	{ "peer, far, same hive", PEER, false, true, false, 1, IN_GTT },
	{ "amdgpu, far", AMDGPU, false, false, false, 1, IN_GTT },
	{ "amdgpu, near", AMDGPU, true, false, false, 1, OVER_PCI },
	{ "amdgpu, far, same hive", AMDGPU, false, true, false, 1, OVER_XGMI },
	/* Then it is never served over PCI */
	{ "amdgpu, near, same hive", AMDGPU, true, true, false, 1, OVER_XGMI },
	{ "amdgpu, far, same hive, no runtime PM", AMDGPU, false, true, false,
	  -EINVAL, OVER_XGMI },
	{ "amdgpu, far, same hive, compressed", AMDGPU, false, true, true, 1,
	  IN_GTT },
	{ "amdgpu, near, same hive, compressed", AMDGPU, true, true, true, 1,
	  IN_GTT },
	{ "amdgpu, far, same hive, asleep", AMDGPU, false, true, false, 0,
	  IN_GTT },
	{ "amdgpu, near, same hive, asleep", AMDGPU, true, true, false, 0,
	  IN_GTT },
};

KUNIT_ARRAY_PARAM_DESC(amdgpu, amdgpu_cases, name);

static void join_hive(struct amdgpu_test *t)
{
	t->adev->gmc.xgmi.hive_id = 0x1234;
	t->other->gmc.xgmi.hive_id = 0x1234;
}

static enum served served_by(struct dma_buf_attachment *attach)
{
	if (is_xgmi(attach))
		return OVER_XGMI;
	return dma_buf_sgt_p2p_allowed(attach) ? OVER_PCI : IN_GTT;
}

/* There is room in VRAM */
static struct ttm_resource in_vram = { .mem_type = TTM_PL_VRAM };
static struct ttm_resource in_gtt = { .mem_type = TTM_PL_TT };

static void expect_served(struct kunit *test, struct dma_buf_attachment *attach,
			  enum served served)
{
	dma_resv_lock(attach->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(attach), 0);
	KUNIT_EXPECT_EQ(test, served_by(attach), served);
	dma_buf_mapping_unselect(attach);
	dma_buf_mapping_renew(attach);
	dma_resv_unlock(attach->dmabuf->resv);
}

/* Map a scatterlist, up to the placement and no further */
static void expect_placed(struct kunit *test, struct dma_buf_attachment *attach,
			  enum served served)
{
	struct sg_table *sgt;

	gpu.goes_to = NULL;
	sgt = dma_buf_sgt_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	KUNIT_EXPECT_PTR_EQ(test, sgt, ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_EQ(test, !!(gpu.placed_in & AMDGPU_GEM_DOMAIN_VRAM),
			served == OVER_PCI);
	KUNIT_EXPECT_TRUE(test, gpu.placed_in & AMDGPU_GEM_DOMAIN_GTT);
}

static void offer_test(struct kunit *test)
{
	const struct amdgpu_case *c = test->param_value;
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *made;
	int refs = pm_refs(t);

	if (c->same_hive)
		join_hive(t);
	gpu.awake = c->awake;
	gpu.goes_to = &in_vram;
	if (c->compressed) {
		t->adev->ip_versions[GC_HWIP][0] = IP_VERSION(12, 0, 0);
		t->bo.flags |= AMDGPU_GEM_CREATE_GFX12_DCC;
	}

	made = attach(t, c->who, c->near ? t->p2p->near :
					   fake_device(test, "far"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(made));
	/* Also without runtime PM: detach() drops the reference in either case */
	KUNIT_EXPECT_EQ(test, pm_refs(t), refs + (c->served != IN_GTT));
	/* An importer over XGMI is not served over PCI */
	if (c->who == AMDGPU && c->same_hive)
		KUNIT_EXPECT_FALSE(test, dma_buf_attach_accepts_sgt_p2p(made));

	expect_served(test, made, c->served);
	if (c->who != STATIC && c->served != OVER_XGMI)
		expect_placed(test, made, c->served);
	dma_buf_detach(t->dmabuf, made);
	KUNIT_EXPECT_EQ(test, pm_refs(t), refs);
	t->bo.tbo.resource = NULL;
}

static struct dma_buf_attachment *attach_xgmi(struct kunit *test,
					      struct amdgpu_test *t)
{
	struct dma_buf_attachment *made;

	join_hive(t);
	made = attach(t, AMDGPU, fake_device(test, "far"));
	KUNIT_ASSERT_FALSE(test, IS_ERR(made));
	return made;
}

static void end_xgmi(struct amdgpu_test *t, struct dma_buf_attachment *attach)
{
	dma_buf_detach(t->dmabuf, attach);
	t->bo.tbo.pin_count = 0;
	t->bo.tbo.resource = NULL;
}

/* Over XGMI there is a mapping without a DMA address */
static void xgmi_map_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other = attach_xgmi(test, t);
	struct ttm_tt ttm = {};

	gpu.goes_to = &in_vram;
	dma_resv_lock(t->dmabuf->resv, NULL);
	ttm.sg = amdgpu_dma_buf_map_import(other);
	KUNIT_EXPECT_FALSE(test, IS_ERR_OR_NULL(ttm.sg));
	KUNIT_EXPECT_TRUE(test, amdgpu_ttm_tt_is_over_xgmi(&ttm));
	KUNIT_EXPECT_EQ(test, ttm.sg->nents, 0);
	KUNIT_EXPECT_EQ(test, gpu.placed_in, AMDGPU_GEM_DOMAIN_VRAM |
					     AMDGPU_GEM_DOMAIN_GTT);
	/* XGMI does not go through the BAR */
	KUNIT_EXPECT_FALSE(test, t->bo.flags &
				 AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED);
	KUNIT_EXPECT_EQ(test, to_core_attachment(other)->users, 1);
	amdgpu_dma_buf_unmap_import(other, ttm.sg);
	KUNIT_EXPECT_EQ(test, to_core_attachment(other)->users, 0);
	dma_resv_unlock(t->dmabuf->resv);

	ttm.sg = NULL;
	KUNIT_EXPECT_FALSE(test, amdgpu_ttm_tt_is_over_xgmi(&ttm));
	KUNIT_EXPECT_FALSE(test, amdgpu_ttm_tt_is_over_xgmi(NULL));
	end_xgmi(t, other);
}

struct xgmi_case {
	const char *name;
	struct ttm_resource *is_in;
	struct ttm_resource *goes_to;
	bool pinned;
	bool stranger;
	enum served served;
};

static const struct xgmi_case xgmi_cases[] = {
	{ "nowhere, room in VRAM", NULL, &in_vram, false, false, OVER_XGMI },
	{ "nowhere, no room in VRAM", NULL, &in_gtt, false, false, IN_GTT },
	{ "in VRAM", &in_vram, &in_vram, false, false, OVER_XGMI },
	{ "in GTT, and stays", &in_gtt, &in_gtt, false, false, IN_GTT },
	{ "pinned in VRAM", &in_vram, NULL, true, false, OVER_XGMI },
	{ "pinned in GTT", &in_gtt, NULL, true, false, IN_GTT },
	/* An importer cannot reach VRAM: the buffer does not move to and fro */
	{ "in VRAM, a stranger", &in_vram, &in_vram, false, true, IN_GTT },
	{ "pinned in VRAM, a stranger", &in_vram, NULL, true, true, OVER_XGMI },
};

KUNIT_ARRAY_PARAM_DESC(xgmi, xgmi_cases, name);

static void xgmi_select_test(struct kunit *test)
{
	const struct xgmi_case *c = test->param_value;
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other = attach_xgmi(test, t);
	struct dma_buf_attachment *stranger = NULL;

	if (c->stranger) {
		stranger = attach(t, STATIC, t->p2p->near);
		KUNIT_ASSERT_FALSE(test, IS_ERR(stranger));
	}
	t->bo.tbo.resource = c->is_in;
	t->bo.tbo.pin_count = c->pinned;
	gpu.goes_to = c->goes_to;
	expect_served(test, other, c->served);
	KUNIT_EXPECT_EQ(test, !gpu.placed_in, c->pinned || c->stranger);
	if (stranger)
		dma_buf_detach(t->dmabuf, stranger);
	end_xgmi(t, other);
}

/* A buffer that cannot be placed at all is an error, and nothing is chosen */
static void xgmi_no_room_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other = attach_xgmi(test, t);

	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_PTR_EQ(test, amdgpu_dma_buf_map_import(other),
			    ERR_PTR(-ENOSPC));
	KUNIT_EXPECT_FALSE(test, to_core_attachment(other)->chosen);
	KUNIT_EXPECT_EQ(test, to_core_attachment(other)->users, 0);
	dma_resv_unlock(t->dmabuf->resv);
	end_xgmi(t, other);
}

/* The buffer has moved after the choice: the next map chooses again */
static void xgmi_moved_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other = attach_xgmi(test, t);

	gpu.goes_to = &in_vram;
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(other), 0);
	dma_buf_mapping_unselect(other);
	t->bo.tbo.resource = &in_gtt;
	KUNIT_EXPECT_PTR_EQ(test, amdgpu_dma_buf_map_import(other),
			    ERR_PTR(-EBUSY));
	KUNIT_EXPECT_FALSE(test, to_core_attachment(other)->chosen);
	dma_resv_unlock(t->dmabuf->resv);
	gpu.goes_to = &in_gtt;
	expect_served(test, other, IN_GTT);
	end_xgmi(t, other);
}

/* A buffer whose domain is GTT offers nothing over XGMI */
static void xgmi_of_gtt_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other;

	t->bo.preferred_domains = AMDGPU_GEM_DOMAIN_GTT;
	join_hive(t);
	other = attach(t, AMDGPU, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_EXPECT_FALSE(test,
			   dma_buf_attach_accepts(other,
						  &amdgpu_mapping_xgmi_type));
	expect_served(test, other, OVER_PCI);
	end_xgmi(t, other);
}

/* An XGMI importer does not force the buffer into GTT */
static void xgmi_pin_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other = attach_xgmi(test, t);

	gpu.goes_to = &in_vram;
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(other), 0);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, gpu.pinned_to, t->bo.allowed_domains);
	KUNIT_EXPECT_EQ(test, served_by(other), OVER_XGMI);
	end_xgmi(t, other);
}

static void xgmi_trace_test(struct kunit *test)
{
	static const char *const expected[] = {
		".gpu)\" importer=\"XGMI\" result=-95 reason=\"GPUs are not in one hive\"\n",
		".near P2P)\" result=0 reason=\"matched\"\n",
	};
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *other;
	const char *log;
	size_t i;

	trace_log_begin(test, "dma_buf_mapping_match");
	other = attach(t, AMDGPU, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	end_xgmi(t, other);
	log = trace_log_end(test, "dma_buf_mapping_match");
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(log, expected[i]),
					  "no %s in %s", expected[i], log);
}

/* One importer that cannot reach VRAM is enough */
static void pin_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *peer, *other;

	peer = attach(t, PEER, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(peer), 0);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, gpu.pinned_to, t->bo.allowed_domains);

	other = attach(t, STATIC, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(peer), 0);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, gpu.pinned_to, AMDGPU_GEM_DOMAIN_GTT);
	dma_buf_detach(t->dmabuf, other);
	dma_buf_detach(t->dmabuf, peer);
}

/* A buffer that is pinned in GTT is not moved for a peer */
static void pinned_in_gtt_test(struct kunit *test)
{
	struct ttm_resource gtt = { .mem_type = TTM_PL_TT };
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *peer;

	t->bo.tbo.resource = &gtt;
	t->bo.tbo.pin_count = 1;
	peer = attach(t, PEER, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_mapping_select(peer), 0);
	KUNIT_EXPECT_FALSE(test, dma_buf_sgt_p2p_allowed(peer));
	dma_buf_mapping_unselect(peer);
	dma_resv_unlock(t->dmabuf->resv);
	dma_buf_detach(t->dmabuf, peer);
	t->bo.tbo.pin_count = 0;
	t->bo.tbo.resource = NULL;
}

/* If the GPU was asleep during an attach, the buffer is pinned in GTT */
static void pin_asleep_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *peer;

	gpu.awake = 0;
	peer = attach(t, PEER, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	dma_resv_lock(t->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(peer), 0);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, gpu.pinned_to, AMDGPU_GEM_DOMAIN_GTT);
	dma_buf_detach(t->dmabuf, peer);
}

static const struct dma_buf_mapping_match p2p_or_nothing[] = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_REQUIRES_P2P),
};

static const struct dma_buf_attach_ops p2p_or_nothing_ops = {
	.supported_mapping_types = p2p_or_nothing,
	.nr_supported_mapping_types = ARRAY_SIZE(p2p_or_nothing),
};

/* An importer that requires peer-to-peer gets nothing from a GPU that sleeps */
static void required_asleep_test(struct kunit *test)
{
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *peer;

	gpu.awake = 0;
	peer = dma_buf_dynamic_attach(t->dmabuf, t->p2p->near,
				      &p2p_or_nothing_ops, t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_PTR_EQ(test,
			    dma_buf_sgt_map_attachment_unlocked(peer,
								DMA_TO_DEVICE),
			    ERR_PTR(-EBUSY));
	KUNIT_EXPECT_EQ(test, gpu.placed_in, 0);
	dma_buf_detach(t->dmabuf, peer);
}

/* Nor does it get a buffer that can only be in system memory */
static void required_in_gtt_test(struct kunit *test)
{
	struct ttm_resource gtt = { .mem_type = TTM_PL_TT };
	struct amdgpu_test *t = setup(test);
	struct dma_buf_attachment *peer;

	t->bo.tbo.resource = &gtt;
	t->bo.preferred_domains = AMDGPU_GEM_DOMAIN_GTT;
	gpu.stays = true;
	peer = dma_buf_dynamic_attach(t->dmabuf, t->p2p->near,
				      &p2p_or_nothing_ops, t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));
	KUNIT_EXPECT_PTR_EQ(test,
			    dma_buf_sgt_map_attachment_unlocked(peer,
								DMA_TO_DEVICE),
			    ERR_PTR(-EBUSY));
	dma_buf_detach(t->dmabuf, peer);
	t->bo.tbo.resource = NULL;
}

/* An address space with its root, and the buffer in it */
static struct amdgpu_vm *fake_vm(struct kunit *test,
				 struct amdgpu_vm_bo_base *base)
{
	struct amdgpu_vm *vm = kunit_kzalloc(test, sizeof(*vm), GFP_KERNEL);
	struct amdgpu_bo *root = kunit_kzalloc(test, sizeof(*root), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vm);
	KUNIT_ASSERT_NOT_NULL(test, root);
	dma_resv_init(&root->tbo.base._resv);
	root->tbo.base.resv = &root->tbo.base._resv;
	vm->root.bo = root;
	base->vm = vm;
	return vm;
}

static void free_fake_vm(struct kunit *test, struct amdgpu_vm *vm)
{
	KUNIT_EXPECT_FALSE(test, dma_resv_is_locked(vm->root.bo->tbo.base.resv));
	dma_resv_fini(&vm->root.bo->tbo.base._resv);
}

/* The page tables of a process that was killed are not updated */
static void move_stopped_test(struct kunit *test)
{
	struct ttm_resource gtt = { .mem_type = TTM_PL_TT };
	struct amdgpu_test *t = setup(test);
	struct amdgpu_vm_bo_base base[2] = {};
	struct amdgpu_vm *stopped = fake_vm(test, &base[0]);
	struct amdgpu_vm *ready = fake_vm(test, &base[1]);
	struct dma_buf_attachment *peer;

	t->other_bo.tbo.base.resv = t->dmabuf->resv;
	t->other_bo.tbo.resource = &gtt;
	t->other_bo.vm_bo = &base[0];
	base[0].next = &base[1];
	gpu.stays = true;
	gpu.stopped = stopped;
	peer = attach(t, AMDGPU, t->p2p->near);
	KUNIT_ASSERT_FALSE(test, IS_ERR(peer));

	dma_resv_lock(t->dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(t->dmabuf);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, gpu.updates, 1);
	KUNIT_EXPECT_PTR_EQ(test, gpu.updated, ready);
	dma_buf_detach(t->dmabuf, peer);
	free_fake_vm(test, stopped);
	free_fake_vm(test, ready);
}

static void no_ranges_test(struct kunit *test)
{
	struct dma_buf_mapping_match imp = fake_domain();
	struct amdgpu_test *t = setup(test);
	int refs = pm_refs(t);

	KUNIT_EXPECT_PTR_EQ(test, dma_buf_mapping_attach(t->dmabuf, &imp, 1,
							 &fake_p2p_ops, t),
			    ERR_PTR(-EOPNOTSUPP));
	KUNIT_EXPECT_EQ(test, pm_refs(t), refs);
}

static struct kunit_case amdgpu_tests[] = {
	KUNIT_CASE_PARAM(offer_test, amdgpu_gen_params),
	KUNIT_CASE(xgmi_map_test),
	KUNIT_CASE_PARAM(xgmi_select_test, xgmi_gen_params),
	KUNIT_CASE(xgmi_no_room_test),
	KUNIT_CASE(xgmi_moved_test),
	KUNIT_CASE(xgmi_of_gtt_test),
	KUNIT_CASE(xgmi_pin_test),
	KUNIT_CASE(xgmi_trace_test),
	KUNIT_CASE(pin_test),
	KUNIT_CASE(pinned_in_gtt_test),
	KUNIT_CASE(pin_asleep_test),
	KUNIT_CASE(required_asleep_test),
	KUNIT_CASE(required_in_gtt_test),
	KUNIT_CASE(move_stopped_test),
	KUNIT_CASE(no_ranges_test),
	{}
};

static struct kunit_suite amdgpu_suite = {
	.name = "dma_buf_exporter_amdgpu",
	.init = fake_test_init,
	.test_cases = amdgpu_tests,
};

kunit_test_suite(amdgpu_suite);
