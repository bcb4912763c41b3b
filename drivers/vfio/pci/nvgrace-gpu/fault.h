/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGRACE_GPU_FAULT_H
#define NVGRACE_GPU_FAULT_H

#include <linux/types.h>

struct nvgrace_gpu_pci_core_device;
struct vfio_pci_core_device;

bool nvgrace_gpu_is_ready_legacy(void __iomem *io);
int nvgrace_gpu_test_device_ready(struct nvgrace_gpu_pci_core_device *nvdev);
void nvgrace_gpu_fault_wait(struct vfio_pci_core_device *vdev);
void nvgrace_gpu_fault_reset(struct nvgrace_gpu_pci_core_device *nvdev);

#endif /* NVGRACE_GPU_FAULT_H */
