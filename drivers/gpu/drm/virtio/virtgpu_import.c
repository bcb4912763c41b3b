// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of other devices that our device uses.
 */
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "virtgpu_drv.h"

/**
 * DOC: when the device has done with an import
 *
 * The device knows the addresses of an imported buffer. Before the driver unmaps them
 * it tells the device to forget them, and the device has to answer. A host can take
 * any time for that, and must not hold up the users of the buffer:
 *
 * - A task that frees the import leaves the rest to a work item, which waits without
 *   any lock until the device answers or is removed.
 * - An exporter that takes the memory back, with the reservation lock held, waits for
 *   at most virtio_gpu_patience(). If there is no answer by then the addresses stay
 *   mapped, and the exporter treats the import like any that unmaps late.
 *
 * Memory that an exporter takes back for a time, as vfio-pci does for a reset: another
 * work item attaches it again when the exporter has it back. The exporter does not wait
 * for that, and the work item holds the reservation lock for virtio_gpu_patience() at
 * most. If the exporter takes the memory away again at once, the map call fails. If the
 * host has not yet answered that it forgot the old addresses, the import stays detached
 * until the exporter takes the memory away and back another time.
 *
 * The reservation lock of the buffer protects &virtio_gpu_import.detach and
 * &virtio_gpu_object.attached. The restore of a suspended device writes @attached as
 * well: the work item is frozen then.
 */

/* As __GFP_NOFAIL: without a fence the device would stay at work on the buffer */
static struct virtio_gpu_fence *must_alloc_fence(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_fence *fence;

	while (!(fence = virtio_gpu_fence_alloc(vgdev,
						vgdev->fence_drv.context, 0)))
		schedule_timeout_uninterruptible(1);
	return fence;
}

/*
 * Tell the device to forget the addresses, once. Returns 0, or -ETIMEDOUT if there
 * was no room in the queue: the device does not know yet.
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
	/* One that signaled too late is of no use any longer */
	dma_fence_put(bo->import.detach);
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
 * Return: 0 if the device has stopped using them, -ETIMEDOUT if it may use them.
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

/* Returns false if the caller has to try again */
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

	/* A kernel thread gets no signals; the hung task detector ignores this state */
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
	/* Drop the reference that virtio_gpu_import_free() took for the work item */
	drm_dev_put(dev);
}

/*
 * Has the device forgotten the old addresses, so that it can have new ones? Returns
 * -EBUSY as long as it has not answered.
 */
static int end_detach(struct virtio_gpu_object *bo,
		      struct dma_buf_attachment *attach)
{
	if (bo->import.detach) {
		if (!dma_fence_is_signaled(bo->import.detach))
			return -EBUSY;
		dma_fence_put(bo->import.detach);
		bo->import.detach = NULL;
	}
	/* The host has answered after virtio_gpu_import_detach() gave up */
	if (bo->sgt)
		dma_buf_sgt_unmap_attachment(attach, bo->sgt, DMA_BIDIRECTIONAL);
	bo->sgt = NULL;
	return 0;
}

/* The fence bounds the wait for room in the queue, and has the error of the command */
static int send_backing(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object *bo,
			struct virtio_gpu_mem_entry *ents, unsigned int nents)
{
	struct virtio_gpu_fence *fence;
	int ret;

	fence = virtio_gpu_fence_alloc(vgdev, vgdev->fence_drv.context, 0);
	if (!fence) {
		kvfree(ents);
		return -ENOMEM;
	}
	virtio_gpu_cmd_resource_attach_backing(vgdev, bo->hw_res_handle, ents,
					       nents, fence);
	ret = min(dma_fence_get_status(&fence->f), 0);
	dma_fence_put(&fence->f);
	return ret;
}

static int map_and_send(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object *bo,
			struct dma_buf_attachment *attach)
{
	struct virtio_gpu_mem_entry *ents;
	unsigned int nents;
	int ret;

	ret = virtgpu_dma_buf_import_sgt(&ents, &nents, bo, attach);
	if (ret)
		return ret;
	ret = send_backing(vgdev, bo, ents, nents);
	if (ret) {
		dma_buf_sgt_unmap_attachment(attach, bo->sgt, DMA_BIDIRECTIONAL);
		bo->sgt = NULL;
		return ret;
	}
	bo->attached = true;
	virtio_gpu_notify(vgdev);
	return 0;
}

static int attach_again(struct virtio_gpu_device *vgdev,
			struct virtio_gpu_object *bo,
			struct dma_buf_attachment *attach)
{
	int ret;

	/* A modeset was faster */
	if (bo->attached)
		return 0;
	ret = end_detach(bo, attach);
	if (ret)
		return ret;
	ret = dma_buf_pin(attach);
	if (ret)
		return ret;
	ret = map_and_send(vgdev, bo, attach);
	dma_buf_unpin(attach);
	return ret;
}

static void restore_import(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object *bo)
{
	struct dma_buf_attachment *attach = bo->base.base.import_attach;
	struct dma_resv *resv = attach->dmabuf->resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = attach_again(vgdev, bo, attach);
	dma_resv_unlock(resv);

	/* The buffer is away again: the next restore comes here, or it is revoked */
	if (ret && ret != -EAGAIN && ret != -ENODEV)
		drm_err_ratelimited(vgdev->ddev,
				    "cannot attach an imported buffer again: %d\n",
				    ret);
}

static struct virtio_gpu_object *next_back(struct virtio_gpu_imports *imports)
{
	struct virtio_gpu_object *bo;

	guard(spinlock)(&imports->lock);
	bo = list_first_entry_or_null(&imports->back, struct virtio_gpu_object,
				      import.back);
	if (bo) {
		list_del(&bo->import.back);
		bo->import.queued = false;
	}
	return bo;
}

static void restore_imports(struct work_struct *work)
{
	struct virtio_gpu_device *vgdev =
		container_of(work, struct virtio_gpu_device, imports.restore);
	struct drm_device *dev = vgdev->ddev;
	struct virtio_gpu_object *bo;

	/* virtio_gpu_stop() comes before the unplug: after it the device takes no command */
	while ((bo = next_back(&vgdev->imports))) {
		if (!drm_dev_is_unplugged(dev))
			restore_import(vgdev, bo);
		drm_gem_object_put(&bo->base.base);
	}
	/* Drop the reference that virtio_gpu_import_restore() took for the work item */
	drm_dev_put(dev);
}

/**
 * virtio_gpu_imports_init - initialize the lists and the work items for imports
 * @vgdev: the device
 */
void virtio_gpu_imports_init(struct virtio_gpu_device *vgdev)
{
	spin_lock_init(&vgdev->imports.lock);
	INIT_LIST_HEAD(&vgdev->imports.freed);
	INIT_LIST_HEAD(&vgdev->imports.back);
	INIT_WORK(&vgdev->imports.work, free_imports);
	INIT_WORK(&vgdev->imports.restore, restore_imports);
}

/**
 * virtio_gpu_imports_end - end the work items for imports
 * @vgdev: the device, which is stopped and unplugged
 *
 * Context: Removal or shutdown of the device. Sleeps. A work item that is frozen, as
 * at the end of a hibernation, is done here.
 */
void virtio_gpu_imports_end(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_imports *imports = &vgdev->imports;

	/* First, because it may drop the last reference on an import */
	if (cancel_work_sync(&imports->restore))
		restore_imports(&imports->restore);
	flush_work(&imports->work);
}

/**
 * virtio_gpu_import_free - free an import without users
 * @obj: the import
 *
 * &drm_gem_object_funcs.free. While the device is there, its host may take long to
 * answer, so a work item does this. The removal of the device stops the device and
 * then waits for the work item.
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

/* Returns false if it is queued already, or is being freed */
static bool queue_back(struct virtio_gpu_imports *imports,
		       struct virtio_gpu_object *bo)
{
	guard(spinlock)(&imports->lock);
	if (bo->import.queued || !kref_get_unless_zero(&bo->base.base.refcount))
		return false;
	bo->import.queued = true;
	list_add_tail(&bo->import.back, &imports->back);
	return true;
}

/**
 * virtio_gpu_import_restore - the exporter has an imported buffer again
 * @attach: the attachment
 *
 * &dma_buf_attach_ops.restore_mappings. The device is given the addresses by a
 * work item, which has a reference on the object.
 *
 * Context: The exporter holds the reservation lock.
 */
void virtio_gpu_import_restore(struct dma_buf_attachment *attach)
{
	struct drm_gem_object *obj = attach->importer_priv;
	struct virtio_gpu_object *bo = gem_to_virtio_gpu_obj(obj);
	struct virtio_gpu_device *vgdev = obj->dev->dev_private;
	int idx;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* The import is being made, or the device has never been told to forget it */
	if (!bo->created || bo->attached || !drm_dev_enter(obj->dev, &idx))
		return;
	if (queue_back(&vgdev->imports, bo)) {
		drm_dev_get(obj->dev);
		/* Not while freeze and restore use the same members */
		if (!queue_work(system_freezable_wq, &vgdev->imports.restore))
			drm_dev_put(obj->dev);
	}
	drm_dev_exit(idx);
}

/**
 * virtio_gpu_import_error - what user space gets when an import failed
 * @error: the negative error of the exporter
 *
 * Return: @error, but -ENODEV for a buffer that is away for a time: libdrm repeats
 * an ioctl that returns EAGAIN, without a pause, until it returns something else.
 */
int virtio_gpu_import_error(int error)
{
	return error == -EAGAIN ? -ENODEV : error;
}

/**
 * virtio_gpu_import_check - can the device use the addresses of an import?
 * @vgdev: the device that imports
 *
 * Importers get DMA addresses. A device without VIRTIO_F_ACCESS_PLATFORM takes all
 * addresses for guest-physical ones. If the DMA API has the device behind an IOMMU,
 * the two differ.
 *
 * Return: 0 if it can, -EOPNOTSUPP if not.
 */
int virtio_gpu_import_check(struct virtio_gpu_device *vgdev)
{
	struct iommu_domain *domain;

	if (virtio_gpu_use_dma_api(vgdev->vdev))
		return 0;

	domain = iommu_get_domain_for_dev(vgdev->vdev->dev.parent);
	return domain && domain->type & __IOMMU_DOMAIN_PAGING ? -EOPNOTSUPP : 0;
}
