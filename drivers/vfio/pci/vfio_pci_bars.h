/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VFIO_PCI_BARS_H
#define VFIO_PCI_BARS_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct dma_buf;
struct vfio_pci_core_device;

/**
 * enum vfio_pci_bars_state - may the BARs of a device be accessed?
 * @VFIO_PCI_BARS_CLOSED: never again, because the device was closed
 * @VFIO_PCI_BARS_OFF: no, memory decode is off or the device is in low power
 * @VFIO_PCI_BARS_BUSY: not before the end of the transition in progress
 * @VFIO_PCI_BARS_ON: yes
 */
enum vfio_pci_bars_state {
	VFIO_PCI_BARS_CLOSED,
	VFIO_PCI_BARS_OFF,
	VFIO_PCI_BARS_BUSY,
	VFIO_PCI_BARS_ON,
};

/**
 * struct vfio_pci_bars_wc - write-combining pages of BARs, see vfio_pci_wc.c
 * @nr: number of times that pages have been made write-combining and are not
 *	given back yet. Written under &vfio_pci_bars.lock, while there are no
 *	faults.
 * @nr_in: the same for each BAR. Written under that lock and, except at the
 *	close, with &vfio_pci_bars_iomap.lock held for writing.
 * @left: pages to be given back, which no buffer has any longer. Under that
 *	lock.
 * @work: gives back the pages of @left
 */
struct vfio_pci_bars_wc {
	unsigned int nr;
	unsigned int nr_in[PCI_STD_NUM_BARS];
	struct list_head left;
	struct work_struct work;
};

/**
 * struct vfio_pci_bars_iomap - the kernel's own mappings of BARs, see
 *	vfio_pci_barmap.c
 * @lock: held for reading while the mapping of a BAR is used, for writing while
 *	the mapping or the type of pages changes
 * @kept: bit mask of BARs whose mapping a user of it keeps
 */
struct vfio_pci_bars_iomap {
	struct rw_semaphore lock;
	unsigned long kept;
};

/**
 * struct vfio_pci_bars - the BARs of an open device, as their buffers see them
 * @kref: the open device holds one reference, and so does each buffer
 * @gate: held for reading while a fault tests the state and inserts its page,
 *	for writing while @state or &vfio_pci_dma_buf.life changes. A spinning
 *	lock: a reader cannot be preempted, allocates nothing and inserts a few
 *	pages, so that no client can make a writer wait for longer than that.
 * @state: see &enum vfio_pci_bars_state. Written under @lock and @gate.
 * @epoch: number of times that @state became ON. Written with @state. A buffer
 *	whose importers lost their mappings remembers it, see
 *	&vfio_pci_dma_buf.told.
 * @settled: faults and exports wait here for the end of a transition
 * @unmapped: transitions and revokes wait here until importers have unmapped
 * @unused: a buffer's release waits here for the end of its
 *	&vfio_pci_dma_buf.users
 * @lock: protects @bufs, @bar, @draining and @failed. Only @gate nests inside
 *	it.
 * @bufs: the buffers with slices of these BARs, except those whose revoke is
 *	complete
 * @bar: a buffer for each BAR that was mapped through the device's own file
 * @owner: the task that runs a transition, or NULL. Written under memory_lock
 *	by that task; no other task can find itself here.
 * @draining: the device is about to be closed, and @state stays BUSY until the
 *	close or until the device stays open after all
 * @failed: the device did not recover from an error, and @state stays OFF until
 *	the next reset, see vfio_pci_reset.c
 * @settle: computes the state for tasks that must not wait for memory_lock
 * @back: notifies importers that @state is ON again
 * @finish: queue of revokes that end without a waiting task, NULL before the
 *	first one. Written under @lock.
 * @vdev: the device, for work items and revokes, which its close waits for
 * @wc: see &struct vfio_pci_bars_wc
 * @iomap: see &struct vfio_pci_bars_iomap
 */
struct vfio_pci_bars {
	struct kref kref;
	rwlock_t gate; /* see above */
	enum vfio_pci_bars_state state;
	unsigned int epoch;
	wait_queue_head_t settled;
	wait_queue_head_t unmapped;
	wait_queue_head_t unused;
	struct mutex lock; /* see above */
	struct list_head bufs;
	struct dma_buf *bar[PCI_STD_NUM_BARS];
	struct task_struct *owner;
	bool draining;
	bool failed;
	struct work_struct settle;
	struct work_struct back;
	struct workqueue_struct *finish;
	struct vfio_pci_core_device *vdev;
	struct vfio_pci_bars_wc wc;
	struct vfio_pci_bars_iomap iomap;
};

struct vfio_pci_bars *vfio_pci_bars_new(struct vfio_pci_core_device *vdev);
struct vfio_pci_bars *vfio_pci_bars_get(struct vfio_pci_bars *bars);
void vfio_pci_bars_put(struct vfio_pci_bars *bars);
struct vfio_pci_bars *vfio_pci_bars_tryget(struct vfio_pci_core_device *vdev);
void vfio_pci_bars_publish(struct vfio_pci_core_device *vdev,
			   struct vfio_pci_bars *bars);

/* Is no transition in progress? */
static inline bool vfio_pci_bars_settled(struct vfio_pci_bars *bars)
{
	return READ_ONCE(bars->state) != VFIO_PCI_BARS_BUSY;
}

void vfio_pci_bars_set_state(struct vfio_pci_bars *bars,
			     enum vfio_pci_bars_state state);
void vfio_pci_bars_change_state(struct vfio_pci_core_device *vdev,
				enum vfio_pci_bars_state state);
bool vfio_pci_bars_closed(struct vfio_pci_core_device *vdev);
bool vfio_pci_bars_outside(struct vfio_pci_core_device *vdev);
struct vfio_pci_bars *
vfio_pci_bars_outside_begin(struct vfio_pci_core_device *vdev, bool error);
bool vfio_pci_bars_outside_end(struct vfio_pci_core_device *vdev, bool error);
void vfio_pci_memory_lock_init(struct rw_semaphore *memory_lock);

#endif /* VFIO_PCI_BARS_H */
