// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way back of a buffer that was revoked for a time, into all domains that it is
 * in by then.
 *
 * When the buffer is revoked all spans become lost: they stay with the core, and
 * nothing is mapped there. A span that the importer adds meanwhile is lost from
 * the beginning. The exporter says when the buffer is back, under the reservation
 * lock and locks of its own, so that it is a work item that maps the buffer and
 * then fills one lost span after the other.
 *
 * It does so by batches, and looks at everything anew under
 * &dma_buf_domain_map.lock for each: it keeps no pointer to a span in between. So
 * the importer clears a span at any time, which then is on no list any more, and a
 * revoke at any time finds each span either on the list with nothing mapped or with
 * the number of bytes to take out. A revoke says that it is coming, as to every
 * filler, and takes the list, so that a work item which is still running finds
 * nothing to do. The exporter queues it again when the buffer is back again; if it
 * is running just then it runs once more.
 *
 * Nobody waits for the work item but the end of the mapping, and that comes
 * when all spans are cleared, so that there is nothing left to do. No signal ends
 * the work. Its size is that of the spans, which were filled in the name of a task
 * before.
 *
 * Memory may be short when the buffer comes back. A span that cannot be filled is
 * taken out again as a whole, does not keep others from being filled, and is tried
 * again a few times. The importer's user decides how many spans there are, and how
 * full the cgroup is: what is done for them is bounded by memory that is freed and
 * tables that are filled, on a workqueue of two workers for all importers. When a
 * span is given up the core calls &dma_buf_domain_span.not_restored, and tries once
 * more when the buffer has been away the next time.
 */
#include <linux/dma-buf-domain.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/memcontrol.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "dma-buf-domain-map.h"

/* 0.1 s after the first try, then twice as long each time: 6.3 s in all */
#define RESTORE_TRIES	7
#define RESTORE_DELAY	(HZ / 10)

/* Of all importers together, who may not be friends of the exporter's owner */
#define RESTORE_WORKERS	2

/* One look at what can be freed, in the cgroup of whoever imported it */
#define RESTORE_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

static struct workqueue_struct *restore_wq;

/**
 * dma_buf_domain_all_lost - nothing is mapped any more
 * @map: the map, locked, of a buffer that was revoked just now
 */
void dma_buf_domain_all_lost(struct dma_buf_domain_map *map)
{
	lockdep_assert_held(&map->lock);

	list_splice_tail_init(&map->spans, &map->lost);
	list_splice_tail_init(&map->failed, &map->lost);
	map->tries = 0;
}

/*
 * Fill one table of the first span that is lost. 1 if there is more to do, 0 if not
 * or not now, or the error, which is that of this span.
 */
static int restore_table(struct dma_buf_domain_map *map)
{
	struct dma_buf_domain_span *span;
	int ret;

	guard(mutex)(&map->lock);
	span = list_first_entry_or_null(&map->lost, struct dma_buf_domain_span,
					elm);
	if (!span || !map->list || READ_ONCE(map->revoking))
		return 0;

	ret = dma_buf_domain_fill_table(map, span);
	if (!ret)
		list_move_tail(&span->elm, &map->spans);
	return ret < 0 ? ret : 1;
}

/*
 * Whichever span is the first now: nothing but time is lost if it is another one. A
 * task of the importer may have filled it in the meantime, for which it was told 0.
 */
static void give_up_first(struct dma_buf_domain_map *map)
{
	struct dma_buf_domain_span *span;

	guard(mutex)(&map->lock);
	span = list_first_entry_or_null(&map->lost, struct dma_buf_domain_span,
					elm);
	if (!span || !map->list)
		return;
	if (span->mapped == span->length) {
		list_move_tail(&span->elm, &map->spans);
		return;
	}
	dma_buf_domain_unmap_span(span);
	list_move_tail(&span->elm, &map->failed);
}

/*
 * After the first span for which no memory could be freed the others get what is
 * at hand: there may be any number of them.
 */
static void restore_spans(struct dma_buf_domain_map *map)
{
	unsigned int tries = 0;
	bool reclaim = true;
	int ret;

	do {
		ret = restore_table(map);
		if (ret >= 0)
			tries = 0;
		if (ret == -ENOMEM && reclaim) {
			reclaim = tries++ < DMA_BUF_DOMAIN_FILL_TRIES &&
				  !dma_buf_domain_make_room(RESTORE_GFP);
			if (reclaim)
				ret = 1;
		}
		if (ret < 0)
			give_up_first(map);
		cond_resched();
	} while (ret);
}

/* Map the buffer, if that is possible. An error says that nothing can be filled. */
static int restore_list(struct dma_buf_domain_map *map)
{
	struct dma_buf *dmabuf = map->attach->dmabuf;
	int ret = 0;

	do {
		if (ret > 0)
			ret = dma_buf_domain_alloc_runs(map, map->nr_runs,
							RESTORE_GFP);
		if (ret)
			break;
		dma_resv_lock(dmabuf->resv, NULL);
		/* Unless the importer has ended it */
		if (dma_buf_domain_map_of(map->attach) != map)
			ret = -ENODEV;
		else if (!map->list)
			ret = dma_buf_domain_publish(map);
		dma_resv_unlock(dmabuf->resv);
	} while (ret > 0);
	return ret;
}

/* A task of the importer may have filled it in the meantime */
static void report(struct dma_buf_domain_map *map)
{
	struct dma_buf_domain_span *span, *next;

	list_for_each_entry_safe(span, next, &map->failed, elm) {
		if (span->mapped == span->length)
			list_move_tail(&span->elm, &map->spans);
		else if (span->not_restored)
			span->not_restored(span);
	}
}

/* Try again later what has failed, or say so */
static void restore_failed(struct dma_buf_domain_map *map, bool all)
{
	unsigned long delay;

	guard(mutex)(&map->lock);
	if (all)
		list_splice_tail_init(&map->lost, &map->failed);
	if (list_empty(&map->failed))
		return;
	if (++map->tries >= RESTORE_TRIES) {
		report(map);
		return;
	}
	delay = RESTORE_DELAY << (map->tries - 1);
	list_splice_tail_init(&map->failed, &map->lost);
	queue_delayed_work(restore_wq, &map->restore, delay);
}

static void restore(struct dma_buf_domain_map *map)
{
	int ret = restore_list(map);

	/* Away again, or gone for ever. Who takes it away does not call that failed */
	if (ret == -EAGAIN || ret == -ENODEV)
		return;
	if (!ret)
		restore_spans(map);
	restore_failed(map, ret);
}

static void restore_work(struct work_struct *work)
{
	struct dma_buf_domain_map *map =
		container_of(to_delayed_work(work), struct dma_buf_domain_map,
			     restore);
	struct mem_cgroup *old = set_active_memcg(map->memcg);

	restore(map);
	set_active_memcg(old);
}

/**
 * dma_buf_domain_restore - the buffer is back
 * @attach: the attachment
 *
 * To be &dma_buf_attach_ops.restore_mappings, or to be called by it. Soon after, all
 * spans that the importer has not cleared are filled again, unless the exporter
 * takes the buffer away again. An importer whose operations do not have it gets
 * nothing back, and attaches anew.
 *
 * Context: The reservation lock of the buffer is held. Does not sleep.
 */
void dma_buf_domain_restore(struct dma_buf_attachment *attach)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	/* Not there before dma_buf_domain_map() and after dma_buf_domain_unmap() */
	if (!map)
		return;
	/* It was not away since the work item has found it, or was mapped */
	if (map->list || map->keep_revoked)
		return;
	map->told = true;
	mod_delayed_work(restore_wq, &map->restore, 0);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_restore, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_keep_revoked - have nothing come back
 * @attach: attachment that dma_buf_domain_map() has mapped
 *
 * No outage that ends from now on brings the mapping back. A work item that the end of
 * an earlier outage has queued is taken back; one that runs ends before this returns,
 * and may have made the list again: ask dma_buf_domain_revoked() afterwards.
 *
 * Context: May sleep; killable while it waits for the reservation lock of the buffer.
 * Then it waits for the work item, whose time is bounded as for dma_buf_domain_unmap().
 *
 * Return: 0, or -EINTR if the task was killed.
 */
int dma_buf_domain_keep_revoked(struct dma_buf_attachment *attach)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);
	bool told;
	int ret;

	ret = dma_buf_lock_killable(attach->dmabuf);
	if (ret)
		return ret;
	map->keep_revoked = true;
	told = map->told;
	dma_resv_unlock(attach->dmabuf->resv);

	if (told)
		cancel_delayed_work_sync(&map->restore);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_keep_revoked, DMA_BUF_DOMAIN_IMPORTERS);

static int __init restore_wq_init(void)
{
	restore_wq = alloc_workqueue("dma_buf_restore", WQ_UNBOUND,
				     RESTORE_WORKERS);
	return restore_wq ? 0 : -ENOMEM;
}
subsys_initcall(restore_wq_init);

/**
 * dma_buf_domain_restore_init - initialize what belongs to the way back
 * @map: the new map. The current task pays for it.
 */
void dma_buf_domain_restore_init(struct dma_buf_domain_map *map)
{
	INIT_LIST_HEAD(&map->lost);
	INIT_LIST_HEAD(&map->failed);
	INIT_DELAYED_WORK(&map->restore, restore_work);
	map->memcg = get_mem_cgroup_from_current();
}

/**
 * dma_buf_domain_restore_fini - undo dma_buf_domain_restore_init()
 * @map: the map, with no span left, which its attachment does not have any more
 *
 * Context: May sleep. The work takes the reservation lock and that of the map.
 */
void dma_buf_domain_restore_fini(struct dma_buf_domain_map *map)
{
	WARN_ON(!list_empty(&map->lost) || !list_empty(&map->failed));
	/* Most are never away */
	if (map->told)
		cancel_delayed_work_sync(&map->restore);
	mem_cgroup_put(map->memcg);
}
