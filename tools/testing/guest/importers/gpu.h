/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_GPU_H
#define GUEST_GPU_H

#include <stdbool.h>

#include <linux/types.h>

/* The first virtio-gpu, or -ENODEV. */
int gpu_open(void);

/* A GPU with blobs is a dynamic importer, and here a scripted one. */
bool gpu_has_blobs(int gpu);

/* The number that its device has for a buffer, or 0. */
u32 gpu_resource(int gpu, u32 handle);

/*
 * Does the IOMMU translate for the GPU, or pass addresses on as they are? Set
 * it while no process has the GPU open: its driver is bound again.
 */
void gpu_translate(bool on);

/*
 * Let the driver notify its device of all commands that it has queued. The last
 * of them, for a GPU with blobs, is an extra RESOURCE_CREATE_BLOB.
 */
void gpu_kick(int gpu);

/*
 * Show a buffer on the only connector, as a picture of @side x @side pixels of
 * four bytes.  Returns 0 or -errno.
 */
int gpu_show(int gpu, u32 handle, int side);
int gpu_show_nothing(int gpu);

#endif
