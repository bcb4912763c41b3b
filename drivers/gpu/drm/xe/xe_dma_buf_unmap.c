// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imported buffers whose exporter wants their memory back.
 *
 * What the GPU still does with the buffer is in the fences that the reservation
 * object has when the exporter says so. Nothing that comes later uses the old
 * mapping: it has to validate the object, which is in system memory now, and
 * that makes a new one. So the old one can go when those fences have signaled.
 * Nobody waits for them: a callback of the last one queues a work item, which
 * takes the lock for unmapping.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "xe_bo.h"
#include "xe_device.h"
#include "xe_dma_buf_unmap.h"

/**
 * struct xe_dma_buf_unmap - an object to be unmapped
 * @bo: the object, with a reference
 * @fence: what the GPU did when the exporter invalidated, with a reference
 * @cb: at @fence
 * @work: unmaps, and frees this
 */
struct xe_dma_buf_unmap {
	struct xe_bo *bo;
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	struct work_struct work;
};

static void unmap_work(struct work_struct *work)
{
	struct xe_dma_buf_unmap *unmap =
		container_of(work, struct xe_dma_buf_unmap, work);
	struct ttm_buffer_object *ttm_bo = &unmap->bo->ttm;

	dma_resv_lock(ttm_bo->base.resv, NULL);
	/* Or it was mapped again since, which has replaced the old mapping */
	if (ttm_bo->sg && xe_bo_is_mem_type(unmap->bo, XE_PL_SYSTEM))
		xe_bo_dma_unmap_pinned(unmap->bo);
	dma_resv_unlock(ttm_bo->base.resv);

	dma_fence_put(unmap->fence);
	xe_bo_put(unmap->bo);
	kfree(unmap);
}

static void unmap_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct xe_dma_buf_unmap *unmap =
		container_of(cb, struct xe_dma_buf_unmap, cb);

	queue_work(xe_bo_device(unmap->bo)->unordered_wq, &unmap->work);
}

/* Returns true if somebody will unmap when the GPU is done */
static bool unmap_later(struct xe_bo *bo, struct dma_fence *fence)
{
	struct xe_dma_buf_unmap *unmap = kzalloc_obj(*unmap);

	if (!unmap) {
		dma_fence_wait(fence, false);
		return false;
	}
	unmap->bo = xe_bo_get(bo);
	unmap->fence = dma_fence_get(fence);
	INIT_WORK(&unmap->work, unmap_work);
	if (!dma_fence_add_callback(fence, &unmap->cb, unmap_signaled))
		return true;

	/* It has signaled meanwhile. The caller has a reference on @bo. */
	dma_fence_put(unmap->fence);
	xe_bo_put(bo);
	kfree(unmap);
	return false;
}

/**
 * xe_dma_buf_unmap_idle - unmap an imported object as soon as it is idle
 * @bo: the object, which was evicted and which the caller keeps alive
 *
 * Context: The reservation lock of the object is held. Waits for the GPU only if
 * there is no memory to do without.
 */
void xe_dma_buf_unmap_idle(struct xe_bo *bo)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct dma_fence *fence = NULL;
	bool later = false;

	dma_resv_assert_held(resv);

	/* What is on the screen is pinned, and was not evicted */
	if (!bo->ttm.sg || !xe_bo_is_mem_type(bo, XE_PL_SYSTEM))
		return;
	if (dma_resv_get_singleton(resv, DMA_RESV_USAGE_BOOKKEEP, &fence))
		dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
				      MAX_SCHEDULE_TIMEOUT);
	if (fence)
		later = unmap_later(bo, fence);
	dma_fence_put(fence);
	if (!later)
		xe_bo_dma_unmap_pinned(bo);
}
