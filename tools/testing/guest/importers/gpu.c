// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "lib/drm.h"
#include "lib/file.h"

#include "gpu.h"

int gpu_open(void)
{
	return drm_open("virtio_gpu");
}

bool gpu_has_blobs(int gpu)
{
	u32 value = 0;
	struct drm_virtgpu_getparam param = {
		.param = VIRTGPU_PARAM_RESOURCE_BLOB,
		.value = (uintptr_t)&value,
	};

	return !ioctl(gpu, DRM_IOCTL_VIRTGPU_GETPARAM, &param) && value;
}

#define PCI	"/sys/bus/pci"

/* Its PCI address. */
static void find_gpu(char *bdf, size_t size)
{
	char path[PATH_MAX], link[PATH_MAX];
	int gpu = gpu_open();
	struct stat st;
	ssize_t len;

	VFIO_ASSERT_GE(gpu, 0);
	VFIO_ASSERT_EQ(fstat(gpu, &st), 0);
	close(gpu);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	len = readlink(path, link, sizeof(link) - 1);
	VFIO_ASSERT_GT(len, 0);
	link[len] = 0;
	snprintf(bdf, size, "%s", basename(link));
}

static bool is_translated(const char *bdf)
{
	char type[32];
	ssize_t len;

	len = file_read(type, sizeof(type), PCI "/devices/%s/iommu_group/type", bdf);
	VFIO_ASSERT_GT(len, 0);
	return strncmp(type, "identity", 8);
}

void gpu_translate(bool on)
{
	char bdf[32];
	int rc;

	find_gpu(bdf, sizeof(bdf));
	if (is_translated(bdf) == on)
		return;
	VFIO_ASSERT_EQ(file_write(bdf, PCI "/drivers/virtio-pci/unbind"), 0);
	rc = file_write(on ? "auto" : "identity", PCI "/devices/%s/iommu_group/type", bdf);
	VFIO_ASSERT_EQ(rc, 0);
	VFIO_ASSERT_EQ(file_write(bdf, PCI "/drivers/virtio-pci/bind"), 0);
}

u32 gpu_resource(int card, u32 handle)
{
	struct drm_virtgpu_resource_info info = { .bo_handle = handle };

	return ioctl(card, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info) ? 0 : info.res_handle;
}

/* An import does not notify the device; making a buffer does, by a command. */
void gpu_kick(int gpu)
{
	int dmabuf = drm_export(gpu, 4096);

	if (dmabuf >= 0)
		close(dmabuf);
}

int gpu_show(int card, u32 handle, int side)
{
	u32 crtc_id, connector_id;
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)&crtc_id,
		.connector_id_ptr = (uintptr_t)&connector_id,
		.count_crtcs = 1,
		.count_connectors = 1,
	};
	struct drm_mode_fb_cmd2 fb = {
		.width = side,
		.height = side,
		.pixel_format = DRM_FORMAT_XRGB8888,
		.handles = { handle },
		.pitches = { side * 4 },
	};
	struct drm_mode_crtc crtc = {
		.set_connectors_ptr = (uintptr_t)&connector_id,
		.count_connectors = 1,
		.mode_valid = 1,
		.mode = {
			.clock = 1000,
			.hdisplay = side,
			.hsync_start = side + 1,
			.hsync_end = side + 2,
			.htotal = side + 3,
			.vdisplay = side,
			.vsync_start = side + 1,
			.vsync_end = side + 2,
			.vtotal = side + 3,
		},
	};
	int rc = 0;

	/* Each list is filled only if it has room for all. */
	if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &res))
		return -errno;
	if (res.count_crtcs != 1 || res.count_connectors != 1)
		return -ENODEV;

	if (ioctl(card, DRM_IOCTL_MODE_ADDFB2, &fb))
		return -errno;
	crtc.fb_id = fb.fb_id;
	crtc.crtc_id = crtc_id;
	if (ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc)) {
		rc = -errno;
		ioctl(card, DRM_IOCTL_MODE_RMFB, &fb.fb_id);
	}
	return rc;
}

int gpu_show_nothing(int card)
{
	u32 crtc_id;
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)&crtc_id,
		.count_crtcs = 1,
	};
	struct drm_mode_crtc crtc = { 0 };

	if (ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &res))
		return -errno;
	crtc.crtc_id = crtc_id;
	return ioctl(card, DRM_IOCTL_MODE_SETCRTC, &crtc) ? -errno : 0;
}
