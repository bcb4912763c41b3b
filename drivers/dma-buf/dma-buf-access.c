// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf: what the holder of a buffer's file may do with it, and how to wait
 * for a buffer that somebody else holds.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "dma-buf-core.h"

/**
 * dma_buf_lock_killable - take the reservation lock, or give up when killed
 * @dmabuf: the buffer
 *
 * Exporters and other importers decide how long the lock is held. A task that
 * waits for it can be killed, and does not fail for any other signal: ioctls
 * that wait here never returned -EINTR, and their callers do not expect it.
 *
 * Context: May sleep. No other reservation lock is held.
 *
 * Return: 0, to be followed by dma_resv_unlock(), or -EINTR.
 */
int dma_buf_lock_killable(struct dma_buf *dmabuf)
{
	int ret;

	for (;;) {
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
		if (ret != -EINTR || fatal_signal_pending(current))
			return ret;
		/* The other signal stays pending, so look now and then */
		schedule_timeout_killable(1);
	}
}
EXPORT_SYMBOL_NS_GPL(dma_buf_lock_killable, "DMA_BUF");

/**
 * dma_buf_device_may_write - may devices write to the buffer?
 * @dmabuf: the buffer, which the caller holds
 *
 * A buffer has one file, whose mode is that of the export. So what the exporter
 * allowed is the same for all who hold a file descriptor of it.
 *
 * Return: %false if the exporter has &dma_buf_ops.dma_follows_file_mode and the
 * file was made read-only.
 */
bool dma_buf_device_may_write(struct dma_buf *dmabuf)
{
	return dma_buf_may_write(dmabuf);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_device_may_write, "DMA_BUF");

/**
 * dma_buf_vma_allowed - may a file of an importer map the buffer like that?
 * @dmabuf: the buffer
 * @vma: the mapping, of a file of the importer, whose mode is another
 *
 * As mmap() of the buffer's own file would do it: a shared mapping that can be
 * written is refused, and one that cannot does not become so later.
 *
 * Return: %false if it is refused.
 */
bool dma_buf_vma_allowed(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	if (dma_buf_device_may_write(dmabuf) || !(vma->vm_flags & VM_SHARED))
		return true;
	if (vma->vm_flags & VM_WRITE)
		return false;
	vm_flags_clear(vma, VM_MAYWRITE);
	return true;
}
