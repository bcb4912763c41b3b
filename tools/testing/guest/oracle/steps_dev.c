// SPDX-License-Identifier: GPL-2.0
/*
 * Devices come and go, and so does their memory.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include "lib/file.h"
#include "lib/slice.h"

#include "report.h"
#include "steps.h"

static off_t place(struct dev *dev, int page)
{
	return dev->vfio->bars[BAR].info.offset + page * PAGE + word_at(page);
}

int dev_peek(struct dev *dev, int page, u64 *value)
{
	ssize_t n = pread(dev->vfio->fd, value, sizeof(*value), place(dev, page));

	return n == sizeof(*value) ? 0 : n < 0 ? -errno : -EIO;
}

int dev_poke(struct dev *dev, int page, u64 value)
{
	ssize_t n = pwrite(dev->vfio->fd, &value, sizeof(value), place(dev, page));

	return n == sizeof(value) ? 0 : n < 0 ? -errno : -EIO;
}

static void ask_memory(struct dev *dev)
{
	dev->memory = vfio_pci_config_readw(dev->vfio, PCI_COMMAND) & PCI_COMMAND_MEMORY;
}

static void unmap_bars(struct vfio_pci_device *vfio)
{
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		if (vfio->bars[i].vaddr)
			munmap(vfio->bars[i].vaddr, vfio->bars[i].info.size);
		vfio->bars[i].vaddr = NULL;
	}
}

bool step_OPEN(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	/* Another process may hold it open: then the open fails. */
	if (dev->open || !dev->bdf)
		return false;
	dev->vfio = endpoint_open(dev->bdf, w->iommu, NULL);
	unmap_bars(dev->vfio);
	dev->open = true;
	dev->generation++;
	dev->memory = true;
	return true;
}

static void dev_shut(struct world *w, int dev)
{
	struct vfio_pci_device *vfio = w->devs[dev].vfio;

	w->devs[dev].vfio = NULL;
	close(vfio->fd);
	vfio_pci_device_free(vfio);
	world_settle(w);
}

bool step_CLOSE(struct world *w, const struct step *s)
{
	if (!w->devs[s->dev].vfio)
		return false;
	dev_shut(w, s->dev);
	return true;
}

void dev_whole(struct world *w, int i)
{
	struct dev *dev = &w->devs[i];

	if (dev->open && !dev->vfio)
		fail("dev[%d] is held open by nobody", i);
	if (dev->low)
		step_LOW_POWER(w, &(struct step){ .dev = i });
	if (dev->d3)
		step_POWER(w, &(struct step){ .dev = i });
	if (dev->vfio && !dev->memory)
		step_MEMORY(w, &(struct step){ .dev = i });
	step_OPEN(w, &(struct step){ .dev = i });
}

bool step_PREAD(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];
	int page = s->random % DEV_PAGES;
	u64 value;
	int rc;

	if (!dev->vfio || dev->low)
		return false;
	rc = dev_peek(dev, page, &value);
	expect("pread() of a BAR", rc, dev_on(dev) ? 0 : -EIO);
	if (!rc && !word_is(value, dev->id[page]))
		fail("page %d of dev[%d] says %#llx instead of %#x", page, s->dev,
		     (unsigned long long)value, dev->id[page]);
	return true;
}

bool step_PWRITE(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];
	int page = s->random % DEV_PAGES;
	int rc;

	if (!dev->vfio || dev->low)
		return false;
	rc = dev_poke(dev, page, word(++w->last_id));
	expect("pwrite() of a BAR", rc, dev_on(dev) ? 0 : -EIO);
	if (!rc)
		dev->id[page] = w->last_id;
	return true;
}

bool step_MEMORY(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];
	bool on = s->flags & 1;

	if (!dev->vfio || dev->d3 || dev->low)
		return false;
	/*
	 * While it is away, fewer steps have something to do: keep that short
	 */
	if (!dev->memory)
		on = true;
	try_begin(s);
	endpoint_memory(dev->vfio, on);
	try_end();
	dev->memory = on;
	if (!on)
		world_outage(w, s->dev);
	return true;
}

bool step_POWER(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!dev->vfio || dev->kind != &pci_nvme_flr)
		return false;
	if (dev->d3) {
		endpoint_power(dev->vfio, 0);
		endpoint_memory(dev->vfio, true);
		dev->memory = true;
	} else {
		endpoint_power(dev->vfio, 3);
		world_outage(w, s->dev);
	}
	dev->d3 = !dev->d3;
	return true;
}

bool step_LOW_POWER(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!dev->vfio || dev->kind != &pci_ivshmem || !dev->memory)
		return false;
	expect("low power", slice_low_power(dev->vfio, !dev->low), 0);
	dev->low = !dev->low;
	if (dev->low)
		world_outage(w, s->dev);
	return true;
}

/* The memory is back at once, if it was on before. */
static bool after_reset(struct world *w, const struct step *s)
{
	world_outage(w, s->dev);
	ask_memory(&w->devs[s->dev]);
	return true;
}

static bool can_reset(const struct dev *dev)
{
	return dev->vfio && !dev->d3 && !dev->low && dev->kind->reset;
}

bool step_RESET(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!can_reset(dev))
		return false;
	vfio_pci_device_reset(dev->vfio);
	return after_reset(w, s);
}

bool step_SYSFS_RESET(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!can_reset(dev))
		return false;
	expect("reset through sysfs",
	       file_write("1", "/sys/bus/pci/devices/%s/reset", dev->bdf), 0);
	return after_reset(w, s);
}

bool step_FLR(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!can_reset(dev) || dev->kind != &pci_nvme_flr)
		return false;
	endpoint_flr(dev->vfio);
	return after_reset(w, s);
}

bool step_HOT_RESET(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (!can_reset(dev) || dev->kind != &pci_ivshmem_bus)
		return false;
	endpoint_hot_reset(dev->vfio);
	return after_reset(w, s);
}

/* Without its driver for a moment; slices and mappings may be there. */
bool step_REBIND(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];

	if (dev->open || !dev->bdf)
		return false;
	expect("unbind",
	       file_write(dev->bdf, "/sys/bus/pci/devices/%s/driver/unbind", dev->bdf), 0);
	expect("bind", file_write(dev->bdf, "/sys/bus/pci/drivers_probe"), 0);
	return true;
}

void sweep(struct world *w)
{
	int i, page;
	u64 value;

	for (i = 0; i < NR_DEVS; i++) {
		struct dev *dev = &w->devs[i];

		if (!dev->vfio || !dev_on(dev))
			continue;
		for (page = 0; page < DEV_PAGES; page++) {
			expect("pread() of a BAR", dev_peek(dev, page, &value), 0);
			if (!word_is(value, dev->id[page]))
				fail("page %d of dev[%d] says %#llx instead of %#x", page, i,
				     (unsigned long long)value, dev->id[page]);
		}
	}
}

bool step_SWEEP(struct world *w, const struct step *s)
{
	sweep(w);
	return true;
}
