// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf mapping type DOMAIN: the importer names a place in one of its IOMMU
 * domains, the exporter gives physical ranges to the core, the core maps.
 *
 * Exporters do not handle domains. Importers do not see physical addresses, which
 * they could put into places that no revoke reaches. The importer maps the buffer
 * once, fills any number of spans of any number of domains with parts of it, at
 * any time, and may clear them in any order. When the exporter revokes the buffer,
 * the core takes it out of all spans.
 *
 * The owner of a domain can let the domain's devices reach what is mapped there,
 * and can ask for the addresses. So the calls are exported only to the modules in
 * DMA_BUF_DOMAIN_IMPORTERS, whose every use of a domain is known.
 *
 * Ranges may be many, in any order, and shorter than the part of the buffer that
 * is mapped. The core turns them into an index of runs over just that part, with
 * neighbours merged, so that it finds a byte in O(log n) and fills a domain with
 * pieces as large as the memory allows.
 *
 * Locking: &dma_buf_domain_map.lock protects the map and all its spans, and nests
 * inside the reservation lock. Filling and clearing a span take the map's lock
 * only. A revoke is called with the reservation lock held and takes the map's lock
 * as well. It finds each span either not yet filled, after which filling maps
 * nothing, or with the number of bytes that it has to take out.
 *
 * The task that revokes waits for both locks, and does not trust the importer's
 * users. So the core does not wait for memory while it holds the locks: it
 * allocates the index before it takes the reservation lock, allocates page tables
 * from what is free at that moment, and reclaims memory between two batches. An
 * exporter that revokes has its list ready, see
 * &dma_buf_mapping_pal_exp_ops.map_phys. The core fills a span one table at a time
 * and drops the map's lock in between. A revoke waits for one such batch: it sets
 * &dma_buf_domain_map.revoking before it takes the map's lock, and no batch begins
 * after that.
 */
#include <linux/cc_platform.h>
#include <linux/dma-buf-domain.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <kunit/static_stub.h>
#include <kunit/visibility.h>

#include "dma-buf-domain-map.h"

/* For a page table that is being filled: the holder of the lock does not wait */
#define FILL_GFP	(GFP_NOWAIT | __GFP_ACCOUNT)
/* Pages that a batch may need: a table for each level of the largest tables */
#define FILL_PAGES	6

static void domain_describe(char *buf, size_t len,
			    const struct dma_buf_mapping_match *entry)
{
	if (entry->domain_data.coherent)
		snprintf(buf, len, "(coherent)");
}

/* Is memory of one kind for all devices, or may a part of it be encrypted? */
bool dma_buf_memory_is_plain(void)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_memory_is_plain);
	return !cc_platform_has(CC_ATTR_MEM_ENCRYPT);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_memory_is_plain);

/*
 * The core cannot know how far the devices of a domain are from a BAR: the domain
 * may have no device yet. The result tells the importer that the match is DOMAIN,
 * and nothing else.
 */
static int pal_domain_match(const struct dma_buf_match_args *args,
			    const struct dma_buf_mapping_match *exp,
			    const struct dma_buf_mapping_match *imp,
			    struct dma_buf_mapping_match *result,
			    const char **why)
{
	result->exp_ops = NULL;
	if (!(exp->pal_data.kinds & BIT(DMA_BUF_PHYS_MEMORY)))
		return 0;

	if (!imp->domain_data.coherent)
		*why = "importer is not coherent";
	else if (!dma_buf_memory_is_plain())
		*why = "memory may be encrypted";
	else
		return 0;
	return -EOPNOTSUPP;
}

static const struct dma_buf_converter pal_to_domain = {
	.from = &dma_buf_mapping_pal_type,
	.match = pal_domain_match,
};

const struct dma_buf_mapping_type dma_buf_mapping_domain_type = {
	.name = "DOMAIN",
	.describe = domain_describe,
	.converter = &pal_to_domain,
	.revocable = true,
};
EXPORT_SYMBOL_NS_GPL(dma_buf_mapping_domain_type, "DMA_BUF");

/*
 * Go over the part of @list that is mapped and count its runs. If @runs is given,
 * write them as well.
 */
static size_t scan_runs(const struct dma_buf_domain_map *map,
			const struct dma_buf_phys_list *list,
			struct dma_buf_domain_run *runs)
{
	size_t start = map->offset, done = 0, nr = 0;
	phys_addr_t next = 0;
	bool last_mmio = false;
	size_t i;

	for (i = 0; i < list->length && done < map->length; i++) {
		const struct phys_vec *vec = &list->phys[i];
		bool mmio = dma_buf_phys_list_kind(list, i) == DMA_BUF_PHYS_MMIO;
		phys_addr_t paddr;

		if (start >= vec->len) {
			start -= vec->len;
			continue;
		}

		paddr = vec->paddr + start;
		if (!nr || paddr != next || mmio != last_mmio) {
			if (runs)
				runs[nr] = (struct dma_buf_domain_run){
					.offset = done,
					.paddr = paddr,
					.mmio = mmio,
				};
			nr++;
		}

		done += vec->len - start;
		next = vec->paddr + vec->len;
		last_mmio = mmio;
		start = 0;
	}
	return nr;
}

static void free_runs(struct dma_buf_domain_map *map)
{
	if (map->runs != &map->single)
		kvfree(map->runs);
	map->runs = NULL;
	map->nr_runs = 0;
	map->max_runs = 0;
}

/* Make room for @nr runs; no lock is held. A number too large is no kernel bug. */
int dma_buf_domain_alloc_runs(struct dma_buf_domain_map *map, size_t nr,
			      gfp_t gfp)
{
	struct dma_buf_domain_run *runs = &map->single;

	free_runs(map);
	if (nr > 1) {
		runs = kvmalloc_objs(*runs, nr, gfp | __GFP_NOWARN);
		if (!runs)
			return -ENOMEM;
	}
	map->runs = runs;
	map->max_runs = nr;
	return 0;
}

/* Returns 1 if the room is too small; nr_runs is the number of runs then */
static int make_runs(struct dma_buf_domain_map *map,
		     const struct dma_buf_phys_list *list)
{
	/* One range is one run, and most buffers have one range */
	map->nr_runs = 1;
	if (list->length > 1)
		map->nr_runs = scan_runs(map, list, NULL);
	if (map->nr_runs > map->max_runs)
		return 1;
	scan_runs(map, list, map->runs);
	return 0;
}

/* The last run that begins at or before @offset. The first begins at 0. */
static size_t find_run(const struct dma_buf_domain_map *map, size_t offset)
{
	size_t lo = 0, hi = map->nr_runs;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->runs[mid].offset <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static size_t run_end(const struct dma_buf_domain_map *map, size_t run)
{
	return run + 1 < map->nr_runs ? map->runs[run + 1].offset : map->length;
}

/* Unmap everything that the domain maps of the span */
void dma_buf_domain_unmap_span(struct dma_buf_domain_span *span)
{
	size_t mapped = span->mapped;

	if (!mapped)
		return;
	span->mapped = 0;
	WARN_ON(iommu_unmap(span->domain, span->iova, mapped) != mapped);
}

/*
 * If a piece of @len bytes at @paddr is mapped at @iova with the largest pages that
 * fit, return the last address that one page table of that level covers.
 */
static unsigned long table_last(const struct iommu_domain *domain,
				unsigned long iova, phys_addr_t paddr,
				size_t len)
{
	unsigned int granule = __ffs(domain->pgsize_bitmap);
	unsigned int bits = granule - ilog2(sizeof(u64));
	unsigned int largest = __fls(len), shift = granule;

	if (iova | paddr)
		largest = min(largest, __ffs64(iova | (u64)paddr));
	if (domain->pgsize_bitmap & GENMASK(largest, 0))
		shift = __fls(domain->pgsize_bitmap & GENMASK(largest, 0));

	/* A page of an odd size takes several entries of the next lower level */
	shift = granule + ((shift - granule) / bits + 1) * bits;
	return iova | (BIT(min(shift, BITS_PER_LONG - 1)) - 1);
}

static int map_piece(struct dma_buf_domain_span *span, phys_addr_t paddr,
		     size_t len, bool mmio)
{
	size_t step = span->small_pages ? PAGE_SIZE : len;
	int prot = span->prot;
	int ret;

	if (mmio)
		prot = (prot & ~IOMMU_CACHE) | IOMMU_MMIO;

	for (; len; len -= step, paddr += step) {
		step = min(step, len);
		ret = iommu_map_nosync(span->domain, span->iova + span->mapped,
				       paddr, step, prot, FILL_GFP);
		if (ret)
			return ret;
		span->mapped += step;
	}
	return 0;
}

/*
 * Map the next part of the span, as far as one table of the domain reaches. Returns
 * 1 if more is left, 0 if the span is complete.
 */
static int map_table(const struct dma_buf_domain_map *map,
		     struct dma_buf_domain_span *span)
{
	size_t start = span->offset - map->offset;
	unsigned long last = span->iova + span->length - 1;
	size_t run = find_run(map, start + span->mapped);
	int ret;

	for (; span->mapped != span->length; run++) {
		const struct dma_buf_domain_run *r = &map->runs[run];
		unsigned long iova = span->iova + span->mapped;
		size_t offset = start + span->mapped;
		phys_addr_t paddr = r->paddr + (offset - r->offset);
		size_t len = min(run_end(map, run) - offset,
				 span->length - span->mapped);

		if (iova > last)
			return 1;
		last = min(last, table_last(span->domain, iova, paddr, len));
		if (len > last - iova + 1) {
			ret = map_piece(span, paddr, last - iova + 1, r->mmio);
			return ret ?: 1;
		}
		ret = map_piece(span, paddr, len, r->mmio);
		if (ret)
			return ret;
	}
	return 0;
}

/* Sync once per batch rather than in each iommu_map(). Undoes a batch that fails. */
static int sync_batch(struct dma_buf_domain_span *span, size_t before)
{
	size_t size = span->mapped - before;
	int ret;

	if (!size)
		return 0;
	ret = iommu_sync_map(span->domain, span->iova + before, size);
	if (ret) {
		span->mapped = before;
		WARN_ON(iommu_unmap(span->domain, span->iova + before, size) !=
			size);
	}
	return ret;
}

/* map_table() for a buffer that is mapped. The caller holds the map's lock. */
int dma_buf_domain_fill_table(struct dma_buf_domain_map *map,
			      struct dma_buf_domain_span *span)
{
	size_t before = span->mapped;
	int ret, err;

	lockdep_assert_held(&map->lock);

	ret = map_table(map, span);
	err = sync_batch(span, before);
	return err ?: ret;
}

/*
 * Take the map's lock and fill one table. Returns 0 as well if the buffer is revoked
 * or a revoke waits for the lock. A batch that maps something resets @tries.
 */
static int fill_batch(struct dma_buf_domain_map *map,
		      struct dma_buf_domain_span *span, unsigned int *tries)
{
	size_t before;
	int ret;

	guard(mutex)(&map->lock);
	if (!map->list || READ_ONCE(map->revoking))
		return 0;
	before = span->mapped;
	ret = dma_buf_domain_fill_table(map, span);
	if (span->mapped != before)
		*tries = 0;
	return ret;
}

/* Reclaim memory, with no lock held, for the allocations of the next batch */
int dma_buf_domain_make_room(gfp_t gfp)
{
	unsigned long page[FILL_PAGES];
	unsigned int nr;
	int ret = 0;

	for (nr = 0; nr < ARRAY_SIZE(page); nr++) {
		page[nr] = __get_free_page(gfp);
		if (!page[nr]) {
			ret = -ENOMEM;
			break;
		}
	}
	while (nr--)
		free_page(page[nr]);
	return ret;
}

/* On error the caller has to clear the span, which may be partly mapped */
static int fill_span(struct dma_buf_domain_map *map,
		     struct dma_buf_domain_span *span)
{
	unsigned int tries = 0;
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = fill_batch(map, span, &tries);
		if (ret == -ENOMEM && tries++ < DMA_BUF_DOMAIN_FILL_TRIES) {
			ret = dma_buf_domain_make_room(GFP_KERNEL_ACCOUNT);
			if (!ret)
				ret = 1;
		}
		cond_resched();
	} while (ret > 0);
	return ret;
}

static bool span_fits(const struct dma_buf_domain_map *map,
		      const struct dma_buf_domain_span *span)
{
	unsigned long last;

	return span->length && span->offset >= map->offset &&
	       span->offset - map->offset < map->length &&
	       span->length <= map->length - (span->offset - map->offset) &&
	       !check_add_overflow(span->iova, span->length - 1, &last);
}

/**
 * dma_buf_domain_may_write - may the devices of a domain write to the buffer?
 * @dmabuf: the buffer, which the caller holds
 *
 * Exporters of ordinary memory have always let importers of scatterlists write to
 * a buffer that was exported read-only. Domains are new to these exporters, so the
 * core can refuse to fill them for writing.
 *
 * Return: %false if the file was made read-only, and either the buffer is of
 * ordinary memory or dma_buf_device_may_write() returns %false.
 */
bool dma_buf_domain_may_write(struct dma_buf *dmabuf)
{
	return dma_buf_device_may_write(dmabuf) &&
	       (!dmabuf->ops->domain_exporter_match ||
		dmabuf->file->f_mode & FMODE_WRITE);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_may_write, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_fill - map a part of the buffer into a domain
 * @attach: attachment that dma_buf_domain_map() has mapped
 * @span: the part and its place. Unless this fails, @span belongs to the core
 *	until dma_buf_domain_clear().
 *
 * If the buffer is revoked, this succeeds and maps nothing, or not all of the span.
 * If the buffer comes back, the core fills the span then: see
 * dma_buf_domain_restore(). Several tasks can fill at once, one span each.
 *
 * Context: May sleep, killable. The caller does not hold the reservation lock of
 * the buffer.
 *
 * Return: 0; -EPERM if the device could write and dma_buf_domain_may_write()
 * returns %false, -ENOMEM, -EINTR if the task was killed, -EINVAL if the span lies
 * outside of the mapped part, or an error of the domain's driver. On error the
 * domain maps nothing of the span.
 */
int dma_buf_domain_fill(struct dma_buf_attachment *attach,
			struct dma_buf_domain_span *span)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);
	int ret;

	might_sleep();

	if (WARN_ON(!map || !span_fits(map, span)))
		return -EINVAL;
	if (span->prot & IOMMU_WRITE && !dma_buf_domain_may_write(attach->dmabuf))
		return -EPERM;

	span->mapped = 0;
	scoped_guard(mutex, &map->lock)
		list_add_tail(&span->elm, map->list ? &map->spans : &map->lost);
	ret = fill_span(map, span);
	if (ret)
		dma_buf_domain_clear(attach, span);
	return ret;
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_fill, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_clear - take a part of the buffer out of a domain
 * @attach: the attachment
 * @span: the span that dma_buf_domain_fill() has filled. It belongs to the
 *	importer again when this returns.
 *
 * Context: May sleep.
 */
void dma_buf_domain_clear(struct dma_buf_attachment *attach,
			  struct dma_buf_domain_span *span)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);

	guard(mutex)(&map->lock);
	dma_buf_domain_unmap_span(span);
	list_del(&span->elm);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_clear, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_split - make two spans of one
 * @attach: the attachment
 * @span: the span that dma_buf_domain_fill() has filled, with
 *	&dma_buf_domain_span.small_pages
 * @length: the length that @span keeps, a multiple of PAGE_SIZE and less than its
 *	length so far
 * @rest: becomes the span behind that. It belongs to the core from here on, as if
 *	dma_buf_domain_fill() had filled it.
 *
 * The domain does not change, and a revoke finds either one span or two.
 *
 * Context: May sleep. No other task fills, clears or splits @span.
 */
void dma_buf_domain_split(struct dma_buf_attachment *attach,
			  struct dma_buf_domain_span *span, size_t length,
			  struct dma_buf_domain_span *rest)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);

	guard(mutex)(&map->lock);

	*rest = *span;
	rest->iova += length;
	rest->offset += length;
	rest->length -= length;
	rest->mapped -= min(rest->mapped, length);
	span->length = length;
	span->mapped = min(span->mapped, length);
	list_add(&rest->elm, &span->elm);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_split, DMA_BUF_DOMAIN_IMPORTERS);

/* Give the ranges back to the exporter. No domain maps any of them. */
static void give_back(struct dma_buf_domain_map *map,
		      struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	lockdep_assert_held(&map->lock);

	dma_buf_pal_unmap_phys(attach, map->list);
	WRITE_ONCE(map->list, NULL);
	/* Keep the room for runs, so that mapping again needs no memory for it */
}

/**
 * dma_buf_domain_invalidate - the exporter wants the buffer back
 * @attach: the attachment
 *
 * An importer uses it as &dma_buf_attach_ops.invalidate_mappings, or calls it from
 * its own callback. All spans are empty when it returns. It may be called at any
 * time after the attach; before dma_buf_domain_map() it does nothing.
 *
 * Context: The caller holds the reservation lock of the buffer. May sleep, for as
 * long as it takes to fill one table of a domain, to clear one span, and to clear
 * all spans that are filled.
 */
void dma_buf_domain_invalidate(struct dma_buf_attachment *attach)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);
	struct dma_buf_domain_span *span;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (!map)
		return;
	/* From here on no batch begins */
	WRITE_ONCE(map->revoking, true);
	guard(mutex)(&map->lock);
	dma_buf_domain_all_lost(map);
	if (!map->list)
		return;

	list_for_each_entry(span, &map->lost, elm)
		dma_buf_domain_unmap_span(span);
	give_back(map, attach);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_invalidate, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_revoked - has the exporter taken the buffer back?
 * @attach: attachment that dma_buf_domain_map() has mapped
 *
 * Return: True if it has. Unless the caller holds the reservation lock, the
 * exporter may take the buffer back right after this has returned false.
 */
bool dma_buf_domain_revoked(const struct dma_buf_attachment *attach)
{
	return !READ_ONCE(dma_buf_domain_map_of(attach)->list);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_revoked, DMA_BUF_DOMAIN_IMPORTERS);

/*
 * Map and publish the ranges. The caller holds the reservation lock, which a revoke
 * takes as well, so that a revoke sees both steps or neither. Returns 1 if the index
 * is too small.
 */
int dma_buf_domain_publish(struct dma_buf_domain_map *map)
{
	struct dma_buf_attachment *attach = map->attach;
	const struct dma_buf_phys_list *list;
	int ret;

	list = dma_buf_pal_map_phys(attach);
	if (IS_ERR(list))
		return PTR_ERR(list);

	guard(mutex)(&map->lock);
	ret = make_runs(map, list);
	if (ret) {
		dma_buf_pal_unmap_phys(attach, list);
		return ret;
	}
	WRITE_ONCE(map->revoking, false);
	WRITE_ONCE(map->list, list);
	return 0;
}

/*
 * If the importer can restore mappings, treat a buffer that is away for a time like
 * one that is revoked right after it was mapped.
 */
static int publish_or_wait(struct dma_buf_domain_map *map)
{
	int ret = dma_buf_domain_publish(map);

	return ret == -EAGAIN && dma_buf_attach_restorable(map->attach) ? 0 : ret;
}

static int pin_and_publish(struct dma_buf_domain_map *map)
{
	struct dma_buf_attachment *attach = map->attach;
	struct dma_buf *dmabuf = attach->dmabuf;
	int ret;

	ret = dma_buf_lock_killable(dmabuf);
	if (ret)
		return ret;
	ret = dma_buf_pin(attach);
	if (!ret) {
		ret = publish_or_wait(map);
		if (ret)
			dma_buf_unpin(attach);
		else
			to_core_attachment(attach)->domain_map = map;
	}
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static struct dma_buf_domain_map *
alloc_map(struct dma_buf_attachment *attach, size_t offset, size_t length)
{
	struct dma_buf_domain_map *map;

	map = kzalloc_obj(*map, GFP_KERNEL_ACCOUNT);
	if (!map)
		return NULL;
	mutex_init(&map->lock);
	INIT_LIST_HEAD(&map->spans);
	dma_buf_domain_restore_init(map);
	map->attach = attach;
	map->offset = offset;
	map->length = length;
	return map;
}

static void free_map(struct dma_buf_domain_map *map)
{
	dma_buf_domain_restore_fini(map);
	free_runs(map);
	mutex_destroy(&map->lock);
	kfree(map);
}

/**
 * dma_buf_domain_map - get ready to fill spans with a part of the buffer
 * @attach: attachment of the DOMAIN type, with nothing mapped
 * @offset: offset of the part in the buffer, in bytes
 * @length: length of the part. Both are multiples of PAGE_SIZE.
 *
 * The core pins the buffer and asks the exporter for its ranges, which stay until
 * the exporter revokes them. If the importer has dma_buf_domain_restore() in its
 * operations, the core asks again when the buffer is back, and this call succeeds
 * also if the buffer is away for a time at the moment. Without
 * dma_buf_domain_restore() the importer has to attach again.
 *
 * Context: May sleep. A fatal signal ends it. Any signal ends the wait for moves
 * that the exporter has queued. Takes the reservation lock of the buffer.
 *
 * Return: 0; -EINVAL if the buffer has no such part or the exporter's list is
 * malformed, -ENODEV if the buffer is revoked, -ENOMEM, -EINTR if the task was
 * killed, -ERESTARTSYS if it was interrupted, or an error of the exporter.
 */
int dma_buf_domain_map(struct dma_buf_attachment *attach, size_t offset,
		       size_t length)
{
	size_t size = attach->dmabuf->size;
	struct dma_buf_domain_map *map;
	size_t nr_runs = 1;
	int ret;

	might_sleep();

	if (!length || !PAGE_ALIGNED(offset | length) || offset > size ||
	    length > size - offset || WARN_ON(dma_buf_domain_map_of(attach)))
		return -EINVAL;

	map = alloc_map(attach, offset, length);
	if (!map)
		return -ENOMEM;

	/* Two rounds are enough unless the exporter's list grows in between */
	do {
		ret = dma_buf_domain_alloc_runs(map, nr_runs,
						GFP_KERNEL_ACCOUNT);
		if (ret)
			break;
		ret = pin_and_publish(map);
		if (ret > 0)
			nr_runs = map->nr_runs;
		if (ret > 0 && fatal_signal_pending(current))
			ret = -EINTR;
	} while (ret > 0);
	if (ret)
		free_map(map);
	return ret;
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_map, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_unmap - undo dma_buf_domain_map()
 * @attach: the attachment, all spans of which are cleared
 *
 * Context: May sleep. Takes the reservation lock of the buffer. Waits for the work
 * item of dma_buf_domain_restore() if it is running; it has no span left to fill.
 */
void dma_buf_domain_unmap(struct dma_buf_attachment *attach)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);
	struct dma_buf *dmabuf = attach->dmabuf;

	might_sleep();

	if (WARN_ON(!map))
		return;
	WARN_ON(!list_empty(&map->spans));

	dma_resv_lock(dmabuf->resv, NULL);
	scoped_guard(mutex, &map->lock)
		if (map->list)
			give_back(map, attach);
	to_core_attachment(attach)->domain_map = NULL;
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);
	free_map(map);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_unmap, DMA_BUF_DOMAIN_IMPORTERS);
