// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space has to know of dma-bufs that should have come back after an
 * outage: an eventfd for each IOAS. It is signaled for each place of each domain at
 * which a dma-buf could not be mapped again, when the core of dma-buf has given up.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/limits.h>
#include <linux/spinlock.h>

#include <kunit/visibility.h>

#include "io_pagetable.h"
#include "iommufd_private.h"
#include "iopt_dmabuf.h"

/* Protects &io_pagetable.dmabuf_event, which has a reference. Innermost. */
static DEFINE_SPINLOCK(event_lock);

/* Takes the reference over, and gives the one on what was there before back */
static void set_event(struct io_pagetable *iopt, struct eventfd_ctx *event)
{
	scoped_guard(spinlock, &event_lock)
		swap(iopt->dmabuf_event, event);
	if (event)
		eventfd_ctx_put(event);
}

/**
 * iopt_dmabuf_option_event - IOMMU_OPTION_DMABUF_EVENT
 * @cmd: the option
 * @iopt: of the IOAS
 *
 * Return: 0, -EOPNOTSUPP if it is to be read, -EINVAL if the value is no number of a
 * file or no eventfd has it, -EBADF if no file has.
 */
int iopt_dmabuf_option_event(struct iommu_option *cmd,
			     struct io_pagetable *iopt)
{
	struct eventfd_ctx *event = NULL;

	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	if (cmd->val64 != U64_MAX) {
		if (cmd->val64 > INT_MAX)
			return -EINVAL;
		event = eventfd_ctx_fdget(cmd->val64);
		if (IS_ERR(event))
			return PTR_ERR(event);
	}
	set_event(iopt, event);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_option_event);

/**
 * iopt_dmabuf_event - something of a dma-buf did not come back
 * @iopt: where
 *
 * Context: Any that takes spinlocks.
 */
void iopt_dmabuf_event(struct io_pagetable *iopt)
{
	guard(spinlock)(&event_lock);

	if (iopt->dmabuf_event)
		eventfd_signal(iopt->dmabuf_event);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_event);

/**
 * iopt_dmabuf_event_fini - nobody is told anything any more
 * @iopt: without areas
 */
void iopt_dmabuf_event_fini(struct io_pagetable *iopt)
{
	set_event(iopt, NULL);
}
EXPORT_SYMBOL_IF_KUNIT(iopt_dmabuf_event_fini);
