// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that has to wait for others before its last close does so here,
 * without the locks that the close takes and other devices need.
 *
 * Whose close is the last is only known when all that came before it are done,
 * and somebody can open the device meanwhile. So who is the last to begin of
 * those that are open now drains, and if the device is open after all once every
 * close that had begun is done, that ends it.
 *
 * open_count and nr_closing, which counts those of the open files whose close
 * has begun, change together under the lock of the device set. Nobody ends a
 * drain, which takes that lock, while somebody else is draining: the driver's own
 * locks are busy then, for as long as importers take.
 */
#include <linux/mutex.h>
#include <linux/vfio.h>

#include "vfio.h"

static bool vfio_df_can_drain(struct vfio_device_file *df)
{
	return df->device->drain && df->access_granted;
}

/**
 * vfio_df_drain_begin - before the close of a device's file
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
 * vfio_df_drain_closed - a device's file is not one of the open ones any more
 * @df: the file, which was taken out of open_count just now
 */
void vfio_df_drain_closed(struct vfio_device_file *df)
{
	lockdep_assert_held(&df->device->dev_set->lock);

	if (df->closing)
		df->device->nr_closing--;
}

/**
 * vfio_df_drain_end - after the close of a device's file
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
