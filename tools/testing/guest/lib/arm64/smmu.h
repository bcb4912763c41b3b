/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SMMU_H
#define GUEST_SMMU_H

#include "physmem.h"

/* The values in MAIR for memory of these kinds. */
#define SMMU_DEVICE_NGNRE	0x04
#define SMMU_NORMAL_NC		0x44
#define SMMU_NORMAL_WB		0xff

/*
 * The SMMU's treatment of an access by a device to an address: the entry of its
 * table, and the memory type in @mair. False if the SMMU stops the access.
 */
bool smmu_find(const char *bdf, u64 iova, struct descriptor *d, u8 *mair);

/*
 * The SMMU's queue of events: the place of the next event, the place behind
 * another one, and the address of the event at a place if that is a fault.
 */
u32 smmu_events(void);
u32 smmu_events_next(u32 at);
bool smmu_fault(u32 at, u64 *addr);

#endif
