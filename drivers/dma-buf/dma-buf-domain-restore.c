// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps a buffer that was revoked for a time again, into all domains that it is in
 * when it comes back.
 *
 * When the exporter revokes the buffer, all spans become lost: they stay with the
 * core, and nothing is mapped there. A span that the importer adds meanwhile is
 * lost from the beginning. The exporter reports that the buffer is back with the
 * reservation lock and locks of its own held. So a work item maps the buffer and
 * then fills one lost span after the other.
 *
 * The work item fills in batches. For each batch it takes &dma_buf_domain_map.lock
 * and looks up the first lost span; it keeps no pointer to a span in between. So
 * the importer can clear a span at any time, which takes the span off its list, and
 * a revoke finds each span either on the list with nothing mapped or with the
 * number of bytes to take out. A revoke sets &dma_buf_domain_map.revoking, as for
 * every filler, and takes the exporter's list away, so that a running work item
 * finds nothing to do. The exporter queues the work item again when the buffer is
 * back again; if the work item is running at that moment it runs once more.
 *
 * Only the end of the mapping waits for the work item. By then all spans are
 * cleared, so that nothing is left to do. No signal ends the work. Its size is that
 * of the spans, each of which a task has filled before.
 *
 * Memory may be short when the buffer comes back. A span that cannot be filled is
 * emptied as a whole, does not keep others from being filled, and is tried again a
 * few times. The importer's user decides how many spans there are and how full the
 * memory cgroup is. What the core does for the spans is bounded by the memory that
 * it frees and the tables that it fills, on a workqueue of two workers for all
 * importers. When the core gives a span up it calls
 * &dma_buf_domain_span.not_restored, and tries again after the next outage.
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

/* The second try is 0.1 s after the first, each delay twice the last: 6.3 s in all */
#define RESTORE_TRIES	7
#define RESTORE_DELAY	(HZ / 10)

/* Shared by all importers, whose users the exporter's owner need not trust */
#define RESTORE_WORKERS	2

/* One look for memory that can be freed, in the cgroup of the task that imported */
#define RESTORE_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

static struct workqueue_struct *restore_wq;

/**
 * dma_buf_domain_all_lost - record that nothing is mapped
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
 * Fill one table of the first lost span. Returns 1 if there is more to do, 0 if there
 * is nothing to do now, or the error of this span.
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
 * Moves the span that is the first now. If another span has become the first, the
 * only cost is time. The importer's task may have filled the span in the meantime, and
 * has seen success.
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
 * After the first span for which no memory could be freed, do not reclaim for the
 * others: their number has no bound.
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

/* Map the buffer, if that is possible. On error no span can be filled. */
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
		/* Unless the importer has unmapped */
		if (dma_buf_domain_map_of(map->attach) != map)
			ret = -ENODEV;
		else if (!map->list)
			ret = dma_buf_domain_publish(map);
		dma_resv_unlock(dmabuf->resv);
	} while (ret > 0);
	return ret;
}

/* A task of the importer may have filled the span in the meantime */
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

/* Try the failed spans again later, or report them */
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

	/* The exporter has taken the buffer away again, which is no failure */
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
 * An importer uses it as &dma_buf_attach_ops.restore_mappings, or calls it from its
 * own callback. The core then fills all spans again that the importer has not
 * cleared, unless the exporter takes the buffer away again. An importer whose
 * operations lack it gets nothing back and has to attach again.
 *
 * Context: The caller holds the reservation lock of the buffer. Does not sleep.
 */
void dma_buf_domain_restore(struct dma_buf_attachment *attach)
{
	struct dma_buf_domain_map *map = dma_buf_domain_map_of(attach);

	dma_resv_assert_held(attach->dmabuf->resv);

	/* There is no map before dma_buf_domain_map() and after dma_buf_domain_unmap() */
	if (!map)
		return;
	/* The buffer is mapped already, or the importer does not want it back */
	if (map->list || map->keep_revoked)
		return;
	map->told = true;
	mod_delayed_work(restore_wq, &map->restore, 0);
}
EXPORT_SYMBOL_FOR_MODULES(dma_buf_domain_restore, DMA_BUF_DOMAIN_IMPORTERS);

/**
 * dma_buf_domain_keep_revoked - keep the mapping empty after an outage
 * @attach: attachment that dma_buf_domain_map() has mapped
 *
 * The end of an outage from now on does not bring the mapping back. This cancels a
 * work item that the end of an earlier outage has queued. A work item that runs ends
 * before this returns, and may have mapped the buffer again: call
 * dma_buf_domain_revoked() afterwards.
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
 * dma_buf_domain_restore_init - initialize the part that restores mappings
 * @map: the new map. The current task's memory cgroup pays for it.
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
 * @map: the map, with no span left and no longer reachable from its attachment
 *
 * Context: May sleep. The work item takes the reservation lock and the map's lock.
 */
void dma_buf_domain_restore_fini(struct dma_buf_domain_map *map)
{
	WARN_ON(!list_empty(&map->lost) || !list_empty(&map->failed));
	/* Most buffers have no outage */
	if (map->told)
		cancel_delayed_work_sync(&map->restore);
	mem_cgroup_put(map->memcg);
}
