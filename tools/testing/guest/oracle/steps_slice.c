// SPDX-License-Identifier: GPL-2.0
/*
 * Slices: export, and end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "lib/fence.h"
#include "lib/file.h"
#include "lib/slice.h"

#include "report.h"
#include "steps.h"

/* Less than the life of vgem's fences; many times a slow machine's time */
#define REVOKE_SECONDS	2
#define HANG_UP_SECONDS	60

int new_buf(struct world *w)
{
	VFIO_ASSERT_LT(w->nr_bufs, (int)ARRAY_SIZE(w->bufs));
	memset(&w->bufs[w->nr_bufs], 0, sizeof(w->bufs[0]));
	return w->nr_bufs++;
}

/* In pages; the model's buffer has them one after the other. */
static int to_dma_ranges(struct vfio_region_dma_range *to, const struct range *from, int nr,
			 struct buf *buf)
{
	int i, j;

	for (i = 0; i < nr; i++) {
		to[i].offset = from[i].first * PAGE;
		to[i].length = from[i].nr * PAGE;
		for (j = 0; j < from[i].nr; j++)
			buf->page[buf->nr++] = from[i].first + j;
	}
	return nr;
}

bool step_EXPORT(struct world *w, const struct step *s)
{
	struct vfio_region_dma_range ranges[RANGES_MAX];
	struct vfio_device_feature_dma_buf arg = {
		.region_index = BAR,
		.open_flags = O_CLOEXEC | (s->flags % 4 ? O_RDWR : O_RDONLY),
	};
	struct slice *slice = &w->slices[s->slice];
	struct dev *dev = &w->devs[s->dev];
	struct range pages[RANGES_MAX];
	struct buf *buf;

	if (!dev->vfio || slice->fd >= 0)
		return false;
	slice->buf = new_buf(w);
	buf = &w->bufs[slice->buf];
	buf->dev = s->dev;
	buf->generation = dev->generation;
	buf->read_only = !(s->flags % 4);
	arg.nr_ranges = to_dma_ranges(ranges, pages, program_ranges(s->random, pages), buf);
	slice->fd = TRY(s, endpoint_export_raw(dev->vfio, VFIO_DEVICE_FEATURE_GET, &arg,
					       ranges, arg.nr_ranges));
	if (slice->fd < 0)
		fail("export of %d pages in %u ranges: %d", buf->nr, arg.nr_ranges, slice->fd);
	report->checks++;
	return true;
}

/* Each of these is refused, and leaves nothing behind. */
bool step_EXPORT_BAD(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];
	struct vfio_device_feature_dma_buf arg = {
		.region_index = BAR, .open_flags = O_RDWR, .nr_ranges = 2,
	};
	struct vfio_region_dma_range ranges[2] = { { 0, PAGE }, { PAGE, PAGE } };
	int want = -EINVAL, rc;
	u64 size;

	if (!dev->vfio)
		return false;
	size = dev->vfio->bars[BAR].info.size;
	switch (s->random % 9) {
	case 0:
		arg.nr_ranges = 0;
		break;
	case 1:
		arg.flags = 1 << s->flags % 32;
		break;
	case 2:
		ranges[1].offset += 1 << s->flags % 12;
		break;
	case 3:
		ranges[0].length = s->flags % 2 ? 0 : 512;
		break;
	case 4:
		ranges[1].offset = size;
		break;
	case 5:
		ranges[1].offset = size - PAGE;
		ranges[1].length = 2 * PAGE;
		break;
	case 6:
		/* All of it, and a page for the second time */
		ranges[0].length = size;
		break;
	case 7:
		arg.region_index = 9;
		want = -ENODEV;
		break;
	case 8:
		ranges[0].length = ranges[1].length = 1ULL << 63;
		break;
	}
	rc = TRY(s, endpoint_export_raw(dev->vfio, VFIO_DEVICE_FEATURE_GET, &arg, ranges, 2));
	expect("a bad export", rc, want);
	return true;
}

bool step_CLOSE_SLICE(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];

	if (slice->fd < 0)
		return false;
	expect("close() of a slice", MUST(s, close(slice->fd)), 0);
	slice->fd = -1;
	return true;
}

static bool hangs_up(int fd, int timeout)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, timeout) > 0 && (pfd.revents & POLLHUP);
}

/* The result of the device feature for a slice that is gone */
static int feature_errno(struct world *w, int dev, const struct buf *buf)
{
	if (buf->dev != dev || buf->generation != w->devs[dev].generation)
		return -ENODEV;
	return buf->revoked ? -EBADFD : 0;
}

static bool fence_pends(struct world *w)
{
	struct pollfd pfd = { .fd = w->fence, .events = POLLIN };

	return w->fence >= 0 && !poll(&pfd, 1, 0);
}

bool step_REVOKE(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];
	bool wait = s->flags % 3;
	struct buf *buf;
	double begin;
	int rc, dev;
	bool fence;

	if (slice->fd < 0)
		return false;
	buf = &w->bufs[slice->buf];
	/* Now and then by a device that has not exported the slice */
	dev = s->flags & 0xf0 ? buf->dev : s->dev;
	if (!w->devs[dev].vfio)
		return false;
	fence = fence_pends(w);
	begin = now();
	rc = wait ? MUST(s, slice_revoke(w->devs[dev].vfio, slice->fd)) :
		    TRY(s, slice_start_revoke(w->devs[dev].vfio, slice->fd));
	expect("revoke", rc, feature_errno(w, dev, buf));
	/* A client's fence does not delay it. */
	if (fence && !fence_pends(w) && now() - begin > REVOKE_SECONDS)
		fail("revoke took %.1f s, until the fence was signaled", now() - begin);
	if (rc)
		return true;
	if (!wait && !hangs_up(slice->fd, HANG_UP_SECONDS * 1000))
		fail("a revoke that was not waited for did not end in %d s", HANG_UP_SECONDS);
	buf->revoked = true;
	return true;
}

/* Its fdinfo, and what debugfs has of all, are read while imports come and go. */
static long fdinfo_size(int fd)
{
	char text[4096], *at;

	if (file_read(text, sizeof(text), "/proc/self/fdinfo/%d", fd) <= 0)
		return -1;
	at = strstr(text, "\nsize:");
	return at ? atol(at + strlen("\nsize:")) : -1;
}

bool step_POLL(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];

	if (slice->fd < 0)
		return false;
	expect("POLLHUP", hangs_up(slice->fd, 0), !buf_alive(w, slice->buf));
	if (s->flags % 2) {
		expect("size of a slice", fdinfo_size(slice->fd), w->bufs[slice->buf].nr * PAGE);
		bufinfo_all();
	}
	return true;
}

void fence_forget(struct world *w)
{
	if (w->fence < 0)
		return;
	close(w->fence);
	close(w->fence_end);
	w->fence = -1;
}

/* A new one, which lasts longer than a revoke may take */
bool step_FENCE(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];

	if (slice->fd < 0)
		return false;
	fence_forget(w);
	w->fence = fence_open(&w->fence_end);
	if (w->fence < 0)
		return false;
	expect("import of a sync file", TRY(s, fence_import(slice->fd, w->fence)), 0);
	return true;
}

/* An open with O_PATH only gives a name for it. */
bool step_PATH(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];
	struct dma_buf_sync sync = { DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	char path[64];
	void *map;
	int fd, i;

	if (slice->fd < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", slice->fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	VFIO_ASSERT_GE(fd, 0);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	expect("mmap() of O_PATH", map == MAP_FAILED ? -errno : 0, -EBADF);
	expect("ioctl() of O_PATH", ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0, -EBADF);
	for (i = 0; i < NR_DEVS; i++)
		if (w->devs[i].vfio)
			expect("revoke by O_PATH", slice_revoke(w->devs[i].vfio, fd), -EBADF);
	close(fd);
	/* It cannot be opened again either. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	expect("open() of a dma-buf", fd < 0 ? -errno : fd, -ENXIO);
	return true;
}

bool step_MEMATTR(struct world *w, const struct step *s)
{
	struct slice *slice = &w->slices[s->slice];
	struct dev *dev;
	struct buf *buf;
	int rc, want;

	if (slice->fd < 0)
		return false;
	buf = &w->bufs[slice->buf];
	dev = &w->devs[buf->dev];
	if (!dev->vfio)
		return false;
	rc = TRY(s, slice_memattr(dev->vfio, slice->fd, s->flags % 2 ? SLICE_WC : SLICE_NC));
	want = feature_errno(w, buf->dev, buf);
	expect_one("memattr", rc, want, want ?: -EOPNOTSUPP);
	return true;
}
