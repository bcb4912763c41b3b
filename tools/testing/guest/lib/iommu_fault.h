/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_IOMMU_FAULT_H
#define GUEST_IOMMU_FAULT_H

#include <stdbool.h>

#include <linux/types.h>

#include "trace.h"

/* Watch for accesses that the IOMMU stops. */
void iommu_fault_watch(struct trace *t);

/* Has it stopped an access to a page of these, or does it soon? */
bool iommu_fault_at(struct trace *t, u64 iova, u64 length);

#endif
