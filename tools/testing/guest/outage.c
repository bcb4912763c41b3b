// SPDX-License-Identifier: GPL-2.0
/*
 * A device's memory goes for a while, under live CPU mappings: of the BAR, of a
 * slice of it, and of a slice in another process.
 *
 * While it is off an access gets SIGBUS; during a reset it waits; afterwards
 * every mapping works as before.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/bufinfo.h"
#include "lib/client.h"
#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(outage) {
	struct client client;
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	void *bar, *slice, *tail;
	size_t size;
	int dmabuf;
	bool client_started;
};

FIXTURE_VARIANT(outage) {
	const struct pci_kind *kind;
	int bar;
	void (*begin)(struct vfio_pci_device *dev);
	void (*end)(struct vfio_pci_device *dev);
	bool stays_off;		/* until end; else the memory is back at once */
	bool registers;		/* no memory behind the BAR */
};

static void memory_off(struct vfio_pci_device *dev)
{
	endpoint_memory(dev, false);
}

static void memory_on(struct vfio_pci_device *dev)
{
	endpoint_memory(dev, true);
}

static void power_off(struct vfio_pci_device *dev)
{
	endpoint_power(dev, 3);
}

static void power_on(struct vfio_pci_device *dev)
{
	endpoint_power(dev, 0);
	endpoint_memory(dev, true);
}

static void low_power(struct vfio_pci_device *dev)
{
	VFIO_ASSERT_EQ(slice_low_power(dev, true), 0);
}

static void full_power(struct vfio_pci_device *dev)
{
	VFIO_ASSERT_EQ(slice_low_power(dev, false), 0);
}

static void reset(struct vfio_pci_device *dev)
{
	vfio_pci_device_reset(dev);
}

FIXTURE_VARIANT_ADD(outage, memory_off) {
	.kind = &pci_ivshmem, .bar = 2, .stays_off = true,
	.begin = memory_off, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, memory_off_under_registers) {
	.kind = &pci_bochs, .bar = 2, .stays_off = true, .registers = true,
	.begin = memory_off, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, low_power) {
	.kind = &pci_ivshmem, .bar = 2, .stays_off = true,
	.begin = low_power, .end = full_power,
};

FIXTURE_VARIANT_ADD(outage, low_power_of_nvme) {
	.kind = &pci_nvme_flr, .bar = 2, .stays_off = true,
	.begin = low_power, .end = full_power,
};

FIXTURE_VARIANT_ADD(outage, d3hot) {
	.kind = &pci_nvme_flr, .bar = 2, .stays_off = true,
	.begin = power_off, .end = power_on,
};

FIXTURE_VARIANT_ADD(outage, flr_by_ioctl) {
	.kind = &pci_nvme_flr, .bar = 2, .begin = reset, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, flr_by_config) {
	.kind = &pci_nvme_flr, .bar = 2, .begin = endpoint_flr, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, flr_with_ats) {
	.kind = &pci_rng_ats, .bar = 4, .registers = true,
	.begin = reset, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, bus_reset) {
	.kind = &pci_ivshmem_bus, .bar = 2, .begin = reset, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, hot_reset) {
	.kind = &pci_ivshmem_bus, .bar = 2, .begin = endpoint_hot_reset,
	.end = memory_on,
};

/* Another process resets the device, without vfio-pci */
FIXTURE_VARIANT_ADD(outage, flr_by_sysfs) {
	.kind = &pci_nvme_flr, .bar = 2, .begin = endpoint_sysfs_reset,
	.end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, flr_by_sysfs_with_ats) {
	.kind = &pci_rng_ats, .bar = 4, .registers = true,
	.begin = endpoint_sysfs_reset, .end = memory_on,
};

FIXTURE_VARIANT_ADD(outage, bus_reset_by_sysfs) {
	.kind = &pci_ivshmem_bus, .bar = 2, .begin = endpoint_sysfs_reset,
	.end = memory_on,
};

/*
 * The kernel copies a CPU's counter to user space under a lock that CPU hotplug
 * takes, and a device with ATS is reset under one that waits for CPU hotplug:
 * so lockdep learns that a reset comes before mmap_lock.
 */
static bool reads_a_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(attr),
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
	u64 value;
	bool ok = fd >= 0 && read(fd, &value, sizeof(value)) == sizeof(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

FIXTURE_SETUP(outage)
{
	/* The driver of the first bochs-display is needed by other tests. */
	const char *bdf = pci_find(variant->kind, variant->kind == &pci_bochs);
	struct vfio_pci_bar *bar;

	if (!bdf)
		SKIP(return, "no %s with %s", variant->kind->name,
		     variant->kind->reset ?: "memory");
	client_start(&self->client);
	self->client_started = true;
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	if (variant->kind == &pci_rng_ats) {
		if (!pci_ats_on(bdf) && !machine_promises("ats", NULL))
			SKIP(return, "x86 only: the IOMMU of this machine has no ATS");
		ASSERT_TRUE(pci_ats_on(bdf));
		ASSERT_TRUE(reads_a_counter());
	}
	bar = &self->dev->bars[variant->bar];
	if (!bar->vaddr && bar->info.size < PAGE)
		SKIP(return, "its registers share a page with another BAR");
	ASSERT_NE(NULL, bar->vaddr);
	self->bar = bar->vaddr;
	self->size = min((size_t)bar->info.size, 16 * PAGE);
	if (!variant->registers)
		pages_sign(self->bar, self->size);

	self->dmabuf = slice_export(self->dev, variant->bar, 0, self->size);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(outage)
{
	close(self->dmabuf);
	if (self->client_started)
		EXPECT_EQ(0, client_stop(&self->client));
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

/* Map the slice here and in the client; false if this kernel cannot do that. */
static bool map_slice(struct _test_data_outage *self)
{
	self->slice = map_shared(self->dmabuf, 0, self->size, RW);
	self->tail = map_shared(self->dmabuf, self->size - PAGE, PAGE, RW);
	client_send(&self->client, self->dmabuf);
	return self->slice && self->tail && !client_map(&self->client, self->size);
}

/* Registers: the same value before and after a reset. */
static bool shows(const struct _fixture_variant_outage *variant, const void *map, size_t size,
		  u64 offset, u64 first)
{
	u64 value;

	if (!variant->registers)
		return pages_are(map, size, offset);
	return !try_read(map, &value) && value == first;
}

/* The word that shows that a page of registers is there. */
static u64 first_word(const void *map)
{
	u64 value = 0;

	VFIO_ASSERT_EQ(try_read(map, &value), 0);
	return value;
}

TEST_F_TIMEOUT(outage, of_a_bar, 120)
{
	u64 first = first_word(self->bar);
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(shows(variant, self->bar, self->size, 0, first));
		variant->begin(self->dev);
		if (variant->stays_off) {
			EXPECT_EQ(SIGBUS, child_read(self->bar));
			EXPECT_EQ(SIGBUS, child_write(self->bar + self->size - PAGE));
		}
		variant->end(self->dev);
	}
	EXPECT_TRUE(shows(variant, self->bar, self->size, 0, first));
}

TEST_F_TIMEOUT(outage, of_a_slice, 120)
{
	u64 first = first_word(self->bar), value;
	int i;

	ASSERT_TRUE(map_slice(self));
	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(shows(variant, self->slice, self->size, 0, first));
		EXPECT_EQ(0, client_read(&self->client, 0, &value));
		EXPECT_EQ(variant->registers ? first : page_sign(0), value);
		if (!variant->registers)
			EXPECT_TRUE(pages_are(self->tail, PAGE, self->size - PAGE));

		variant->begin(self->dev);
		if (variant->stays_off) {
			EXPECT_EQ(SIGBUS, child_read(self->slice));
			EXPECT_EQ(SIGBUS, child_write(self->slice + self->size - PAGE));
			EXPECT_EQ(SIGBUS, child_read(self->tail));
			EXPECT_EQ(SIGBUS, client_read(&self->client, 0, &value));
			EXPECT_EQ(SIGBUS, client_read(&self->client,
						      self->size - PAGE, &value));
			EXPECT_EQ(SIGBUS, child_read(self->bar));
		}
		variant->end(self->dev);
	}
	EXPECT_TRUE(shows(variant, self->slice, self->size, 0, first));
	EXPECT_EQ(0, client_read(&self->client, 0, &value));
	EXPECT_EQ(variant->registers ? first : page_sign(0), value);
	EXPECT_TRUE(shows(variant, self->bar, self->size, 0, first));

	/* It can still be revoked permanently. */
	ASSERT_EQ(0, slice_revoke(self->dev, self->dmabuf));
	variant->begin(self->dev);
	variant->end(self->dev);
	EXPECT_EQ(SIGBUS, child_read(self->slice));
	EXPECT_EQ(SIGBUS, child_read(self->tail));
	EXPECT_EQ(SIGBUS, client_read(&self->client, 0, &value));
	EXPECT_TRUE(shows(variant, self->bar, self->size, 0, first));
}

/* A PTE from before is gone afterwards: an access takes a new fault. */
TEST_F_TIMEOUT(outage, takes_every_pte, 120)
{
	long nr = faults_in_order(PAGE, self->size);
	void *p;

	p = map_aligned(self->dev->fd, self->dev->bars[variant->bar].info.offset,
			self->size, RW, PAGE / 8 * PAGE, PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(nr, faults_of(p, self->size));
	EXPECT_EQ(0, faults_of(p, self->size));
	variant->begin(self->dev);
	variant->end(self->dev);
	EXPECT_EQ(nr, faults_of(p, self->size));
}

/* A buffer that is exported while the memory is away works when it is back. */
TEST_F_TIMEOUT(outage, export_meanwhile, 120)
{
	u64 first = first_word(self->bar);
	void *p;
	int fd;

	variant->begin(self->dev);
	fd = slice_export(self->dev, variant->bar, 0, self->size);
	ASSERT_GE(fd, 0);
	p = map_shared(fd, 0, self->size, RW);
	ASSERT_NE(NULL, p);
	if (variant->stays_off) {
		EXPECT_EQ(SIGBUS, child_read(p));
		EXPECT_EQ(-EAGAIN, ioas_map_file(self->iommu->iommufd,
						 self->iommu->ioas_id, fd, 0,
						 self->size, IOVA, IOAS_RW));
	}
	variant->end(self->dev);
	EXPECT_TRUE(shows(variant, p, self->size, 0, first));
	EXPECT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, fd, 0,
				   self->size, IOVA, IOAS_RW));
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
				self->size, NULL));
	close(fd);
}

/*
 * A reader during the reset waits for its end: no signal, no wrong value. If
 * the memory stays off there are signals, but never a wrong value.
 */
struct reader {
	const void *map;
	size_t size;
	bool registers;
	u64 first;
	atomic_bool stop;
	atomic_long good;
	long signals, wrong;
};

static void *read_on(void *arg)
{
	struct reader *r = arg;
	size_t at = 0;
	u64 value;

	while (!r->stop) {
		if (try_read(r->map + at, &value))
			r->signals++;
		else if (value != (r->registers ? r->first : page_sign(at)))
			r->wrong++;
		else
			r->good++;
		if (!r->registers)
			at = (at + PAGE) % r->size;
	}
	return NULL;
}

static void read_through(struct __test_metadata *_metadata,
			 struct _test_data_outage *self,
			 const struct _fixture_variant_outage *variant, const void *map)
{
	struct reader r = {
		.map = map, .size = self->size,
		.registers = variant->registers, .first = first_word(map),
	};
	pthread_t thread;
	long before;
	int i, tries;

	ASSERT_EQ(0, pthread_create(&thread, NULL, read_on, &r));
	for (i = 0; i < 5; i++) {
		before = r.good;
		for (tries = 5000; r.good == before && tries; tries--)
			usleep(1000);
		ASSERT_GT(r.good, before);
		variant->begin(self->dev);
		variant->end(self->dev);
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, r.wrong);
	if (!variant->stays_off)
		EXPECT_EQ(0, r.signals);
}

TEST_F_TIMEOUT(outage, under_reads_of_the_bar, 120)
{
	read_through(_metadata, self, variant, self->bar);
}

TEST_F_TIMEOUT(outage, under_reads_of_a_slice, 120)
{
	ASSERT_TRUE(map_slice(self));
	read_through(_metadata, self, variant, self->slice);
}

struct sleeper {
	const void *at;
	atomic_int tid;
	struct vfio_pci_device *dev;
	void (*begin)(struct vfio_pci_device *dev);
	atomic_bool over;
};

static void *touch_on(void *arg)
{
	struct sleeper *s = arg;
	u64 value;

	s->tid = syscall(SYS_gettid);
	while (!try_read(s->at, &value))
		;
	return NULL;
}

static void *begin_on(void *arg)
{
	struct sleeper *s = arg;

	s->begin(s->dev);
	s->over = true;
	return NULL;
}

/*
 * Does the thread sleep in a fault that waits for the end of a transition? The
 * state S or D is not enough: a thread also sleeps for mmap_lock. A compiler may
 * append a suffix to the name.
 */
static bool sleeps(int tid)
{
	static const char name[] = "vfio_pci_fault_wait";
	char wchan[128];

	if (file_read(wchan, sizeof(wchan), "/proc/self/task/%d/wchan", tid) <= 0)
		return false;
	return !strncmp(wchan, name, strlen(name));
}

/*
 * Unmap, and close the file, while a task sleeps in a fault; false if none did.
 */
static bool sleeper_keeps(struct __test_metadata *_metadata,
			  struct _test_data_outage *self,
			  const struct _fixture_variant_outage *variant)
{
	struct sleeper s = { .dev = self->dev, .begin = variant->begin };
	int buffers = 0, before = bufinfo_buffers(), tries;
	int slice = slice_export(self->dev, variant->bar, 0, PAGE);
	pthread_t toucher, resetter;
	bool slept = false;
	void *at;

	ASSERT_GE(slice, 0);
	at = map_shared(slice, 0, PAGE, PROT_READ);
	ASSERT_NE(NULL, at);
	s.at = at;
	ASSERT_EQ(0, pthread_create(&toucher, NULL, touch_on, &s));
	while (!s.tid)
		usleep(1000);
	ASSERT_EQ(0, pthread_create(&resetter, NULL, begin_on, &s));

	while (!s.over && !sleeps(s.tid))
		;
	/* No other mapping may get the address: reads would continue there */
	ASSERT_EQ(at, mmap(at, PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	close(slice);
	if (!s.over) {
		buffers = bufinfo_buffers();
		slept = sleeps(s.tid);
	}
	ASSERT_EQ(0, pthread_join(resetter, NULL));
	ASSERT_EQ(0, pthread_join(toucher, NULL));
	variant->end(self->dev);
	munmap(at, PAGE);

	if (slept)
		EXPECT_EQ(before + 1, buffers);
	for (tries = 1000; bufinfo_buffers() != before && tries; tries--)
		usleep(1000);
	EXPECT_EQ(before, bufinfo_buffers());
	return slept;
}

/*
 * A task that sleeps in a fault keeps the buffer, and through it the exporter's
 * module, if the mapping is replaced and the last descriptor closed.
 *
 * A bus reset takes some 40 ms. On a busy machine the checks take as long, so that
 * they find a sleeper in half of the tries, or fewer.
 */
TEST_F_TIMEOUT(outage, keeps_what_a_sleeper_needs, 120)
{
	time_t end = time(NULL) + 60;
	bool slept;

	if (variant->stays_off)
		SKIP(return, "faults do not wait for it");
	do {
		slept = sleeper_keeps(_metadata, self, variant);
	} while (!slept && time(NULL) < end);
	EXPECT_TRUE(slept) {
		TH_LOG("no reset took long enough for a fault to sleep");
	}
}

TEST_HARNESS_MAIN
