/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_ENGINES_H
#define GUEST_ENGINES_H

#include "edu.h"

#define ENGINES_MAX	4

/*
 * Some edu devices and a page of memory for each, in one IOAS: together they
 * move buffers of any length to and from an IOVA.
 */
struct engines {
	int nr;
	struct edu edu[ENGINES_MAX];
	struct dma_region ram;
};

/* Up to @max of the machine's engines; false if it has none. */
bool engines_open(struct engines *e, struct iommu *iommu, int max);
void engines_close(struct engines *e);

void engines_write(struct engines *e, u64 iova, const void *buf, size_t len);
void engines_read(struct engines *e, void *buf, u64 iova, size_t len);

/* Set the data that one engine stores next, and let it store them. */
void engine_fill(struct engines *e, int engine, const void *buf, size_t len);
void engine_store(struct engines *e, int engine, u64 iova, const void *buf,
		  size_t len);

#endif
