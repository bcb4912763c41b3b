// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that other code begins: through sysfs, of a neighbour's bus, and those
 * with which the PCI core recovers from errors.
 *
 * The PCI core calls vfio-pci before and after, and the BARs are taken away and
 * given back as in every transition (vfio_pci_bars.c). The difference is that
 * these calls must not wait for memory_lock: the PCI core has blocked accesses
 * of user space to the configuration space of the device, and the holder of
 * memory_lock may be waiting for one. So these resets are counted, and until
 * the last has ended the state is BUSY, whatever transitions vfio-pci runs in
 * between. The device has the count, not the BARs: it can be closed and opened
 * meanwhile. Computing the next state takes memory_lock again: if it is held at
 * that time, a worker does it.
 *
 * A reset that vfio-pci begins ends up here as well, in the task that runs the
 * transition, with nothing left to do.
 */
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_reset.h"
#include "vfio_pci_transition.h"

/* %false if the BARs are not open */
static bool vfio_pci_bars_busy(struct vfio_pci_bars *bars)
{
	guard(mutex)(&bars->lock);

	if (bars->state == VFIO_PCI_BARS_CLOSED)
		return false;
	vfio_pci_bars_set_state(bars, VFIO_PCI_BARS_BUSY);
	return true;
}

/*
 * A reset is over, or with @error a recovery. @failed is set first: once the
 * state is not kept BUSY, the end of a transition may compute it. The device
 * may be closed and opened in between: then these are other BARs, which were
 * BUSY from the beginning.
 */
static void vfio_pci_bars_end(struct vfio_pci_core_device *vdev, bool error,
			      bool failed)
{
	struct vfio_pci_bars *bars = vfio_pci_bars_tryget(vdev);

	if (bars) {
		scoped_guard(mutex, &bars->lock)
			bars->failed = failed;
		vfio_pci_bars_put(bars);
	}
	if (!vfio_pci_bars_outside_end(vdev, error))
		return;
	bars = vfio_pci_bars_tryget(vdev);
	if (bars) {
		vfio_pci_bars_settle(vdev, bars);
		vfio_pci_bars_put(bars);
	}
}

/**
 * vfio_pci_core_reset_prepare - for &pci_error_handlers.reset_prepare
 * @pdev: the function, which is about to be reset
 *
 * Context: The caller holds the device lock and has blocked accesses of user
 * space to the configuration space. Waits for importers. A fatal signal ends
 * the wait, but not the reset: importers are invalidated by then.
 */
void vfio_pci_core_reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *vdev = dev_get_drvdata(&pdev->dev);
	struct vfio_pci_bars *bars = vfio_pci_bars_outside_begin(vdev, false);

	if (!bars)
		return;
	if (vfio_pci_bars_busy(bars))
		vfio_pci_bars_take(vdev, bars, true);
	vfio_pci_bars_put(bars);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_prepare);

/**
 * vfio_pci_core_reset_done - for &pci_error_handlers.reset_done
 * @pdev: the function, which was reset
 *
 * Context: As vfio_pci_core_reset_prepare(). If memory_lock is held, the BARs
 * come back soon after.
 */
void vfio_pci_core_reset_done(struct pci_dev *pdev)
{
	vfio_pci_bars_end(dev_get_drvdata(&pdev->dev), false, false);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_done);

/**
 * vfio_pci_bars_error - an error of the function was reported
 * @vdev: the device
 * @state: state of the channel. If the function is frozen a reset follows, and
 *	then either vfio_pci_core_resume() or this again, with a permanent
 *	failure: until the next reset every access raises SIGBUS.
 *
 * Context: The caller holds the device lock. The thread that recovers from the
 * error cannot be killed and may have to handle other functions, so this
 * invalidates importers, but does not wait for them.
 */
void vfio_pci_bars_error(struct vfio_pci_core_device *vdev,
			 pci_channel_state_t state)
{
	struct vfio_pci_bars *bars;
	int ret = 0;

	if (state == pci_channel_io_normal)
		return;
	bars = vfio_pci_bars_outside_begin(vdev, true);
	if (bars) {
		if (vfio_pci_bars_busy(bars)) {
			vfio_pci_bars_cut_cpus(vdev, bars);
			vfio_pci_bars_tell(bars, false, &ret);
		}
		vfio_pci_bars_put(bars);
	}
	if (state == pci_channel_io_perm_failure)
		vfio_pci_bars_end(vdev, true, true);
}

/**
 * vfio_pci_core_resume - for &pci_error_handlers.resume
 * @pdev: the function, which has recovered from an error
 *
 * Context: The caller holds the device lock.
 */
void vfio_pci_core_resume(struct pci_dev *pdev)
{
	vfio_pci_bars_end(dev_get_drvdata(&pdev->dev), true, false);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_resume);

/**
 * vfio_pci_bars_unplug - the device is about to be taken from vfio-pci
 * @vdev: the device, which may be open
 *
 * The PCI core ends no recovery of a device that was pulled out. A task that
 * waits for the end would never close the device.
 *
 * Context: The caller holds the device lock.
 */
void vfio_pci_bars_unplug(struct vfio_pci_core_device *vdev)
{
	if (READ_ONCE(vdev->frozen))
		vfio_pci_bars_end(vdev, true, true);
}
