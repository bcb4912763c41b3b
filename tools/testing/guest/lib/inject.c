// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "inject.h"
#include "file.h"

#define DEBUGFS	"/sys/kernel/debug"
#define NTH	"/proc/thread-self/fail-nth"

bool inject_ready(void)
{
	file_mount("debugfs", DEBUGFS);
	if (access(NTH, W_OK) || file_write("N", DEBUGFS "/failslab/ignore-gfp-wait"))
		return false;
	file_write("N", DEBUGFS "/fail_page_alloc/ignore-gfp-wait");
	file_write("N", DEBUGFS "/fail_page_alloc/ignore-gfp-highmem");
	file_write("0", DEBUGFS "/fail_page_alloc/min-order");
	return true;
}

/* Opened in advance, so that all allocations in between are the caller's. */
static int nth_fd = -1;

static bool arm(int fd, int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	return pwrite(fd, text, len, 0) == len;
}

/* How many allocations are left until one fails, or -1 if the task is gone */
static int disarm(int fd)
{
	char left[16] = "";
	bool there = pread(fd, left, sizeof(left) - 1, 0) > 0;

	there = arm(fd, 0) && there;
	close(fd);
	return there ? atoi(left) : -1;
}

void inject_arm(int nth)
{
	nth_fd = open(NTH, O_RDWR | O_CLOEXEC);
	VFIO_ASSERT_GE(nth_fd, 0);
	VFIO_ASSERT_TRUE(arm(nth_fd, nth));
}

bool inject_disarm(void)
{
	int left = disarm(nth_fd);

	VFIO_ASSERT_GE(left, 0);
	return !left;
}

#define WORKERS	64

static int worker_fds[WORKERS];
static int nr_workers;

static bool is_worker(const char *pid)
{
	char name[64];

	return file_read(name, sizeof(name), "/proc/%s/comm", pid) > 0 &&
	       !strncmp(name, "kworker/u", 9);
}

void inject_arm_workers(int nth)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300];
	int fd;

	VFIO_ASSERT_NOT_NULL(proc);
	nr_workers = 0;
	while ((entry = readdir(proc)) && nr_workers < WORKERS) {
		if (!is_worker(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fail-nth", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (arm(fd, nth))
			worker_fds[nr_workers++] = fd;
		else
			close(fd);
	}
	closedir(proc);
	VFIO_ASSERT_NE(nr_workers, 0);
}

int inject_disarm_workers(void)
{
	int i, hits = 0;

	for (i = 0; i < nr_workers; i++)
		hits += !disarm(worker_fds[i]);
	nr_workers = 0;
	return hits;
}
