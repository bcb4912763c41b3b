// SPDX-License-Identifier: GPL-2.0
/*
 * Each exporter of a small guest with each of its importers.
 *
 * The result is one line: the calls that the importer made, in order, and the
 * error that its user got.
 *
 *	A	attach		M	map
 *	D	detach		U	unmap
 *
 * It has to be that of the unpatched kernel.  While an import lasts, debugfs
 * names the type of every attachment, and fdinfo shows how each is served; in
 * the end debugfs lists only what it listed before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest.h"

#include "lib/bufinfo.h"
#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/file.h"
#include "lib/machine.h"
#include "lib/pci.h"
#include "lib/trace.h"

#include "gpu.h"
#include "video.h"
#include "zcrx.h"

#define SIZE	0x10000
#define BAR	2

enum exporter { HEAP, UDMABUF, VIRTIO, VGEM, BOCHS, QXL, CONTIG, VMALLOC, VFIO, EXPORTERS };

/* Its name, the machine's promise of it, and the class of a kernel with it. */
struct side {
	const char *name, *promise, *class;
};

static const struct side exporters[EXPORTERS] = {
	[HEAP]		= { "system heap", "system-heap" },
	[UDMABUF]	= { "udmabuf", "udmabuf" },
	[VIRTIO]	= { "virtio-gpu dumb", "virtio_gpu", "drm" },
	[VGEM]		= { "vgem dumb", "vgem", "drm" },
	[BOCHS]		= { "bochs dumb", "bochs-drm", "drm" },
	[QXL]		= { "qxl dumb", "qxl", "drm" },
	[CONTIG]	= { "vivid dma-contig", "vivid", "video4linux" },
	[VMALLOC]	= { "vivid vmalloc", "vivid", "video4linux" },
	[VFIO]		= { "vfio-pci", "ivshmem" },
};

enum importer { TO_VIRTIO, TO_VIRTIO_BLOB, TO_VGEM, TO_VKMS, TO_BOCHS, TO_QXL, TO_CONTIG,
		TO_VMALLOC, TO_ZCRX, IMPORTERS };

static const struct side importers[IMPORTERS] = {
	[TO_VIRTIO]		= { "virtio-gpu", "virtio_gpu-2d", "drm" },
	[TO_VIRTIO_BLOB]	= { "virtio-gpu with blobs", "scripted-gpu", "drm" },
	[TO_VGEM]		= { "vgem", "vgem", "drm" },
	[TO_VKMS]		= { "vkms", "vkms", "drm" },
	[TO_BOCHS]		= { "bochs", "bochs-drm", "drm" },
	[TO_QXL]		= { "qxl", "qxl", "drm" },
	[TO_CONTIG]		= { "vivid dma-contig", "vivid", "video4linux" },
	[TO_VMALLOC]		= { "vivid vmalloc", "vivid", "video4linux" },
	[TO_ZCRX]		= { "zero-copy receive", "nic" },
};

/*
 * For an importer that wants one contiguous range: whether these pages are one
 * depends on their physical addresses.
 */
#define SCATTERED "AMUD EFAULT|AMUD ok"

static const char * const expected[EXPORTERS][IMPORTERS] = {
	[HEAP] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= "AMUD ok",
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[UDMABUF] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= SCATTERED,
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[VIRTIO] = {
		[TO_VIRTIO]		= "ok",
		[TO_VIRTIO_BLOB]	= "ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= SCATTERED,
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[VGEM] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= SCATTERED,
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[BOCHS] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= SCATTERED,
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[QXL] = {
		[TO_VIRTIO]		= "AMD ENOSYS",
		[TO_VIRTIO_BLOB]	= "AMD ENOSYS",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "ok",
		[TO_CONTIG]		= "AMD EINVAL",
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMD ENOSYS",
	},
	[CONTIG] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= "AMUD ok",
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[VMALLOC] = {
		[TO_VIRTIO]		= "AMUD ENODEV",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "AD ok",
		[TO_VKMS]		= "AD ok",
		[TO_BOCHS]		= "AD ok",
		[TO_QXL]		= "AMUD ENOSYS",
		[TO_CONTIG]		= SCATTERED,
		[TO_VMALLOC]		= "ok",
		[TO_ZCRX]		= "AMUD EOPNOTSUPP",
	},
	[VFIO] = {
		[TO_VIRTIO]		= "EOPNOTSUPP",
		[TO_VIRTIO_BLOB]	= "AMUD ok",
		[TO_VGEM]		= "EOPNOTSUPP",
		[TO_VKMS]		= "EOPNOTSUPP",
		[TO_BOCHS]		= "EOPNOTSUPP",
		[TO_QXL]		= "EOPNOTSUPP",
		[TO_CONTIG]		= "EOPNOTSUPP",
		[TO_VMALLOC]		= "EFAULT",
		[TO_ZCRX]		= "EOPNOTSUPP",
	},
};

/*
 * The vfio-pci device stays open as long as its buffers are used; meanwhile the
 * mappings of its BARs can be buffers as well.
 */
static struct iommu *iommu;
static struct vfio_pci_device *bar;

static void open_bar(void)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!bdf)
		return;
	iommu = iommu_init(MODE_IOMMUFD);
	bar = endpoint_open(bdf, iommu, NULL);
}

static void close_bar(void)
{
	if (!bar)
		return;
	vfio_pci_device_cleanup(bar);
	iommu_cleanup(iommu);
}

static int export_from(int card)
{
	int dmabuf = card < 0 ? card : drm_export(card, SIZE);

	if (card >= 0)
		close(card);
	return dmabuf;
}

static int export_video(bool contiguous)
{
	int video = video_open(contiguous);
	int dmabuf = video < 0 ? video : video_export(video);

	if (video >= 0)
		close(video);
	return dmabuf;
}

static int export_bar(void)
{
	struct vfio_region_dma_range range = { .length = SIZE };

	return bar ? endpoint_export(bar, BAR, &range, 1) : -ENODEV;
}

/* A dma-buf or -errno. */
static int export(int exporter)
{
	switch (exporter) {
	case HEAP:
		return export_heap("system", SIZE);
	case UDMABUF:
		return export_udmabuf(SIZE);
	case VIRTIO:
		return export_from(gpu_open());
	case VGEM:
		return export_from(drm_open("vgem"));
	case BOCHS:
		return export_from(drm_open("bochs-drm"));
	case QXL:
		return export_from(drm_open("qxl"));
	case CONTIG:
		return export_video(true);
	case VMALLOC:
		return export_video(false);
	case VFIO:
		return export_bar();
	default:
		return -EINVAL;
	}
}

/* The machine's virtio-gpu, if it is of this kind. */
static int open_gpu(bool blobs)
{
	int gpu = gpu_open();

	if (gpu >= 0 && gpu_has_blobs(gpu) != blobs) {
		close(gpu);
		gpu = -ENODEV;
	}
	return gpu;
}

/* A device or -errno. */
static int importer_open(int importer)
{
	switch (importer) {
	case TO_VIRTIO:
		return open_gpu(false);
	case TO_VIRTIO_BLOB:
		return open_gpu(true);
	case TO_VGEM:
		return drm_open("vgem");
	case TO_VKMS:
		return drm_open("vkms");
	case TO_BOCHS:
		return drm_open("bochs-drm");
	case TO_QXL:
		return drm_open("qxl");
	case TO_CONTIG:
		return video_open(true);
	case TO_VMALLOC:
		return video_open(false);
	case TO_ZCRX:
		return zcrx_open();
	default:
		return -EINVAL;
	}
}

/* Returns 0 or -errno. */
static int import(enum importer importer, int device, int dmabuf, unsigned int *handle)
{
	switch (importer) {
	case TO_CONTIG:
	case TO_VMALLOC:
		return video_import(device, dmabuf);
	case TO_ZCRX:
		return zcrx_import(device, dmabuf);
	default:
		return drm_import(device, dmabuf, handle);
	}
}

/* State of the device that its close does not end. */
static void end_import(enum importer importer, int device, unsigned int handle)
{
	switch (importer) {
	case TO_CONTIG:
	case TO_VMALLOC:
		video_close_import(device);
		break;
	case TO_ZCRX:
		break;
	default:
		drm_close_import(device, handle);
	}
}

/*
 * The importers' calls. Attaching has trace events, the rest needs probes: of
 * two functions, with the lock and without, on kernels that negotiate mapping
 * types. Other kernels have two as well, but one calls the other.
 */
static const struct call {
	char letter;
	const char *event, *negotiated[2], *unpatched;
} calls[] = {
	{ 'A', "dma_buf/dma_buf_dynamic_attach" },
	{ 'D', "dma_buf/dma_buf_detach" },
	{ 'M', "importers/map",
	  { "dma_buf_sgt_map_attachment", "dma_buf_sgt_map_attachment_unlocked" },
	  "dma_buf_map_attachment" },
	{ 'U', "importers/unmap",
	  { "dma_buf_sgt_unmap_attachment", "dma_buf_sgt_unmap_attachment_unlocked" },
	  "dma_buf_unmap_attachment" },
};

/* Does this kernel negotiate? */
static bool negotiates;

/* A second probe of the same name reports as the same event. */
static bool probe(const char *event, const char *function)
{
	char text[128];

	snprintf(text, sizeof(text), "p:%s %s", event, function);
	return !file_write(text, "/sys/kernel/tracing/dynamic_events");
}

static void define(const struct call *call)
{
	if (probe(call->event, call->negotiated[0])) {
		negotiates = true;
		if (probe(call->event, call->negotiated[1]))
			return;
	} else if (probe(call->event, call->unpatched)) {
		return;
	}
	ksft_exit_fail_msg("cannot probe %s\n", call->event);
}

static void watch(struct trace *t)
{
	size_t i;

	trace_open(t);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].unpatched)
			define(&calls[i]);
		if (!trace_enable(t, calls[i].event))
			ksft_exit_fail_msg("no event %s\n", calls[i].event);
	}
}

static void forget(struct trace *t)
{
	char remove[64];
	size_t i;

	trace_close(t);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!calls[i].unpatched)
			continue;
		snprintf(remove, sizeof(remove), "-:%s", calls[i].event);
		file_write(remove, "/sys/kernel/tracing/dynamic_events");
	}
}

static void seen(struct trace *t, char *letters)
{
	char line[1024], name[64];
	size_t i, len = 0;

	while (trace_next(t, line, sizeof(line))) {
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			snprintf(name, sizeof(name), " %s: ", strchr(calls[i].event, '/') + 1);
			if (len < 15 && strstr(line, name))
				letters[len++] = calls[i].letter;
		}
	}
	letters[len] = 0;
}

/* Is @got one of the alternatives in @want? */
static bool is_one_of(const char *got, const char *want)
{
	size_t len = strlen(got);

	while (want) {
		if (!strncmp(want, got, len) && (!want[len] || want[len] == '|'))
			return true;
		want = strchr(want, '|');
		if (want)
			want++;
	}
	return false;
}

/* Number of attachments listed during imports, and errors there. */
static int listed, unlisted;

static void check_types(enum exporter from, enum importer to, const struct bufinfo *info,
			bool attached)
{
	listed += info->attachments;
	if (attached && !info->attachments) {
		ksft_print_msg("%s -> %s: not listed\n", exporters[from].name, importers[to].name);
		unlisted++;
	}
	if (negotiates && info->untyped) {
		ksft_print_msg("%s -> %s: no type: \"%s\"\n", exporters[from].name,
			       importers[to].name, info->first);
		unlisted++;
	}
}

static void result_types(void)
{
	static const char name[] = "debugfs names the type of every attachment";

	if (unlisted || (negotiates && listed))
		ksft_test_result(!unlisted, "%s\n", name);
	else
		ksft_test_result_skip("%s: %s\n", name, negotiates ? "nothing was attached" :
				      "this kernel does not negotiate");
}

/* Number of correct lines of fdinfo, and of buffers with wrong ones. */
static int described, misdescribed;

/* Returns the number of lines, or -1 if one is not @want. */
static int lines_as(const char *text, const char *want)
{
	const char *line = text;
	int n = 0;

	while ((line = strstr(line, "attachment:\t"))) {
		if (strncmp(line, want, strlen(want)))
			return -1;
		line += strlen(want);
		n++;
	}
	return n;
}

/* All importers here take scatterlists, and only a BAR is peer-to-peer. */
static void check_fdinfo(enum exporter from, enum importer to, int dmabuf)
{
	const char *want = from == VFIO ? "attachment:\tSGT p2p default\n" :
					  "attachment:\tSGT memory default\n";
	char text[4096], number[32];
	ssize_t n;

	if (!negotiates)
		return;
	n = file_read(text, sizeof(text), "/proc/self/fdinfo/%d", dmabuf);
	VFIO_ASSERT_GT(n, 0);
	n = lines_as(text, want);
	/* vfio-pci chooses where there can be VFs */
	if (n < 0 && from == VFIO)
		n = lines_as(text, "attachment:\tSGT p2p selected\n");
	snprintf(number, sizeof(number), "attachments:\t%zd\n", n);
	if (n == bufinfo_attachments(dmabuf) && strstr(text, number)) {
		described += n;
		return;
	}
	ksft_print_msg("%s -> %s: fdinfo says\n%s\n", exporters[from].name, importers[to].name,
		       text);
	misdescribed++;
}

static void result_fdinfo(void)
{
	static const char name[] = "fdinfo says how every attachment is served";

	if (misdescribed || described)
		ksft_test_result(!misdescribed, "%s\n", name);
	else
		ksft_test_result_skip("%s: %s\n", name, negotiates ? "nothing was attached" :
				      "this kernel does not negotiate");
}

/* The totals before the first pair, which are the same after each pair. */
static struct bufinfo before;
static int leaks, kept;

/* The last work of a device that a user leaves to a worker takes a moment. */
static bool is_listed_again(const struct bufinfo *want, struct bufinfo *now)
{
	int i;

	for (i = 0; i < 200; i++) {
		*now = bufinfo_all();
		if (now->buffers == want->buffers && now->attachments == want->attachments)
			return true;
		usleep(10000);
	}
	return false;
}

/* In 7.2 and 7.3 videobuf2 never puts a buffer that cannot be attached. */
static bool videobuf2_keeps(enum importer to, int rc, const struct bufinfo *now)
{
	return to == TO_CONTIG && rc == -EOPNOTSUPP && now->buffers == before.buffers + 1 &&
	       now->attachments == before.attachments;
}

static void check_leaks(enum exporter from, enum importer to, int rc)
{
	struct bufinfo now;

	if (is_listed_again(&before, &now))
		return;
	ksft_print_msg("%s -> %s leaves %d buffers and %d attachments\n", exporters[from].name,
		       importers[to].name, now.buffers - before.buffers,
		       now.attachments - before.attachments);
	if (videobuf2_keeps(to, rc, &now))
		kept++;
	else
		leaks++;
	before = now;
}

/* @start is from before any file was opened. */
static void result_leaks(struct bufinfo start)
{
	struct bufinfo now;

	start.buffers += kept;
	if (!is_listed_again(&start, &now)) {
		ksft_print_msg("%d buffers and %d attachments too many\n",
			       now.buffers - start.buffers, now.attachments - start.attachments);
		leaks++;
	}
	ksft_test_result(!leaks, "debugfs lists no more than before\n");
}

static void try(enum exporter from, enum importer to, struct trace *t)
{
	int device = importer_open(to), dmabuf = export(from), rc;
	const char *want = expected[from][to];
	char letters[16], got[64];
	unsigned int handle;
	struct bufinfo info;

	VFIO_ASSERT_GE(device, 0);
	VFIO_ASSERT_GE(dmabuf, 0);
	trace_drain(t);
	rc = import(to, device, dmabuf, &handle);
	info = bufinfo_all();
	check_fdinfo(from, to, dmabuf);
	if (!rc)
		end_import(to, device, handle);
	close(dmabuf);
	close(device);
	/* An importer may let go a little later: wait for that */
	check_leaks(from, to, rc);
	seen(t, letters);
	check_types(from, to, &info, !rc && letters[0] == 'A');

	snprintf(got, sizeof(got), "%s%s%s", letters, *letters ? " " : "",
		 rc ? strerrorname_np(-rc) : "ok");
	/* For a comparison of two kernels: only results that do not vary. */
	if (is_one_of(got, want))
		ksft_print_msg("seen: %s -> %s: %s\n", exporters[from].name,
			       importers[to].name, want);
	else
		ksft_print_msg("seen: %s -> %s: %s, expected %s\n", exporters[from].name,
			       importers[to].name, got, want);
	ksft_test_result(is_one_of(got, want), "%s -> %s\n", exporters[from].name,
			 importers[to].name);
}

/* List the devices to test: a machine may lack one, but must use its own. */
static int find(int (*open)(int nr), int count, bool *has)
{
	int i, fd, found = 0;

	for (i = 0; i < count; i++) {
		fd = open(i);
		VFIO_ASSERT_TRUE(fd >= 0 || fd == -ENODEV || fd == -ENOENT, "%s", strerror(-fd));
		has[i] = fd >= 0;
		found += has[i];
		if (has[i])
			close(fd);
	}
	return found;
}

/* Returns the number of results that it has printed. */
static int lacks(const char *what, const struct side *side, bool wanted)
{
	if (machine_promises(side->promise, side->class))
		ksft_test_result_fail("no %s %s, which this machine promises\n", what, side->name);
	else if (wanted)
		ksft_test_result_skip("no %s %s in this machine\n", what, side->name);
	else
		return 0;
	return 1;
}

/* A virtio-gpu is of one of two kinds, and a small kernel has no network. */
static bool is_wanted(enum importer importer, const bool *has)
{
	switch (importer) {
	case TO_VIRTIO:
		return !has[TO_VIRTIO_BLOB];
	case TO_VIRTIO_BLOB:
		return !has[TO_VIRTIO];
	case TO_ZCRX:
		return zcrx_exists();
	default:
		return true;
	}
}

int main(void)
{
	bool has_exporter[EXPORTERS], has_importer[IMPORTERS];
	int from, to, planned;
	struct bufinfo start;
	struct trace t;

	start = bufinfo_all();
	open_bar();
	before = bufinfo_all();
	planned = find(export, EXPORTERS, has_exporter) *
		  find(importer_open, IMPORTERS, has_importer);
	ksft_print_header();
	watch(&t);
	for (from = 0; from < EXPORTERS; from++)
		for (to = 0; to < IMPORTERS; to++)
			if (has_exporter[from] && has_importer[to])
				try(from, to, &t);
	forget(&t);
	result_types();
	result_fdinfo();
	close_bar();
	result_leaks(start);
	planned += 3;
	for (from = 0; from < EXPORTERS; from++)
		if (!has_exporter[from])
			planned += lacks("exporter", &exporters[from], true);
	for (to = 0; to < IMPORTERS; to++)
		if (!has_importer[to])
			planned += lacks("importer", &importers[to], is_wanted(to, has_importer));
	ksft_set_plan(planned);
	ksft_finished();
}
