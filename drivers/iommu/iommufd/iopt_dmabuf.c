// SPDX-License-Identifier: GPL-2.0-only
/*
 * iommufd as a dma-buf importer.
 *
 * iommufd manages domains, and the dma-buf core maps buffers into domains: the
 * import negotiates the DOMAIN mapping type and no other. The core pins and maps the
 * buffer when the iopt_pages is made. The buffer stays mapped until the exporter
 * revokes it or the iopt_pages is released.
 *
 * If the exporter revokes the buffer for a time, the core maps it again when that is
 * over, in all domains that it is in by then, and user space does not notice. If the
 * core fails to do so, iommufd signals the eventfd that user space has set, see
 * iopt_dmabuf_event.c. User space can decline this with
 * IOMMU_IOAS_MAP_STAY_REVOKED, and has to import the buffer again then. It has to
 * import again in any case if the exporter has revoked the buffer permanently.
 *
 * Each pair of an area and a domain has a track, with the span that the core
 * fills. iommufd sees no physical address, and never reads the pages of a dma-buf
 * back from a domain.
 *
 * Locking: &iopt_pages.mutex protects the tracks of an area, and nests outside of
 * the lock with which the core fills and clears spans. No task holds
 * &iopt_pages.mutex while it fills a span, which may take long. A revoke takes the
 * core's lock only.
 */
#include <linux/dma-buf-domain.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

/* The span belongs to an area of the IOAS; the IOAS exists as long as the area */
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
		/* Type1 cuts areas at any page: see batch_iommu_map_small() */
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

	/* Refuse even if the buffer is revoked: the error must not depend on that */
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
 * @domain: the domain. No other task fills or empties it with @area.
 *
 * If the dma-buf is revoked, this succeeds and maps nothing, or not all of the area.
 * This holds for a permanent revoke as well: a task that attaches a device to an IOAS
 * did not ask for this area, and an exporter that has revoked a buffer must not make
 * the attach fail.
 *
 * Context: May sleep. The caller holds the domains_rwsem of the area's io_pagetable
 * for writing, and does not hold &iopt_pages.mutex.
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
	/* Only holders of the domains_rwsem for writing change it */
	if (!area->storage_domain)
		publish(pages, area, domain);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_fill_domain);

/**
 * iopt_dmabuf_fill_domains - put a new area into all domains of its IOAS
 * @area: the area, whose pages are not set yet, so that no other task uses it
 * @pages: its pages, of a dma-buf
 *
 * Context: May sleep. The caller holds the domains_rwsem of the area's io_pagetable,
 * which has at least one domain, and does not hold &iopt_pages.mutex.
 *
 * Return: As iopt_dmabuf_fill_domain().
 */
int iopt_dmabuf_fill_domains(struct iopt_area *area, struct iopt_pages *pages)
{
	struct io_pagetable *iopt = area->iopt;
	unsigned long index;
	int rc;

	/* The slots have no gaps. A search for one more would look at all slots. */
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
 * @domain: the domain that the area is in
 *
 * Context: The caller holds &iopt_pages.mutex.
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
 * @area: the area, whose pages the caller has cleared
 * @pages: the pages, of a dma-buf
 *
 * Context: May sleep. The caller does not hold &iopt_pages.mutex.
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
 * @pages: of type IOPT_ADDRESS_DMABUF, not yet visible to other tasks, its start set
 * @dmabuf: the dma-buf. On success @pages owns the caller's reference.
 *
 * Context: May sleep. The caller does not hold the reservation lock of @dmabuf.
 *
 * Return: 0; -EOPNOTSUPP if the exporter offers nothing for domains, -EPERM if
 * devices may not write to the dma-buf and @pages is writable, -ENODEV if the dma-buf
 * is revoked permanently, -EAGAIN if it is revoked for a time, -ENOMEM, -EINTR if the
 * task was killed, or an error of the exporter. If the exporter revokes the dma-buf
 * during the call, the call may succeed, as if the revoke had come later. After an
 * error iopt_dmabuf_release() of @pages does nothing.
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
 * iopt_dmabuf_stay_revoked - do not map an import again after an outage
 * @pages: the result of an import, an iopt_pages without areas or an ERR_PTR
 *
 * For such an import a dma-buf that is away for a time is as good as gone, and the
 * error is the same.
 *
 * Context: May sleep, killable. Takes the reservation lock of the buffer.
 *
 * Return: @pages; or -ENODEV, or -EINTR if the task was killed, as an ERR_PTR, in
 * which case the caller owns the reference on the dma-buf again.
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
 * iopt_dmabuf_gone - is an import empty for good?
 * @pages: of type IOPT_ADDRESS_DMABUF
 *
 * Return: True if nothing of it will be mapped again. False may be out of date when
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
 * Context: May sleep. The caller does not hold the reservation lock of the dma-buf.
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
