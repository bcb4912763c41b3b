// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fault in the device's memory before the device is ready again after a
 * reset.
 *
 * The device can take some minutes to be ready, and a reset reaches mmap_lock
 * under memory_lock. So the fault only tests whether the device is ready. If
 * not, it waits without mmap_lock, see vfio_pci_core_fault_retry(), and is
 * repeated, so that the next fault sees the result.
 */
#include <linux/io.h>
#include <linux/vfio_pci_core.h>

#include "fault.h"
#include "nvgrace_gpu.h"

/**
 * nvgrace_gpu_is_ready_legacy - is a device without CXL DVSEC ready?
 * @io: mapping of its BAR 0
 *
 * Return: %true if it is.
 */
bool nvgrace_gpu_is_ready_legacy(void __iomem *io)
{
	return ioread32(io + C2C_LINK_BAR0_OFFSET) == STATUS_READY &&
	       ioread32(io + HBM_TRAINING_BAR0_OFFSET) == STATUS_READY;
}

/**
 * nvgrace_gpu_test_device_ready - nvgrace_gpu_check_device_ready() without waiting
 * @nvdev: the device, memory_lock held
 *
 * Return: 0 if it is ready, -EAGAIN if a fault may wait for it, or -errno.
 */
int nvgrace_gpu_test_device_ready(struct nvgrace_gpu_pci_core_device *nvdev)
{
	struct vfio_pci_core_device *vdev = &nvdev->core_device;
	int ret;

	lockdep_assert_held_read(&vdev->memory_lock);

	if (!READ_ONCE(nvdev->reset_done))
		return 0;

	if (!__vfio_pci_memory_enabled(vdev))
		return -EIO;

	if (nvdev->cxl_dvsec)
		ret = nvgrace_gpu_test_device_ready_cxl(nvdev, NULL);
	else
		ret = nvgrace_gpu_is_ready_legacy(nvdev->bar0_base) ? 0 : -EAGAIN;
	if (!ret)
		WRITE_ONCE(nvdev->reset_done, false);
	else if (READ_ONCE(nvdev->gave_up) == READ_ONCE(nvdev->nr_resets) + 1)
		ret = -ETIME;

	return ret;
}

/**
 * nvgrace_gpu_fault_wait - wait until the device is ready
 * @vdev: the device
 *
 * For vfio_pci_core_fault_retry().
 *
 * Context: The caller does not hold mmap_lock. A fatal signal ends the wait.
 */
void nvgrace_gpu_fault_wait(struct vfio_pci_core_device *vdev)
{
	struct nvgrace_gpu_pci_core_device *nvdev =
		container_of(vdev, struct nvgrace_gpu_pci_core_device,
			     core_device);
	unsigned int nr_resets = READ_ONCE(nvdev->nr_resets);
	int ret = 0;

	if (nvdev->cxl_dvsec && READ_ONCE(nvdev->reset_done))
		ret = nvgrace_gpu_wait_device_ready_cxl(nvdev);

	if (down_read_killable(&vdev->memory_lock))
		return;
	if (!ret && !vdev->pm_runtime_engaged)
		ret = nvgrace_gpu_check_device_ready(nvdev);
	/* A reset in the meantime has another number */
	if (ret == -ETIME)
		WRITE_ONCE(nvdev->gave_up, nr_resets + 1);
	up_read(&vdev->memory_lock);
}

/**
 * nvgrace_gpu_fault_reset - after a reset, discard what earlier faults have
 * found
 * @nvdev: the device
 */
void nvgrace_gpu_fault_reset(struct nvgrace_gpu_pci_core_device *nvdev)
{
	WRITE_ONCE(nvdev->nr_resets, nvdev->nr_resets + 1);
}
