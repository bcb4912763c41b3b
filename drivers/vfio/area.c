// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses for mappings of a device's file, if its driver chooses them.
 */
#include <linux/fs.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/vfio.h>

#include "vfio.h"

/**
 * vfio_device_fops_get_unmapped_area - &file_operations.get_unmapped_area
 * @file: the device's file
 * @addr: where user space would like the mapping, or 0
 * @len: its length
 * @pgoff: its first page in the file
 * @flags: flags of mmap()
 *
 * Return: The address or -errno.
 */
unsigned long vfio_device_fops_get_unmapped_area(struct file *file,
						 unsigned long addr,
						 unsigned long len,
						 unsigned long pgoff,
						 unsigned long flags)
{
	struct vfio_device_file *df = file->private_data;
	struct vfio_device *device = df->device;

	/* Pairs with smp_store_release() following vfio_df_open() */
	if (flags & MAP_FIXED || !smp_load_acquire(&df->access_granted) ||
	    !device->get_unmapped_area)
		return mm_get_unmapped_area(file, addr, len, pgoff, flags);
	return device->get_unmapped_area(device, file, addr, len, pgoff, flags);
}
