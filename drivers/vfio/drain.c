// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that has to wait for others before its last close does so here,
 * without the locks that the close takes and that other devices need.
 *
 * The kernel knows which close is the last only when all earlier ones are done,
 * and a task can open the device meanwhile. So the close that begins when all
 * other open files are already closing drains. If the device is still open when
 * every close that had begun is done, the drain ends.
 *
 * open_count and nr_closing, the number of open files whose close has begun,
 * change together under the lock of the device set. Ending a drain takes that
 * lock, and has to wait until no task drains: a draining task holds locks of
 * the driver, for as long as importers take.
 */
#include <linux/mutex.h>
#include <linux/vfio.h>

#include "vfio.h"

static bool vfio_df_can_drain(struct vfio_device_file *df)
{
	return df->device->drain && df->access_granted;
}

/**
 * vfio_df_drain_begin - call this before the close of a device's file
 * @df: the file
 */
void vfio_df_drain_begin(struct vfio_device_file *df)
{
	struct vfio_device *device = df->device;

	if (!vfio_df_can_drain(df))
		return;
	scoped_guard(mutex, &device->dev_set->lock) {
		df->closing = true;
		df->drained = ++device->nr_closing == device->open_count;
		device->nr_draining += df->drained;
	}
	if (df->drained)
		device->drain(device, true);
}

/**
 * vfio_df_drain_closed - a device's file is no longer open
 * @df: the file, which open_count has just ceased to count
 */
void vfio_df_drain_closed(struct vfio_device_file *df)
{
	lockdep_assert_held(&df->device->dev_set->lock);

	if (df->closing)
		df->device->nr_closing--;
}

/**
 * vfio_df_drain_end - call this after the close of a device's file
 * @df: the file. Its device is still registered.
 */
void vfio_df_drain_end(struct vfio_device_file *df)
{
	struct vfio_device *device = df->device;

	if (!df->closing)
		return;
	guard(mutex)(&device->dev_set->lock);
	device->drained |= df->drained;
	device->nr_draining -= df->drained;
	if (device->drained && !device->nr_draining &&
	    device->open_count > device->nr_closing) {
		device->drain(device, false);
		device->drained = false;
	}
	if (!device->open_count)
		device->drained = false;
}
