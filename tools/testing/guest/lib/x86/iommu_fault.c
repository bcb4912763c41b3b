// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel logs a few faults and then none for seconds. So read the fault
 * recording register of the IOMMU directly: QEMU's IOMMU has one, at 0x220.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "lib/iommu_fault.h"

#define EVENT "p:guest/iommu_fault dmar_fault address=+0x220(+0($arg2)):x64"

void iommu_fault_watch(struct trace *t)
{
	trace_define(EVENT);
	VFIO_ASSERT_TRUE(trace_enable(t, "guest/iommu_fault"));
}

static bool is_fault(const char *line, u64 iova, u64 length)
{
	const char *at = strstr(line, "address=0x");
	u64 page;

	if (!at || !strstr(line, "iommu_fault:"))
		return false;
	page = strtoull(at + strlen("address="), NULL, 16);
	return page + 4096 > iova && page < iova + length;
}

bool iommu_fault_at(struct trace *t, u64 iova, u64 length)
{
	int tries = 200;
	char line[512];

	while (tries--) {
		while (trace_next(t, line, sizeof(line)))
			if (is_fault(line, iova, length))
				return true;
		usleep(10000);
	}
	return false;
}
