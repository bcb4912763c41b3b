// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter that also has operations in its functions, where compound
 * literals do not last; see tools/convert/test_convert.py.
 */
#include <linux/dma-buf.h>
#include <linux/module.h>
#include <linux/virtio_dma_buf.h>

struct local_buf {
	struct dma_buf_ops ops;
};

static struct sg_table *local_map(struct dma_buf_attachment *attach,
				  enum dma_data_direction dir)
{
	return ERR_PTR(-ENOMEM);
}

static void local_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir)
{
}

static void local_release(struct dma_buf *dmabuf)
{
}

const struct dma_buf_ops ops = {
	.map_dma_buf = local_map,
	.unmap_dma_buf = local_unmap,
};

void local_init(struct local_buf *buf, bool virtio)
{
	if (virtio) {
		const struct virtio_dma_buf_ops outer = {
			.ops = {
				.map_dma_buf = local_map,
				.unmap_dma_buf = local_unmap,
			},
		};

		buf->ops = outer.ops;
	} else {
		const struct dma_buf_ops ops = {
			.map_dma_buf = local_map,
			.unmap_dma_buf = local_unmap,
			.release = local_release,
		};

		buf->ops = ops;
	}
}

const struct dma_buf_ops *local_ops(void)
{
#ifdef LOCAL_PLAIN
	return &ops;
#else
	static const struct dma_buf_ops other = {
		.map_dma_buf = local_map,
		.unmap_dma_buf = local_unmap,
		.release = local_release,
	};

	return &other;
#endif
}

const struct virtio_dma_buf_ops local_virtio_ops = {
	.ops = {
		.map_dma_buf = local_map,
		.unmap_dma_buf = local_unmap,
		.release = local_release,
	},
};

MODULE_IMPORT_NS("DMA_BUF");
