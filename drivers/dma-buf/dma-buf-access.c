// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf: what the holder of a buffer's file may do with the buffer, and how to
 * wait for a buffer whose reservation lock another task holds.
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
 * waits for the lock can be killed. No other signal ends the wait: ioctls that
 * wait here have never returned -EINTR, and their callers do not expect it.
 *
 * Context: May sleep. The caller holds no other reservation lock.
 *
 * Return: 0, after which the caller has to call dma_resv_unlock(), or -EINTR.
 */
int dma_buf_lock_killable(struct dma_buf *dmabuf)
{
	int ret;

	for (;;) {
		ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
		if (ret != -EINTR || fatal_signal_pending(current))
			return ret;
		/* The other signal stays pending, so sleep for a tick and try again */
		schedule_timeout_killable(1);
	}
}
EXPORT_SYMBOL_NS_GPL(dma_buf_lock_killable, "DMA_BUF");

/**
 * dma_buf_device_may_write - may devices write to the buffer?
 * @dmabuf: the buffer, which the caller holds
 *
 * A buffer has one file, whose mode is that of the export. So all holders of a
 * file descriptor have the access that the exporter allowed.
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
 * @vma: the mapping, of the importer's file, whose mode differs from the buffer's
 *
 * Does what mmap() of the buffer's own file would do: refuses a shared mapping
 * that can be written, and keeps any other mapping from becoming writable later.
 *
 * Return: %false if the mapping is refused.
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
