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
 *				faults continue, importers may map again
 *
 * Both run under memory_lock, held for writing, so that there is one transition
 * at a time. A revoke by user space and the release of a buffer run beside it.
 *
 * ON says that memory is decoded and the device not in low power, because all
 * that ends this goes through a transition. So a fault needs no memory_lock. It
 * takes the gate, for reading, from the test of the state until the page is
 * mapped. Who changes the state has to take the gate for writing, and after
 * that no fault that saw the old state is still mapping. Nobody holds the gate
 * for writing for longer than it takes to store the new state.
 *
 * A fault that finds a transition in progress drops the lock that it came with
 * (mmap_lock or that of the VMA), sleeps until the transition is over, killable
 * and holding nothing but a reference on the struct vfio_pci_bars, and is then
 * repeated. It ends in a SIGBUS if the memory is off, the buffer was revoked or
 * the device closed.
 *
 * A hung importer delays a transition but keeps no CPU mapping alive. All waits
 * for importers can be killed, then the transition does not take place. Only at
 * the close of the device there is no way back; but that wait comes before the
 * locks are taken that other devices need, and from then on the state is BUSY,
 * so that nobody is left to wait for when they are.
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
 *	    bars->gate (read)
 *		fs_reclaim (page tables)
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

#include "vfio_pci_bars.h"
#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"
#include "vfio_pci_wc.h"

/**
 * vfio_pci_bars_new - allocate the state of the BARs of one device
 *
 * Return: The object, CLOSED and with one reference, or NULL.
 */
struct vfio_pci_bars *vfio_pci_bars_new(void)
{
	struct vfio_pci_bars *bars;

	bars = kzalloc_obj(*bars, GFP_KERNEL_ACCOUNT);
	if (!bars)
		return NULL;
	kref_init(&bars->kref);
	init_rwsem(&bars->gate);
	init_waitqueue_head(&bars->wait);
	mutex_init(&bars->lock);
	init_rwsem(&bars->barmap_lock);
	INIT_LIST_HEAD(&bars->bufs);
	return bars;
}

static void vfio_pci_bars_free(struct kref *kref)
{
	struct vfio_pci_bars *bars =
		container_of(kref, struct vfio_pci_bars, kref);

	WARN_ON(!list_empty(&bars->bufs));
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

	down_write(&bars->gate);
	WRITE_ONCE(bars->state, state);
	up_write(&bars->gate);
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
	if (buf) {
		WRITE_ONCE(buf->users, buf->users - 1);
		if (!buf->users)
			wake_up_all(&bars->wait);
	}
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

/* Take the BARs away from all CPUs, until the state is ON again */
static void vfio_pci_bars_cut_cpus(struct vfio_pci_core_device *vdev,
				   enum vfio_pci_bars_state state)
{
	struct vfio_pci_bars *bars = vdev->bars;
	struct vfio_pci_dma_buf *buf = NULL;

	lockdep_assert_held_write(&vdev->memory_lock);

	mutex_lock(&bars->lock);
	vfio_pci_bars_set_state(bars, state);
	mutex_unlock(&bars->lock);

	while ((buf = vfio_pci_bars_next(bars, buf)))
		vfio_pci_dma_buf_zap(buf);
	vfio_pci_bars_zap_device(vdev);
}

/*
 * Take the BARs away from all CPUs and then from all importers. If it returns 0
 * nobody reaches them until the state is ON again.
 */
static int vfio_pci_bars_quiesce(struct vfio_pci_core_device *vdev,
				 enum vfio_pci_bars_state state, bool killable)
{
	struct vfio_pci_bars *bars = vdev->bars;
	struct vfio_pci_dma_buf *buf = NULL;
	int ret = 0;

	vfio_pci_bars_cut_cpus(vdev, state);
	while ((buf = vfio_pci_bars_next(bars, buf))) {
		/* Killed: to the end of the list, which gives @buf back */
		if (ret)
			continue;
		vfio_pci_dma_buf_invalidate(buf);
		ret = vfio_pci_dma_buf_drain(buf, killable);
	}
	return ret;
}

/**
 * vfio_pci_bars_pause - begin a transition that is none for importers
 * @vdev: the device, open, memory_lock held for writing
 */
void vfio_pci_bars_pause(struct vfio_pci_core_device *vdev)
{
	vfio_pci_bars_cut_cpus(vdev, VFIO_PCI_BARS_BUSY);
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

	/* A device of the set that is to be reset but not open */
	if (!vdev->bars || vdev->bars->state == VFIO_PCI_BARS_CLOSED)
		return 0;

	ret = vfio_pci_bars_quiesce(vdev, VFIO_PCI_BARS_BUSY, true);
	if (ret)
		vfio_pci_bars_start(vdev);
	return ret;
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
	struct vfio_pci_dma_buf *buf = NULL;
	enum vfio_pci_bars_state state;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (!bars || bars->state == VFIO_PCI_BARS_CLOSED || bars->draining)
		return;

	state = VFIO_PCI_BARS_OFF;
	if (__vfio_pci_memory_enabled(vdev) && !vdev->pm_runtime_engaged)
		state = VFIO_PCI_BARS_ON;
	if (bars->state == state)
		return;

	/* Something turned memory off behind our back: late, but do it */
	if (WARN_ON_ONCE(bars->state == VFIO_PCI_BARS_ON))
		vfio_pci_bars_quiesce(vdev, VFIO_PCI_BARS_BUSY, false);

	mutex_lock(&bars->lock);
	vfio_pci_bars_set_state(bars, state);
	mutex_unlock(&bars->lock);
	wake_up_all(&bars->wait);

	if (state != VFIO_PCI_BARS_ON)
		return;
	while ((buf = vfio_pci_bars_next(bars, buf)))
		vfio_pci_dma_buf_validate(buf);
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
		vdev->bars = vfio_pci_bars_new();
	return vdev->bars ? 0 : -ENOMEM;
}

/**
 * vfio_pci_bars_open - from now on the BARs may be accessed
 * @vdev: the device, enabled
 */
void vfio_pci_bars_open(struct vfio_pci_core_device *vdev)
{
	down_write(&vdev->memory_lock);
	mutex_lock(&vdev->bars->lock);
	vfio_pci_bars_set_state(vdev->bars, VFIO_PCI_BARS_OFF);
	mutex_unlock(&vdev->bars->lock);
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
	vfio_pci_bars_quiesce(vdev, VFIO_PCI_BARS_CLOSED, false);
	while ((buf = vfio_pci_bars_next(bars, buf)))
		vfio_pci_wc_give_back(buf);
	vdev->bars = NULL;
	up_write(&vdev->memory_lock);
	wake_up_all(&bars->wait);

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
	if (vdev->bars)
		vfio_pci_bars_put(vdev->bars);
	vdev->bars = NULL;
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
	struct vfio_pci_bars *bars;

	down_write(&vdev->memory_lock);
	bars = vdev->bars;
	if (bars && bars->state != VFIO_PCI_BARS_CLOSED) {
		bars->draining = begin;
		if (begin)
			vfio_pci_bars_quiesce(vdev, VFIO_PCI_BARS_BUSY, false);
	}
	vfio_pci_start_bars_and_unlock(vdev);
}

/**
 * vfio_pci_bars_init_dev - initialize what a device has from its probe on
 * @vdev: the device
 */
void vfio_pci_bars_init_dev(struct vfio_pci_core_device *vdev)
{
	vfio_pci_memory_lock_init(&vdev->memory_lock);
	vdev->vdev.drain = vfio_pci_bars_drain;
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
