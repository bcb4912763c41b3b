// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
struct my_ops {
	struct sg_table *(*map_dma_buf)(void *p);
	void (*unmap_dma_buf)(void *p);
	void (*dma_buf_map_attachment)(void *p);
	void (*move_notify)(void *p);
};
struct sg_table *m(void *p);
void u(void *p);
const struct my_ops o = {
	.map_dma_buf = m,
	.unmap_dma_buf = u,
	.dma_buf_map_attachment = u,
};
struct my_bus { struct device *dev; bool peer2peer; };
void *f(const struct my_ops *o, struct my_bus *attach, struct dma_buf *b)
{
	o->dma_buf_map_attachment(b);
	return attach->peer2peer ? attach->dev : (void *)o->map_dma_buf(b);
}
