// SPDX-License-Identifier: GPL-2.0-only
/*
 * How holders of a buffer learn that its exporter has taken it away permanently.
 *
 * An exporter can take a buffer away for a time or permanently. If for a time, it
 * invalidates importers (&dma_buf_attach_ops.invalidate_mappings) and lets CPUs
 * wait. If permanently, there is nothing to wait for: poll() shows that to the
 * holder of a file descriptor, as for a pipe or socket whose other end is closed.
 */
#include <linux/dma-buf.h>
#include <linux/export.h>
#include <linux/poll.h>
#include <linux/wait.h>

#include "dma-buf-core.h"

/**
 * dma_buf_hang_up - tell the holders of a buffer that it is gone permanently
 * @dmabuf: the buffer, which the caller keeps from being freed. Its file may be
 *	gone.
 *
 * An exporter calls this when it has taken a buffer away and will not give it back:
 * no CPU reaches the buffer, all importers were invalidated, and the fences of the
 * operations that their devices had begun are signaled. An importer may still have
 * to unmap; an exporter that promises more, as vfio-pci does, waits for the unmap
 * first. From then on poll() of the buffer's file returns %EPOLLHUP, and tasks that
 * wait there wake up. This cannot be undone. A second call does no harm.
 *
 * Context: Any but NMI. Needs no lock; the caller may hold some.
 */
void dma_buf_hang_up(struct dma_buf *dmabuf)
{
	WRITE_ONCE(dmabuf->hung_up, true);
	/* It takes the lock of the queue: a poller is on the queue or sees hung_up */
	wake_up_poll(&dmabuf->poll, EPOLLHUP);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_hang_up, "DMA_BUF");

/*
 * For poll(), after poll_wait(): the events of a buffer that do not come from its
 * fences. Takes no lock, so that a poller that asks for these events only does not
 * wait for the holder of the reservation lock.
 */
__poll_t dma_buf_poll_hup(struct dma_buf *dmabuf)
{
	return READ_ONCE(dmabuf->hung_up) ? EPOLLHUP : 0;
}
