// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel logs a few faults and then no more for seconds.  So look over
 * the shoulder of its interrupt handler, into the fault recording register of
 * the IOMMU: QEMU's has one, at 0x220.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "iommu_fault.h"

#define EVENT "p:guest/iommu_fault dmar_fault address=+0x220(+0($arg2)):x64"

void iommu_fault_watch(struct trace *t)
{
	trace_define(EVENT);
	VFIO_ASSERT_TRUE(trace_enable(t, "guest/iommu_fault"));
}

bool iommu_fault_at(struct trace *t, u64 iova)
{
	char line[512], address[64];
	int tries = 200;

	snprintf(address, sizeof(address), "address=0x%lx", iova & ~0xfffUL);
	while (tries--) {
		while (trace_next(t, line, sizeof(line)))
			if (strstr(line, address))
				return true;
		usleep(10000);
	}
	return false;
}
