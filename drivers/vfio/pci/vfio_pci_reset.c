// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that vfio-pci does not begin itself: through sysfs, of a neighbour's
 * bus, and those with which the PCI core recovers from errors.
 *
 * The PCI core tells before and after, and the BARs are taken away and given
 * back as in every transition (vfio_pci_bars.c). What is different is that
 * memory_lock must not be waited for: the PCI core has blocked accesses of user
 * space to the configuration space of the device, and the holder of memory_lock
 * may be waiting for one. So these resets are counted, and until the last has
 * ended the state is BUSY, whatever a transition of vfio-pci does in between. To
 * work out what comes after takes memory_lock again: if somebody holds it just
 * now a worker does it.
 *
 * A reset that vfio-pci begins ends up here as well, in the task that runs the
 * transition, with nothing left to do.
 */
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_bars.h"

/* Does this task run a transition, and the reset is its own? */
static bool vfio_pci_bars_is_owner(struct vfio_pci_bars *bars)
{
	return READ_ONCE(bars->owner) == current;
}

/*
 * Keep the state BUSY from here on, for an error that was reported or for a
 * reset. BARs that are not open yet have nobody to take them from, but may be
 * opened before it ends: vfio_pci_bars_open() finds it here.
 */
static bool vfio_pci_bars_hold(struct vfio_pci_bars *bars, bool error)
{
	guard(mutex)(&bars->lock);

	if (error)
		bars->frozen = true;
	else
		bars->outside++;
	if (bars->state == VFIO_PCI_BARS_CLOSED)
		return false;
	vfio_pci_bars_set_state(bars, VFIO_PCI_BARS_BUSY);
	return true;
}

/**
 * vfio_pci_bars_settle_work - work out the state after a reset
 * @work: &vfio_pci_bars.settle
 */
void vfio_pci_bars_settle_work(struct work_struct *work)
{
	struct vfio_pci_bars *bars =
		container_of(work, struct vfio_pci_bars, settle);

	down_write(&bars->vdev->memory_lock);
	vfio_pci_start_bars_and_unlock(bars->vdev);
}

static void vfio_pci_bars_settle(struct vfio_pci_core_device *vdev,
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
 * vfio_pci_core_reset_prepare - for &pci_error_handlers.reset_prepare
 * @pdev: the function, which is about to be reset
 *
 * Context: The device lock is held, and accesses of user space to the
 * configuration space are blocked. Waits for importers. Somebody who is killed
 * meanwhile cannot stop the reset, only the waiting: importers know by then that
 * the memory is gone.
 */
void vfio_pci_core_reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(&pdev->dev);
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);

	if (!bars)
		return;
	if (!vfio_pci_bars_is_owner(bars) && vfio_pci_bars_hold(bars, false))
		vfio_pci_bars_take(vdev, bars, true);
	vfio_pci_bars_put(bars);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_prepare);

/**
 * vfio_pci_core_reset_done - for &pci_error_handlers.reset_done
 * @pdev: the function, which was reset
 *
 * Context: As vfio_pci_core_reset_prepare(). If somebody holds
 * memory_lock the BARs come back soon after.
 */
void vfio_pci_core_reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(&pdev->dev);
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);
	bool settle = false;

	if (!bars)
		return;
	scoped_guard(mutex, &bars->lock) {
		bars->failed = false;
		/* 0 if the device was closed and opened in between */
		if (!vfio_pci_bars_is_owner(bars) && bars->outside)
			settle = !--bars->outside;
	}
	if (settle)
		vfio_pci_bars_settle(vdev, bars);
	vfio_pci_bars_put(bars);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_done);

/**
 * vfio_pci_bars_error - an error of the function was reported
 * @vdev: the device
 * @state: what it has come to. If the function is frozen a reset follows, and
 *	then either vfio_pci_core_resume() or this again, with a permanent
 *	failure: until the next reset every access raises SIGBUS.
 *
 * Context: The device lock is held. The thread that recovers from the error
 * cannot be killed and may have other functions to see to, so importers are
 * told, but not waited for.
 */
void vfio_pci_bars_error(struct vfio_pci_core_device *vdev,
			 pci_channel_state_t state)
{
	struct vfio_pci_bars *bars;
	int ret = 0;

	if (state == pci_channel_io_normal)
		return;
	bars = vfio_pci_bars_tryget(vdev);
	if (!bars)
		return;
	if (vfio_pci_bars_hold(bars, true)) {
		vfio_pci_bars_cut_cpus(vdev, bars);
		vfio_pci_bars_tell(bars, false, &ret);
	}
	if (state == pci_channel_io_perm_failure) {
		scoped_guard(mutex, &bars->lock) {
			bars->failed = true;
			bars->frozen = false;
		}
		vfio_pci_bars_settle(vdev, bars);
	}
	vfio_pci_bars_put(bars);
}

/**
 * vfio_pci_core_resume - for &pci_error_handlers.resume
 * @pdev: the function, which has recovered from an error
 *
 * Context: The device lock is held.
 */
void vfio_pci_core_resume(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(&pdev->dev);
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);
	bool settle;

	if (!bars)
		return;
	scoped_guard(mutex, &bars->lock) {
		bars->failed = false;
		settle = bars->frozen;
		bars->frozen = false;
	}
	if (settle)
		vfio_pci_bars_settle(vdev, bars);
	vfio_pci_bars_put(bars);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_resume);
