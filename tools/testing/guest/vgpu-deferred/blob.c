// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "lib/file.h"

#include "blob.h"

#define CARDS_MAX	16
#define DRIVER		"/sys/bus/pci/drivers/virtio-pci"

int gpu_param(int gpu, u64 param)
{
	int value = 0;
	struct drm_virtgpu_getparam get = {
		.param = param,
		.value = (uintptr_t)&value,
	};

	return ioctl(gpu, DRM_IOCTL_VIRTGPU_GETPARAM, &get) ? -errno : value;
}

int gpu_map_error(int gpu)
{
	char path[64], line[256];
	int error = -ENODEV;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", gpu);
	file = fopen(path, "r");
	VFIO_ASSERT_NOT_NULL(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "virtio_gpu-map-error: %d", &error);
	fclose(file);
	return error ?: -EFAULT;
}

long long gpu_fdinfo(int gpu, const char *key)
{
	char path[64], line[256];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", gpu);
	file = fopen(path, "r");
	VFIO_ASSERT_NOT_NULL(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "virtio_gpu-", 11) && !strncmp(line + 11, key, strlen(key)) &&
		    line[11 + strlen(key)] == ':')
			value = atoll(line + 12 + strlen(key));
	}
	fclose(file);
	return value;
}

static bool is_kind(int card, enum gpu_kind kind)
{
	char name[64] = "";
	struct drm_version version = {
		.name = name,
		.name_len = sizeof(name) - 1,
	};
	bool virgl, window, uuid;

	if (ioctl(card, DRM_IOCTL_VERSION, &version) || strcmp(name, "virtio_gpu") ||
	    gpu_param(card, VIRTGPU_PARAM_RESOURCE_BLOB) != 1)
		return false;

	virgl = gpu_param(card, VIRTGPU_PARAM_3D_FEATURES) == 1;
	window = gpu_param(card, VIRTGPU_PARAM_HOST_VISIBLE) == 1;
	uuid = gpu_param(card, VIRTGPU_PARAM_CROSS_DEVICE) == 1;
	switch (kind) {
	case GPU_WINDOW:
		return virgl && window;
	case GPU_IMPORTER:
		return !virgl && !uuid;
	case GPU_BLIND:
		return virgl && !window;
	case GPU_PLAIN:
		return !virgl && uuid;
	}
	return false;
}

int gpu_open_kind(enum gpu_kind kind)
{
	char path[PATH_MAX];
	int i, card;

	for (i = 0; i < CARDS_MAX; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		card = open(path, O_RDWR | O_CLOEXEC);
		if (card < 0)
			continue;
		if (is_kind(card, kind))
			return card;
		close(card);
	}
	return -ENODEV;
}

void gpu_address(int gpu, char *bdf, size_t size)
{
	char path[PATH_MAX], link[PATH_MAX];
	struct stat st;
	ssize_t len;

	VFIO_ASSERT_EQ(fstat(gpu, &st), 0);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	len = readlink(path, link, sizeof(link) - 1);
	VFIO_ASSERT_GT(len, 0);
	link[len] = 0;
	snprintf(bdf, size, "%s", basename(link));
}

void gpu_remove(const char *bdf)
{
	VFIO_ASSERT_EQ(file_write(bdf, DRIVER "/unbind"), 0);
}

void gpu_probe(const char *bdf)
{
	VFIO_ASSERT_EQ(file_write(bdf, DRIVER "/bind"), 0);
}

struct blob blob_host(size_t size, u32 hints)
{
	static u64 id = 0x1000;

	/* The script writes the number of a blob to its start */
	return (struct blob){
		.mem = VIRTGPU_BLOB_MEM_HOST3D,
		.flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE | VIRTGPU_BLOB_FLAG_USE_SHAREABLE,
		.size = size,
		.id = ++id,
		.hints = hints,
	};
}

int blob_create(int gpu, struct blob *blob, size_t form)
{
	unsigned int nr = DRM_COMMAND_BASE + DRM_VIRTGPU_RESOURCE_CREATE_BLOB;

	return ioctl(gpu, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, nr, form), blob) ?
	       -errno : 0;
}

int blob_destroy(int gpu, struct blob *blob)
{
	struct drm_gem_close gem = { .handle = blob->handle };

	return ioctl(gpu, DRM_IOCTL_GEM_CLOSE, &gem) ? -errno : 0;
}

int blob_export(int gpu, const struct blob *blob)
{
	struct drm_prime_handle prime = {
		.handle = blob->handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
	};

	return ioctl(gpu, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) ? -errno : prime.fd;
}

int blob_mmap(int gpu, const struct blob *blob, void **at)
{
	struct drm_virtgpu_map map = { .handle = blob->handle };

	if (ioctl(gpu, DRM_IOCTL_VIRTGPU_MAP, &map))
		return -errno;
	*at = mmap(NULL, blob->size, PROT_READ | PROT_WRITE, MAP_SHARED, gpu, map.offset);
	return *at == MAP_FAILED ? -errno : 0;
}
