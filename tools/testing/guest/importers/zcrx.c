// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <glob.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>
#include <linux/types.h>

#include <libvfio.h>

#include "zcrx.h"

#define ENTRIES	16
#define REGION	0x1000

bool zcrx_exists(void)
{
	return !access("/proc/sys/net/ipv4", F_OK);
}

/* The first network device that is hardware of the machine, or 0. */
static unsigned int find_nic(void)
{
	unsigned int index = 0;
	glob_t found;

	if (!glob("/sys/class/net/*/device", 0, NULL, &found)) {
		*strrchr(found.gl_pathv[0], '/') = 0;
		index = if_nametoindex(strrchr(found.gl_pathv[0], '/') + 1);
		globfree(&found);
	}
	return index;
}

int zcrx_open(void)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_CQE32,
	};
	int ring;

	if (!find_nic())
		return -ENODEV;
	ring = syscall(__NR_io_uring_setup, ENTRIES, &params);
	return ring < 0 ? -errno : ring;
}

int zcrx_import(int ring, int dmabuf)
{
	struct io_uring_zcrx_area_reg area = {
		.len = lseek(dmabuf, 0, SEEK_END),
		.flags = IORING_ZCRX_AREA_DMABUF,
		.dmabuf_fd = dmabuf,
	};
	struct io_uring_region_desc region = {
		.size = REGION,
		.flags = IORING_MEM_REGION_TYPE_USER,
	};
	struct io_uring_zcrx_ifq_reg reg = {
		.if_idx = find_nic(),
		.rq_entries = ENTRIES,
		.area_ptr = (uintptr_t)&area,
		.region_ptr = (uintptr_t)&region,
	};
	void *memory;
	int rc;

	memory = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(memory, MAP_FAILED);
	region.user_addr = (uintptr_t)memory;
	rc = syscall(__NR_io_uring_register, ring, IORING_REGISTER_ZCRX_IFQ, &reg, 1) ? -errno : 0;
	munmap(memory, REGION);
	return rc;
}
