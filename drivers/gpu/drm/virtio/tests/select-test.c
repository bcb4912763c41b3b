// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU moves a buffer while our device uses it. The exporter is the example of the
 * documentation, with a BAR as its memory; the importer is a live virtio-gpu, if the
 * machine has one.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/virtio.h>
#include <linux/virtio_ids.h>

#include <drm/drm_fourcc.h>
#include <drm/drm_modeset_helper_vtables.h>

#include "virtgpu_drv.h"

#include "../../../../dma-buf/tests/example-gpu.c"

#define PAGES		4
#define SIZE		(PAGES * PAGE_SIZE)
/* A device with memory behind a BAR, which the test uses as that of a GPU */
#define IVSHMEM		0x1110
#define IVSHMEM_BAR	2

/**
 * struct moving - a buffer of the exporter, and virtio-gpu's import of it
 * @bo: the exporter's object; first
 * @vram: its place in the memory of the exporter's GPU
 * @page: its pages in system memory
 * @drm: the importer
 * @plane: a plane of the importer, which maps what it is about to show
 * @obj: the import
 * @fb: the import as a framebuffer
 * @state: state of the plane, to show @fb
 */
struct moving {
	struct gpu_bo bo;
	phys_addr_t vram;
	struct page *page;
	struct drm_device *drm;
	struct drm_plane *plane;
	struct drm_gem_object *obj;
	struct virtio_gpu_framebuffer fb;
	struct virtio_gpu_plane_state state;
};

static int gpu_move(struct gpu_bo *bo, bool vram)
{
	dma_resv_assert_held(bo->dmabuf->resv);

	if (bo->in_vram == vram)
		return 0;
	if (bo->nr_pinned)
		return -EBUSY;
	bo->in_vram = vram;
	dma_buf_invalidate_mappings(bo->dmabuf);
	return 0;
}

static int map_vram(struct moving *m, struct sg_table *sgt, struct device *dev,
		    enum dma_data_direction dir)
{
	dma_addr_t addr;
	int ret;

	ret = sg_alloc_table(sgt, 1, GFP_KERNEL);
	if (ret)
		return ret;
	addr = dma_map_resource(dev, m->vram, SIZE, dir, 0);
	if (dma_mapping_error(dev, addr)) {
		sg_free_table(sgt);
		return -EIO;
	}
	sg_dma_address(sgt->sgl) = addr;
	sg_dma_len(sgt->sgl) = SIZE;
	return 0;
}

static int map_system(struct moving *m, struct sg_table *sgt,
		      struct device *dev, enum dma_data_direction dir)
{
	struct page *pages[PAGES] = { m->page, m->page, m->page, m->page };
	int ret;

	ret = sg_alloc_table_from_pages(sgt, pages, PAGES, 0, SIZE, GFP_KERNEL);
	if (ret)
		return ret;
	ret = dma_map_sgtable(dev, sgt, dir, 0);
	if (ret)
		sg_free_table(sgt);
	return ret;
}

static struct sg_table *gpu_map_here(struct gpu_bo *bo, struct device *dev,
				     enum dma_data_direction dir)
{
	struct moving *m = container_of(bo, struct moving, bo);
	struct sg_table *sgt = kzalloc_obj(*sgt);
	int ret;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = (bo->in_vram ? map_vram : map_system)(m, sgt, dev, dir);
	if (!ret)
		return sgt;
	kfree(sgt);
	return ERR_PTR(ret);
}

static void gpu_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		      enum dma_data_direction dir)
{
	struct device *dev = dma_buf_sgt_dma_device(attach);

	/* Undo the map as it was done; the buffer may be elsewhere now */
	if (dma_buf_sgt_p2p_allowed(attach))
		dma_unmap_resource(dev, sg_dma_address(sgt->sgl), SIZE, dir, 0);
	else
		dma_unmap_sgtable(dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static void gpu_release(struct dma_buf *dmabuf)
{
}

static void put_pci(void *pdev)
{
	pci_dev_put(pdev);
}

static struct pci_dev *find_pci(struct kunit *test, unsigned int device)
{
	struct pci_dev *pdev;

	pdev = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET, device, NULL);
	if (!pdev)
		kunit_skip(test, "no PCI device 1af4:%04x", device);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_pci, pdev), 0);
	return pdev;
}

/* Skip other children of the device, such as that for wakeup */
static int is_virtio_gpu(struct device *dev, const void *data)
{
	return dev->driver && !strcmp(dev->driver->name, "virtio_gpu");
}

/* The device below @pdev keeps its driver for as long as the test lasts */
static struct drm_device *find_drm(struct kunit *test, struct pci_dev *pdev)
{
	struct device *dev = device_find_child(&pdev->dev, NULL, is_virtio_gpu);
	struct virtio_gpu_device *vgdev;
	struct drm_device *drm = NULL;

	if (dev)
		drm = dev_to_virtio(dev)->priv;
	put_device(dev);
	if (!drm)
		kunit_skip(test, "no virtio-gpu with a driver");
	vgdev = drm->dev_private;
	if (!vgdev->has_resource_blob || vgdev->has_virgl_3d)
		kunit_skip(test, "virtio-gpu imports no blobs");
	return drm;
}

static struct drm_plane *find_plane(struct kunit *test, struct drm_device *drm)
{
	struct drm_plane *plane;

	drm_for_each_plane(plane, drm)
		if (plane->type == DRM_PLANE_TYPE_PRIMARY)
			return plane;
	kunit_skip(test, "virtio-gpu has no plane");
	return NULL;
}

static void free_one_page(void *page)
{
	__free_page(page);
}

static void put_buffer(void *dmabuf)
{
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

static void export(struct kunit *test, struct moving *m)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	m->page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_one_page,
							m->page), 0);
	m->bo.may_migrate = true;
	info.ops = &gpu_dmabuf_ops;
	info.size = SIZE;
	info.flags = O_RDWR;
	info.priv = &m->bo;
	m->bo.dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(m->bo.dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, put_buffer,
							m->bo.dmabuf), 0);
}

/* The driver tells the device to forget the buffer, and detaches after the answer */
static void end_import(struct kunit *test, struct moving *m)
{
	struct dma_buf *dmabuf = m->bo.dmabuf;
	unsigned int tries = 0;
	bool attached;

	drm_gem_object_put(m->obj);
	do {
		msleep(20);
		dma_resv_lock(dmabuf->resv, NULL);
		attached = !list_empty(&dmabuf->attachments);
		dma_resv_unlock(dmabuf->resv);
	} while (attached && tries++ < 500);
	KUNIT_EXPECT_FALSE(test, attached);
}

static phys_addr_t translate(struct device *dev, dma_addr_t addr)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain ? iommu_iova_to_phys(domain, addr) : addr;
}

static void expect_mapped(struct kunit *test, struct moving *m, phys_addr_t where)
{
	struct virtio_gpu_object *bo = gem_to_virtio_gpu_obj(m->obj);
	struct dma_buf *dmabuf = m->bo.dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, !bo->sgt, !where);
	if (bo->sgt && where)
		KUNIT_EXPECT_EQ(test, where,
				translate(m->drm->dev,
					  sg_dma_address(bo->sgt->sgl)));
	dma_resv_unlock(dmabuf->resv);
}

/* The driver maps what the device is about to show, unless it is mapped already */
static void show(struct kunit *test, struct moving *m)
{
	const struct drm_plane_helper_funcs *funcs = m->plane->helper_private;
	struct drm_plane_state *state = &m->state.base;

	m->fb.base.dev = m->drm;
	m->fb.base.format = drm_format_info(DRM_FORMAT_XRGB8888);
	m->fb.base.obj[0] = m->obj;
	memset(&m->state, 0, sizeof(m->state));
	state->plane = m->plane;
	state->fb = &m->fb.base;
	KUNIT_EXPECT_EQ(test, funcs->prepare_fb(m->plane, state), 0);
	funcs->cleanup_fb(m->plane, state);
	dma_fence_put(state->fence);
}

static void change_of_mind_test(struct kunit *test)
{
	struct moving *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct pci_dev *gpu = find_pci(test, 0x1040 + VIRTIO_ID_GPU);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->drm = find_drm(test, gpu);
	m->plane = find_plane(test, m->drm);
	m->bo.pdev = find_pci(test, IVSHMEM);
	m->vram = pci_resource_start(m->bo.pdev, IVSHMEM_BAR);
	export(test, m);

	m->obj = m->drm->driver->gem_prime_import(m->drm, m->bo.dmabuf);
	KUNIT_ASSERT_FALSE(test, IS_ERR(m->obj));
	expect_mapped(test, m, m->vram);

	gpu_suspend(&m->bo, true);
	expect_mapped(test, m, 0);
	show(test, m);
	expect_mapped(test, m, page_to_phys(m->page));

	gpu_suspend(&m->bo, false);
	expect_mapped(test, m, 0);
	show(test, m);
	expect_mapped(test, m, m->vram);
	/* Nothing has changed: the choice holds */
	show(test, m);
	expect_mapped(test, m, m->vram);
	end_import(test, m);
}

static struct kunit_case select_tests[] = {
	KUNIT_CASE_SLOW(change_of_mind_test),
	{}
};

static struct kunit_suite select_suite = {
	.name = "virtio_gpu_select",
	.test_cases = select_tests,
};

kunit_test_suite(select_suite);

MODULE_IMPORT_NS("DMA_BUF");
