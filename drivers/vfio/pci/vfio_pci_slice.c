// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dma-buf under every mapping of a BAR, see vfio_pci_bars.c.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "vfio_pci_bars.h"
#include "vfio_pci_dmabuf.h"
#include "vfio_pci_priv.h"
#include "vfio_pci_wc.h"

/**
 * vfio_pci_dma_buf_alloc - allocate the object behind a dma-buf
 * @vdev: the device, open
 * @nr_ranges: number of slices
 *
 * The list lies behind the object, in one piece of memory. Its ranges are left
 * to the caller to fill in, all of them.
 *
 * Return: The object or an ERR_PTR.
 */
struct vfio_pci_dma_buf *
vfio_pci_dma_buf_alloc(struct vfio_pci_core_device *vdev, size_t nr_ranges)
{
	struct vfio_pci_dma_buf *buf;
	size_t head = sizeof(*buf) + sizeof(*buf->list);

	buf = kvmalloc(size_add(sizeof(*buf),
				struct_size(buf->list, phys, nr_ranges)),
		       GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);

	memset(buf, 0, head);
	buf->list = (struct dma_buf_phys_list *)(buf + 1);
	buf->list->length = nr_ranges;
	INIT_LIST_HEAD(&buf->elm);
	buf->bars = vfio_pci_bars_get(vdev->bars);
	buf->pdev = vdev->pdev;
	return buf;
}

/**
 * vfio_pci_dma_buf_free - undo vfio_pci_dma_buf_alloc()
 * @buf: the object, of which no dma-buf was made or is left
 */
void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *buf)
{
	vfio_pci_slice_map_fini(&buf->map);
	kvfree(buf->merged);
	vfio_pci_bars_put(buf->bars);
	kvfree(buf);
}

/**
 * vfio_pci_dma_buf_prepare_map - make ready for faults
 * @buf: the buffer
 *
 * The first mmap() of a slice pays for the lookup, not the export, because most
 * slices go to importers only. Ranges that continue each other are merged in a
 * copy: importers may be using the list.
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_pci_dma_buf_prepare_map(struct vfio_pci_dma_buf *buf)
{
	size_t nr = buf->list->length;
	struct vfio_pci_slice_map map;
	struct phys_vec *merged;
	int ret;

	/* Pairs with the store below */
	if (smp_load_acquire(&buf->map_ready))
		return 0;

	merged = kvmalloc_array(nr, sizeof(*merged), GFP_KERNEL_ACCOUNT);
	if (!merged)
		return -ENOMEM;
	memcpy(merged, buf->list->phys, nr * sizeof(*merged));
	nr = vfio_pci_slice_merge(merged, nr);
	ret = vfio_pci_slice_map_init(&map, merged, nr);
	if (ret) {
		kvfree(merged);
		return ret;
	}

	scoped_guard(mutex, &buf->bars->lock) {
		if (!buf->map_ready) {
			buf->map = map;
			buf->merged = merged;
			/* Pairs with the load above */
			smp_store_release(&buf->map_ready, true);
			return 0;
		}
	}
	/* Somebody else was faster */
	vfio_pci_slice_map_fini(&map);
	kvfree(merged);
	return 0;
}

static bool vfio_pci_dma_buf_unlink(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->users)
		return false;
	list_del_init(&buf->elm);
	return true;
}

static void vfio_pci_dma_buf_release(struct dma_buf *dmabuf)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;

	/* While the close of the device, which does it too, still finds the buffer */
	vfio_pci_wc_fini(buf);
	/* There is no importer left that a transition could be waiting for */
	while (!vfio_pci_dma_buf_unlink(buf))
		wait_event(buf->bars->wait, !READ_ONCE(buf->users));
	iput(buf->inode);
	vfio_pci_dma_buf_free(buf);
}

const struct dma_buf_ops vfio_pci_dmabuf_ops = {
	.match_mapping = vfio_pci_dma_buf_match,
	.mmap = vfio_pci_dma_buf_mmap,
	.release = vfio_pci_dma_buf_release,
};

/**
 * vfio_pci_dma_buf_create - make the dma-buf
 * @buf: the object with its ranges. Belongs to the dma-buf afterwards, if there
 *	is one; is left to the caller otherwise.
 * @size: sum of the ranges
 * @flags: how to open the dma-buf's file
 * @name: allocated name of the buffer or NULL. Belongs to the dma-buf
 *	afterwards, as @buf.
 *
 * Return: The dma-buf or an ERR_PTR.
 */
struct dma_buf *vfio_pci_dma_buf_create(struct vfio_pci_dma_buf *buf,
					size_t size, int flags, char *name)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct dma_buf *dmabuf;

	/* One range needs no memory and no merging */
	if (buf->list->length == 1)
		buf->map_ready = !vfio_pci_slice_map_init(&buf->map,
							  buf->list->phys, 1);

	exp_info.ops = &vfio_pci_dmabuf_ops;
	exp_info.size = size;
	exp_info.flags = flags;
	exp_info.priv = buf;

	dmabuf = dma_buf_export(&exp_info);
	if (IS_ERR(dmabuf))
		return dmabuf;

	buf->dmabuf = dmabuf;
	buf->inode = file_inode(dmabuf->file);
	ihold(buf->inode);
	spin_lock(&dmabuf->name_lock);
	dmabuf->name = name;
	spin_unlock(&dmabuf->name_lock);

	/*
	 * Nobody but transitions knows the buffer yet. If one is in progress
	 * its end finds the buffer on the list, and so does a later one.
	 */
	mutex_lock(&buf->bars->lock);
	buf->revoked = buf->bars->state != VFIO_PCI_BARS_ON;
	list_add_tail(&buf->elm, &buf->bars->bufs);
	mutex_unlock(&buf->bars->lock);

	return dmabuf;
}

/**
 * vfio_pci_dma_buf_zap - take the buffer's pages out of all page tables
 * @buf: the buffer. No fault maps a page of it any more.
 */
void vfio_pci_dma_buf_zap(struct vfio_pci_dma_buf *buf)
{
	/* All offsets: what was mapped through the device begins elsewhere */
	unmap_mapping_range(buf->inode->i_mapping, 0, 0, true);
}

/**
 * vfio_pci_dma_buf_invalidate - tell importers that the buffer is gone
 * @buf: the buffer
 *
 * New mappings are refused from here on.
 */
void vfio_pci_dma_buf_invalidate(struct vfio_pci_dma_buf *buf)
{
	dma_resv_lock(buf->dmabuf->resv, NULL);
	if (!buf->revoked) {
		buf->revoked = true;
		dma_buf_invalidate_mappings(buf->dmabuf);
	}
	dma_resv_unlock(buf->dmabuf->resv);
}

static bool vfio_pci_dma_buf_unmapped(struct vfio_pci_dma_buf *buf)
{
	/* Pairs with the store in vfio_pci_dma_buf_unmap_phys() */
	return !smp_load_acquire(&buf->nr_maps);
}

/**
 * vfio_pci_dma_buf_drain - wait until no importer has the buffer mapped
 * @buf: the buffer, after vfio_pci_dma_buf_invalidate()
 * @killable: give up when the task is killed
 *
 * Return: 0 or -EINTR.
 */
int vfio_pci_dma_buf_drain(struct vfio_pci_dma_buf *buf, bool killable)
{
	int ret = 0;

	/* A fence is signaled in finite time, an importer may hang */
	dma_resv_wait_timeout(buf->dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	if (killable)
		ret = wait_event_killable(buf->bars->wait,
					  vfio_pci_dma_buf_unmapped(buf));
	else
		wait_event(buf->bars->wait, vfio_pci_dma_buf_unmapped(buf));
	return ret ? -EINTR : 0;
}

/**
 * vfio_pci_dma_buf_validate - let importers map the buffer again
 * @buf: the buffer
 *
 * They find out by trying.
 */
void vfio_pci_dma_buf_validate(struct vfio_pci_dma_buf *buf)
{
	dma_resv_lock(buf->dmabuf->resv, NULL);
	/*
	 * A revoke for ever sets @dead before it takes the reservation lock:
	 * either that is seen here or it comes after this.
	 */
	if (!READ_ONCE(buf->dead))
		buf->revoked = false;
	dma_resv_unlock(buf->dmabuf->resv);
}

/**
 * vfio_pci_dma_buf_gone - is it over with the buffer, for ever?
 * @buf: the buffer
 *
 * Return: %true if it was revoked or the device closed. %false can be out of
 * date when the caller sees it.
 */
bool vfio_pci_dma_buf_gone(struct vfio_pci_dma_buf *buf)
{
	return READ_ONCE(buf->dead) ||
	       READ_ONCE(buf->bars->state) == VFIO_PCI_BARS_CLOSED;
}

static int vfio_pci_dma_buf_kill(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->bars->state == VFIO_PCI_BARS_CLOSED)
		return -ENODEV;
	/* Somebody was killed while waiting for importers: do it to the end */
	if (buf->dead)
		return buf->drained ? -EBADFD : 0;

	down_write(&buf->bars->gate);
	WRITE_ONCE(buf->dead, true);
	up_write(&buf->bars->gate);
	return 0;
}

/**
 * vfio_pci_dma_buf_revoke - take a buffer away for ever
 * @buf: the buffer, whose dma-buf the caller holds
 *
 * Costs what is mapped of this buffer, and does not touch the others.
 *
 * Return: 0, no CPU and no importer reaches the slices through this buffer any
 * more; -EBADFD if it was like that before, -ENODEV if the device was closed,
 * -EINTR if the task was killed: then importers may still have it mapped.
 */
int vfio_pci_dma_buf_revoke(struct vfio_pci_dma_buf *buf)
{
	int ret;

	ret = vfio_pci_dma_buf_kill(buf);
	if (ret)
		return ret;

	vfio_pci_dma_buf_zap(buf);
	vfio_pci_wc_give_back(buf);
	vfio_pci_dma_buf_invalidate(buf);
	ret = vfio_pci_dma_buf_drain(buf, true);
	if (ret)
		return ret;

	guard(mutex)(&buf->bars->lock);
	if (buf->drained)
		return -EBADFD;
	buf->drained = true;
	return 0;
}
