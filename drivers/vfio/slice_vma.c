// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a VMA shows a slice of a device that its owner can take back.
 *
 * A slice is for others, who need not be trusted, and a revoke promises that they
 * do not reach it any more. It clears their page tables. So whoever follows a VMA
 * to page frames and keeps them, without an MMU notifier, must leave slices
 * alone; an importer of the dma-buf is told instead.
 */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/vfio.h>

/**
 * vfio_slice_vma_open - for &vm_operations_struct.open of the VMAs of slices
 * @vma: the VMA
 *
 * Does nothing, but tells vfio_vma_is_slice() that it is one, wherever the
 * driver is that made it.
 */
void vfio_slice_vma_open(struct vm_area_struct *vma)
{
}
EXPORT_SYMBOL_GPL(vfio_slice_vma_open);

/**
 * vfio_vma_is_slice - can what a VMA maps be taken back by somebody else?
 * @vma: the VMA
 *
 * Context: mmap_lock or the lock of the VMA is held.
 *
 * Return: %true for a mapping of an exported slice, %false for one of the
 * device's own file, which keeps the device open.
 */
bool vfio_vma_is_slice(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->open == vfio_slice_vma_open;
}
EXPORT_SYMBOL_GPL(vfio_vma_is_slice);
