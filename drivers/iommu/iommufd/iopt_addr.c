// SPDX-License-Identifier: GPL-2.0-only
/*
 * Import of a range of user addresses with mappings of BARs in it.
 *
 * iommufd pins pages where memory is mapped. Where a dma-buf is mapped, as under
 * every mapping of a BAR and of an exported slice, pinning fails with EFAULT; iommufd
 * imports the dma-buf instead and cuts the range into pieces at the borders of its
 * VMAs. Each piece gets an area of its own. The call that makes the areas makes all
 * of them or none; later each can be unmapped alone.
 *
 * By far the most of what is mapped by address is memory, which must not cost more
 * than before. So iommufd tries to pin first, and looks at VMAs only after an
 * EFAULT. That costs an import two to three thousand instructions more, of fifty
 * thousand; and if one call names a BAR and memory next to it, that memory is pinned
 * twice. Otherwise the result is the same as if iommufd looked at VMAs first, because
 * the lookup finds those parts of the range that could not be pinned.
 *
 * If the IOAS has no domain, nothing is pinned yet. The call itself must then look at
 * the VMAs, because they may change before the next attach of a device. If accesses
 * (of mediated devices) use the IOAS, iommufd leaves the range as it is: accesses
 * read and write a BAR through its address, and cannot reach a dma-buf. If one task
 * detaches the last device of an IOAS while another task maps a BAR, the next attach
 * fails with EFAULT.
 *
 * One import serves all areas of an iommufd in which devices may write to the
 * dma-buf, and another one those in which they may only read it. It imports the
 * whole dma-buf, but an area covers only the part that was mapped, and cannot be
 * extended.
 *
 * The import holds the dma-buf, which does not hold the device. munmap() does not
 * affect it, as for pinned memory; a revoke and the close of the device end it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-domain.h>
#include <linux/dma-buf-mapping.h>
#include <linux/dma-buf-vma.h>
#include <linux/iommufd.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_addr.h"

/* The limit for one call. A VMM has two or three pieces per BAR. */
#define IOPT_MAX_PIECES	512

/**
 * struct iopt_share - an import that was made by address
 * @node: in &iopt_shares.imports, or empty, under the lock of that tree
 * @shares: the tree
 * @pages: the import, which owns this struct. Separate from it, because there are
 *	many iopt_pages and few have one.
 */
struct iopt_share {
	struct rb_node node;
	struct iopt_shares *shares;
	struct iopt_pages *pages;
};

struct share_key {
	const struct dma_buf *dmabuf;
	bool writable;
};

static struct iopt_pages *to_pages(const struct rb_node *node)
{
	return rb_entry(node, struct iopt_share, node)->pages;
}

static int share_cmp(const void *_key, const struct rb_node *node)
{
	const struct share_key *key = _key;
	const struct iopt_pages *pages = to_pages(node);
	const struct dma_buf *dmabuf = pages->dmabuf.attach->dmabuf;

	if (key->dmabuf != dmabuf)
		return key->dmabuf < dmabuf ? -1 : 1;
	return (int)key->writable - (int)pages->writable;
}

static int share_add_cmp(struct rb_node *node, const struct rb_node *other)
{
	const struct iopt_pages *pages = to_pages(node);
	const struct share_key key = {
		.dmabuf = pages->dmabuf.attach->dmabuf,
		.writable = pages->writable,
	};

	return share_cmp(&key, other);
}

static void take_out(struct iopt_share *share)
{
	lockdep_assert_held(&share->shares->lock);

	if (RB_EMPTY_NODE(&share->node))
		return;
	rb_erase(&share->node, &share->shares->imports);
	RB_CLEAR_NODE(&share->node);
}

/* Returns a reference, or NULL. Takes out an import that is dying or has no buffer. */
static struct iopt_pages *use_share(struct rb_node *node)
{
	struct iopt_pages *pages = to_pages(node);

	lockdep_assert_held(&pages->dmabuf.share->shares->lock);

	if (!iopt_dmabuf_gone(pages) &&
	    kref_get_unless_zero(&pages->kref))
		return pages;
	take_out(pages->dmabuf.share);
	return NULL;
}

static int make_share(struct iopt_shares *shares, struct iopt_pages *pages)
{
	struct iopt_share *share = kmalloc_obj(*share, GFP_KERNEL_ACCOUNT);

	if (!share)
		return -ENOMEM;
	RB_CLEAR_NODE(&share->node);
	share->shares = shares;
	share->pages = pages;
	pages->dmabuf.share = share;
	return 0;
}

/* Insert @pages, unless another task has inserted its own. Takes the reference. */
static struct iopt_pages *publish_share(struct iopt_shares *shares,
					struct iopt_pages *pages)
{
	struct iopt_pages *other = NULL;
	struct rb_node *node;
	int rc;

	rc = make_share(shares, pages);
	if (rc) {
		iopt_put_pages(pages);
		return ERR_PTR(rc);
	}
	scoped_guard(mutex, &shares->lock) {
		while (!other) {
			node = rb_find_add(&pages->dmabuf.share->node,
					   &shares->imports, share_add_cmp);
			if (!node)
				return pages;
			other = use_share(node);
		}
	}
	iopt_put_pages(pages);
	return other;
}

/* The existing import of @dmabuf, or a new one. Takes the reference. */
static struct iopt_pages *get_share(struct iommufd_ctx *ictx,
				    struct dma_buf *dmabuf, bool writable)
{
	const struct share_key key = { .dmabuf = dmabuf, .writable = writable };
	struct iopt_shares *shares = &ictx->shares;
	struct iopt_pages *pages = NULL;
	struct rb_node *node;

	/* Without the lock: publish_share() looks again */
	if (!data_race(RB_EMPTY_ROOT(&shares->imports))) {
		guard(mutex)(&shares->lock);
		node = rb_find(&key, &shares->imports, share_cmp);
		if (node)
			pages = use_share(node);
	}
	if (pages) {
		dma_buf_put(dmabuf);
		return pages;
	}

	pages = iopt_alloc_dmabuf_pages(ictx, dmabuf, 0, 0, dmabuf->size,
					writable);
	if (IS_ERR(pages)) {
		dma_buf_put(dmabuf);
		return pages;
	}
	return publish_share(shares, pages);
}

/**
 * iopt_share_end - remove an import by address from the tree
 * @pages: the import, about to be released, of a dma-buf
 *
 * The iommufd, which the tree is a part of, outlives its IOASes.
 */
void iopt_share_end(struct iopt_pages *pages)
{
	struct iopt_share *share = pages->dmabuf.share;

	if (!share)
		return;
	scoped_guard(mutex, &share->shares->lock)
		take_out(share);
	kfree(share);
}

/**
 * struct cut - a range of user addresses that is being cut into pieces
 * @ictx: the iommufd
 * @uptr: start of the range
 * @writable: devices are to write there
 * @first: room for the first piece, so that a range of one piece allocates none
 * @pieces: list of the pieces so far, of &struct iopt_pages_list
 * @nr: number of pieces in the list
 */
struct cut {
	struct iommufd_ctx *ictx;
	void __user *uptr;
	bool writable;
	struct iopt_pages_list *first;
	struct list_head *pieces;
	unsigned int nr;
};

/* Takes the reference on @pages. Extends the last piece if @pages continues it. */
static int add_piece(struct cut *cut, struct iopt_pages *pages,
		     unsigned long start_byte, unsigned long length)
{
	struct iopt_pages_list *elm = cut->first;

	if (cut->nr) {
		elm = list_last_entry(cut->pieces, struct iopt_pages_list, next);
		if (elm->pages == pages &&
		    elm->start_byte + elm->length == start_byte) {
			elm->length += length;
			iopt_put_pages(pages);
			return 0;
		}
		elm = NULL;
		if (cut->nr < IOPT_MAX_PIECES)
			elm = kmalloc_obj(*elm, GFP_KERNEL_ACCOUNT);
	}

	if (!elm) {
		iopt_put_pages(pages);
		return cut->nr < IOPT_MAX_PIECES ? -ENOMEM : -E2BIG;
	}
	*elm = (struct iopt_pages_list){
		.pages = pages,
		.start_byte = start_byte,
		.length = length,
	};
	list_add_tail(&elm->next, cut->pieces);
	cut->nr++;
	return 0;
}

/* The part outside of dma-bufs: iommufd will pin it, or fail to */
static int add_user(struct cut *cut, unsigned long from, unsigned long length)
{
	void __user *uptr = cut->uptr + from;
	struct iopt_pages *pages;

	pages = iopt_alloc_user_pages(uptr, length, cut->writable);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	if (cut->ictx->account_mode == IOPT_PAGES_ACCOUNT_MM &&
	    pages->account_mode == IOPT_PAGES_ACCOUNT_USER)
		pages->account_mode = IOPT_PAGES_ACCOUNT_MM;
	return add_piece(cut, pages, uptr - pages->uptr, length);
}

/* As for memory: if user space may write, devices may read as well */
static int check_access(const struct cut *cut, const struct dma_buf_vma *vma)
{
	if (cut->writable && !dma_buf_domain_may_write(vma->dmabuf))
		return -EPERM;
	return (cut->writable ? vma->writable : vma->readable) ? 0 : -EFAULT;
}

/* Takes the reference on the dma-buf */
static int add_dmabuf(struct cut *cut, const struct dma_buf_vma *vma)
{
	struct iopt_pages *pages;
	int rc;

	rc = check_access(cut, vma);
	if (rc) {
		dma_buf_put(vma->dmabuf);
		return rc;
	}
	pages = get_share(cut->ictx, vma->dmabuf, cut->writable);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	return add_piece(cut, pages, vma->offset, vma->length);
}

/*
 * Cut a range of addresses into pieces of memory and pieces of dma-bufs. Returns
 * -ENOENT if there are no dma-bufs. The caller owns the pieces that are in the list,
 * after any error as well. The first one, if there is any, is in @first.
 */
VISIBLE_IF_KUNIT int iopt_cut_range(struct iommufd_ctx *ictx, void __user *uptr,
				    unsigned long length, bool writable,
				    struct iopt_pages_list *first,
				    struct list_head *pieces)
{
	struct cut cut = {
		.ictx = ictx,
		.uptr = uptr,
		.writable = writable,
		.first = first,
		.pieces = pieces,
	};
	unsigned long done = 0;
	struct dma_buf_vma vma;
	int rc;

	if (!length)
		return -ENOENT;
	for (;;) {
		rc = dma_buf_find_vma((unsigned long)uptr + done, length - done,
				      &vma);
		if (rc == -ENOENT && done)
			return add_user(&cut, done, length - done);
		if (rc)
			return rc;

		if (vma.skip)
			rc = add_user(&cut, done, vma.skip);
		if (rc) {
			dma_buf_put(vma.dmabuf);
			return rc;
		}
		rc = add_dmabuf(&cut, &vma);
		if (rc)
			return rc;
		done += vma.skip + vma.length;
		if (done >= length)
			return 0;

		/* One turn for each VMA, several of which may become one piece */
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
}
EXPORT_SYMBOL_IF_KUNIT(iopt_cut_range);

VISIBLE_IF_KUNIT void iopt_free_pieces(struct iopt_pages_list *first,
				       struct list_head *pieces)
{
	if (list_empty(pieces))
		return;
	list_del(&first->next);
	if (first->area)
		iopt_abort_area(first->area);
	if (first->pages)
		iopt_put_pages(first->pages);
	iopt_free_pages_list(pieces);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_free_pieces);

/**
 * iopt_map_bars - map a range of user addresses in which there are BARs
 * @ictx: the iommufd that @iopt is part of
 * @iopt: the io_pagetable
 * @iova: as for iopt_map_user_pages()
 * @uptr: start of the range
 * @length: length of the range, in bytes
 * @iommu_prot: IOMMU_READ, IOMMU_WRITE and so on
 * @flags: IOPT_ALLOC_IOVA or zero
 *
 * Return: 0; -EFAULT if the range has no dma-buf, or one that cannot be imported by
 * address, or if user space may not make the accesses that devices are to make;
 * -EPERM if the exporter allows no device to write to a dma-buf, -ENODEV if a dma-buf
 * is revoked permanently, -EAGAIN if one without a share is revoked for a time, -E2BIG
 * if there are too many pieces, or another error of an import or of
 * iopt_map_user_pages().
 */
int iopt_map_bars(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		  unsigned long *iova, void __user *uptr, unsigned long length,
		  int iommu_prot, unsigned int flags)
{
	struct iopt_pages_list first;
	LIST_HEAD(pieces);
	int rc;

	rc = iopt_cut_range(ictx, uptr, length, iommu_prot & IOMMU_WRITE,
			    &first, &pieces);
	WRITE_ONCE(ictx->shares.expected, !rc);
	if (!rc)
		rc = iopt_map_pages(iopt, &pieces, length, iova, iommu_prot,
				    flags);
	iopt_free_pieces(&first, &pieces);
	/* User space has always seen EFAULT for what devices cannot reach */
	return rc == -ENOENT || rc == -EOPNOTSUPP ? -EFAULT : rc;
}

/**
 * iopt_map_bars_first - look for BARs before anything is pinned
 * @ictx: the iommufd that @iopt is part of
 * @iopt: the io_pagetable
 * @iova: as for iopt_map_user_pages()
 * @uptr: start of the range
 * @length: length of the range, in bytes
 * @iommu_prot: IOMMU_READ, IOMMU_WRITE and so on
 * @flags: IOPT_ALLOC_IOVA or zero
 *
 * Looking for BARs takes a walk through the VMAs. This call walks if @iopt has
 * neither domains nor accesses, so that nothing would be pinned now, or if the last
 * range had BARs.
 * Otherwise the caller pins first and calls iopt_map_bars() after a failure.
 *
 * Return: -EFAULT if the caller is to map the range as memory: because @iopt has
 * domains, or accesses, and the last range had no BARs; or because of what the range
 * has, for which pinning returns its usual error. Else 0, -ENOMEM, -EAGAIN or
 * -ERESTARTSYS while a device is away, or -EINTR if the task was killed.
 */
int iopt_map_bars_first(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
			unsigned long *iova, void __user *uptr,
			unsigned long length, int iommu_prot,
			unsigned int flags)
{
	int rc;

	if ((!xa_empty(&iopt->domains) || !xa_empty(&iopt->access_list)) &&
	    !READ_ONCE(ictx->shares.expected))
		return -EFAULT;
	rc = iopt_map_bars(ictx, iopt, iova, uptr, length, iommu_prot, flags);
	switch (rc) {
	case 0:
	case -ENOMEM:
	case -EAGAIN:
	case -EINTR:
	case -ERESTARTSYS:
		return rc;
	default:
		return -EFAULT;
	}
}
