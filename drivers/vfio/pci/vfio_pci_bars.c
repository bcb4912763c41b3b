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
 *	bars->barmap_lock
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
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "vfio_pci_area.h"
#include "vfio_pci_bars.h"
#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"
#include "vfio_pci_wc.h"

static void vfio_pci_bars_back_work(struct work_struct *work);

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
	init_rwsem(&bars->barmap_lock);
	INIT_LIST_HEAD(&bars->bufs);
	INIT_WORK(&bars->settle, vfio_pci_bars_settle_work);
	INIT_WORK(&bars->back, vfio_pci_bars_back_work);
	vfio_pci_wc_init(bars);
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

/*
 * The buffer after @buf, or the first one after NULL, held until the next call
 * with it. Its release waits, so that it stays on the list meanwhile.
 */
static struct vfio_pci_dma_buf *
vfio_pci_bars_next(struct vfio_pci_bars *bars, struct vfio_pci_dma_buf *buf)
{
	struct list_head *pos = buf ? &buf->elm : &bars->bufs;
	struct vfio_pci_dma_buf *next = NULL;

	mutex_lock(&bars->lock);
	if (!list_is_last(pos, &bars->bufs)) {
		next = list_entry(pos->next, struct vfio_pci_dma_buf, elm);
		WRITE_ONCE(next->users, next->users + 1);
	}
	if (buf)
		vfio_pci_dma_buf_unuse(buf);
	mutex_unlock(&bars->lock);
	return next;
}

/* Drivers may have mapped something of their own behind the device's file */
static void vfio_pci_bars_zap_device(struct vfio_pci_core_device *vdev)
{
	loff_t start = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_BAR0_REGION_INDEX);
	loff_t end = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX);

	unmap_mapping_range(vdev->vdev.inode->i_mapping, start, end - start,
			    true);
}

/**
 * vfio_pci_bars_cut_cpus - take the BARs away from all CPUs
 * @vdev: the device
 * @bars: its BARs, not ON, so that no fault maps a page
 */
void vfio_pci_bars_cut_cpus(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_bars *bars)
{
	struct vfio_pci_dma_buf *buf = NULL;

	while ((buf = vfio_pci_bars_next(bars, buf)))
		vfio_pci_dma_buf_zap(buf);
	vfio_pci_bars_zap_device(vdev);
}

/**
 * vfio_pci_bars_tell - tell all importers that the BARs are gone
 * @bars: the BARs, not ON, so that nobody maps anew
 * @killable: give up when the task is killed
 * @ret: set to -EINTR in that case
 *
 * First those that can be told at once, so that nobody who holds a reservation
 * lock keeps the others' mappings alive.
 *
 * Return: %true if there is an importer that may have to be waited for.
 */
bool vfio_pci_bars_tell(struct vfio_pci_bars *bars, bool killable, int *ret)
{
	struct vfio_pci_dma_buf *buf = NULL;
	bool busy = false, left = false;

	while ((buf = vfio_pci_bars_next(bars, buf)))
		left |= !vfio_pci_dma_buf_try_invalidate(buf, &busy);
	if (!left)
		return busy;

	while ((buf = vfio_pci_bars_next(bars, buf))) {
		/* Killed: to the end of the list, which gives @buf back */
		if (!*ret)
			*ret = vfio_pci_dma_buf_invalidate(buf, killable,
							   &busy);
	}
	return busy;
}

/* %true if there are importers to wait for */
static bool vfio_pci_bars_take_begin(struct vfio_pci_core_device *vdev,
				     struct vfio_pci_bars *bars, bool killable,
				     int *ret)
{
	vfio_pci_bars_cut_cpus(vdev, bars);
	return vfio_pci_bars_tell(bars, killable, ret);
}

static int vfio_pci_bars_take_wait(struct vfio_pci_bars *bars, bool killable)
{
	struct vfio_pci_dma_buf *buf = NULL;
	int ret = 0;

	while ((buf = vfio_pci_bars_next(bars, buf)))
		if (!ret)
			ret = vfio_pci_dma_buf_drain(buf, killable);
	return ret;
}

/**
 * vfio_pci_bars_take - take the BARs away from everybody
 * @vdev: the device
 * @bars: its BARs, not ON, so that nobody maps anew
 * @killable: give up when the task is killed
 *
 * Return: 0, nobody reaches them until the state is ON again, or -EINTR, then
 * CPUs do not.
 */
int vfio_pci_bars_take(struct vfio_pci_core_device *vdev,
		       struct vfio_pci_bars *bars, bool killable)
{
	int ret = 0;

	if (!vfio_pci_bars_take_begin(vdev, bars, killable, &ret) || ret)
		return ret;
	return vfio_pci_bars_take_wait(bars, killable);
}

static void vfio_pci_bars_change_state(struct vfio_pci_core_device *vdev,
				       enum vfio_pci_bars_state state)
{
	lockdep_assert_held_write(&vdev->memory_lock);
	guard(mutex)(&vdev->bars->lock);

	vfio_pci_bars_set_state(vdev->bars, state);
}

/* Resets of the PCI core that this task calls for are its own, see _reset.c */
static void vfio_pci_bars_begin(struct vfio_pci_core_device *vdev)
{
	WRITE_ONCE(vdev->bars->owner, current);
	vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
}

/**
 * vfio_pci_bars_pause - begin a transition that is none for importers
 * @vdev: the device, open, memory_lock held for writing
 */
void vfio_pci_bars_pause(struct vfio_pci_core_device *vdev)
{
	vfio_pci_bars_begin(vdev);
	vfio_pci_bars_cut_cpus(vdev, vdev->bars);
}

/* A device of a set that is reset together may not be open */
static bool vfio_pci_bars_closed(struct vfio_pci_core_device *vdev)
{
	return !vdev->bars ||
	       READ_ONCE(vdev->bars->state) == VFIO_PCI_BARS_CLOSED;
}

/**
 * vfio_pci_bars_stop_begin - begin a transition without waiting for importers
 * @vdev: the device, memory_lock held for writing
 *
 * For more than one device: all their importers let go at the same time.
 *
 * Return: 0, no CPU accesses the BARs any more, or -EINTR: the task was killed
 * and the BARs are as they were.
 */
int vfio_pci_bars_stop_begin(struct vfio_pci_core_device *vdev)
{
	int ret = 0;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (vfio_pci_bars_closed(vdev))
		return 0;

	vfio_pci_bars_begin(vdev);
	vfio_pci_bars_take_begin(vdev, vdev->bars, true, &ret);
	if (ret)
		vfio_pci_bars_start(vdev);
	return ret;
}

/**
 * vfio_pci_bars_stop_wait - wait for importers in a transition
 * @vdev: the device, after vfio_pci_bars_stop_begin()
 *
 * Return: 0, nobody accesses the BARs any more, or -EINTR: the task was killed
 * and has to end the transition.
 */
int vfio_pci_bars_stop_wait(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held_write(&vdev->memory_lock);

	if (vfio_pci_bars_closed(vdev))
		return 0;
	return vfio_pci_bars_take_wait(vdev->bars, true);
}

/**
 * vfio_pci_bars_stop - begin a transition
 * @vdev: the device, memory_lock held for writing
 *
 * Return: 0, nobody accesses the BARs any more, or -EINTR: the task was killed
 * and the BARs are as they were.
 */
int vfio_pci_bars_stop(struct vfio_pci_core_device *vdev)
{
	int ret;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (vfio_pci_bars_closed(vdev))
		return 0;

	vfio_pci_bars_begin(vdev);
	ret = vfio_pci_bars_take(vdev, vdev->bars, true);
	if (ret)
		vfio_pci_bars_start(vdev);
	return ret;
}

/*
 * The same two rounds as for the bad news: nobody who holds a reservation lock
 * keeps others from theirs.
 */
static void vfio_pci_bars_back_work(struct work_struct *work)
{
	struct vfio_pci_bars *bars =
		container_of(work, struct vfio_pci_bars, back);
	struct vfio_pci_dma_buf *buf = NULL;
	bool left = false;

	while ((buf = vfio_pci_bars_next(bars, buf)))
		left |= !vfio_pci_dma_buf_try_restore(buf);
	if (!left)
		return;
	while ((buf = vfio_pci_bars_next(bars, buf)))
		vfio_pci_dma_buf_restore(buf);
}

/* Importers can have the BARs again. Nobody queues it when they are CLOSED. */
static void vfio_pci_bars_tell_back(struct vfio_pci_bars *bars)
{
	lockdep_assert_held(&bars->lock);

	if (!list_empty(&bars->bufs))
		queue_work(system_dfl_wq, &bars->back);
}

static enum vfio_pci_bars_state
vfio_pci_bars_device_state(struct vfio_pci_core_device *vdev)
{
	if (__vfio_pci_memory_enabled(vdev) && !vdev->pm_runtime_engaged)
		return VFIO_PCI_BARS_ON;
	return VFIO_PCI_BARS_OFF;
}

/* Somebody else keeps the state as it is: a reset, a recovery, the close */
static bool vfio_pci_bars_held(struct vfio_pci_bars *bars)
{
	return bars->state == VFIO_PCI_BARS_CLOSED || bars->draining ||
	       vfio_pci_bars_outside(bars->vdev);
}

/**
 * vfio_pci_bars_start - end a transition
 * @vdev: the device, memory_lock held for writing
 *
 * Also to be called, without vfio_pci_bars_stop(), after memory was possibly
 * turned on: it is the device that says what the new state is.
 */
void vfio_pci_bars_start(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vdev->bars;
	enum vfio_pci_bars_state state;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (vfio_pci_bars_closed(vdev))
		return;
	WRITE_ONCE(bars->owner, NULL);

	state = vfio_pci_bars_device_state(vdev);
	if (state != VFIO_PCI_BARS_ON &&
	    READ_ONCE(bars->state) == VFIO_PCI_BARS_ON) {
		/*
		 * Memory went without a transition, as when a device that fell
		 * off the bus is sent to D1. Late, but take it away.
		 */
		vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
		vfio_pci_bars_take(vdev, bars, true);
	}

	mutex_lock(&bars->lock);
	if (bars->failed)
		state = VFIO_PCI_BARS_OFF;
	if (!vfio_pci_bars_held(bars) && bars->state != state) {
		vfio_pci_bars_set_state(bars, state);
		if (state == VFIO_PCI_BARS_ON)
			vfio_pci_bars_tell_back(bars);
	}
	mutex_unlock(&bars->lock);
	wake_up_all(&bars->settled);
}

/**
 * vfio_pci_lock_and_stop_bars - take memory_lock and begin a transition
 * @vdev: the device
 *
 * Return: 0 or -EINTR, then without memory_lock.
 */
int vfio_pci_lock_and_stop_bars(struct vfio_pci_core_device *vdev)
{
	int ret;

	down_write(&vdev->memory_lock);
	ret = vfio_pci_bars_stop(vdev);
	if (ret)
		up_write(&vdev->memory_lock);
	return ret;
}

/**
 * vfio_pci_start_bars_and_unlock - end a transition and release memory_lock
 * @vdev: the device
 */
void vfio_pci_start_bars_and_unlock(struct vfio_pci_core_device *vdev)
{
	vfio_pci_bars_start(vdev);
	up_write(&vdev->memory_lock);
}

/**
 * vfio_pci_bars_prepare - allocate what vfio_pci_bars_open() needs
 * @vdev: the device, about to be opened
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_pci_bars_prepare(struct vfio_pci_core_device *vdev)
{
	/* Still there if a former attempt to open the device failed */
	if (!vdev->bars)
		vfio_pci_bars_publish(vdev, vfio_pci_bars_new(vdev));
	return vdev->bars ? 0 : -ENOMEM;
}

/**
 * vfio_pci_bars_open - from now on the BARs may be accessed
 * @vdev: the device, enabled
 */
void vfio_pci_bars_open(struct vfio_pci_core_device *vdev)
{
	down_write(&vdev->memory_lock);
	/* And it stays so as long as a reset that others have begun goes on */
	vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
	vfio_pci_start_bars_and_unlock(vdev);
}

/**
 * vfio_pci_bars_close - take the BARs away for ever
 * @vdev: the device, about to be disabled
 *
 * Exported buffers live on, without anything in them.
 */
void vfio_pci_bars_close(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf *buf = NULL;
	struct vfio_pci_bars *bars;
	unsigned int i;

	down_write(&vdev->memory_lock);
	bars = vdev->bars;
	vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_CLOSED);
	vfio_pci_bars_take(vdev, bars, false);
	while ((buf = vfio_pci_bars_next(bars, buf))) {
		vfio_pci_wc_close_buf(buf);
		dma_buf_hang_up(buf->dmabuf);
	}
	vfio_pci_wc_close(vdev);
	vfio_pci_bars_publish(vdev, NULL);
	up_write(&vdev->memory_lock);
	wake_up_all(&bars->settled);

	/* Nobody queues anything for BARs that are CLOSED */
	cancel_work_sync(&bars->settle);
	cancel_work_sync(&bars->back);
	vfio_pci_wc_cancel(bars);
	/* There is no importer left that it could be waiting for */
	if (bars->finish)
		flush_workqueue(bars->finish);

	/* No VMA of the device's file is left and none can be made any more */
	for (i = 0; i < ARRAY_SIZE(bars->bar); i++)
		if (bars->bar[i])
			dma_buf_put(bars->bar[i]);
	vfio_pci_bars_put(bars);
}

/**
 * vfio_pci_bars_release - the device goes away
 * @vdev: the device, not open
 */
void vfio_pci_bars_release(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vdev->bars;

	vfio_pci_bars_publish(vdev, NULL);
	if (bars)
		vfio_pci_bars_put(bars);
}

/*
 * Under the lock of the device set: whoever holds memory_lock may be waiting for
 * an importer, and must not make other devices wait.
 */
static void vfio_pci_bars_end_drain(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);

	if (!bars)
		return;
	scoped_guard(mutex, &bars->lock)
		bars->draining = false;
	vfio_pci_bars_settle(vdev, bars);
	vfio_pci_bars_put(bars);
}

/* It may be waiting for a reservation lock, which the close had better not */
static void vfio_pci_bars_end_back(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);

	if (!bars)
		return;
	cancel_work_sync(&bars->back);
	vfio_pci_bars_put(bars);
}

/**
 * vfio_pci_bars_drain - take the BARs away before the close, see vfio/drain.c
 * @core_vdev: the device
 * @begin: %false if it is not closed after all
 *
 * The close has to wait for importers, and runs under locks that other devices
 * need. Who maps a buffer in between is refused, as during a reset.
 */
static void vfio_pci_bars_drain(struct vfio_device *core_vdev, bool begin)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);

	if (!begin) {
		vfio_pci_bars_end_drain(vdev);
		return;
	}
	down_write(&vdev->memory_lock);
	if (!vfio_pci_bars_closed(vdev)) {
		scoped_guard(mutex, &vdev->bars->lock)
			vdev->bars->draining = true;
		vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
		vfio_pci_bars_take(vdev, vdev->bars, false);
	}
	vfio_pci_start_bars_and_unlock(vdev);
	vfio_pci_bars_end_back(vdev);
}

/**
 * vfio_pci_bars_init_dev - initialize what a device has from its probe on
 * @vdev: the device
 */
void vfio_pci_bars_init_dev(struct vfio_pci_core_device *vdev)
{
	vfio_pci_memory_lock_init(&vdev->memory_lock);
	vdev->vdev.drain = vfio_pci_bars_drain;
	vdev->vdev.get_unmapped_area = vfio_pci_get_area;
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
