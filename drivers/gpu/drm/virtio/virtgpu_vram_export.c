// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export of virtio-gpu objects to other devices.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>
#include <linux/virtio.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "virtgpu_drv.h"

/**
 * DOC: what a virtio-gpu buffer offers
 *
 * - Memory of the guest: SGT, for any importer.
 * - A mappable host blob: PAL, peer-to-peer from the device's PCI function,
 *   because the host-visible window is a part of one of its BARs. The core maps
 *   it for iommufd, and makes a scatterlist for others.
 * - The same blob, to importers that cannot take PAL: SGT. The kernel cannot tell
 *   whether a device reaches a BAR behind a host bridge that it does not know, but
 *   the window is memory of the host, which the host shows to all devices of this
 *   machine like its other memory. The DMA API maps the window for the importer's
 *   device; if it cannot, the exporter refuses the importer. A static importer
 *   cannot be asked to let go of the window.
 * - Any host blob, to another virtio device: SGT with an empty table, if the host
 *   can name resources (VIRTIO_GPU_F_RESOURCE_UUID). Both devices refer to the
 *   resource by its UUID and need no address.
 *
 * When the device goes away the driver invalidates the importers of the window, and
 * map calls fail with -ENODEV.
 */

static struct virtio_gpu_object *dmabuf_to_bo(const struct dma_buf *dmabuf)
{
	return gem_to_virtio_gpu_obj((struct drm_gem_object *)dmabuf->priv);
}

/* SGT for memory of the guest */

static const struct dma_buf_mapping_sgt_exp_ops guest_ops = {
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
};

/*
 * Find the blob in the CPU's address space. The attach has mapped and pinned it, so
 * this does not wait.
 */
static int find_in_window(struct dma_buf_attachment *attach,
			  struct phys_vec *range)
{
	struct virtio_gpu_object *bo = dmabuf_to_bo(attach->dmabuf);
	struct virtio_gpu_object_vram *vram = to_virtio_gpu_vram(bo);
	struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (READ_ONCE(vgdev->queues_closed))
		return -ENODEV;

	range->paddr = vram->place.node.start;
	range->len = vram->place.node.size;
	return 0;
}

/* PAL for a window in a BAR: the core makes scatterlists of it */

static const struct dma_buf_phys_list *
bar_map(struct dma_buf_attachment *attach)
{
	struct virtio_gpu_object *bo = dmabuf_to_bo(attach->dmabuf);
	struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;
	struct dma_buf_phys_list *list;
	int ret;

	list = dma_buf_phys_list_alloc(1, GFP_KERNEL);
	if (!list)
		return ERR_PTR(-ENOMEM);

	ret = find_in_window(attach, &list->phys[0]);
	if (ret) {
		kvfree(list);
		return ERR_PTR(ret);
	}
	list->provider = vgdev->window.provider;
	return list;
}

static void bar_unmap(struct dma_buf_attachment *attach,
		      const struct dma_buf_phys_list *list)
{
	kvfree(list);
}

static const struct dma_buf_mapping_pal_exp_ops bar_ops = {
	.map_phys = bar_map,
	.unmap_phys = bar_unmap,
};

/* SGT for a window as memory of the host, or outside of a BAR */

static struct sg_table *resource_map(struct dma_buf_attachment *attach,
				     enum dma_data_direction dir)
{
	struct device *dev = dma_buf_sgt_dma_device(attach);
	struct phys_vec range;
	struct sg_table *sgt;
	dma_addr_t addr;
	int ret;

	ret = find_in_window(attach, &range);
	if (ret)
		return ERR_PTR(ret);
	if (overflows_type(range.len, unsigned int))
		return ERR_PTR(-EFBIG);

	sgt = kzalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, 1, GFP_KERNEL);
	if (ret)
		goto err_free;

	addr = dma_map_resource(dev, range.paddr, range.len, dir,
				DMA_ATTR_SKIP_CPU_SYNC);
	ret = dma_mapping_error(dev, addr);
	if (ret)
		goto err_table;

	sg_set_page(sgt->sgl, NULL, range.len, 0);
	sg_dma_address(sgt->sgl) = addr;
	sg_dma_len(sgt->sgl) = range.len;
	return sgt;

err_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void resource_unmap(struct dma_buf_attachment *attach,
			   struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_unmap_resource(dma_buf_sgt_dma_device(attach),
			   sg_dma_address(sgt->sgl), sg_dma_len(sgt->sgl), dir,
			   DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

static const struct dma_buf_mapping_sgt_exp_ops resource_ops = {
	.map_dma_buf = resource_map,
	.unmap_dma_buf = resource_unmap,
};

/* A UUID instead of addresses, for virtio devices */

static struct sg_table *name_map(struct dma_buf_attachment *attach,
				 enum dma_data_direction dir)
{
	struct sg_table *sgt = kzalloc_obj(*sgt);

	return sgt ?: ERR_PTR(-ENOMEM);
}

static void name_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		       enum dma_data_direction dir)
{
	kfree(sgt);
}

static const struct dma_buf_mapping_sgt_exp_ops name_ops = {
	.map_dma_buf = name_map,
	.unmap_dma_buf = name_unmap,
};

/* Is the importer a virtio device? Looks at all its entries. */
static bool importer_is_virtio(const struct dma_buf_match_args *args)
{
	size_t i;

	for (i = 0; i < args->imp_len; i++) {
		const struct dma_buf_mapping_match *imp = &args->imp_matches[i];

		if (imp->type == &dma_buf_mapping_sgt_type &&
		    !is_virtio_device(dma_buf_sgt_importer(args, imp)))
			return false;
	}
	return true;
}

/*
 * Can the DMA API map the window for this device? With an IOMMU it can at any address,
 * else only if the device can send the address: trying to map it would warn.
 */
static bool device_maps(struct device *dev,
			const struct virtio_shm_region *region)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	if (!dev->dma_mask)
		return false;
	if (domain && domain->type & __IOMMU_DOMAIN_PAGING)
		return true;
	return region->addr + region->len - 1 <=
		min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/* Can it for all devices that the importer lists? */
static bool importer_maps(const struct dma_buf_match_args *args,
			  const struct virtio_gpu_device *vgdev)
{
	size_t i;

	for (i = 0; i < args->imp_len; i++) {
		const struct dma_buf_mapping_match *imp = &args->imp_matches[i];

		if (imp->type == &dma_buf_mapping_sgt_type &&
		    !device_maps(dma_buf_sgt_importer(args, imp),
				 &vgdev->host_visible_region))
			return false;
	}
	return true;
}

/* Put the offers for the window into @offers, best first. Returns their number. */
static size_t offer_window(const struct dma_buf_match_args *args,
			   const struct virtio_gpu_device *vgdev,
			   struct dma_buf_mapping_match *offers)
{
	const struct virtio_gpu_window *window = &vgdev->window;
	size_t n = 0;

	if (window->provider) {
		offers[n] = DMA_BUF_EMAPPING_PAL_P2P(&bar_ops, window->provider);
		/* The BAR may be removed with the device */
		offers[n++].flags = DMA_BUF_OFFER_REVOCABLE;
	}
	if (importer_maps(args, vgdev))
		offers[n++] = DMA_BUF_EMAPPING_SGT(&resource_ops);
	return n;
}

static int match_host_blob(const struct dma_buf_match_args *args,
			   const struct virtio_gpu_object *bo)
{
	const struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;
	struct dma_buf_mapping_match offers[3];
	size_t n = 0;

	if (bo->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE)
		n += offer_window(args, vgdev, offers);
	if (vgdev->has_resource_assign_uuid && importer_is_virtio(args))
		offers[n++] = DMA_BUF_EMAPPING_SGT(&name_ops);

	return n ? dma_buf_match_mapping(args, offers, n) : -EOPNOTSUPP;
}

/**
 * virtio_gpu_match_mapping - what an exported object offers to an importer
 * @args: the negotiation
 *
 * &dma_buf_ops.match_mapping.
 *
 * Context: May sleep. The caller does not hold the reservation lock.
 *
 * Return: As dma_buf_match_mapping(), -ENODEV if the device is gone.
 */
int virtio_gpu_match_mapping(const struct dma_buf_match_args *args)
{
	struct virtio_gpu_object *bo = dmabuf_to_bo(args->dmabuf);
	const struct dma_buf_mapping_match guest =
		DMA_BUF_EMAPPING_SGT(&guest_ops);
	int ret, idx;

	if (!virtio_gpu_is_vram(bo))
		return dma_buf_match_mapping(args, &guest, 1);

	/* The PCI function must exist until the match is over */
	if (!drm_dev_enter(bo->base.base.dev, &idx))
		return -ENODEV;
	ret = match_host_blob(args, bo);
	drm_dev_exit(idx);
	return ret;
}

/**
 * virtio_gpu_dmabuf_attach - get ready for an importer
 * @dmabuf: the buffer
 * @attach: the attachment, with the type that was matched
 *
 * &virtio_dma_buf_ops.device_attach. The importer will map the buffer. So this maps
 * the blob, while no lock of the buffer is held during the wait for the host, and
 * pins it in its place until the importer detaches.
 *
 * Context: May sleep, killable. The caller does not hold the reservation lock.
 *
 * Return: 0, or an error of virtio_gpu_vram_pin() or of the object.
 */
int virtio_gpu_dmabuf_attach(struct dma_buf *dmabuf,
			     struct dma_buf_attachment *attach)
{
	struct virtio_gpu_object *bo = dmabuf_to_bo(dmabuf);
	int ret;

	if (!virtio_gpu_is_vram(bo))
		return drm_gem_map_attach(dmabuf, attach);
	if (dma_buf_attach_map_type(attach)->exp_ops == &name_ops.ops)
		return 0;

	ret = virtio_gpu_vram_pin(to_virtio_gpu_vram(bo));
	/* For the detach: the blob that this attachment has pinned */
	attach->priv = ret ? NULL : to_virtio_gpu_vram(bo);
	return ret;
}

/**
 * virtio_gpu_dmabuf_detach - unpin the blob of an importer that detaches
 * @dmabuf: the buffer
 * @attach: the attachment
 *
 * &dma_buf_ops.detach.
 */
void virtio_gpu_dmabuf_detach(struct dma_buf *dmabuf,
			      struct dma_buf_attachment *attach)
{
	if (!virtio_gpu_is_vram(dmabuf_to_bo(dmabuf)))
		drm_gem_map_detach(dmabuf, attach);
	else if (attach->priv)
		virtio_gpu_vram_unpin(attach->priv);
}

/**
 * virtio_gpu_exported - record a new dma-buf of an object
 * @bo: the object
 * @dmabuf: the new buffer, which no importer knows yet and which has its
 *	references on the object and the device
 *
 * Return: @dmabuf, or -ENOMEM as an ERR_PTR, after putting the buffer, whose release
 * drops the references.
 */
struct dma_buf *virtio_gpu_exported(struct virtio_gpu_object *bo,
				    struct dma_buf *dmabuf)
{
	struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;
	struct virtio_gpu_vram_export *export;

	if (!virtio_gpu_is_vram(bo))
		return dmabuf;

	export = kzalloc_obj(*export);
	if (!export) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-ENOMEM);
	}
	export->dmabuf = dmabuf;

	guard(mutex)(&vgdev->window.lock);
	list_add_tail(&export->in_window, &vgdev->window.exports);
	list_add_tail(&export->of_blob, &to_virtio_gpu_vram(bo)->exports);
	return dmabuf;
}

static void forget_export(struct virtio_gpu_window *window,
			  struct virtio_gpu_object_vram *vram,
			  const struct dma_buf *dmabuf)
{
	struct virtio_gpu_vram_export *export;

	guard(mutex)(&window->lock);
	list_for_each_entry(export, &vram->exports, of_blob) {
		if (export->dmabuf != dmabuf)
			continue;
		list_del(&export->in_window);
		list_del(&export->of_blob);
		kfree(export);
		return;
	}
	/* Not on the list: virtio_gpu_exported() had no memory for it */
}

/**
 * virtio_gpu_dmabuf_release - forget a dma-buf that is being freed
 * @dmabuf: the buffer
 *
 * &dma_buf_ops.release. The caller does not hold the reservation lock.
 */
void virtio_gpu_dmabuf_release(struct dma_buf *dmabuf)
{
	struct virtio_gpu_object *bo = dmabuf_to_bo(dmabuf);
	struct virtio_gpu_device *vgdev = bo->base.base.dev->dev_private;

	if (virtio_gpu_is_vram(bo))
		forget_export(&vgdev->window, to_virtio_gpu_vram(bo), dmabuf);
	drm_gem_dmabuf_release(dmabuf);
}

/* The BAR that contains all of the window */
static int find_bar(struct pci_dev *pdev,
		    const struct virtio_shm_region *region)
{
	struct resource window = DEFINE_RES_MEM(region->addr, region->len);
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (resource_contains(pci_resource_n(pdev, bar), &window))
			return bar;
	}
	return -ENOENT;
}

/**
 * virtio_gpu_window_init - find out where the window is
 * @vgdev: the device, whose shared memory regions are known
 *
 * Context: Probe.
 */
void virtio_gpu_window_init(struct virtio_gpu_device *vgdev)
{
	struct device *parent = vgdev->vdev->dev.parent;
	struct virtio_gpu_window *window = &vgdev->window;
	int bar;

	virtio_gpu_space_init(&window->space, &vgdev->host_visible_mm);
	mutex_init(&window->lock);
	INIT_LIST_HEAD(&window->exports);

	if (!vgdev->has_host_visible || !dev_is_pci(parent))
		return;

	bar = find_bar(to_pci_dev(parent), &vgdev->host_visible_region);
	if (bar < 0)
		return;

	window->pdev = to_pci_dev(parent);
	if (!pcim_p2pdma_init(window->pdev))
		window->provider = pcim_p2pdma_provider(window->pdev, bar);
}
