// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of a device's user on a slice after the export: revoke.
 */
#include <linux/dma-buf.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_bar_mmap.h"
#include "vfio_pci_revoke.h"
#include "vfio_pci_slice_feature.h"

/**
 * vfio_pci_slice_arg - read the argument of a feature
 * @vdev: the device
 * @flags: flags of the feature
 * @to: buffer for the argument
 * @arg: the user's argument
 * @argsz: its size
 * @size: the size that it should have
 *
 * Return: 1 if the argument was read; 0 for a PROBE without one, which asks
 * whether the feature exists; or -errno. A PROBE with an argument asks whether
 * its values are possible, and needs no slice.
 */
int vfio_pci_slice_arg(struct vfio_pci_core_device *vdev, u32 flags, void *to,
		       const void __user *arg, size_t argsz, size_t size)
{
	int ret;

	if (!vdev->pci_ops || !vdev->pci_ops->get_dmabuf_phys)
		return -EOPNOTSUPP;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET, size);
	if (ret < 0 || (!ret && argsz < size))
		return ret;
	return copy_from_user(to, arg, size) ? -EFAULT : 1;
}

/**
 * vfio_pci_slice_get - get a slice by its file descriptor
 * @vdev: the device
 * @fd: the file descriptor
 *
 * Return: The dma-buf, referenced, or an ERR_PTR if it is not a slice that
 * @vdev has exported since it was opened.
 */
struct dma_buf *vfio_pci_slice_get(struct vfio_pci_core_device *vdev, int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct vfio_pci_dma_buf *buf;

	if (IS_ERR(dmabuf))
		return dmabuf;
	if (dmabuf->ops == &vfio_pci_slice_ops) {
		buf = dmabuf->priv;
		if (buf->bars == vdev->bars)
			return dmabuf;
	}
	dma_buf_put(dmabuf);
	return ERR_PTR(-ENODEV);
}

/**
 * vfio_pci_feature_dma_buf_revoke - VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
 * @vdev: the device
 * @flags: flags of the feature
 * @arg: the user's argument
 * @argsz: its size
 *
 * Return: 0 or -errno, see <uapi/linux/vfio.h>.
 */
int vfio_pci_feature_dma_buf_revoke(struct vfio_pci_core_device *vdev, u32 flags,
				    void __user *arg, size_t argsz)
{
	struct vfio_device_feature_dma_buf_revoke revoke;
	struct dma_buf *dmabuf;
	int ret;

	ret = vfio_pci_slice_arg(vdev, flags, &revoke, arg, argsz,
				 sizeof(revoke));
	if (ret != 1)
		return ret;
	if (revoke.flags & ~VFIO_DMA_BUF_REVOKE_NOWAIT)
		return -EINVAL;
	if (flags & VFIO_DEVICE_FEATURE_PROBE)
		return 0;

	dmabuf = vfio_pci_slice_get(vdev, revoke.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (revoke.flags & VFIO_DMA_BUF_REVOKE_NOWAIT)
		ret = vfio_pci_dma_buf_start_revoke(dmabuf->priv);
	else
		ret = vfio_pci_dma_buf_revoke(dmabuf->priv);
	dma_buf_put(dmabuf);
	return ret;
}
