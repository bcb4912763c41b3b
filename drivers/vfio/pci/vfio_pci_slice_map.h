/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_MAP_H
#define VFIO_PCI_SLICE_MAP_H

#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/types.h>

/**
 * struct vfio_pci_slice_map - the page frames of a buffer's pages
 * @phys: the ranges, in buffer order, each of whole pages
 * @starts: page of the buffer at which each range begins; NULL if there is
 *	only one range
 * @nr: number of ranges, at least one
 * @npages: pages of the buffer, the sum of all ranges
 */
struct vfio_pci_slice_map {
	const struct phys_vec *phys;
	unsigned long *starts;
	size_t nr;
	unsigned long npages;
};

size_t vfio_pci_slice_merge(struct phys_vec *phys, size_t nr);
int vfio_pci_slice_map_init(struct vfio_pci_slice_map *map,
			    const struct phys_vec *phys, size_t nr);
void vfio_pci_slice_map_fini(struct vfio_pci_slice_map *map);
unsigned long vfio_pci_slice_span(const struct vfio_pci_slice_map *map,
				  unsigned long page, unsigned long *pfn);
bool vfio_pci_slice_lookup(const struct vfio_pci_slice_map *map,
			   unsigned long page, unsigned int order,
			   unsigned long *pfn);

/**
 * vfio_pci_slice_page - find the page frame of one page of the buffer
 * @map: the map
 * @page: page of the buffer
 * @pfn: the page frame
 *
 * vfio_pci_slice_lookup() for one page, which nearly all faults need.
 *
 * Return: %true, or %false if @page is not in the buffer.
 */
static inline bool vfio_pci_slice_page(const struct vfio_pci_slice_map *map,
				       unsigned long page, unsigned long *pfn)
{
	if (unlikely(map->nr > 1))
		return vfio_pci_slice_lookup(map, page, 0, pfn);
	if (unlikely(page >= map->npages))
		return false;
	*pfn = PHYS_PFN(map->phys->paddr) + page;
	return true;
}

#endif /* VFIO_PCI_SLICE_MAP_H */
