/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ARM64_PGTABLE_H
#define GUEST_ARM64_PGTABLE_H

#include "physmem.h"

/* This process's page table entry for an address; false if there is none. */
bool pgtable_descriptor(const void *addr, struct descriptor *d);

#endif
