// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <linux/iommufd.h>
#include <linux/types.h>

#include "drivers/iommu/iommufd/iommufd_test.h"

#include "mock.h"

int mock_dmabuf(int iommufd, size_t size)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DMABUF_GET,
		.dmabuf_get = { .length = size, .open_flags = O_CLOEXEC },
	};
	int fd = ioctl(iommufd, IOMMU_TEST_CMD, &cmd);

	return fd < 0 ? -errno : fd;
}
