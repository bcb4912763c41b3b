/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_GPU_H
#define GUEST_GPU_H

#include <stdbool.h>

#include <linux/types.h>

/* The first virtio-gpu, or -ENODEV. */
int gpu_open(void);

/* If it has blobs, it is a dynamic importer, and here a scripted one. */
bool gpu_has_blobs(int gpu);

/* The number by which its device knows a buffer; or 0. */
u32 gpu_resource(int gpu, u32 handle);

/*
 * Whether the IOMMU translates for the GPU, or passes addresses on as they are.
 * Set it while nobody has the GPU open: its driver starts anew.
 */
void gpu_translate(bool on);

/*
 * Have the driver tell its device about all commands that it has queued.  The
 * last of them, of a GPU with blobs, is a RESOURCE_CREATE_BLOB of its own.
 */
void gpu_kick(int gpu);

/*
 * Show a buffer on the only connector, as a picture of @side x @side pixels of
 * four bytes.  Returns 0 or -errno.
 */
int gpu_show(int gpu, u32 handle, int side);
int gpu_show_nothing(int gpu);

#endif
