// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the BARs of a device can be accessed, and how their users learn of it.
 *
 * Theory of operation
 * -------------------
 * Every mapping of a BAR that user space makes, through the device's own file
 * or through an exported slice, has a dma-buf under it: a struct
 * vfio_pci_dma_buf. All of them are on the list of one struct vfio_pci_bars,
 * which they share with the device and which outlives the device. A fault looks
 * only at that object, because the device may be gone.
 *
 * Everything that takes the memory of the device away for a time - a cleared
 * MEM bit, D3hot, a reset of any kind, low power - is a transition:
 *
 *	vfio_pci_bars_stop()	sets the state BUSY: faults begin to wait;
 *				clears the page tables of every buffer and of
 *				the device's file, where drivers may have
 *				mappings of their own;
 *				invalidates importers, and waits for them
 *	...			the device is reset, for example
 *	vfio_pci_bars_start()	sets the state ON, or OFF if memory is off now:
 *				faults continue, importers may map again, and
 *				those that asked for it are notified
 *
 * Both run under memory_lock, held for writing, so that vfio-pci runs one
 * transition at a time. A revoke by user space and the release of a buffer run
 * concurrently with it. So does a reset that other code begins
 * (vfio_pci_reset.c): that must not wait for memory_lock, and keeps the state
 * BUSY with a count.
 *
 * ON means that memory is decoded and the device is not in low power, because
 * everything that ends this goes through a transition. So a fault does not need
 * memory_lock. It holds the gate, for reading, from the test of the state until
 * the page is mapped. A change of the state takes the gate for writing; after
 * that no fault that saw the old state is still mapping. An importer's mapping
 * tests the state under the reservation lock, which a transition takes after it
 * has changed the state.
 *
 * A work item notifies importers that they can map again: it takes the
 * reservation locks, which the end of a transition must not wait for. Importers
 * that map on their own do not need it. If the state changes meanwhile, either
 * the work item sees that under the reservation lock, or the importer is first
 * notified that it can map and then invalidated. When the state is ON again the
 * work is queued again, and runs once more if it is running.
 *
 * A fault that finds a transition in progress drops the lock that it came with
 * (mmap_lock or that of the VMA), sleeps until the transition is over or a
 * signal arrives, holding only a reference on the buffer's file, and is then
 * repeated. It ends in a SIGBUS if the memory is off, the buffer was revoked or
 * the device closed.
 *
 * Waits
 * -----
 * The client, who holds a slice's file descriptor, is not trusted. It can
 * fault, map, import, attach fences, have little memory, a low priority or be
 * stopped, and must not delay the owner of the device, or another client, by
 * more than it takes to map a few pages. All waits, and what ends them:
 *
 *   fault, export	for the end of a transition, holding no lock. Ends with
 *			the transition or a fatal signal, and the fault of an
 *			access of user space with any signal. A fault that may
 *			not drop its lock sleeps for 20 ms and is repeated.
 *   writer of @gate	for faults that insert up to 16 pages: no allocation,
 *			no preemption
 *   zap		for i_mmap_rwsem of the buffer, which the client's mmap(),
 *			munmap(), fork() and mremap() hold, without allocating;
 *			then one TLB flush for each VMA with pages, of which a
 *			buffer has at most VFIO_SLICE_MAX_VMAS.
 *   reservation lock	for importers' map, unmap and attach, and for callers
 *			that add fences: each holds it once for one call. Ends
 *			with a fatal signal, except at the close of the device.
 *   fences		of attached importers, as of the time when they were
 *			invalidated; not those that user space has added by
 *			DMA_BUF_IOCTL_IMPORT_SYNC_FILE. Ends with a fatal
 *			signal, except at the close.
 *   unmap		of importers, which are part of the kernel: as fences
 *   release of a buffer	for walks of the list of buffers
 *   notification	of importers that the BARs are back: for reservation
 *			locks, in a work item. Only the close waits for that
 *			work, and the release of the buffer whose lock it is.
 *
 * A transition invalidates all importers before it waits for the first, and
 * those whose reservation lock is held come last: a hung importer delays a
 * transition but keeps no CPU mapping and no other importer's mapping alive. A
 * task that is killed while it waits gives up: then the transition does not
 * take place, but a worker completes a revoke, as for
 * VFIO_DMA_BUF_REVOKE_NOWAIT. The close of the device cannot give up; but its
 * wait comes before it takes the locks that other devices need, and from then
 * on the state is BUSY, so that under those locks no importer is left to wait
 * for.
 *
 * Lifetime
 * --------
 * A dma-buf can outlive its struct file: something else may hold the dentry. So
 * this code uses neither &dma_buf.file nor what is behind it. A buffer is on
 * the list until its release or the end of its revoke, but stays there while a
 * task uses it (&vfio_pci_dma_buf.users), which the release waits for. It has a
 * reference of its own on the inode, for the address_space.
 *
 * Order of locks
 * --------------
 *	mmap_lock
 *	    bars->lock
 *		bars->gate (write)
 *	    fs_reclaim (page tables)
 *	    bars->gate (read)
 *		lock of a page table
 *
 *	bars->iomap.lock
 *	    mmap_lock (read() and write() of a BAR)
 *	    memory_lock
 *
 *	memory_lock
 *	    mmap_lock (resets, through locks of other subsystems)
 *	    bars->lock
 *	    dma_resv
 *		locks of importers: iopt_pages->mutex of iommufd
 *	    i_mmap_rwsem
 *
 * No path waits for memory_lock under mmap_lock: mmap, faults and the wait of an
 * export do without it, so that a device can be reset, and user memory be
 * accessed, under memory_lock. vfio_pci_lockdep() tells lockdep all of this.
 */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_bars.h"

/*
 * Protects &vfio_pci_core_device.nr_resets, the resets in progress that other
 * code has begun; .frozen, which is set from the report of an error to the end
 * of the recovery; and .bars, for code that does not keep the device open.
 * Innermost.
 */
static DEFINE_SPINLOCK(vfio_pci_outside_lock);

/**
 * vfio_pci_bars_new - allocate the state of the BARs of one device
 * @vdev: the device
 *
 * Return: The object, CLOSED and with one reference, or NULL.
 */
struct vfio_pci_bars *vfio_pci_bars_new(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars;

	bars = kzalloc_obj(*bars, GFP_KERNEL_ACCOUNT);
	if (!bars)
		return NULL;
	kref_init(&bars->kref);
	rwlock_init(&bars->gate);
	init_waitqueue_head(&bars->settled);
	init_waitqueue_head(&bars->unmapped);
	init_waitqueue_head(&bars->unused);
	mutex_init(&bars->lock);
	init_rwsem(&bars->iomap.lock);
	INIT_LIST_HEAD(&bars->bufs);
	bars->vdev = vdev;
	return bars;
}

static void vfio_pci_bars_free(struct kref *kref)
{
	struct vfio_pci_bars *bars =
		container_of(kref, struct vfio_pci_bars, kref);

	WARN_ON(!list_empty(&bars->bufs));
	/* Each work item references a buffer, which references @bars */
	if (bars->finish)
		destroy_workqueue(bars->finish);
	mutex_destroy(&bars->lock);
	kfree(bars);
}

/**
 * vfio_pci_bars_get - take a reference
 * @bars: the object, of which the caller holds a reference
 *
 * Return: @bars.
 */
struct vfio_pci_bars *vfio_pci_bars_get(struct vfio_pci_bars *bars)
{
	kref_get(&bars->kref);
	return bars;
}

/**
 * vfio_pci_bars_put - release a reference
 * @bars: the object
 */
void vfio_pci_bars_put(struct vfio_pci_bars *bars)
{
	kref_put(&bars->kref, vfio_pci_bars_free);
}

/**
 * vfio_pci_bars_tryget - take a reference on the BARs of a device
 * @vdev: the device, open or not
 *
 * For callers that do not keep the device open.
 *
 * Return: The object, or NULL if the device is not open.
 */
struct vfio_pci_bars *vfio_pci_bars_tryget(struct vfio_pci_core_device *vdev)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	return vdev->bars ? vfio_pci_bars_get(vdev->bars) : NULL;
}

/**
 * vfio_pci_bars_publish - set the BARs that resets find at a device
 * @vdev: the device
 * @bars: its BARs, or NULL
 */
void vfio_pci_bars_publish(struct vfio_pci_core_device *vdev,
			   struct vfio_pci_bars *bars)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	vdev->bars = bars;
}

/**
 * vfio_pci_bars_set_state - change the state
 * @bars: the object, locked
 * @state: the new state. Every fault that maps a page from now on sees it.
 */
void vfio_pci_bars_set_state(struct vfio_pci_bars *bars,
			     enum vfio_pci_bars_state state)
{
	lockdep_assert_held(&bars->lock);

	write_lock(&bars->gate);
	if (state == VFIO_PCI_BARS_ON && bars->state != VFIO_PCI_BARS_ON)
		WRITE_ONCE(bars->epoch, bars->epoch + 1);
	/*
	 * An importer's mapping tests for ON without the gate. A task that
	 * finds that mapping under the reservation lock must see the new epoch,
	 * too, or would take the importer for invalidated:
	 * vfio_pci_dma_buf_tell().
	 */
	smp_store_release(&bars->state, state);
	write_unlock(&bars->gate);
}

/**
 * vfio_pci_bars_change_state - change the state of a device's BARs
 * @vdev: the device, open, memory_lock held for writing
 * @state: the new state
 */
void vfio_pci_bars_change_state(struct vfio_pci_core_device *vdev,
				enum vfio_pci_bars_state state)
{
	lockdep_assert_held_write(&vdev->memory_lock);
	guard(mutex)(&vdev->bars->lock);

	vfio_pci_bars_set_state(vdev->bars, state);
}

/**
 * vfio_pci_bars_closed - has the device no BARs that could be taken away?
 * @vdev: the device, memory_lock held
 *
 * Return: %true if the device is not open. In a set that is reset together,
 * some devices may not be.
 */
bool vfio_pci_bars_closed(struct vfio_pci_core_device *vdev)
{
	return !vdev->bars ||
	       READ_ONCE(vdev->bars->state) == VFIO_PCI_BARS_CLOSED;
}

/* Does this task run a transition, so that the reset is part of it? */
static bool vfio_pci_bars_is_owner(struct vfio_pci_bars *bars)
{
	return READ_ONCE(bars->owner) == current;
}

/**
 * vfio_pci_bars_outside - does a reset or a recovery keep the BARs BUSY?
 * @vdev: the device
 *
 * Return: %false if no reset or recovery of other code is in progress. Other
 * code counts one that begins, and then sets the state under
 * &vfio_pci_bars.lock, so that a holder of that lock does not miss it.
 */
bool vfio_pci_bars_outside(struct vfio_pci_core_device *vdev)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	return vdev->nr_resets || vdev->frozen;
}

/**
 * vfio_pci_bars_outside_begin - count a reset or a recovery that begins
 * @vdev: the device
 * @error: %true for a recovery
 *
 * If the BARs are not open, they may be opened before it ends:
 * vfio_pci_bars_open() finds the count.
 *
 * Return: The BARs, referenced, or NULL if they are not open or the reset is
 * part of a transition of this task.
 */
struct vfio_pci_bars *
vfio_pci_bars_outside_begin(struct vfio_pci_core_device *vdev, bool error)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	/* A reset that a transition of this task has begun is its own */
	if (!error && vdev->bars && vfio_pci_bars_is_owner(vdev->bars))
		return NULL;
	if (error)
		vdev->frozen = true;
	else
		vdev->nr_resets++;
	return vdev->bars ? vfio_pci_bars_get(vdev->bars) : NULL;
}

/**
 * vfio_pci_bars_outside_end - count a reset or a recovery that ends
 * @vdev: the device
 * @error: %true for a recovery
 *
 * Return: %true if nothing else is in progress.
 */
bool vfio_pci_bars_outside_end(struct vfio_pci_core_device *vdev, bool error)
{
	bool last;

	guard(spinlock)(&vfio_pci_outside_lock);

	if (error) {
		last = vdev->frozen && !vdev->nr_resets;
		vdev->frozen = false;
		return last;
	}
	if (vdev->bars && vfio_pci_bars_is_owner(vdev->bars))
		return false;
	/* 0 if the reset began before the probe of vfio-pci */
	return vdev->nr_resets && !--vdev->nr_resets && !vdev->frozen;
}

/**
 * vfio_pci_memory_lock_init - initialize a device's memory_lock
 * @memory_lock: the lock
 *
 * All memory_locks are of one lockdep class, which vfio_pci_lockdep() uses.
 */
void vfio_pci_memory_lock_init(struct rw_semaphore *memory_lock)
{
	init_rwsem(memory_lock);
}
