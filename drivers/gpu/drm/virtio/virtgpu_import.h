/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers of others that our device uses. Included by virtgpu_drv.h.
 */
#ifndef VIRTGPU_IMPORT_H
#define VIRTGPU_IMPORT_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct dma_fence;
struct drm_gem_object;
struct virtio_gpu_device;
struct virtio_gpu_object;

/**
 * struct virtio_gpu_import - our part of an object that is an import
 * @freed: in &virtio_gpu_imports.freed when nobody has it any more
 * @detach: signaled when the device has forgotten the addresses, NULL if it was
 *	not told to or has answered. Has a reference.
 */
struct virtio_gpu_import {
	struct list_head freed;
	struct dma_fence *detach;
};

/**
 * struct virtio_gpu_imports - imports that wait for the host until they are freed
 * @lock: protects @freed. Innermost.
 * @freed: the objects, &virtio_gpu_import.freed
 * @work: frees them, one by one. Has a reference on the DRM device when queued.
 */
struct virtio_gpu_imports {
	spinlock_t lock; /* protects freed */
	struct list_head freed;
	struct work_struct work;
};

/* virtgpu_import.c */
void virtio_gpu_imports_init(struct virtio_gpu_device *vgdev);
int virtio_gpu_import_detach(struct virtio_gpu_object *bo);
void virtio_gpu_import_free(struct drm_gem_object *obj);
int virtio_gpu_import_check(struct virtio_gpu_device *vgdev);

/* virtgpu_prime.c */
void virtgpu_dma_buf_free_obj(struct drm_gem_object *obj);

#endif
