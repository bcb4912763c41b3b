/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ARM64_PGTABLE_H
#define GUEST_ARM64_PGTABLE_H

#include "physmem.h"

/* What the CPU's page table of this process has at an address; false if nothing. */
bool pgtable_descriptor(const void *addr, struct descriptor *d);

#endif
