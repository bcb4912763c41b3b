// SPDX-License-Identifier: GPL-2.0
/*
 * A kernel without peer-to-peer DMA (PROFILE=nop2p): vfio-pci exports nothing,
 * with the right errors, and mappings of a BAR go and come back with the memory
 * as before.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define SIZE	(16 * PAGE)

FIXTURE(noexport) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	void *bar;
};

FIXTURE_SETUP(noexport)
{
	const char *bdf = pci_find(&pci_nvme_flr, 0);

	if (!bdf)
		SKIP(return, "no NVMe with FLR");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	if (slice_feature(self->dev, VFIO_DEVICE_FEATURE_PROBE |
			  VFIO_DEVICE_FEATURE_GET |
			  VFIO_DEVICE_FEATURE_DMA_BUF, NULL, 0) != -ENOTTY)
		SKIP(return, "this kernel exports BARs");
	self->bar = self->dev->bars[BAR].vaddr;
	pages_sign(self->bar, SIZE);
}

FIXTURE_TEARDOWN(noexport)
{
	if (!self->dev)
		return;
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

TEST_F(noexport, no_such_feature)
{
	u32 probe = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET;

	EXPECT_EQ(-ENOTTY, slice_export(self->dev, BAR, 0, PAGE));
	EXPECT_EQ(-ENOTTY, slice_revoke(self->dev, -1));
	EXPECT_EQ(-ENOTTY, slice_memattr(self->dev, -1, SLICE_WC));
	EXPECT_EQ(-ENOTTY, slice_feature(self->dev, probe |
					 VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE, NULL, 0));
	EXPECT_EQ(-ENOTTY, slice_feature(self->dev, probe |
					 VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR, NULL, 0));
}

/* The memory goes, and every mapping with it, and both come back. */
TEST_F(noexport, outages)
{
	endpoint_memory(self->dev, false);
	EXPECT_EQ(SIGBUS, child_read(self->bar));
	endpoint_memory(self->dev, true);
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));

	endpoint_power(self->dev, 3);
	EXPECT_EQ(SIGBUS, child_write(self->bar + SIZE - PAGE));
	endpoint_power(self->dev, 0);
	endpoint_memory(self->dev, true);
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));

	EXPECT_EQ(0, slice_low_power(self->dev, true));
	EXPECT_EQ(SIGBUS, child_read(self->bar));
	EXPECT_EQ(0, slice_low_power(self->dev, false));
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));
}

TEST_F(noexport, resets)
{
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));
	vfio_pci_device_reset(self->dev);
	endpoint_memory(self->dev, true);
	EXPECT_LT(0, faults_of(self->bar, SIZE));
	EXPECT_EQ(0, faults_of(self->bar, SIZE));
	endpoint_flr(self->dev);
	endpoint_memory(self->dev, true);
	EXPECT_LT(0, faults_of(self->bar, SIZE));
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));
}

TEST_HARNESS_MAIN
