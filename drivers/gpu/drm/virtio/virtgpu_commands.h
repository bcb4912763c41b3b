/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of commands to the device. Included by virtgpu_drv.h.
 */
#ifndef VIRTGPU_COMMANDS_H
#define VIRTGPU_COMMANDS_H

struct kmem_cache;
struct virtio_gpu_fence;
struct virtio_gpu_object_array;

struct kmem_cache *virtio_gpu_vbufs_create(unsigned int size,
					   unsigned int align);
void virtio_gpu_not_queued(struct virtio_gpu_object_array *objs,
			   struct virtio_gpu_fence *fence);

#endif
