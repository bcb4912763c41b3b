// SPDX-License-Identifier: GPL-2.0
/*
 * Shows mapping types at work: the offers and requests, the selected type, DMA
 * from one device into another through it, and its end; then a slice of a BAR
 * that another process has for a while.
 *
 * Everything that is shown is also checked; "demo: ok" comes last, and only if
 * all of it was right.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <libvfio.h>

#include "lib/bufinfo.h"
#include "lib/client.h"
#include "lib/dma_loop.h"
#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/engines.h"
#include "lib/exporters.h"
#include "lib/ioas.h"
#include "lib/iommu_fault.h"
#include "lib/match.h"
#include "lib/mem.h"
#include "lib/mock.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define IOVA	0x1000000UL

/* The buffer: three ranges of a BAR, the last of the BAR first. */
static const struct vfio_region_dma_range ranges[] = {
	{ 40 * PAGE, 5 * PAGE },
	{ 21 * PAGE, 8 * PAGE },
	{ 5 * PAGE, 3 * PAGE },
};

#define SIZE (16 * PAGE)

static struct iommu *iommu;
static struct engines engines;
static struct vfio_pci_device *mem;
static struct trace trace;
static int wrong;

/* One line of the show, and whether it is right. */
static __printf(2, 3) void show(bool right, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	printf("  %-9s ", right ? "yes" : "NO");
	vprintf(text, args);
	printf("\n");
	va_end(args);
	wrong += !right;
}

/*
 * Exporters and importers.
 */
static int from_vfio(void)
{
	return endpoint_export(mem, BAR, ranges, ARRAY_SIZE(ranges));
}

static int from_udmabuf(void)
{
	return export_udmabuf(SIZE);
}

static int from_heap(void)
{
	return export_heap("system", SIZE);
}

static int from_mock(void)
{
	return mock_dmabuf(iommu->iommufd, SIZE);
}

static int into_iommufd(int dmabuf)
{
	u32 ioas;
	int rc;

	rc = ioas_alloc(iommu->iommufd, &ioas);
	VFIO_ASSERT_EQ(rc, 0);
	rc = ioas_map_file(iommu->iommufd, ioas, dmabuf, 0, SIZE, IOVA, IOAS_RW);
	VFIO_ASSERT_EQ(iommufd_destroy(iommu->iommufd, ioas), 0);
	return rc;
}

static int into_drm(int dmabuf, const char *driver)
{
	int drm = drm_open(driver), rc;
	unsigned int handle;

	if (drm < 0)
		return drm;
	rc = drm_import(drm, dmabuf, &handle);
	if (!rc)
		drm_close_import(drm, handle);
	close(drm);
	return rc;
}

static int into_vgem(int dmabuf)
{
	return into_drm(dmabuf, "vgem");
}

static int into_bochs(int dmabuf)
{
	return into_drm(dmabuf, "bochs-drm");
}

static const struct {
	const char *exporter;
	int (*export)(void);
	const char *importer;
	int (*import)(int dmabuf);
	const char *type;	/* that they agree on, or NULL */
} pairs[] = {
	{ "vfio-pci", from_vfio, "iommufd", into_iommufd, "DOMAIN" },
	{ "iommufd's mock", from_mock, "iommufd", into_iommufd, "DOMAIN" },
	{ "vfio-pci", from_vfio, "vgem", into_vgem, NULL },
	{ "vfio-pci", from_vfio, "bochs", into_bochs, NULL },
	{ "udmabuf", from_udmabuf, "iommufd", into_iommufd, "DOMAIN" },
	{ "system heap", from_heap, "iommufd", into_iommufd, "DOMAIN" },
	{ "udmabuf", from_udmabuf, "vgem", into_vgem, "SGT" },
	{ "system heap", from_heap, "vgem", into_vgem, "SGT" },
	{ "system heap", from_heap, "bochs", into_bochs, "SGT" },
};

static void show_pairs(void)
{
	const char *format = "  %-15s %-9s %-27s %-19s %s\n";
	struct match match;
	char outcome[192];
	int i, fd, rc;
	bool right;

	printf("\nWho meets whom\n");
	printf(format, "exporter", "importer", "offered", "asked", "chosen");
	for (i = 0; i < ARRAY_SIZE(pairs); i++) {
		fd = pairs[i].export();
		if (fd == -ENOTTY) {
			printf(format, pairs[i].exporter, pairs[i].importer,
			       "-", "-", "not in a kernel without IOMMUFD_TEST");
			continue;
		}
		VFIO_ASSERT_GE(fd, 0, "%s: %s", pairs[i].exporter, strerror(-fd));
		trace_drain(&trace);
		rc = pairs[i].import(fd);
		match = match_seen(&trace, fd);

		if (pairs[i].type)
			right = !rc && !strcmp(match.chosen, pairs[i].type);
		else
			right = rc == -EOPNOTSUPP && match.pairs && !match.chosen[0];
		snprintf(outcome, sizeof(outcome), "%s%s%s", right ? "" : "WRONG: ",
			 rc ? "refused, " : "", rc ? match.reason : match.chosen);
		printf(format, pairs[i].exporter, pairs[i].importer, match.offered,
		       match.asked, match.pairs ? outcome : strerror(-rc));
		wrong += !right;
		close(fd);
	}
}

/*
 * DMA.
 */
static void bar_view(u8 *buf)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ranges); buf += ranges[i++].length)
		bar_read(buf, mem->bars[BAR].vaddr + ranges[i].offset,
			 ranges[i].length);
}

static u8 zeros[SIZE];

static bool bar_holds(const u8 *data)
{
	static u8 now[SIZE];

	bar_view(now);
	return mem_differ(now, data, SIZE) < 0;
}

/* Does DMA land, at least soon? */
static bool comes_back(const u8 *data)
{
	int tries, i, at;

	for (tries = 0; tries < 100; tries++) {
		for (i = 0, at = 0; i < ARRAY_SIZE(ranges); at += ranges[i++].length)
			bar_write(mem->bars[BAR].vaddr + ranges[i].offset, zeros + at,
				  ranges[i].length);
		engines_write(&engines, IOVA, data, SIZE);
		if (bar_holds(data))
			return true;
		usleep(50000);
	}
	return false;
}

static int map(int dmabuf, u32 flags)
{
	return ioas_map_file(iommu->iommufd, iommu->ioas_id, dmabuf, 0, SIZE,
			     IOVA, flags);
}

static int unmap(void)
{
	return ioas_unmap(iommu->iommufd, iommu->ioas_id, IOVA, SIZE, NULL);
}

/* Has dmabuf-show's table of this process an attachment of this type? */
static bool show_table(const char *type)
{
	char line[256], cell[32];
	bool found = false;
	FILE *table;

	snprintf(line, sizeof(line), "/bin/dmabuf-show --pid %d", getpid());
	snprintf(cell, sizeof(cell), " %s ", type);
	table = popen(line, "r");
	VFIO_ASSERT_NOT_NULL(table);
	while (fgets(line, sizeof(line), table)) {
		printf("  %s", line);
		found |= !!strstr(line, cell);
	}
	return !pclose(table) && found;
}

static void show_dma(int dmabuf, u8 *data)
{
	const char *edu = engines.edu[0].dev->bdf;
	static u8 got[SIZE];
	int i;

	printf("\nDMA: %s writes into BAR %d of %s\n", edu, BAR, mem->bdf);
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		printf("  %-9s %2llu KiB at BAR offset %#llx\n",
		       i ? "" : "buffer", ranges[i].length / 1024, ranges[i].offset);

	show(!map(dmabuf, IOAS_RW), "iommufd mapped it at IOVA %#lx", IOVA);
	show(show_table("DOMAIN"), "dmabuf-show names the type of its attachment: DOMAIN");

	mem_random(data, SIZE, 1);
	engines_write(&engines, IOVA, data, SIZE);
	show(bar_holds(data), "DMA wrote %lu bytes, the CPU finds each in the BAR", SIZE);
	engines_read(&engines, got, IOVA, SIZE);
	show(mem_differ(got, data, SIZE) < 0, "DMA read %lu bytes, each as it was written",
	     SIZE);
	show(!unmap(), "unmapped");

	trace_drain(&trace);
	show(!map(dmabuf, IOAS_READ), "mapped again, to be read only");
	engines_write(&engines, IOVA, got + PAGE, 512);
	show(iommu_fault_at(&trace, IOVA, 512), "the IOMMU stopped a write to it");
	show(bar_holds(data), "the BAR is unchanged");
	show(!unmap(), "unmapped");
}

/*
 * By address, as programs that were written for VFIO's type1 do it.
 */
static bool lands(u64 iova, void *at)
{
	static u32 seed = 20;
	u8 sent[512], got[512];

	mem_random(sent, sizeof(sent), seed++);
	engines_write(&engines, iova, sent, sizeof(sent));
	bar_read(got, at, sizeof(got));
	return mem_differ(sent, got, sizeof(got)) < 0;
}

static int type1_map(void *at, u64 size, u64 iova)
{
	struct iommu_vfio_ioas ioas = {
		.size = sizeof(ioas),
		.ioas_id = iommu->ioas_id,
		.op = IOMMU_VFIO_IOAS_SET,
	};
	struct vfio_iommu_type1_dma_map args = {
		.argsz = sizeof(args),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (u64)at,
		.iova = iova,
		.size = size,
	};

	if (ioctl(iommu->iommufd, IOMMU_VFIO_IOAS, &ioas) ||
	    ioctl(iommu->iommufd, VFIO_IOMMU_MAP_DMA, &args))
		return -errno;
	return 0;
}

static void show_address(void)
{
	const struct vfio_region_dma_range *range = &ranges[1];
	u8 *bar = mem->bars[BAR].vaddr, *room;

	printf("\nBy address: memory, %llu KiB of BAR %d of %s, and memory\n",
	       range->length / 1024, BAR, mem->bdf);
	room = mmap(NULL, range->length + 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE((void *)room, MAP_FAILED);
	VFIO_ASSERT_NE(mmap(room + PAGE, range->length, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, mem->fd,
			    mem->bars[BAR].info.offset + range->offset), MAP_FAILED);

	show(!type1_map(room, range->length + 2 * PAGE, IOVA),
	     "one VFIO_IOMMU_MAP_DMA mapped all of it at IOVA %#lx", IOVA);
	show(lands(IOVA, room) && lands(IOVA + PAGE + range->length, room + PAGE + range->length),
	     "DMA lands in the memory on both sides");
	show(lands(IOVA + PAGE, bar + range->offset), "and in the BAR");
	munmap(room, range->length + 2 * PAGE);
	show(lands(IOVA + PAGE, bar + range->offset),
	     "as it does when the CPU's mapping is gone");
	show(!ioas_unmap(iommu->iommufd, iommu->ioas_id, IOVA, range->length + 2 * PAGE, NULL),
	     "unmapped");
}

/*
 * Revoke.
 */
static void memory_off(void *arg)
{
	endpoint_memory(mem, false);
}

static void show_revoke(int dmabuf, u8 *data)
{
	static struct dma_loop loop;
	static u8 now[SIZE];
	int i, at = 0;

	printf("\nRevoke: %s loses its memory while DMA into it runs\n", mem->bdf);
	for (i = 0; i < ARRAY_SIZE(ranges); at += ranges[i++].length)
		bar_write(mem->bars[BAR].vaddr + ranges[i].offset, zeros + at,
			  ranges[i].length);
	show(!map(dmabuf, IOAS_RW), "iommufd mapped it at IOVA %#lx", IOVA);

	dma_loop(&loop, &engines, IOVA, memory_off, NULL);
	show(map(dmabuf, IOAS_RW) == -EAGAIN, "there is nothing to import now (EAGAIN)");
	show(!unmap(), "what was revoked can be unmapped");
	show(iommu_fault_at(&trace, IOVA, SIZE), "the IOMMU stopped DMA");
	endpoint_memory(mem, true);
	bar_view(now);
	show(loop.before && loop.after && dma_loop_stopped(&loop, now),
	     "%d transfers landed before it, none of %d after it", loop.before,
	     loop.after);

	show(!map(dmabuf, IOAS_RW), "the memory is back: iommufd imports it again");
	engines_write(&engines, IOVA, data, SIZE);
	show(bar_holds(data), "DMA lands again");

	endpoint_memory(mem, false);
	endpoint_memory(mem, true);
	show(comes_back(data), "off and on: the kernel maps it again, DMA lands");

	vfio_pci_device_cleanup(mem);
	mem = NULL;
	trace_drain(&trace);
	engines_write(&engines, IOVA, data, 512);
	show(iommu_fault_at(&trace, IOVA, 512), "the device is closed: the IOMMU stopped DMA");
	show(!unmap(), "what was revoked can be unmapped");
	show(map(dmabuf, IOAS_RW) == -ENODEV, "there is nothing to import, ever (ENODEV)");
	show(!bufinfo_attachments(dmabuf), "nobody is attached");
}

/*
 * A slice for another process, which has engines of its own: no other process
 * may have them open.
 */
#define SLICE		(64 * PAGE)	/* in the BAR */
#define SLICE_SIZE	(4 * PAGE)

static bool bar_has_bytes(u64 offset, u8 byte)
{
	u8 want[CLIENT_DMA], got[CLIENT_DMA];

	memset(want, byte, sizeof(want));
	bar_read(got, mem->bars[BAR].vaddr + offset, sizeof(got));
	return mem_differ(got, want, sizeof(got)) < 0;
}

static void show_slice(const char *bdf)
{
	struct client other;
	u64 *page, value;
	int slice;

	client_start(&other);
	mem = endpoint_open(bdf, iommu, NULL);
	page = mem->bars[BAR].vaddr + SLICE + PAGE;
	printf("\nSlice: %lu KiB of BAR %d of %s for another process\n",
	       SLICE_SIZE / 1024, BAR, mem->bdf);

	slice = slice_export(mem, BAR, SLICE, SLICE_SIZE);
	show(slice >= 0, "exported, and sent over a socket");
	client_send(&other, slice);
	show(client_map(&other, SLICE_SIZE + PAGE) == -EINVAL,
	     "it cannot map a page more than the slice (EINVAL)");
	show(!client_map(&other, SLICE_SIZE) &&
	     !client_write(&other, PAGE, 0x1234) && *page == 0x1234,
	     "it mapped the slice, what it writes is in the BAR");
	show(!client_import(&other, SLICE_SIZE) &&
	     !client_dma(&other, 2 * PAGE, 0x5a) &&
	     bar_has_bytes(SLICE + 2 * PAGE, 0x5a),
	     "it imported the slice, its device's DMA lands in the BAR");

	show(!slice_revoke(mem, slice), "revoked, without its help");
	show(client_read(&other, PAGE, &value) == SIGBUS,
	     "its mapping leads nowhere (SIGBUS)");
	show(!client_dma(&other, 2 * PAGE, 0xff) &&
	     bar_has_bytes(SLICE + 2 * PAGE, 0x5a),
	     "its device's DMA does not land any more");
	show(!client_forget(&other) && client_import(&other, SLICE_SIZE) == -ENODEV &&
	     client_map(&other, SLICE_SIZE) == -ENODEV,
	     "it can neither import nor map it again (ENODEV)");
	show(*page == 0x1234, "the owner of the device still has its own mapping");
	close(slice);

	slice = slice_export(mem, BAR, SLICE, SLICE_SIZE);
	client_send(&other, slice);
	show(!client_map(&other, SLICE_SIZE) &&
	     !client_read(&other, PAGE, &value) && value == 0x1234,
	     "exported anew, the same pages can be lent again");
	close(slice);
	show(!client_stop(&other), "the other process ended");
	vfio_pci_device_cleanup(mem);
}

int main(void)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);
	static u8 data[SIZE];
	struct utsname name;
	int dmabuf;

	setvbuf(stdout, NULL, _IOLBF, 0);
	uname(&name);
	printf("dma-buf mapping types on %s %s\n", name.sysname, name.release);

	iommu = iommu_init(MODE_IOMMUFD);
	if (!bdf || !engines_open(&engines, iommu, ENGINES_MAX)) {
		printf("demo: this machine has no edu or no ivshmem\n");
		return 1;
	}
	mem = endpoint_open(bdf, iommu, NULL);
	trace_open(&trace);
	if (!match_watch(&trace)) {
		printf("demo: this kernel does not negotiate mapping types\n");
		trace_close(&trace);
		return 1;
	}

	iommu_fault_watch(&trace);

	show_pairs();
	dmabuf = from_vfio();
	show_dma(dmabuf, data);
	show_address();
	show_revoke(dmabuf, data);

	close(dmabuf);
	trace_close(&trace);
	engines_close(&engines);
	show_slice(bdf);
	iommu_cleanup(iommu);
	printf("\n");
	if (wrong) {
		printf("demo: %d things were not as they should be\n", wrong);
		return 1;
	}
	printf("demo: ok\n");
	return 0;
}
