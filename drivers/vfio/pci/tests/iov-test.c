// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slices of a virtual function for the driver of its physical function: the offer, and
 * that a reset, a revoke and the close of the device take it back.
 */
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/vfio_pci_core.h>

#include <kunit/test.h>

#include "vfio_pci_bar_mmap.h"
#include "vfio_pci_dmabuf_iov.h"
#include "vfio_pci_open.h"
#include "vfio_pci_revoke.h"
#include "vfio_pci_transition.h"

#ifdef CONFIG_PCI_IOV

#define BAR		2
#define BAR_START	SZ_1G
#define BAR_SIZE	SZ_1M
#define OFFSET		SZ_128K

/**
 * struct iov_test - a VF with one slice, and its PF, which may have it mapped
 * @vdev: vfio-pci's device for the VF
 * @pdev: the VF
 * @pf: the PF
 * @bus: the bus of @pdev
 * @inode: inode of the device's file
 * @config: config space
 * @ops: vfio-pci's operations, with a match for IOV alone
 * @buf: the slice
 * @dmabuf: its buffer
 * @attach: the PF's attachment
 * @mapped: the PF has mapped it
 * @invalidated: number of times that the PF was invalidated
 */
struct iov_test {
	struct vfio_pci_core_device vdev;
	struct pci_dev pdev;
	struct pci_dev pf;
	struct pci_bus bus;
	struct inode inode;
	u8 config[PCI_STD_HEADER_SIZEOF];
	struct dma_buf_ops ops;
	struct vfio_pci_dma_buf *buf;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool mapped;
	unsigned int invalidated;
};

static void pdev_release(struct device *dev)
{
}

/* Like vfio_pci_dma_buf_match(), without the ranges that need peer-to-peer */
static int match(const struct dma_buf_match_args *args)
{
	struct dma_buf_mapping_match exp;
	int ret = -EOPNOTSUPP;

	dma_resv_lock(args->dmabuf->resv, NULL);
	if (vfio_pci_dma_buf_offer_iov(args->dmabuf->priv, &exp))
		ret = dma_buf_match_mapping(args, &exp, 1);
	dma_resv_unlock(args->dmabuf->resv);
	return ret;
}

static void export(struct kunit *test)
{
	struct iov_test *t = test->priv;
	struct vfio_pci_dma_buf *buf = vfio_pci_dma_buf_alloc(&t->vdev, 2);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	buf->list->phys[0] = (struct phys_vec){ BAR_START + OFFSET, SZ_64K };
	buf->list->phys[1] = (struct phys_vec){ BAR_START, SZ_64K };
	buf->bar = BAR;
	buf->mappable = true;
	t->dmabuf = vfio_pci_dma_buf_create(buf, &vfio_pci_slice_ops,
					    SZ_128K, O_RDWR, NULL);
	if (IS_ERR(t->dmabuf)) {
		t->dmabuf = NULL;
		vfio_pci_dma_buf_free(buf);
		KUNIT_FAIL_AND_ABORT(test, "no dma-buf");
	}
	t->buf = buf;
	t->ops = *t->dmabuf->ops;
	t->ops.match_mapping = match;
	t->dmabuf->ops = &t->ops;
}

static int iov_test_init(struct kunit *test)
{
	struct iov_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	device_initialize(&t->pdev.dev);
	t->pdev.dev.release = pdev_release;
	t->pdev.current_state = PCI_D0;
	t->pdev.bus = &t->bus;
	t->pdev.is_virtfn = 1;
	t->pdev.physfn = &t->pf;
	t->pdev.resource[BAR] = DEFINE_RES_MEM(BAR_START, BAR_SIZE);
	t->pf.dev.bus = &pci_bus_type;
	t->pf.dev.init_name = "the PF";
	address_space_init_once(&t->inode.i_data);
	t->inode.i_mapping = &t->inode.i_data;
	t->vdev.vdev.inode = &t->inode;
	t->vdev.pdev = &t->pdev;
	dev_set_drvdata(&t->pdev.dev, &t->vdev);
	t->vdev.vconfig = t->config;
	t->config[PCI_COMMAND] = PCI_COMMAND_MEMORY;
	vfio_pci_bars_init_dev(&t->vdev);
	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	vfio_pci_bars_open(&t->vdev);
	export(test);
	return 0;
}

static void iov_test_exit(struct kunit *test)
{
	struct iov_test *t = test->priv;

	if (!t)
		return;
	if (!IS_ERR_OR_NULL(t->attach))
		dma_buf_detach(t->dmabuf, t->attach);
	if (t->dmabuf)
		dma_buf_put(t->dmabuf);
	vfio_pci_bars_release(&t->vdev);
	flush_delayed_fput();
}

static void unmap(struct iov_test *t)
{
	if (t->mapped)
		dma_buf_iov_unmap_attachment(t->attach);
	t->mapped = false;
}

static void invalidate(struct dma_buf_attachment *attach)
{
	struct iov_test *t = attach->importer_priv;

	t->invalidated++;
	unmap(t);
}

static const char *refuse(struct dma_buf_attachment *attach,
			  const struct dma_buf_iov *iov)
{
	return NULL;
}

static const struct dma_buf_iov_importer pf_driver = {
	.bars = BIT(BAR),
	.refuse = refuse,
};

static const struct dma_buf_mapping_match pf_types[] = {
	DMA_BUF_IMAPPING_IOV(&pf_driver),
};

static const struct dma_buf_attach_ops pf_ops = {
	.supported_mapping_types = pf_types,
	.nr_supported_mapping_types = ARRAY_SIZE(pf_types),
	.invalidate_mappings = invalidate,
};

static void attach(struct iov_test *t)
{
	t->attach = dma_buf_dynamic_attach(t->dmabuf, &t->pf.dev, &pf_ops, t);
}

static int map(struct iov_test *t, struct dma_buf_iov *iov)
{
	int ret;

	dma_resv_lock(t->dmabuf->resv, NULL);
	ret = dma_buf_iov_map_attachment(t->attach, DMA_BIDIRECTIONAL, iov);
	t->mapped = !ret;
	dma_resv_unlock(t->dmabuf->resv);
	return ret;
}

static void iov_offsets(struct kunit *test)
{
	struct iov_test *t = test->priv;
	struct dma_buf_iov_range range;
	struct dma_buf_iov iov;

	attach(t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	KUNIT_ASSERT_EQ(test, map(t, &iov), 0);
	KUNIT_EXPECT_PTR_EQ(test, iov.vf, &t->pdev);
	KUNIT_EXPECT_EQ(test, iov.bar, BAR);
	KUNIT_EXPECT_EQ(test, iov.nr_ranges, 2);
	KUNIT_EXPECT_EQ(test, t->buf->nr_maps, 1);

	dma_resv_lock(t->dmabuf->resv, NULL);
	dma_buf_iov_range(t->attach, 0, &range);
	KUNIT_EXPECT_EQ(test, range.offset, OFFSET);
	KUNIT_EXPECT_EQ(test, range.length, SZ_64K);
	dma_buf_iov_range(t->attach, 1, &range);
	KUNIT_EXPECT_EQ(test, range.offset, 0);
	unmap(t);
	dma_resv_unlock(t->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, t->buf->nr_maps, 0);
	vfio_pci_bars_close(&t->vdev);
}

/* A function that is no VF has no PF */
static void iov_not_a_vf(struct kunit *test)
{
	struct iov_test *t = test->priv;

	t->pdev.is_virtfn = 0;
	attach(t);
	KUNIT_EXPECT_PTR_EQ(test, t->attach, ERR_PTR(-EOPNOTSUPP));
	vfio_pci_bars_close(&t->vdev);
}

/* Ranges that a driver has put into the buffer may lie outside of the BAR */
static void iov_not_in_bar(struct kunit *test)
{
	struct iov_test *t = test->priv;

	t->buf->mappable = false;
	attach(t);
	KUNIT_EXPECT_PTR_EQ(test, t->attach, ERR_PTR(-EOPNOTSUPP));
	vfio_pci_bars_close(&t->vdev);
}

static void iov_reset(struct kunit *test)
{
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	attach(t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	KUNIT_ASSERT_EQ(test, map(t, &iov), 0);
	KUNIT_ASSERT_EQ(test, vfio_pci_lock_and_stop_bars(&t->vdev), 0);
	KUNIT_EXPECT_EQ(test, t->invalidated, 1);
	KUNIT_EXPECT_FALSE(test, t->mapped);
	KUNIT_EXPECT_EQ(test, map(t, &iov), -ENODEV);
	vfio_pci_start_bars_and_unlock(&t->vdev);

	KUNIT_EXPECT_EQ(test, map(t, &iov), 0);
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_FALSE(test, t->mapped);
	KUNIT_EXPECT_EQ(test, map(t, &iov), -ENODEV);
}

static void iov_revoke(struct kunit *test)
{
	struct iov_test *t = test->priv;
	struct dma_buf_iov iov;

	attach(t);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t->attach));
	KUNIT_ASSERT_EQ(test, map(t, &iov), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(t->buf), 0);
	KUNIT_EXPECT_FALSE(test, t->mapped);
	KUNIT_EXPECT_EQ(test, map(t, &iov), -ENODEV);
	vfio_pci_bars_close(&t->vdev);
}

static struct kunit_case iov_tests[] = {
	KUNIT_CASE(iov_offsets),
	KUNIT_CASE(iov_not_a_vf),
	KUNIT_CASE(iov_not_in_bar),
	KUNIT_CASE(iov_reset),
	KUNIT_CASE(iov_revoke),
	{}
};

#else /* !CONFIG_PCI_IOV */

static int iov_test_init(struct kunit *test)
{
	return 0;
}

static void iov_test_exit(struct kunit *test)
{
}

static void iov_skipped(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_PCI_IOV");
}

static struct kunit_case iov_tests[] = {
	KUNIT_CASE(iov_skipped),
	{}
};

#endif

static struct kunit_suite iov_suite = {
	.name = "dma_buf_vfio_iov",
	.init = iov_test_init,
	.exit = iov_test_exit,
	.test_cases = iov_tests,
};

kunit_test_suite(iov_suite);
MODULE_IMPORT_NS("DMA_BUF");
