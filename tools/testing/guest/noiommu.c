// SPDX-License-Identifier: GPL-2.0
/*
 * Devices without an IOMMU get physical addresses from user space. User space
 * must not learn those of a dma-buf, because the exporter could not revoke
 * them.
 *
 * Needs a boot with "intel_iommu=off vfio.enable_unsafe_noiommu_mode=1".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/endpoint.h"
#include "lib/ioas.h"
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL

#ifdef IOMMU_IOAS_NOIOMMU_GET_PA
static int get_pa(int iommufd, u32 ioas_id, u64 iova, u64 *phys)
{
	struct iommu_ioas_noiommu_get_pa args = {
		.size = sizeof(args),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = PAGE,
	};

	if (ioctl(iommufd, IOMMU_IOAS_NOIOMMU_GET_PA, &args))
		return -errno;
	*phys = args.out_phys;
	return 0;
}
#else
static int get_pa(int iommufd, u32 ioas_id, u64 iova, u64 *phys)
{
	return -ENOTTY;
}
#endif

/* The device's file, by a name that shows that it has no IOMMU; or -1. */
static int open_noiommu(const char *bdf)
{
	char path[300] = "";
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	path[0] = 0;
	while (dir && (entry = readdir(dir)))
		if (!strncmp(entry->d_name, "noiommu-", 8))
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", entry->d_name);
	if (dir)
		closedir(dir);
	return path[0] ? open(path, O_RDWR | O_CLOEXEC) : -1;
}

FIXTURE(noiommu) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	int slice;
};

FIXTURE_SETUP(noiommu)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!bdf)
		SKIP(return, "needs ivshmem");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = vfio_pci_device_alloc(bdf, self->iommu);
	self->dev->fd = open_noiommu(bdf);
	if (self->dev->fd < 0)
		SKIP(return, "no devices without an IOMMU in this boot");
	bind.iommufd = self->iommu->iommufd;
	ASSERT_EQ(0, ioctl(self->dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind));
	self->slice = slice_export(self->dev, BAR, 0, PAGE);
	ASSERT_GE(self->slice, 0);
}

FIXTURE_TEARDOWN(noiommu)
{
	if (self->dev && self->dev->fd >= 0) {
		close(self->slice);
		close(self->dev->fd);
	}
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_noiommu *self, u32 ioas_id, int dmabuf)
{
	return ioas_map_file(self->iommu->iommufd, ioas_id, dmabuf, 0, PAGE, IOVA, IOAS_RW);
}

/* Its intended use works. */
TEST_F(noiommu, memory)
{
	void *ram = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	u32 id = self->iommu->ioas_id;
	u64 phys = 0;

	ASSERT_EQ(0, endpoint_attach(self->dev, id));
	ASSERT_EQ(0, ioas_map(self->iommu->iommufd, id, ram, PAGE, IOVA, IOAS_RW));
	EXPECT_EQ(0, get_pa(self->iommu->iommufd, id, IOVA, &phys));
	EXPECT_NE(0, phys);
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, id, IOVA, PAGE, NULL));
}

TEST_F(noiommu, dmabuf_is_refused)
{
	int mock = mock_dmabuf(self->iommu->iommufd, PAGE);
	u32 id = self->iommu->ioas_id, other;
	u64 phys = 0;

	ASSERT_GE(mock, 0);
	ASSERT_EQ(0, endpoint_attach(self->dev, id));
	EXPECT_EQ(-EOPNOTSUPP, map(self, id, self->slice));
	EXPECT_EQ(-EOPNOTSUPP, map(self, id, mock));
	EXPECT_NE(0, get_pa(self->iommu->iommufd, id, IOVA, &phys));
	EXPECT_EQ(0, phys);

	/* Nor through another IOAS. */
	ASSERT_EQ(0, ioas_alloc(self->iommu->iommufd, &other));
	ASSERT_EQ(0, map(self, other, self->slice));
	EXPECT_EQ(-EOPNOTSUPP, ioas_copy(self->iommu->iommufd, id, IOVA, other, IOVA, PAGE,
					 IOAS_RW));
	close(mock);
}

/* Also with the dma-buf mapped first, and with a revoked one. */
TEST_F(noiommu, attach_is_refused)
{
	u32 id = self->iommu->ioas_id;
	u64 phys = 0;

	ASSERT_EQ(0, map(self, id, self->slice));
	EXPECT_EQ(-EOPNOTSUPP, endpoint_attach(self->dev, id));
	EXPECT_EQ(0, slice_revoke(self->dev, self->slice));
	EXPECT_EQ(-EOPNOTSUPP, endpoint_attach(self->dev, id));
	EXPECT_NE(0, get_pa(self->iommu->iommufd, id, IOVA, &phys));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, id, IOVA, PAGE, NULL));
	EXPECT_EQ(0, endpoint_attach(self->dev, id));
}

TEST_HARNESS_MAIN
