// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPU's memory as a dma-buf.
 */
#include <linux/vfio_pci_core.h>

#include "dmabuf.h"
#include "nvgrace_gpu.h"

/**
 * nvgrace_dmabuf_is_memory - for &vfio_pci_device_ops.dmabuf_is_memory
 * @core_vdev: the device
 * @region_index: index of the exported region
 *
 * Return: %true for memory that is cacheable for the CPU and not treated as
 * peer-to-peer in the chip.
 */
bool nvgrace_dmabuf_is_memory(struct vfio_pci_core_device *core_vdev,
			      unsigned int region_index)
{
	return region_index == USEMEM_REGION_INDEX;
}
