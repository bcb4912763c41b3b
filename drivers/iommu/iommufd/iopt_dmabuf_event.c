// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports dma-bufs that did not come back after an outage: user space can set an
 * eventfd per IOAS. iommufd signals it when the dma-buf core has given up mapping a
 * dma-buf again, once or more for all places and domains.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

/**
 * struct iopt_dmabuf_event - the eventfd of an IOAS
 * @ctx: the eventfd, with a reference
 * @work: signals the eventfd. User space decides how many mappings fail and how many
 *	tasks wait for the eventfd. The dma-buf core reports a failure with locks
 *	held that an exporter waits for, and must not wait for all of these.
 */
struct iopt_dmabuf_event {
	struct eventfd_ctx *ctx;
	struct work_struct work;
};

/* Protects &io_pagetable.dmabuf_event. Innermost. */
static DEFINE_SPINLOCK(event_lock);

static void signal_work(struct work_struct *work)
{
	eventfd_signal(container_of(work, struct iopt_dmabuf_event, work)->ctx);
}

static struct iopt_dmabuf_event *event_alloc(int fd)
{
	struct iopt_dmabuf_event *event;
	struct eventfd_ctx *ctx;

	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return ERR_CAST(ctx);
	event = kzalloc_obj(*event, GFP_KERNEL_ACCOUNT);
	if (!event) {
		eventfd_ctx_put(ctx);
		return ERR_PTR(-ENOMEM);
	}
	event->ctx = ctx;
	INIT_WORK(&event->work, signal_work);
	return event;
}

/* Takes ownership of @event. Frees the previous one after its work has run. */
static void set_event(struct io_pagetable *iopt,
		      struct iopt_dmabuf_event *event)
{
	scoped_guard(spinlock, &event_lock)
		swap(iopt->dmabuf_event, event);
	if (!event)
		return;
	flush_work(&event->work);
	eventfd_ctx_put(event->ctx);
	kfree(event);
}

/**
 * iopt_dmabuf_option_event - IOMMU_OPTION_DMABUF_EVENT
 * @cmd: the option
 * @iopt: the io_pagetable of the IOAS
 *
 * Return: 0, -EOPNOTSUPP for an attempt to read the option, -EINVAL if the value is
 * not a file descriptor number or the file is no eventfd, -EBADF if no file has that
 * number, -ENOMEM.
 */
int iopt_dmabuf_option_event(struct iommu_option *cmd,
			     struct io_pagetable *iopt)
{
	struct iopt_dmabuf_event *event = NULL;

	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	if (cmd->val64 != U64_MAX) {
		if (cmd->val64 > INT_MAX)
			return -EINVAL;
		event = event_alloc(cmd->val64);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	set_event(iopt, event);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_option_event);

/**
 * iopt_dmabuf_event_signal - report that a mapping of a dma-buf did not come back
 * @iopt: the io_pagetable with the mapping
 *
 * Context: Any in which spinlocks can be taken.
 */
void iopt_dmabuf_event_signal(struct io_pagetable *iopt)
{
	guard(spinlock)(&event_lock);

	if (iopt->dmabuf_event)
		queue_work(system_dfl_wq, &iopt->dmabuf_event->work);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_event_signal);

/**
 * iopt_dmabuf_event_fini - stop reporting and drop the eventfd
 * @iopt: the io_pagetable, without areas
 */
void iopt_dmabuf_event_fini(struct io_pagetable *iopt)
{
	set_event(iopt, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_event_fini);
