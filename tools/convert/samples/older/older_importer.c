// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer outside of the kernel tree, for 6.1 and later kernels before mapping
 * types; see tools/convert/test_convert.py.
 */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/version.h>

static int older_fd = -1;
module_param_named(fd, older_fd, int, 0400);

static struct platform_device *older_device;
static struct dma_buf_attachment *older_attachment;
static struct sg_table *older_table;

static struct sg_table *older_get(struct dma_buf_attachment *attach)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
#else
	return dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
#endif
}

static int __init older_init(void)
{
	struct dma_buf *dmabuf = dma_buf_get(older_fd);

	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	older_device = platform_device_register_simple("older", -1, NULL, 0);
	if (IS_ERR(older_device)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(older_device);
	}
	older_attachment = dma_buf_attach(dmabuf, &older_device->dev);
	if (IS_ERR(older_attachment))
		goto err;
	older_table = older_get(older_attachment);
	dev_info(older_attachment->dev, "imported %zu bytes\n", dmabuf->size);
	return 0;

err:
	platform_device_unregister(older_device);
	dma_buf_put(dmabuf);
	return PTR_ERR(older_attachment);
}
module_init(older_init);

static void __exit older_exit(void)
{
	struct dma_buf *dmabuf = older_attachment->dmabuf;

	if (!IS_ERR(older_table)) {
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
		dma_buf_unmap_attachment(older_attachment, older_table,
					 DMA_BIDIRECTIONAL);
#else
		dma_buf_unmap_attachment_unlocked(older_attachment, older_table,
						  DMA_BIDIRECTIONAL);
#endif
	}
	dma_buf_detach(dmabuf, older_attachment);
	dma_buf_put(dmabuf);
	platform_device_unregister(older_device);
}
module_exit(older_exit);

MODULE_DESCRIPTION("Importer for the tests of make convert");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS(DMA_BUF);
#else
MODULE_IMPORT_NS("DMA_BUF");
#endif
