// SPDX-License-Identifier: GPL-2.0-only
/*
 * The feature with which a device's user chooses how a slice is mapped.
 */
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/vfio.h>

#include "vfio_pci_slice_feature.h"
#include "vfio_pci_slice_memattr.h"
#include "vfio_pci_wc.h"

/* Some architectures and some x86 CPUs lack write-combining */
static bool vfio_pci_slice_can_wc(void)
{
	pgprot_t nc = pgprot_noncached(PAGE_SHARED);
	pgprot_t wc = pgprot_writecombine(PAGE_SHARED);

	return pgprot_val(wc) != pgprot_val(nc);
}

/* Can there be such mappings? A slice may still be refused later. */
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
	if (!buf->mappable)
		return memattr == VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC ?
		       -EOPNOTSUPP : 0;
	return vfio_pci_wc_set(vdev, buf,
			       memattr == VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC);
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
