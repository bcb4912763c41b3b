// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of Documentation/driver-api/dma-buf-mapping.rst, which shows it from
 * mark to mark: a private type of two drivers, with an exporter operation, match data
 * and words of its own. Nothing here needs a change in a header of the core. A test
 * includes it.
 */
/* [headers] */
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "example-window.h"

/* [match] */
static int window_match(const struct dma_buf_match_args *args,
			const struct dma_buf_mapping_match *exp,
			const struct dma_buf_mapping_match *imp,
			struct dma_buf_mapping_match *result, const char **why)
{
	if (exp->private_data.ptr != imp->private_data.ptr) {
		*why = "another device";
		return -EOPNOTSUPP;
	}
	if (exp->private_data.val[0] >= imp->private_data.val[0]) {
		*why = "out of reach";
		return -EOPNOTSUPP;
	}
	result->private_data.val[1] = exp->private_data.val[0];
	return 0;
}

static void window_debugfs_dump(struct seq_file *s,
				struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);

	seq_printf(s, "%s at %#lx", (const char *)match->private_data.ptr,
		   match->private_data.val[1]);
}

static void window_describe(char *buf, size_t len,
			    const struct dma_buf_mapping_match *entry)
{
	snprintf(buf, len, "(%s of %s)",
		 entry->exp_ops ? "memory" : "function",
		 (const char *)entry->private_data.ptr);
}

const struct dma_buf_mapping_type window_type = {
	.name = "window",
	.owner = THIS_MODULE,
	.match = window_match,
	.debugfs_dump = window_debugfs_dump,
	.describe = window_describe,
};

/* [map] */
/* The exporter's operations, or NULL if the attachment is of another type */
static const struct window_exp_ops *
window_ops(struct dma_buf_attachment *attach)
{
	const struct dma_buf_mapping_match *match =
		dma_buf_attach_map_type(attach);

	if (WARN_ON(match->type != &window_type))
		return NULL;
	return container_of_const(match->exp_ops, struct window_exp_ops, ops);
}

int window_map(struct dma_buf_attachment *attach, unsigned long *offset)
{
	const struct window_exp_ops *ops;
	int ret;

	ret = dma_buf_mapping_select(attach);
	if (ret)
		return ret;
	ops = window_ops(attach);
	ret = ops ? ops->map_window(attach, offset) : -EINVAL;
	if (ret)
		dma_buf_mapping_unselect(attach);
	return ret;
}

void window_unmap(struct dma_buf_attachment *attach)
{
	const struct window_exp_ops *ops = window_ops(attach);

	if (!ops)
		return;
	ops->unmap_window(attach);
	dma_buf_mapping_unselect(attach);
}

/* [end] */
