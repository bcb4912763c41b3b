// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel logs a few faults and then none for seconds. The SMMU's queue of
 * events keeps those that the kernel has handled, until the SMMU needs the
 * space.
 */
#include <unistd.h>

#include "lib/iommu_fault.h"

#include "smmu.h"

static u32 seen;

void iommu_fault_watch(struct trace *t)
{
	seen = smmu_events();
}

bool iommu_fault_at(struct trace *t, u64 iova, u64 length)
{
	int tries = 200;
	u64 addr;

	while (tries--) {
		for (; seen != smmu_events(); seen = smmu_events_next(seen))
			if (smmu_fault(seen, &addr) && addr >= iova && addr < iova + length)
				return true;
		usleep(10000);
	}
	return false;
}
