// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of others that our device uses.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>

#include "virtgpu_drv.h"

/**
 * DOC: when the device has done with an import
 *
 * The device has been told the addresses of an imported buffer. Before they are
 * unmapped it is told to forget them, and has to answer. A host can take any
 * time for that, and nobody who has to do with the buffer may be kept for it: so
 *
 * - who frees the import leaves the rest to a work item, which waits without any
 *   lock, until the answer or the removal of the device comes,
 * - an exporter that takes the memory back, which holds the reservation lock, is
 *   kept for virtio_gpu_patience(). If there is no answer by then the addresses
 *   stay mapped, and the exporter does what it does with importers that unmap
 *   late.
 *
 * Memory that an exporter takes back for a time, as vfio-pci does for a reset, is not
 * attached again when it is back: there is no &dma_buf_attach_ops.restore_mappings
 * here. User space imports the buffer another time.
 *
 * All of &virtio_gpu_import is protected by the reservation lock of the buffer.
 */

/* As __GFP_NOFAIL: to go on without would leave the device at work on the buffer */
static struct virtio_gpu_fence *must_alloc_fence(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_fence *fence;

	while (!(fence = virtio_gpu_fence_alloc(vgdev,
						vgdev->fence_drv.context, 0)))
		schedule_timeout_uninterruptible(1);
	return fence;
}

/*
 * Tell the device to forget the addresses, once. Returns 0, or -ETIMEDOUT if
 * there was no room in the queue, and then it has to be told again.
 */
static int begin_detach(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object *bo)
{
	struct virtio_gpu_fence *fence;

	if (!bo->attached)
		return 0;

	fence = must_alloc_fence(vgdev);
	virtio_gpu_object_detach(vgdev, bo, fence);
	if (dma_fence_get_status(&fence->f) == -ETIMEDOUT) {
		bo->attached = true;
		dma_fence_put(&fence->f);
		return -ETIMEDOUT;
	}
	virtio_gpu_notify(vgdev);
	bo->import.detach = &fence->f;
	return 0;
}

/**
 * virtio_gpu_import_detach - make the device forget the addresses of an import
 * @bo: the import
 *
 * Context: Sleeps, for no longer than virtio_gpu_patience() twice. The caller
 * holds the reservation lock.
 *
 * Return: 0 if the device does not use them any more, -ETIMEDOUT if it may.
 */
int virtio_gpu_import_detach(struct virtio_gpu_object *bo)
{
	struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;
	long left;
	int ret;

	dma_resv_assert_held(bo->base.base.resv);

	ret = begin_detach(vgdev, bo);
	if (ret || !bo->import.detach)
		return ret;

	left = dma_fence_wait_timeout(bo->import.detach, false,
				      virtio_gpu_patience(&vgdev->ctrlq));
	virtio_gpu_note_silence(vgdev, &vgdev->ctrlq, !left);
	if (!left)
		return -ETIMEDOUT;

	dma_fence_put(bo->import.detach);
	bo->import.detach = NULL;
	return 0;
}

/* Returns false if it has to be tried again */
static bool wait_for_detach(struct virtio_gpu_device *vgdev,
			    struct virtio_gpu_object *bo)
{
	struct dma_resv *resv = bo->base.base.resv;
	struct dma_fence *fence;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = begin_detach(vgdev, bo);
	fence = bo->import.detach ? dma_fence_get(bo->import.detach) : NULL;
	dma_resv_unlock(resv);
	if (ret)
		return false;

	/* A kernel thread gets no signals: interruptible is not to be noticed */
	if (fence)
		dma_fence_wait(fence, true);
	dma_fence_put(fence);
	return true;
}

static struct virtio_gpu_object *next_import(struct virtio_gpu_imports *imports)
{
	struct virtio_gpu_object *bo;

	guard(spinlock)(&imports->lock);
	bo = list_first_entry_or_null(&imports->freed, struct virtio_gpu_object,
				      import.freed);
	if (bo)
		list_del_init(&bo->import.freed);
	return bo;
}

static void free_imports(struct work_struct *work)
{
	struct virtio_gpu_device *vgdev =
		container_of(work, struct virtio_gpu_device, imports.work);
	struct drm_device *dev = vgdev->ddev;
	struct virtio_gpu_object *bo;

	while ((bo = next_import(&vgdev->imports))) {
		while (!wait_for_detach(vgdev, bo))
			;
		virtgpu_dma_buf_free_obj(&bo->base.base);
	}
	/* Of virtio_gpu_import_free(), for the work as a whole */
	drm_dev_put(dev);
}

/**
 * virtio_gpu_imports_init - nothing is imported
 * @vgdev: the device
 */
void virtio_gpu_imports_init(struct virtio_gpu_device *vgdev)
{
	spin_lock_init(&vgdev->imports.lock);
	INIT_LIST_HEAD(&vgdev->imports.freed);
	INIT_WORK(&vgdev->imports.work, free_imports);
}

/**
 * virtio_gpu_import_free - nobody has this import any more
 * @obj: the import
 *
 * &drm_gem_object_funcs.free. As long as there is a host that may have to be
 * waited for, that is left to a work item, which the removal of the device waits
 * for after it has stopped the device.
 */
void virtio_gpu_import_free(struct drm_gem_object *obj)
{
	struct virtio_gpu_object *bo = gem_to_virtio_gpu_obj(obj);
	struct virtio_gpu_device *vgdev = obj->dev->dev_private;
	int idx;

	if (!drm_gem_is_imported(obj) || !drm_dev_enter(obj->dev, &idx)) {
		virtgpu_dma_buf_free_obj(obj);
		return;
	}

	spin_lock(&vgdev->imports.lock);
	list_add_tail(&bo->import.freed, &vgdev->imports.freed);
	spin_unlock(&vgdev->imports.lock);

	drm_dev_get(obj->dev);
	if (!queue_work(system_dfl_wq, &vgdev->imports.work))
		drm_dev_put(obj->dev);
	drm_dev_exit(idx);
}

/**
 * virtio_gpu_import_check - do addresses of an import mean something to the device?
 * @vgdev: the device that imports
 *
 * Importers are given DMA addresses. A device without VIRTIO_F_ACCESS_PLATFORM
 * takes what it is told for guest-physical addresses. If its accesses go
 * through an IOMMU as far as the DMA API knows, the two are not the same.
 *
 * Return: 0 if they do, -EOPNOTSUPP if not.
 */
int virtio_gpu_import_check(struct virtio_gpu_device *vgdev)
{
	struct iommu_domain *domain;

	if (virtio_gpu_use_dma_api(vgdev->vdev))
		return 0;

	domain = iommu_get_domain_for_dev(vgdev->vdev->dev.parent);
	return domain && domain->type & __IOMMU_DOMAIN_PAGING ? -EOPNOTSUPP : 0;
}
