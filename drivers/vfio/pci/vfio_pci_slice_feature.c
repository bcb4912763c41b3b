// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the user of a device can do with a slice after the export: revoke it and
 * choose how it is mapped.
 */
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"
#include "vfio_pci_wc.h"

/*
 * The user's argument. 1 if it was read; 0 for a PROBE without one, which asks
 * whether there is such a feature. A PROBE with an argument asks whether these
 * values are possible, and needs no slice.
 */
static int vfio_pci_slice_arg(struct vfio_pci_core_device *vdev, u32 flags,
			      void *to, const void __user *arg, size_t argsz,
			      size_t size)
{
	int ret;

	if (!vdev->pci_ops || !vdev->pci_ops->get_dmabuf_phys)
		return -EOPNOTSUPP;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET, size);
	if (ret < 0 || (!ret && argsz < size))
		return ret;
	return copy_from_user(to, arg, size) ? -EFAULT : 1;
}

/* The dma-buf @fd is, referenced, if it is one of @vdev as it is open now */
static struct dma_buf *vfio_pci_slice_get(struct vfio_pci_core_device *vdev,
					  int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	struct vfio_pci_dma_buf *buf;

	if (IS_ERR(dmabuf))
		return dmabuf;
	if (dmabuf->ops == &vfio_pci_dmabuf_ops) {
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

/* Not every architecture has write-combining, nor every x86 */
static bool vfio_pci_slice_can_wc(void)
{
	pgprot_t nc = pgprot_noncached(PAGE_SHARED);
	pgprot_t wc = pgprot_writecombine(PAGE_SHARED);

	return pgprot_val(wc) != pgprot_val(nc);
}

/* Can there be such mappings? A slice may still have a reason of its own. */
static int vfio_pci_slice_check_memattr(u32 memattr)
{
	switch (memattr) {
	case VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_NC:
		return 0;
	case VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC:
		return vfio_pci_slice_can_wc() ? 0 : -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

static int vfio_pci_slice_set_memattr(struct vfio_pci_core_device *vdev,
				      struct vfio_pci_dma_buf *buf, u32 memattr)
{
	int ret;

	if (vfio_pci_dma_buf_gone(buf))
		return -EBADFD;
	ret = vfio_pci_slice_check_memattr(memattr);
	if (ret)
		return ret;
	return vfio_pci_wc_set(vdev, buf, memattr);
}

/**
 * vfio_pci_feature_dma_buf_memattr - VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR
 * @vdev: the device
 * @flags: flags of the feature
 * @arg: the user's argument
 * @argsz: its size
 *
 * Return: 0 or -errno, see <uapi/linux/vfio.h>.
 */
int vfio_pci_feature_dma_buf_memattr(struct vfio_pci_core_device *vdev, u32 flags,
				     void __user *arg, size_t argsz)
{
	struct vfio_device_feature_dma_buf_memattr set;
	struct dma_buf *dmabuf;
	int ret;

	ret = vfio_pci_slice_arg(vdev, flags, &set, arg, argsz, sizeof(set));
	if (ret != 1)
		return ret;
	ret = vfio_pci_slice_check_memattr(set.memattr);
	if (ret == -EINVAL || flags & VFIO_DEVICE_FEATURE_PROBE)
		return ret;

	dmabuf = vfio_pci_slice_get(vdev, set.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = vfio_pci_slice_set_memattr(vdev, dmabuf->priv, set.memattr);
	dma_buf_put(dmabuf);
	return ret;
}
