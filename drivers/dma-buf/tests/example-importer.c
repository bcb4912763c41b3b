// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: an importer for one device that takes peer-to-peer or nothing. A
 * test includes it.
 */
/* [headers] */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>

/**
 * struct import - a buffer that the device uses
 * @dev: the device
 * @attach: the attachment
 * @sgt: the mapping, NULL if there is none. Protected by the reservation lock.
 */
struct import {
	struct device *dev;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
};

/* The driver's own code: stops the device's use of the addresses */
static void device_stop(struct import *import);

/* [let go] */
static void import_let_go(struct import *import,
			  struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	if (!import->sgt)
		return;
	device_stop(import);
	dma_buf_sgt_unmap_attachment(attach, import->sgt, DMA_BIDIRECTIONAL);
	import->sgt = NULL;
}

static void import_invalidate(struct dma_buf_attachment *attach)
{
	/* Do not use import->attach: it may not be set yet */
	import_let_go(attach->importer_priv, attach);
}

/* [table] */
static const struct dma_buf_mapping_match import_types[] = {
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_REQUIRES_P2P),
};

static const struct dma_buf_attach_ops import_attach_ops = {
	.supported_mapping_types = import_types,
	.nr_supported_mapping_types = ARRAY_SIZE(import_types),
	.invalidate_mappings = import_invalidate,
};

static int import_begin(struct import *import, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(dmabuf, import->dev, &import_attach_ops,
					import);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	get_dma_buf(dmabuf);
	import->attach = attach;
	return 0;
}

/* [use] */
/* Called before each use: maps again after an invalidation. -ENODEV: it is revoked. */
static int import_map(struct import *import)
{
	struct dma_buf *dmabuf = import->attach->dmabuf;
	struct sg_table *sgt;
	long ret = 0;

	dma_resv_lock(dmabuf->resv, NULL);
	if (!import->sgt) {
		sgt = dma_buf_sgt_map_attachment(import->attach,
						 DMA_BIDIRECTIONAL);
		if (IS_ERR(sgt))
			ret = PTR_ERR(sgt);
		else
			import->sgt = sgt;
	}
	/* The exporter may still be moving the buffer */
	if (!ret)
		ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL,
					    false, MAX_SCHEDULE_TIMEOUT);
	dma_resv_unlock(dmabuf->resv);
	return min(ret, 0);
}

/* [end of use] */
static void import_end(struct import *import)
{
	struct dma_buf_attachment *attach = import->attach;
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	import_let_go(import, attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/* [end] */
