/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGRACE_GPU_DMABUF_H
#define NVGRACE_GPU_DMABUF_H

#include <linux/types.h>

struct vfio_pci_core_device;

bool nvgrace_dmabuf_is_memory(struct vfio_pci_core_device *core_vdev,
			      unsigned int region_index);

#endif /* NVGRACE_GPU_DMABUF_H */
