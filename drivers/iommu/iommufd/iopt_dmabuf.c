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
 * they never will be, or with a tracker entry for what to take out. It may come
 * at any time after the attach: before the ranges are mapped it has nothing to
 * do, and mapping them then fails in the exporter.
 */
#include <linux/dma-buf-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

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
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_index_free);

VISIBLE_IF_KUNIT int
iopt_dmabuf_index(struct iopt_pages_dmabuf *dmabuf, unsigned long npages,
		  const struct dma_buf_phys_list *list)
{
	struct iopt_dmabuf_run *runs = &dmabuf->single;
	size_t nr = 1;

	/* One range is one run, and most buffers are one range */
	if (list->length > 1)
		nr = scan_runs(list, dmabuf->start, npages, NULL);
	if (nr > 1) {
		runs = kvmalloc_objs(*runs, nr, GFP_KERNEL_ACCOUNT);
		if (!runs)
			return -ENOMEM;
	}
	dmabuf->runs = runs;
	dmabuf->nr_runs = nr;

	/* The core checked that the list is as long as the dma-buf */
	if (WARN_ON(!nr || scan_runs(list, dmabuf->start, npages, runs) != nr)) {
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

	guard(mutex)(&pages->mutex);
	if (iopt_dmabuf_revoked(pages))
		return;

	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		iopt_area_unmap_domain(track->area, track->domain);
	unmap_phys(pages, attach);
}

static const struct dma_buf_attach_ops iopt_dmabuf_attach_ops = {
	.invalidate_mappings = iopt_dmabuf_revoke,
};

/* Map and publish the ranges, as one step for the revoke callback */
static int map_phys(struct iopt_pages *pages, struct dma_buf_attachment *attach)
{
	const struct dma_buf_phys_list *list;
	int rc;

	dma_resv_assert_held(attach->dmabuf->resv);

	list = dma_buf_pal_map_phys(attach);
	if (IS_ERR(list))
		return PTR_ERR(list);

	guard(mutex)(&pages->mutex);
	rc = iopt_dmabuf_index(&pages->dmabuf, pages->npages, list);
	if (rc) {
		dma_buf_pal_unmap_phys(attach, list);
		return rc;
	}
	pages->dmabuf.exp_phys = list;
	pages->dmabuf.attach = attach;
	return 0;
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
 * -ENODEV if the dma-buf is revoked, -ENOMEM or an error of the exporter. On
 * error iopt_dmabuf_release() of @pages has nothing to do.
 */
int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct dma_buf_mapping_match imp[] = { DMA_BUF_IMAPPING_PAL() };
	struct dma_buf_attachment *attach;
	int rc;

	attach = dma_buf_mapping_attach(dmabuf, imp, ARRAY_SIZE(imp),
					&iopt_dmabuf_attach_ops, pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	dma_resv_lock(dmabuf->resv, NULL);
	rc = dma_buf_pin(attach);
	if (rc)
		goto err_unlock;
	rc = map_phys(pages, attach);
	if (rc)
		goto err_unpin;
	dma_resv_unlock(dmabuf->resv);
	return 0;

err_unpin:
	dma_buf_unpin(attach);
err_unlock:
	dma_resv_unlock(dmabuf->resv);
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
