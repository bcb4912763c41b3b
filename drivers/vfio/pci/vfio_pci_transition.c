// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transitions: take the BARs away from all their users for a time and give them
 * back. vfio_pci_bars.c explains when and why.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_priv.h"
#include "vfio_pci_slice.h"
#include "vfio_pci_transition.h"

/* Drivers may have mappings of their own through the device's file */
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
 * vfio_pci_bars_tell - invalidate the mappings of all importers
 * @bars: the BARs, not ON, so that no importer can map them
 * @killable: give up when the task is killed
 * @ret: set to -EINTR in that case
 *
 * Begins with the buffers whose reservation lock is free, so that a holder of
 * one reservation lock does not keep the mappings of other buffers alive.
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
		/* If killed, go on to the end: that releases @buf */
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
 * vfio_pci_bars_take - take the BARs away from CPUs and importers
 * @vdev: the device
 * @bars: its BARs, not ON, so that they cannot be mapped
 * @killable: give up when the task is killed
 *
 * Return: 0: neither CPUs nor importers reach them until the state is ON again;
 * or -EINTR: then CPUs do not.
 */
int vfio_pci_bars_take(struct vfio_pci_core_device *vdev,
		       struct vfio_pci_bars *bars, bool killable)
{
	int ret = 0;

	if (!vfio_pci_bars_take_begin(vdev, bars, killable, &ret) || ret)
		return ret;
	return vfio_pci_bars_take_wait(bars, killable);
}

/* Resets that this task runs from here on are its own, see vfio_pci_reset.c */
static void vfio_pci_bars_begin(struct vfio_pci_core_device *vdev)
{
	WRITE_ONCE(vdev->bars->owner, current);
	vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
}

/**
 * vfio_pci_bars_pause - begin a transition that does not concern importers
 * @vdev: the device, open, memory_lock held for writing
 */
void vfio_pci_bars_pause(struct vfio_pci_core_device *vdev)
{
	vfio_pci_bars_begin(vdev);
	vfio_pci_bars_cut_cpus(vdev, vdev->bars);
}

/**
 * vfio_pci_bars_stop_begin - begin a transition without waiting for importers
 * @vdev: the device, memory_lock held for writing
 *
 * For more than one device: all their importers let go at the same time.
 *
 * Return: 0: no CPU accesses the BARs any longer; or -EINTR: the task was
 * killed and the BARs are as they were.
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
 * Return: 0: neither CPUs nor importers access the BARs; or -EINTR: the task
 * was killed and has to end the transition.
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
 * Return: 0: neither CPUs nor importers access the BARs; or -EINTR: the task
 * was killed and the BARs are as they were.
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
 * Two rounds as in vfio_pci_bars_tell(): a holder of one reservation lock does
 * not delay the importers of other buffers.
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

/* Notify importers that the BARs are back. Not called when they are CLOSED. */
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

/* Does a reset, a recovery or the close keep the state as it is? */
static bool vfio_pci_bars_held(struct vfio_pci_bars *bars)
{
	return bars->state == VFIO_PCI_BARS_CLOSED || bars->draining ||
	       vfio_pci_bars_outside(bars->vdev);
}

/**
 * vfio_pci_bars_start - end a transition
 * @vdev: the device, memory_lock held for writing
 *
 * Also called, without vfio_pci_bars_stop(), after memory was possibly turned
 * on: the new state follows from the registers of the device.
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
		 * Memory went off without a transition, as when a device that
		 * fell off the bus is sent to D1. Take it away now.
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

static void vfio_pci_bars_settle_work(struct work_struct *work)
{
	struct vfio_pci_bars *bars =
		container_of(work, struct vfio_pci_bars, settle);

	down_write(&bars->vdev->memory_lock);
	vfio_pci_start_bars_and_unlock(bars->vdev);
}

/**
 * vfio_pci_bars_settle - compute the state without waiting for memory_lock
 * @vdev: the device
 * @bars: its BARs, of which the caller holds a reference
 *
 * If memory_lock is held at this time, a worker does it.
 */
void vfio_pci_bars_settle(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_bars *bars)
{
	if (down_write_trylock(&vdev->memory_lock)) {
		vfio_pci_start_bars_and_unlock(vdev);
		return;
	}
	guard(mutex)(&bars->lock);
	/* The close waits for the work, and after CLOSED it is not queued */
	if (bars->state != VFIO_PCI_BARS_CLOSED)
		schedule_work(&bars->settle);
}

/**
 * vfio_pci_transition_init - initialize what transitions need
 * @bars: the BARs, new
 */
void vfio_pci_transition_init(struct vfio_pci_bars *bars)
{
	INIT_WORK(&bars->settle, vfio_pci_bars_settle_work);
	INIT_WORK(&bars->back, vfio_pci_bars_back_work);
}
