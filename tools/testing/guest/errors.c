// SPDX-License-Identifier: GPL-2.0
/*
 * The bus reports an error of the device, and the PCI core recovers from it.
 *
 * An error that is not fatal changes nothing. A fatal error ends in a reset of
 * the device's bus, of which only the PCI core's callbacks inform vfio-pci:
 * importers lose the memory until the reset is over, readers wait meanwhile,
 * and every mapping from before shows either the device or, as its BARs have no
 * address after such a reset, the bus's answer for an empty place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/client.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/machine.h"
#include "lib/monitor.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	4			/* registers, by which the device can be recognized */
#define SIZE	PAGE
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)

/* Commands of QEMU's monitor: the device has errors of these kinds */
#define NOT_FATAL	"pcie_aer_inject_error %s COMP_TIME"
#define FATAL		"pcie_aer_inject_error %s MALF_TLP"

FIXTURE(errors) {
	struct client client;
	struct iommu *iommu;
	struct engines engines;
	struct vfio_pci_device *dev;
	const char *bdf;
	void *bar, *slice;
	u64 first;		/* a word of the registers, the same after a reset */
	int dmabuf, event;
	bool client_started;
};

FIXTURE_VARIANT(errors) {
	const char *id;		/* of the device, for QEMU */
	int nth;		/* of its kind */
	bool recovers;
};

FIXTURE_VARIANT_ADD(errors, recovery) {
	.id = "errors", .nth = 0, .recovers = true,
};

/* The bus cannot be reset: a permanent failure. */
FIXTURE_VARIANT_ADD(errors, failure) {
	.id = "failure", .nth = 1,
};

static int tell_by(struct vfio_pci_device *dev, int event)
{
	char buf[sizeof(struct vfio_irq_set) + sizeof(event)] = {};
	struct vfio_irq_set *set = (void *)buf;

	set->argsz = sizeof(buf);
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = VFIO_PCI_ERR_IRQ_INDEX;
	set->count = 1;
	memcpy(set->data, &event, sizeof(event));
	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, set) ? -errno : 0;
}

/* Was an error reported since the open? A failed recovery is another error. */
static bool was_told(struct _test_data_errors *self)
{
	struct pollfd poll_event = { .fd = self->event, .events = POLLIN };

	return poll(&poll_event, 1, 30000) == 1;
}

/*
 * The kernel's count, whichever driver has the device; -1 if it does not count
 */
static long fatal_errors(const char *bdf)
{
	const char *name = "TOTAL_ERR_FATAL ";
	char text[4096], *at;

	if (file_read(text, sizeof(text), "/sys/bus/pci/devices/%s/aer_dev_fatal", bdf) < 0)
		return -1;
	at = strstr(text, name);
	return at ? strtol(at + strlen(name), NULL, 10) : -1;
}

static bool open_device(struct _test_data_errors *self)
{
	self->dev = endpoint_open(self->bdf, self->iommu, NULL);
	self->event = eventfd(0, 0);
	self->bar = self->dev->bars[BAR].vaddr;
	self->dmabuf = slice_export(self->dev, BAR, 0, SIZE);
	if (!self->bar || self->dmabuf < 0 || try_read(self->bar, &self->first))
		return false;
	self->slice = map_shared(self->dmabuf, 0, SIZE, RW);
	client_send(&self->client, self->dmabuf);
	return self->slice && !client_map(&self->client, SIZE) &&
	       !tell_by(self->dev, self->event) &&
	       !ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, self->dmabuf,
			      0, SIZE, IOVA, IOAS_READ);
}

static void close_device(struct _test_data_errors *self)
{
	ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA, SIZE, NULL);
	client_unmap(&self->client);
	munmap(self->slice, SIZE);
	close(self->dmabuf);
	vfio_pci_device_cleanup(self->dev);
	close(self->event);
	self->dev = NULL;
}

FIXTURE_SETUP(errors)
{
	self->bdf = pci_find(&pci_rng_ats, variant->nth);
	if (!self->bdf)
		SKIP(return, "no device whose bus reports errors");
	if (access("/sys/bus/pci_express/drivers/aer", F_OK))
		SKIP(return, "this kernel does not handle errors of the bus");
	if (!monitor_is_there())
		SKIP(return, "no serial line to QEMU's monitor");
	if (!machine_promises("aer", NULL))
		SKIP(return, "x86 only: no errors reach the ports of this machine");
	client_start(&self->client);
	self->client_started = true;
	self->iommu = iommu_init(MODE_IOMMUFD);
	if (!engines_open(&self->engines, self->iommu, 1))
		SKIP(return, "no DMA engine");
	ASSERT_TRUE(open_device(self));
}

FIXTURE_TEARDOWN(errors)
{
	if (!self->iommu)
		return;
	if (self->dev)
		close_device(self);
	if (self->client_started)
		EXPECT_EQ(0, client_stop(&self->client));
	if (self->engines.nr)
		engines_close(&self->engines);
	iommu_cleanup(self->iommu);
}

/* Does a device still read the slice by DMA? */
static bool is_imported(struct _test_data_errors *self)
{
	struct trace trace;
	bool stopped;
	u8 buf[64];

	trace_open(&trace);
	iommu_fault_watch(&trace);
	engines_read(&self->engines, buf, IOVA, sizeof(buf));
	stopped = iommu_fault_at(&trace, IOVA, SIZE);
	trace_close(&trace);
	return !stopped;
}

TEST_F_TIMEOUT(errors, that_are_not_fatal, 120)
{
	u64 value;

	ASSERT_TRUE(is_imported(self));
	monitor_command(NOT_FATAL, variant->id);
	ASSERT_TRUE(was_told(self));
	EXPECT_EQ(0, try_read(self->bar, &value));
	EXPECT_EQ(self->first, value);
	EXPECT_EQ(0, client_read(&self->client, 0, &value));
	EXPECT_EQ(self->first, value);
	EXPECT_TRUE(is_imported(self));
}

/* The device, or the answer of an empty place: of QEMU, of hardware */
static bool is_good(u64 value, u64 first)
{
	return value == first || value == 0 || value == ~0ULL;
}

struct reader {
	const void *map;
	u64 first;
	atomic_bool stop;
	atomic_long reads;
	long signals, wrong;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	u64 value;

	while (!r->stop) {
		if (try_read(r->map, &value))
			r->signals++;
		else if (!is_good(value, r->first))
			r->wrong++;
		r->reads++;
	}
	return NULL;
}

/* The reset of the bus clears the device's registers without vfio-pci. */
static bool was_reset(const char *bdf)
{
	char path[64];
	int tries, fd;
	u16 command = PCI_COMMAND_MEMORY;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY);
	for (tries = 3000; fd >= 0 && tries && command & PCI_COMMAND_MEMORY; tries--) {
		usleep(10000);
		if (pread(fd, &command, 2, PCI_COMMAND) != 2)
			command = PCI_COMMAND_MEMORY;
	}
	close(fd);
	return !(command & PCI_COMMAND_MEMORY);
}

static void fatal(struct __test_metadata *_metadata, struct _test_data_errors *self,
		  const struct _fixture_variant_errors *variant)
{
	int signal = variant->recovers ? 0 : SIGBUS;
	struct reader r = { .map = self->slice, .first = self->first };
	pthread_t thread;
	u64 value;
	long before;

	ASSERT_TRUE(is_imported(self));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_on, &r));
	monitor_command(FATAL, variant->id);
	ASSERT_TRUE(was_told(self));
	ASSERT_TRUE(was_reset(self->bdf));

	/* Each waits until the PCI core has finished. */
	EXPECT_EQ(signal, try_read(self->bar, &value));
	if (!signal)
		EXPECT_TRUE(is_good(value, self->first));
	EXPECT_EQ(signal, client_read(&self->client, 0, &value));
	if (!signal)
		EXPECT_TRUE(is_good(value, self->first));
	/* A device that has BARs again is mapped again, wherever they are */
	EXPECT_EQ(variant->recovers, is_imported(self));

	for (before = r.reads; r.reads == before;)
		usleep(1000);
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(!variant->recovers, !!r.signals);
	EXPECT_EQ(0, r.wrong);
}

TEST_F_TIMEOUT(errors, that_are_fatal, 120)
{
	u64 first = self->first;
	int i;

	for (i = 0; i < 2; i++) {
		EXPECT_EQ(first, self->first);
		fatal(_metadata, self, variant);
		/* The next opener gets a device that VFIO has set up again. */
		close_device(self);
		ASSERT_TRUE(open_device(self));
	}
}

/* Close and recovery at the same time, in either order. */
TEST_F_TIMEOUT(errors, while_it_is_closed, 120)
{
	u64 first = self->first;
	int i, tries;
	long before;

	for (i = 0; i < 3; i++) {
		before = fatal_errors(self->bdf);
		ASSERT_GE(before, 0);
		monitor_command(FATAL, variant->id);
		usleep(i * 60000);
		close_device(self);
		for (tries = 3000; fatal_errors(self->bdf) == before && tries; tries--)
			usleep(10000);
		EXPECT_EQ(before + 1, fatal_errors(self->bdf));
		/* A device that is being reset cannot be opened: EAGAIN */
		sleep(3);
		ASSERT_TRUE(open_device(self));
		EXPECT_EQ(first, self->first);
	}
}

TEST_HARNESS_MAIN
