// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/vgem_drm.h>
#include <linux/dma-buf.h>

#include <libvfio.h>

#include "drm.h"
#include "fence.h"

/* sw_sync, which is for tests, has no UAPI header: drivers/dma-buf/sw_sync.c */
#define SW_SYNC	"/sys/kernel/debug/sync/sw_sync"
struct sw_sync_fence {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_fence)

/* The end of the timeline signals the fence. */
static int of_sw_sync(int *to_close)
{
	struct sw_sync_fence out = { .value = 1, .name = "guest" };
	int timeline = open(SW_SYNC, O_RDWR | O_CLOEXEC);

	if (timeline < 0)
		return -errno;
	VFIO_ASSERT_EQ(ioctl(timeline, SW_SYNC_CREATE_FENCE, &out), 0);
	*to_close = timeline;
	return out.fence;
}

int fence_open(int *to_close)
{
	struct dma_buf_export_sync_file out = { .flags = DMA_BUF_SYNC_RW };
	struct drm_vgem_fence_attach attach = { .flags = VGEM_FENCE_WRITE };
	int drm = drm_open("vgem");
	int bo;

	if (drm < 0)
		return of_sw_sync(to_close);
	bo = drm_export(drm, 4096);
	VFIO_ASSERT_GE(bo, 0);
	VFIO_ASSERT_EQ(drm_import(drm, bo, &attach.handle), 0);
	VFIO_ASSERT_EQ(ioctl(drm, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach), 0);
	VFIO_ASSERT_EQ(ioctl(bo, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out), 0);
	close(bo);
	*to_close = drm;
	return out.fd;
}

int fence_unsignaled(void)
{
	int to_close;

	/* It stays open, because its end would signal the fence. */
	return fence_open(&to_close);
}

int fence_import(int dmabuf, int fence)
{
	struct dma_buf_import_sync_file in = {
		.flags = DMA_BUF_SYNC_RW,
		.fd = fence,
	};

	return ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &in) ? -errno : 0;
}

bool fence_idle(int dmabuf)
{
	struct dma_buf_export_sync_file out = { .flags = DMA_BUF_SYNC_RW };
	struct pollfd pfd = { .events = POLLIN };
	bool idle;

	VFIO_ASSERT_EQ(ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &out), 0);
	pfd.fd = out.fd;
	idle = poll(&pfd, 1, 0) > 0;
	close(out.fd);
	return idle;
}
