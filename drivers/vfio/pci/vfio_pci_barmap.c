// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own mapping of a BAR, which read() and write() of the device's
 * file use.
 *
 * It covers all of the BAR, uncached, from the enabling of the device on. A
 * slice that becomes write-combining ends it, see vfio_pci_wc.c: then every
 * access maps the page that it needs, until no slice is write-combining and the
 * next access makes the mapping again. If a variant driver or an ioeventfd
 * keeps its address, the mapping stays.
 */
#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_barmap.h"
#include "vfio_pci_bars.h"

/* In place of the address: the BAR is claimed, but not mapped */
#define VFIO_PCI_BARMAP_DROPPED	IOMEM_ERR_PTR(-EOPNOTSUPP)

/* Only while no page is write-combining: the mapping would become so, too */
static bool vfio_pci_barmap_can_return(struct vfio_pci_core_device *vdev,
				       unsigned int bar)
{
	return unlikely(vdev->barmap[bar] == VFIO_PCI_BARMAP_DROPPED) &&
	       !READ_ONCE(vdev->bars->wc.nr_in[bar]);
}

/*
 * A page of the BAR that other code has mapped keeps the type of that mapping,
 * and a new mapping of the whole BAR gets that type.
 */
static bool vfio_pci_barmap_is_uncached(struct vfio_pci_core_device *vdev,
					unsigned int bar)
{
	unsigned long pfn = PHYS_PFN(pci_resource_start(vdev->pdev, bar));
	pgprot_t nc = pgprot_noncached(PAGE_KERNEL);
	pgprot_t prot = nc;

	return !pfnmap_setup_cachemode(pfn, PAGE_SIZE, &prot) &&
	       pgprot_val(prot) == pgprot_val(nc);
}

static void vfio_pci_barmap_return(struct vfio_pci_core_device *vdev,
				   unsigned int bar)
{
	void __iomem *io;

	lockdep_assert_held_write(&vdev->bars->iomap.lock);

	if (!vfio_pci_barmap_can_return(vdev, bar))
		return;
	io = pci_iomap(vdev->pdev, bar, 0);
	if (!io)
		return;
	if (vfio_pci_barmap_is_uncached(vdev, bar))
		WRITE_ONCE(vdev->barmap[bar], io);
	else
		pci_iounmap(vdev->pdev, io);
}

/* Take the lock for reading, and make the mapping if that is possible */
static int vfio_pci_barmap_lock(struct vfio_pci_core_device *vdev,
				unsigned int bar)
{
	struct rw_semaphore *lock = &vdev->bars->iomap.lock;

	if (down_read_killable(lock))
		return -EINTR;
	if (!vfio_pci_barmap_can_return(vdev, bar))
		return 0;
	up_read(lock);
	if (down_write_killable(lock))
		return -EINTR;
	vfio_pci_barmap_return(vdev, bar);
	downgrade_write(lock);
	return 0;
}

/**
 * vfio_pci_core_get_iomap - get the kernel's mapping of a BAR, to keep
 * @vdev: the device, after vfio_pci_core_enable()
 * @bar: index of the BAR
 *
 * Return: The address, valid until vfio_pci_core_disable(), or an ERR_PTR() if,
 * for example, the BAR is invalid, vfio-pci could not acquire or map it, or a
 * slice of it is write-combining.
 */
void __iomem *vfio_pci_core_get_iomap(struct vfio_pci_core_device *vdev,
				      unsigned int bar)
{
	void __iomem *io;

	if (WARN_ON_ONCE(bar >= PCI_STD_NUM_BARS))
		return IOMEM_ERR_PTR(-EINVAL);

	if (vfio_pci_barmap_lock(vdev, bar))
		return IOMEM_ERR_PTR(-EINTR);
	io = vdev->barmap[bar];
	if (WARN_ON_ONCE(!io))
		io = IOMEM_ERR_PTR(-ENODEV);
	else if (!IS_ERR(io))
		set_bit(bar, &vdev->bars->iomap.kept);
	up_read(&vdev->bars->iomap.lock);
	return io;
}
EXPORT_SYMBOL_GPL(vfio_pci_core_get_iomap);

/**
 * vfio_pci_barmap_claimed - has vfio-pci claimed the BAR's resource?
 * @vdev: the device, enabled
 * @bar: index of the BAR
 *
 * Return: 0, or the errno with which requesting or mapping it failed.
 */
int vfio_pci_barmap_claimed(struct vfio_pci_core_device *vdev, unsigned int bar)
{
	/* Both values that it can change between give the same result */
	void __iomem *io = READ_ONCE(vdev->barmap[bar]);

	if (!io)
		return -ENODEV;
	return io == VFIO_PCI_BARMAP_DROPPED ? 0 : PTR_ERR_OR_ZERO(io);
}

/*
 * A new mapping of a page gets the type that the page has, and would keep it.
 * So the type must not change meanwhile: a change holds @iomap.lock for
 * writing.
 */
static void __iomem *vfio_pci_barmap_page(struct vfio_pci_core_device *vdev,
					  unsigned int bar, loff_t pos,
					  size_t *count)
{
	resource_size_t start = ALIGN_DOWN(pos, PAGE_SIZE);
	resource_size_t len = pci_resource_len(vdev->pdev, bar) - start;
	void __iomem *io;

	io = ioremap(pci_resource_start(vdev->pdev, bar) + start,
		     min_t(resource_size_t, len, PAGE_SIZE));
	if (!io)
		return IOMEM_ERR_PTR(-ENOMEM);
	*count = min_t(size_t, *count, PAGE_SIZE - offset_in_page(pos));
	return io - start;
}

/**
 * vfio_pci_barmap_begin - begin an access to a BAR
 * @vdev: the device, open
 * @bar: index of the BAR
 * @pos: offset in the BAR
 * @count: number of bytes, which this function may reduce
 *
 * Return: Address of the BAR's first byte, or an ERR_PTR(). Until it calls
 * vfio_pci_barmap_end() the caller may access @count bytes from @pos on.
 */
void __iomem *vfio_pci_barmap_begin(struct vfio_pci_core_device *vdev,
				    unsigned int bar, loff_t pos, size_t *count)
{
	void __iomem *io;

	if (vfio_pci_barmap_lock(vdev, bar))
		return IOMEM_ERR_PTR(-EINTR);
	io = vdev->barmap[bar];
	if (io == VFIO_PCI_BARMAP_DROPPED)
		io = vfio_pci_barmap_page(vdev, bar, pos, count);
	else if (WARN_ON_ONCE(!io))
		io = IOMEM_ERR_PTR(-ENODEV);
	if (IS_ERR(io))
		up_read(&vdev->bars->iomap.lock);
	return io;
}

/**
 * vfio_pci_barmap_end - end an access to a BAR
 * @vdev: the device
 * @bar: index of the BAR
 * @pos: offset in the BAR at which it began
 * @io: the value that vfio_pci_barmap_begin() returned
 */
void vfio_pci_barmap_end(struct vfio_pci_core_device *vdev, unsigned int bar,
			 loff_t pos, void __iomem *io)
{
	if (vdev->barmap[bar] == VFIO_PCI_BARMAP_DROPPED) {
		/* Flush the write-combining buffers */
		wmb();
		iounmap(io + ALIGN_DOWN(pos, PAGE_SIZE));
	}
	up_read(&vdev->bars->iomap.lock);
}

/**
 * vfio_pci_barmap_drop - unmap a BAR
 * @vdev: the device, open
 * @bar: index of the BAR, which is memory
 *
 * Return: %true if it is no longer mapped, %false if a user keeps its address.
 */
bool vfio_pci_barmap_drop(struct vfio_pci_core_device *vdev, unsigned int bar)
{
	void __iomem *io = vdev->barmap[bar];

	lockdep_assert_held_write(&vdev->bars->iomap.lock);

	if (io == VFIO_PCI_BARMAP_DROPPED)
		return true;
	if (IS_ERR_OR_NULL(io) || test_bit(bar, &vdev->bars->iomap.kept))
		return false;
	WRITE_ONCE(vdev->barmap[bar], VFIO_PCI_BARMAP_DROPPED);
	pci_iounmap(vdev->pdev, io);
	return true;
}

/**
 * vfio_pci_barmap_release - undo vfio_pci_core_map_bars()
 * @vdev: the device, about to be disabled
 */
void vfio_pci_barmap_release(struct vfio_pci_core_device *vdev)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (vfio_pci_barmap_claimed(vdev, bar))
			continue;
		if (!IS_ERR(vdev->barmap[bar]))
			pci_iounmap(vdev->pdev, vdev->barmap[bar]);
		pci_release_selected_regions(vdev->pdev, 1 << bar);
		vdev->barmap[bar] = NULL;
	}
}
