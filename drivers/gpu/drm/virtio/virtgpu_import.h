/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers of other devices that our device uses. Included by virtgpu_drv.h.
 */
#ifndef VIRTGPU_IMPORT_H
#define VIRTGPU_IMPORT_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct dma_buf_attachment;
struct dma_fence;
struct drm_gem_object;
struct virtio_gpu_device;
struct virtio_gpu_fence;
struct virtio_gpu_mem_entry;
struct virtio_gpu_object;

/**
 * struct virtio_gpu_import - our part of an object that is an import
 * @freed: in &virtio_gpu_imports.freed when the last user is gone
 * @back: in &virtio_gpu_imports.back while @queued, which has a reference on the
 *	object
 * @queued: the memory is back, and the work item has to attach it. Protected by
 *	&virtio_gpu_imports.lock.
 * @detach: signaled when the device has forgotten the addresses, NULL if the driver
 *	has not asked for that or the device has answered. Has a reference.
 */
struct virtio_gpu_import {
	struct list_head freed;
	struct list_head back;
	bool queued;
	struct dma_fence *detach;
};

/**
 * struct virtio_gpu_imports - imports that work items look after
 * @lock: protects the lists and &virtio_gpu_import.queued. Innermost.
 * @freed: list of the objects that wait for the host before they are freed, by
 *	&virtio_gpu_import.freed
 * @back: list of the objects whose memory is back, by &virtio_gpu_import.back
 * @work: frees those of @freed, one by one. Has a reference on the DRM device when
 *	queued.
 * @restore: attaches those of @back, likewise. Waits for the host to read its queue
 *	for virtio_gpu_patience() at most.
 */
struct virtio_gpu_imports {
	spinlock_t lock; /* protects freed, back, and queued of the objects */
	struct list_head freed;
	struct list_head back;
	struct work_struct work;
	struct work_struct restore;
};

/* virtgpu_import.c */
void virtio_gpu_imports_init(struct virtio_gpu_device *vgdev);
void virtio_gpu_imports_end(struct virtio_gpu_device *vgdev);
int virtio_gpu_import_detach(struct virtio_gpu_object *bo);
void virtio_gpu_import_free(struct drm_gem_object *obj);
void virtio_gpu_import_restore(struct dma_buf_attachment *attach);
int virtio_gpu_import_error(int error);
int virtio_gpu_import_check(struct virtio_gpu_device *vgdev);

/* virtgpu_vq.c */
void virtio_gpu_cmd_resource_attach_backing(struct virtio_gpu_device *vgdev,
					    u32 resource_id,
					    struct virtio_gpu_mem_entry *ents,
					    u32 nents,
					    struct virtio_gpu_fence *fence);

/* virtgpu_prime.c */
void virtgpu_dma_buf_free_obj(struct drm_gem_object *obj);

#endif
