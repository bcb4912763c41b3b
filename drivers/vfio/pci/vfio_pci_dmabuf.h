/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_DMABUF_H
#define VFIO_PCI_DMABUF_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-iov.h>
#include <linux/dma-buf-mapping.h>
#include <linux/list.h>

#include "vfio_pci_bars.h"
#include "vfio_pci_slice_map.h"

struct pci_dev;
struct vfio_pci_wc;
struct vfio_pci_core_device;
struct vfio_region_dma_range;

/*
 * Ranges of one export. As many as a single kmalloc() of the user's array held
 * while it was one, so that the error stays what user space knows.
 */
#define VFIO_PCI_DMA_BUF_MAX_RANGES	(SZ_4M / sizeof(struct vfio_region_dma_range))

/* So many are read to the stack: most slices have one */
#define VFIO_PCI_DMA_BUF_FEW_RANGES	16

/**
 * enum vfio_pci_dma_buf_life - how far the revoke of a buffer, for ever, has come
 * @VFIO_PCI_DMA_BUF_LIVE: it was not revoked
 * @VFIO_PCI_DMA_BUF_DEAD: no fault maps a page of it and no importer maps it
 * @VFIO_PCI_DMA_BUF_CUT: and no page table has a page of it
 * @VFIO_PCI_DMA_BUF_DRAINED: and no importer has it mapped: the revoke is
 *	complete, and the buffer off the list
 */
enum vfio_pci_dma_buf_life {
	VFIO_PCI_DMA_BUF_LIVE,
	VFIO_PCI_DMA_BUF_DEAD,
	VFIO_PCI_DMA_BUF_CUT,
	VFIO_PCI_DMA_BUF_DRAINED,
};

/**
 * struct vfio_pci_dma_buf - slices of a device's BARs as a dma-buf
 * @dmabuf: the buffer, which owns this object. Its &dma_buf.file is not to be
 *	used: the buffer can live longer.
 * @bars: state of the device, referenced. Constant.
 * @pdev: the device's function. May be used only under the reservation lock
 *	and while importers may map, see vfio_pci_dma_buf_on().
 * @inode: of the buffer's file, referenced, for its address_space
 * @elm: in &vfio_pci_bars.bufs, under its lock
 * @users: who needs the buffer on the list, under &vfio_pci_bars.lock
 * @list: where the slices are, behind this object in the same piece of memory.
 *	Constant; its provider belongs to the driver binding of the device and
 *	may be used only under the reservation lock and while importers may
 *	map, see vfio_pci_dma_buf_on().
 * @map: the same for lookup. Constant from @map_ready on.
 * @merged: ranges of @map if it is not @list that it looks at
 * @map_ready: @map can be used. Written under &vfio_pci_bars.lock, set before a
 *	VMA of the buffer exists.
 * @pgoff_base: file offset, in pages, of the buffer's first byte. Not 0 for
 *	what is mapped through the device's file, which has one for all BARs.
 * @nr_maps: mappings of importers. Written under the reservation lock.
 * @bar: index of the BAR that the slices are in. Constant.
 * @memattr: VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR_NC or _WC, of later mmaps
 * @wc: its pages, if they have been made write-combining, or NULL. Written under
 *	&vfio_pci_bars.lock, to something only while @life is LIVE.
 * @finishing: a worker ends the revoke. Under &vfio_pci_bars.lock.
 * @wc_revoked: they were when it was revoked. Under the same lock.
 * @mappable: user space may mmap() it: BAR memory, nothing that the driver has
 *	to map in its own way. Constant.
 * @life: how far a revoke has come. Written under &vfio_pci_bars.lock, its
 *	first change under the gate too.
 * @told: &vfio_pci_bars.epoch when importers were told that the buffer is gone.
 *	As long as it is the same no importer can have mapped the buffer again.
 *	Written under the reservation lock.
 * @matching: importers that are attaching and may use @pdev
 * @vmas: how many VMAs a slice has, see slice_vma.c
 */
struct vfio_pci_dma_buf {
	struct dma_buf *dmabuf;
	struct vfio_pci_bars *bars;
	struct pci_dev *pdev;
	struct inode *inode;
	struct list_head elm;
	unsigned int users;
	struct dma_buf_phys_list *list;
	struct vfio_pci_slice_map map;
	struct phys_vec *merged;
	struct vfio_pci_wc *wc;
	unsigned long pgoff_base;
	unsigned int nr_maps;
	u32 memattr;
	u8 bar;
	bool wc_revoked;
	bool finishing;
	bool map_ready;
	bool mappable;
	enum vfio_pci_dma_buf_life life;
	unsigned int told;
	atomic_t matching;
	atomic_t vmas;
};

extern const struct dma_buf_ops vfio_pci_dmabuf_ops;

struct vfio_pci_dma_buf *
vfio_pci_dma_buf_alloc(struct vfio_pci_core_device *vdev, size_t nr_ranges);
void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *buf);
struct dma_buf *vfio_pci_dma_buf_create(struct vfio_pci_dma_buf *buf,
					size_t size, int flags, char *name);
int vfio_pci_dma_buf_prepare_map(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_zap(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_unuse(struct vfio_pci_dma_buf *buf);
bool vfio_pci_dma_buf_on(struct vfio_pci_dma_buf *buf);
bool vfio_pci_dma_buf_try_invalidate(struct vfio_pci_dma_buf *buf, bool *busy);
int vfio_pci_dma_buf_invalidate(struct vfio_pci_dma_buf *buf, bool killable,
				bool *busy);
int vfio_pci_dma_buf_drain(struct vfio_pci_dma_buf *buf, bool killable);
bool vfio_pci_dma_buf_try_restore(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_restore(struct vfio_pci_dma_buf *buf);
bool vfio_pci_dma_buf_gone(struct vfio_pci_dma_buf *buf);
int vfio_pci_dma_buf_revoke(struct vfio_pci_dma_buf *buf);
int vfio_pci_dma_buf_start_revoke(struct vfio_pci_dma_buf *buf);

int vfio_pci_dma_buf_map_begin(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_map_end(struct vfio_pci_dma_buf *buf);

#ifdef CONFIG_PCI_IOV
/* vfio_pci_dmabuf_iov.c */
size_t vfio_pci_dma_buf_offer_iov(struct vfio_pci_dma_buf *buf,
				  struct dma_buf_mapping_match *exp);
#define vfio_pci_dma_buf_select dma_buf_iov_select
#else
static inline size_t
vfio_pci_dma_buf_offer_iov(struct vfio_pci_dma_buf *buf,
			   struct dma_buf_mapping_match *exp)
{
	return 0;
}

/* There is nothing to choose from */
#define vfio_pci_dma_buf_select NULL
#endif

/* vfio_pci_bar_mmap.c */
int vfio_pci_dma_buf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
bool vfio_pci_dma_buf_vma_offset(struct dma_buf *dmabuf,
				 const struct vm_area_struct *vma,
				 size_t *offset);

#ifdef CONFIG_VFIO_PCI_DMABUF
/* vfio_pci_dmabuf_pal.c */
int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args);
struct vfio_region_dma_range *
vfio_pci_dma_buf_get_ranges(struct vfio_region_dma_range *few,
			    const void __user *from, u32 nr_ranges);
void vfio_pci_dma_buf_put_ranges(const struct vfio_region_dma_range *few,
				 const struct vfio_region_dma_range *ranges);
int vfio_pci_dma_buf_export(struct vfio_pci_dma_buf *buf,
			    struct vfio_pci_core_device *vdev,
			    unsigned int bar, size_t size, int flags);
#else
/* Without peer-to-peer DMA a buffer is there for CPUs only */
static inline int vfio_pci_dma_buf_match(const struct dma_buf_match_args *args)
{
	return -EOPNOTSUPP;
}
#endif

#endif /* VFIO_PCI_DMABUF_H */
