/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_SLICE_H
#define VFIO_PCI_SLICE_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-mapping.h>
#include <linux/list.h>

#include "vfio_pci_bars.h"
#include "vfio_pci_slice_map.h"

struct pci_dev;
struct vfio_pci_core_device;
struct vfio_pci_wc;

/**
 * enum vfio_pci_dma_buf_life - progress of the permanent revoke of a buffer
 * @VFIO_PCI_DMA_BUF_LIVE: it was not revoked
 * @VFIO_PCI_DMA_BUF_DEAD: no fault maps a page of it and no importer maps it
 * @VFIO_PCI_DMA_BUF_CUT: in addition, no page table has a page of it
 * @VFIO_PCI_DMA_BUF_DRAINED: in addition, no importer has it mapped: the revoke
 *	is complete, and the buffer off the list
 */
enum vfio_pci_dma_buf_life {
	VFIO_PCI_DMA_BUF_LIVE,
	VFIO_PCI_DMA_BUF_DEAD,
	VFIO_PCI_DMA_BUF_CUT,
	VFIO_PCI_DMA_BUF_DRAINED,
};

/**
 * struct vfio_pci_dma_buf - slices of a device's BARs as a dma-buf
 * @dmabuf: the buffer, which owns this object and can outlive its
 *	&dma_buf.file, which therefore must not be used
 * @bars: state of the device, referenced. Constant.
 * @pdev: the device's function. May be used only under the reservation lock
 *	and while importers may map, see vfio_pci_dma_buf_on().
 * @inode: inode of the buffer's file, referenced, for its address_space
 * @elm: in &vfio_pci_bars.bufs, under its lock
 * @users: number of tasks that need the buffer on the list, under
 *	&vfio_pci_bars.lock
 * @list: addresses of the slices, behind this object in the same piece of
 *	memory. Constant; its provider belongs to the driver binding of the
 *	device and may be used only under the reservation lock and while
 *	importers may map, see vfio_pci_dma_buf_on().
 * @map: the same for lookup. Constant from @map_ready on.
 * @merged: ranges of @map if they are not those of @list
 * @map_ready: @map can be used. Written under &vfio_pci_bars.lock, set before a
 *	VMA of the buffer exists.
 * @pgoff_base: file offset, in pages, of the buffer's first byte. Not 0 for
 *	mappings through the device's file, which has one offset space for all
 *	BARs.
 * @nr_maps: mappings of importers. Written under the reservation lock.
 * @bar: index of the BAR that the slices are in. Constant.
 * @want_wc: later mmaps are to be write-combining
 * @wc: its pages, if they have been made write-combining, or NULL. Written
 *	under &vfio_pci_bars.lock, and set only while @life is LIVE.
 * @finishing: a worker ends the revoke. Under &vfio_pci_bars.lock.
 * @wc_revoked: @wc was set when the revoke began. Under the same lock.
 * @mappable: user space may mmap() it: it is BAR memory, which the driver does
 *	not map in a way of its own. Constant.
 * @life: progress of a revoke. Written under &vfio_pci_bars.lock, and for the
 *	first change under the gate as well.
 * @told: &vfio_pci_bars.epoch when importers were last invalidated. As long as
 *	the epoch is the same no importer can have mapped the buffer again.
 *	Written under the reservation lock.
 * @matching: number of importers that are attaching and may use @pdev
 * @vmas: number of VMAs of a slice, see slice_vma.c
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
	u8 bar;
	bool want_wc;
	bool wc_revoked;
	bool finishing;
	bool map_ready;
	bool mappable;
	enum vfio_pci_dma_buf_life life;
	unsigned int told;
	atomic_t matching;
	atomic_t vmas;
};

struct vfio_pci_dma_buf *
vfio_pci_dma_buf_alloc(struct vfio_pci_core_device *vdev, size_t nr_ranges);
void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *buf);
struct dma_buf *vfio_pci_dma_buf_create(struct vfio_pci_dma_buf *buf,
					const struct dma_buf_ops *ops,
					size_t size, int flags, char *name);
void vfio_pci_dma_buf_release(struct dma_buf *dmabuf);
int vfio_pci_dma_buf_prepare_map(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_unuse(struct vfio_pci_dma_buf *buf);

/**
 * vfio_pci_bars_next - iterate over the buffers
 * @bars: the BARs
 * @buf: the previous buffer, or NULL
 *
 * Inline, for a reset with a thousand slices.
 *
 * Return: The buffer after @buf, or the first one after NULL, or NULL. It stays
 * on the list until the next call with it: its release waits.
 */
static inline struct vfio_pci_dma_buf *
vfio_pci_bars_next(struct vfio_pci_bars *bars, struct vfio_pci_dma_buf *buf)
{
	struct list_head *pos = buf ? &buf->elm : &bars->bufs;
	struct vfio_pci_dma_buf *next = NULL;

	mutex_lock(&bars->lock);
	if (!list_is_last(pos, &bars->bufs)) {
		next = list_entry(pos->next, struct vfio_pci_dma_buf, elm);
		WRITE_ONCE(next->users, next->users + 1);
	}
	if (buf)
		vfio_pci_dma_buf_unuse(buf);
	mutex_unlock(&bars->lock);
	return next;
}

int vfio_pci_dma_buf_map_begin(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_map_end(struct vfio_pci_dma_buf *buf);

bool vfio_pci_dma_buf_on(struct vfio_pci_dma_buf *buf);
bool vfio_pci_dma_buf_gone(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_zap(struct vfio_pci_dma_buf *buf);
bool vfio_pci_dma_buf_try_invalidate(struct vfio_pci_dma_buf *buf, bool *busy);
int vfio_pci_dma_buf_invalidate(struct vfio_pci_dma_buf *buf, bool killable,
				bool *busy);
int vfio_pci_dma_buf_drain(struct vfio_pci_dma_buf *buf, bool killable);
bool vfio_pci_dma_buf_try_restore(struct vfio_pci_dma_buf *buf);
void vfio_pci_dma_buf_restore(struct vfio_pci_dma_buf *buf);

#endif /* VFIO_PCI_SLICE_H */
