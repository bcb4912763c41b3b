// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for the fences of importers, but not for those of user space.
 *
 * An exporter that takes a buffer away waits for the fences in the buffer's
 * reservation object, because importers may access the buffer until the fences
 * signal. But the holder of a file descriptor of the buffer can add fences as well,
 * with DMA_BUF_IOCTL_IMPORT_SYNC_FILE, any number of them at any time. An exporter
 * that does not trust the holder must not wait for these. In buffers of an exporter
 * with &dma_buf_ops.user_fences_apart the core therefore wraps such a fence, and
 * knows it by the wrapper. To a task that waits for all fences the wrapper is a
 * fence like any other.
 *
 * The core goes by the wrapper and not by the fence inside: user space can export
 * an importer's fence, with DMA_BUF_IOCTL_EXPORT_SYNC_FILE, and import it again.
 * The object then has the fence twice, and the exporter waits for the importer's.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-importers.h>
#include <linux/dma-fence.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-resv.h>
#include <linux/irq_work.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

/**
 * struct user_fence - a fence that user space has added to a buffer
 * @base: the fence in the reservation object, signaled when @fence is
 * @lock: the lock of @base
 * @fence: the fence that user space brought, referenced
 * @cb: the callback on @fence, added when @base is to be signaled. It has a
 *	reference on @base then.
 * @work: signals @base. The callback runs under the lock of @fence, which is also
 *	taken under @lock.
 */
struct user_fence {
	struct dma_fence base;
	spinlock_t lock; /* the lock of @base */
	struct dma_fence *fence;
	struct dma_fence_cb cb;
	struct irq_work work;
};

static const char *user_fence_driver_name(struct dma_fence *fence)
{
	return "dma_buf";
}

static const char *user_fence_timeline_name(struct dma_fence *fence)
{
	return "user";
}

static void user_fence_work(struct irq_work *work)
{
	struct user_fence *user = container_of(work, struct user_fence, work);

	if (user->fence->error)
		dma_fence_set_error(&user->base, user->fence->error);
	dma_fence_signal(&user->base);
	dma_fence_put(&user->base);
}

static void user_fence_signaled_cb(struct dma_fence *fence,
				   struct dma_fence_cb *cb)
{
	irq_work_queue(&container_of(cb, struct user_fence, cb)->work);
}

static bool user_fence_enable_signaling(struct dma_fence *fence)
{
	struct user_fence *user = container_of(fence, struct user_fence, base);

	dma_fence_get(fence);
	if (!dma_fence_add_callback(user->fence, &user->cb,
				    user_fence_signaled_cb))
		return true;
	dma_fence_put(fence);
	return false;
}

static bool user_fence_signaled(struct dma_fence *fence)
{
	return dma_fence_is_signaled(container_of(fence, struct user_fence,
						  base)->fence);
}

static void user_fence_release(struct dma_fence *fence)
{
	dma_fence_put(container_of(fence, struct user_fence, base)->fence);
	dma_fence_free(fence);
}

static const struct dma_fence_ops user_fence_ops = {
	.get_driver_name = user_fence_driver_name,
	.get_timeline_name = user_fence_timeline_name,
	.enable_signaling = user_fence_enable_signaling,
	.signaled = user_fence_signaled,
	.release = user_fence_release,
};

static bool is_user_fence(struct dma_fence *fence)
{
	return rcu_access_pointer(fence->ops) == &user_fence_ops;
}

/* A fence from another buffer may be wrapped already: add the fence inside */
static struct dma_fence *unwrap_user_fence(struct dma_fence *fence)
{
	if (is_user_fence(fence))
		return container_of(fence, struct user_fence, base)->fence;
	return fence;
}

/*
 * The caller holds the reservation lock, and the exporter may be waiting for it. The
 * caller's cgroup is charged, but at its limit must not be reclaimed from here.
 */
static struct dma_fence *wrap_user_fence(struct dma_fence *fence)
{
	struct user_fence *user = kzalloc_obj(*user,
					      GFP_NOWAIT | __GFP_ACCOUNT);

	if (!user)
		return NULL;
	spin_lock_init(&user->lock);
	user->fence = dma_fence_get(unwrap_user_fence(fence));
	init_irq_work(&user->work, user_fence_work);
	dma_fence_init(&user->base, &user_fence_ops, &user->lock,
		       dma_fence_context_alloc(1), 1);
	return &user->base;
}

/**
 * dma_buf_add_user_fences - add fences that user space has brought
 * @dmabuf: the buffer
 * @fence: the fence, each part of which is added
 * @usage: the usage to add them with
 *
 * Context: The caller holds the reservation lock and has reserved slots.
 *
 * Return: 0, or -ENOMEM, in which case some of the fences may have been added.
 */
int dma_buf_add_user_fences(struct dma_buf *dmabuf, struct dma_fence *fence,
			    enum dma_resv_usage usage)
{
	struct dma_fence_unwrap iter;
	struct dma_fence *f;

	dma_resv_assert_held(dmabuf->resv);

	dma_fence_unwrap_for_each(f, &iter, fence) {
		struct dma_fence *wrapped;

		if (!dmabuf->ops->user_fences_apart) {
			dma_resv_add_fence(dmabuf->resv, f, usage);
			continue;
		}
		wrapped = wrap_user_fence(f);
		if (!wrapped)
			return -ENOMEM;
		dma_resv_add_fence(dmabuf->resv, wrapped, usage);
		dma_fence_put(wrapped);
	}
	return 0;
}

/* Count the unsignaled fences of importers and keep up to @max of them */
static size_t importers_fences(struct dma_buf *dmabuf, struct dma_fence **fences,
			       size_t max)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	size_t nr = 0;

	dma_resv_assert_held(dmabuf->resv);

	dma_resv_for_each_fence(&cursor, dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP,
				fence) {
		if (is_user_fence(fence) || dma_fence_is_signaled(fence))
			continue;
		if (nr < max)
			fences[nr] = dma_fence_get(fence);
		nr++;
	}
	return nr;
}

struct fence_wait {
	struct dma_fence_cb cb;
	struct completion done;
};

static void fence_wait_done(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	complete(&container_of(cb, struct fence_wait, cb)->done);
}

/* dma_fence_wait() ends for any signal or for none */
static int fence_wait_killable(struct dma_fence *fence)
{
	struct fence_wait wait;
	int ret;

	init_completion(&wait.done);
	if (dma_fence_add_callback(fence, &wait.cb, fence_wait_done))
		return 0;
	ret = wait_for_completion_killable(&wait.done);
	if (ret)
		dma_fence_remove_callback(fence, &wait.cb);
	return ret ? -EINTR : 0;
}

/* Wait for all fences or until the task is killed, and drop the references */
static int wait_for_fences(struct dma_fence **fences, size_t nr, bool killable)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		if (killable && !ret)
			ret = fence_wait_killable(fences[i]);
		else if (!killable)
			dma_fence_wait(fences[i], false);
		dma_fence_put(fences[i]);
	}
	return ret;
}

/**
 * dma_buf_lock - take the reservation lock for a task that can be killed
 * @dmabuf: the buffer
 * @killable: give up when the task is killed
 *
 * See dma_buf_lock_killable().
 *
 * Return: 0 or -EINTR.
 */
int dma_buf_lock(struct dma_buf *dmabuf, bool killable)
{
	if (!killable)
		return dma_resv_lock(dmabuf->resv, NULL);
	return dma_buf_lock_killable(dmabuf);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_lock, "DMA_BUF");

/*
 * Allocates without the lock. If there are more fences than room afterwards, it
 * starts again.
 */
static int snapshot_fences(struct dma_buf *dmabuf, bool killable,
			   struct dma_fence ***fences, size_t *nr)
{
	size_t max = 0;

	*fences = NULL;
	for (;;) {
		int ret = dma_buf_lock(dmabuf, killable);

		if (ret)
			return ret;
		*nr = 0;
		if (!list_empty(&dmabuf->attachments))
			*nr = importers_fences(dmabuf, NULL, 0);
		if (*nr <= max)
			break;
		dma_resv_unlock(dmabuf->resv);
		kvfree(*fences);
		max = *nr;
		*fences = kvmalloc_objs(**fences, max,
					GFP_KERNEL | __GFP_NOFAIL);
	}
	*nr = min(importers_fences(dmabuf, *fences, *nr), *nr);
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

/**
 * dma_buf_wait_importers - wait until the devices of importers are done
 * @dmabuf: a buffer of an exporter with &dma_buf_ops.user_fences_apart
 * @killable: give up when the task is killed
 *
 * An exporter calls this after dma_buf_invalidate_mappings(), when no task can map
 * the buffer, instead of dma_resv_wait_timeout(). It waits for the fences of
 * attached importers that are there when it is called, and for none that user space
 * has added. An importer may still have the buffer mapped afterwards: the exporter
 * waits for its unmap as well.
 *
 * Context: May sleep for as long as an importer's device is busy. The caller does
 * not hold the reservation lock.
 *
 * Return: 0 or -EINTR.
 */
int dma_buf_wait_importers(struct dma_buf *dmabuf, bool killable)
{
	struct dma_fence **fences;
	size_t nr;
	int ret;

	ret = snapshot_fences(dmabuf, killable, &fences, &nr);
	if (!ret)
		ret = wait_for_fences(fences, nr, killable);
	kvfree(fences);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_wait_importers, "DMA_BUF");
