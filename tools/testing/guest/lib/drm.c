// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <xf86drm.h>

#include "drm.h"

#define MINORS 16

int drm_open(const char *driver)
{
	char path[32], name[32];
	int i, fd;

	for (i = 0; i < MINORS; i++) {
		struct drm_version version = {
			.name = name,
			.name_len = sizeof(name) - 1,
		};

		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		memset(name, 0, sizeof(name));
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver))
			return fd;
		close(fd);
	}
	return -ENODEV;
}

int drm_export(int drm, size_t size)
{
	struct drm_mode_create_dumb dumb = {
		.width = 1024,
		.height = size / 4096,
		.bpp = 32,
	};
	int dmabuf, rc;

	if (ioctl(drm, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return -errno;
	rc = drmPrimeHandleToFD(drm, dumb.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf) ? -errno :
	     dmabuf;
	drm_close_import(drm, dumb.handle);
	return rc;
}

int drm_import(int drm, int dmabuf, unsigned int *handle)
{
	return drmPrimeFDToHandle(drm, dmabuf, handle) ? -errno : 0;
}

void drm_close_import(int drm, unsigned int handle)
{
	struct drm_gem_close args = { .handle = handle };

	ioctl(drm, DRM_IOCTL_GEM_CLOSE, &args);
}
