/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_VIDEO_H
#define GUEST_VIDEO_H

#include <stdbool.h>

/*
 * The capture device of the first vivid instance with this allocator:
 * videobuf2-dma-contig or videobuf2-vmalloc; or -ENODEV. Sets its pictures to
 * less than 64 KiB.
 */
int video_open(bool contiguous);

/* One of its buffers as a dma-buf, or -errno. */
int video_export(int video);

/* Import a dma-buf as its only buffer: 0 or -errno. */
int video_import(int video, int dmabuf);
void video_close_import(int video);

#endif
