/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers that are found by the user address at which they are mapped.
 */
#ifndef _LINUX_DMA_BUF_VMA_H
#define _LINUX_DMA_BUF_VMA_H

#include <linux/errno.h>
#include <linux/types.h>

struct dma_buf;
struct vm_area_struct;

/**
 * struct dma_buf_vma - a part of a buffer that is mapped at a user address
 * @dmabuf: the buffer, referenced
 * @skip: number of bytes between the start of the range that was searched and the part
 * @offset: offset of the part in the buffer, in bytes
 * @length: length of the part, in bytes
 * @readable: user space may read there
 * @writable: user space may write there
 */
struct dma_buf_vma {
	struct dma_buf *dmabuf;
	unsigned long skip;
	size_t offset;
	size_t length;
	bool readable;
	bool writable;
};

#if defined(CONFIG_DMA_SHARED_BUFFER) && defined(CONFIG_MMU)
int dma_buf_find_vma(unsigned long addr, unsigned long length,
		     struct dma_buf_vma *found);
bool dma_buf_vma_offset_in_file(struct dma_buf *dmabuf,
				const struct vm_area_struct *vma,
				size_t *offset);
#else
static inline int dma_buf_find_vma(unsigned long addr, unsigned long length,
				   struct dma_buf_vma *found)
{
	return -ENOENT;
}

/* No buffer is mapped anywhere */
#define dma_buf_vma_offset_in_file NULL
#endif

#endif /* _LINUX_DMA_BUF_VMA_H */
