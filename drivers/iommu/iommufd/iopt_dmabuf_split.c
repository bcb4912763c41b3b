// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cuts an area of a dma-buf in two, which VFIO's type1 allows.
 *
 * In each domain the area's span becomes two spans, one for each new area. The
 * domain does not change: such an IOAS maps small pages only, so that each half can
 * be unmapped without the other.
 */
#include <linux/dma-buf-domain.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "iopt_addr.h"
#include "iopt_dmabuf.h"

/**
 * iopt_dmabuf_prepare_split - get ready to cut an area
 * @area: the area; nothing is done if it is not of a dma-buf
 * @rhs: the new area for its second part, which takes the new tracks
 *
 * Context: The caller holds &iopt_pages.mutex from here to iopt_dmabuf_split() or
 * iopt_dmabuf_abort_split(), and holds the iova_rwsem for writing, so that no domain
 * is added or removed.
 *
 * Return: 0, or -ENOMEM with nothing to undo.
 */
int iopt_dmabuf_prepare_split(struct iopt_area *area, struct iopt_area *rhs)
{
	struct iopt_dmabuf_track *track, *new;

	lockdep_assert_held(&area->pages->mutex);

	hlist_for_each_entry(track, &area->dmabuf_tracks, elm) {
		new = kzalloc_obj(*new, GFP_KERNEL_ACCOUNT);
		if (!new) {
			iopt_dmabuf_abort_split(rhs);
			return -ENOMEM;
		}
		hlist_add_head(&new->elm, &rhs->dmabuf_tracks);
	}
	return 0;
}

/**
 * iopt_dmabuf_abort_split - undo iopt_dmabuf_prepare_split()
 * @rhs: as passed to iopt_dmabuf_prepare_split()
 */
void iopt_dmabuf_abort_split(struct iopt_area *rhs)
{
	struct iopt_dmabuf_track *track;
	struct hlist_node *next;

	hlist_for_each_entry_safe(track, next, &rhs->dmabuf_tracks, elm) {
		hlist_del(&track->elm);
		kfree(track);
	}
}

/**
 * iopt_dmabuf_split - cut an area
 * @area: the area, which is about to be freed
 * @lhs: the new area for its first part, whose length is the offset of the cut
 * @rhs: as passed to iopt_dmabuf_prepare_split()
 */
void iopt_dmabuf_split(struct iopt_area *area, struct iopt_area *lhs,
		       struct iopt_area *rhs)
{
	struct iopt_dmabuf_track *track, *new;

	lockdep_assert_held(&area->pages->mutex);

	new = hlist_entry_safe(rhs->dmabuf_tracks.first, struct iopt_dmabuf_track,
			       elm);
	hlist_for_each_entry(track, &area->dmabuf_tracks, elm) {
		dma_buf_domain_split(area->pages->dmabuf.attach, &track->span,
				     iopt_area_length(lhs), &new->span);
		new = hlist_entry_safe(new->elm.next, struct iopt_dmabuf_track,
				       elm);
	}
	hlist_move_list(&area->dmabuf_tracks, &lhs->dmabuf_tracks);
}
