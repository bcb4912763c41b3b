// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revoke of a slice: its owner takes it back permanently.
 *
 * For LIVE, DEAD, CUT, DRAINED see &enum vfio_pci_dma_buf_life.
 */
#include <linux/dma-buf.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "vfio_pci_revoke.h"
#include "vfio_pci_wc.h"

static int vfio_pci_dma_buf_kill(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->bars->state == VFIO_PCI_BARS_CLOSED)
		return -ENODEV;
	/* A task was killed while waiting for importers: complete its revoke */
	if (buf->life != VFIO_PCI_DMA_BUF_LIVE)
		return buf->life == VFIO_PCI_DMA_BUF_DRAINED ? -EBADFD : 0;

	write_lock(&buf->bars->gate);
	WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_DEAD);
	write_unlock(&buf->bars->gate);
	return 0;
}

static void vfio_pci_dma_buf_cut(struct vfio_pci_dma_buf *buf)
{
	vfio_pci_dma_buf_zap(buf);

	guard(mutex)(&buf->bars->lock);
	if (buf->life < VFIO_PCI_DMA_BUF_CUT)
		WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_CUT);
}

/*
 * Transitions need not look at the buffer from now on, except those that
 * already use it. The holders of the buffer get a hangup.
 */
static int vfio_pci_dma_buf_complete(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->life == VFIO_PCI_DMA_BUF_DRAINED)
		return -EBADFD;
	WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_DRAINED);
	if (!buf->users)
		list_del_init(&buf->elm);
	dma_buf_hang_up(buf->dmabuf);
	return 0;
}

static int vfio_pci_dma_buf_finish(struct vfio_pci_dma_buf *buf, bool killable)
{
	bool busy = false;
	int ret;

	ret = vfio_pci_dma_buf_invalidate(buf, killable, &busy);
	if (!ret)
		ret = vfio_pci_wc_revoke(buf, killable);
	if (!ret && busy)
		ret = vfio_pci_dma_buf_drain(buf, killable);
	return ret ?: vfio_pci_dma_buf_complete(buf);
}

/**
 * struct vfio_pci_dma_buf_rest - the rest of a revoke that no task waits for
 * @work: completes the revoke
 * @buf: the buffer, whose dma-buf is referenced
 */
struct vfio_pci_dma_buf_rest {
	struct work_struct work;
	struct vfio_pci_dma_buf *buf;
};

static void vfio_pci_dma_buf_rest_work(struct work_struct *work)
{
	struct vfio_pci_dma_buf_rest *rest =
		container_of(work, struct vfio_pci_dma_buf_rest, work);
	struct dma_buf *dmabuf = rest->buf->dmabuf;

	vfio_pci_dma_buf_finish(rest->buf, false);
	kfree(rest);
	dma_buf_put(dmabuf);
}

/*
 * The queue for revokes that wait for importers in a worker. One worker per
 * buffer, so that a client with a slow importer does not delay other revokes,
 * and one queue per device.
 */
static int vfio_pci_dma_buf_finish_queue(struct vfio_pci_bars *bars)
{
	struct workqueue_struct *queue;

	/* Pairs with the store below */
	if (smp_load_acquire(&bars->finish))
		return 0;
	queue = alloc_workqueue("vfio-pci-revoke", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!queue)
		return -ENOMEM;

	scoped_guard(mutex, &bars->lock) {
		if (!bars->finish) {
			/* Pairs with the load above */
			smp_store_release(&bars->finish, queue);
			return 0;
		}
	}
	/* Another task was faster */
	destroy_workqueue(queue);
	return 0;
}

static struct vfio_pci_dma_buf_rest *
vfio_pci_dma_buf_rest_alloc(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;

	if (vfio_pci_dma_buf_finish_queue(buf->bars))
		return NULL;
	rest = kmalloc_obj(*rest, GFP_KERNEL_ACCOUNT);
	if (!rest)
		return NULL;
	INIT_WORK(&rest->work, vfio_pci_dma_buf_rest_work);
	rest->buf = buf;
	return rest;
}

/* Takes over @rest. One worker is enough: it does not give up. */
static void vfio_pci_dma_buf_finish_later(struct vfio_pci_dma_buf_rest *rest)
{
	struct vfio_pci_dma_buf *buf = rest->buf;
	bool again;

	scoped_guard(mutex, &buf->bars->lock) {
		again = buf->finishing;
		buf->finishing = true;
	}
	if (again) {
		kfree(rest);
		return;
	}
	get_dma_buf(buf->dmabuf);
	queue_work(buf->bars->finish, &rest->work);
}

/* After this, no importer can map the buffer, and no CPU has it mapped */
static int vfio_pci_dma_buf_begin_revoke(struct vfio_pci_dma_buf *buf)
{
	int ret = vfio_pci_dma_buf_kill(buf);

	if (ret)
		return ret;
	vfio_pci_dma_buf_cut(buf);
	return 0;
}

/**
 * vfio_pci_dma_buf_revoke - take a buffer away permanently
 * @buf: the buffer, whose dma-buf the caller holds
 *
 * The cost depends on the mappings of this buffer. Other buffers are concerned
 * only if this one is write-combining.
 *
 * Return: 0 if no CPU and no importer reaches the slices through this buffer
 * any longer; -EBADFD if the buffer was revoked before; -ENODEV if the device
 * was closed; -EINTR if the task was killed: then importers may still have it
 * mapped, and a worker waits for them if there is memory for one.
 */
int vfio_pci_dma_buf_revoke(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;
	int ret;

	ret = vfio_pci_dma_buf_begin_revoke(buf);
	if (ret)
		return ret;
	ret = vfio_pci_dma_buf_finish(buf, true);
	if (ret != -EINTR)
		return ret;
	rest = vfio_pci_dma_buf_rest_alloc(buf);
	if (rest)
		vfio_pci_dma_buf_finish_later(rest);
	return -EINTR;
}

/**
 * vfio_pci_dma_buf_start_revoke - take a buffer away, do not wait for importers
 * @buf: the buffer, whose dma-buf the caller holds
 *
 * Importers are invalidated, and the buffer hangs up when they have let go of
 * it. Without importers it hangs up before this returns.
 *
 * Return: 0 if no CPU reaches the slices through this buffer and neither CPUs
 * nor importers can map it again; -EBADFD or -ENODEV as
 * vfio_pci_dma_buf_revoke(); or -ENOMEM: then nothing was done.
 */
int vfio_pci_dma_buf_start_revoke(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;
	bool busy = false;
	int ret;

	rest = vfio_pci_dma_buf_rest_alloc(buf);
	if (!rest)
		return -ENOMEM;
	ret = vfio_pci_dma_buf_begin_revoke(buf);
	if (ret)
		goto out;
	if (!vfio_pci_dma_buf_try_invalidate(buf, &busy) || busy ||
	    vfio_pci_wc_revoked(buf)) {
		vfio_pci_dma_buf_finish_later(rest);
		return 0;
	}
	/* Another task may have completed it: then this does nothing */
	vfio_pci_dma_buf_complete(buf);
out:
	kfree(rest);
	return ret;
}
