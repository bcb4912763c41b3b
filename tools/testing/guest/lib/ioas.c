// SPDX-License-Identifier: GPL-2.0
/*
 * I/O address spaces. Mappings are at fixed addresses, because a DMA engine may
 * reach only a small part of an IOAS.
 */
#include <errno.h>

#include "ioas.h"

int ioas_alloc(int iommufd, u32 *ioas_id)
{
	struct iommu_ioas_alloc args = { .size = sizeof(args) };

	if (ioctl(iommufd, IOMMU_IOAS_ALLOC, &args))
		return -errno;
	*ioas_id = args.out_ioas_id;
	return 0;
}

int ioas_map_file(int iommufd, u32 ioas_id, int fd, u64 start, u64 length,
		  u64 iova, u32 flags)
{
	struct iommu_ioas_map_file args = {
		.size = sizeof(args),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas_id,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &args) ? -errno : 0;
}

int ioas_map(int iommufd, u32 ioas_id, void *from, u64 length, u64 iova, u32 flags)
{
	struct iommu_ioas_map args = {
		.size = sizeof(args),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas_id,
		.user_va = (unsigned long)from,
		.length = length,
		.iova = iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP, &args) ? -errno : 0;
}

int ioas_unmap(int iommufd, u32 ioas_id, u64 iova, u64 length, u64 *unmapped)
{
	struct iommu_ioas_unmap args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &args))
		return -errno;
	if (unmapped)
		*unmapped = args.length;
	return 0;
}

int ioas_copy(int iommufd, u32 dst_id, u64 dst_iova, u32 src_id, u64 src_iova,
	      u64 length, u32 flags)
{
	struct iommu_ioas_copy args = {
		.size = sizeof(args),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = dst_id,
		.src_ioas_id = src_id,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_COPY, &args) ? -errno : 0;
}

int hwpt_alloc(int iommufd, u32 dev_id, u32 ioas_id, u32 *hwpt_id)
{
	return hwpt_alloc_flags(iommufd, dev_id, ioas_id, 0, hwpt_id);
}

int hwpt_alloc_flags(int iommufd, u32 dev_id, u32 ioas_id, u32 flags, u32 *hwpt_id)
{
	struct iommu_hwpt_alloc args = {
		.size = sizeof(args),
		.flags = flags,
		.dev_id = dev_id,
		.pt_id = ioas_id,
	};

	if (ioctl(iommufd, IOMMU_HWPT_ALLOC, &args))
		return -errno;
	*hwpt_id = args.out_hwpt_id;
	return 0;
}

int hwpt_set_dirty_tracking(int iommufd, u32 hwpt_id, bool on)
{
	struct iommu_hwpt_set_dirty_tracking args = {
		.size = sizeof(args),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt_id,
	};

	return ioctl(iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &args) ? -errno : 0;
}

int hwpt_get_dirty(int iommufd, u32 hwpt_id, u64 iova, u64 length, u64 page_size,
		   void *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap args = {
		.size = sizeof(args),
		.hwpt_id = hwpt_id,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (unsigned long)bitmap,
	};

	return ioctl(iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &args) ? -errno : 0;
}

int ioas_option(int iommufd, u32 ioas_id, u32 option, u16 op, u64 value)
{
	struct iommu_option args = {
		.size = sizeof(args),
		.option_id = option,
		.op = op,
		.object_id = ioas_id,
		.val64 = value,
	};

	return ioctl(iommufd, IOMMU_OPTION, &args) ? -errno : 0;
}

int iommufd_destroy(int iommufd, u32 id)
{
	struct iommu_destroy args = { .size = sizeof(args), .id = id };

	return ioctl(iommufd, IOMMU_DESTROY, &args) ? -errno : 0;
}
