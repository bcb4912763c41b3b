// SPDX-License-Identifier: GPL-2.0
/*
 * A GPU driver imports a BAR.
 *
 * vfio-pci exports ranges of ivshmem's BAR. virtio-gpu imports them as a
 * dynamic importer of scatterlists: it takes peer-to-peer memory and gives it
 * back when it is invalidated. Its device is a script (tools/vgpu/backend)
 * which reports the commands of the driver, and which reads and writes the
 * buffer by DMA at the addresses that the driver gave.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/machine.h"
#include "lib/match.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/slice.h"

#include "importers/backend.h"
#include "importers/gpu.h"

#define PAGE		4096UL
#define BAR		2
#define BAR_LEN		(128 * PAGE)
#define RANGES_MAX	64

/* Twice as long as the driver waits for a host that does not read its queue */
#define OWNER_MS	10000

#define CREATE		"RESOURCE_CREATE_BLOB"
#define ATTACH		"RESOURCE_ATTACH_BACKING"
#define DETACH		"RESOURCE_DETACH_BACKING"
#define UNREF		"RESOURCE_UNREF"
#define SCANOUT		"SET_SCANOUT_BLOB"

static struct vfio_region_dma_range pages(u64 first, u64 count)
{
	return (struct vfio_region_dma_range){ first * PAGE, count * PAGE };
}

/*
 * Layouts: which pages of the BAR make up the buffer, in which order.
 */
static int one(struct vfio_region_dma_range *r)
{
	r[0] = pages(3, 8);
	return 1;
}

static int three_descending(struct vfio_region_dma_range *r)
{
	r[0] = pages(40, 4);
	r[1] = pages(21, 1);
	r[2] = pages(5, 3);
	return 3;
}

static int adjacent(struct vfio_region_dma_range *r)
{
	r[0] = pages(8, 1);
	r[1] = pages(9, 6);
	r[2] = pages(15, 1);
	return 3;
}

/* Some pages twice. */
static int aliased(struct vfio_region_dma_range *r)
{
	r[0] = pages(16, 4);
	r[1] = pages(30, 2);
	r[2] = pages(17, 2);
	return 3;
}

static int sixty_four(struct vfio_region_dma_range *r)
{
	int i;

	for (i = 0; i < RANGES_MAX; i++)
		r[i] = pages((i * 37) % RANGES_MAX * 2 + 1, 1);
	return RANGES_MAX;
}

/* Shared by the tests of one buffer and those of the importer's life. */
struct machine {
	struct backend backend;
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	int gpu;
	u8 bar[BAR_LEN];		/* the expected content of the BAR */
};

/* NULL, or a word for what the machine lacks. */
static const char *machine_open(struct machine *m, bool translated)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	m->gpu = gpu_open();
	if (m->gpu < 0 || !gpu_has_blobs(m->gpu))
		return "no virtio-gpu with blobs here, see tools/vgpu/run-vgpu";
	if (!bdf)
		return "no ivshmem";
	close(m->gpu);
	gpu_translate(translated);
	m->gpu = gpu_open();
	VFIO_ASSERT_GE(m->gpu, 0);
	if (!backend_open(&m->backend))
		return "no answer from a script, see tools/vgpu/run-vgpu";

	VFIO_ASSERT_TRUE(m->backend.iommu);
	m->iommu = iommu_init(MODE_IOMMUFD);
	m->mem = endpoint_open(bdf, m->iommu, NULL);
	VFIO_ASSERT_GE(m->mem->bars[BAR].info.size, BAR_LEN);
	mem_random(m->bar, BAR_LEN, 1);
	bar_write(m->mem->bars[BAR].vaddr, m->bar, BAR_LEN);
	return NULL;
}

static void machine_close(struct machine *m)
{
	close(m->gpu);
	if (m->mem)
		vfio_pci_device_cleanup(m->mem);
	iommu_cleanup(m->iommu);
	backend_mode(&m->backend, DETACH, "ok");
	backend_close(&m->backend);
}

/* Skip, unless the machine was promised to have it. */
static void skip(struct __test_metadata *_metadata, const char *name, const char *lacks)
{
	ASSERT_FALSE(machine_promises(name, "drm"))
		TH_LOG("%s: %s", name, lacks);
	SKIP(return, "%s: %s", name, lacks);
}

static u32 import_into(struct machine *m, int gpu, int dmabuf)
{
	int before = backend_count(&m->backend, CREATE);
	u32 handle;

	VFIO_ASSERT_EQ(drm_import(gpu, dmabuf, &handle), 0);
	gpu_kick(gpu);
	VFIO_ASSERT_TRUE(backend_wait(&m->backend, CREATE, before));
	return handle;
}

static u32 import(struct machine *m, int dmabuf)
{
	return import_into(m, m->gpu, dmabuf);
}

/* The first difference of the BAR from its expected content, or -1. */
static long bar_differs(struct machine *m)
{
	static u8 seen[BAR_LEN];

	bar_read(seen, m->mem->bars[BAR].vaddr, BAR_LEN);
	return mem_differ(seen, m->bar, BAR_LEN);
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/*
 * In its lazy mode the IOMMU unmaps an address some milliseconds late, as for
 * all users of the DMA API.
 */
static void flush_iommu(void)
{
	usleep(100000);
}

/*
 * The BAR is back, and the device is informed: it reads the buffer's content.
 */
static void comes_back(struct machine *m, int attach, u32 resource, const u8 *want, size_t size)
{
	struct backend_entry entries[BACKEND_ENTRIES_MAX];
	u32 crc = 0;

	VFIO_ASSERT_TRUE(backend_wait(&m->backend, ATTACH, attach));
	VFIO_ASSERT_GT(backend_backing(&m->backend, resource, entries), 0);
	VFIO_ASSERT_TRUE(backend_crc(&m->backend, resource, &crc));
	VFIO_ASSERT_EQ(crc, crc32(want, size));
}

/* The number of these addresses that the device still reaches. */
static int reachable(struct machine *m, struct backend_entry *entries, int nr)
{
	int i, count = 0;

	for (i = 0; i < nr; i++) {
		u64 last = entries[i].address + entries[i].length - PAGE;

		count += backend_reads(&m->backend, entries[i].address);
		count += backend_writes(&m->backend, last);
	}
	return count;
}

/*
 * One buffer in several layouts.
 */
FIXTURE(buffer) {
	struct machine m;
	int dmabuf;
	size_t size;
	u64 page[2 * RANGES_MAX];	/* the BAR offset of each page of it */
	u32 handle, resource;
	struct backend_entry entries[BACKEND_ENTRIES_MAX];
	int nr_entries;
};

FIXTURE_VARIANT(buffer) {
	int (*layout)(struct vfio_region_dma_range *ranges);
	bool translated;
};

FIXTURE_VARIANT_ADD(buffer, one) { one, true };
FIXTURE_VARIANT_ADD(buffer, three_descending) { three_descending, true };
FIXTURE_VARIANT_ADD(buffer, adjacent) { adjacent, true };
FIXTURE_VARIANT_ADD(buffer, aliased) { aliased, true };
FIXTURE_VARIANT_ADD(buffer, sixty_four) { sixty_four, true };
FIXTURE_VARIANT_ADD(buffer, one_untranslated) { one, false };
FIXTURE_VARIANT_ADD(buffer, three_descending_untranslated) { three_descending, false };
FIXTURE_VARIANT_ADD(buffer, adjacent_untranslated) { adjacent, false };
FIXTURE_VARIANT_ADD(buffer, sixty_four_untranslated) { sixty_four, false };

FIXTURE_SETUP(buffer)
{
	const char *lacks = machine_open(&self->m, variant->translated);
	struct vfio_region_dma_range ranges[RANGES_MAX];
	int i, nr;
	u64 at;

	if (lacks) {
		skip(_metadata, "scripted-gpu", lacks);
		return;
	}

	nr = variant->layout(ranges);
	for (i = 0; i < nr; i++)
		for (at = 0; at < ranges[i].length; at += PAGE, self->size += PAGE)
			self->page[self->size / PAGE] = ranges[i].offset + at;

	self->dmabuf = endpoint_export(self->m.mem, BAR, ranges, nr);
	ASSERT_GE(self->dmabuf, 0);
	self->handle = import(&self->m, self->dmabuf);
	self->resource = gpu_resource(self->m.gpu, self->handle);
	self->nr_entries = backend_backing(&self->m.backend, self->resource, self->entries);
	ASSERT_GT(self->nr_entries, 0);
}

FIXTURE_TEARDOWN(buffer)
{
	close(self->dmabuf);
	machine_close(&self->m);
}

/*
 * The driver passes all of the buffer; without translation, its real addresses.
 */
TEST_F(buffer, addresses)
{
	u64 phys = pci_bar_phys(self->m.mem->bdf, BAR);
	u64 length = 0, at;
	int i;

	for (i = 0; i < self->nr_entries; i++) {
		struct backend_entry *e = &self->entries[i];

		for (at = 0; at < e->length; at += PAGE, length += PAGE) {
			ASSERT_LT(length, self->size);
			if (!variant->translated)
				EXPECT_EQ(e->address + at, phys + self->page[length / PAGE]);
		}
	}
	EXPECT_EQ(length, self->size);
}

/* The content of the buffer, to be freed */
static u8 *buffer_holds(struct _test_data_buffer *self)
{
	u8 *want = malloc(self->size);
	size_t i;

	for (i = 0; i < self->size; i += PAGE)
		memcpy(want + i, self->m.bar + self->page[i / PAGE], PAGE);
	return want;
}

TEST_F(buffer, device_reads)
{
	u8 *want = buffer_holds(self);
	u32 crc = 0;

	ASSERT_TRUE(backend_crc(&self->m.backend, self->resource, &crc));
	EXPECT_EQ(crc, crc32(want, self->size));
	free(want);
}

TEST_F(buffer, device_writes)
{
	u8 *old = malloc(BAR_LEN);
	size_t i;

	/*
	 * The device first reads all, then writes all: the last write to an
	 * alias counts.
	 */
	memcpy(old, self->m.bar, BAR_LEN);
	for (i = 0; i < self->size; i++) {
		u64 at = self->page[i / PAGE] + i % PAGE;

		self->m.bar[at] = backend_scrambled(old[at], i);
	}
	free(old);

	ASSERT_TRUE(backend_scramble(&self->m.backend, self->resource));
	EXPECT_EQ(bar_differs(&self->m), -1);
}

TEST_F(buffer, gem_close)
{
	int unref = backend_count(&self->m.backend, UNREF);

	drm_close_import(self->m.gpu, self->handle);
	EXPECT_TRUE(backend_wait(&self->m.backend, UNREF, unref));
	flush_iommu();
	if (variant->translated)
		EXPECT_EQ(reachable(&self->m, self->entries, self->nr_entries), 0);
	EXPECT_EQ(bar_differs(&self->m), -1);
}

/* For a time: the device gets the addresses again */
TEST_F(buffer, revoke)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	int detach = backend_count(&self->m.backend, DETACH);
	u8 *want = buffer_holds(self);

	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	EXPECT_EQ(backend_backing(&self->m.backend, self->resource, self->entries), 0);
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach);

	endpoint_memory(self->m.mem, true);
	comes_back(&self->m, attach, self->resource, want, self->size);
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach + 1);
	EXPECT_EQ(bar_differs(&self->m), -1);
	free(want);
}

TEST_F(buffer, revoke_for_ever)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	int detach = backend_count(&self->m.backend, DETACH);
	struct backend_entry none[BACKEND_ENTRIES_MAX];

	ASSERT_EQ(slice_revoke(self->m.mem, self->dmabuf), 0);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	EXPECT_EQ(backend_backing(&self->m.backend, self->resource, none), 0);

	/* The BAR is back at its place: check what the device reaches. */
	flush_iommu();
	if (variant->translated)
		EXPECT_EQ(reachable(&self->m, self->entries, self->nr_entries), 0);
	EXPECT_EQ(bar_differs(&self->m), -1);

	/* This one does not come back */
	endpoint_memory(self->m.mem, false);
	endpoint_memory(self->m.mem, true);
	usleep(300000);
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach);
}

/*
 * The life of an import.
 */
FIXTURE(life) {
	struct machine m;
	struct vfio_region_dma_range range;
	int dmabuf;
};

FIXTURE_SETUP(life)
{
	const char *lacks = machine_open(&self->m, true);

	if (lacks) {
		skip(_metadata, "scripted-gpu", lacks);
		return;
	}
	self->range = pages(32, 16);
	self->dmabuf = endpoint_export(self->m.mem, BAR, &self->range, 1);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(life)
{
	close(self->dmabuf);
	machine_close(&self->m);
}

/* It asks for a scatterlist, and the core makes one of physical ranges. */
TEST_F(life, negotiation)
{
	struct match match;
	struct trace t;

	trace_open(&t);
	if (!match_watch(&t)) {
		trace_close(&t);
		SKIP(return, "this kernel does not negotiate");
	}
	import(&self->m, self->dmabuf);
	match = match_seen(&t, self->dmabuf);
	trace_close(&t);
	EXPECT_EQ(strncmp(match.offered, "PAL", 3), 0)
		TH_LOG("offered: %s", match.offered);
	EXPECT_EQ(strncmp(match.asked, "SGT", 3), 0)
		TH_LOG("asked: %s", match.asked);
	EXPECT_STREQ(match.chosen, "SGT");
}

/* The GPU would write to it as well. */
TEST_F(life, import_of_read_only)
{
	struct vfio_device_feature_dma_buf buf = {
		.region_index = BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1,
	};
	int dmabuf = endpoint_export_raw(self->m.mem, VFIO_DEVICE_FEATURE_GET, &buf,
					 &self->range, 1);
	u32 handle;

	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(drm_import(self->m.gpu, dmabuf, &handle), -EPERM);
	close(dmabuf);
	EXPECT_EQ(drm_import(self->m.gpu, self->dmabuf, &handle), 0);
}

TEST_F(life, import_of_revoked)
{
	int create = backend_count(&self->m.backend, CREATE);
	u32 handle;

	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(drm_import(self->m.gpu, self->dmabuf, &handle), -ENODEV);
	gpu_kick(self->m.gpu);
	EXPECT_TRUE(backend_wait(&self->m.backend, CREATE, create));
	EXPECT_EQ(backend_count(&self->m.backend, CREATE), create + 1);

	endpoint_memory(self->m.mem, true);
	EXPECT_EQ(drm_import(self->m.gpu, self->dmabuf, &handle), 0);
	gpu_kick(self->m.gpu);
	EXPECT_TRUE(backend_wait(&self->m.backend, CREATE, create + 2));
}

TEST_F(life, revoke_by_closing_the_device)
{
	int detach = backend_count(&self->m.backend, DETACH);
	u32 handle = import(&self->m, self->dmabuf);

	vfio_pci_device_cleanup(self->m.mem);
	self->m.mem = NULL;
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	drm_close_import(self->m.gpu, handle);
	EXPECT_EQ(drm_import(self->m.gpu, self->dmabuf, &handle), -ENODEV);
}

TEST_F(life, revoke_twice)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	int detach = backend_count(&self->m.backend, DETACH);

	import(&self->m, self->dmabuf);
	endpoint_memory(self->m.mem, false);
	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	endpoint_memory(self->m.mem, true);
	EXPECT_TRUE(backend_wait(&self->m.backend, ATTACH, attach));
	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 2);
	endpoint_memory(self->m.mem, true);
}

/* The BAR goes away again while the driver is about to map it again. */
TEST_F(life, away_again_at_once)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	int detach = backend_count(&self->m.backend, DETACH);
	u32 handle = import(&self->m, self->dmabuf);
	u32 resource = gpu_resource(self->m.gpu, handle);
	int round, attached, detached, unref;

	for (round = 0; round < 40; round++) {
		endpoint_memory(self->m.mem, false);
		endpoint_memory(self->m.mem, true);
		usleep(round * 50);
	}
	usleep(300000);
	attached = backend_count(&self->m.backend, ATTACH) - attach;
	detached = backend_count(&self->m.backend, DETACH) - detach;
	EXPECT_EQ(attached, detached);
	EXPECT_GT(attached, 0);
	comes_back(&self->m, attach, resource, self->m.bar + self->range.offset,
		   self->range.length);

	/* Its file is closed during the restore: each import ends */
	unref = backend_count(&self->m.backend, UNREF);
	for (round = 0; round < 10; round++) {
		int gpu = gpu_open();

		import_into(&self->m, gpu, self->dmabuf);
		endpoint_memory(self->m.mem, false);
		endpoint_memory(self->m.mem, true);
		close(gpu);
	}
	EXPECT_TRUE(backend_wait(&self->m.backend, UNREF, unref + 9));
	EXPECT_EQ(bar_differs(&self->m), -1);
}

/*
 * The import's last user is gone, the host still has it: it does not come back
 */
TEST_F(life, closed_while_away)
{
	int unref = backend_count(&self->m.backend, UNREF);
	int detach = backend_count(&self->m.backend, DETACH);
	u32 handle = import(&self->m, self->dmabuf);
	int attach;

	backend_mode(&self->m.backend, DETACH, "late 2");
	attach = backend_count(&self->m.backend, ATTACH);
	drm_close_import(self->m.gpu, handle);
	EXPECT_TRUE(backend_wait(&self->m.backend, DETACH, detach));
	endpoint_memory(self->m.mem, false);
	endpoint_memory(self->m.mem, true);
	EXPECT_TRUE(backend_wait(&self->m.backend, UNREF, unref));
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach);
}

/* Fills the control queue, which the host does not read, until it is killed */
static pid_t fill_queue(void)
{
	pid_t pid = fork();
	int gpu;

	VFIO_ASSERT_GE(pid, 0);
	if (pid)
		return pid;
	gpu = gpu_open();
	for (;;)
		gpu_kick(gpu);
}

/*
 * The BAR is back, and the host does not read the queue: the driver gives up
 * after some seconds, so that the owner of the BAR waits no longer than that.
 */
TEST_F_TIMEOUT(life, host_does_not_read, 120)
{
	int detach = backend_count(&self->m.backend, DETACH);
	char answer[256];
	pid_t filler;
	u64 start;

	import(&self->m, self->dmabuf);
	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	ASSERT_TRUE(backend_ask(&self->m.backend, answer, sizeof(answer), "ignore 0"));
	filler = fill_queue();
	sleep(3);

	endpoint_memory(self->m.mem, true);
	usleep(300000);
	start = now_ms();
	endpoint_memory(self->m.mem, false);
	EXPECT_LT(now_ms() - start, OWNER_MS);
	endpoint_memory(self->m.mem, true);

	ASSERT_TRUE(backend_ask(&self->m.backend, answer, sizeof(answer), "heed 0"));
	kill(filler, SIGKILL);
	EXPECT_EQ(waitpid(filler, NULL, 0), filler);
}

/* The revoke returns when the device has let go, and not before. */
TEST_F(life, revoke_waits_for_the_device)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	struct backend_entry entries[BACKEND_ENTRIES_MAX];
	u32 handle = import(&self->m, self->dmabuf);
	u32 resource = gpu_resource(self->m.gpu, handle);
	u64 start;
	int nr;

	backend_mode(&self->m.backend, DETACH, "late 1.5");
	start = now_ms();
	endpoint_memory(self->m.mem, false);
	EXPECT_GE(now_ms() - start, 1500);

	endpoint_memory(self->m.mem, true);
	comes_back(&self->m, attach, resource, self->m.bar + self->range.offset,
		   self->range.length);
	nr = backend_backing(&self->m.backend, resource, entries);
	start = now_ms();
	ASSERT_EQ(slice_revoke(self->m.mem, self->dmabuf), 0);
	EXPECT_GE(now_ms() - start, 1500);
	flush_iommu();
	EXPECT_EQ(reachable(&self->m, entries, nr), 0);
}

/* A device that refuses to let go loses the mapping nevertheless. */
TEST_F(life, revoke_against_the_device)
{
	struct backend_entry entries[BACKEND_ENTRIES_MAX];
	u32 handle = import(&self->m, self->dmabuf);
	int nr;

	nr = backend_backing(&self->m.backend, gpu_resource(self->m.gpu, handle), entries);
	ASSERT_GT(nr, 0);
	EXPECT_EQ(reachable(&self->m, entries, nr), 2 * nr);

	backend_mode(&self->m.backend, DETACH, "err");
	ASSERT_EQ(slice_revoke(self->m.mem, self->dmabuf), 0);
	flush_iommu();
	EXPECT_EQ(reachable(&self->m, entries, nr), 0);
	EXPECT_EQ(bar_differs(&self->m), -1);
}

TEST_F(life, two_imports_of_one_buffer)
{
	int detach = backend_count(&self->m.backend, DETACH);
	int second = gpu_open();
	u32 handle, other;

	/* Each file has a buffer: the first is closed, the second revoked. */
	ASSERT_GE(second, 0);
	handle = import(&self->m, self->dmabuf);
	other = import_into(&self->m, second, self->dmabuf);
	EXPECT_NE(gpu_resource(second, other), gpu_resource(self->m.gpu, handle));
	drm_close_import(self->m.gpu, handle);
	/* The close does not wait for the host. */
	EXPECT_TRUE(backend_wait(&self->m.backend, DETACH, detach));
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);

	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 2);
	endpoint_memory(self->m.mem, true);
	close(second);
}

/* A picture in a BAR: shown, revoked, shown again. */
TEST_F(life, scanout)
{
	int attach = backend_count(&self->m.backend, ATTACH);
	int detach = backend_count(&self->m.backend, DETACH);
	int scanout = backend_count(&self->m.backend, SCANOUT);
	u32 handle = import(&self->m, self->dmabuf);
	u32 resource = gpu_resource(self->m.gpu, handle), crc = 0;

	EXPECT_EQ(gpu_show(self->m.gpu, handle, 64), 0);
	EXPECT_TRUE(backend_wait(&self->m.backend, SCANOUT, scanout));
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach);

	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(backend_count(&self->m.backend, DETACH), detach + 1);
	EXPECT_EQ(gpu_show(self->m.gpu, handle, 64), -ENODEV);

	endpoint_memory(self->m.mem, true);
	EXPECT_EQ(gpu_show(self->m.gpu, handle, 64), 0);
	EXPECT_TRUE(backend_wait(&self->m.backend, SCANOUT, scanout + 1));
	EXPECT_EQ(backend_count(&self->m.backend, ATTACH), attach + 1);
	ASSERT_TRUE(backend_crc(&self->m.backend, resource, &crc));
	EXPECT_EQ(crc, crc32(self->m.bar + self->range.offset, self->range.length));

	EXPECT_EQ(gpu_show_nothing(self->m.gpu), 0);
}

/* Importers that cannot use peer-to-peer memory are refused. */
FIXTURE(refused) {
	struct machine m;
	struct vfio_region_dma_range range;
	int dmabuf, card;
};

FIXTURE_VARIANT(refused) {
	const char *driver;
};

FIXTURE_VARIANT_ADD(refused, vgem) { .driver = "vgem" };
FIXTURE_VARIANT_ADD(refused, vkms) { .driver = "vkms" };
FIXTURE_VARIANT_ADD(refused, bochs) { .driver = "bochs-drm" };

FIXTURE_SETUP(refused)
{
	const char *lacks = machine_open(&self->m, true);

	if (lacks) {
		skip(_metadata, "scripted-gpu", lacks);
		return;
	}
	self->card = drm_open(variant->driver);
	if (self->card < 0) {
		skip(_metadata, variant->driver, "no such driver");
		return;
	}
	self->range = pages(0, 1);
	self->dmabuf = endpoint_export(self->m.mem, BAR, &self->range, 1);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(refused)
{
	close(self->dmabuf);
	close(self->card);
	machine_close(&self->m);
}

TEST_F(refused, import)
{
	u32 handle;

	EXPECT_EQ(drm_import(self->card, self->dmabuf, &handle), -EOPNOTSUPP);
	endpoint_memory(self->m.mem, false);
	EXPECT_EQ(drm_import(self->card, self->dmabuf, &handle), -EOPNOTSUPP);
	endpoint_memory(self->m.mem, true);
}

/*
 * The exporter is another GPU, in a KUnit suite that checks the addresses. Its
 * buffer moves twice, and our device gets the new addresses each time.
 */
#define SUITE	"/sys/kernel/debug/kunit/virtio_gpu_select"

TEST(exporter_changes_its_mind)
{
	struct machine m;
	const char *lacks = machine_open(&m, true);
	char said[4096] = "";
	int attach, detach, err;

	if (lacks)
		SKIP(return, "%s", lacks);
	attach = backend_count(&m.backend, ATTACH);
	detach = backend_count(&m.backend, DETACH);
	err = file_write("1", SUITE "/run");
	if (err) {
		machine_close(&m);
		SKIP(return, "no KUnit suite of this kernel");
	}
	EXPECT_GT(file_read(said, sizeof(said), SUITE "/results"), 0);
	EXPECT_NE(strstr(said, "    ok 1 change_of_mind_test\n"), NULL)
		TH_LOG("%s", said);
	EXPECT_EQ(backend_count(&m.backend, ATTACH), attach + 2);
	EXPECT_EQ(backend_count(&m.backend, DETACH), detach + 3);
	machine_close(&m);
}

TEST_HARNESS_MAIN
