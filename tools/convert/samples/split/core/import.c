// SPDX-License-Identifier: GPL-2.0-only
/* It says nowhere of what type it is that it looks at; see tools/convert/test_convert.py. */
#include "split.h"

#define split_device(of)	((of)->attach->dev)

bool split_is_for(struct split_import *imp, struct device *dev)
{
	return imp->attach->dev == dev || imp->others[0]->dev == dev;
}

struct device *split_heap_device(struct split_heap *heap)
{
	return heap->attached->dev;
}
