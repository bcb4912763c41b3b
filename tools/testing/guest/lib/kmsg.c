// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "kmsg.h"

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	VFIO_ASSERT_GE(fd, 0, "/dev/kmsg");
	VFIO_ASSERT_GE(lseek(fd, 0, SEEK_END), 0);
	return fd;
}

bool kmsg_iommu_fault(int kmsg, u64 iova)
{
	char record[1024], address[64];
	int tries = 200;
	ssize_t n;

	snprintf(address, sizeof(address), "fault addr %#llx",
		 (unsigned long long)iova & ~0xfffULL);
	while (tries--) {
		while ((n = read(kmsg, record, sizeof(record) - 1)) > 0) {
			record[n] = 0;
			if (strstr(record, address))
				return true;
		}
		usleep(10000);
	}
	return false;
}
