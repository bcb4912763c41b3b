// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd as a dma-buf importer.
 *
 * iommufd manages domains, and the core of dma-buf maps buffers into domains: the
 * import negotiates the DOMAIN mapping type and no other. The buffer is pinned
 * and mapped when the iopt_pages is made, and stays so until the exporter
 * revokes it or the iopt_pages is released.
 *
 * If it is revoked for a time, the core maps it again when that is over, in all
 * domains that it is in by then, and user space does not notice. What keeps it from
 * that is reported to who asked for it, see iopt_dmabuf_event.c. User space can say
 * that it does not want the buffer back, and has to import it again then, as
 * before there was a way back. It has to in any case if the exporter is done with
 * the buffer for ever.
 *
 * Each pair of an area and a domain has a track, with the span that the core
 * fills. iommufd sees no physical address, and pages of a dma-buf are never read
 * back from a domain.
 *
 * Locking: &iopt_pages.mutex protects the tracks of an area, and nests outside
 * the lock that the core fills and clears spans with. It is not held while a span
 * is filled, which may take long. A revoke takes the core's lock only.
 */
#include <linux/dma-buf-domain.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

/* The span is in an area of the IOAS, which is there as long as the area is */
static void not_restored(struct dma_buf_domain_span *span)
{
	iopt_dmabuf_event_signal(span->priv);
}

static struct iopt_dmabuf_track *add_track(struct iopt_area *area,
					   struct iopt_pages *pages,
					   struct iommu_domain *domain)
{
	struct iopt_dmabuf_track *track;

	track = kzalloc_obj(*track, GFP_KERNEL_ACCOUNT);
	if (!track)
		return NULL;
	track->span = (struct dma_buf_domain_span){
		.domain = domain,
		.iova = iopt_area_iova(area),
		.offset = pages->dmabuf.start + area->page_offset +
			  iopt_area_index(area) * PAGE_SIZE,
		.length = iopt_area_length(area),
		.prot = area->iommu_prot,
		.not_restored = not_restored,
		.priv = area->iopt,
		/* Type1 cuts areas anywhere: see batch_iommu_map_small() */
		.small_pages = area->iopt->disable_large_pages,
	};
	return track;
}

static void remove_track(struct iopt_pages *pages,
			 struct iopt_dmabuf_track *track)
{
	dma_buf_domain_clear(pages->dmabuf.attach, &track->span);
	hlist_del(&track->elm);
	kfree(track);
}

static void remove_tracks(struct iopt_area *area, struct iopt_pages *pages)
{
	struct iopt_dmabuf_track *track;
	struct hlist_node *next;

	lockdep_assert_held(&pages->mutex);

	hlist_for_each_entry_safe(track, next, &area->dmabuf_tracks, elm)
		remove_track(pages, track);
}

static int track_and_fill(struct iopt_pages *pages, struct iopt_area *area,
			  struct iommu_domain *domain)
{
	struct iopt_dmabuf_track *track;
	int rc;

	/* Also if it is revoked: this is about what user space may learn */
	if (!iopt_dmabuf_revocable(domain))
		return -EOPNOTSUPP;

	track = add_track(area, pages, domain);
	if (!track)
		return -ENOMEM;
	rc = dma_buf_domain_fill(pages->dmabuf.attach, &track->span);
	if (rc) {
		kfree(track);
		return rc;
	}
	guard(mutex)(&pages->mutex);
	hlist_add_head(&track->elm, &area->dmabuf_tracks);
	return 0;
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
 * Succeeds without mapping anything, or all of it, if the dma-buf is revoked. For
 * ever as well: who attaches a device to an IOAS did not ask for this area, and must
 * not be kept from it by an exporter that is done with a buffer.
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
		remove_tracks(area, pages);
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_fill_domains);

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
	struct iopt_dmabuf_track *track;

	hlist_for_each_entry(track, &area->dmabuf_tracks, elm) {
		if (track->span.domain == domain) {
			remove_track(area->pages, track);
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
	remove_tracks(area, pages);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_unfill_domains);

/* Every device that is bound to iommufd is coherent: see iommufd_device_bind() */
static const struct dma_buf_mapping_match iopt_dmabuf_types[] = {
	DMA_BUF_IMAPPING_DOMAIN(true),
};

static const struct dma_buf_attach_ops iopt_dmabuf_attach_ops = {
	.invalidate_mappings = dma_buf_domain_invalidate,
	.restore_mappings = dma_buf_domain_restore,
};

/**
 * iopt_dmabuf_import - fill a new iopt_pages from a dma-buf
 * @pages: of type IOPT_ADDRESS_DMABUF, not shown to anybody yet, its start set
 * @dmabuf: the dma-buf. On success the caller's reference belongs to @pages.
 *
 * Context: May sleep. The reservation lock of @dmabuf is not held.
 *
 * Return: 0; -EOPNOTSUPP if the exporter has nothing for domains, -EPERM if
 * devices may not write to it and @pages is to be written, -ENODEV if the dma-buf
 * is revoked for ever, -EAGAIN if it is for a time, -ENOMEM, -EINTR if the task was
 * killed, or an error of the exporter. If it is revoked while this runs this may
 * succeed as well, as if that had come later. On error iopt_dmabuf_release() of
 * @pages has nothing to do.
 */
int iopt_dmabuf_import(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;
	int rc;

	if (pages->writable && !dma_buf_domain_may_write(dmabuf))
		return -EPERM;

	attach = dma_buf_mapping_attach(dmabuf, iopt_dmabuf_types,
					ARRAY_SIZE(iopt_dmabuf_types),
					&iopt_dmabuf_attach_ops, pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	rc = dma_buf_domain_map(attach, pages->dmabuf.start,
				pages->npages * PAGE_SIZE);
	if (rc)
		dma_buf_detach(dmabuf, attach);
	else
		pages->dmabuf.attach = attach;
	return rc;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_import);

/**
 * iopt_dmabuf_stay_revoked - do without the way back after an outage
 * @pages: what an import has returned, an iopt_pages without areas or an ERR_PTR
 *
 * What is away for a time is as good as gone for such an import, and has the error
 * of that.
 *
 * Context: May sleep, killable. Takes the reservation lock of the buffer.
 *
 * Return: @pages, or -ENODEV, or -EINTR if the task was killed, as an ERR_PTR: then
 * the dma-buf is the caller's again.
 */
struct iopt_pages *iopt_dmabuf_stay_revoked(struct iopt_pages *pages)
{
	int rc;

	if (IS_ERR(pages))
		return pages == ERR_PTR(-EAGAIN) ? ERR_PTR(-ENODEV) : pages;

	rc = dma_buf_domain_keep_revoked(pages->dmabuf.attach);
	if (!rc && dma_buf_domain_revoked(pages->dmabuf.attach))
		rc = -ENODEV;
	if (!rc) {
		pages->dmabuf.stays_revoked = true;
		return pages;
	}
	get_dma_buf(pages->dmabuf.attach->dmabuf);
	iopt_put_pages(pages);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_stay_revoked);

/**
 * iopt_dmabuf_gone - is it over with an import, for ever?
 * @pages: of type IOPT_ADDRESS_DMABUF
 *
 * Return: True if nothing of it will be mapped again. False can be out of date when
 * the caller sees it.
 */
bool iopt_dmabuf_gone(struct iopt_pages *pages)
{
	struct dma_buf_attachment *attach = pages->dmabuf.attach;

	return READ_ONCE(attach->dmabuf->hung_up) ||
	       (pages->dmabuf.stays_revoked && dma_buf_domain_revoked(attach));
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_gone);

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

	/* The import failed */
	if (!attach)
		return;

	dmabuf = attach->dmabuf;
	dma_buf_domain_unmap(attach);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_release);
