/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_DRM_H
#define GUEST_DRM_H

#include <stddef.h>

/* The DRM device of this driver, or -ENODEV. */
int drm_open(const char *driver);

/* A dumb buffer of at least this size as a dma-buf, or -errno. */
int drm_export(int drm, size_t size);

/* Import a dma-buf: 0 or -errno.  The import ends with drm_close_import(). */
int drm_import(int drm, int dmabuf, unsigned int *handle);
void drm_close_import(int drm, unsigned int handle);

#endif
