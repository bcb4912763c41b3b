// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocation and end of commands to the device.
 */
#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "virtgpu_drv.h"

/**
 * virtio_gpu_vbufs_create - make the cache that commands are allocated from
 * @size: size of a command
 * @align: alignment of a command
 *
 * Each device has one. A removed device keeps its cache for as long as a process has
 * it open, so the names are numbered.
 *
 * Return: The cache or NULL.
 */
struct kmem_cache *virtio_gpu_vbufs_create(unsigned int size,
					   unsigned int align)
{
	static atomic_t number = ATOMIC_INIT(0);
	char name[32];

	snprintf(name, sizeof(name), "virtio-gpu-vbufs-%u",
		 (unsigned int)atomic_inc_return(&number));
	return kmem_cache_create(name, size, align, 0, NULL);
}

/* Signal a fence that no answer will signal, and send its event */
static void end_fence(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_fence *fence, int error)
{
	lockdep_assert_held(&vgdev->fence_drv.lock);

	dma_fence_set_error(&fence->f, error);
	dma_fence_signal_locked(&fence->f);
	if (fence->e) {
		drm_send_event(vgdev->ddev, &fence->e->base);
		fence->e = NULL;
	}
	/* An emitted fence is on the list, which has a reference */
	if (fence->fence_id) {
		list_del(&fence->node);
		dma_fence_put(&fence->f);
	}
}

/**
 * virtio_gpu_fail_fences - signal all fences that are not signaled yet
 * @vgdev: the device, which sends no more answers
 *
 * Their error is -ENODEV.
 */
void virtio_gpu_fail_fences(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_fence *fence, *next;

	guard(spinlock_irqsave)(&vgdev->fence_drv.lock);
	list_for_each_entry_safe(fence, next, &vgdev->fence_drv.fences, node)
		end_fence(vgdev, fence, -ENODEV);
}

/**
 * virtio_gpu_not_queued - release the objects and the fence of a command
 * @vgdev: the device
 * @objs: objects of the command, NULL for none
 * @fence: fence of the command, which may have been emitted, NULL for none
 * @error: the error with which queueing failed
 *
 * No answer to the command will come, so this signals its fence, sends the event of
 * the fence and drops the references on the objects.
 *
 * Context: May sleep. The caller does not hold the reservation locks of the objects.
 */
void virtio_gpu_not_queued(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object_array *objs,
			   struct virtio_gpu_fence *fence, int error)
{
	if (fence) {
		guard(spinlock_irqsave)(&vgdev->fence_drv.lock);
		/* virtio_gpu_fail_fences() may have ended an emitted fence */
		if (!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->f.flags))
			end_fence(vgdev, fence, error);
	}
	if (objs)
		virtio_gpu_array_put_free(objs);
}
