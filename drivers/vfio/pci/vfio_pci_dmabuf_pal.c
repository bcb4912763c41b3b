// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-pci as a dma-buf exporter: slices of a BAR as physical ranges (PAL).
 *
 * BAR memory cannot move and cannot be pinned; it can only be taken away, when
 * the device is reset, loses its memory decode or is closed. So an importer has
 * to be revocable. PAL is all that is offered: the dma-buf core makes
 * scatterlists of it for importers whose device can do peer-to-peer with ours.
 *
 * A revoke sets @revoked under the reservation lock, tells the importers and
 * waits until every mapping, of either kind, has given its reference on @kref
 * back. map_phys() tests the flag under the same lock, so no mapping begins
 * after the revoke has begun.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"

/* The last reference is gone: vfio_pci_dma_buf_move() waits for this */
void vfio_pci_dma_buf_done(struct kref *kref)
{
	struct vfio_pci_dma_buf *priv =
		container_of(kref, struct vfio_pci_dma_buf, kref);

	complete(&priv->comp);
}

static const struct dma_buf_phys_list *
vfio_pci_dma_buf_map_phys(struct dma_buf_attachment *attach)
{
	struct vfio_pci_dma_buf *priv = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (priv->revoked)
		return ERR_PTR(-ENODEV);

	kref_get(&priv->kref);
	return priv->list;
}

static void vfio_pci_dma_buf_unmap_phys(struct dma_buf_attachment *attach,
					const struct dma_buf_phys_list *list)
{
	struct vfio_pci_dma_buf *priv = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	kref_put(&priv->kref, vfio_pci_dma_buf_done);
}

static const struct dma_buf_mapping_pal_exp_ops vfio_pci_dma_buf_pal_ops = {
	.map_phys = vfio_pci_dma_buf_map_phys,
	.unmap_phys = vfio_pci_dma_buf_unmap_phys,
};

/*
 * Matching asks how the importer's device gets to ours, which needs a function
 * that answers to config accesses, and the bridges above it. A reference on the
 * function is not enough for that. But everything that takes one of them away
 * revokes the buffer first, under the reservation lock.
 *
 * What was matched may be revoked right after: vfio_pci_dma_buf_map_phys() will
 * see it.
 */
static int vfio_pci_dma_buf_match(struct dma_buf_match_args *args)
{
	struct vfio_pci_dma_buf *priv = args->dmabuf->priv;
	bool revocable = dma_buf_attach_revocable(args->attach);
	struct dma_buf_mapping_match exp;
	int ret = revocable ? -ENODEV : -EOPNOTSUPP;

	dma_resv_lock(args->dmabuf->resv, NULL);
	if (!priv->revoked) {
		exp = DMA_BUF_EMAPPING_PAL_P2P(&vfio_pci_dma_buf_pal_ops,
					       priv->vdev->pdev);
		ret = dma_buf_match_mapping(args, &exp, 1);
	}
	dma_resv_unlock(args->dmabuf->resv);

	if (!ret && !revocable)
		return -EOPNOTSUPP;
	return ret;
}

static void vfio_pci_dma_buf_release(struct dma_buf *dmabuf)
{
	struct vfio_pci_dma_buf *priv = dmabuf->priv;

	/*
	 * Either this or vfio_pci_dma_buf_cleanup() takes the buffer off the
	 * list. That one leaves a buffer alone whose file is on its way here.
	 */
	if (priv->vdev) {
		down_write(&priv->vdev->memory_lock);
		list_del_init(&priv->dmabufs_elm);
		up_write(&priv->vdev->memory_lock);
		vfio_device_put_registration(&priv->vdev->vdev);
	}
	vfio_pci_dma_buf_free(priv);
}

const struct dma_buf_ops vfio_pci_dmabuf_ops = {
	.match_mapping = vfio_pci_dma_buf_match,
	.release = vfio_pci_dma_buf_release,
};

/*
 * Copy the user's ranges. Their number is the user's choice too: bounded here,
 * and what is kept of them is charged to the user in vfio_pci_dma_buf_alloc().
 * To be freed with kvfree().
 */
struct vfio_region_dma_range *
vfio_pci_dma_buf_get_ranges(const void __user *from, u32 nr_ranges)
{
	if (nr_ranges > VFIO_PCI_DMA_BUF_MAX_RANGES)
		return ERR_PTR(-ENOMEM);
	return vmemdup_array_user(from, nr_ranges,
				  sizeof(struct vfio_region_dma_range));
}

/*
 * The list lies behind the object, in one piece of memory. Its ranges are left
 * to the caller to fill in, all of them.
 */
struct vfio_pci_dma_buf *
vfio_pci_dma_buf_alloc(struct vfio_pci_core_device *vdev, u32 nr_ranges)
{
	struct vfio_pci_dma_buf *priv;
	size_t head = sizeof(*priv) + sizeof(*priv->list);

	priv = kvmalloc(size_add(sizeof(*priv),
				 struct_size(priv->list, phys, nr_ranges)),
			GFP_KERNEL_ACCOUNT);
	if (!priv)
		return ERR_PTR(-ENOMEM);

	memset(priv, 0, head);
	priv->list = (struct dma_buf_phys_list *)(priv + 1);
	priv->list->length = nr_ranges;
	priv->vdev = vdev;
	return priv;
}

void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *priv)
{
	kvfree(priv);
}
