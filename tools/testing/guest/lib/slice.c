// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/io.h>

#include "slice.h"

#define PAGE	GUEST_PAGE

int slice_feature(struct vfio_pci_device *dev, u32 flags, const void *data,
		  size_t len)
{
	struct vfio_device_feature *feature = calloc(1, sizeof(*feature) + len);
	int rc;

	VFIO_ASSERT_NOT_NULL(feature);
	feature->argsz = sizeof(*feature) + len;
	feature->flags = flags;
	if (len)
		memcpy(feature->data, data, len);
	rc = ioctl(dev->fd, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
	free(feature);
	return rc;
}

int slice_revoke(struct vfio_pci_device *dev, int dmabuf)
{
	struct vfio_device_feature_dma_buf_revoke revoke = { .dmabuf_fd = dmabuf };

	return slice_feature(dev, VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE,
			     &revoke, sizeof(revoke));
}

int slice_start_revoke(struct vfio_pci_device *dev, int dmabuf)
{
	struct vfio_device_feature_dma_buf_revoke revoke = {
		.dmabuf_fd = dmabuf,
		.flags = VFIO_DMA_BUF_REVOKE_NOWAIT,
	};

	return slice_feature(dev, VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE,
			     &revoke, sizeof(revoke));
}

int slice_memattr(struct vfio_pci_device *dev, int dmabuf, u32 memattr)
{
	struct vfio_device_feature_dma_buf_memattr attr = {
		.dmabuf_fd = dmabuf,
		.memattr = memattr,
	};

	return slice_feature(dev, VFIO_DEVICE_FEATURE_SET |
			     VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR,
			     &attr, sizeof(attr));
}

int slice_low_power(struct vfio_pci_device *dev, bool on)
{
	return slice_feature(dev, VFIO_DEVICE_FEATURE_SET |
			     (on ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
				   VFIO_DEVICE_FEATURE_LOW_POWER_EXIT), NULL, 0);
}

int slice_export(struct vfio_pci_device *dev, int bar, u64 offset, u64 length)
{
	const struct vfio_region_dma_range range = { offset, length };

	return endpoint_export(dev, bar, &range, 1);
}

void *map_shared(int fd, u64 offset, size_t length, int prot)
{
	void *map = mmap(NULL, length, prot, MAP_SHARED, fd, offset);

	return map == MAP_FAILED ? NULL : map;
}

void *map_aligned(int fd, u64 offset, size_t length, int prot, size_t align,
		  size_t skew)
{
	size_t room = length + align + skew;
	void *base, *at, *map;

	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(base, MAP_FAILED);
	at = (void *)((((unsigned long)base + align - 1) & ~(align - 1)) + skew);
	map = mmap(at, length, prot, MAP_SHARED | MAP_FIXED, fd, offset);
	if (map == MAP_FAILED)
		munmap(base, room);
	return map == MAP_FAILED ? NULL : map;
}

u64 page_sign(u64 offset)
{
	return (offset / PAGE + 1) * 0x9e3779b97f4a7c15ull;
}

void pages_sign(void *bar, size_t length)
{
	u64 at;

	for (at = 0; at < length; at += PAGE)
		writeq(page_sign(at), bar + at);
}

bool pages_are(const void *map, size_t length, u64 offset)
{
	u64 at;

	for (at = 0; at < length; at += PAGE)
		if (readq(map + at) != page_sign(offset + at))
			return false;
	return true;
}
