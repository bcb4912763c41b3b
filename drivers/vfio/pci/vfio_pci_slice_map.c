// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the page frame of a page of a buffer, in O(log n) of its ranges.
 *
 * Terms
 * -----
 * BAR		memory of a device, as the PCI core and the device's file have it
 * range	consecutive whole pages of a BAR
 * slice	ranges of one BAR, in any order, which the owner of the device has
 *		exported for others
 * buffer	a dma-buf and the struct vfio_pci_dma_buf behind it: of a slice,
 *		or of all of a BAR that is mapped through the device's file
 * transition	takes the BARs of a device away from all their users and gives
 *		them back; also the time in between
 *
 * Files
 * -----
 * Each uses only those above it:
 *
 *	vfio_pci_slice_map	finds pages in the ranges of a buffer
 *	vfio_pci_bars		whether BARs of an open device may be accessed;
 *				explains how all of this works together
 *	vfio_pci_slice		life of a buffer and its mappings by importers
 *	vfio_pci_slice_export	makes a buffer of ranges that user space chose
 *	vfio_pci_dmabuf_iov	offers importers offsets in a BAR,
 *	vfio_pci_dmabuf_pal	or the ranges
 *	vfio_pci_transition	stop and start
 *	vfio_pci_barmap		the kernel's own mapping of a BAR
 *	vfio_pci_wc		write-combining
 *	vfio_pci_revoke		the end of a slice
 *	vfio_pci_open		open and close of the device
 *	vfio_pci_reset		transitions that other code begins
 *	vfio_pci_area		addresses that mmap() chooses
 *	vfio_pci_bar_mmap	mappings of BARs and slices, and their faults
 *	vfio_pci_slice_feature	the request of user space for a revoke
 *	vfio_pci_slice_memattr	and for write-combining
 *	vfio_pci_lockdep	the order of the locks
 */
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "vfio_pci_slice_map.h"

/**
 * vfio_pci_slice_merge - join ranges that continue each other
 * @phys: ranges in buffer order, changed in place
 * @nr: number of ranges
 *
 * A huge page must not cross from one range into the next, so every range
 * should be as long as possible.
 *
 * Return: The number of ranges that are left.
 */
size_t vfio_pci_slice_merge(struct phys_vec *phys, size_t nr)
{
	size_t last = 0;
	size_t i;

	for (i = 1; i < nr; i++) {
		if (phys[last].paddr + phys[last].len == phys[i].paddr)
			phys[last].len += phys[i].len;
		else
			phys[++last] = phys[i];
	}
	return nr ? last + 1 : 0;
}

/**
 * vfio_pci_slice_map_init - prepare the lookup
 * @map: the map
 * @phys: ranges of whole pages, which stay where they are as long as @map
 * @nr: their number, at least one. Their sum fits in a size_t.
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_pci_slice_map_init(struct vfio_pci_slice_map *map,
			    const struct phys_vec *phys, size_t nr)
{
	size_t i;

	map->phys = phys;
	map->nr = nr;
	map->npages = 0;
	map->starts = NULL;
	if (nr > 1) {
		map->starts = kvmalloc_array(nr, sizeof(*map->starts),
					     GFP_KERNEL_ACCOUNT);
		if (!map->starts)
			return -ENOMEM;
	}
	for (i = 0; i < nr; i++) {
		if (map->starts)
			map->starts[i] = map->npages;
		map->npages += phys[i].len >> PAGE_SHIFT;
	}
	return 0;
}

/**
 * vfio_pci_slice_map_fini - free what vfio_pci_slice_map_init() allocated
 * @map: the map, or a zeroed one
 */
void vfio_pci_slice_map_fini(struct vfio_pci_slice_map *map)
{
	kvfree(map->starts);
	map->starts = NULL;
}

/* The last range that begins at or before @page */
static size_t vfio_pci_slice_find(const struct vfio_pci_slice_map *map,
				  unsigned long page)
{
	size_t low = 0;
	size_t high = map->nr;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (map->starts[middle] <= page)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/**
 * vfio_pci_slice_span - number of contiguous pages from a page on
 * @map: the map
 * @page: page of the buffer
 * @pfn: its page frame
 *
 * Return: The number of pages from @page to the end of its range, 0 if @page is
 * not in the buffer.
 */
unsigned long vfio_pci_slice_span(const struct vfio_pci_slice_map *map,
				  unsigned long page, unsigned long *pfn)
{
	unsigned long delta;
	size_t i;

	if (page >= map->npages)
		return 0;

	i = vfio_pci_slice_find(map, page);
	delta = map->starts ? page - map->starts[i] : page;
	*pfn = PHYS_PFN(map->phys[i].paddr) + delta;
	return (map->phys[i].len >> PAGE_SHIFT) - delta;
}

/**
 * vfio_pci_slice_lookup - find the page frame of a page of the buffer
 * @map: the map
 * @page: page of the buffer. Its virtual address has to be aligned to @order.
 * @order: 0 for one page, else the order of the huge page that begins at @page
 * @pfn: the page frame
 *
 * Return: %true, or %false if @page is not in the buffer, or if the huge page
 * does not lie in one range or is not aligned in physical memory.
 */
bool vfio_pci_slice_lookup(const struct vfio_pci_slice_map *map,
			   unsigned long page, unsigned int order,
			   unsigned long *pfn)
{
	unsigned long count = 1UL << order;
	unsigned long delta;
	size_t i;

	if (page >= map->npages || count > map->npages - page)
		return false;

	i = vfio_pci_slice_find(map, page);
	delta = map->starts ? page - map->starts[i] : page;
	if (count > (map->phys[i].len >> PAGE_SHIFT) - delta)
		return false;

	*pfn = PHYS_PFN(map->phys[i].paddr) + delta;
	return IS_ALIGNED(*pfn, count);
}
