// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transitions: how the BARs are taken away from everybody for a time and given back.
 * When and why, see vfio_pci_bars.c.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_priv.h"
#include "vfio_pci_slice.h"
#include "vfio_pci_transition.h"

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

/* Resets of the PCI core that this task calls for are its own, see vfio_pci_reset.c */
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

static void vfio_pci_bars_settle_work(struct work_struct *work)
{
	struct vfio_pci_bars *bars =
		container_of(work, struct vfio_pci_bars, settle);

	down_write(&bars->vdev->memory_lock);
	vfio_pci_start_bars_and_unlock(bars->vdev);
}

/**
 * vfio_pci_bars_settle - work out the state without waiting for memory_lock
 * @vdev: the device
 * @bars: its BARs, a reference held
 *
 * If somebody holds memory_lock just now a worker does it.
 */
void vfio_pci_bars_settle(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_bars *bars)
{
	if (down_write_trylock(&vdev->memory_lock)) {
		vfio_pci_start_bars_and_unlock(vdev);
		return;
	}
	guard(mutex)(&bars->lock);
	/* The close waits for the work, and nobody queues it after that */
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
