// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Opened in advance: between the two, the caller's are all allocations. */
static int nth_fd = -1;

void inject_arm(int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", nth);

	nth_fd = open(NTH, O_RDWR | O_CLOEXEC);
	VFIO_ASSERT_GE(nth_fd, 0);
	VFIO_ASSERT_EQ(pwrite(nth_fd, text, len, 0), len);
}

bool inject_disarm(void)
{
	char left[16] = "";

	VFIO_ASSERT_GT(pread(nth_fd, left, sizeof(left) - 1, 0), 0);
	VFIO_ASSERT_EQ(pwrite(nth_fd, "0", 1, 0), 1);
	close(nth_fd);
	return !atoi(left);
}
