// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dma-buf under every mapping of a BAR, see vfio_pci_bars.c.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-importers.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "vfio_pci_area.h"
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

/**
 * vfio_pci_dma_buf_unuse - the caller does not need the buffer on the list
 * @buf: the buffer, on the list, whose &vfio_pci_dma_buf.users the caller is one
 *	of. It may be freed as soon as &vfio_pci_bars.lock is released.
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

static void vfio_pci_dma_buf_release(struct dma_buf *dmabuf)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;

	/* While the close of the device, which does it too, still finds the buffer */
	vfio_pci_wc_release(buf);
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
 * Context: The reservation lock is held.
 *
 * Return: 0, to be undone with vfio_pci_dma_buf_map_end(), or -ENODEV if the
 * buffer cannot be used now or is gone for ever.
 */
int vfio_pci_dma_buf_map_begin(struct vfio_pci_dma_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	/* Attached first, then this: see vfio_pci_dma_buf_quiet() */
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
 * Context: The reservation lock is held.
 */
void vfio_pci_dma_buf_map_end(struct vfio_pci_dma_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);

	/* Pairs with the load in vfio_pci_dma_buf_drain() */
	smp_store_release(&buf->nr_maps, buf->nr_maps - 1);
	if (!buf->nr_maps)
		wake_up_all(&buf->bars->unmapped);
}

const struct dma_buf_ops vfio_pci_dmabuf_ops = {
	.user_fences_apart = true,
	.match_mapping = vfio_pci_dma_buf_match,
	.select_mapping = vfio_pci_dma_buf_select,
	.dma_follows_file_mode = true,
	.mmap = vfio_pci_dma_buf_mmap,
	.get_unmapped_area = vfio_pci_dma_buf_get_area,
	.vma_offset = vfio_pci_dma_buf_vma_offset,
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

	/* Nobody but transitions knows the buffer yet */
	mutex_lock(&buf->bars->lock);
	list_add_tail(&buf->elm, &buf->bars->bufs);
	mutex_unlock(&buf->bars->lock);

	return dmabuf;
}

/**
 * vfio_pci_dma_buf_on - may importers map the buffer?
 * @buf: the buffer
 *
 * Context: The reservation lock is held. What takes the buffer away takes that
 * lock after it has changed what is looked at here: a mapping that begins under
 * the same hold of the lock as this is found by it.
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
 * vfio_pci_dma_buf_zap - take the buffer's pages out of all page tables
 * @buf: the buffer. No fault maps a page of it any more.
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
 * Nobody is an importer or about to become one. If somebody attaches after this
 * he cannot map the buffer: he is counted before he looks at what the caller has
 * changed. Pairs with the barriers in vfio_pci_dma_buf_map_phys() and _match().
 */
static bool vfio_pci_dma_buf_quiet(struct vfio_pci_dma_buf *buf)
{
	/* What the caller has changed first, then whether there is anybody */
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
 * vfio_pci_dma_buf_try_invalidate - tell importers, if that is possible at once
 * @buf: the buffer, which importers cannot map any more
 * @busy: set to %true if there are any
 *
 * Without importers the reservation lock is not needed, and it does not matter
 * what a client does who holds it.
 *
 * Return: %false if there are importers and somebody holds the lock.
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
 * vfio_pci_dma_buf_invalidate - tell importers that the buffer is gone
 * @buf: the buffer, which importers cannot map any more
 * @killable: give up when the task is killed
 * @busy: set to %true if there are any
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
	/* Pairs with the store in vfio_pci_dma_buf_unmap_phys() */
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
 * vfio_pci_dma_buf_try_restore - say that the buffer is back, if possible at once
 * @buf: the buffer, which importers may be able to map again
 *
 * Return: %false if there are importers and somebody holds the reservation lock.
 */
bool vfio_pci_dma_buf_try_restore(struct vfio_pci_dma_buf *buf)
{
	/* The state first, then whether there is anybody: he has seen it if not */
	if (vfio_pci_dma_buf_quiet(buf))
		return true;
	if (!dma_resv_trylock(buf->dmabuf->resv))
		return false;
	vfio_pci_dma_buf_tell_back(buf);
	dma_resv_unlock(buf->dmabuf->resv);
	return true;
}

/**
 * vfio_pci_dma_buf_restore - say that the buffer is back
 * @buf: the buffer, which importers may be able to map again
 *
 * Importers may hear it twice.
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
 * vfio_pci_dma_buf_gone - is it over with the buffer, for ever?
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

static int vfio_pci_dma_buf_kill(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->bars->state == VFIO_PCI_BARS_CLOSED)
		return -ENODEV;
	/* Somebody was killed while waiting for importers: do it to the end */
	if (buf->life != VFIO_PCI_DMA_BUF_LIVE)
		return buf->life == VFIO_PCI_DMA_BUF_DRAINED ? -EBADFD : 0;

	write_lock(&buf->bars->gate);
	WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_DEAD);
	write_unlock(&buf->bars->gate);
	return 0;
}

static void vfio_pci_dma_buf_cut(struct vfio_pci_dma_buf *buf)
{
	vfio_pci_dma_buf_zap(buf);

	guard(mutex)(&buf->bars->lock);
	if (buf->life < VFIO_PCI_DMA_BUF_CUT)
		WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_CUT);
}

/*
 * Transitions need not look at the buffer any more, unless they are about to, and
 * its holders may know.
 */
static int vfio_pci_dma_buf_complete(struct vfio_pci_dma_buf *buf)
{
	guard(mutex)(&buf->bars->lock);

	if (buf->life == VFIO_PCI_DMA_BUF_DRAINED)
		return -EBADFD;
	WRITE_ONCE(buf->life, VFIO_PCI_DMA_BUF_DRAINED);
	if (!buf->users)
		list_del_init(&buf->elm);
	dma_buf_hang_up(buf->dmabuf);
	return 0;
}

static int vfio_pci_dma_buf_finish(struct vfio_pci_dma_buf *buf, bool killable)
{
	bool busy = false;
	int ret;

	ret = vfio_pci_dma_buf_invalidate(buf, killable, &busy);
	if (!ret)
		ret = vfio_pci_wc_revoke(buf, killable);
	if (!ret && busy)
		ret = vfio_pci_dma_buf_drain(buf, killable);
	return ret ?: vfio_pci_dma_buf_complete(buf);
}

/**
 * struct vfio_pci_dma_buf_rest - the rest of a revoke that nobody waits for
 * @work: does it
 * @buf: the buffer, whose dma-buf is referenced
 */
struct vfio_pci_dma_buf_rest {
	struct work_struct work;
	struct vfio_pci_dma_buf *buf;
};

static void vfio_pci_dma_buf_rest_work(struct work_struct *work)
{
	struct vfio_pci_dma_buf_rest *rest =
		container_of(work, struct vfio_pci_dma_buf_rest, work);
	struct dma_buf *dmabuf = rest->buf->dmabuf;

	vfio_pci_dma_buf_finish(rest->buf, false);
	kfree(rest);
	dma_buf_put(dmabuf);
}

/*
 * Somebody else waits for the importers. One worker a buffer, so that a client
 * whose importer takes long does not keep the others' revokes from ending, and a
 * queue for each device.
 */
static int vfio_pci_dma_buf_finish_queue(struct vfio_pci_bars *bars)
{
	struct workqueue_struct *queue;

	/* Pairs with the store below */
	if (smp_load_acquire(&bars->finish))
		return 0;
	queue = alloc_workqueue("vfio-pci-revoke", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!queue)
		return -ENOMEM;

	scoped_guard(mutex, &bars->lock) {
		if (!bars->finish) {
			/* Pairs with the load above */
			smp_store_release(&bars->finish, queue);
			return 0;
		}
	}
	/* Somebody else was faster */
	destroy_workqueue(queue);
	return 0;
}

static struct vfio_pci_dma_buf_rest *
vfio_pci_dma_buf_rest_alloc(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;

	if (vfio_pci_dma_buf_finish_queue(buf->bars))
		return NULL;
	rest = kmalloc_obj(*rest, GFP_KERNEL_ACCOUNT);
	if (!rest)
		return NULL;
	INIT_WORK(&rest->work, vfio_pci_dma_buf_rest_work);
	rest->buf = buf;
	return rest;
}

/* Takes @rest over. Once is enough: it does not give up. */
static void vfio_pci_dma_buf_finish_later(struct vfio_pci_dma_buf_rest *rest)
{
	struct vfio_pci_dma_buf *buf = rest->buf;
	bool again;

	scoped_guard(mutex, &buf->bars->lock) {
		again = buf->finishing;
		buf->finishing = true;
	}
	if (again) {
		kfree(rest);
		return;
	}
	get_dma_buf(buf->dmabuf);
	queue_work(buf->bars->finish, &rest->work);
}

/* Nobody can map the buffer any more, no CPU has it mapped */
static int vfio_pci_dma_buf_begin_revoke(struct vfio_pci_dma_buf *buf)
{
	int ret = vfio_pci_dma_buf_kill(buf);

	if (ret)
		return ret;
	vfio_pci_dma_buf_cut(buf);
	return 0;
}

/**
 * vfio_pci_dma_buf_revoke - take a buffer away for ever
 * @buf: the buffer, whose dma-buf the caller holds
 *
 * Costs what is mapped of this buffer, and does not touch the others, unless it is
 * write-combining.
 *
 * Return: 0, no CPU and no importer reaches the slices through this buffer any
 * more; -EBADFD if it was like that before, -ENODEV if the device was closed,
 * -EINTR if the task was killed: then importers may still have it mapped, and a
 * worker waits for them if there is memory for one.
 */
int vfio_pci_dma_buf_revoke(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;
	int ret;

	ret = vfio_pci_dma_buf_begin_revoke(buf);
	if (ret)
		return ret;
	ret = vfio_pci_dma_buf_finish(buf, true);
	if (ret != -EINTR)
		return ret;
	rest = vfio_pci_dma_buf_rest_alloc(buf);
	if (rest)
		vfio_pci_dma_buf_finish_later(rest);
	return -EINTR;
}

/**
 * vfio_pci_dma_buf_start_revoke - the same without waiting for importers
 * @buf: the buffer, whose dma-buf the caller holds
 *
 * Importers are told, and the buffer hangs up when they have let go of it. Where
 * there are none it has done so on return.
 *
 * Return: 0, no CPU reaches the slices through this buffer any more and none
 * will, nor will an importer map it; -EBADFD or -ENODEV as
 * vfio_pci_dma_buf_revoke(), or -ENOMEM: then nothing was done.
 */
int vfio_pci_dma_buf_start_revoke(struct vfio_pci_dma_buf *buf)
{
	struct vfio_pci_dma_buf_rest *rest;
	bool busy = false;
	int ret;

	rest = vfio_pci_dma_buf_rest_alloc(buf);
	if (!rest)
		return -ENOMEM;
	ret = vfio_pci_dma_buf_begin_revoke(buf);
	if (ret)
		goto out;
	if (!vfio_pci_dma_buf_try_invalidate(buf, &busy) || busy ||
	    vfio_pci_wc_revoked(buf)) {
		vfio_pci_dma_buf_finish_later(rest);
		return 0;
	}
	/* Somebody else may have been faster */
	vfio_pci_dma_buf_complete(buf);
out:
	kfree(rest);
	return ret;
}
