// SPDX-License-Identifier: GPL-2.0
/*
 * The driver of a PF uses memory that it has given to a VF.
 *
 * vfio-pci has a VF of an emulated network card (igb) and exports a page of its
 * BAR. drivers/dma-buf/tests/exporters/igb-pf.c drives the PF, imports the page
 * and reads, through the PF's own BAR, the 64 bytes that are behind the VF's.
 * There it must find what was written to the VF's BAR.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/machine.h"
#include "lib/match.h"
#include "lib/pci.h"
#include "lib/slice.h"
#include "lib/trace.h"

#define PAGE	GUEST_PAGE
#define BAR	0
#define MAILBOX	0x800
#define DRIVER	"/sys/bus/pci/drivers/igb_pf"
#define IMPORT	"/sys/kernel/debug/dma_buf_igb_pf/import"

FIXTURE(iov) {
	struct iommu *iommu;
	struct vfio_pci_device *vf[2];
	int dmabuf;
	struct trace trace;
};

/* The address of the device that the driver drives, or false */
static bool find_pf(char *bdf, size_t size)
{
	bool found;
	glob_t g;

	found = !glob(DRIVER "/*:*", 0, NULL, &g);
	if (found)
		snprintf(bdf, size, "%s", strrchr(g.gl_pathv[0], '/') + 1);
	globfree(&g);
	return found;
}

/* Two VFs, made once for all tests */
static bool make_vfs(void)
{
	char bdf[32], text[16];

	if (!find_pf(bdf, sizeof(bdf)))
		return false;
	if (file_read(text, sizeof(text), "/sys/bus/pci/devices/%s/sriov_numvfs", bdf) > 0 &&
	    atoi(text) == 2)
		return true;
	return !file_write("2", "/sys/bus/pci/devices/%s/sriov_numvfs", bdf);
}

/* The PF's status of its import */
static const char *state(void)
{
	static char text[128];
	ssize_t len = file_read(text, sizeof(text), IMPORT);

	VFIO_ASSERT_GT(len, 0);
	return text;
}

static bool state_is(const char *begin)
{
	return !strncmp(state(), begin, strlen(begin));
}

/* 0 or -errno */
static int command(const char *text)
{
	return file_write(text, IMPORT);
}

static int import(int dmabuf)
{
	char text[32];

	snprintf(text, sizeof(text), "attach %d", dmabuf);
	return command(text);
}

static void write_mailbox(struct vfio_pci_device *vf, u32 value)
{
	writel(value, vf->bars[BAR].vaddr + MAILBOX);
}

static bool mailbox_is(unsigned int vf, u32 value)
{
	char text[64];

	snprintf(text, sizeof(text), "IOV vf=%u offset=0x0 mailbox=%#x ", vf, value);
	return state_is(text);
}

FIXTURE_SETUP(iov)
{
	const char *bdf;
	int i;

	self->dmabuf = -1;
	if (!make_vfs()) {
		ASSERT_FALSE(machine_promises("igb", NULL) && !access(DRIVER, F_OK));
		SKIP(return, "no igb, or no driver for its PF in this kernel");
	}
	trace_open(&self->trace);
	self->iommu = iommu_init("iommufd");
	for (i = 0; i < 2; i++) {
		bdf = pci_find(&pci_igb_vf, i);
		ASSERT_NE(NULL, bdf);
		self->vf[i] = endpoint_open(bdf, self->iommu, NULL);
	}
	self->dmabuf = slice_export(self->vf[0], BAR, 0, PAGE);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(iov)
{
	int i;

	if (!self->iommu)
		return;
	command("detach");
	if (self->dmabuf >= 0)
		close(self->dmabuf);
	for (i = 0; i < 2; i++)
		if (self->vf[i])
			vfio_pci_device_cleanup(self->vf[i]);
	iommu_cleanup(self->iommu);
	trace_close(&self->trace);
}

/*
 * It is IOV, which is offered first, and shows what the VF's user has written
 */
TEST_F(iov, reads_what_the_vf_wrote)
{
	struct match match;

	ASSERT_TRUE(match_watch(&self->trace));
	ASSERT_EQ(0, import(self->dmabuf));
	match = match_seen(&self->trace, self->dmabuf);
	EXPECT_EQ(0, strncmp(match.offered, "IOV", 3));
	EXPECT_EQ(0, strncmp(match.asked, "IOV", 3));
	EXPECT_NE(NULL, strstr(match.asked, "SGT"));
	EXPECT_EQ(0, strncmp(match.chosen, "IOV", 3));

	ASSERT_EQ(0, command("map"));
	write_mailbox(self->vf[0], 0x12345678);
	EXPECT_TRUE(mailbox_is(0, 0x12345678)) TH_LOG("%s", state());
	/* Another VF's memory is at another place */
	write_mailbox(self->vf[1], 0x9abcdef0);
	EXPECT_TRUE(mailbox_is(0, 0x12345678)) TH_LOG("%s", state());
}

TEST_F(iov, another_vf)
{
	int other = slice_export(self->vf[1], BAR, 0, PAGE);

	ASSERT_GE(other, 0);
	write_mailbox(self->vf[0], 0x11111111);
	write_mailbox(self->vf[1], 0x22222222);
	ASSERT_EQ(0, import(other));
	ASSERT_EQ(0, command("map"));
	EXPECT_TRUE(mailbox_is(1, 0x22222222)) TH_LOG("%s", state());
	ASSERT_EQ(0, command("detach"));
	close(other);
}

/* Memory that the VF was not given is no IOV; the trace has the reason */
TEST_F(iov, outside)
{
	int outside = slice_export(self->vf[0], BAR, PAGE, PAGE);
	bool told = false;
	char line[512];

	ASSERT_GE(outside, 0);
	ASSERT_TRUE(trace_enable(&self->trace, "dma_buf/dma_buf_iov_refused"));
	ASSERT_EQ(0, import(outside));
	/* A peer-to-peer path to the PF is not guaranteed */
	command("map");
	EXPECT_FALSE(state_is("IOV")) TH_LOG("%s", state());
	while (trace_next(&self->trace, line, sizeof(line)))
		told |= !!strstr(line, "bar=0 reason=\"not given to the VF\"");
	EXPECT_TRUE(told);
	ASSERT_EQ(0, command("detach"));
	close(outside);
}

/* The PF takes the memory back, and gives it again */
TEST_F(iov, provision)
{
	ASSERT_EQ(0, import(self->dmabuf));
	ASSERT_EQ(0, command("map"));
	EXPECT_TRUE(state_is("IOV"));
	ASSERT_EQ(0, command("give 0"));
	EXPECT_TRUE(state_is("unmapped"));
	command("map");
	EXPECT_FALSE(state_is("IOV")) TH_LOG("%s", state());
	ASSERT_EQ(0, command("give 4096"));
	ASSERT_EQ(0, command("map"));
	EXPECT_TRUE(state_is("IOV")) TH_LOG("%s", state());
}

/* A reset takes it away until it is over */
TEST_F(iov, reset)
{
	ASSERT_EQ(0, import(self->dmabuf));
	ASSERT_EQ(0, command("map"));
	vfio_pci_device_reset(self->vf[0]);
	EXPECT_TRUE(state_is("unmapped")) TH_LOG("%s", state());
	EXPECT_EQ(NULL, strstr(state(), "invalidated=0"));
	endpoint_memory(self->vf[0], true);
	ASSERT_EQ(0, command("map"));
	EXPECT_TRUE(state_is("IOV")) TH_LOG("%s", state());
}

TEST_F(iov, revoke)
{
	ASSERT_EQ(0, import(self->dmabuf));
	ASSERT_EQ(0, command("map"));
	ASSERT_EQ(0, slice_revoke(self->vf[0], self->dmabuf));
	EXPECT_TRUE(state_is("unmapped")) TH_LOG("%s", state());
	EXPECT_EQ(-ENODEV, command("map"));
}

TEST_F(iov, close)
{
	ASSERT_EQ(0, import(self->dmabuf));
	ASSERT_EQ(0, command("map"));
	vfio_pci_device_cleanup(self->vf[0]);
	self->vf[0] = NULL;
	EXPECT_TRUE(state_is("unmapped")) TH_LOG("%s", state());
	EXPECT_EQ(-ENODEV, command("map"));
}

TEST_HARNESS_MAIN
