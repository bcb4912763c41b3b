// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMAs of a slice of a device, which the owner of the device can revoke.
 *
 * The holders of a slice need not be trusted, and a revoke promises that they
 * lose access to it: it clears their page tables.
 *
 * Code that looks up page frames through a VMA and keeps them, without an MMU
 * notifier, must therefore leave slices alone. Importers of the dma-buf may
 * keep them, because the exporter invalidates their mappings.
 *
 * A revoke flushes the TLB for each VMA. So that a client cannot make this as
 * expensive as it likes, a slice has a limited number of VMAs. Above the limit,
 * mmap() and whatever splits a VMA fail with ENOMEM, as for a process with too
 * many VMAs. fork() cannot fail here: the mapping in the child has no pages
 * then, and an access to it raises SIGBUS.
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
 * vfio_slice_vma_init - prepare a VMA of a slice, in mmap()
 * @vma: the VMA. This file uses its vm_private_data from here on.
 * @nr_vmas: counts the VMAs of the slice, and lives as long as each of them
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
 * vfio_vma_is_slice() recognizes slices by this function, whichever module made
 * them.
 */
void vfio_slice_vma_open(struct vm_area_struct *vma)
{
	atomic_t *nr_vmas = vma->vm_private_data;

	if (atomic_inc_return(nr_vmas) <= VFIO_SLICE_MAX_VMAS ||
	    vma->vm_mm == current->mm)
		return;
	/* A VMA of a child, which has no pages yet and gets none */
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
 * @addr: address of the split
 *
 * Threads that split at the same time can exceed the limit, by their number.
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
 * vfio_vma_is_slice - does a VMA map a slice, which its owner can revoke?
 * @vma: the VMA
 *
 * Context: The caller holds mmap_lock or the lock of the VMA.
 *
 * Return: %true for a mapping of an exported slice, %false for one of the
 * device's own file, which keeps the device open.
 */
bool vfio_vma_is_slice(const struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->open == vfio_slice_vma_open;
}
EXPORT_SYMBOL_GPL(vfio_vma_is_slice);
