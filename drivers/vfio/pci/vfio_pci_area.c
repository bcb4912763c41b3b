// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address at which a BAR or a slice is mapped, if user space leaves it to
 * the kernel: one at which huge pages are possible.
 *
 * A huge page needs a virtual and a physical address with the same alignment.
 * For a slice, the offset in the file does not tell the physical alignment: a
 * slice can begin at any page of a BAR and consist of ranges from anywhere.
 */
#include <linux/compat.h>
#include <linux/dma-buf.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_area.h"
#include "vfio_pci_slice.h"

/* The user chooses the number of ranges: mmap() looks only at the first ones */
#define VFIO_PCI_AREA_MAX_RANGES	16

/* The largest pages first */
static const unsigned long vfio_pci_area_sizes[] = {
#ifdef CONFIG_ARCH_SUPPORTS_PUD_PFNMAP
	PUD_SIZE,
#endif
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	PMD_SIZE,
#endif
	0
};

/* A 32-bit address space has no room to align in */
static bool vfio_pci_area_has_room(void)
{
	return IS_ENABLED(CONFIG_64BIT) && !in_compat_syscall();
}

static bool vfio_pci_area_any(unsigned long addr, unsigned long len,
			      unsigned long flags)
{
	return !addr && !(flags & MAP_FIXED) && vfio_pci_area_has_room() &&
	       IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && len >= PMD_SIZE;
}

/**
 * vfio_pci_area_skew - alignment of a mapping for pages of a size
 * @map: map of the buffer
 * @page: first page of the mapping
 * @npages: number of pages
 * @size: size of a huge page
 * @skew: distance of the mapping's address from a multiple of @size below it
 *
 * Return: %true, or %false if no address makes such a page possible.
 */
bool vfio_pci_area_skew(const struct vfio_pci_slice_map *map, unsigned long page,
			unsigned long npages, unsigned long size,
			unsigned long *skew)
{
	unsigned long done = 0, count, huge = size >> PAGE_SHIFT;
	unsigned int i;

	for (i = 0; i < VFIO_PCI_AREA_MAX_RANGES && done < npages; i++) {
		unsigned long pfn, first;

		count = vfio_pci_slice_span(map, page + done, &pfn);
		if (!count)
			return false;
		count = min(count, npages - done);
		first = ALIGN(pfn, huge) - pfn;
		if (first < count && count - first >= huge) {
			*skew = ((pfn - done) << PAGE_SHIFT) & (size - 1);
			return true;
		}
		done += count;
	}
	return false;
}

/* Find an area that begins @skew above a multiple of @size */
static unsigned long vfio_pci_area_find(struct file *file, unsigned long len,
					unsigned long pgoff,
					unsigned long flags, unsigned long size,
					unsigned long skew)
{
	unsigned long addr;

	if (len > TASK_SIZE - size)
		return -ENOMEM;
	addr = mm_get_unmapped_area(file, 0, len + size, pgoff, flags);
	if (IS_ERR_VALUE(addr))
		return addr;
	return addr + ((skew - addr) & (size - 1));
}

static unsigned long vfio_pci_area_of_map(struct file *file, unsigned long len,
					  unsigned long pgoff,
					  unsigned long flags,
					  const struct vfio_pci_slice_map *map,
					  unsigned long page)
{
	const unsigned long *size;
	unsigned long addr, skew;

	for (size = vfio_pci_area_sizes; *size; size++) {
		if (len < *size ||
		    !vfio_pci_area_skew(map, page, len >> PAGE_SHIFT, *size,
					&skew))
			continue;
		addr = vfio_pci_area_find(file, len, pgoff, flags, *size, skew);
		if (!IS_ERR_VALUE(addr))
			return addr;
	}
	return mm_get_unmapped_area(file, 0, len, pgoff, flags);
}

/**
 * vfio_pci_dma_buf_get_area - &dma_buf_ops.get_unmapped_area of slices and BARs
 * @dmabuf: the buffer
 * @addr: where user space would like the mapping, or 0
 * @len: its length
 * @pgoff: its first page in the file
 * @flags: flags of mmap()
 *
 * Return: The address or -errno.
 */
unsigned long vfio_pci_dma_buf_get_area(struct dma_buf *dmabuf,
					unsigned long addr, unsigned long len,
					unsigned long pgoff,
					unsigned long flags)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;

	/* Without the map, the mmap() that follows fails with -ENOMEM */
	if (!vfio_pci_area_any(addr, len, flags) ||
	    vfio_pci_dma_buf_prepare_map(buf))
		return mm_get_unmapped_area(dmabuf->file, addr, len, pgoff,
					    flags);
	return vfio_pci_area_of_map(dmabuf->file, len, pgoff, flags, &buf->map,
				    pgoff - buf->pgoff_base);
}

/**
 * vfio_pci_get_area - &vfio_device.get_unmapped_area of vfio-pci
 * @core_vdev: the device, open
 * @file: the file
 * @addr: where user space would like the mapping, or 0
 * @len: its length
 * @pgoff: its first page in the file
 * @flags: flags of mmap()
 *
 * A BAR is aligned to its size, so its content and its other mappings do not
 * matter. If a driver has memory of its own behind the index of a BAR, the
 * address is no worse than any other.
 *
 * Return: The address or -errno.
 */
unsigned long vfio_pci_get_area(struct vfio_device *core_vdev, struct file *file,
				unsigned long addr, unsigned long len,
				unsigned long pgoff, unsigned long flags)
{
	struct vfio_pci_core_device *vdev =
		container_of(core_vdev, struct vfio_pci_core_device, vdev);
	unsigned int shift = VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT;
	unsigned long index = pgoff >> shift;
	struct vfio_pci_slice_map map;
	struct phys_vec bar;

	if (!vfio_pci_area_any(addr, len, flags) ||
	    index >= VFIO_PCI_ROM_REGION_INDEX)
		goto any;
	bar.paddr = pci_resource_start(vdev->pdev, index);
	bar.len = pci_resource_len(vdev->pdev, index);
	/* A map of one range allocates nothing */
	if (vfio_pci_slice_map_init(&map, &bar, 1))
		goto any;
	return vfio_pci_area_of_map(file, len, pgoff, flags, &map,
				    pgoff & ((1UL << shift) - 1));
any:
	return mm_get_unmapped_area(file, addr, len, pgoff, flags);
}
