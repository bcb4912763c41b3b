// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open and close of the BARs of a device.
 */
#include <linux/dma-buf.h>
#include <linux/vfio_pci_core.h>
#include <linux/workqueue.h>

#include "vfio_pci_open.h"
#include "vfio_pci_slice.h"
#include "vfio_pci_transition.h"
#include "vfio_pci_wc.h"

/**
 * vfio_pci_bars_prepare - allocate what vfio_pci_bars_open() needs
 * @vdev: the device, about to be opened
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_pci_bars_prepare(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars;

	/* Left from an earlier attempt to open the device, which failed */
	if (vdev->bars)
		return 0;
	bars = vfio_pci_bars_new(vdev);
	if (!bars)
		return -ENOMEM;
	vfio_pci_transition_init(bars);
	vfio_pci_wc_init(bars);
	vfio_pci_bars_publish(vdev, bars);
	return 0;
}

/**
 * vfio_pci_bars_open - allow access to the BARs
 * @vdev: the device, enabled
 */
void vfio_pci_bars_open(struct vfio_pci_core_device *vdev)
{
	down_write(&vdev->memory_lock);
	/* A reset that other code has begun keeps this state until its end */
	vfio_pci_bars_change_state(vdev, VFIO_PCI_BARS_BUSY);
	vfio_pci_start_bars_and_unlock(vdev);
}

/**
 * vfio_pci_bars_close - take the BARs away permanently
 * @vdev: the device, about to be disabled
 *
 * Exported buffers live on, empty.
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

	/* While the BARs are CLOSED, no work is queued for them */
	cancel_work_sync(&bars->settle);
	cancel_work_sync(&bars->back);
	vfio_pci_wc_cancel(bars);
	/* Its revokes have no importer left to wait for */
	if (bars->finish)
		flush_workqueue(bars->finish);

	/* No VMA of the device's file is left, and no new one is possible */
	for (i = 0; i < ARRAY_SIZE(bars->bar); i++)
		if (bars->bar[i])
			dma_buf_put(bars->bar[i]);
	vfio_pci_bars_put(bars);
}

/**
 * vfio_pci_bars_release - release the BARs with the device
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
 * Runs under the lock of the device set, so it must not wait for memory_lock:
 * its holder may be waiting for an importer, and other devices would wait with
 * it.
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

/* Here, because the work may wait for a reservation lock: the close must not */
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
 * @begin: %false if the device is not closed after all
 *
 * The close has to wait for importers, and runs under locks that other devices
 * need. In between, mapping a buffer fails, as during a reset.
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
 * vfio_pci_bars_init_dev - initialize the parts that last from probe to remove
 * @vdev: the device
 */
void vfio_pci_bars_init_dev(struct vfio_pci_core_device *vdev)
{
	vfio_pci_memory_lock_init(&vdev->memory_lock);
	vdev->vdev.drain = vfio_pci_bars_drain;
}
