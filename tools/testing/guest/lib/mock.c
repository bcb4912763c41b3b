// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/types.h>

#include "drivers/iommu/iommufd/iommufd_test.h"

#include "mock.h"

static int mock_cmd(int iommufd, struct iommu_test_cmd *cmd)
{
	int rc;

	cmd->size = sizeof(*cmd);
	rc = ioctl(iommufd, IOMMU_TEST_CMD, cmd);
	return rc < 0 ? -errno : rc;
}

int mock_dmabuf(int iommufd, size_t size)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DMABUF_GET,
		.dmabuf_get = { .length = size, .open_flags = O_CLOEXEC },
	};

	return mock_cmd(iommufd, &cmd);
}

int mock_revoke(int iommufd, int dmabuf)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DMABUF_REVOKE,
		.dmabuf_revoke = { .dmabuf_fd = dmabuf, .revoked = true },
	};

	return mock_cmd(iommufd, &cmd);
}

int mock_hold(int iommufd, int dmabuf, unsigned int ms)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DMABUF_HOLD,
		.dmabuf_hold = { .dmabuf_fd = dmabuf, .ms = ms },
	};

	return mock_cmd(iommufd, &cmd);
}

int mock_device(int iommufd, unsigned int ioas_id, struct mock_device *dev)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
		.id = ioas_id,
	};
	int rc = mock_cmd(iommufd, &cmd);

	dev->stdev_id = cmd.mock_domain.out_stdev_id;
	dev->idev_id = cmd.mock_domain.out_idev_id;
	return rc;
}

int mock_attach(int iommufd, const struct mock_device *dev, unsigned int pt_id)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
		.id = dev->stdev_id,
		.mock_domain_replace = { .pt_id = pt_id },
	};

	return mock_cmd(iommufd, &cmd);
}

int mock_dirty(int iommufd, unsigned int hwpt_id, unsigned long long iova,
	       size_t length, size_t page_size, void *bitmap)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt_id,
		.dirty = {
			.iova = iova,
			.length = length,
			.page_size = page_size,
			.uptr = (unsigned long)bitmap,
		},
	};

	return mock_cmd(iommufd, &cmd);
}

int mock_access(int iommufd, unsigned int ioas_id)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas_id,
	};
	int rc = mock_cmd(iommufd, &cmd);

	return rc ?: (int)cmd.create_access.out_access_fd;
}

int mock_access_rw(int iommufd, int access, unsigned long long iova, void *buf,
		   size_t length, bool write)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access,
		.access_rw = {
			.iova = iova,
			.length = length,
			.uptr = (unsigned long)buf,
			.flags = write ? MOCK_ACCESS_RW_WRITE : 0,
		},
	};

	return mock_cmd(iommufd, &cmd);
}
