/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How commands get into the queues, and how the queues are closed. Included by
 * virtgpu_drv.h, which declares virtio_gpu_notify().
 */
#ifndef VIRTGPU_QUEUE_H
#define VIRTGPU_QUEUE_H

#include <linux/types.h>

struct scatterlist;
struct virtio_gpu_device;
struct virtio_gpu_fence;
struct virtio_gpu_object;
struct virtio_gpu_queue;
struct virtio_gpu_vbuffer;

/* virtgpu_queue.c */
long virtio_gpu_patience(struct virtio_gpu_queue *queue);
void virtio_gpu_note_silence(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_queue *queue, bool silent);
void virtio_gpu_close_queues(struct virtio_gpu_device *vgdev);
void virtio_gpu_open_queues(struct virtio_gpu_device *vgdev);
int virtio_gpu_queue_ctrl_sgs(struct virtio_gpu_device *vgdev,
			      struct virtio_gpu_vbuffer *vbuf,
			      struct virtio_gpu_fence *fence, int elemcnt,
			      struct scatterlist **sgs, int outcnt, int incnt);
void virtio_gpu_queue_cursor(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_vbuffer *vbuf);
bool virtio_gpu_queue_has_room(struct virtio_gpu_device *vgdev);
int virtio_gpu_drain(struct virtio_gpu_device *vgdev);
void virtio_gpu_check_queues(struct virtio_gpu_device *vgdev);

/* virtgpu_vq.c */
typedef void (*virtio_gpu_answered)(struct virtio_gpu_device *vgdev,
				    struct virtio_gpu_vbuffer *vbuf);
void *virtio_gpu_alloc_cmd_cb(struct virtio_gpu_device *vgdev,
			      struct virtio_gpu_vbuffer **vbuffer_p, int size,
			      virtio_gpu_answered cb);
int virtio_gpu_queue_ctrl_buffer(struct virtio_gpu_device *vgdev,
				 struct virtio_gpu_vbuffer *vbuf);
void virtio_gpu_free_vbuf(struct virtio_gpu_device *vgdev,
			  struct virtio_gpu_vbuffer *vbuf);

/* virtgpu_gone.c */
void virtio_gpu_stop(struct virtio_gpu_device *vgdev);
void virtio_gpu_started(struct virtio_gpu_device *vgdev);
void virtio_gpu_gone(struct virtio_gpu_device *vgdev);

/* virtgpu_uuid.c */
int virtio_gpu_uuid_asked(struct virtio_gpu_device *vgdev,
			  struct virtio_gpu_object *bo, int ret);
int virtio_gpu_wait_for_uuid(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_object *bo);

#endif
