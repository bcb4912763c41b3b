// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers of a VF that its PF imports.
 *
 * A VF is assigned to a virtual machine, and vfio-pci has exported a buffer in the
 * VF's LMEM BAR. The PF gets offsets in that BAR (IOV, see
 * drivers/dma-buf/dma-buf-iov.c), and behind the BAR is VRAM that the PF itself has
 * given to the VF. So the PF's GPU uses the VRAM.
 *
 * The provisioning of the VF decides which VRAM that is, and may change it. The PF
 * looks all offsets up in the VRAM that this VF has now, and in no other VF's. Before
 * the PF takes VRAM from a VF, or VRAM moves to another offset because a tile before
 * it gets or loses some, it unmaps all imports of the VF. The exporter chooses again
 * when they are mapped the next time: an import for which the VF has no VRAM is
 * mapped through the BAR, by a scatterlist.
 *
 * Locks: the provisioning holds its own lock (master_lock) and takes the reservation
 * locks of imports inside of it. &iov_lock nests inside a reservation lock. It
 * protects struct xe_dma_buf_iov and the list of imports, and its holder waits for
 * nothing.
 */
#include <linux/dma-buf-iov.h>
#include <linux/dma-resv.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include <drm/drm_pagemap.h>

#include "regs/xe_bars.h"
#include "xe_bo.h"
#include "xe_device.h"
#include "xe_dma_buf_iov.h"
#include "xe_gt_types.h"
#include "xe_res_cursor.h"
#include "xe_sriov.h"
#include "xe_svm.h"

MODULE_IMPORT_NS("DMA_BUF");

static DEFINE_MUTEX(iov_lock);

/*
 * The user decides how many pieces a buffer has. Each is looked up under iov_lock, in
 * VRAM that may be in thousands of pieces itself.
 */
#define MAX_RANGES	4096

/**
 * struct xe_dma_buf_iov_map - an import that is mapped as VRAM of a VF
 * @no_sgt: a table without DMA addresses, for TTM
 * @bo: the imported object, which has it mapped
 * @iov: the VF's struct, which has this in its list
 * @elm: in &xe_dma_buf_iov.imports
 * @gen: value of &xe_dma_buf_iov.gen when @addr was looked up
 * @nr: number of entries that @addr has room for
 * @addr: addresses of the buffer in the GPU's address space
 */
struct xe_dma_buf_iov_map {
	struct sg_table no_sgt;
	struct xe_bo *bo;
	struct xe_dma_buf_iov *iov;
	struct hlist_node elm;
	unsigned int gen;
	size_t nr;
	struct drm_pagemap_addr addr[] __counted_by(nr);
};

/* The table in TTM is either part of a xe_dma_buf_iov_map or an exporter's table */
static struct xe_dma_buf_iov_map *to_iov_map(const struct xe_bo *bo)
{
	return bo->iov_mapped ?
		container_of(bo->ttm.sg, struct xe_dma_buf_iov_map, no_sgt) :
		NULL;
}

static struct xe_dma_buf_iov *find_vf(struct xe_device *xe,
				      const struct pci_dev *vf)
{
	int id = pci_iov_vf_id((struct pci_dev *)vf);

	if (id < 0 || id >= xe->sriov.pf.driver_max_vfs)
		return NULL;
	/* Index 0 is the PF */
	return &xe->sriov.pf.vfs[id + 1].iov;
}

static u64 lmem_size(const struct xe_dma_buf_iov *iov)
{
	u64 size = 0;
	unsigned int i;

	for (i = 0; i < XE_DMA_BUF_IOV_TILES; i++)
		if (iov->lmem[i])
			size += xe_bo_size(iov->lmem[i]);
	return size;
}

/* Is this range within the quota of the VF? */
static bool has_range(const struct xe_dma_buf_iov *iov,
		      const struct dma_buf_iov_range *range)
{
	u64 size = lmem_size(iov);

	return range->offset <= size && range->length <= size - range->offset;
}

/*
 * Store contiguous VRAM in entries, each of which covers a power of two of pages.
 * Returns the number of entries needed, and fills in those for which there is room.
 */
static size_t put_piece(u64 addr, u64 size, struct drm_pagemap_addr *to,
			size_t room)
{
	unsigned int order;
	size_t n = 0;

	while (size) {
		order = ilog2(size >> PAGE_SHIFT);
		if (n < room)
			to[n] = drm_pagemap_addr_encode(addr,
							XE_INTERCONNECT_VRAM,
							order,
							DMA_BIDIRECTIONAL);
		n++;
		addr += PAGE_SIZE << order;
		size -= PAGE_SIZE << order;
	}
	return n;
}

/* The same for a piece of the VRAM that a VF has on one tile */
static size_t put_lmem(struct xe_bo *lmem, u64 offset, u64 size,
		       struct drm_pagemap_addr *to, size_t room)
{
	u64 base = vram_region_gpu_offset(lmem->ttm.resource);
	struct xe_res_cursor cur;
	size_t n = 0;
	u64 piece;

	xe_res_first(lmem->ttm.resource, offset, size, &cur);
	while (cur.remaining) {
		piece = min(cur.size, cur.remaining);
		n += put_piece(base + xe_res_dma(&cur), piece, to + n,
			       room > n ? room - n : 0);
		xe_res_next(&cur, piece);
	}
	return n;
}

/* The same for a range of offsets that the VF has */
static size_t put_range(const struct xe_dma_buf_iov *iov,
			const struct dma_buf_iov_range *range,
			struct drm_pagemap_addr *to, size_t room)
{
	u64 offset = range->offset, left = range->length;
	size_t n = 0;
	unsigned int i;
	u64 size, piece;

	for (i = 0; i < XE_DMA_BUF_IOV_TILES && left; i++) {
		if (!iov->lmem[i])
			continue;
		size = xe_bo_size(iov->lmem[i]);
		if (offset >= size) {
			offset -= size;
			continue;
		}
		piece = min(left, size - offset);
		n += put_lmem(iov->lmem[i], offset, piece, to + n,
			      room > n ? room - n : 0);
		left -= piece;
		offset = 0;
	}
	return n;
}

/*
 * Look up the whole buffer. Returns the number of entries needed, and fills in those
 * for which there is room; returns 0 if the VF does not have all of the VRAM.
 */
static size_t put_all(struct dma_buf_attachment *attach,
		      const struct xe_dma_buf_iov *iov, unsigned int nr_ranges,
		      struct drm_pagemap_addr *to, size_t room)
{
	struct dma_buf_iov_range range;
	unsigned int i;
	size_t n = 0;

	lockdep_assert_held(&iov_lock);

	for (i = 0; i < nr_ranges; i++) {
		dma_buf_iov_range(attach, i, &range);
		if (!has_range(iov, &range))
			return 0;
		n += put_range(iov, &range, to + n, room > n ? room - n : 0);
	}
	return n;
}

/* Can this PF use the memory of a VF at all? */
static const char *refuse_device(struct xe_device *xe)
{
	if (!IS_SRIOV_PF(xe) || !IS_DGFX(xe))
		return "importer has no VRAM to give to VFs";
	/* An import is bound in pages of 4K, as everywhere else */
	if (xe->info.vram_flags & XE_VRAM_FLAGS_NEED64K)
		return "VRAM needs pages of 64K";
	return NULL;
}

static const char *xe_dma_buf_refuse_iov(struct dma_buf_attachment *attach,
					 const struct dma_buf_iov *iov)
{
	struct xe_bo *bo = gem_to_xe_bo(attach->importer_priv);
	struct xe_device *xe = xe_bo_device(bo);
	const char *why = refuse_device(xe);
	struct dma_buf_iov_range range;
	struct xe_dma_buf_iov *vf;
	unsigned int i;

	if (why)
		return why;
	vf = find_vf(xe, iov->vf);
	if (!vf)
		return "VF is not known";
	/* The PF could not unmap it when the VF loses the VRAM */
	if (xe_bo_is_pinned(bo))
		return "importer has it on the screen";

	guard(mutex)(&iov_lock);
	if (!lmem_size(vf))
		return "VF has no VRAM";
	if (iov->nr_ranges > MAX_RANGES)
		return "too many pieces";
	/* The buffer may contain a piece twice */
	if (attach->dmabuf->size > lmem_size(vf))
		return "longer than the VF's VRAM";
	for (i = 0; i < iov->nr_ranges; i++) {
		dma_buf_iov_range(attach, i, &range);
		if (!has_range(vf, &range))
			return "outside of the VF's VRAM";
	}
	return NULL;
}

static const struct dma_buf_iov_importer xe_dma_buf_iov_importer = {
	.bars = BIT(LMEM_BAR),
	.refuse = xe_dma_buf_refuse_iov,
};

const struct dma_buf_mapping_match xe_import_types[XE_NR_IMPORT_TYPES] = {
	DMA_BUF_IMAPPING_IOV(&xe_dma_buf_iov_importer),
	DMA_BUF_IMAPPING_SGT(NULL, DMA_SGT_IMPORTER_ACCEPTS_P2P),
};

/*
 * Memory must not be allocated under iov_lock, so count first. Returns -EAGAIN if the
 * VF's VRAM has changed meanwhile: the exporter then has to choose again.
 */
static struct xe_dma_buf_iov_map *map_vf(struct xe_bo *bo,
					 const struct dma_buf_iov *iov,
					 struct xe_dma_buf_iov *vf)
{
	struct dma_buf_attachment *attach = bo->ttm.base.import_attach;
	struct xe_dma_buf_iov_map *map;
	size_t nr;

	scoped_guard(mutex, &iov_lock)
		nr = put_all(attach, vf, iov->nr_ranges, NULL, 0);
	if (!nr)
		return ERR_PTR(-EAGAIN);

	map = kvzalloc_flex(*map, addr, nr, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->nr = nr;
	map->bo = bo;
	map->iov = vf;

	scoped_guard(mutex, &iov_lock) {
		if (put_all(attach, vf, iov->nr_ranges, map->addr, nr) == nr) {
			map->gen = vf->gen;
			hlist_add_head(&map->elm, &vf->imports);
			return map;
		}
	}
	kvfree(map);
	return ERR_PTR(-EAGAIN);
}

static struct sg_table *map_iov(struct xe_bo *bo)
{
	struct dma_buf_attachment *attach = bo->ttm.base.import_attach;
	struct xe_dma_buf_iov_map *map;
	struct dma_buf_iov iov;
	int ret;

	ret = dma_buf_iov_map_attachment(attach, DMA_BIDIRECTIONAL, &iov);
	if (ret)
		return ERR_PTR(ret);
	map = map_vf(bo, &iov, find_vf(xe_bo_device(bo), iov.vf));
	if (IS_ERR(map)) {
		dma_buf_iov_unmap_attachment(attach);
		return ERR_CAST(map);
	}
	bo->iov_mapped = true;
	return &map->no_sgt;
}

static struct sg_table *map_selected(struct xe_bo *bo)
{
	struct dma_buf_attachment *attach = bo->ttm.base.import_attach;
	struct sg_table *sgt;
	int ret;

	ret = dma_buf_mapping_select(attach);
	if (ret)
		return ERR_PTR(ret);
	if (dma_buf_is_iov(attach))
		sgt = map_iov(bo);
	else
		sgt = dma_buf_sgt_map_attachment(attach, DMA_BIDIRECTIONAL);
	/* The map of either type has counted itself */
	dma_buf_mapping_unselect(attach);
	if (IS_ERR(sgt))
		dma_buf_mapping_renew(attach);
	return sgt;
}

/**
 * xe_dma_buf_map_import - map an imported object, in the type that was selected
 * @ttm_bo: the object, which is not mapped
 *
 * Context: The caller holds the reservation lock of the object. May sleep.
 *
 * Return: The table that TTM keeps for the mapping: one with DMA addresses, or one
 * without any if xe_dma_buf_iov_addr() returns the addresses; or an ERR_PTR.
 */
struct sg_table *xe_dma_buf_map_import(struct ttm_buffer_object *ttm_bo)
{
	struct xe_bo *bo = ttm_to_xe_bo(ttm_bo);
	struct sg_table *sgt = map_selected(bo);

	/* The VF has lost the VRAM between the choice and the map */
	if (sgt == ERR_PTR(-EAGAIN))
		sgt = map_selected(bo);
	return sgt;
}

/**
 * xe_dma_buf_unmap_import - unmap an imported object
 * @ttm_bo: the object, whose mapping the GPU no longer uses
 *
 * Context: The caller holds the reservation lock of the object. May sleep.
 */
void xe_dma_buf_unmap_import(struct ttm_buffer_object *ttm_bo)
{
	struct dma_buf_attachment *attach = ttm_bo->base.import_attach;
	struct xe_bo *bo = ttm_to_xe_bo(ttm_bo);
	struct xe_dma_buf_iov_map *map = to_iov_map(bo);

	if (!map) {
		dma_buf_sgt_unmap_attachment(attach, ttm_bo->sg,
					     DMA_BIDIRECTIONAL);
		return;
	}
	bo->iov_mapped = false;
	dma_buf_iov_unmap_attachment(attach);
	scoped_guard(mutex, &iov_lock) {
		hlist_del(&map->elm);
		wake_up_var_locked(&map->iov->imports, &iov_lock);
	}
	kvfree(map);
}

/**
 * xe_dma_buf_iov_addr - addresses of an imported object in VRAM
 * @bo: the object, of which the caller holds the reservation lock
 *
 * Return: Addresses for xe_res_first_dma(), or NULL if the object is not mapped as
 * VRAM of a VF.
 */
const struct drm_pagemap_addr *xe_dma_buf_iov_addr(const struct xe_bo *bo)
{
	const struct xe_dma_buf_iov_map *map = bo ? to_iov_map(bo) : NULL;

	return map ? map->addr : NULL;
}

/* Was it mapped before the VF's VRAM changed? A newer map has other addresses. */
static bool is_old(const struct xe_dma_buf_iov_map *map,
		   const struct xe_dma_buf_iov *vf)
{
	lockdep_assert_held(&iov_lock);

	return map->gen != vf->gen;
}

/* Unmap an object, unless it was mapped again meanwhile */
static void revoke(struct xe_bo *bo, struct xe_dma_buf_iov *vf)
{
	struct dma_resv *resv = bo->ttm.base.resv;
	struct xe_dma_buf_iov_map *map;
	bool old = false;

	dma_resv_lock(resv, NULL);
	map = to_iov_map(bo);
	if (map) {
		guard(mutex)(&iov_lock);
		old = is_old(map, vf);
	}
	if (!old)
		goto out;
	/* A job that is submitted later validates the object, which maps it again */
	if (XE_WARN_ON(xe_bo_evict(bo, XE_VALIDATION_UNSUPPORTED))) {
		/* Take it off the list, so that revoke_old() does not find it again */
		mutex_lock(&iov_lock);
		map->gen = vf->gen;
		mutex_unlock(&iov_lock);
		goto out;
	}
	dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
	xe_bo_dma_unmap_pinned(bo);
	dma_buf_mapping_renew(bo->ttm.base.import_attach);
out:
	dma_resv_unlock(resv);
}

/* Find an old import of the VF, and take a reference unless it is being freed */
static struct xe_dma_buf_iov_map *find_old(struct xe_dma_buf_iov *vf, bool *alive)
{
	struct xe_dma_buf_iov_map *map, *dying = NULL;

	lockdep_assert_held(&iov_lock);

	*alive = true;
	hlist_for_each_entry(map, &vf->imports, elm) {
		if (!is_old(map, vf))
			continue;
		if (kref_get_unless_zero(&map->bo->ttm.base.refcount))
			return map;
		dying = map;
	}
	*alive = false;
	return dying;
}

/* Compare all of it: another map may be at the same address by now */
static bool is_listed(const struct xe_dma_buf_iov_map *wanted,
		      const struct xe_dma_buf_iov *vf)
{
	const struct xe_dma_buf_iov_map *map;

	hlist_for_each_entry(map, &vf->imports, elm)
		if (map == wanted && is_old(map, vf))
			return true;
	return false;
}

/*
 * Unmap all imports of a VF that were mapped before its VRAM changed. TTM unmaps an
 * object that is being freed as soon as the GPU is done with it. Both end when the
 * GPU's jobs end, or are made to.
 */
static void revoke_old(struct xe_dma_buf_iov *vf)
{
	struct xe_dma_buf_iov_map *map;
	struct xe_bo *bo;
	bool alive;

	mutex_lock(&iov_lock);
	while ((map = find_old(vf, &alive))) {
		if (!alive) {
			wait_var_event_mutex(&vf->imports, !is_listed(map, vf),
					     &iov_lock);
			continue;
		}
		bo = map->bo;
		mutex_unlock(&iov_lock);
		revoke(bo, vf);
		xe_bo_put(bo);
		mutex_lock(&iov_lock);
	}
	mutex_unlock(&iov_lock);
}

/**
 * xe_dma_buf_iov_provide - record that a VF was given VRAM
 * @gt: main GT of the tile
 * @vfid: the VF
 * @lmem: the VRAM, pinned and behind the VF's BAR
 *
 * Context: The caller holds the lock of the provisioning. Takes reservation locks of
 * imports, and waits for the GPU.
 */
void xe_dma_buf_iov_provide(struct xe_gt *gt, unsigned int vfid,
			    struct xe_bo *lmem)
{
	struct xe_dma_buf_iov *vf = &gt_to_xe(gt)->sriov.pf.vfs[vfid].iov;

	BUILD_BUG_ON(XE_MAX_TILES_PER_DEVICE > XE_DMA_BUF_IOV_TILES);

	scoped_guard(mutex, &iov_lock) {
		vf->lmem[gt_to_tile(gt)->id] = lmem;
		vf->gen++;
	}
	/* The VRAM on the tiles behind this one has other offsets now */
	revoke_old(vf);
}

/**
 * xe_dma_buf_iov_withdraw - record that VRAM is about to be taken from a VF
 * @gt: main GT of the tile
 * @lmem: the VRAM, still pinned
 *
 * When this returns no page table maps the VRAM, and it cannot be mapped again.
 *
 * Context: As xe_dma_buf_iov_provide().
 */
void xe_dma_buf_iov_withdraw(struct xe_gt *gt, struct xe_bo *lmem)
{
	struct xe_device *xe = gt_to_xe(gt);
	unsigned int tile = gt_to_tile(gt)->id;
	struct xe_dma_buf_iov *vf;
	unsigned int i;
	bool has;

	for (i = 1; i <= xe->sriov.pf.driver_max_vfs; i++) {
		vf = &xe->sriov.pf.vfs[i].iov;
		scoped_guard(mutex, &iov_lock) {
			has = vf->lmem[tile] == lmem;
			if (has) {
				vf->lmem[tile] = NULL;
				vf->gen++;
			}
		}
		if (has)
			revoke_old(vf);
	}
}
