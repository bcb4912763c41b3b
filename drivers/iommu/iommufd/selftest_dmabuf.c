// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dma-buf exporter for the iommufd selftest: as many single pages as the test
 * wants, offered as a physical list and revoked on demand.
 */
#include <linux/delay.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "iommufd_private.h"
#include "iommufd_test.h"
#include "selftest_dmabuf.h"

#define MAX_DMABUF_PAGES 512

/*
 * The pages are RAM. The exporter declares every other one as MMIO, so that the
 * importer has to keep the two apart.
 */
struct iommufd_test_dma_buf {
	struct dma_buf_phys_list *list;
	/* Under the reservation lock */
	bool revoked;
	u8 kinds[MAX_DMABUF_PAGES];
};

static void test_dmabuf_free(struct iommufd_test_dma_buf *priv)
{
	size_t i;

	for (i = 0; i < priv->list->length && priv->list->phys[i].len; i++)
		free_page((unsigned long)phys_to_virt(priv->list->phys[i].paddr));
	kvfree(priv->list);
	kfree(priv);
}

static struct iommufd_test_dma_buf *test_dmabuf_alloc(size_t npages)
{
	struct iommufd_test_dma_buf *priv;
	size_t i;

	priv = kzalloc_obj(*priv);
	if (!priv)
		return NULL;

	priv->list = dma_buf_phys_list_alloc(npages, GFP_KERNEL);
	if (!priv->list) {
		kfree(priv);
		return NULL;
	}
	for (i = 0; i < npages; i++)
		priv->kinds[i] = i % 2 ? DMA_BUF_PHYS_MEMORY : DMA_BUF_PHYS_MMIO;
	priv->list->kinds = priv->kinds;

	for (i = 0; i < npages; i++) {
		void *page = (void *)get_zeroed_page(GFP_KERNEL);

		if (!page) {
			test_dmabuf_free(priv);
			return NULL;
		}
		priv->list->phys[i].paddr = virt_to_phys(page);
		priv->list->phys[i].len = PAGE_SIZE;
	}
	return priv;
}

static const struct dma_buf_phys_list *
test_dmabuf_map_phys(struct dma_buf_attachment *attach)
{
	struct iommufd_test_dma_buf *priv = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (priv->revoked)
		return ERR_PTR(-ENODEV);
	return priv->list;
}

static void test_dmabuf_unmap_phys(struct dma_buf_attachment *attach,
				   const struct dma_buf_phys_list *list)
{
	struct iommufd_test_dma_buf *priv = attach->dmabuf->priv;

	WARN_ON(list != priv->list);
}

static const struct dma_buf_mapping_pal_exp_ops test_dmabuf_pal_ops = {
	.map_phys = test_dmabuf_map_phys,
	.unmap_phys = test_dmabuf_unmap_phys,
};

static int test_dmabuf_match(const struct dma_buf_match_args *args)
{
	const struct dma_buf_mapping_match exp[] = {
		DMA_BUF_EMAPPING_RANGES(&test_dmabuf_pal_ops, NULL,
					BIT(DMA_BUF_PHYS_MMIO) |
					BIT(DMA_BUF_PHYS_MEMORY), 0),
	};

	return dma_buf_match_mapping(args, exp, ARRAY_SIZE(exp));
}

static void test_dmabuf_release(struct dma_buf *dmabuf)
{
	test_dmabuf_free(dmabuf->priv);
}

static const struct dma_buf_ops test_dmabuf_ops = {
	.match_mapping = test_dmabuf_match,
	.release = test_dmabuf_release,
};

/* The fd of a new dma-buf of @len bytes */
int iommufd_test_dmabuf_get(struct iommufd_ucmd *ucmd, unsigned int open_flags,
			    size_t len)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct iommufd_test_dma_buf *priv;
	struct dma_buf *dmabuf;
	int fd;

	if (!len || !PAGE_ALIGNED(len) || len / PAGE_SIZE > MAX_DMABUF_PAGES)
		return -EINVAL;

	priv = test_dmabuf_alloc(len / PAGE_SIZE);
	if (!priv)
		return -ENOMEM;

	exp_info.ops = &test_dmabuf_ops;
	exp_info.size = len;
	exp_info.flags = open_flags;
	exp_info.priv = priv;

	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf)) {
		test_dmabuf_free(priv);
		return PTR_ERR(dmabuf);
	}

	fd = dma_buf_fd(dmabuf, open_flags);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static struct dma_buf *test_dmabuf_from_fd(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (!IS_ERR(dmabuf) && dmabuf->ops != &test_dmabuf_ops) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-EOPNOTSUPP);
	}
	return dmabuf;
}

int iommufd_test_dmabuf_revoke(struct iommufd_ucmd *ucmd, int fd, bool revoked)
{
	struct iommufd_test_dma_buf *priv;
	struct dma_buf *dmabuf;

	dmabuf = test_dmabuf_from_fd(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	priv = dmabuf->priv;
	dma_resv_lock(dmabuf->resv, NULL);
	priv->revoked = revoked;
	if (revoked)
		dma_buf_invalidate_mappings(dmabuf);
	else
		dma_buf_restore_mappings(dmabuf);
	dma_resv_unlock(dmabuf->resv);

	dma_buf_put(dmabuf);
	return 0;
}

/*
 * Hold the reservation lock, as an exporter or importer with much work would. Other
 * tasks that wait for the lock can be killed, or must not need it at all.
 */
int iommufd_test_dmabuf_hold(int fd, unsigned int ms)
{
	struct dma_buf *dmabuf;

	dmabuf = test_dmabuf_from_fd(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	dma_resv_lock(dmabuf->resv, NULL);
	msleep_interruptible(ms);
	dma_resv_unlock(dmabuf->resv);

	dma_buf_put(dmabuf);
	return 0;
}

/* Does @domain map @length bytes at @iova to what is at @offset of the buffer? */
static int check_domain(struct iommu_domain *domain, struct dma_buf *dmabuf,
			u64 iova, u64 length, u64 offset)
{
	const struct iommufd_test_dma_buf *priv = dmabuf->priv;
	u64 step = 1ULL << __ffs(domain->pgsize_bitmap);
	u64 end;

	if (!length || (iova | length | offset) & (step - 1))
		return -EINVAL;
	if (check_add_overflow(offset, length, &end) || end > dmabuf->size)
		return -EINVAL;

	for (; offset < end; offset += step, iova += step) {
		phys_addr_t want = priv->list->phys[offset >> PAGE_SHIFT].paddr +
				   offset_in_page(offset);

		if (iommu_iova_to_phys(domain, iova) != want)
			return -EINVAL;
	}
	return 0;
}

int iommufd_test_md_check_dmabuf(struct iommufd_ucmd *ucmd,
				 const struct iommu_test_cmd *cmd)
{
	struct iommufd_hw_pagetable *hwpt;
	struct dma_buf *dmabuf;
	int rc;

	dmabuf = test_dmabuf_from_fd(cmd->check_dmabuf.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	hwpt = iommufd_test_get_mock_hwpt(ucmd, cmd->id);
	if (IS_ERR(hwpt)) {
		rc = PTR_ERR(hwpt);
		goto out_put;
	}

	/* A revoke of this buffer frees the page tables that are read here */
	dma_resv_lock(dmabuf->resv, NULL);
	rc = check_domain(hwpt->domain, dmabuf, cmd->check_dmabuf.iova,
			  cmd->check_dmabuf.length, cmd->check_dmabuf.offset);
	dma_resv_unlock(dmabuf->resv);
	iommufd_put_object(ucmd->ictx, &hwpt->obj);
out_put:
	dma_buf_put(dmabuf);
	return rc;
}
