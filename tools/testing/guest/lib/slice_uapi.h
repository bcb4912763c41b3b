/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SLICE_UAPI_H
#define GUEST_SLICE_UAPI_H

/* Definitions that installed headers of another kernel lack. */
#include <linux/vfio.h>

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
#define VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE 0xdb00

struct vfio_device_feature_dma_buf_revoke {
	__s32 dmabuf_fd;
	__u32 flags;
#define VFIO_DMA_BUF_REVOKE_NOWAIT (1 << 0)
};
#endif

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR
#define VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR 0xdb01
#define VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_NC 0
#define VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC 1

struct vfio_device_feature_dma_buf_memattr {
	__s32 dmabuf_fd;
	__u32 memattr;
};
#endif

#endif
