// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that has to wait for others before its last close does so here,
 * without the locks that the close takes and other devices need.
 *
 * Whose close is the last is only known when all that came before it are done,
 * and somebody can open the device meanwhile. So who is the last of those that
 * are open now begins, and if the device is open after all once every close
 * that had begun is done, that ends it.
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
	bool last;

	if (!vfio_df_can_drain(df))
		return;
	mutex_lock(&device->dev_set->lock);
	last = ++device->nr_closing == device->open_count;
	mutex_unlock(&device->dev_set->lock);
	if (last)
		device->drain(device, true);
	df->drained = last;
}

/**
 * vfio_df_drain_end - after the close of a device's file
 * @df: the file. Its device is still registered.
 */
void vfio_df_drain_end(struct vfio_device_file *df)
{
	struct vfio_device *device = df->device;

	if (!vfio_df_can_drain(df))
		return;
	guard(mutex)(&device->dev_set->lock);
	device->nr_closing--;
	device->drained |= df->drained;
	if (device->drained && device->open_count > device->nr_closing) {
		device->drain(device, false);
		device->drained = false;
	}
	if (!device->open_count)
		device->drained = false;
}
