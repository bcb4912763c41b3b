/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_IOAS_H
#define GUEST_IOAS_H

#include <linux/iommufd.h>

#include <libvfio.h>

#define IOAS_READ	IOMMU_IOAS_MAP_READABLE
#define IOAS_WRITE	IOMMU_IOAS_MAP_WRITEABLE
#define IOAS_RW		(IOAS_READ | IOAS_WRITE)

/* iommufd's calls, unchanged: each returns 0 or -errno. */
int ioas_alloc(int iommufd, u32 *ioas_id);
int ioas_map_file(int iommufd, u32 ioas_id, int fd, u64 start, u64 length,
		  u64 iova, u32 flags);
int ioas_map(int iommufd, u32 ioas_id, void *from, u64 length, u64 iova, u32 flags);
int ioas_unmap(int iommufd, u32 ioas_id, u64 iova, u64 length, u64 *unmapped);
int ioas_copy(int iommufd, u32 dst_id, u64 dst_iova, u32 src_id, u64 src_iova,
	      u64 length, u32 flags);
int hwpt_alloc(int iommufd, u32 dev_id, u32 ioas_id, u32 *hwpt_id);
int hwpt_alloc_flags(int iommufd, u32 dev_id, u32 ioas_id, u32 flags, u32 *hwpt_id);
int hwpt_set_dirty_tracking(int iommufd, u32 hwpt_id, bool on);
int hwpt_get_dirty(int iommufd, u32 hwpt_id, u64 iova, u64 length, u64 page_size,
		   void *bitmap);
int ioas_option(int iommufd, u32 ioas_id, u32 option, u16 op, u64 value);
int iommufd_destroy(int iommufd, u32 id);

#endif
