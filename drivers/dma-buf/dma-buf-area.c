// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address that mmap() of a buffer's file chooses, for exporters that want to
 * choose it.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>

/**
 * dma_buf_get_unmapped_area - &file_operations.get_unmapped_area of buffers
 * @file: the buffer's file
 * @addr: where user space would like the mapping, or 0
 * @len: its length
 * @pgoff: its first page in the file
 * @flags: of mmap()
 *
 * mremap() calls it as well, and expects that it returns the address unchanged
 * for MAP_FIXED. So &dma_buf_ops.get_unmapped_area is not asked then.
 *
 * Return: The address or -errno.
 */
unsigned long dma_buf_get_unmapped_area(struct file *file, unsigned long addr,
					unsigned long len, unsigned long pgoff,
					unsigned long flags)
{
	struct dma_buf *dmabuf = file->private_data;

	if (!dmabuf->ops->get_unmapped_area || flags & MAP_FIXED)
		return mm_get_unmapped_area(file, addr, len, pgoff, flags);
	return dmabuf->ops->get_unmapped_area(dmabuf, addr, len, pgoff, flags);
}
