// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of the dma-buf under every mapping of a BAR. Its purpose is
 * explained in vfio_pci_bars.c, its revoke is in vfio_pci_revoke.c.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-importers.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_slice.h"

/**
 * vfio_pci_dma_buf_alloc - allocate the object behind a dma-buf
 * @vdev: the device, open
 * @nr_ranges: number of slices
 *
 * The list lies behind the object, in one piece of memory. The caller has to
 * fill in all of its ranges.
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
 * @buf: the object, without a dma-buf or after the release of its dma-buf
 */
void vfio_pci_dma_buf_free(struct vfio_pci_dma_buf *buf)
{
	/* Only a map of several ranges has memory of its own */
	if (buf->merged) {
		vfio_pci_slice_map_fini(&buf->map);
		kvfree(buf->merged);
	}
	vfio_pci_bars_put(buf->bars);
	kvfree(buf);
}

/**
 * vfio_pci_dma_buf_prepare_map - prepare the lookup that faults use
 * @buf: the buffer
 *
 * The first mmap() of a slice pays for this, not the export, because most
 * slices go to importers only. Ranges that continue each other are merged in a
 * copy, because importers may be using the list.
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
	/* Another task was faster */
	vfio_pci_slice_map_fini(&map);
	kvfree(merged);
	return 0;
}

/**
 * vfio_pci_dma_buf_unuse - end a use that keeps the buffer on the list
 * @buf: the buffer, on the list. The caller has counted itself in
 *	&vfio_pci_dma_buf.users. The buffer may be freed as soon as
 *	&vfio_pci_bars.lock is released.
 */
void vfio_pci_dma_buf_unuse(struct vfio_pci_dma_buf *buf)
{
	lockdep_assert_held(&buf->bars->lock);

	WRITE_ONCE(buf->users, buf->users - 1);
	if (buf->users)
		return;
	if (buf->life == VFIO_PCI_DMA_BUF_DRAINED)
		list_del_init(&buf->elm);
	if (wq_has_sleeper(&buf->bars->unused))
		wake_up_all(&buf->bars->unused);
}

static bool vfio_pci_dma_buf_unlink(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->users)
		return false;
	list_del_init(&buf->elm);
	return true;
}

/**
 * vfio_pci_dma_buf_release - &dma_buf_ops.release
 * @dmabuf: the buffer
 */
void vfio_pci_dma_buf_release(struct dma_buf *dmabuf)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;

	/* There is no importer left that a transition could be waiting for */
	while (!vfio_pci_dma_buf_unlink(buf))
		wait_event(buf->bars->unused, !READ_ONCE(buf->users));
	iput(buf->inode);
	vfio_pci_dma_buf_free(buf);
}

/**
 * vfio_pci_dma_buf_map_begin - an importer maps the buffer
 * @buf: the buffer
 *
 * Context: The caller holds the reservation lock.
 *
 * Return: 0, to be undone with vfio_pci_dma_buf_map_end(), or -ENODEV if the
 * buffer cannot be used now or is gone permanently.
 */
int vfio_pci_dma_buf_map_begin(struct vfio_pci_dma_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	/* Attaches before it reads the state: see vfio_pci_dma_buf_quiet() */
	smp_mb();
	if (!vfio_pci_dma_buf_on(buf))
		return -ENODEV;

	WRITE_ONCE(buf->nr_maps, buf->nr_maps + 1);
	return 0;
}

/**
 * vfio_pci_dma_buf_map_end - an importer has unmapped the buffer
 * @buf: the buffer
 *
 * Context: The caller holds the reservation lock.
 */
void vfio_pci_dma_buf_map_end(struct vfio_pci_dma_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	/* Pairs with the load in vfio_pci_dma_buf_unmapped() */
	smp_store_release(&buf->nr_maps, buf->nr_maps - 1);
	if (!buf->nr_maps)
		wake_up_all(&buf->bars->unmapped);
}

/**
 * vfio_pci_dma_buf_create - make the dma-buf
 * @buf: the object with its ranges. Belongs to the dma-buf if this succeeds,
 *	and stays with the caller otherwise.
 * @ops: operations, whose release is or ends in vfio_pci_dma_buf_release()
 * @size: sum of the ranges
 * @flags: how to open the dma-buf's file
 * @name: allocated name of the buffer or NULL. Belongs to the dma-buf if this
 *	succeeds, as @buf.
 *
 * Return: The dma-buf or an ERR_PTR.
 */
struct dma_buf *vfio_pci_dma_buf_create(struct vfio_pci_dma_buf *buf,
					const struct dma_buf_ops *ops,
					size_t size, int flags, char *name)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);
	struct dma_buf *dmabuf;

	/* A map of one range allocates and merges nothing */
	if (buf->list->length == 1)
		buf->map_ready = !vfio_pci_slice_map_init(&buf->map,
							  buf->list->phys, 1);

	exp_info.ops = ops;
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

	/* From here on transitions find the buffer */
	mutex_lock(&buf->bars->lock);
	list_add_tail(&buf->elm, &buf->bars->bufs);
	mutex_unlock(&buf->bars->lock);

	return dmabuf;
}

/**
 * vfio_pci_dma_buf_on - may importers map the buffer?
 * @buf: the buffer
 *
 * Context: The caller holds the reservation lock. Whatever takes the buffer
 * away takes that lock after it has changed the state that is read here. So it
 * finds a mapping that begins under the same hold of the lock as this call.
 *
 * Return: %true if the BARs are ON and the buffer was not revoked.
 */
bool vfio_pci_dma_buf_on(struct vfio_pci_dma_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	return READ_ONCE(buf->life) == VFIO_PCI_DMA_BUF_LIVE &&
	       READ_ONCE(buf->bars->state) == VFIO_PCI_BARS_ON;
}

/**
 * vfio_pci_dma_buf_zap - clear the buffer's pages in all page tables
 * @buf: the buffer, of which no fault can map a page
 */
void vfio_pci_dma_buf_zap(struct vfio_pci_dma_buf *buf)
{
	/* After a revoke there is nothing, however many VMAs a client keeps */
	if (READ_ONCE(buf->life) >= VFIO_PCI_DMA_BUF_CUT)
		return;
	/* All offsets: what was mapped through the device begins elsewhere */
	unmap_mapping_range(buf->inode->i_mapping, 0, 0, true);
}

/*
 * There is no importer and none is about to attach. An importer that attaches
 * after this cannot map the buffer: it is counted before it reads the state
 * that the caller has changed. Pairs with the barriers in
 * vfio_pci_dma_buf_map_begin() and vfio_pci_dma_buf_match().
 */
static bool vfio_pci_dma_buf_quiet(struct vfio_pci_dma_buf *buf)
{
	/* Orders the caller's change before the reads below */
	smp_mb();
	return list_empty(&buf->dmabuf->attachments) &&
	       !atomic_read(&buf->matching) && !READ_ONCE(buf->nr_maps);
}

static void vfio_pci_dma_buf_tell(struct vfio_pci_dma_buf *buf)
{
	unsigned int epoch = READ_ONCE(buf->bars->epoch);

	dma_resv_assert_held(buf->dmabuf->resv);

	if (buf->told == epoch)
		return;
	dma_buf_invalidate_mappings(buf->dmabuf);
	buf->told = epoch;
}

/**
 * vfio_pci_dma_buf_try_invalidate - invalidate importers, if possible at once
 * @buf: the buffer, which importers cannot map
 * @busy: set to %true if there are importers
 *
 * Without importers this does not need the reservation lock, so a client that
 * holds the lock does not matter.
 *
 * Return: %false if there are importers and the reservation lock is held.
 */
bool vfio_pci_dma_buf_try_invalidate(struct vfio_pci_dma_buf *buf, bool *busy)
{
	if (vfio_pci_dma_buf_quiet(buf))
		return true;
	if (!dma_resv_trylock(buf->dmabuf->resv))
		return false;
	*busy = true;
	vfio_pci_dma_buf_tell(buf);
	dma_resv_unlock(buf->dmabuf->resv);
	return true;
}

/**
 * vfio_pci_dma_buf_invalidate - invalidate importers
 * @buf: the buffer, which importers cannot map
 * @killable: give up when the task is killed
 * @busy: set to %true if there are importers
 *
 * Return: 0 or -EINTR.
 */
int vfio_pci_dma_buf_invalidate(struct vfio_pci_dma_buf *buf, bool killable,
				bool *busy)
{
	int ret;

	if (vfio_pci_dma_buf_quiet(buf))
		return 0;
	ret = dma_buf_lock(buf->dmabuf, killable);
	if (ret)
		return ret;
	*busy = true;
	vfio_pci_dma_buf_tell(buf);
	dma_resv_unlock(buf->dmabuf->resv);
	return 0;
}

static bool vfio_pci_dma_buf_unmapped(struct vfio_pci_dma_buf *buf)
{
	/* Pairs with the store in vfio_pci_dma_buf_map_end() */
	return !smp_load_acquire(&buf->nr_maps);
}

/**
 * vfio_pci_dma_buf_drain - wait until no importer accesses the buffer
 * @buf: the buffer, after vfio_pci_dma_buf_invalidate()
 * @killable: give up when the task is killed
 *
 * Return: 0 or -EINTR.
 */
int vfio_pci_dma_buf_drain(struct vfio_pci_dma_buf *buf, bool killable)
{
	int ret;

	ret = dma_buf_wait_importers(buf->dmabuf, killable);
	if (ret)
		return ret;
	if (killable)
		ret = wait_event_killable(buf->bars->unmapped,
					  vfio_pci_dma_buf_unmapped(buf));
	else
		wait_event(buf->bars->unmapped, vfio_pci_dma_buf_unmapped(buf));
	return ret ? -EINTR : 0;
}

static void vfio_pci_dma_buf_tell_back(struct vfio_pci_dma_buf *buf)
{
	if (vfio_pci_dma_buf_on(buf))
		dma_buf_restore_mappings(buf->dmabuf);
}

/**
 * vfio_pci_dma_buf_try_restore - notify importers that the buffer is back, if
 *	possible at once
 * @buf: the buffer, which importers may be able to map again
 *
 * Return: %false if there are importers and the reservation lock is held.
 */
bool vfio_pci_dma_buf_try_restore(struct vfio_pci_dma_buf *buf)
{
	/* The state was set before: an importer missed here has seen it */
	if (vfio_pci_dma_buf_quiet(buf))
		return true;
	if (!dma_resv_trylock(buf->dmabuf->resv))
		return false;
	vfio_pci_dma_buf_tell_back(buf);
	dma_resv_unlock(buf->dmabuf->resv);
	return true;
}

/**
 * vfio_pci_dma_buf_restore - notify importers that the buffer is back
 * @buf: the buffer, which importers may be able to map again
 *
 * Importers may be notified twice.
 */
void vfio_pci_dma_buf_restore(struct vfio_pci_dma_buf *buf)
{
	if (vfio_pci_dma_buf_quiet(buf))
		return;
	dma_resv_lock(buf->dmabuf->resv, NULL);
	vfio_pci_dma_buf_tell_back(buf);
	dma_resv_unlock(buf->dmabuf->resv);
}

/**
 * vfio_pci_dma_buf_gone - is the buffer gone permanently?
 * @buf: the buffer
 *
 * Return: %true if it was revoked or the device closed. %false can be out of
 * date when the caller sees it.
 */
bool vfio_pci_dma_buf_gone(struct vfio_pci_dma_buf *buf)
{
	return READ_ONCE(buf->life) != VFIO_PCI_DMA_BUF_LIVE ||
	       READ_ONCE(buf->bars->state) == VFIO_PCI_BARS_CLOSED;
}
