/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BLOB_H
#define GUEST_BLOB_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/* The features that distinguish virtio-gpus of tools/vgpu/devices-blobs. */
enum gpu_kind {
	GPU_WINDOW,		/* 3D and a host-visible window */
	GPU_IMPORTER,		/* blobs, no 3D */
	GPU_BLIND,		/* 3D and no window */
	GPU_PLAIN,		/* no 3D, takes guest-physical addresses */
};

/* Its card, or -ENODEV. */
int gpu_open_kind(enum gpu_kind kind);

/* A parameter, or -errno. */
int gpu_param(int gpu, u64 param);

/*
 * Why a blob of this client could not be mapped; -ENODEV if fdinfo has no
 * answer.
 */
int gpu_map_error(int gpu);

/* A number in the fdinfo of this client, or -1. */
long long gpu_fdinfo(int gpu, const char *key);

/* The PCI address of a card. Unbind its driver, or bind it. */
void gpu_address(int gpu, char *bdf, size_t size);
void gpu_remove(const char *bdf);
void gpu_probe(const char *bdf);

#define HINT_DEFER	1

/* Arguments of DRM_IOCTL_VIRTGPU_RESOURCE_CREATE_BLOB, in its longest form. */
struct blob {
	u32 mem, flags, handle, resource;
	u64 size;
	u32 pad, cmd_size;
	u64 cmd, id;
	u32 hints, pad2;
	u64 future;
};

#define BLOB_OLD	48
#define BLOB_NOW	56
#define BLOB_FUTURE	64

/* A mappable host blob of this size. */
struct blob blob_host(size_t size, u32 hints);

/* Create it with this number of bytes of the struct: 0 or -errno. */
int blob_create(int gpu, struct blob *blob, size_t form);
int blob_destroy(int gpu, struct blob *blob);

/* A dma-buf of it, or -errno. */
int blob_export(int gpu, const struct blob *blob);

/* Map all of it: 0 or -errno. */
int blob_mmap(int gpu, const struct blob *blob, void **at);

#endif
