// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd as a dma-buf importer.
 *
 * An IOAS needs physical addresses, because an iommu_domain takes nothing else,
 * so the import negotiates the PAL mapping type and no other. The buffer is
 * pinned and its physical ranges are mapped once, when the iopt_pages is made,
 * and stay so until the exporter revokes them or the iopt_pages is released.
 * There is no way back from a revoke: user space has to import again.
 *
 * Ranges may be many, in any order, and shorter than the slice that user space
 * asked for. They are turned into an index of runs over just that slice, with
 * neighbours merged, so that a page is found in O(log n) and a domain is filled
 * with pieces as large as the memory allows. Each run remembers if it is MMIO:
 * a domain could not tell later, so pages of a dma-buf are never read back from
 * a domain.
 *
 * Locking: the reservation lock of the dma-buf nests outside iopt_pages::mutex.
 * The index and exp_phys change under both. Filling and emptying a domain holds
 * the mutex. The revoke callback comes with the reservation lock held and takes
 * the mutex, so it sees a domain either before its pages were put in, and then
 * they never will be, or with a track that says what to take out. It may come
 * at any time after the attach: before the ranges are mapped it has nothing to
 * do, and mapping them then fails in the exporter.
 *
 * Whoever imports is not trusted by whoever revokes, who is waiting for the two
 * locks. So memory is allocated without them: the index before the reservation
 * lock is taken, page tables with what is at hand, and reclaim is done between
 * two goes. A domain is filled one table at a time, and the mutex is dropped in
 * between. A revoke waits for one such batch: it says that it is coming before
 * it takes the mutex, and no batch begins after that.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

/* Of a page table that is being filled: whoever holds the mutex does not wait */
#define FILL_GFP	(GFP_NOWAIT | __GFP_ACCOUNT)
/* How often memory is made for one batch before there is none */
#define FILL_TRIES	8
/* Pages that a batch may need: a table for each level of the largest tables */
#define FILL_PAGES	6

/*
 * Go over the part of @list that begins at byte @start and has @npages pages
 * and count its runs. With @runs, write them as well.
 */
static size_t scan_runs(const struct dma_buf_phys_list *list,
			unsigned long start, unsigned long npages,
			struct iopt_dmabuf_run *runs)
{
	unsigned long index = 0, next_pfn = 0;
	bool last_mmio = false;
	size_t nr = 0;
	size_t i;

	for (i = 0; i < list->length && index < npages; i++) {
		const struct phys_vec *vec = &list->phys[i];
		bool mmio = dma_buf_phys_list_kind(list, i) == DMA_BUF_PHYS_MMIO;
		unsigned long pfn;

		if (start >= vec->len) {
			start -= vec->len;
			continue;
		}

		pfn = PHYS_PFN(vec->paddr + start);
		if (!nr || pfn != next_pfn || mmio != last_mmio) {
			if (runs)
				runs[nr] = (struct iopt_dmabuf_run){
					.first_index = index,
					.pfn = pfn,
					.mmio = mmio,
				};
			nr++;
		}

		index += PHYS_PFN(vec->len - start);
		next_pfn = PHYS_PFN(vec->paddr + vec->len);
		last_mmio = mmio;
		start = 0;
	}
	return nr;
}

VISIBLE_IF_KUNIT void iopt_dmabuf_index_free(struct iopt_pages_dmabuf *dmabuf)
{
	if (dmabuf->runs != &dmabuf->single)
		kvfree(dmabuf->runs);
	dmabuf->runs = NULL;
	dmabuf->nr_runs = 0;
	dmabuf->max_runs = 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_index_free);

/* Make room for @nr runs, without any lock */
VISIBLE_IF_KUNIT int iopt_dmabuf_index_alloc(struct iopt_pages_dmabuf *dmabuf,
					     size_t nr)
{
	struct iopt_dmabuf_run *runs = &dmabuf->single;

	iopt_dmabuf_index_free(dmabuf);
	if (nr > 1) {
		runs = kvmalloc_objs(*runs, nr, GFP_KERNEL_ACCOUNT);
		if (!runs)
			return -ENOMEM;
	}
	dmabuf->runs = runs;
	dmabuf->max_runs = nr;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_index_alloc);

/* -ENOSPC says that there is no room for the runs, whose number is in nr_runs */
VISIBLE_IF_KUNIT int
iopt_dmabuf_index(struct iopt_pages_dmabuf *dmabuf, unsigned long npages,
		  const struct dma_buf_phys_list *list)
{
	/* One range is one run, and most buffers are one range */
	dmabuf->nr_runs = 1;
	if (list->length > 1)
		dmabuf->nr_runs = scan_runs(list, dmabuf->start, npages, NULL);
	if (dmabuf->nr_runs > dmabuf->max_runs)
		return -ENOSPC;

	/* The core checked that the list is as long as the dma-buf */
	if (WARN_ON(!dmabuf->nr_runs ||
		    scan_runs(list, dmabuf->start, npages, dmabuf->runs) !=
			    dmabuf->nr_runs)) {
		iopt_dmabuf_index_free(dmabuf);
		return -EINVAL;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_index);

static bool run_contains(const struct iopt_pages_dmabuf *dmabuf, size_t run,
			 unsigned long index)
{
	return run < dmabuf->nr_runs &&
	       dmabuf->runs[run].first_index <= index &&
	       (run + 1 == dmabuf->nr_runs ||
		index < dmabuf->runs[run + 1].first_index);
}

/* The last run that does not begin behind @index. The first begins at 0. */
static size_t find_run(const struct iopt_pages_dmabuf *dmabuf,
		       unsigned long index)
{
	size_t lo = 0, hi = dmabuf->nr_runs;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (dmabuf->runs[mid].first_index <= index)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/**
 * iopt_dmabuf_read - find the pages from @start_index on
 * @reader: reader, zeroed but for the dma-buf
 * @start_index: first page
 * @last_index: last page that is of interest
 * @out: the contiguous piece that begins at @start_index
 *
 * Context: &iopt_pages.mutex is held and the dma-buf not revoked, from the
 * first call with a reader to the last.
 *
 * Return: Number of pages in the piece, at least one.
 */
unsigned long iopt_dmabuf_read(struct pfn_reader_dmabuf *reader,
			       unsigned long start_index,
			       unsigned long last_index,
			       struct iopt_dmabuf_run *out)
{
	const struct iopt_pages_dmabuf *dmabuf = reader->dmabuf;
	const struct iopt_dmabuf_run *run;

	if (!run_contains(dmabuf, reader->run, start_index)) {
		reader->run++;
		if (!run_contains(dmabuf, reader->run, start_index))
			reader->run = find_run(dmabuf, start_index);
	}

	run = &dmabuf->runs[reader->run];
	out->first_index = start_index;
	out->pfn = run->pfn + (start_index - run->first_index);
	out->mmio = run->mmio;

	if (reader->run + 1 < dmabuf->nr_runs)
		last_index = min(last_index, run[1].first_index - 1);
	return last_index - start_index + 1;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_read);

/* Take out of the domain what it maps of the area */
static void unmap_track(struct iopt_pages_dmabuf_track *track)
{
	size_t filled = track->filled;

	if (!filled)
		return;
	track->filled = 0;
	WARN_ON(iommu_unmap(track->domain, iopt_area_iova(track->area),
			    filled) != filled);
}

static struct iopt_pages_dmabuf_track *
add_track(struct iopt_pages *pages, struct iopt_area *area,
	  struct iommu_domain *domain)
{
	struct iopt_pages_dmabuf_track *track;

	track = kzalloc_obj(*track, GFP_KERNEL_ACCOUNT);
	if (!track)
		return NULL;
	track->domain = domain;
	track->area = area;

	guard(mutex)(&pages->mutex);
	list_add_tail(&track->elm, &pages->dmabuf.tracker);
	hlist_add_head(&track->area_elm, &area->dmabuf_tracks);
	return track;
}

static void remove_track(struct iopt_pages_dmabuf_track *track)
{
	unmap_track(track);
	list_del(&track->elm);
	hlist_del(&track->area_elm);
	kfree(track);
}

static void remove_tracks(struct iopt_area *area)
{
	struct iopt_pages_dmabuf_track *track;
	struct hlist_node *next;

	hlist_for_each_entry_safe(track, next, &area->dmabuf_tracks, area_elm)
		remove_track(track);
}

/*
 * The last address behind @iova that the page table needs no second table of
 * the same level for, if a piece of @len bytes at @paddr is mapped there with
 * the largest pages that fit.
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

	/* Pages of odd sizes are several entries of the next lower level */
	shift = granule + ((shift - granule) / bits + 1) * bits;
	return iova | (BIT(min(shift, BITS_PER_LONG - 1)) - 1);
}

static int map_piece(struct iopt_pages_dmabuf_track *track, phys_addr_t paddr,
		     size_t len, bool mmio)
{
	struct iopt_area *area = track->area;
	int prot = area->iommu_prot;
	size_t step = len;
	int rc;

	if (mmio)
		prot = (prot & ~IOMMU_CACHE) | IOMMU_MMIO;
	/* Type1 cuts areas anywhere: see batch_iommu_map_small() */
	if (area->iopt->disable_large_pages)
		step = PAGE_SIZE;

	for (; len; len -= step, paddr += step) {
		step = min(step, len);
		rc = iommu_map(track->domain,
			       iopt_area_iova(area) + track->filled, paddr,
			       step, prot, FILL_GFP);
		if (rc)
			return rc;
		track->filled += step;
	}
	return 0;
}

/*
 * Map what comes next of the area, in one table of the domain. Returns 1 if
 * there is more, 0 if that was all or the dma-buf is revoked, or is about to be.
 */
static int fill_batch(struct iopt_pages *pages,
		      struct iopt_pages_dmabuf_track *track)
{
	struct pfn_reader_dmabuf reader = { .dmabuf = &pages->dmabuf };
	struct iopt_area *area = track->area;
	unsigned long last = iopt_area_last_iova(area);
	int rc;

	guard(mutex)(&pages->mutex);
	if (iopt_dmabuf_revoked(pages) || READ_ONCE(pages->dmabuf.revoking))
		return 0;

	while (track->filled != iopt_area_length(area)) {
		unsigned long iova = iopt_area_iova(area) + track->filled;
		unsigned long byte = area->page_offset + track->filled;
		struct iopt_dmabuf_run run;
		phys_addr_t paddr;
		size_t len;

		if (iova > last)
			return 1;
		len = iopt_dmabuf_read(&reader,
				       iopt_area_index(area) + byte / PAGE_SIZE,
				       iopt_area_last_index(area), &run);
		len = min(len * PAGE_SIZE - offset_in_page(byte),
			  iopt_area_length(area) - track->filled);
		paddr = PFN_PHYS(run.pfn) + offset_in_page(byte);

		last = min(last, table_last(track->domain, iova, paddr, len));
		rc = map_piece(track, paddr, min(len, last - iova + 1),
			       run.mmio);
		if (rc)
			return rc;
	}
	return 0;
}

/* Reclaim for the next batch. What is freed is what that will find. */
static int make_room(void)
{
	unsigned long page[FILL_PAGES];
	unsigned int nr;
	int rc = 0;

	for (nr = 0; nr < ARRAY_SIZE(page); nr++) {
		page[nr] = __get_free_page(GFP_KERNEL_ACCOUNT);
		if (!page[nr]) {
			rc = -ENOMEM;
			break;
		}
	}
	while (nr--)
		free_page(page[nr]);
	return rc;
}

/* On error the track is left to the caller, with what was mapped */
static int fill_track(struct iopt_pages *pages,
		      struct iopt_pages_dmabuf_track *track)
{
	unsigned int tries = 0;
	int rc;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		rc = fill_batch(pages, track);
		if (rc != -ENOMEM) {
			tries = 0;
		} else if (tries++ < FILL_TRIES) {
			rc = make_room();
			if (!rc)
				rc = 1;
		}
		cond_resched();
	} while (rc > 0);
	return rc;
}

static int track_and_fill(struct iopt_pages *pages, struct iopt_area *area,
			  struct iommu_domain *domain)
{
	struct iopt_pages_dmabuf_track *track;
	int rc;

	/* Also if it is revoked: this is about what user space may learn */
	if (!iopt_dmabuf_revocable(domain))
		return -EOPNOTSUPP;

	track = add_track(pages, area, domain);
	if (!track)
		return -ENOMEM;
	rc = fill_track(pages, track);
	if (rc) {
		guard(mutex)(&pages->mutex);
		remove_track(track);
	}
	return rc;
}

static void publish(struct iopt_pages *pages, struct iopt_area *area,
		    struct iommu_domain *domain)
{
	guard(mutex)(&pages->mutex);
	area->storage_domain = domain;
	interval_tree_insert(&area->pages_node, &pages->domains_itree);
}

/**
 * iopt_dmabuf_fill_domain - put an area into one more domain
 * @area: the area, of a dma-buf
 * @domain: the domain. Nobody else fills or empties it with @area.
 *
 * Succeeds without mapping anything, or all of it, if the dma-buf is revoked.
 *
 * Context: May sleep. The domains_rwsem of the area's io_pagetable is held for
 * writing, &iopt_pages.mutex is not.
 *
 * Return: 0; -EOPNOTSUPP if a revoke could not stop the domain's device,
 * -ENOMEM, -EINTR if the task was killed, or an error of the domain's driver.
 * On error @domain maps nothing of @area.
 */
int iopt_dmabuf_fill_domain(struct iopt_area *area, struct iommu_domain *domain)
{
	struct iopt_pages *pages = area->pages;
	int rc;

	rc = track_and_fill(pages, area, domain);
	if (rc)
		return rc;
	/* It changes with the domains_rwsem held for writing only */
	if (!area->storage_domain)
		publish(pages, area, domain);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_fill_domain);

/**
 * iopt_dmabuf_fill_domains - put a new area into all domains of its IOAS
 * @area: the area, without pages so that nobody else does anything with it
 * @pages: its pages, of a dma-buf
 *
 * Context: May sleep. The domains_rwsem of the area's io_pagetable is held, in
 * which there is a domain, &iopt_pages.mutex is not.
 *
 * Return: As iopt_dmabuf_fill_domain().
 */
int iopt_dmabuf_fill_domains(struct iopt_area *area, struct iopt_pages *pages)
{
	struct io_pagetable *iopt = area->iopt;
	unsigned long index;
	int rc;

	/* They have no gaps. A search for one more would look at all slots. */
	for (index = 0; index < iopt->next_domain_id; index++) {
		rc = track_and_fill(pages, area, xa_load(&iopt->domains, index));
		if (rc)
			goto err_remove;
	}
	publish(pages, area, xa_load(&iopt->domains, 0));
	return 0;

err_remove:
	scoped_guard(mutex, &pages->mutex)
		remove_tracks(area);
	return rc;
}

/**
 * iopt_dmabuf_unfill_domain - take an area out of one domain
 * @area: the area, of a dma-buf
 * @domain: the domain, in which the area was put
 *
 * Context: &iopt_pages.mutex is held.
 */
void iopt_dmabuf_unfill_domain(struct iopt_area *area,
			       struct iommu_domain *domain)
{
	struct iopt_pages_dmabuf_track *track;

	hlist_for_each_entry(track, &area->dmabuf_tracks, area_elm) {
		if (track->domain == domain) {
			remove_track(track);
			return;
		}
	}
	WARN_ON(true);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_unfill_domain);

/**
 * iopt_dmabuf_unfill_domains - take an area out of all domains
 * @area: the area, which the caller has taken @pages from
 * @pages: its pages, of a dma-buf
 *
 * Context: May sleep. &iopt_pages.mutex is not held.
 */
void iopt_dmabuf_unfill_domains(struct iopt_area *area,
				struct iopt_pages *pages)
{
	guard(mutex)(&pages->mutex);
	if (!area->storage_domain)
		return;

	interval_tree_remove(&area->pages_node, &pages->domains_itree);
	area->storage_domain = NULL;
	remove_tracks(area);
}

/* Give the ranges back to the exporter. No domain maps them any more. */
static void unmap_phys(struct iopt_pages *pages,
		       struct dma_buf_attachment *attach)
{
	struct iopt_pages_dmabuf *dmabuf = &pages->dmabuf;

	dma_resv_assert_held(attach->dmabuf->resv);
	lockdep_assert_held(&pages->mutex);

	dma_buf_pal_unmap_phys(attach, dmabuf->exp_phys);
	dmabuf->exp_phys = NULL;
	iopt_dmabuf_index_free(dmabuf);
}

/*
 * The exporter wants its memory back. May come before the import has ended, so
 * pages->dmabuf.attach is not to be used.
 */
static void iopt_dmabuf_revoke(struct dma_buf_attachment *attach)
{
	struct iopt_pages *pages = attach->importer_priv;
	struct iopt_pages_dmabuf_track *track;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* Whoever is filling domains lets us have the mutex */
	WRITE_ONCE(pages->dmabuf.revoking, true);
	guard(mutex)(&pages->mutex);
	if (iopt_dmabuf_revoked(pages))
		return;

	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		unmap_track(track);
	unmap_phys(pages, attach);
}

static const struct dma_buf_attach_ops iopt_dmabuf_attach_ops = {
	.invalidate_mappings = iopt_dmabuf_revoke,
};

/*
 * Map and publish the ranges, as one step for the revoke callback. -ENOSPC says
 * that the index is too small.
 */
static int map_phys(struct iopt_pages *pages, struct dma_buf_attachment *attach)
{
	const struct dma_buf_phys_list *list;
	int rc;

	dma_resv_assert_held(attach->dmabuf->resv);

	list = dma_buf_pal_map_phys(attach);
	if (IS_ERR(list)) {
		/* No matter what it is, it has nothing to do with our index */
		rc = PTR_ERR(list);
		return rc == -ENOSPC ? -EIO : rc;
	}

	guard(mutex)(&pages->mutex);
	rc = iopt_dmabuf_index(&pages->dmabuf, pages->npages, list);
	if (rc) {
		dma_buf_pal_unmap_phys(attach, list);
		return rc;
	}
	/* A revoke that came before this is over: the exporter gave the list */
	WRITE_ONCE(pages->dmabuf.revoking, false);
	pages->dmabuf.exp_phys = list;
	pages->dmabuf.attach = attach;
	return 0;
}

static int pin_and_map_phys(struct iopt_pages *pages,
			    struct dma_buf_attachment *attach)
{
	struct dma_buf *dmabuf = attach->dmabuf;
	int rc;

	rc = dma_buf_lock_killable(dmabuf);
	if (rc)
		return rc;
	rc = dma_buf_pin(attach);
	if (!rc) {
		rc = map_phys(pages, attach);
		if (rc)
			dma_buf_unpin(attach);
	}
	dma_resv_unlock(dmabuf->resv);
	return rc;
}

/**
 * iopt_dmabuf_import - fill a new iopt_pages from a dma-buf
 * @pages: of type IOPT_ADDRESS_DMABUF, not shown to anybody yet, its start and
 *	tracker set
 * @dmabuf: the dma-buf. On success the caller's reference belongs to @pages.
 *
 * Context: May sleep. The reservation lock of @dmabuf is not held.
 *
 * Return: 0; -EOPNOTSUPP if the exporter has no physical addresses for us,
 * -EPERM if devices may not write to it and @pages is to be written, -ENODEV if
 * the dma-buf is revoked, -ENOMEM, -EINTR if the task was killed, or an error of
 * the exporter. On error iopt_dmabuf_release() of @pages has nothing to do.
 */
int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct dma_buf_mapping_match imp[] = { DMA_BUF_IMAPPING_PAL() };
	struct dma_buf_attachment *attach;
	size_t nr_runs = 1;
	int rc;

	if (pages->writable && !dma_buf_device_may_write(dmabuf))
		return -EPERM;

	attach = dma_buf_mapping_attach(dmabuf, imp, ARRAY_SIZE(imp),
					&iopt_dmabuf_attach_ops, pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	/* Ends with the second round, unless the exporter's list grows in time */
	do {
		rc = iopt_dmabuf_index_alloc(&pages->dmabuf, nr_runs);
		if (rc)
			break;
		rc = pin_and_map_phys(pages, attach);
		nr_runs = pages->dmabuf.nr_runs;
	} while (rc == -ENOSPC);
	if (!rc)
		return 0;

	iopt_dmabuf_index_free(&pages->dmabuf);
	dma_buf_detach(dmabuf, attach);
	return rc;
}

/**
 * iopt_dmabuf_release - let go of the dma-buf of a dying iopt_pages
 * @pages: of type IOPT_ADDRESS_DMABUF, without areas
 *
 * Context: May sleep. The reservation lock of the dma-buf is not held.
 */
void iopt_dmabuf_release(struct iopt_pages *pages)
{
	struct dma_buf_attachment *attach = pages->dmabuf.attach;
	struct dma_buf *dmabuf;

	WARN_ON(!list_empty(&pages->dmabuf.tracker));
	/* The import failed */
	if (!attach)
		return;

	dmabuf = attach->dmabuf;
	dma_resv_lock(dmabuf->resv, NULL);
	scoped_guard(mutex, &pages->mutex)
		if (!iopt_dmabuf_revoked(pages))
			unmap_phys(pages, attach);
	dma_buf_unpin(attach);
	dma_resv_unlock(dmabuf->resv);

	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}
