/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_FENCE_H
#define GUEST_FENCE_H

#include <stdbool.h>

/*
 * A sync file that stays unsignaled: of vgem, which ends it after 10 s or with
 * this process, or of sw_sync, where it ends with this process. Negative if
 * there is neither.
 */
int fence_unsignaled(void);

/* The same; closing *TO_CLOSE signals it. */
int fence_open(int *to_close);

/* Let a dma-buf wait for it: 0 or -errno. */
int fence_import(int dmabuf, int fence);

/* Are all fences of a dma-buf signaled? */
bool fence_idle(int dmabuf);

#endif
