// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

#include "lib/file.h"

#include "video.h"

#define NODES_MAX	64

/* The allocator of an instance: the nth number of a list with commas. */
static bool is_contiguous(int instance)
{
	char text[4096], *number = text;

	if (file_read(text, sizeof(text), "/sys/module/vivid/parameters/allocators") <= 0)
		return false;
	while (instance-- && number) {
		number = strchr(number, ',');
		number = number ? number + 1 : NULL;
	}
	return number && atoi(number) == 1;
}

static int open_node(int nr, bool contiguous)
{
	char path[64], name[64], kind[16];
	int instance;

	if (file_read(name, sizeof(name), "/sys/class/video4linux/video%d/name", nr) <= 0)
		return -ENODEV;
	if (sscanf(name, "vivid-%d-%15s", &instance, kind) != 2 || strcmp(kind, "vid-cap") ||
	    is_contiguous(instance) != contiguous)
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/video%d", nr);
	nr = open(path, O_RDWR | O_CLOEXEC);
	return nr < 0 ? -errno : nr;
}

int video_open(bool contiguous)
{
	struct v4l2_format format = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.fmt.pix = {
			.width = 320,
			.height = 180,
			.pixelformat = V4L2_PIX_FMT_SBGGR8,
			.field = V4L2_FIELD_NONE,
		},
	};
	int i, video;

	for (i = 0; i < NODES_MAX; i++) {
		video = open_node(i, contiguous);
		if (video < 0)
			continue;
		if (!ioctl(video, VIDIOC_S_FMT, &format))
			return video;
		close(video);
	}
	return -ENODEV;
}

static int request(int video, enum v4l2_memory memory, int count)
{
	struct v4l2_requestbuffers args = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = memory,
		.count = count,
	};

	return ioctl(video, VIDIOC_REQBUFS, &args) ? -errno : 0;
}

int video_export(int video)
{
	struct v4l2_exportbuffer args = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.flags = O_RDWR | O_CLOEXEC,
	};
	int rc = request(video, V4L2_MEMORY_MMAP, 1);

	if (rc)
		return rc;
	return ioctl(video, VIDIOC_EXPBUF, &args) ? -errno : args.fd;
}

int video_import(int video, int dmabuf)
{
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_DMABUF,
		.m.fd = dmabuf,
	};
	int rc = request(video, V4L2_MEMORY_DMABUF, 1);

	if (rc)
		return rc;
	return ioctl(video, VIDIOC_QBUF, &buffer) ? -errno : 0;
}

void video_close_import(int video)
{
	request(video, V4L2_MEMORY_DMABUF, 0);
}
