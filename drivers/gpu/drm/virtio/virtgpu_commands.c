// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of commands to the device.
 */
#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/slab.h>

#include "virtgpu_drv.h"

/**
 * virtio_gpu_vbufs_create - make the cache that commands are allocated from
 * @size: of a command
 * @align: of a command
 *
 * Each device has one, and one that is removed keeps its own for as long as
 * somebody has it open, so the names are numbered.
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

/* Signal a fence that no answer will signal, and tell who polls for it */
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
	/* Emitted: it is on the list, which has a reference */
	if (fence->fence_id) {
		list_del(&fence->node);
		dma_fence_put(&fence->f);
	}
}

/**
 * virtio_gpu_fail_fences - signal all fences that are not signaled yet
 * @vgdev: the device, which answers nothing any more
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
 * virtio_gpu_not_queued - let go of what a command would have held
 * @vgdev: the device
 * @objs: its objects, NULL for none
 * @fence: its fence, which may have been emitted, NULL for none
 * @error: why it was not queued
 *
 * Nobody answers the command, and so nobody else signals its fence, sends the
 * event of that or drops the references on the objects.
 *
 * Context: May sleep. The reservation locks of the objects are not held.
 */
void virtio_gpu_not_queued(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object_array *objs,
			   struct virtio_gpu_fence *fence, int error)
{
	if (fence) {
		guard(spinlock_irqsave)(&vgdev->fence_drv.lock);
		/* One that was emitted may have been ended with all others */
		if (!test_bit(DMA_FENCE_FLAG_SIGNALED_BIT, &fence->f.flags))
			end_fence(vgdev, fence, error);
	}
	if (objs)
		virtio_gpu_array_put_free(objs);
}
