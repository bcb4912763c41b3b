// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci as a dma-buf exporter: slices of a BAR as physical ranges (PAL).
 *
 * BAR memory cannot move and cannot be pinned; it can only be taken away, when
 * the device is reset, loses its memory decode or is closed. So an importer has
 * to be revocable. The dma-buf core maps the ranges into the domains of
 * iommufd, and makes scatterlists of them for importers whose device can do
 * peer-to-peer with ours. The driver of a VF's PF gets a better offer, see
 * vfio_pci_dmabuf_iov.c.
 *
 * To take the buffer away, vfio-pci changes the state that
 * vfio_pci_dma_buf_on() tests, takes the reservation lock, invalidates the
 * importers and waits until there is no mapping of any kind.
 * vfio_pci_dma_buf_map_begin() tests the state under the same lock, so no
 * mapping begins after that.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>

#include "vfio_pci_dmabuf_iov.h"
#include "vfio_pci_dmabuf_pal.h"

/* Why an importer cannot have the buffer: only restorable ones get -EAGAIN */
static int vfio_pci_dma_buf_errno(struct vfio_pci_dma_buf *buf,
				  const struct dma_buf_attachment *attach)
{
	if (dma_buf_attach_restorable(attach) && !vfio_pci_dma_buf_gone(buf))
		return -EAGAIN;
	return -ENODEV;
}

static const struct dma_buf_phys_list *
vfio_pci_dma_buf_map_phys(struct dma_buf_attachment *attach)
{
	struct vfio_pci_dma_buf *buf = attach->dmabuf->priv;
	int ret = vfio_pci_dma_buf_map_begin(buf);

	return ret ? ERR_PTR(vfio_pci_dma_buf_errno(buf, attach)) : buf->list;
}

static void vfio_pci_dma_buf_unmap_phys(struct dma_buf_attachment *attach,
					const struct dma_buf_phys_list *list)
{
	vfio_pci_dma_buf_map_end(attach->dmabuf->priv);
}

static const struct dma_buf_mapping_pal_exp_ops vfio_pci_dma_buf_pal_ops = {
	.map_phys = vfio_pci_dma_buf_map_phys,
	.unmap_phys = vfio_pci_dma_buf_unmap_phys,
};

/**
 * vfio_pci_dma_buf_match - negotiate the mapping type
 * @args: what the core passes
 *
 * Matching finds the path from the importer's device to ours, which needs a
 * function that answers config accesses, and the bridges above it. A reference
 * on the function is not enough for that. But everything that takes one of them
 * away revokes the buffer first, under the reservation lock.
 *
 * A match may be revoked right after: vfio_pci_dma_buf_map_begin() will see it.
 *
 * Return: The result of dma_buf_match_mapping(), -EINTR if the task was killed,
 * or, if the buffer is revoked and the importer is revocable, -ENODEV: -EAGAIN
 * instead if the buffer will come back and the importer is restorable.
 */
int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args)
{
	struct vfio_pci_dma_buf *buf = args->dmabuf->priv;
	bool revocable = dma_buf_attach_revocable(args->attach);
	struct dma_buf_mapping_match exp[2];
	size_t n;
	int ret;

	atomic_inc(&buf->matching);
	/* Counts before it reads the state: see vfio_pci_dma_buf_quiet() */
	smp_mb__after_atomic();
	ret = dma_buf_lock_killable(args->dmabuf);
	if (ret)
		goto out;
	ret = -EOPNOTSUPP;
	if (revocable)
		ret = vfio_pci_dma_buf_errno(buf, args->attach);
	if (vfio_pci_dma_buf_on(buf)) {
		n = vfio_pci_dma_buf_offer_iov(buf, exp);
		exp[n] = DMA_BUF_EMAPPING_RANGES(&vfio_pci_dma_buf_pal_ops,
						 buf->list->provider,
						 BIT(buf->list->kind), 0);
		exp[n] = dma_buf_offer(exp[n], DMA_BUF_OFFER_REVOCABLE);
		ret = dma_buf_match_mapping(args, exp, n + 1);
	}
	dma_resv_unlock(args->dmabuf->resv);
out:
	atomic_dec(&buf->matching);
	return ret;
}
