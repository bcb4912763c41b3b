// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unmaps imported buffers whose exporter has invalidated them.
 *
 * When the exporter invalidates the buffer, the reservation object has fences for
 * everything that the GPU still does with the buffer. Nothing that comes later uses
 * the old mapping: it has to validate the object, which is in system memory now, and
 * that makes a new mapping. So xe can unmap the old one when those fences have
 * signaled.
 *
 * The callback does not wait for the fences. TTM's workqueue does, as it does for
 * objects that are freed while they are busy, and ttm_device_fini() drains it. So
 * the work ends before the device and the module are gone.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include <drm/ttm/ttm_device.h>

#include "xe_bo.h"
#include "xe_dma_buf_unmap.h"

/**
 * struct xe_dma_buf_unmap - an object to be unmapped
 * @bo: the object, with a reference
 * @nr_mapped: the mapping to be undone, see &xe_bo.nr_mapped
 * @fence: the GPU's work when the exporter invalidated, with a reference
 * @work: unmaps, and frees this struct
 */
struct xe_dma_buf_unmap {
	struct xe_bo *bo;
	unsigned int nr_mapped;
	struct dma_fence *fence;
	struct work_struct work;
};

static void unmap_work(struct work_struct *work)
{
	struct xe_dma_buf_unmap *unmap =
		container_of(work, struct xe_dma_buf_unmap, work);
	struct xe_bo *bo = unmap->bo;

	dma_fence_wait(unmap->fence, false);
	dma_resv_lock(bo->ttm.base.resv, NULL);
	/* A mapping that was made since has a number and fences of its own */
	if (bo->ttm.sg && bo->nr_mapped == unmap->nr_mapped)
		xe_bo_dma_unmap_pinned(bo);
	dma_resv_unlock(bo->ttm.base.resv);

	dma_fence_put(unmap->fence);
	xe_bo_put(bo);
	kfree(unmap);
}

static bool unmap_later(struct xe_bo *bo, struct dma_fence *fence)
{
	struct xe_dma_buf_unmap *unmap = kzalloc_obj(*unmap);

	if (!unmap)
		return false;
	unmap->bo = xe_bo_get(bo);
	unmap->nr_mapped = bo->nr_mapped;
	unmap->fence = dma_fence_get(fence);
	INIT_WORK(&unmap->work, unmap_work);
	queue_work(bo->ttm.bdev->wq, &unmap->work);
	return true;
}

/**
 * xe_dma_buf_unmap_idle - unmap an imported object as soon as it is idle
 * @bo: the object, which was evicted and which the caller keeps alive
 *
 * Context: The caller holds the reservation lock of the object. Waits for the GPU
 * only if it cannot allocate memory for the work item.
 */
void xe_dma_buf_unmap_idle(struct xe_bo *bo)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct dma_fence *fence = NULL;
	bool later = false;

	dma_resv_assert_held(resv);

	if (!bo->ttm.sg || !xe_bo_is_mem_type(bo, XE_PL_SYSTEM))
		return;
	if (dma_resv_get_singleton(resv, DMA_RESV_USAGE_BOOKKEEP, &fence))
		dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      MAX_SCHEDULE_TIMEOUT);
	if (fence && !dma_fence_is_signaled(fence)) {
		later = unmap_later(bo, fence);
		if (!later)
			dma_fence_wait(fence, false);
	}
	dma_fence_put(fence);
	if (!later)
		xe_bo_dma_unmap_pinned(bo);
}
