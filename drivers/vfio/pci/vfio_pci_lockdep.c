// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shows lockdep the order of locks of vfio_pci_bars.c when vfio-pci-core is
 * initialized, so that lockdep reports the first violation, not the first
 * deadlock.
 */
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>

#include "vfio_pci_bars.h"
#include "vfio_pci_lockdep.h"

/* At boot there is no mm to borrow; a module borrows that of its loader */
static struct mm_struct *vfio_pci_lockdep_mm(void)
{
	if (IS_BUILTIN(CONFIG_VFIO_PCI_CORE))
		return mm_alloc();
	return get_task_mm(current);
}

/* The locks of mmap and a fault */
static void vfio_pci_lockdep_mmap(struct mm_struct *mm,
				  struct vfio_pci_bars *bars)
{
	mmap_read_lock(mm);
	mutex_lock(&bars->lock);
	vfio_pci_bars_set_state(bars, VFIO_PCI_BARS_OFF);
	mutex_unlock(&bars->lock);

	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	read_lock(&bars->gate);
	read_unlock(&bars->gate);
	mmap_read_unlock(mm);
}

/*
 * The locks of a transition. A reset reaches mmap_lock under memory_lock
 * through locks of other subsystems, so no path waits for memory_lock under
 * mmap_lock.
 */
static void vfio_pci_lockdep_reset(struct mm_struct *mm,
				   struct vfio_pci_bars *bars)
{
	struct rw_semaphore memory_lock;
	struct address_space mapping;
	struct dma_resv resv;

	vfio_pci_memory_lock_init(&memory_lock);
	address_space_init_once(&mapping);
	dma_resv_init(&resv);

	down_write(&bars->iomap.lock);
	down_write(&memory_lock);
	up_write(&bars->iomap.lock);
	mmap_read_lock(mm);
	mmap_read_unlock(mm);
	mutex_lock(&bars->lock);
	mutex_unlock(&bars->lock);
	dma_resv_lock(&resv, NULL);
	dma_resv_unlock(&resv);
	i_mmap_lock_read(&mapping);
	i_mmap_unlock_read(&mapping);
	up_write(&memory_lock);

	dma_resv_fini(&resv);
}

/**
 * vfio_pci_lockdep - show lockdep the order of the locks
 */
void vfio_pci_lockdep(void)
{
	struct mm_struct *mm = vfio_pci_lockdep_mm();
	struct vfio_pci_bars *bars = vfio_pci_bars_new(NULL);

	if (mm && bars) {
		vfio_pci_lockdep_mmap(mm, bars);
		vfio_pci_lockdep_reset(mm, bars);
	}
	if (bars)
		vfio_pci_bars_put(bars);
	if (mm)
		mmput(mm);
}
