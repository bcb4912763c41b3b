// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a user address to the buffer that is mapped there.
 *
 * Some programs give an importer an address, which may be that of device memory, and
 * have no file descriptor for it. The importer cannot pin pages there, but can import
 * the buffer as if user space had passed its file descriptor.
 *
 * Only the exporter knows which part of its buffer a VMA shows: the offset in the
 * file may differ from the offset in the buffer. So the search finds only buffers of
 * exporters with &dma_buf_ops.vma_offset, and only in VMAs that the exporter
 * recognizes.
 *
 * The result is true at the moment when it is worked out, under mmap_lock. The
 * importer uses it without mmap_lock: it must not take the lock of a buffer, or wait
 * for much else, under mmap_lock. What user space maps at the same address later
 * does not affect the import, as it does not affect a page that was pinned.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-vma.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

/* Only buffers have this operation; mremap() relies on that, too */
static bool file_is_buffer(const struct file *file)
{
	return file && file->f_op->get_unmapped_area == dma_buf_get_unmapped_area;
}

/**
 * dma_buf_vma_offset_in_file - &dma_buf_ops.vma_offset of most exporters
 * @dmabuf: the buffer
 * @vma: a VMA whose file is that of the buffer
 * @offset: the byte of the buffer that @vma begins with
 *
 * For exporters whose file begins with the first byte of the buffer and ends with
 * the last one, and whose pages stay where they are or can be revoked.
 *
 * Return: %true.
 */
bool dma_buf_vma_offset_in_file(struct dma_buf *dmabuf,
				const struct vm_area_struct *vma,
				size_t *offset)
{
	*offset = (size_t)vma->vm_pgoff << PAGE_SHIFT;
	return true;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_vma_offset_in_file, "DMA_BUF");

/* Does @vma show a buffer between @addr and @end, and what of it? */
static bool vma_shows_buffer(struct vm_area_struct *vma, unsigned long addr,
			     unsigned long end, struct dma_buf_vma *found)
{
	unsigned long start = max(addr, vma->vm_start);
	struct dma_buf *dmabuf;
	size_t offset;

	/* A private mapping is a copy, and its vm_pgoff is arbitrary */
	if (!file_is_buffer(vma->vm_file) || !(vma->vm_flags & VM_MAYSHARE))
		return false;
	dmabuf = vma->vm_file->private_data;
	if (!dmabuf->ops->vma_offset ||
	    !dmabuf->ops->vma_offset(dmabuf, vma, &offset))
		return false;

	found->dmabuf = dmabuf;
	found->skip = start - addr;
	found->offset = offset + (start - vma->vm_start);
	found->length = min(end, vma->vm_end) - start;
	found->readable = vma->vm_flags & VM_READ;
	found->writable = vma->vm_flags & VM_WRITE;

	/* mmap() has checked that the VMA is not longer than the buffer */
	return !WARN_ON(found->offset > dmabuf->size ||
			found->length > dmabuf->size - found->offset);
}

/**
 * dma_buf_find_vma - find the first buffer that is mapped in a range of addresses
 * @addr: start of the range in the current task's address space
 * @length: length of the range, in bytes
 * @found: the part of the buffer that the VMA shows inside the range
 *
 * Between @addr and the start of @found there is something else, or nothing. This
 * finds one VMA: another VMA behind it may show more of the same buffer.
 *
 * Context: May sleep, killable. Takes mmap_lock.
 *
 * Return: 0, with a reference on &dma_buf_vma.dmabuf that the caller has to drop;
 * -ENOENT if there is no buffer, or -EINTR if the task was killed.
 */
int dma_buf_find_vma(unsigned long addr, unsigned long length,
		     struct dma_buf_vma *found)
{
	VMA_ITERATOR(vmi, current->mm, untagged_addr(addr));
	unsigned long start = untagged_addr(addr), end;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int ret = -ENOENT;

	if (check_add_overflow(start, length, &end))
		return -ENOENT;
	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for_each_vma_range(vmi, vma, end) {
		if (vma_shows_buffer(vma, start, end, found)) {
			get_dma_buf(found->dmabuf);
			ret = 0;
			break;
		}
	}
	mmap_read_unlock(mm);
	return ret;
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_find_vma, "iommufd");
