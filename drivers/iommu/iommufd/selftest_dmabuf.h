/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __IOMMUFD_SELFTEST_DMABUF_H
#define __IOMMUFD_SELFTEST_DMABUF_H

#include <linux/types.h>

struct iommu_test_cmd;
struct iommufd_hw_pagetable;
struct iommufd_ucmd;

int iommufd_test_dmabuf_get(struct iommufd_ucmd *ucmd, unsigned int open_flags,
			    size_t len);
int iommufd_test_dmabuf_revoke(struct iommufd_ucmd *ucmd, int fd, bool revoked);
int iommufd_test_dmabuf_hold(int fd, unsigned int ms);
int iommufd_test_md_check_dmabuf(struct iommufd_ucmd *ucmd,
				 const struct iommu_test_cmd *cmd);

/* selftest.c: a reference on a mock page table, or an ERR_PTR */
struct iommufd_hw_pagetable *iommufd_test_get_mock_hwpt(struct iommufd_ucmd *ucmd,
							u32 mockpt_id);

#endif
