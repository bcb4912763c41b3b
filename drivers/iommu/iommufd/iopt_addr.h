/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User addresses that are mappings of dma-bufs, see iopt_addr.c
 */
#ifndef __IOPT_ADDR_H
#define __IOPT_ADDR_H

#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct dma_buf;
struct io_pagetable;
struct iommufd_ctx;
struct iopt_area;
struct iopt_pages;
struct iopt_pages_list;
struct list_head;

/**
 * struct iopt_shares - dma-bufs that were imported by address
 * @lock: protects @imports. A holder waits for nothing.
 * @imports: the iopt_pages, each of a whole dma-buf, by dma-buf and by whether
 *	devices may write. Not referenced: the release of an iopt_pages removes it.
 *	Whether there are any is also read without @lock, as a hint.
 * @expected: the last range of addresses that was searched had dma-bufs in it, so
 *	that the next one is searched before its pages are pinned. A guess, under
 *	no lock.
 */
struct iopt_shares {
	struct mutex lock; /* the lock of the tree */
	struct rb_root imports;
	bool expected;
};

static inline void iopt_shares_init(struct iopt_shares *shares)
{
	mutex_init(&shares->lock);
	shares->imports = RB_ROOT;
	shares->expected = false;
}

/* io_pagetable.c */
void iopt_abort_area(struct iopt_area *area);

/* Without CONFIG_DMA_SHARED_BUFFER no import exists, and no call is compiled */
void iopt_share_end(struct iopt_pages *pages);

#ifdef CONFIG_DMA_SHARED_BUFFER
int iopt_map_bars(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
		  unsigned long *iova, void __user *uptr, unsigned long length,
		  int iommu_prot, unsigned int flags);
int iopt_map_bars_first(struct iommufd_ctx *ictx, struct io_pagetable *iopt,
			unsigned long *iova, void __user *uptr,
			unsigned long length, int iommu_prot,
			unsigned int flags);

/* iopt_dmabuf_split.c */
int iopt_dmabuf_prepare_split(struct iopt_area *area, struct iopt_area *rhs);
void iopt_dmabuf_abort_split(struct iopt_area *rhs);
void iopt_dmabuf_split(struct iopt_area *area, struct iopt_area *lhs,
		       struct iopt_area *rhs);
#else
static inline int iopt_map_bars(struct iommufd_ctx *ictx,
				struct io_pagetable *iopt, unsigned long *iova,
				void __user *uptr, unsigned long length,
				int iommu_prot, unsigned int flags)
{
	return -EFAULT;
}

static inline int iopt_map_bars_first(struct iommufd_ctx *ictx,
				      struct io_pagetable *iopt,
				      unsigned long *iova, void __user *uptr,
				      unsigned long length, int iommu_prot,
				      unsigned int flags)
{
	return -EFAULT;
}

static inline int iopt_dmabuf_prepare_split(struct iopt_area *area,
					    struct iopt_area *rhs)
{
	return 0;
}

static inline void iopt_dmabuf_abort_split(struct iopt_area *rhs)
{
}

static inline void iopt_dmabuf_split(struct iopt_area *area,
				     struct iopt_area *lhs,
				     struct iopt_area *rhs)
{
}
#endif

#if IS_ENABLED(CONFIG_KUNIT)
int iopt_cut_range(struct iommufd_ctx *ictx, void __user *uptr,
		   unsigned long length, bool writable,
		   struct iopt_pages_list *first, struct list_head *pieces);
void iopt_free_pieces(struct iopt_pages_list *first, struct list_head *pieces);
#endif

#endif
