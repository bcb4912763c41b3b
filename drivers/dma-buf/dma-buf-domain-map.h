/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Private to the DOMAIN mapping type: the mapping of an attachment, and the
 * functions that its two files share.
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

/* How often memory is reclaimed for one batch before it fails with -ENOMEM */
#define DMA_BUF_DOMAIN_FILL_TRIES	8

/**
 * struct dma_buf_domain_run - bytes of one kind that are physically contiguous
 * @offset: offset of the first byte in the part of the buffer that is mapped
 * @paddr: its physical address
 * @mmio: device memory rather than cacheable memory
 *
 * A run ends where the next one begins, or at the end of the mapped part.
 */
struct dma_buf_domain_run {
	size_t offset;
	phys_addr_t paddr;
	bool mmio;
};

/**
 * struct dma_buf_domain_map - the mapping of an attachment of the DOMAIN type
 * @lock: protects all members below that are not constant, nests in the reservation
 *	lock of the buffer
 * @attach: the attachment, constant. It points to this object from
 *	dma_buf_domain_map() to dma_buf_domain_unmap(), and exists for that time.
 * @list: the exporter's list, NULL while it is revoked. Writers hold the
 *	reservation lock as well. The runs are not used while it is NULL.
 * @revoking: the exporter is about to take @list away. Written under the
 *	reservation lock; tasks that fill a span read it between two batches.
 * @runs: index over the part of @list that is mapped, in the buffer's order. While
 *	@list is NULL it belongs to the task that is about to set @list:
 *	dma_buf_domain_map() or, after that has returned, @restore.
 * @nr_runs: number of @runs
 * @max_runs: number of runs that there is room for
 * @single: the run that @runs points to if there is room for just one
 * @offset: offset of the part in the buffer, constant
 * @length: length of the part, constant
 * @spans: list of &dma_buf_domain_span.elm, which the importer owns: the spans that
 *	are filled, or that only the importer's task fills
 * @lost: the spans that are not mapped since the buffer was revoked. @restore fills
 *	them. A task of the importer may be filling one of them as well; the two
 *	take turns by batches.
 * @failed: the spans that @restore could not fill
 * @tries: how often @restore has begun since the last revoke
 * @restore: fills @lost when the buffer is back. dma_buf_domain_unmap() waits for
 *	it, so that it needs no reference on anything.
 * @told: @restore was queued at least once. Written under the reservation lock.
 * @keep_revoked: @restore must not be queued. Written under the reservation lock.
 * @memcg: the cgroup that pays for what @restore allocates: that of the task that
 *	called dma_buf_domain_map(), referenced. Constant.
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
