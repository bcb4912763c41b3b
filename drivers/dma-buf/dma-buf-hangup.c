// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that are gone for ever, and how their holders learn of it.
 *
 * An exporter can take a buffer back for a time or for ever. If for a time, it
 * tells importers (&dma_buf_attach_ops.invalidate_mappings) and lets CPUs wait. If
 * for ever, there is nothing left to wait for: the holder of a file descriptor
 * sees that by poll(), as with a pipe or a socket whose other end is closed.
 */
#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "dma-buf-core.h"

/**
 * dma_buf_hang_up - tell the holders of a buffer that it is gone for ever
 * @dmabuf: the buffer, which the caller keeps from being freed. Its file may be
 *	gone.
 *
 * To be called by an exporter that has taken a buffer away and will not give it
 * back: no CPU reaches it any more, all importers were told, and the fences of
 * what their devices had begun are signaled. An importer may still have something
 * to unmap; an exporter that promises more, as vfio-pci does, waits for that
 * first. From then on poll() of the buffer's file has %EPOLLHUP, and whoever waits
 * there wakes up. There is no way back. A second call does no harm.
 *
 * Context: Any but NMI. Locks are not needed and may be held.
 */
void dma_buf_hang_up(struct dma_buf *dmabuf)
{
	WRITE_ONCE(dmabuf->hung_up, true);
	/* It takes the lock of the queue: a poller is on it or sees hung_up */
	wake_up_poll(&dmabuf->poll, EPOLLHUP);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_hang_up, "DMA_BUF");

/*
 * For poll(), after poll_wait(): what is true of a buffer besides its fences. It
 * takes no lock, so that a poller that asks only for this does not wait for the
 * holder of the reservation lock.
 */
__poll_t dma_buf_poll_hup(struct dma_buf *dmabuf)
{
	return READ_ONCE(dmabuf->hung_up) ? EPOLLHUP : 0;
}
