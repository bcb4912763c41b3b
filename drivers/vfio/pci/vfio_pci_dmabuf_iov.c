// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci as a dma-buf exporter: slices of a virtual function's BAR for the
 * driver of its physical function (IOV).
 *
 * The PF's driver knows what is behind the BAR and gets offsets in it. The
 * offer requires that the buffer is in the BAR, because other memory of a
 * driver has no offset there. The ranges are those of the buffer's list. The
 * life of a mapping, and its end, are as for other importers, see
 * vfio_pci_dmabuf_pal.c.
 */
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>

#include "vfio_pci_dmabuf_iov.h"

static int vfio_pci_dma_buf_look(struct dma_buf_attachment *attach,
				 struct dma_buf_iov *iov)
{
	struct vfio_pci_dma_buf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* If the buffer is not on, the function may be gone */
	if (!vfio_pci_dma_buf_on(buf))
		return -ENODEV;
	iov->vf = buf->pdev;
	iov->bar = buf->bar;
	iov->nr_ranges = buf->list->length;
	return 0;
}

static void vfio_pci_dma_buf_range(struct dma_buf_attachment *attach,
				   unsigned int i,
				   struct dma_buf_iov_range *range)
{
	struct vfio_pci_dma_buf *buf = attach->dmabuf->priv;
	const struct phys_vec *phys = &buf->list->phys[i];

	range->offset = phys->paddr - pci_resource_start(buf->pdev, buf->bar);
	range->length = phys->len;
}

static int vfio_pci_dma_buf_map_iov(struct dma_buf_attachment *attach)
{
	return vfio_pci_dma_buf_map_begin(attach->dmabuf->priv);
}

static void vfio_pci_dma_buf_unmap_iov(struct dma_buf_attachment *attach)
{
	vfio_pci_dma_buf_map_end(attach->dmabuf->priv);
}

static const struct dma_buf_mapping_iov_exp_ops vfio_pci_dma_buf_iov_ops = {
	.look = vfio_pci_dma_buf_look,
	.range = vfio_pci_dma_buf_range,
	.map_iov = vfio_pci_dma_buf_map_iov,
	.unmap_iov = vfio_pci_dma_buf_unmap_iov,
};

/**
 * vfio_pci_dma_buf_offer_iov - offer a buffer to the PF of its VF
 * @buf: the buffer, on, see vfio_pci_dma_buf_on()
 * @exp: entry to be filled in
 *
 * Return: The number of entries filled in: 1, or 0 if the device is no VF or
 * the buffer is not in its BAR.
 */
size_t vfio_pci_dma_buf_offer_iov(struct vfio_pci_dma_buf *buf,
				  struct dma_buf_mapping_match *exp)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	if (!buf->pdev->is_virtfn || !buf->mappable)
		return 0;
	*exp = DMA_BUF_EMAPPING_IOV(&vfio_pci_dma_buf_iov_ops, buf->pdev,
				    buf->bar);
	*exp = dma_buf_offer(*exp, DMA_BUF_OFFER_REVOCABLE);
	return 1;
}
