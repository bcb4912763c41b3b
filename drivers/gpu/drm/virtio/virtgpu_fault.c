// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access to host blobs by the CPU.
 */
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "virtgpu_drv.h"

/**
 * DOC: faults on host blobs
 *
 * mmap() does not wait for the host. The first access maps the blob: the fault waits
 * for the host without mmap_lock and the VMA's lock, then is repeated and finds the
 * blob mapped. DRM_IOCTL_VIRTGPU_MAP, which comes before mmap(), has asked the host
 * already if there was a free place.
 *
 * A fault makes a page table entry in a section of drm_dev_enter() and with the gate
 * of the blob held, and only if the blob is mapped then. Removal of the device and
 * eviction first make sure that no new entries can be made, and then take the entries
 * away. One fault maps all of the blob that lies within 2 MiB. With the gate held, a
 * fault of huge pages and one of small pages at the same address see what the other
 * has done.
 */

/* The page protection for the cache type that the host wants */
static pgprot_t cache_prot(pgprot_t prot, u32 cache)
{
	switch (cache) {
	case VIRTIO_GPU_MAP_CACHE_WC:
		return pgprot_writecombine(prot);
	case VIRTIO_GPU_MAP_CACHE_UNCACHED:
		return pgprot_noncached(prot);
	default:
		return prot;
	}
}

/* The part to be mapped around the address of a fault */
struct span {
	struct mm_struct *mm;
	unsigned long start, end; /* user addresses */
	unsigned long pfn; /* at the start */
	pgprot_t prot;
};

static int map_page(pte_t *pte, unsigned long addr, void *data)
{
	const struct span *span = data;
	unsigned long pfn = span->pfn + ((addr - span->start) >> PAGE_SHIFT);

	/* An earlier fault has made the entry, which may be dirty by now */
	if (!pte_none(ptep_get(pte)))
		return 0;
	set_pte_at(span->mm, addr, pte, pte_mkspecial(pfn_pte(pfn, span->prot)));
	return 0;
}

/*
 * The part of the blob around the address that lies in the VMA and in one page table.
 * False if the address itself is past the end of the blob.
 */
static bool find_span(struct vm_fault *vmf, struct virtio_gpu_object_vram *vram,
		      struct span *span)
{
	struct vm_area_struct *vma = vmf->vma;
	struct drm_gem_object *obj = &vram->base.base.base;
	unsigned long pages = obj->size >> PAGE_SHIFT;
	unsigned long page = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long before;

	if (page >= pages)
		return false;

	span->mm = vma->vm_mm;
	span->start = max(vma->vm_start, addr & PMD_MASK);
	before = (addr - span->start) >> PAGE_SHIFT;
	span->end = min(vma->vm_end, (addr & PMD_MASK) + PMD_SIZE);
	if ((span->end - addr) >> PAGE_SHIFT > pages - page)
		span->end = addr + ((pages - page) << PAGE_SHIFT);
	span->pfn = (vram->place.node.start >> PAGE_SHIFT) + page - before;
	span->prot = vma->vm_page_prot;
	return true;
}

static vm_fault_t map_pages(struct vm_fault *vmf, struct span *span)
{
	int ret;

	/* Another fault, which held the gate before, has used a huge page here */
	if (pmd_leaf(pmdp_get(vmf->pmd)))
		return VM_FAULT_NOPAGE;
	ret = apply_to_page_range(span->mm, span->start,
				  span->end - span->start, map_page, span);
	return ret ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

/* vmf_insert_pfn_pmd() takes no other memory type than that of the VMA */
static vm_fault_t map_huge(struct vm_fault *vmf,
			   struct virtio_gpu_object_vram *vram,
			   const struct span *span, unsigned int order,
			   u32 cache)
{
	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) || order != PMD_ORDER ||
	    span->end - span->start != PMD_SIZE ||
	    !IS_ALIGNED(span->pfn, 1UL << order) ||
	    pgprot_val(span->prot) != pgprot_val(vmf->vma->vm_page_prot) ||
	    !virtio_gpu_cache_set(vram, cache))
		return VM_FAULT_FALLBACK;
	return vmf_insert_pfn_pmd(vmf, span->pfn,
				  vmf->flags & FAULT_FLAG_WRITE);
}

/* The caller has seen that the blob is mapped, and keeps it mapped */
static vm_fault_t insert(struct vm_fault *vmf,
			 struct virtio_gpu_object_vram *vram,
			 unsigned int order, u32 cache)
{
	struct span span;

	if (!find_span(vmf, vram, &span))
		return VM_FAULT_SIGBUS;
	span.prot = cache_prot(span.prot, cache);
	return order ? map_huge(vmf, vram, &span, order, cache) :
		       map_pages(vmf, &span);
}

static vm_fault_t failed(struct virtio_gpu_object_vram *vram, int error)
{
	drm_dbg(vram->base.base.base.dev,
		"resource %u: no access, it could not be mapped: %d\n",
		vram->base.hw_res_handle, error);
	return VM_FAULT_SIGBUS;
}

/* False if the blob is not mapped */
static bool insert_if_mapped(struct vm_fault *vmf,
			     struct virtio_gpu_device *vgdev,
			     struct virtio_gpu_object_vram *vram,
			     unsigned int order, vm_fault_t *ret)
{
	u32 cache;

	guard(mutex)(&vram->gate);
	/* virtio_gpu_window_zap() closes the queues first, then takes the gate */
	if (READ_ONCE(vgdev->queues_closed)) {
		*ret = failed(vram, -ENODEV);
		return true;
	}
	if (virtio_gpu_map_state_result(&vram->map, &cache))
		return false;
	*ret = insert(vmf, vram, order, cache);
	return true;
}

/*
 * Any signal ends the wait of a task that can return to user space for it. An access
 * by the kernel is repeated after other signals, so only a fatal one ends its wait.
 */
static unsigned int wait_state(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_INTERRUPTIBLE &&
	       vmf->flags & FAULT_FLAG_USER ? TASK_INTERRUPTIBLE : TASK_KILLABLE;
}

/* Wait without any lock that other tasks need; the VMA may be gone afterwards */
static noinline vm_fault_t map_late(struct vm_fault *vmf,
				    struct virtio_gpu_object_vram *vram)
{
	struct drm_gem_object *obj = &vram->base.base.base;
	struct file *file;
	int error;
	u32 cache;

	/* This access has waited before, and the attempt has failed */
	error = virtio_gpu_map_state_error(&vram->map);
	if (error && vmf->flags & FAULT_FLAG_TRIED)
		return failed(vram, error);

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		error = virtio_gpu_vram_make_mapped(vram, TASK_KILLABLE, &cache);
		return error && !fatal_signal_pending(current) ?
			failed(vram, error) : VM_FAULT_NOPAGE;
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* The file keeps the device and this module; the blob does not */
	file = get_file(vmf->vma->vm_file);
	drm_gem_object_get(obj);
	release_fault_lock(vmf);
	(void)virtio_gpu_vram_make_mapped(vram, wait_state(vmf), &cache);
	drm_gem_object_put(obj);
	fput(file);
	/* Major: the next try then knows that this access has waited, see above */
	return VM_FAULT_RETRY | VM_FAULT_MAJOR;
}

static vm_fault_t vram_fault(struct vm_fault *vmf, unsigned int order)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct virtio_gpu_object_vram *vram =
		to_virtio_gpu_vram(gem_to_virtio_gpu_obj(obj));
	struct virtio_gpu_device *vgdev = obj->dev->dev_private;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	bool mapped;
	int idx;

	if (!drm_dev_enter(obj->dev, &idx))
		return failed(vram, -ENODEV);
	mapped = insert_if_mapped(vmf, vgdev, vram, order, &ret);
	drm_dev_exit(idx);
	if (!mapped)
		return map_late(vmf, vram);

	if (!(ret & (VM_FAULT_ERROR | VM_FAULT_FALLBACK)))
		virtio_gpu_vram_used(vram);
	return ret;
}

static vm_fault_t virtio_gpu_vram_fault(struct vm_fault *vmf)
{
	return vram_fault(vmf, 0);
}

static vm_fault_t __maybe_unused virtio_gpu_vram_huge_fault(struct vm_fault *vmf,
							    unsigned int order)
{
	if (order != PMD_ORDER)
		return VM_FAULT_FALLBACK;
	return vram_fault(vmf, order);
}

static const struct vm_operations_struct virtio_gpu_vram_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = virtio_gpu_vram_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = virtio_gpu_vram_huge_fault,
#endif
};

/**
 * virtio_gpu_vram_mmap - prepare a mapping of a host blob
 * @obj: the blob
 * @vma: the VMA, with the fake offset of the object in it
 *
 * &drm_gem_object_funcs.mmap. The fake offset stays in the VMA, so that the driver
 * can find the pages of one blob among those of all, and take them away.
 *
 * Context: The caller holds mmap_lock for writing. Does not wait for the host.
 *
 * Return: 0; -EINVAL if the blob is not mappable, or if the VMA is larger than the
 * blob or private; -ENOSPC if importers hold so much of the window that there is no
 * room; -ENODEV if the device is gone.
 */
int virtio_gpu_vram_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct virtio_gpu_object *bo = gem_to_virtio_gpu_obj(obj);
	unsigned long start = vma->vm_pgoff - drm_vma_node_start(&obj->vma_node);
	unsigned long end;
	u32 cache;
	int ret;

	if (!(bo->blob_flags & VIRTGPU_BLOB_FLAG_USE_MAPPABLE) ||
	    !(vma->vm_flags & VM_SHARED) ||
	    check_add_overflow(start, vma_pages(vma), &end) ||
	    end > obj->size >> PAGE_SHIFT)
		return -EINVAL;

	ret = virtio_gpu_vram_mappable(to_virtio_gpu_vram(bo));
	if (ret)
		return ret;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	/* If the type is known already, huge pages can use it, too */
	if (!virtio_gpu_map_state_result(&to_virtio_gpu_vram(bo)->map, &cache))
		vma->vm_page_prot = cache_prot(vma->vm_page_prot, cache);
	vma->vm_ops = &virtio_gpu_vram_vm_ops;
	return 0;
}

/**
 * virtio_gpu_vram_zap - take away what the CPU has mapped of a blob
 * @vram: the blob, whose state is not mapped, or the queues are closed
 *
 * Context: May sleep.
 */
void virtio_gpu_vram_zap(struct virtio_gpu_object_vram *vram)
{
	struct drm_gem_object *obj = &vram->base.base.base;
	struct virtio_gpu_device *vgdev = obj->dev->dev_private;
	struct virtio_gpu_vram_export *export;

	/* A fault that saw the blob mapped has made its entries before it drops the gate */
	mutex_lock(&vram->gate);
	mutex_unlock(&vram->gate);

	drm_vma_node_unmap(&obj->vma_node, obj->dev->anon_inode->i_mapping);

	guard(mutex)(&vgdev->window.lock);
	list_for_each_entry(export, &vram->exports, of_blob) {
		/* Nothing maps a buffer whose file is on its way out */
		struct file *file = get_file_active(&export->dmabuf->file);

		if (!file)
			continue;
		unmap_mapping_range(file->f_mapping, 0, 0, 1);
		fput(file);
	}
}

/**
 * virtio_gpu_get_unmapped_area - find user addresses for an object
 * @filp: file of the device
 * @uaddr: the address that user space wants, or 0
 * @len: length of the mapping
 * @pgoff: fake offset of the object
 * @flags: flags of mmap()
 *
 * &file_operations.get_unmapped_area. If user space leaves the choice to the kernel,
 * it gets an address at which huge pages can be mapped.
 *
 * Return: The address or an error.
 */
unsigned long virtio_gpu_get_unmapped_area(struct file *filp,
					   unsigned long uaddr,
					   unsigned long len,
					   unsigned long pgoff,
					   unsigned long flags)
{
	unsigned long addr;

	addr = drm_gem_get_unmapped_area(filp, uaddr, len, pgoff, flags);
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	/* The fake offset does not tell how the blob is aligned in the window */
	if (!IS_ERR_VALUE(addr) && !uaddr && len >= PMD_SIZE &&
	    !IS_ALIGNED(addr, PMD_SIZE))
		addr = thp_get_unmapped_area(filp, 0, len, 0, flags);
#endif
	return addr;
}
