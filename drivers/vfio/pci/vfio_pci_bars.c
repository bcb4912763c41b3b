// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the BARs of a device can be accessed, and who has to know.
 *
 * Theory of operation
 * -------------------
 * Every mapping of a BAR that user space makes, through the device's own file
 * or through an exported slice, has a dma-buf under it: a struct
 * vfio_pci_dma_buf. All of them are on the list of one struct vfio_pci_bars,
 * which they share with the device and which outlives it. A fault looks at that
 * object only, never at the device, which may be gone.
 *
 * Whatever takes the memory of the device away for a time - a cleared MEM bit,
 * D3hot, a reset of any kind, low power - is a transition:
 *
 *	vfio_pci_bars_stop()	state BUSY: faults begin to wait;
 *				page tables are cleared, of every buffer and of
 *				the device's file, where drivers may have
 *				mappings of their own;
 *				importers are told, and waited for
 *	...			the device is reset, or what else
 *	vfio_pci_bars_start()	state ON, or OFF if the memory is off now:
 *				faults continue, importers may map again, and
 *				those that want to know are told
 *
 * Both run under memory_lock, held for writing, so that vfio-pci runs one
 * transition at a time. A revoke by user space and the release of a buffer run
 * beside it, and so does a reset that somebody else begins (vfio_pci_reset.c):
 * it must not wait for memory_lock, and keeps the state BUSY with a count.
 *
 * ON says that memory is decoded and the device not in low power, because all
 * that ends this goes through a transition. So a fault needs no memory_lock. It
 * takes the gate, for reading, from the test of the state until the page is
 * mapped. Who changes the state has to take the gate for writing, and after
 * that no fault that saw the old state is still mapping. An importer's mapping
 * tests the state under the reservation lock, which a transition takes after it
 * has changed the state.
 *
 * A work item tells importers that they can map again: it takes the reservation
 * locks, which whoever ends a transition shall not wait for. An importer that maps by
 * itself need not be told. If the state changes meanwhile, the work item sees that
 * under the reservation lock, or the importer is told first that it can map and then
 * to let go. When the state is ON again the work is queued again, and runs once more
 * if it is running.
 *
 * A fault that finds a transition in progress drops the lock that it came with
 * (mmap_lock or that of the VMA), sleeps until the transition is over or a signal
 * comes, holding nothing but a reference on the buffer's file, and is then
 * repeated. It ends in a SIGBUS if the memory is off, the buffer was revoked or
 * the device closed.
 *
 * Who waits for whom
 * ------------------
 * The holder of a slice's file descriptor is not trusted. He can fault, map,
 * import, attach fences, have little memory, a low priority or be stopped, and
 * must not delay the owner of the device, or another client, by more than it
 * takes to map a few pages. All waits, and what ends them:
 *
 *   fault, export	for the end of a transition, holding no lock. Ends with
 *			the transition or a fatal signal, and the fault of an
 *			access of user space with any signal. A fault that may
 *			not drop its lock naps for 20 ms and is repeated.
 *   writer of @gate	for faults that insert up to 16 pages: no allocation,
 *			no preemption
 *   zap		for i_mmap_rwsem of the buffer, which the client's mmap(),
 *			munmap(), fork() and mremap() hold, without allocating;
 *			then one TLB flush for each VMA with pages, of which a
 *			buffer has no more than VFIO_SLICE_MAX_VMAS.
 *   reservation lock	for importers' map, unmap and attach, and for those who
 *			add fences: each holds it once for one call. Ends with a
 *			fatal signal, but at the close of the device.
 *   fences		of importers that are attached, as they are when the
 *			importers have been told; not those that user space has
 *			added by DMA_BUF_IOCTL_IMPORT_SYNC_FILE. Ends with a
 *			fatal signal, but at the close.
 *   unmap		of importers, which are part of the kernel: as fences
 *   release of a buffer	for those who walk the list of buffers
 *   telling importers	that the BARs are back waits for reservation locks, in a
 *			work item. Nobody waits for that but the close, and the
 *			release of the buffer whose lock it is.
 *
 * All importers are told before the first is waited for, and those whose
 * reservation lock is taken come last: a hung importer delays a transition but
 * keeps no CPU mapping and no other importer's mapping alive. Somebody who is
 * killed while waiting gives up; then the transition does not take place, but a
 * worker ends a revoke, as it does one that nobody wants to wait for. Only
 * at the close of the device there is no way back; but that wait comes before
 * the locks are taken that other devices need, and from then on the state is
 * BUSY, so that nobody is left to wait for when they are.
 *
 * Lifetime
 * --------
 * A dma-buf can live on without a struct file: something else may hold the
 * dentry. So neither &dma_buf.file nor what is behind it is used here. A buffer
 * is on the list until its release, which waits while somebody uses the buffer
 * (&vfio_pci_dma_buf.users), and has a reference on the inode of its own, for
 * the address_space.
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
 *	    bars->lock
 *	    dma_resv
 *		locks of importers: iopt_pages->mutex of iommufd
 *	    i_mmap_rwsem
 *
 * There is no order between mmap_lock and memory_lock: neither mmap nor fault
 * takes memory_lock, and export only to wait for a transition, so that a device
 * can be reset, and user memory be accessed, under it. vfio_pci_lockdep() tells
 * lockdep all of this.
 */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_bars.h"

/*
 * Protects &vfio_pci_core_device.nr_resets, the resets in progress that others
 * have begun, and .frozen: an error was reported, and the recovery is not over;
 * and .bars, for those who hold nothing that keeps the device open. Innermost.
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
	/* Its work has a reference on a buffer, which has one on this */
	if (bars->finish)
		destroy_workqueue(bars->finish);
	mutex_destroy(&bars->lock);
	kfree(bars);
}

/**
 * vfio_pci_bars_get - take a reference
 * @bars: the object, of which a reference is held
 *
 * Return: @bars.
 */
struct vfio_pci_bars *vfio_pci_bars_get(struct vfio_pci_bars *bars)
{
	kref_get(&bars->kref);
	return bars;
}

/**
 * vfio_pci_bars_put - give a reference back
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
 * For those who hold nothing that keeps the device open.
 *
 * Return: The object, or NULL if the device is not open.
 */
struct vfio_pci_bars *vfio_pci_bars_tryget(struct vfio_pci_core_device *vdev)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	return vdev->bars ? vfio_pci_bars_get(vdev->bars) : NULL;
}

/**
 * vfio_pci_bars_publish - let resets find the BARs of a device, or not any more
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
 * @state: the new state, which every fault sees that maps a page from now on
 */
void vfio_pci_bars_set_state(struct vfio_pci_bars *bars,
			     enum vfio_pci_bars_state state)
{
	lockdep_assert_held(&bars->lock);

	write_lock(&bars->gate);
	if (state == VFIO_PCI_BARS_ON && bars->state != VFIO_PCI_BARS_ON)
		WRITE_ONCE(bars->epoch, bars->epoch + 1);
	/*
	 * An importer sees ON and no gate. Who finds its mapping under the
	 * reservation lock has to find the epoch as well, or would take the
	 * importer for told: vfio_pci_dma_buf_tell().
	 */
	smp_store_release(&bars->state, state);
	write_unlock(&bars->gate);
}

/**
 * vfio_pci_bars_change_state - the same for a device
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
 * Return: %true if it is not open, which one of a set that is reset together may
 * not be.
 */
bool vfio_pci_bars_closed(struct vfio_pci_core_device *vdev)
{
	return !vdev->bars ||
	       READ_ONCE(vdev->bars->state) == VFIO_PCI_BARS_CLOSED;
}

/* Does this task run a transition, and the reset is its own? */
static bool vfio_pci_bars_is_owner(struct vfio_pci_bars *bars)
{
	return READ_ONCE(bars->owner) == current;
}

/**
 * vfio_pci_bars_outside - does a reset or a recovery keep the BARs BUSY?
 * @vdev: the device
 *
 * Return: %false if none of others is in progress. Who begins one sets the state
 * under &vfio_pci_bars.lock after that, so that nobody who holds it misses it.
 */
bool vfio_pci_bars_outside(struct vfio_pci_core_device *vdev)
{
	guard(spinlock)(&vfio_pci_outside_lock);

	return vdev->nr_resets || vdev->frozen;
}

/**
 * vfio_pci_bars_outside_begin - count a reset or a recovery that begins
 * @vdev: the device
 * @error: a recovery
 *
 * BARs that are not open have nobody to take them from, but may be opened before
 * it ends: vfio_pci_bars_open() finds it here.
 *
 * Return: The BARs, referenced, or NULL if they are not open or the reset is one
 * of a transition of this task.
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
 * vfio_pci_bars_outside_end - the same for what ends
 * @vdev: the device
 * @error: a recovery
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
	/* 0 if vfio-pci was not there yet when the reset began */
	return vdev->nr_resets && !--vdev->nr_resets && !vdev->frozen;
}

/**
 * vfio_pci_memory_lock_init - initialize a device's memory_lock
 * @memory_lock: the lock
 *
 * All of them are of one lockdep class, the one that vfio_pci_lockdep() uses.
 */
void vfio_pci_memory_lock_init(struct rw_semaphore *memory_lock)
{
	init_rwsem(memory_lock);
}
