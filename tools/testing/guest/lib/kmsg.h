/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_KMSG_H
#define GUEST_KMSG_H

#include <stdbool.h>

#include <linux/types.h>

/* Follow the kernel's log from here on. */
int kmsg_open(void);

/*
 * Wait until the IOMMU says that it stopped an access to this page, as it
 * does at most ten times in five seconds.
 */
bool kmsg_iommu_fault(int kmsg, u64 iova);

#endif
