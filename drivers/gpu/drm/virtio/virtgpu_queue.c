// SPDX-License-Identifier: GPL-2.0-only
/*
 * How commands get into the queues, and how the queues are closed.
 */
#include <linux/dma-fence.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/virtio.h>
#include <linux/virtio_ring.h>
#include <linux/wait.h>

#include <drm/drm_print.h>

#include "virtgpu_drv.h"
#include "virtgpu_trace.h"

/**
 * DOC: queues that are closed
 *
 * A queue takes commands while &virtio_gpu_device.queues_closed is false. Senders
 * read that under the lock of the queue, so that after virtio_gpu_close_queues() no
 * task uses a queue and it can be freed: removal, shutdown and suspend stop the
 * device first and take their time for the rest. The driver also closes the queues of
 * a device that breaks the rules of the ring.
 *
 * A task that waits for the device, for room in a queue or for an answer, does so
 * outside of sections of drm_dev_enter() and is woken when the queues close. So a
 * removal does not wait for a task that waits for the device.
 */

/* Longest wait of a caller that a silent host must not hold up */
#define PATIENCE (5 * HZ)
/* The same after such a wait was in vain, until the host has answered again */
#define LITTLE_PATIENCE (HZ / 50 + 1)

/**
 * virtio_gpu_patience - how long to wait for a host that may be silent
 * @queue: the queue that it has to read, or answer
 *
 * Return: Jiffies.
 */
long virtio_gpu_patience(struct virtio_gpu_queue *queue)
{
	return READ_ONCE(queue->silent) ? LITTLE_PATIENCE : PATIENCE;
}

/**
 * virtio_gpu_note_silence - record the result of such a wait
 * @vgdev: the device
 * @queue: queue of the device
 * @silent: whether the wait was in vain
 */
void virtio_gpu_note_silence(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_queue *queue, bool silent)
{
	if (silent && !READ_ONCE(queue->silent))
		drm_warn(vgdev->ddev, "no answer from the host within %d s\n",
			 PATIENCE / HZ);
	if (READ_ONCE(queue->silent) != silent)
		WRITE_ONCE(queue->silent, silent);
}

/**
 * virtio_gpu_close_queues - take no more commands, and wake tasks that wait for room
 * @vgdev: the device
 *
 * Context: May sleep. When it returns no task uses a queue to send anything.
 */
void virtio_gpu_close_queues(struct virtio_gpu_device *vgdev)
{
	WRITE_ONCE(vgdev->queues_closed, true);

	/* A holder of the lock may have missed the flag; the next holder sees it */
	spin_lock(&vgdev->ctrlq.qlock);
	atomic_set(&vgdev->pending_commands, 0);
	spin_unlock(&vgdev->ctrlq.qlock);
	spin_lock(&vgdev->cursorq.qlock);
	spin_unlock(&vgdev->cursorq.qlock);

	wake_up_all(&vgdev->ctrlq.ack_queue);
	wake_up_all(&vgdev->cursorq.ack_queue);
	wake_up_all(&vgdev->resp_wq);
	wake_up_all(&vgdev->window.space.wait);
	/* No task rings the bell of a queue after this, see virtio_gpu_notify() */
	synchronize_rcu();
}

/**
 * virtio_gpu_open_queues - take commands again
 * @vgdev: the device, which has new queues and is ready
 */
void virtio_gpu_open_queues(struct virtio_gpu_device *vgdev)
{
	WRITE_ONCE(vgdev->queues_closed, false);
}

/* True as well if the queues are closed, so that waiting is useless */
static bool has_room(struct virtio_gpu_device *vgdev,
		     struct virtio_gpu_queue *queue, unsigned int elements)
{
	guard(spinlock)(&queue->qlock);
	return vgdev->queues_closed || queue->vq->num_free >= elements;
}

/**
 * virtio_gpu_queue_has_room - can a small command be queued without a wait?
 * @vgdev: the device
 *
 * Return: True if so, unless another task queues a command first.
 */
bool virtio_gpu_queue_has_room(struct virtio_gpu_device *vgdev)
{
	/* A command and its answer */
	return has_room(vgdev, &vgdev->ctrlq, 2);
}

/*
 * A task that maps a blob, or unmaps one to make room, can give up when killed. A task
 * that takes memory away from the device, or gives it back with a fence, must not wait
 * without a limit: it holds the reservation lock of another exporter. All others send
 * commands that must not get lost, and wait until there is room or the queues are
 * closed.
 */
static int wait_for_room(struct virtio_gpu_device *vgdev,
			 const struct virtio_gpu_vbuffer *vbuf,
			 const struct virtio_gpu_fence *fence,
			 unsigned int elements)
{
	const struct virtio_gpu_ctrl_hdr *cmd = (void *)vbuf->buf;
	wait_queue_head_t *wait = &vgdev->ctrlq.ack_queue;
	bool in_time;

	switch (le32_to_cpu(cmd->type)) {
	case VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
		if (!vbuf->objs)
			break;
		fallthrough;
	case VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
		return wait_event_killable(*wait, has_room(vgdev, &vgdev->ctrlq,
							   elements));
	case VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
		if (!fence)
			break;
		fallthrough;
	case VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
		in_time = wait_event_timeout(*wait,
					     has_room(vgdev, &vgdev->ctrlq,
						      elements),
					     virtio_gpu_patience(&vgdev->ctrlq));
		virtio_gpu_note_silence(vgdev, &vgdev->ctrlq, !in_time);
		return in_time ? 0 : -ETIMEDOUT;
	}

	wait_event(*wait, has_room(vgdev, &vgdev->ctrlq, elements));
	return 0;
}

/* The number of the fence has to follow the order of the queue */
static void emit_fence(struct virtio_gpu_device *vgdev,
		       struct virtio_gpu_vbuffer *vbuf,
		       struct virtio_gpu_fence *fence)
{
	virtio_gpu_fence_emit(vgdev, (void *)vbuf->buf, fence);
	if (!vbuf->objs)
		return;
	virtio_gpu_array_add_fence(vbuf->objs, &fence->f);
	virtio_gpu_array_unlock_resv(vbuf->objs);
}

/* Returns -ENOSPC if there is no room yet */
static int add_command(struct virtio_gpu_device *vgdev,
		       struct virtio_gpu_vbuffer *vbuf,
		       struct virtio_gpu_fence *fence, unsigned int elements,
		       struct scatterlist **sgs, int outcnt, int incnt)
{
	struct virtqueue *vq;
	int ret;

	guard(spinlock)(&vgdev->ctrlq.qlock);
	if (vgdev->queues_closed)
		return -ENODEV;

	vq = vgdev->ctrlq.vq;
	if (elements > virtqueue_get_vring_size(vq))
		return -E2BIG;
	if (vq->num_free < elements)
		return -ENOSPC;

	if (fence)
		emit_fence(vgdev, vbuf, fence);
	ret = virtqueue_add_sgs(vq, sgs, outcnt, incnt, vbuf, GFP_ATOMIC);
	if (ret)
		return ret == -ENOSPC ? -ENOMEM : ret;

	vbuf->seqno = ++vgdev->ctrlq.seqno;
	trace_virtio_gpu_cmd_queue(vq, (void *)vbuf->buf, vbuf->seqno);
	atomic_inc(&vgdev->pending_commands);
	return 0;
}

/**
 * virtio_gpu_queue_ctrl_sgs - put a command into the control queue
 * @vgdev: the device
 * @vbuf: the command, which is freed if it is not queued
 * @fence: fence to be emitted with it, or NULL
 * @elemcnt: number of elements in @sgs
 * @sgs: the command, its data, and room for the answer
 * @outcnt: number of lists in @sgs that the device reads
 * @incnt: number of lists in @sgs that it writes
 *
 * Waits for room in the queue if there is none. With a fence the caller holds the
 * reservation locks of the command's objects; this releases them, whatever it
 * returns.
 *
 * Context: May sleep.
 *
 * Return: 0; -ENODEV if the device is gone, stopped or broken; the error of the ring
 * if the ring does not take the command; for -ERESTARTSYS and -ETIMEDOUT see
 * wait_for_room().
 */
int virtio_gpu_queue_ctrl_sgs(struct virtio_gpu_device *vgdev,
			      struct virtio_gpu_vbuffer *vbuf,
			      struct virtio_gpu_fence *fence, int elemcnt,
			      struct scatterlist **sgs, int outcnt, int incnt)
{
	unsigned int elements = vgdev->has_indirect ? 1 : elemcnt;
	int ret;

	for (;;) {
		ret = add_command(vgdev, vbuf, fence, elements, sgs, outcnt,
				  incnt);
		if (ret != -ENOSPC)
			break;
		virtio_gpu_notify(vgdev);
		ret = wait_for_room(vgdev, vbuf, fence, elements);
		if (ret)
			break;
	}
	if (!ret)
		return 0;

	/* Emitting the fence has released the objects already */
	if (fence && !fence->fence_id && vbuf->objs)
		virtio_gpu_array_unlock_resv(vbuf->objs);
	virtio_gpu_free_vbuf(vgdev, vbuf);
	return ret;
}

/**
 * virtio_gpu_notify - tell the device of commands that were queued
 * @vgdev: the device
 *
 * Context: Any but hard interrupts.
 */
void virtio_gpu_notify(struct virtio_gpu_device *vgdev)
{
	struct virtqueue *vq;
	bool notify = false;

	if (!atomic_read(&vgdev->pending_commands))
		return;

	/* Keeps the queue while this rings its bell, outside of the lock */
	guard(rcu)();
	spin_lock(&vgdev->ctrlq.qlock);
	vq = vgdev->ctrlq.vq;
	atomic_set(&vgdev->pending_commands, 0);
	if (!vgdev->queues_closed)
		notify = virtqueue_kick_prepare(vq);
	spin_unlock(&vgdev->ctrlq.qlock);

	if (notify)
		virtqueue_notify(vq);
}

/* Returns -ENOSPC if there is no room yet */
static int add_cursor(struct virtio_gpu_device *vgdev,
		      struct virtio_gpu_vbuffer *vbuf)
{
	struct scatterlist cmd, *sgs[] = { &cmd };
	struct virtqueue *vq;
	bool notify = false;
	int ret = -ENODEV;

	sg_init_one(&cmd, vbuf->buf, vbuf->size);

	guard(rcu)();
	spin_lock(&vgdev->cursorq.qlock);
	vq = vgdev->cursorq.vq;
	if (!vgdev->queues_closed)
		ret = virtqueue_add_sgs(vq, sgs, 1, 0, vbuf, GFP_ATOMIC);
	if (!ret) {
		vbuf->seqno = ++vgdev->cursorq.seqno;
		trace_virtio_gpu_cmd_queue(vq, (void *)vbuf->buf, vbuf->seqno);
		notify = virtqueue_kick_prepare(vq);
	}
	spin_unlock(&vgdev->cursorq.qlock);

	if (notify)
		virtqueue_notify(vq);
	return ret;
}

/**
 * virtio_gpu_queue_cursor - put a command into the cursor queue
 * @vgdev: the device
 * @vbuf: the command, which is freed if it is not queued
 *
 * No task waits for the answer, but the task that moves the cursor holds modeset
 * locks. So this waits for room for virtio_gpu_patience() at most, and a host that
 * does not read the queue gets no more of these commands.
 *
 * Context: May sleep.
 */
void virtio_gpu_queue_cursor(struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_vbuffer *vbuf)
{
	struct virtio_gpu_queue *queue = &vgdev->cursorq;
	long patience = virtio_gpu_patience(queue);
	int ret;

	while ((ret = add_cursor(vgdev, vbuf)) == -ENOSPC && patience) {
		patience = wait_event_timeout(queue->ack_queue,
					      has_room(vgdev, queue, 1),
					      patience);
		virtio_gpu_note_silence(vgdev, queue, !patience);
	}
	if (ret)
		virtio_gpu_free_vbuf(vgdev, vbuf);
}

/**
 * virtio_gpu_drain - wait until the host has answered all commands
 * @vgdev: the device
 *
 * A suspend calls this twice. First before it turns the screens off: that takes
 * commands whose senders cannot give up, so a host that still owes answers gets no
 * more commands. Then before it deletes the queues.
 *
 * Context: Suspend. Only the kernel sends commands.
 *
 * Return: 0, also if the device is stopped and sends no more answers; -ETIMEDOUT if
 * the host is silent: the guest stays awake.
 */
int virtio_gpu_drain(struct virtio_gpu_device *vgdev)
{
	struct virtio_gpu_queue *queues[] = { &vgdev->ctrlq, &vgdev->cursorq };
	size_t i;

	if (!vgdev->has_queues)
		return 0;
	virtio_gpu_notify(vgdev);
	for (i = 0; i < ARRAY_SIZE(queues); i++) {
		struct virtio_gpu_queue *queue = queues[i];
		unsigned int all = virtqueue_get_vring_size(queue->vq);

		if (!wait_event_timeout(queue->ack_queue,
					has_room(vgdev, queue, all), PATIENCE))
			return -ETIMEDOUT;
	}
	return 0;
}

/**
 * virtio_gpu_check_queues - has the device broken the rules of a ring?
 * @vgdev: the device
 *
 * It has if it has returned a buffer that it was not given. The virtio core takes no
 * more answers from such a queue, so the answers that tasks wait for will not come.
 * This resets the device, which may still use the memory of the commands, and closes
 * the queues. virtio_gpu_stop() drops the commands.
 *
 * Context: The workqueues of the queues.
 */
void virtio_gpu_check_queues(struct virtio_gpu_device *vgdev)
{
	if (likely(!virtqueue_is_broken(vgdev->ctrlq.vq) &&
		   !virtqueue_is_broken(vgdev->cursorq.vq)))
		return;
	if (READ_ONCE(vgdev->queues_closed))
		return;

	drm_err(vgdev->ddev, "the host has broken a queue, the device is stopped\n");
	virtio_gpu_close_queues(vgdev);
	virtio_gpu_window_zap(vgdev);
	virtio_reset_device(vgdev->vdev);
	virtio_gpu_fail_fences(vgdev);
	/* The host shows no blob in the window after the reset */
	virtio_gpu_window_lost(vgdev);
}
