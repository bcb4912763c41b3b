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

/**
 * virtio_gpu_not_queued - let go of what a command would have held
 * @objs: its objects, NULL for none
 * @fence: its fence, which was not emitted, NULL for none
 *
 * The device is gone, so nobody answers the command, and nobody else signals
 * its fence or drops its references.
 *
 * Context: May sleep. The reservation locks of the objects are not held.
 */
void virtio_gpu_not_queued(struct virtio_gpu_object_array *objs,
			   struct virtio_gpu_fence *fence)
{
	if (fence) {
		dma_fence_set_error(&fence->f, -ENODEV);
		dma_fence_signal(&fence->f);
	}
	if (objs)
		virtio_gpu_array_put_free(objs);
}
