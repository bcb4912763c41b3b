/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocation and end of commands to the device. Included by virtgpu_drv.h.
 */
#ifndef VIRTGPU_COMMANDS_H
#define VIRTGPU_COMMANDS_H

struct kmem_cache;
struct virtio_gpu_device;
struct virtio_gpu_fence;
struct virtio_gpu_object_array;

/* virtgpu_commands.c */
struct kmem_cache *virtio_gpu_vbufs_create(unsigned int size,
					   unsigned int align);
void virtio_gpu_fail_fences(struct virtio_gpu_device *vgdev);
void virtio_gpu_not_queued(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object_array *objs,
			   struct virtio_gpu_fence *fence, int error);

#endif
