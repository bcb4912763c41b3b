// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that user space may not make, the error that it gets, and that the
 * attempt leaves nothing behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/bufinfo.h"
#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/pci.h"

#define PAGE		GUEST_PAGE
#define BAR		2
#define IOVA		0x1000000UL
#define LARGE		(1UL << 32)	/* room for any import */
#define SIZE		(4 * PAGE)
#define MSI_IOVA	1		/* stands for this machine's window of MSIs */
#define RANGES_MAX	262144

FIXTURE(badinput) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	u64 bar_len;
	int dmabuf;
	int buffers;
};

FIXTURE_SETUP(badinput)
{
	const struct vfio_region_dma_range ranges[] = { { 4 * PAGE, 2 * PAGE }, { 0, 2 * PAGE } };
	const char *bdf = pci_find(&pci_ivshmem, 0);

	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf)
		SKIP(return, "needs ivshmem");
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->bar_len = self->mem->bars[BAR].info.size;
	self->dmabuf = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
	ASSERT_GE(self->dmabuf, 0);
	self->buffers = bufinfo_buffers();
}

/*
 * After an attempt there is no attachment and no buffer, and the IOVA is free.
 */
FIXTURE_TEARDOWN(badinput)
{
	EXPECT_EQ(0, bufinfo_attachments(self->dmabuf));
	EXPECT_EQ(self->buffers, bufinfo_buffers());
	EXPECT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
				   self->dmabuf, 0, SIZE, IOVA, IOAS_RW));
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id,
				IOVA, SIZE, NULL));

	close(self->dmabuf);
	vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
}

static int map(struct _test_data_badinput *self, int fd, u64 start, u64 length, u64 iova)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, fd,
			     start, length, iova, IOAS_RW);
}

TEST_F(badinput, not_a_dmabuf)
{
	int event = eventfd(0, 0), dir = open("/", O_RDONLY | O_DIRECTORY);
	int null = open("/dev/null", O_RDWR);
	int closed = dup(null);

	close(closed);
	EXPECT_EQ(-EBADF, map(self, -1, 0, SIZE, IOVA));
	EXPECT_EQ(-EBADF, map(self, closed, 0, SIZE, IOVA));
	EXPECT_EQ(-EINVAL, map(self, event, 0, SIZE, IOVA));
	EXPECT_EQ(-EINVAL, map(self, null, 0, SIZE, IOVA));
	EXPECT_EQ(-EINVAL, map(self, dir, 0, SIZE, IOVA));
	EXPECT_EQ(-EINVAL, map(self, self->iommu->iommufd, 0, SIZE, IOVA));
	EXPECT_EQ(-EINVAL, map(self, self->mem->fd, 0, SIZE, IOVA));
	close(event);
	close(null);
	close(dir);
}

static void refused(struct __test_metadata *_metadata,
		    struct _test_data_badinput *self, int fd)
{
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EOPNOTSUPP, map(self, fd, 0, SIZE, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(fd));
	close(fd);
}

TEST_F(badinput, vgem_has_no_ranges)
{
	int drm = drm_open("vgem");

	if (drm < 0) {
		ASSERT_FALSE(machine_promises("vgem", "drm"));
		SKIP(return, "no vgem");
	}
	refused(_metadata, self, drm_export(drm, SIZE));
	close(drm);
}

struct bad_slice {
	const char *what;
	u64 start, length, iova;
	int rc;
};

static const struct bad_slice bad_slices[] = {
	{ "no length", 0, 0, IOVA, -EINVAL },
	{ "no length, at the end", SIZE, 0, IOVA, -EINVAL },
	{ "start at the end", SIZE, PAGE, IOVA, -EINVAL },
	{ "start past the end", 2 * SIZE, PAGE, IOVA, -EINVAL },
	{ "start far past the end", 1UL << 62, PAGE, IOVA, -EINVAL },
	{ "end past the end", PAGE, SIZE, IOVA, -EINVAL },
	{ "end a page past the end", 0, SIZE + PAGE, IOVA, -EINVAL },
	{ "end a byte past the end", 0, SIZE + 1, IOVA, -EINVAL },
	{ "much too long", 0, 1UL << 62, IOVA, -EINVAL },
	{ "wrapping to the start", -PAGE, 2 * PAGE, IOVA, -EOVERFLOW },
	{ "wrapping to the end", -PAGE, SIZE + PAGE, IOVA, -EOVERFLOW },
	{ "wrapping by its length", PAGE, ULONG_MAX - 1, IOVA, -EOVERFLOW },
	{ "longest", 0, ULONG_MAX, IOVA, -EOVERFLOW },
	{ "start unaligned", 512, PAGE, IOVA, -EINVAL },
	{ "start a byte late", 1, PAGE, IOVA, -EINVAL },
	{ "length unaligned", 0, PAGE + 512, IOVA, -EINVAL },
	{ "length a byte", 0, 1, IOVA, -EINVAL },
	{ "length a byte short", 0, SIZE - 1, IOVA, -EINVAL },
	{ "all unaligned alike", 512, PAGE, IOVA + 512, -EINVAL },
	{ "IOVA unaligned", 0, PAGE, IOVA + 512, -EINVAL },
	{ "IOVA reserved", 0, PAGE, MSI_IOVA, -EINVAL },
	{ "IOVA wrapping", 0, SIZE, -PAGE, -EOVERFLOW },
	{ "IOVA last", 0, PAGE, ULONG_MAX, -EOVERFLOW },
	{ "IOVA too high", 0, PAGE, 1UL << 60, -EINVAL },
};

TEST_F(badinput, slice)
{
	u64 msi = pci_msi_iova(self->mem->bdf);
	const struct bad_slice *bad;
	int i, rc;

	for (i = 0; i < ARRAY_SIZE(bad_slices); i++) {
		bad = &bad_slices[i];
		rc = map(self, self->dmabuf, bad->start, bad->length,
			 bad->iova == MSI_IOVA ? msi : bad->iova);
		EXPECT_EQ(bad->rc, rc)
			TH_LOG("%s", bad->what);
		EXPECT_EQ(0, bufinfo_attachments(self->dmabuf))
			TH_LOG("%s", bad->what);
	}
}

TEST_F(badinput, iova_taken)
{
	ASSERT_EQ(0, map(self, self->dmabuf, 0, SIZE, IOVA));
	EXPECT_EQ(-EEXIST, map(self, self->dmabuf, 0, SIZE, IOVA));
	EXPECT_EQ(-EEXIST, map(self, self->dmabuf, 0, PAGE, IOVA + SIZE - PAGE));
	EXPECT_EQ(1, bufinfo_attachments(self->dmabuf));

	/* An area is unmapped as a whole or not at all. */
	EXPECT_EQ(-ENOENT, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id,
				      IOVA, PAGE, NULL));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
				SIZE, NULL));
}

TEST_F(badinput, flags_and_ids)
{
	int iommufd = self->iommu->iommufd;
	u32 ioas = self->iommu->ioas_id;
	struct {
		struct iommu_ioas_map_file args;
		u64 more;
	} longer = {
		.args = {
			.size = sizeof(longer),
			.flags = IOAS_RW | IOMMU_IOAS_MAP_FIXED_IOVA,
			.ioas_id = ioas,
			.fd = self->dmabuf,
			.length = SIZE,
			.iova = IOVA,
		},
		.more = 1,
	};

	EXPECT_EQ(-EINVAL, ioas_map_file(iommufd, ioas, self->dmabuf, 0, SIZE, IOVA, 0));
	EXPECT_EQ(-EOPNOTSUPP, ioas_map_file(iommufd, ioas, self->dmabuf, 0, SIZE,
					     IOVA, IOAS_RW | 1 << 3));
	EXPECT_EQ(-EOPNOTSUPP, ioas_map_file(iommufd, ioas, self->dmabuf, 0, SIZE,
					     IOVA, IOAS_RW | 1U << 31));
	EXPECT_EQ(-ENOENT, ioas_map_file(iommufd, 0, self->dmabuf, 0, SIZE, IOVA, IOAS_RW));
	EXPECT_EQ(-ENOENT, ioas_map_file(iommufd, ioas + 1000, self->dmabuf, 0, SIZE,
					 IOVA, IOAS_RW));

	EXPECT_EQ(-1, ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &longer));
	EXPECT_EQ(E2BIG, errno);
	longer.args.size = sizeof(longer.args) - 8;
	EXPECT_EQ(-1, ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &longer));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(badinput, revoked_buffer)
{
	const struct vfio_region_dma_range range = { 0, SIZE };
	int early;

	endpoint_memory(self->mem, false);
	EXPECT_EQ(-EAGAIN, map(self, self->dmabuf, 0, SIZE, IOVA));

	/* A buffer made while the memory is off works when the memory is on. */
	early = endpoint_export(self->mem, BAR, &range, 1);
	ASSERT_GE(early, 0);
	EXPECT_EQ(-EAGAIN, map(self, early, 0, SIZE, IOVA));
	EXPECT_EQ(0, bufinfo_attachments(early));

	endpoint_memory(self->mem, true);
	EXPECT_EQ(0, map(self, early, 0, SIZE, IOVA));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
				SIZE, NULL));
	close(early);
}

/* The other importers: all of them need SGT or P2P. */
TEST_F(badinput, importer_without_p2p)
{
	static const char * const drivers[] = { "vgem", "vkms", "bochs-drm", "qxl" };
	unsigned int handle;
	int i, drm, tried = 0;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		drm = drm_open(drivers[i]);
		if (drm < 0) {
			ASSERT_FALSE(machine_promises(drivers[i], "drm"))
				TH_LOG("no %s", drivers[i]);
			continue;
		}
		tried++;
		EXPECT_EQ(-EOPNOTSUPP, drm_import(drm, self->dmabuf, &handle))
			TH_LOG("%s", drivers[i]);
		EXPECT_EQ(0, bufinfo_attachments(self->dmabuf))
			TH_LOG("%s", drivers[i]);
		close(drm);
	}
	if (!tried)
		SKIP(return, "no such driver here");
}

/* Requests for an export to vfio-pci. */
struct bad_range {
	const char *what;
	int nr;
	struct vfio_region_dma_range ranges[2];
	int rc;
};

static const struct bad_range bad_ranges[] = {
	{ "no ranges", 0, {}, -EINVAL },
	{ "no length", 1, { { 0, 0 } }, -EINVAL },
	{ "no length in the second", 2, { { 0, PAGE }, { PAGE, 0 } }, -EINVAL },
	{ "offset unaligned", 1, { { 512, PAGE } }, -EINVAL },
	{ "offset a byte late", 1, { { 1, PAGE } }, -EINVAL },
	{ "length unaligned", 1, { { 0, PAGE + 512 } }, -EINVAL },
	{ "length a byte", 1, { { 0, 1 } }, -EINVAL },
	{ "past the BAR", 1, { { 1UL << 32, PAGE } }, -EINVAL },
	{ "second past the BAR", 2, { { 0, PAGE }, { 1UL << 32, PAGE } }, -EINVAL },
	{ "longer than the BAR", 1, { { 0, 1UL << 32 } }, -EINVAL },
	{ "offset wrapping", 1, { { -PAGE, PAGE } }, -EOVERFLOW },
	{ "offset and length wrapping", 1, { { 1UL << 63, 1UL << 62 } }, -EINVAL },
	{ "lengths wrapping in sum", 2, { { 0, 1UL << 63 }, { 0, 1UL << 63 } }, -EINVAL },
	{ "length of a top bit", 1, { { 0, 1UL << 63 } }, -EINVAL },
};

TEST_F(badinput, ranges)
{
	const struct vfio_region_dma_range at_the_end = { self->bar_len, PAGE };
	const struct vfio_region_dma_range over_the_end = { self->bar_len - PAGE, 2 * PAGE };
	const struct bad_range *bad;
	int i;

	for (i = 0; i < ARRAY_SIZE(bad_ranges); i++) {
		bad = &bad_ranges[i];
		EXPECT_EQ(bad->rc, endpoint_export(self->mem, BAR, bad->ranges, bad->nr))
			TH_LOG("%s", bad->what);
	}
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, &at_the_end, 1));
	EXPECT_EQ(-EINVAL, endpoint_export(self->mem, BAR, &over_the_end, 1));
}

TEST_F(badinput, export_fields)
{
	const struct vfio_region_dma_range good = { 0, SIZE };
	const struct vfio_device_feature_dma_buf plain = {
		.region_index = BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = 1,
	};
	struct vfio_device_feature_dma_buf buf;
	u32 get = VFIO_DEVICE_FEATURE_GET;
	int i;

	for (i = 0; i < 32; i++) {
		buf = plain;
		buf.flags = 1U << i;
		EXPECT_EQ(-EINVAL, endpoint_export_raw(self->mem, get, &buf, &good, 1))
			TH_LOG("flag %d", i);
	}

	/* BAR 3 is the upper half of BAR 2; BARs 4 and 5 do not exist. */
	for (i = 3; i < 12; i++) {
		buf = plain;
		buf.region_index = i;
		EXPECT_EQ(-ENODEV, endpoint_export_raw(self->mem, get, &buf, &good, 1))
			TH_LOG("region %d", i);
	}
	buf = plain;
	buf.region_index = UINT_MAX;
	EXPECT_EQ(-ENODEV, endpoint_export_raw(self->mem, get, &buf, &good, 1));

	EXPECT_EQ(-EINVAL, endpoint_export_raw(self->mem, VFIO_DEVICE_FEATURE_SET,
					       &plain, &good, 1));
}

/* User space announces ranges that it does not have. */
TEST_F(badinput, ranges_that_cannot_be_read)
{
	size_t head = sizeof(struct vfio_device_feature) +
		      sizeof(struct vfio_device_feature_dma_buf);
	struct vfio_device_feature_dma_buf *buf;
	struct vfio_device_feature *feature;
	char *pages;

	pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, pages);
	ASSERT_EQ(0, munmap(pages + PAGE, PAGE));

	feature = (void *)(pages + PAGE - head);
	feature->argsz = head + sizeof(struct vfio_region_dma_range);
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	buf = (void *)feature->data;
	buf->region_index = BAR;
	buf->open_flags = O_RDWR | O_CLOEXEC;
	buf->nr_ranges = 1;
	EXPECT_EQ(-1, ioctl(self->mem->fd, VFIO_DEVICE_FEATURE, feature));
	EXPECT_EQ(EFAULT, errno);

	feature->argsz = sizeof(*feature);
	EXPECT_EQ(-1, ioctl(self->mem->fd, VFIO_DEVICE_FEATURE, feature));
	EXPECT_EQ(EINVAL, errno);
	munmap(pages, PAGE);
}

static struct vfio_region_dma_range *many_ranges(size_t nr)
{
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	size_t i;

	VFIO_ASSERT_NOT_NULL(ranges);
	for (i = 0; i < nr; i++)
		ranges[i] = (struct vfio_region_dma_range){ i % 2 * PAGE, PAGE };
	return ranges;
}

TEST_F(badinput, too_many_ranges)
{
	struct vfio_region_dma_range *ranges = many_ranges(RANGES_MAX + 1);
	struct vfio_device_feature_dma_buf buf = {
		.region_index = BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
	};

	EXPECT_EQ(-ENOMEM, endpoint_export(self->mem, BAR, ranges, RANGES_MAX + 1));

	/* Counts whose size in bytes wraps around 32 bits. */
	buf.nr_ranges = UINT_MAX;
	EXPECT_EQ(-ENOMEM, endpoint_export_raw(self->mem, VFIO_DEVICE_FEATURE_GET,
					       &buf, ranges, 1));
	buf.nr_ranges = 1U << 28;
	EXPECT_EQ(-ENOMEM, endpoint_export_raw(self->mem, VFIO_DEVICE_FEATURE_GET,
					       &buf, ranges, 1));
	free(ranges);
}

/* A BAR with a page for each of them; NULL without one */
static struct vfio_pci_device *open_large(struct _test_data_badinput *self)
{
	struct vfio_pci_device *dev;
	const char *bdf;
	int i;

	/* The first one is @mem */
	for (i = 1; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		dev = endpoint_open(bdf, self->iommu, NULL);
		if (dev->bars[BAR].info.size >= RANGES_MAX * PAGE)
			return dev;
		vfio_pci_device_cleanup(dev);
	}
	return NULL;
}

TEST_F_TIMEOUT(badinput, as_many_ranges_as_there_may_be, 120)
{
	struct vfio_region_dma_range *ranges = many_ranges(RANGES_MAX);
	struct vfio_pci_device *large = open_large(self);
	int fd;

	if (!large)
		SKIP(return, "no BAR of a page for each range");
	fd = endpoint_export(large, BAR, ranges, RANGES_MAX);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, map(self, fd, 0, RANGES_MAX * PAGE, LARGE));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, LARGE,
				RANGES_MAX * PAGE, NULL));
	EXPECT_EQ(0, bufinfo_attachments(fd));
	close(fd);
	free(ranges);
	vfio_pci_device_cleanup(large);
}

/* The caller is charged for the memory of a list of ranges. */
#define CGROUP "/sys/fs/cgroup"

static long charged(void)
{
	char text[64];
	int len = file_read(text, sizeof(text), CGROUP "/badinput/memory.current");

	VFIO_ASSERT_GT(len, 0);
	return atol(text);
}

TEST_F_TIMEOUT(badinput, ranges_are_charged_to_the_caller, 120)
{
	struct vfio_region_dma_range *ranges = many_ranges(RANGES_MAX);
	struct vfio_pci_device *large;
	long before;
	int fd;

	if (access(CGROUP, F_OK))
		SKIP(return, "no control groups");
	file_mount("cgroup2", CGROUP);
	if (file_write("+memory", CGROUP "/cgroup.subtree_control"))
		SKIP(return, "no memory control groups");
	mkdir(CGROUP "/badinput", 0755);
	ASSERT_EQ(0, file_write("0", CGROUP "/badinput/cgroup.procs"));

	large = open_large(self);
	if (!large)
		SKIP(return, "no BAR of a page for each range");
	before = charged();
	fd = endpoint_export(large, BAR, ranges, RANGES_MAX);
	ASSERT_GE(fd, 0);
	EXPECT_GE(charged() - before, RANGES_MAX * 16);

	ASSERT_EQ(0, map(self, fd, 0, RANGES_MAX * PAGE, LARGE));

	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, LARGE,
				RANGES_MAX * PAGE, NULL));
	close(fd);
	free(ranges);
	vfio_pci_device_cleanup(large);
	ASSERT_EQ(0, file_write("0", CGROUP "/cgroup.procs"));
}

TEST_HARNESS_MAIN
