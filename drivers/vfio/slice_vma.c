// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMAs that show a slice of a device which its owner can take back.
 *
 * A slice is for others, who need not be trusted, and a revoke promises that they
 * do not reach it any more. It clears their page tables.
 *
 * So whoever follows a VMA to page frames and keeps them, without an MMU notifier,
 * must leave slices alone; an importer of the dma-buf is told instead.
 *
 * And so the owner pays for each VMA with a flush of TLBs, which a client must
 * not be able to make as expensive as he likes: a slice has a limited number of
 * VMAs. mmap() and whatever splits a VMA fail with ENOMEM above it, as they do
 * for a process with too many VMAs. A fork() cannot be refused here: the child's
 * mapping has no pages then and an access to it raises SIGBUS.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/vfio.h>

static const struct vm_operations_struct vfio_slice_excess_vm_ops = {
	.open = vfio_slice_vma_open,
	.close = vfio_slice_vma_close,
};

/**
 * vfio_slice_vma_init - a VMA of a slice is made, by mmap()
 * @vma: the VMA, whose vm_private_data is used from here on
 * @nr_vmas: counts the VMAs of the slice, and lives as long as any of them
 *
 * The driver sets vm_ops with vfio_slice_vma_open(), _close() and _may_split().
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_slice_vma_init(struct vm_area_struct *vma, atomic_t *nr_vmas)
{
	if (atomic_inc_return(nr_vmas) > VFIO_SLICE_MAX_VMAS) {
		atomic_dec(nr_vmas);
		return -ENOMEM;
	}
	vma->vm_private_data = nr_vmas;
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_slice_vma_init);

/**
 * vfio_slice_vma_open - for &vm_operations_struct.open of the VMAs of slices
 * @vma: the VMA
 *
 * It also tells vfio_vma_is_slice() that it is one, wherever the driver is that
 * made it.
 */
void vfio_slice_vma_open(struct vm_area_struct *vma)
{
	atomic_t *nr_vmas = vma->vm_private_data;

	if (atomic_inc_return(nr_vmas) <= VFIO_SLICE_MAX_VMAS ||
	    vma->vm_mm == current->mm)
		return;
	/* A child's, which has no pages yet and gets none */
	vm_flags_set(vma, VM_WIPEONFORK);
	vma->vm_ops = &vfio_slice_excess_vm_ops;
}
EXPORT_SYMBOL_GPL(vfio_slice_vma_open);

/**
 * vfio_slice_vma_close - for &vm_operations_struct.close of the VMAs of slices
 * @vma: the VMA
 */
void vfio_slice_vma_close(struct vm_area_struct *vma)
{
	atomic_dec((atomic_t *)vma->vm_private_data);
}
EXPORT_SYMBOL_GPL(vfio_slice_vma_close);

/**
 * vfio_slice_vma_may_split - for &vm_operations_struct.may_split
 * @vma: the VMA
 * @addr: where
 *
 * Threads that split at the same time can go beyond the limit, by their number.
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_slice_vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	atomic_t *nr_vmas = vma->vm_private_data;

	return atomic_read(nr_vmas) < VFIO_SLICE_MAX_VMAS ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(vfio_slice_vma_may_split);

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
