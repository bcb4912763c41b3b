/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Host blobs in the host-visible window of a virtio-gpu. Included by
 * virtgpu_drv.h.
 */
#ifndef VIRTGPU_VRAM_MAP_H
#define VIRTGPU_VRAM_MAP_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "virtgpu_map_state.h"
#include "virtgpu_window.h"

struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_match_args;
struct drm_file;
struct drm_gem_object;
struct drm_printer;
struct drm_virtgpu_resource_create_blob;
struct file;
struct p2pdma_provider;
struct pci_dev;
struct virtio_gpu_device;
struct virtio_gpu_object;
struct virtio_gpu_object_params;
struct virtio_gpu_object_vram;
struct virtio_gpu_vbuffer;
struct vm_area_struct;

/**
 * struct virtio_gpu_window - the host-visible window
 * @space: the places of blobs in it
 * @pdev: PCI function whose BAR it lies in, NULL if it is not in one
 * @provider: peer-to-peer provider of that BAR, NULL if there is none. Lives as long
 *	as the function is bound to its driver, longer than this device.
 * @lock: protects @exports and the lists of the blobs. Taken outside of the
 *	reservation lock of a buffer and never inside.
 * @exports: all dma-bufs of host blobs, by &virtio_gpu_vram_export.in_window
 */
struct virtio_gpu_window {
	struct virtio_gpu_space space;
	struct pci_dev *pdev;
	struct p2pdma_provider *provider;
	struct mutex lock; /* protects exports, also those of the blobs */
	struct list_head exports;
};

/**
 * struct virtio_gpu_vram_export - a dma-buf of a blob
 * @in_window: in &virtio_gpu_window.exports
 * @of_blob: in &virtio_gpu_object_vram.exports
 * @dmabuf: the buffer. Not a reference: the buffer's release frees this.
 * @revoked: the device is gone, and the removal has revoked this buffer
 *
 * A blob can have several. DRM knows one, and forgets it with the last handle of
 * the object, while its file may still be open. A framebuffer can keep an object
 * without a handle, and DRM_IOCTL_MODE_GETFB2 makes a new handle, by which user space
 * can export the object once more.
 */
struct virtio_gpu_vram_export {
	struct list_head in_window;
	struct list_head of_blob;
	struct dma_buf *dmabuf;
	bool revoked;
};

/* virtgpu_vram_map.c */
void virtio_gpu_vram_map_init(struct virtio_gpu_object_vram *vram);
int virtio_gpu_vram_check(struct virtio_gpu_device *vgdev,
			  const struct virtio_gpu_object_params *params);
int virtio_gpu_vram_map_now(struct virtio_gpu_object_vram *vram,
			    const struct virtio_gpu_object_params *params);
int virtio_gpu_vram_map_soon(struct virtio_gpu_object_vram *vram);
void virtio_gpu_map_offset_asked(struct drm_file *file, u32 handle);
int virtio_gpu_vram_mappable(struct virtio_gpu_object_vram *vram);
int virtio_gpu_vram_make_mapped(struct virtio_gpu_object_vram *vram,
				unsigned int state, u32 *cache);
int virtio_gpu_vram_pin(struct virtio_gpu_object_vram *vram);
void virtio_gpu_vram_unpin(struct virtio_gpu_object_vram *vram);
void virtio_gpu_vram_used(struct virtio_gpu_object_vram *vram);
void virtio_gpu_vram_map_answered(struct virtio_gpu_device *vgdev,
				  struct virtio_gpu_vbuffer *vbuf);
void virtio_gpu_vram_unmap_answered(struct virtio_gpu_device *vgdev,
				    struct virtio_gpu_vbuffer *vbuf);
void virtio_gpu_vram_unmap(struct virtio_gpu_device *vgdev,
			   struct virtio_gpu_object *bo);
void virtio_gpu_vram_release_place(struct virtio_gpu_object_vram *vram);
void virtio_gpu_window_zap(struct virtio_gpu_device *vgdev);
void virtio_gpu_window_lost(struct virtio_gpu_device *vgdev);

/* virtgpu_cache.c */
bool virtio_gpu_cache_set(struct virtio_gpu_object_vram *vram, u32 cache);
void virtio_gpu_cache_unset(struct virtio_gpu_object_vram *vram);

/* virtgpu_fault.c */
int virtio_gpu_vram_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma);
void virtio_gpu_vram_zap(struct virtio_gpu_object_vram *vram);
unsigned long virtio_gpu_get_unmapped_area(struct file *filp,
					   unsigned long uaddr,
					   unsigned long len,
					   unsigned long pgoff,
					   unsigned long flags);

/* virtgpu_fdinfo.c */
void virtio_gpu_show_fdinfo(struct drm_printer *p, struct drm_file *file);

/* virtgpu_vram_export.c */
void virtio_gpu_window_init(struct virtio_gpu_device *vgdev);
int virtio_gpu_match_mapping(const struct dma_buf_match_args *args);
int virtio_gpu_dmabuf_attach(struct dma_buf *dmabuf,
			     struct dma_buf_attachment *attach);
void virtio_gpu_dmabuf_detach(struct dma_buf *dmabuf,
			      struct dma_buf_attachment *attach);
struct dma_buf *virtio_gpu_exported(struct virtio_gpu_object *bo,
				    struct dma_buf *dmabuf);
void virtio_gpu_dmabuf_release(struct dma_buf *dmabuf);

/* virtgpu_blob.c */
bool virtio_gpu_blob_args_valid(const struct drm_virtgpu_resource_create_blob *rc);
int virtio_gpu_blob_hints(const struct virtio_gpu_device *vgdev);

#endif
