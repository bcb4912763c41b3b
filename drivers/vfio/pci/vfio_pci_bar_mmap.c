// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of a BAR through the device's file, and of an exported slice, with one
 * fault handler for both. See vfio_pci_bars.c.
 *
 * A BAR that is mapped through the device's file gets one buffer of its whole
 * length, made by the first mmap() and shared by all later ones: user space
 * sees the address, offset and name of its mapping, never the buffer, and a VMA
 * reaches only the pages of its own span. The VMA keeps the device open: it
 * holds the device's file. The buffer does not hold that file, so that there is
 * no cycle of references between device and buffer.
 */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_area.h"
#include "vfio_pci_bar_mmap.h"
#include "vfio_pci_dmabuf_iov.h"
#include "vfio_pci_dmabuf_pal.h"
#include "vfio_pci_slice.h"
#include "vfio_pci_wc.h"

#define VFIO_PCI_INDEX_TO_PGOFF(index) \
	((unsigned long)(index) << (VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT))

static struct vfio_pci_dma_buf *vfio_pci_vma_buf(struct vm_area_struct *vma)
{
	struct dma_buf *dmabuf = vma->vm_file->private_data;

	return dmabuf->priv;
}

/* Jiffies (20 ms) that a fault sleeps if it must not drop mmap_lock */
#define VFIO_PCI_FAULT_NAP	DIV_ROUND_UP(HZ, 50)

/*
 * For a fault that can neither wait without mmap_lock nor make its caller
 * retry: after its nap, let the access fault again. Only this function checks
 * for fatal signals on that path.
 */
static vm_fault_t vfio_pci_fault_again(void)
{
	return fatal_signal_pending(current) ? VM_FAULT_SIGBUS : VM_FAULT_NOPAGE;
}

/*
 * Which signals end the wait of a fault, besides the end of the transition. An
 * access of user space handles signals before it is repeated, so any signal
 * ends its wait: a timer or a kick of a vCPU gets through. The kernel's own
 * access to a user address would be repeated at once, with the signal still
 * pending, so only a fatal signal ends its wait.
 */
static unsigned int vfio_pci_fault_sleep(struct vm_fault *vmf)
{
	const unsigned int both = FAULT_FLAG_USER | FAULT_FLAG_INTERRUPTIBLE;

	return (vmf->flags & both) == both ? TASK_INTERRUPTIBLE : TASK_KILLABLE;
}

/*
 * A transition is in progress. Wait for its end without mmap_lock or the VMA's
 * lock. Once the lock is released the VMA may be gone; the file keeps the
 * buffer and, through its owner, the text of this module.
 */
static noinline vm_fault_t vfio_pci_fault_wait(struct vm_fault *vmf,
					       struct vfio_pci_bars *bars)
{
	unsigned int sleep = vfio_pci_fault_sleep(vmf);
	struct file *file;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		(void)wait_event_killable_timeout(bars->settled,
						  vfio_pci_bars_settled(bars),
						  VFIO_PCI_FAULT_NAP);
		return vfio_pci_fault_again();
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	file = get_file(vmf->vma->vm_file);
	release_fault_lock(vmf);
	/* Signaled or not: who called looks for a signal before it goes on */
	(void)wait_event_state(bars->settled, vfio_pci_bars_settled(bars),
			       sleep);
	fput(file);
	return VM_FAULT_RETRY;
}

/**
 * vfio_pci_core_fault_retry - give up a fault that has to wait
 * @vdev: the device
 * @vmf: the fault, in a VMA of the device's file
 * @wait: waits for the device, killable, and takes memory_lock at least for a
 *	moment
 *
 * For drivers that map regions of their own and need memory_lock for it. A
 * reset reaches mmap_lock under memory_lock. So a fault may only try to take
 * memory_lock; if that fails, it waits here, without mmap_lock.
 *
 * Return: The value that the fault handler has to return.
 */
vm_fault_t vfio_pci_core_fault_retry(struct vfio_pci_core_device *vdev,
				     struct vm_fault *vmf,
				     void (*wait)(struct vfio_pci_core_device *vdev))
{
	struct file *file = vmf->vma->vm_file;

	if (!(vmf->flags & FAULT_FLAG_ALLOW_RETRY)) {
		schedule_timeout_killable(VFIO_PCI_FAULT_NAP);
		return vfio_pci_fault_again();
	}
	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* Keeps the device open if the VMA goes */
	get_file(file);
	release_fault_lock(vmf);
	wait(vdev);
	fput(file);
	return VM_FAULT_RETRY;
}
EXPORT_SYMBOL_GPL(vfio_pci_core_fault_retry);

/* A huge page has one type, but its pages may differ, see vfio_pci_wc.c */
static bool vfio_pci_types_differ(struct vfio_pci_bars *bars, unsigned long pfn,
				  unsigned int order)
{
	return READ_ONCE(bars->wc.nr) && !vfio_pci_wc_same(bars, pfn, order);
}

/*
 * For sequential accesses, pages are mapped ahead: as many as are mapped
 * directly before the faulting page, and at most this number.
 */
#define VFIO_PCI_FAULT_AHEAD	16

/*
 * The page table of the fault, which stays, see vfio_pci_fault_prepare(). NULL
 * if page tables are in highmem, or if a huge page is in its place.
 */
static pte_t *vfio_pci_fault_table(struct vm_fault *vmf)
{
	pmd_t pmd = pmdp_get_lockless(vmf->pmd);

	if (IS_ENABLED(CONFIG_HIGHPTE) || pmd_none(pmd) || pmd_leaf(pmd) ||
	    pmd_bad(pmd))
		return NULL;
	return pte_offset_kernel(&pmd, 0);
}

/* Is a page mapped? The answer may be stale: it only affects speed. */
static bool vfio_pci_fault_mapped(pte_t *pte)
{
	return pte_present(ptep_get_lockless(pte));
}

/* Number of pages to map from the fault on, 1 unless accesses are sequential */
static unsigned long vfio_pci_fault_count(struct vm_fault *vmf)
{
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long index = pte_index(addr);
	pte_t *table = vfio_pci_fault_table(vmf);
	unsigned long count = 1;

	if (!table || !index || addr == vmf->vma->vm_start ||
	    !vfio_pci_fault_mapped(table + index - 1))
		return 1;
	while (count < VFIO_PCI_FAULT_AHEAD && count <= index &&
	       vfio_pci_fault_mapped(table + index - count))
		count++;
	count = min(count, PTRS_PER_PTE - index);
	return min(count, (vmf->vma->vm_end - addr) >> PAGE_SHIFT);
}

/*
 * Map the pages behind the first one. They belong to the same range, from @pfn
 * on, and to the same page table, so that nothing is allocated. Pages that are
 * already mapped are left alone.
 */
static noinline void vfio_pci_fault_ahead(struct vm_fault *vmf,
					  struct vfio_pci_dma_buf *buf,
					  unsigned long count)
{
	unsigned long page = vmf->pgoff - buf->pgoff_base;
	unsigned long pfn, i;

	count = min(count, vfio_pci_slice_span(&buf->map, page, &pfn));
	for (i = 1; i < count; i++) {
		if (vmf_insert_pfn(vmf->vma, vmf->address + i * PAGE_SIZE,
				   pfn + i) != VM_FAULT_NOPAGE)
			break;
	}
}

/* Inline for the same reason as its caller */
static __always_inline vm_fault_t
vfio_pci_fault_insert(struct vm_fault *vmf, struct vfio_pci_dma_buf *buf)
{
	unsigned long count = vfio_pci_fault_count(vmf);
	unsigned long pfn;
	vm_fault_t ret;

	if (!vfio_pci_slice_page(&buf->map, vmf->pgoff - buf->pgoff_base, &pfn))
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vmf->vma, vmf->address, pfn);
	if (count > 1 && ret == VM_FAULT_NOPAGE)
		vfio_pci_fault_ahead(vmf, buf, count);
	return ret;
}

static vm_fault_t vfio_pci_fault_insert_huge(struct vm_fault *vmf,
					     struct vfio_pci_dma_buf *buf,
					     unsigned int order)
{
	unsigned long addr = ALIGN_DOWN(vmf->address, PAGE_SIZE << order);
	unsigned long page = vmf->pgoff - buf->pgoff_base;
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	unsigned long pfn;

	if (addr < vmf->vma->vm_start ||
	    vmf->vma->vm_end - addr < PAGE_SIZE << order)
		return VM_FAULT_FALLBACK;
	page -= (vmf->address - addr) >> PAGE_SHIFT;

	if (!vfio_pci_slice_lookup(&buf->map, page, order, &pfn) ||
	    vfio_pci_types_differ(buf->bars, pfn, order))
		return VM_FAULT_FALLBACK;

	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER)
		return vmf_insert_pfn_pmd(vmf, pfn, write);
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PUD_PFNMAP) && order == PUD_ORDER)
		return vmf_insert_pfn_pud(vmf, pfn, write);
	return VM_FAULT_FALLBACK;
}

/*
 * Nothing is allocated under the gate, so the page table has to exist before.
 * It stays until the fault has ended: this VMA does not allow MADV_DONTNEED,
 * which could free it.
 */
static vm_fault_t vfio_pci_fault_prepare(struct vm_fault *vmf)
{
	return pte_alloc(vmf->vma->vm_mm, vmf->pmd) ? VM_FAULT_OOM : 0;
}

/* Inline, so that a fault of one page skips all code that it does not need */
static __always_inline vm_fault_t vfio_pci_fault(struct vm_fault *vmf,
						 unsigned int order)
{
	struct vfio_pci_dma_buf *buf = vfio_pci_vma_buf(vmf->vma);
	struct vfio_pci_bars *bars = buf->bars;
	enum vfio_pci_bars_state state;
	vm_fault_t ret;

	if (!order && vfio_pci_fault_prepare(vmf))
		return VM_FAULT_OOM;

	read_lock(&bars->gate);
	/* What follows the first change of life needs no gate */
	state = READ_ONCE(buf->life) ? VFIO_PCI_BARS_CLOSED : bars->state;
	if (state != VFIO_PCI_BARS_ON)
		ret = VM_FAULT_SIGBUS;
	else if (order)
		ret = vfio_pci_fault_insert_huge(vmf, buf, order);
	else
		ret = vfio_pci_fault_insert(vmf, buf);
	read_unlock(&bars->gate);

	if (unlikely(state == VFIO_PCI_BARS_BUSY))
		ret = vfio_pci_fault_wait(vmf, bars);

	return ret;
}

static vm_fault_t vfio_pci_page_fault(struct vm_fault *vmf)
{
	return vfio_pci_fault(vmf, 0);
}

static vm_fault_t __maybe_unused vfio_pci_huge_fault(struct vm_fault *vmf,
						     unsigned int order)
{
	return vfio_pci_fault(vmf, order);
}

/* Each VMA of the device's file holds a reference on that file */
static void vfio_pci_bar_vm_open(struct vm_area_struct *vma)
{
	get_file(vma->vm_private_data);
}

static void vfio_pci_bar_vm_close(struct vm_area_struct *vma)
{
	fput(vma->vm_private_data);
}

/* For remap_file_pages(): vm_pgoff is an offset in the device's file */
static struct file *vfio_pci_bar_mapped_file(struct vm_area_struct *vma)
{
	return vma->vm_private_data;
}

static const struct vm_operations_struct vfio_pci_bar_vm_ops = {
	.open = vfio_pci_bar_vm_open,
	.close = vfio_pci_bar_vm_close,
	.mapped_file = vfio_pci_bar_mapped_file,
	.fault = vfio_pci_page_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = vfio_pci_huge_fault,
#endif
};

static const struct vm_operations_struct vfio_pci_slice_vm_ops = {
	.open = vfio_slice_vma_open,
	.close = vfio_slice_vma_close,
	.may_split = vfio_slice_vma_may_split,
	.fault = vfio_pci_page_fault,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = vfio_pci_huge_fault,
#endif
};

/**
 * vfio_pci_dma_buf_vma_offset - &dma_buf_ops.vma_offset of slices and BARs
 * @dmabuf: the buffer
 * @vma: a VMA whose file is that of the buffer
 * @offset: the byte of the buffer that @vma begins with
 *
 * An importer gets only what @vma shows, even if the buffer is all of the BAR:
 * some drivers hide part of a BAR by limiting the length of its mappings.
 *
 * Return: %true, or %false if no device may access the buffer.
 */
static bool vfio_pci_dma_buf_vma_offset(struct dma_buf *dmabuf,
					const struct vm_area_struct *vma,
					size_t *offset)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;

	/* Without a provider the path between two devices cannot be checked */
	if (!buf->list->provider ||
	    (vma->vm_ops != &vfio_pci_bar_vm_ops &&
	     vma->vm_ops != &vfio_pci_slice_vm_ops))
		return false;
	*offset = (size_t)(vma->vm_pgoff - buf->pgoff_base) << PAGE_SHIFT;
	return true;
}

/* Inline, because mmap() of a BAR knows all arguments but the VMA */
static __always_inline void
vfio_pci_vma_setup(struct vm_area_struct *vma, bool wc,
		   const struct vm_operations_struct *vm_ops)
{
	pgprot_t prot = vma->vm_page_prot;

	if (wc)
		prot = pgprot_writecombine(prot);
	else
		prot = pgprot_noncached(prot);
	vma->vm_page_prot = pgprot_decrypted(prot);

	/*
	 * As io_remap_pfn_range() would set them: a fault is too late for that.
	 *
	 * VM_ALLOW_ANY_UNCACHED lets KVM on arm64 map the memory as Normal-NC,
	 * so that a guest can have write-combining. That needs a platform on
	 * which no access to a BAR can end in an uncontained failure, which
	 * vfio-pci takes for granted for all that it maps itself.
	 */
	vm_flags_set(vma, VM_ALLOW_ANY_UNCACHED | VM_IO | VM_PFNMAP |
			  VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = vm_ops;
}

/**
 * vfio_pci_dma_buf_mmap - mmap() of an exported slice
 * @dmabuf: the buffer. The caller has checked that the span is inside of it.
 * @vma: the new VMA
 *
 * Return: 0 or -errno.
 */
static int vfio_pci_dma_buf_mmap(struct dma_buf *dmabuf,
				 struct vm_area_struct *vma)
{
	struct vfio_pci_dma_buf *buf = dmabuf->priv;
	int ret;

	/* VM_MAYSHARE, because a file opened for reading lacks VM_SHARED */
	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (!buf->mappable)
		return -EOPNOTSUPP;
	/* To say it early. What counts is the test in the fault. */
	if (vfio_pci_dma_buf_gone(buf))
		return -ENODEV;

	ret = vfio_pci_dma_buf_prepare_map(buf);
	if (ret)
		return ret;
	/* Nothing fails after this */
	ret = vfio_slice_vma_init(vma, &buf->vmas);
	if (ret)
		return ret;

	vfio_pci_vma_setup(vma, READ_ONCE(buf->want_wc),
			   &vfio_pci_slice_vm_ops);
	return 0;
}

const struct dma_buf_ops vfio_pci_slice_ops = {
	.user_fences_apart = true,
	.match_mapping = vfio_pci_dma_buf_match,
	.select_mapping = vfio_pci_dma_buf_select,
	.dma_follows_file_mode = true,
	.mmap = vfio_pci_dma_buf_mmap,
	.get_unmapped_area = vfio_pci_dma_buf_get_area,
	.vma_offset = vfio_pci_dma_buf_vma_offset,
	.release = vfio_pci_wc_release,
};

/* No mmap: no file descriptor refers to this buffer */
static const struct dma_buf_ops vfio_pci_bar_ops = {
	.user_fences_apart = true,
	.match_mapping = vfio_pci_dma_buf_match,
	.select_mapping = vfio_pci_dma_buf_select,
	.dma_follows_file_mode = true,
	.get_unmapped_area = vfio_pci_dma_buf_get_area,
	.vma_offset = vfio_pci_dma_buf_vma_offset,
	.release = vfio_pci_dma_buf_release,
};

/* "<vfio device>:<BDF>/<BAR>", shown in /proc/PID/maps behind "/dmabuf:" */
static char *vfio_pci_bar_name(struct vfio_pci_core_device *vdev,
			       unsigned int bar)
{
	return kasprintf(GFP_KERNEL_ACCOUNT, "%s:%s/%u",
			 dev_name(&vdev->vdev.device), pci_name(vdev->pdev),
			 bar);
}

static struct dma_buf *vfio_pci_bar_buf_new(struct vfio_pci_core_device *vdev,
					    unsigned int bar, u64 start,
					    size_t size)
{
	struct vfio_pci_dma_buf *buf;
	struct dma_buf *dmabuf;
	char *name;

	name = vfio_pci_bar_name(vdev, bar);
	if (!name)
		return ERR_PTR(-ENOMEM);
	buf = vfio_pci_dma_buf_alloc(vdev, 1);
	if (IS_ERR(buf)) {
		kfree(name);
		return ERR_CAST(buf);
	}
	buf->list->phys[0].paddr = pci_resource_start(vdev->pdev, bar) + start;
	buf->list->phys[0].len = size;
	buf->list->provider = pcim_p2pdma_provider(vdev->pdev, bar);
	buf->pgoff_base = VFIO_PCI_INDEX_TO_PGOFF(bar) + (start >> PAGE_SHIFT);
	buf->bar = bar;

	dmabuf = vfio_pci_dma_buf_create(buf, &vfio_pci_bar_ops, size,
					 O_RDWR, name);
	if (IS_ERR(dmabuf)) {
		vfio_pci_dma_buf_free(buf);
		kfree(name);
	}
	return dmabuf;
}

/* The buffer of all of @bar. The device holds it until its close. */
static struct dma_buf *vfio_pci_bar_buf_share(struct vfio_pci_core_device *vdev,
					      unsigned int bar, size_t size)
{
	struct vfio_pci_bars *bars = vdev->bars;
	struct dma_buf *dmabuf, *old;

	dmabuf = vfio_pci_bar_buf_new(vdev, bar, 0, size);
	if (IS_ERR(dmabuf))
		return dmabuf;

	scoped_guard(mutex, &bars->lock) {
		old = bars->bar[bar];
		if (!old) {
			/* Pairs with the load in vfio_pci_bar_mmap() */
			smp_store_release(&bars->bar[bar], dmabuf);
		}
	}
	if (old) {
		/* Another task was faster */
		dma_buf_put(dmabuf);
		dmabuf = old;
	}
	get_dma_buf(dmabuf);
	return dmabuf;
}

static noinline struct dma_buf *
vfio_pci_bar_buf_make(struct vfio_pci_core_device *vdev, unsigned int bar,
		      const struct vm_area_struct *vma)
{
	u64 size = PAGE_ALIGN((u64)pci_resource_len(vdev->pdev, bar));
	unsigned long pgoff = vma->vm_pgoff - VFIO_PCI_INDEX_TO_PGOFF(bar);

	/* On a 32-bit system a BAR can be longer than a buffer */
	if (size > LONG_MAX)
		return vfio_pci_bar_buf_new(vdev, bar, (u64)pgoff << PAGE_SHIFT,
					    vma->vm_end - vma->vm_start);
	return vfio_pci_bar_buf_share(vdev, bar, size);
}

/**
 * vfio_pci_bar_mmap - mmap() of a BAR through the device's file
 * @vdev: the device, open
 * @bar: index of the BAR, which user space may map
 * @vma: the new VMA, known to be inside of the BAR
 *
 * Return: 0 or -errno.
 */
int vfio_pci_bar_mmap(struct vfio_pci_core_device *vdev, unsigned int bar,
		      struct vm_area_struct *vma)
{
	/* Pairs with the store in vfio_pci_bar_buf_share() */
	struct dma_buf *dmabuf = smp_load_acquire(&vdev->bars->bar[bar]);

	if (likely(dmabuf))
		get_dma_buf(dmabuf);
	else
		dmabuf = vfio_pci_bar_buf_make(vdev, bar, vma);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	/*
	 * The VMA's reference on the device's file moves to vm_private_data,
	 * ours on the dma-buf's file to the VMA. Nothing fails after this.
	 */
	vma->vm_private_data = vma->vm_file;
	vma->vm_file = dmabuf->file;
	vfio_pci_vma_setup(vma, false, &vfio_pci_bar_vm_ops);
	return 0;
}
