// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "exporters.h"

#define HUGE_PAGE	(off_t)(2 << 20)

int export_udmabuf(size_t size)
{
	struct udmabuf_create args = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int dev, rc;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	args.memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (ftruncate(args.memfd, size) ||
	    fcntl(args.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		rc = -errno;
	else
		rc = ioctl(dev, UDMABUF_CREATE, &args);
	if (rc < 0)
		rc = -errno;
	close(args.memfd);
	close(dev);
	return rc;
}

int export_udmabuf_scattered(unsigned int pages)
{
	struct udmabuf_create_list *args;
	unsigned int i, page = getpagesize();
	int dev, rc, memfd;

	args = calloc(1, sizeof(*args) + pages * sizeof(args->list[0]));
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_HUGETLB);
	if (!args || dev < 0 || memfd < 0 || fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) ||
	    ftruncate(memfd, ((off_t)pages * page + HUGE_PAGE - 1) & -HUGE_PAGE)) {
		rc = -errno;
		goto out;
	}

	args->flags = UDMABUF_FLAGS_CLOEXEC;
	args->count = pages;
	for (i = 0; i < pages; i++) {
		args->list[i].memfd = memfd;
		args->list[i].offset = (u64)(pages - 1 - i) * page;
		args->list[i].size = page;
	}
	rc = ioctl(dev, UDMABUF_CREATE_LIST, args);
	if (rc < 0)
		rc = -errno;
out:
	close(memfd);
	close(dev);
	free(args);
	return rc;
}

int export_heap(const char *heap, size_t size)
{
	return export_heap_as(heap, size, O_RDWR);
}

int export_heap_as(const char *heap, size_t size, int mode)
{
	struct dma_heap_allocation_data args = {
		.len = size,
		.fd_flags = mode | O_CLOEXEC,
	};
	char path[64];
	int dev, rc;

	snprintf(path, sizeof(path), "/dev/dma_heap/%s", heap);
	dev = open(path, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	rc = ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &args) ? -errno : (int)args.fd;
	close(dev);
	return rc;
}
