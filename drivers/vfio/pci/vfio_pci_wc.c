// SPDX-License-Identifier: GPL-2.0-only
/*
 * Write-combining slices on x86.
 *
 * The kernel keeps one memory type for every page, because a CPU must not be
 * given two: what a mapping asks for is silently replaced by what the page has.
 * So the pages of a slice have to be made write-combining, for all of their
 * mappings, or the request be refused:
 *
 * - The kernel's own mapping of the BAR, which is uncached, has to go.
 * - All page tables are cleared while the type changes, and faults wait as in a
 *   transition. Importers are not concerned, a type is a CPU's affair.
 * - A fault compares the type that the page has with the one that the VMA was
 *   made for. Where they differ there is no mapping but a SIGBUS. Nor is there
 *   one if it is another slice that made the page write-combining: that one
 *   gives the type back without regard to this one's page tables.
 *
 * What is not our mapping must not get at these pages either: sysfs would map a
 * BAR of which a part is write-combining as write-combining all over. So the BAR
 * is exclusive to us meanwhile, which a kernel with STRICT_DEVMEM enforces.
 * Elsewhere root gets what it asks for, and the kernel's own mapping waits for the
 * end of that, see vfio_pci_barmap_return().
 *
 * The type is given back when no page table can have it any more: at a revoke,
 * at the close of the device and at the release of the buffer.
 */
#include <linux/dma-buf.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include "vfio_pci_bars.h"
#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"
#include "vfio_pci_wc.h"

/* For each the kernel allocates something which it charges to nobody */
#define VFIO_PCI_WC_MAX_RANGES	64

static bool vfio_pci_wc_vma(struct vm_area_struct *vma)
{
	return pgprot_val(vma->vm_page_prot) ==
	       pgprot_val(pgprot_writecombine(vma->vm_page_prot));
}

/**
 * vfio_pci_wc_allows - may page frames be mapped in a VMA?
 * @buf: the buffer, of which faults are being handled: it is not revoked
 * @vma: the VMA
 * @pfn: the first page frame
 * @order: of their number
 *
 * Return: %true if all of them have the type that the VMA was made for, and
 * keep it as long as they are mapped.
 */
bool vfio_pci_wc_allows(struct vfio_pci_dma_buf *buf,
			struct vm_area_struct *vma, unsigned long pfn,
			unsigned int order)
{
	pgprot_t prot = vma->vm_page_prot;

	lockdep_assert_held_read(&buf->bars->gate);

	/* Each page is looked up, which is too much for the largest */
	if (order > PMD_ORDER)
		return false;
	if (vfio_pci_wc_vma(vma) && !READ_ONCE(buf->wc))
		return false;
	return !pfnmap_setup_cachemode(pfn, PAGE_SIZE << order, &prot) &&
	       pgprot_val(prot) == pgprot_val(vma->vm_page_prot);
}

static void vfio_pci_wc_free(const struct vfio_pci_slice_map *map, size_t nr)
{
	while (nr--)
		arch_io_free_memtype_wc(map->phys[nr].paddr, map->phys[nr].len);
}

static bool vfio_pci_wc_reserve_range(const struct phys_vec *phys)
{
	pgprot_t wc = pgprot_writecombine(PAGE_SHARED);
	pgprot_t prot = wc;

	if (arch_io_reserve_memtype_wc(phys->paddr, phys->len))
		return false;
	/* Or all of it got the type that somebody else gave to a part */
	if (!pfnmap_setup_cachemode(PHYS_PFN(phys->paddr), PAGE_SIZE, &prot) &&
	    pgprot_val(prot) == pgprot_val(wc))
		return true;
	arch_io_free_memtype_wc(phys->paddr, phys->len);
	return false;
}

static int vfio_pci_wc_reserve(const struct vfio_pci_slice_map *map)
{
	size_t i;

	for (i = 0; i < map->nr; i++) {
		if (!vfio_pci_wc_reserve_range(&map->phys[i])) {
			vfio_pci_wc_free(map, i);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

/* The PCI core maps the table of MSI-X, uncached, when it wants to */
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
 * While a slice of the BAR is write-combining nobody maps the BAR by way of sysfs
 * or procfs. The region is ours from the enabling of the device on.
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

static int vfio_pci_wc_take_pages(struct vfio_pci_dma_buf *buf)
{
	unsigned int *nr = &buf->bars->nr_wc_in[buf->bar];
	int ret;

	ret = vfio_pci_wc_reserve(&buf->map);
	if (ret)
		return ret;

	guard(mutex)(&buf->bars->lock);
	if (buf->life != VFIO_PCI_DMA_BUF_LIVE) {
		vfio_pci_wc_free(&buf->map, buf->map.nr);
		return -EBADFD;
	}
	buf->wc = true;
	WRITE_ONCE(*nr, *nr + 1);
	if (!buf->had_wc)
		buf->bars->nr_wc++;
	buf->had_wc = true;
	return 0;
}

static int vfio_pci_wc_take(struct vfio_pci_core_device *vdev,
			    struct vfio_pci_dma_buf *buf)
{
	int ret;

	if (buf->map.nr > VFIO_PCI_WC_MAX_RANGES ||
	    vfio_pci_wc_has_msix(vdev, buf) ||
	    !vfio_pci_barmap_drop(vdev, buf->bar))
		return -EOPNOTSUPP;

	scoped_guard(mutex, &buf->bars->lock)
		vfio_pci_wc_exclude(vdev->pdev, buf->bar, true);
	ret = vfio_pci_wc_take_pages(buf);
	if (!ret)
		return 0;
	guard(mutex)(&buf->bars->lock);
	if (!buf->bars->nr_wc_in[buf->bar])
		vfio_pci_wc_exclude(vdev->pdev, buf->bar, false);
	return ret;
}

/**
 * vfio_pci_wc_give_back - give a slice's type back
 * @buf: the slice. No fault maps a page of it, and no page table has one.
 */
void vfio_pci_wc_give_back(struct vfio_pci_dma_buf *buf)
{
	unsigned int *nr = &buf->bars->nr_wc_in[buf->bar];

	guard(mutex)(&buf->bars->lock);

	if (!buf->wc)
		return;
	vfio_pci_wc_free(&buf->map, buf->map.nr);
	/* The close does this for all slices: the device is still open */
	if (*nr == 1)
		vfio_pci_wc_exclude(buf->pdev, buf->bar, false);
	/* After it: at 0 the kernel may map the BAR, see vfio_pci_barmap_return() */
	smp_store_release(nr, *nr - 1);
	WRITE_ONCE(buf->wc, false);
}

/**
 * vfio_pci_wc_fini - a slice goes, and so have its VMAs
 * @buf: the slice
 */
void vfio_pci_wc_fini(struct vfio_pci_dma_buf *buf)
{
	/* Nobody can ask for it any more */
	if (!buf->had_wc)
		return;
	vfio_pci_wc_give_back(buf);
	guard(mutex)(&buf->bars->lock);
	WRITE_ONCE(buf->bars->nr_wc, buf->bars->nr_wc - 1);
}

/**
 * vfio_pci_wc_set - choose how a slice is mapped
 * @vdev: the device, open
 * @buf: the slice
 * @memattr: VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_NC or _WC
 *
 * Return: 0 or -errno, then the slice is as it was.
 */
int vfio_pci_wc_set(struct vfio_pci_core_device *vdev,
		    struct vfio_pci_dma_buf *buf, u32 memattr)
{
	bool wc = memattr == VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_WC;
	int ret;

	if (!buf->mappable)
		return wc ? -EOPNOTSUPP : 0;
	ret = vfio_pci_dma_buf_prepare_map(buf);
	if (ret)
		return ret;
	if (down_write_killable(&buf->bars->barmap_lock))
		return -EINTR;

	/* A revoke may change it once more: then it is no matter any more */
	if (READ_ONCE(buf->wc) != wc) {
		down_write(&vdev->memory_lock);
		vfio_pci_bars_pause(vdev);
		if (wc)
			ret = vfio_pci_wc_take(vdev, buf);
		else
			vfio_pci_wc_give_back(buf);
		vfio_pci_start_bars_and_unlock(vdev);
	}
	if (!ret)
		WRITE_ONCE(buf->memattr, memattr);
	up_write(&buf->bars->barmap_lock);
	return ret;
}
