// SPDX-License-Identifier: GPL-2.0
/*
 * Find the machine's devices by their properties, not by their address.
 */
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <libvfio.h>

#include "file.h"
#include "pci.h"

#define SYSFS_PCI "/sys/bus/pci/"

const struct pci_kind pci_edu = { "edu", 0x1234, 0x11e8 };
const struct pci_kind pci_ivshmem = { "ivshmem", 0x1af4, 0x1110 };
const struct pci_kind pci_ivshmem_bus = { "ivshmem", 0x1af4, 0x1110, "bus" };
const struct pci_kind pci_bochs = { "bochs-display", 0x1234, 0x1111 };
const struct pci_kind pci_rng_ats = { "virtio-rng", 0x1af4, 0x1044, "flr" };
const struct pci_kind pci_igb_vf = { "igbvf", 0x8086, 0x10ca };
const struct pci_kind pci_nvme_flr = { "nvme", 0x1b36, 0x0010, "flr" };

static bool pci_is(const char *bdf, const struct pci_kind *kind)
{
	char text[64];

	if (file_read(text, sizeof(text), SYSFS_PCI "devices/%s/vendor", bdf) < 0 ||
	    strtoul(text, NULL, 16) != kind->vendor)
		return false;
	if (file_read(text, sizeof(text), SYSFS_PCI "devices/%s/device", bdf) < 0 ||
	    strtoul(text, NULL, 16) != kind->device)
		return false;
	if (!kind->reset)
		return true;
	return file_read(text, sizeof(text), SYSFS_PCI "devices/%s/reset_method", bdf) > 0 &&
	       strstr(text, kind->reset);
}

static void pci_bind_vfio(const char *bdf)
{
	char driver[PATH_MAX], path[PATH_MAX];
	ssize_t len;
	int rc;

	snprintf(path, sizeof(path), SYSFS_PCI "devices/%s/driver", bdf);
	len = readlink(path, driver, sizeof(driver) - 1);
	if (len > 0) {
		driver[len] = 0;
		if (!strcmp(basename(driver), "vfio-pci"))
			return;
		rc = file_write(bdf, "%s/unbind", path);
		VFIO_ASSERT_EQ(rc, 0);
	}
	rc = file_write("vfio-pci", SYSFS_PCI "devices/%s/driver_override", bdf);
	VFIO_ASSERT_EQ(rc, 0);
	rc = file_write(bdf, SYSFS_PCI "drivers_probe");
	VFIO_ASSERT_EQ(rc, 0);
}

const char *pci_find(const struct pci_kind *kind, int nth)
{
	const char *found = NULL;
	struct dirent **list;
	int i, n;

	n = scandir(SYSFS_PCI "devices", &list, NULL, alphasort);
	VFIO_ASSERT_GE(n, 0);
	for (i = 0; i < n; i++) {
		const char *bdf = list[i]->d_name;

		if (!found && bdf[0] != '.' && pci_is(bdf, kind) && nth-- == 0)
			found = strdup(bdf);
		free(list[i]);
	}
	free(list);

	if (found)
		pci_bind_vfio(found);
	return found;
}

static void bar_span(const char *bdf, int bar, u64 *start, u64 *end)
{
	char text[4096], *line;
	int i, found;

	found = file_read(text, sizeof(text), SYSFS_PCI "devices/%s/resource", bdf);
	VFIO_ASSERT_GT(found, 0);
	line = strtok(text, "\n");
	for (i = 0; i < bar && line; i++)
		line = strtok(NULL, "\n");
	VFIO_ASSERT_NOT_NULL(line);
	*start = strtoull(line, &line, 16);
	*end = strtoull(line, NULL, 16);
}

u64 pci_bar_phys(const char *bdf, int bar)
{
	u64 start, end;

	bar_span(bdf, bar, &start, &end);
	return start;
}

u64 pci_bar_size(const char *bdf, int bar)
{
	u64 start, end;

	bar_span(bdf, bar, &start, &end);
	return end ? end - start + 1 : 0;
}

static u32 config_dword(int fd, int at)
{
	u32 value;

	return pread(fd, &value, 4, at) == 4 ? le32toh(value) : 0;
}

bool pci_ats_on(const char *bdf)
{
	int at = PCI_CFG_SPACE_SIZE, tries = PCI_CFG_SPACE_EXP_SIZE / 8;
	u32 header = 0, ctrl = 0;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), SYSFS_PCI "devices/%s/config", bdf);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	while (at && tries-- && PCI_EXT_CAP_ID(header) != PCI_EXT_CAP_ID_ATS) {
		header = config_dword(fd, at);
		/* Capability and control are the two halves of one word. */
		ctrl = config_dword(fd, at + PCI_ATS_CAP) >> 16;
		at = PCI_EXT_CAP_NEXT(header);
	}
	close(fd);
	return PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ATS && (ctrl & PCI_ATS_CTRL_ENABLE);
}

u64 pci_msi_iova(const char *bdf)
{
	char text[4096], *line, *rest = text;
	int found;

	found = file_read(text, sizeof(text),
			  SYSFS_PCI "devices/%s/iommu_group/reserved_regions", bdf);
	VFIO_ASSERT_GT(found, 0);
	while ((line = strsep(&rest, "\n")))
		if (strstr(line, " msi"))
			return strtoull(line, NULL, 16);
	VFIO_FAIL("%s: no range of IOVAs for MSIs", bdf);
}
