/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ZCRX_H
#define GUEST_ZCRX_H

#include <stdbool.h>

/*
 * io_uring's zero-copy receive imports a dma-buf for a network device before it
 * checks whether the device can receive packets into it. QEMU's cannot.
 */

/* Does this kernel have it at all? */
bool zcrx_exists(void);

/* A ring to register it with, or -ENODEV if there is no network device. */
int zcrx_open(void);

/* 0 or -errno. */
int zcrx_import(int ring, int dmabuf);

#endif
