/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the DOMAIN mapping type: what an attachment has mapped, and what the
 * two files that work on it have in common.
 */
#ifndef _DMA_BUF_DOMAIN_MAP_H
#define _DMA_BUF_DOMAIN_MAP_H

#include <linux/dma-buf-domain.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "dma-buf-core.h"

struct dma_buf_phys_list;
struct mem_cgroup;

#if IS_MODULE(CONFIG_DMABUF_MAPPING_KUNIT_TEST)
#define DMA_BUF_DOMAIN_IMPORTERS "iommufd,dma-buf-mapping-kunit"
#else
#define DMA_BUF_DOMAIN_IMPORTERS "iommufd"
#endif

/* How often memory is made for one batch before there is none */
#define DMA_BUF_DOMAIN_FILL_TRIES	8

/**
 * struct dma_buf_domain_run - bytes of one kind that are physically contiguous
 * @offset: where they begin, in the part of the buffer that is mapped
 * @paddr: the address
 * @mmio: device memory rather than cacheable memory
 *
 * A run ends where the next one begins, or with the part that is mapped.
 */
struct dma_buf_domain_run {
	size_t offset;
	phys_addr_t paddr;
	bool mmio;
};

/**
 * struct dma_buf_domain_map - what an attachment of the DOMAIN type has mapped
 * @lock: protects all below, nests in the reservation lock of the buffer
 * @attach: the attachment, constant. It has this object from dma_buf_domain_map()
 *	to dma_buf_domain_unmap(), and is there for that time.
 * @list: the exporter's list, NULL if it was revoked. Also written under the
 *	reservation lock. The runs are not looked at while it is NULL.
 * @revoking: the exporter is about to take @list away. Written under the
 *	reservation lock; whoever fills a span sees it between two batches.
 * @runs: index over the part of @list that is mapped, in the buffer's order. While
 *	@list is NULL it belongs to who is about to set that: dma_buf_domain_map()
 *	or, from the end of that on, @restore.
 * @nr_runs: number of @runs
 * @max_runs: how many there is room for
 * @single: what @runs points to if there is room for just one
 * @offset: where the part begins in the buffer, constant
 * @length: how long it is, constant
 * @spans: of &dma_buf_domain_span.elm, which the importer owns: those that are
 *	filled, or that nobody but the importer's task fills
 * @lost: those that are not mapped since the buffer was revoked: @restore fills
 *	them. A task of the importer may be filling one of them as well, a batch by
 *	the one and a batch by the other.
 * @failed: those that @restore could not fill
 * @tries: how often @restore has begun since the last revoke
 * @restore: fills @lost when the buffer is back. dma_buf_domain_unmap() waits for
 *	it, so that it needs no reference on anything.
 * @told: it was queued, ever. Written under the reservation lock.
 * @keep_revoked: it is not to be queued any more. Under the reservation lock.
 * @memcg: who pays for what @restore allocates: the cgroup of who called
 *	dma_buf_domain_map(), referenced. Constant.
 */
struct dma_buf_domain_map {
	struct mutex lock; /* of the map and its spans */
	struct dma_buf_attachment *attach;
	const struct dma_buf_phys_list *list;
	bool revoking;
	struct dma_buf_domain_run *runs;
	size_t nr_runs;
	size_t max_runs;
	struct dma_buf_domain_run single;
	size_t offset;
	size_t length;
	struct list_head spans;
	struct list_head lost;
	struct list_head failed;
	unsigned int tries;
	struct delayed_work restore;
	bool told;
	bool keep_revoked;
	struct mem_cgroup *memcg;
};

static inline struct dma_buf_domain_map *
dma_buf_domain_map_of(const struct dma_buf_attachment *attach)
{
	return to_core_attachment(attach)->domain_map;
}

/* dma-buf-domain.c */
int dma_buf_domain_alloc_runs(struct dma_buf_domain_map *map, size_t nr,
			      gfp_t gfp);
int dma_buf_domain_publish(struct dma_buf_domain_map *map);
int dma_buf_domain_fill_table(struct dma_buf_domain_map *map,
			      struct dma_buf_domain_span *span);
int dma_buf_domain_make_room(gfp_t gfp);
void dma_buf_domain_unmap_span(struct dma_buf_domain_span *span);

/* dma-buf-domain-restore.c */
void dma_buf_domain_restore_init(struct dma_buf_domain_map *map);
void dma_buf_domain_restore_fini(struct dma_buf_domain_map *map);
void dma_buf_domain_all_lost(struct dma_buf_domain_map *map);

#endif /* _DMA_BUF_DOMAIN_MAP_H */
