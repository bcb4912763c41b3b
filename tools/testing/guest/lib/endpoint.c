// SPDX-License-Identifier: GPL-2.0
/*
 * One PCI device, driven from user space through vfio-pci.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kernel.h>
#include <linux/pci_regs.h>

#include "endpoint.h"
#include "file.h"

static void map_bar(struct vfio_pci_device *dev, int index)
{
	struct vfio_pci_bar *bar = &dev->bars[index];

	bar->info.argsz = sizeof(bar->info);
	bar->info.index = index;
	ioctl_assert(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &bar->info);
	if (!(bar->info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return;

	bar->vaddr = mmap(NULL, bar->info.size, PROT_READ | PROT_WRITE,
			  MAP_SHARED, dev->fd, bar->info.offset);
	VFIO_ASSERT_NE(bar->vaddr, MAP_FAILED, "mmap of %s BAR %d", dev->bdf, index);
}

/* libvfio does all of this, but does not expose the id from iommufd. */
struct vfio_pci_device *endpoint_open(const char *bdf, struct iommu *iommu, u32 *id)
{
	struct vfio_pci_device *dev = vfio_pci_device_alloc(bdf, iommu);
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommu->iommufd,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(dev->msi_eventfds); i++)
		dev->msi_eventfds[i] = -1;

	vfio_pci_cdev_open(dev, bdf);
	ioctl_assert(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	VFIO_ASSERT_EQ(endpoint_attach(dev, iommu->ioas_id), 0);

	dev->config_space.argsz = sizeof(dev->config_space);
	dev->config_space.index = VFIO_PCI_CONFIG_REGION_INDEX;
	ioctl_assert(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &dev->config_space);
	vfio_pci_config_writew(dev, PCI_COMMAND,
			       vfio_pci_config_readw(dev, PCI_COMMAND) |
			       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		map_bar(dev, i);
	if (id)
		*id = bind.out_devid;
	return dev;
}

int endpoint_attach(struct vfio_pci_device *dev, u32 pt_id)
{
	struct vfio_device_attach_iommufd_pt args = {
		.argsz = sizeof(args),
		.pt_id = pt_id,
	};

	return ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &args) ? -errno : 0;
}

int endpoint_detach(struct vfio_pci_device *dev)
{
	struct vfio_device_detach_iommufd_pt args = { .argsz = sizeof(args) };

	return ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &args) ? -errno : 0;
}

void endpoint_memory(struct vfio_pci_device *dev, bool on)
{
	u16 command = vfio_pci_config_readw(dev, PCI_COMMAND);

	if (on)
		command |= PCI_COMMAND_MEMORY;
	else
		command &= ~PCI_COMMAND_MEMORY;
	vfio_pci_config_writew(dev, PCI_COMMAND, command);
}

static u8 find_capability(struct vfio_pci_device *dev, u8 id)
{
	u8 pos = vfio_pci_config_readb(dev, PCI_CAPABILITY_LIST);

	while (pos && vfio_pci_config_readb(dev, pos + PCI_CAP_LIST_ID) != id)
		pos = vfio_pci_config_readb(dev, pos + PCI_CAP_LIST_NEXT);
	VFIO_ASSERT_NE(pos, 0, "%s has no capability %#x", dev->bdf, id);
	return pos;
}

void endpoint_power(struct vfio_pci_device *dev, int state)
{
	u8 pm = find_capability(dev, PCI_CAP_ID_PM);
	u16 control = vfio_pci_config_readw(dev, pm + PCI_PM_CTRL);

	control = (control & ~PCI_PM_CTRL_STATE_MASK) | state;
	vfio_pci_config_writew(dev, pm + PCI_PM_CTRL, control);
}

void endpoint_sysfs_reset(struct vfio_pci_device *dev)
{
	int rc = file_write("1", "/sys/bus/pci/devices/%s/reset", dev->bdf);

	VFIO_ASSERT_EQ(rc, 0, "reset of %s through sysfs", dev->bdf);
}

void endpoint_flr(struct vfio_pci_device *dev)
{
	u8 exp = find_capability(dev, PCI_CAP_ID_EXP);
	u16 control = vfio_pci_config_readw(dev, exp + PCI_EXP_DEVCTL);

	vfio_pci_config_writew(dev, exp + PCI_EXP_DEVCTL,
			       control | PCI_EXP_DEVCTL_BCR_FLR);
}

void endpoint_hot_reset(struct vfio_pci_device *dev)
{
	/* No group file descriptors: iommufd itself proves the ownership. */
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	ioctl_assert(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset);
}

int endpoint_export_raw(struct vfio_pci_device *dev, u32 feature_flags,
			const struct vfio_device_feature_dma_buf *buf,
			const struct vfio_region_dma_range *ranges, size_t nr)
{
	size_t argsz = sizeof(struct vfio_device_feature) + sizeof(*buf) +
		       sizeof(*ranges) * nr;
	struct vfio_device_feature *feature = calloc(1, argsz);
	struct vfio_device_feature_dma_buf *copy;
	int fd;

	VFIO_ASSERT_NOT_NULL(feature);
	feature->argsz = argsz;
	feature->flags = VFIO_DEVICE_FEATURE_DMA_BUF | feature_flags;
	copy = (void *)feature->data;
	*copy = *buf;
	memcpy(copy->dma_ranges, ranges, sizeof(*ranges) * nr);

	fd = ioctl(dev->fd, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	free(feature);
	return fd;
}

int endpoint_export(struct vfio_pci_device *dev, int bar,
		    const struct vfio_region_dma_range *ranges, u32 nr_ranges)
{
	const struct vfio_device_feature_dma_buf buf = {
		.region_index = bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = nr_ranges,
	};

	return endpoint_export_raw(dev, VFIO_DEVICE_FEATURE_GET, &buf, ranges, nr_ranges);
}
