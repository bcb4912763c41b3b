// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-combining slices on x86.
 *
 * The kernel keeps one memory type for every page, because a CPU must not use
 * two: a mapping silently gets the type that the page has, not the one that it
 * asks for. So vfio-pci makes the pages of a slice write-combining, for all of
 * their mappings, or refuses the request:
 *
 * - The kernel's own mapping of the BAR, which is uncached, has to go.
 * - All page tables are cleared while the type changes, and faults wait as in a
 *   transition. Importers are not concerned, because only CPUs have types.
 * - Until the type changes again, every mapping of such a page has that type,
 *   whatever it was made for: also that of the device's file, which the owner
 *   continues to use, and those of other slices. A mapping that was made for
 *   write-combining is uncached where the page is.
 *
 * Other code must not map these pages either: sysfs would map a BAR of which a
 * part is write-combining as write-combining as a whole. So the BAR is
 * exclusive to vfio-pci meanwhile, which a kernel with STRICT_DEVMEM enforces.
 * On other kernels root gets such mappings, and the kernel's own mapping waits
 * for their end, see vfio_pci_barmap_return().
 *
 * The type is given back as it was taken, with all page tables cleared, because
 * any mapping can have it: at once when the owner sets it back or revokes the
 * slice, soon after the release of the buffer, by a worker, and at the close of
 * the device, when there are no mappings.
 */
#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_barmap.h"
#include "vfio_pci_transition.h"
#include "vfio_pci_wc.h"

/* The kernel's allocation for each range is not charged to a user */
#define VFIO_PCI_WC_MAX_RANGES	64

/**
 * struct vfio_pci_wc - pages that have been made write-combining
 * @elm: in &vfio_pci_bars.wc.left, under its lock, after a buffer has given it
 *	up
 * @bar: index of the BAR that they are in
 * @nr: number of ranges
 * @phys: the ranges
 */
struct vfio_pci_wc {
	struct list_head elm;
	unsigned int bar;
	size_t nr;
	struct phys_vec phys[] __counted_by(nr);
};

/**
 * vfio_pci_wc_same - do page frames have one type?
 * @bars: the BARs that they are in, of which a page may be write-combining
 * @pfn: the first page frame
 * @order: order of their number
 *
 * Return: %true if a huge page can map them.
 */
bool vfio_pci_wc_same(struct vfio_pci_bars *bars, unsigned long pfn,
		      unsigned int order)
{
	pgprot_t prot = pgprot_noncached(PAGE_SHARED);

	lockdep_assert_held_read(&bars->gate);

	/* Looks up each page, which takes too long above PMD_ORDER */
	return order <= PMD_ORDER &&
	       !pfnmap_setup_cachemode(pfn, PAGE_SIZE << order, &prot);
}

static void vfio_pci_wc_free(const struct vfio_pci_wc *wc, size_t nr)
{
	while (nr--)
		arch_io_free_memtype_wc(wc->phys[nr].paddr, wc->phys[nr].len);
}

static bool vfio_pci_wc_reserve_range(const struct phys_vec *phys)
{
	pgprot_t wc = pgprot_writecombine(PAGE_SHARED);
	pgprot_t prot = wc;

	if (arch_io_reserve_memtype_wc(phys->paddr, phys->len))
		return false;
	/* All of the range may have the type that other code gave to a part */
	if (!pfnmap_setup_cachemode(PHYS_PFN(phys->paddr), PAGE_SIZE, &prot) &&
	    pgprot_val(prot) == pgprot_val(wc))
		return true;
	arch_io_free_memtype_wc(phys->paddr, phys->len);
	return false;
}

static int vfio_pci_wc_reserve(const struct vfio_pci_wc *wc)
{
	size_t i;

	for (i = 0; i < wc->nr; i++) {
		if (!vfio_pci_wc_reserve_range(&wc->phys[i])) {
			vfio_pci_wc_free(wc, i);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* The PCI core maps the table of MSI-X, uncached, at any time */
static bool vfio_pci_wc_has_msix(struct vfio_pci_core_device *vdev,
				 const struct vfio_pci_dma_buf *buf)
{
	u64 start = pci_resource_start(vdev->pdev, buf->bar) + vdev->msix_offset;
	u64 end = PAGE_ALIGN(start + vdev->msix_size);
	size_t i;

	if (buf->bar != vdev->msix_bar)
		return false;
	start = ALIGN_DOWN(start, PAGE_SIZE);
	for (i = 0; i < buf->map.nr; i++) {
		const struct phys_vec *phys = &buf->map.phys[i];

		if (phys->paddr < end && start < phys->paddr + phys->len)
			return true;
	}
	return false;
}

/*
 * Keep sysfs and procfs from mapping a BAR while a slice of it is
 * write-combining. vfio-pci owns the region from the enabling of the device on.
 */
static void vfio_pci_wc_exclude(struct pci_dev *pdev, unsigned int bar, bool on)
{
	struct resource *region = pci_resource_n(pdev, bar)->child;

	if (WARN_ON_ONCE(!region))
		return;
	if (on)
		region->flags |= IORESOURCE_EXCLUSIVE;
	else
		region->flags &= ~IORESOURCE_EXCLUSIVE;
}

static struct vfio_pci_wc *vfio_pci_wc_alloc(struct vfio_pci_dma_buf *buf)
{
	const struct vfio_pci_slice_map *map = &buf->map;
	struct vfio_pci_wc *wc;

	wc = kmalloc(struct_size(wc, phys, map->nr), GFP_KERNEL_ACCOUNT);
	if (!wc)
		return NULL;
	INIT_LIST_HEAD(&wc->elm);
	wc->bar = buf->bar;
	wc->nr = map->nr;
	memcpy(wc->phys, map->phys, flex_array_size(wc, phys, wc->nr));
	return wc;
}

static int vfio_pci_wc_take_pages(struct vfio_pci_dma_buf *buf,
				  struct vfio_pci_wc *wc)
{
	struct vfio_pci_bars *bars = buf->bars;
	int ret;

	ret = vfio_pci_wc_reserve(wc);
	if (ret)
		return ret;

	guard(mutex)(&bars->lock);
	if (buf->life != VFIO_PCI_DMA_BUF_LIVE) {
		vfio_pci_wc_free(wc, wc->nr);
		return -EBADFD;
	}
	WRITE_ONCE(buf->wc, wc);
	WRITE_ONCE(bars->wc.nr_in[wc->bar], bars->wc.nr_in[wc->bar] + 1);
	WRITE_ONCE(bars->wc.nr, bars->wc.nr + 1);
	return 0;
}

static int vfio_pci_wc_take(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_dma_buf *buf,
			    struct vfio_pci_wc *wc)
{
	int ret;

	if (!vfio_pci_barmap_drop(vdev, buf->bar))
		return -EOPNOTSUPP;

	scoped_guard(mutex, &buf->bars->lock)
		vfio_pci_wc_exclude(vdev->pdev, buf->bar, true);
	ret = vfio_pci_wc_take_pages(buf, wc);
	if (!ret)
		return 0;
	guard(mutex)(&buf->bars->lock);
	if (!buf->bars->wc.nr_in[buf->bar])
		vfio_pci_wc_exclude(vdev->pdev, buf->bar, false);
	return ret;
}

/* Allocates before the transition, because faults wait during it */
static int vfio_pci_wc_begin(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_wc *wc;
	int ret;

	if (buf->map.nr > VFIO_PCI_WC_MAX_RANGES ||
	    vfio_pci_wc_has_msix(vdev, buf))
		return -EOPNOTSUPP;
	wc = vfio_pci_wc_alloc(buf);
	if (!wc)
		return -ENOMEM;

	down_write(&vdev->memory_lock);
	vfio_pci_bars_pause(vdev);
	ret = vfio_pci_wc_take(vdev, buf, wc);
	vfio_pci_start_bars_and_unlock(vdev);
	if (ret)
		kfree(wc);
	return ret;
}

/* Called while no page table has a page of any BAR, and none can get one */
static void vfio_pci_wc_give_back(struct vfio_pci_core_device *vdev,
				  struct vfio_pci_bars *bars,
				  struct vfio_pci_wc *wc)
{
	unsigned int *nr = &bars->wc.nr_in[wc->bar];

	lockdep_assert_held(&bars->lock);

	vfio_pci_wc_free(wc, wc->nr);
	/* The close does this for all slices: the device is still open */
	if (*nr == 1)
		vfio_pci_wc_exclude(vdev->pdev, wc->bar, false);
	/* Ordered last: at 0 vfio_pci_barmap_return() may map the BAR */
	smp_store_release(nr, *nr - 1);
	WRITE_ONCE(bars->wc.nr, bars->wc.nr - 1);
	kfree(wc);
}

/* The buffer's pages are to be given back */
static void vfio_pci_wc_leave(struct vfio_pci_dma_buf *buf)
{
	lockdep_assert_held(&buf->bars->lock);

	if (!buf->wc)
		return;
	list_add_tail(&buf->wc->elm, &buf->bars->wc.left);
	WRITE_ONCE(buf->wc, NULL);
}

static void vfio_pci_wc_give_back_left(struct vfio_pci_core_device *vdev,
				       struct vfio_pci_bars *bars)
{
	struct vfio_pci_wc *wc, *next;

	lockdep_assert_held(&bars->lock);

	list_for_each_entry_safe(wc, next, &bars->wc.left, elm)
		vfio_pci_wc_give_back(vdev, bars, wc);
	INIT_LIST_HEAD(&bars->wc.left);
}

/* Give back what is left, in a transition that does not concern importers */
static void vfio_pci_wc_clean(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vdev->bars;

	lockdep_assert_held_write(&bars->iomap.lock);
	lockdep_assert_held_write(&vdev->memory_lock);

	if (list_empty(&bars->wc.left))
		return;
	vfio_pci_bars_pause(vdev);
	scoped_guard(mutex, &bars->lock)
		vfio_pci_wc_give_back_left(vdev, bars);
	vfio_pci_bars_start(vdev);
}

/* The caller is work that the close waits for, or has the device open */
static int vfio_pci_wc_return(struct vfio_pci_bars *bars, bool killable)
{
	struct vfio_pci_core_device *vdev = bars->vdev;

	if (!killable)
		down_write(&bars->iomap.lock);
	else if (down_write_killable(&bars->iomap.lock))
		return -EINTR;
	if (!killable)
		down_write(&vdev->memory_lock);
	else if (down_write_killable(&vdev->memory_lock))
		goto err_unlock;
	if (READ_ONCE(bars->state) != VFIO_PCI_BARS_CLOSED)
		vfio_pci_wc_clean(vdev);
	up_write(&vdev->memory_lock);
	up_write(&bars->iomap.lock);
	return 0;

err_unlock:
	up_write(&bars->iomap.lock);
	return -EINTR;
}

static void vfio_pci_wc_work(struct work_struct *work)
{
	vfio_pci_wc_return(container_of(work, struct vfio_pci_bars, wc.work),
			   false);
}

/**
 * vfio_pci_wc_init - initialize the write-combining state of a device
 * @bars: its BARs
 */
void vfio_pci_wc_init(struct vfio_pci_bars *bars)
{
	INIT_LIST_HEAD(&bars->wc.left);
	INIT_WORK(&bars->wc.work, vfio_pci_wc_work);
}

/**
 * vfio_pci_wc_revoked - has a revoked slice a type to give back?
 * @buf: the slice
 *
 * Does not count other slices, whose type a worker gives back.
 *
 * Return: %true if it had one when the revoke began.
 */
bool vfio_pci_wc_revoked(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);
	if (buf->wc)
		buf->wc_revoked = true;
	vfio_pci_wc_leave(buf);
	return buf->wc_revoked;
}

/**
 * vfio_pci_wc_revoke - give back the type of a revoked slice
 * @buf: the slice
 * @killable: give up when the task is killed
 *
 * Context: The close of the device waits for the caller.
 *
 * Return: 0 or -EINTR.
 */
int vfio_pci_wc_revoke(struct vfio_pci_dma_buf *buf, bool killable)
{
	if (!vfio_pci_wc_revoked(buf))
		return 0;
	return vfio_pci_wc_return(buf->bars, killable);
}

static void vfio_pci_wc_leave_later(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_bars *bars = buf->bars;

	if (!READ_ONCE(buf->wc))
		return;
	guard(mutex)(&bars->lock);
	vfio_pci_wc_leave(buf);
	/* If CLOSED, the close does it, and no work may be queued later */
	if (bars->state != VFIO_PCI_BARS_CLOSED)
		schedule_work(&bars->wc.work);
}

/**
 * vfio_pci_wc_release - &dma_buf_ops.release of slices, whose VMAs are gone
 * @dmabuf: the slice
 */
void vfio_pci_wc_release(struct dma_buf *dmabuf)
{
	/* Before the release hides the buffer from the close of the device */
	vfio_pci_wc_leave_later(dmabuf->priv);
	vfio_pci_dma_buf_release(dmabuf);
}

/**
 * vfio_pci_wc_close_buf - give up the type of a slice at the close of its
 * device
 * @buf: the slice
 *
 * To be followed by vfio_pci_wc_close().
 */
void vfio_pci_wc_close_buf(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);
	vfio_pci_wc_leave(buf);
}

/**
 * vfio_pci_wc_close - give back all types
 * @vdev: the device, about to be disabled. Its BARs are CLOSED, and no page
 *	table has a page of them.
 */
void vfio_pci_wc_close(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_bars *bars = vdev->bars;

	guard(mutex)(&bars->lock);
	vfio_pci_wc_give_back_left(vdev, bars);
}

static void vfio_pci_wc_end(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_dma_buf *buf)
{
	scoped_guard(mutex, &buf->bars->lock)
		vfio_pci_wc_leave(buf);
	down_write(&vdev->memory_lock);
	vfio_pci_wc_clean(vdev);
	up_write(&vdev->memory_lock);
}

/**
 * vfio_pci_wc_set - choose how a slice is mapped
 * @vdev: the device, open
 * @buf: the slice, which can be mapped
 * @wc: write-combining, or else uncached
 *
 * Return: 0 or -errno. On failure the slice is as it was.
 */
int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
		    struct vfio_pci_dma_buf *buf, bool wc)
{
	int ret;

	ret = vfio_pci_dma_buf_prepare_map(buf);
	if (ret)
		return ret;
	if (down_write_killable(&buf->bars->iomap.lock))
		return -EINTR;

	/* A revoke may change it once more, after which it does not matter */
	if (wc && !READ_ONCE(buf->wc))
		ret = vfio_pci_wc_begin(vdev, buf);
	else if (!wc && READ_ONCE(buf->wc))
		vfio_pci_wc_end(vdev, buf);
	if (!ret)
		WRITE_ONCE(buf->want_wc, wc);
	up_write(&buf->bars->iomap.lock);
	return ret;
}
