// SPDX-License-Identifier: GPL-2.0
/*
 * A GPU driver that could import a BAR, on a machine that does not pass on
 * peer-to-peer traffic between the two: its CPU is not on the list of those
 * that do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/machine.h"
#include "lib/match.h"
#include "lib/pci.h"

#include "importers/backend.h"
#include "importers/gpu.h"

#define PAGE	4096UL
#define BAR	2
#define CREATE	"RESOURCE_CREATE_BLOB"

FIXTURE(far) {
	struct backend backend;
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	struct trace trace;
	bool negotiates;
	int gpu, dmabuf;
};

FIXTURE_SETUP(far)
{
	const struct vfio_region_dma_range ranges[] = { { PAGE, PAGE }, { 8 * PAGE, 2 * PAGE } };
	const char *bdf = pci_find(&pci_ivshmem, 0);

	self->gpu = gpu_open();
	if (self->gpu < 0 || !gpu_has_blobs(self->gpu) || !bdf || !backend_open(&self->backend)) {
		ASSERT_FALSE(machine_promises("scripted-gpu", "drm"));
		SKIP(return, "needs tools/vgpu/run-vgpu far");
	}

	self->iommu = iommu_init(MODE_IOMMUFD);
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->dmabuf = endpoint_export(self->mem, BAR, ranges, ARRAY_SIZE(ranges));
	ASSERT_GE(self->dmabuf, 0);

	trace_open(&self->trace);
	self->negotiates = match_watch(&self->trace);
}

FIXTURE_TEARDOWN(far)
{
	trace_close(&self->trace);
	close(self->dmabuf);
	close(self->gpu);
	vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
	backend_close(&self->backend);
}

/* Before types were negotiated, the map call was the first to fail. */
TEST_F(far, import)
{
	int create = backend_count(&self->backend, CREATE);
	u32 handle;

	EXPECT_EQ(drm_import(self->gpu, self->dmabuf, &handle),
		  self->negotiates ? -EOPNOTSUPP : -EINVAL);
	/* The device gets the command of the extra buffer, and of no other. */
	gpu_kick(self->gpu);
	EXPECT_TRUE(backend_wait(&self->backend, CREATE, create));
	EXPECT_EQ(backend_count(&self->backend, CREATE), create + 1);
}

TEST_F(far, negotiation)
{
	struct match match;
	u32 handle;

	if (!self->negotiates)
		SKIP(return, "this kernel does not negotiate");
	drm_import(self->gpu, self->dmabuf, &handle);
	match = match_seen(&self->trace, self->dmabuf);
	EXPECT_GT(match.pairs, 0);
	EXPECT_STREQ(match.chosen, "");
	EXPECT_STREQ(match.reason, "no P2P path between the devices");
}

TEST_HARNESS_MAIN
