/* SPDX-License-Identifier: GPL-2.0-only */
/* What several files of a driver share; see tools/convert/test_convert.py. */
#ifndef SPLIT_H
#define SPLIT_H

#include <linux/dma-buf.h>

struct split_import {
	struct device *dev;
	struct dma_buf_attachment *attach, *others[2];
};

/* Not of a dma-buf */
struct split_heap {
	struct split_bus *attached;
};

bool split_is_for(struct split_import *imp, struct device *dev);

#endif
