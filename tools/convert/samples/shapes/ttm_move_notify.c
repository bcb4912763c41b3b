// SPDX-License-Identifier: GPL-2.0
#include <linux/dma-buf.h>
struct ttm_buffer_object;
struct ttm_device_funcs { void (*move_notify)(struct ttm_buffer_object *bo); };
void moved(struct ttm_buffer_object *bo);
const struct ttm_device_funcs funcs = {
	.move_notify = moved,
};
