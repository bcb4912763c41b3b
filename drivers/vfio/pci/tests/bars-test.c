// SPDX-License-Identifier: GPL-2.0-only
/*
 * When CPUs and importers can reach a BAR: the state of a device, which was made for
 * the test and has no hardware, and of the buffers over its BARs.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-domain.h>
#include <linux/dma-buf-pal.h>
#include <linux/dma-buf-sgt.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/pci.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/vfio_pci_core.h>

#include <kunit/test.h>

#include "vfio_pci_bar_mmap.h"
#include "vfio_pci_open.h"
#include "vfio_pci_reset.h"
#include "vfio_pci_revoke.h"
#include "vfio_pci_transition.h"

#define BUFS	3

struct bars_test {
	struct vfio_pci_core_device vdev;
	struct pci_dev pdev;
	struct inode inode;
	u8 config[PCI_STD_HEADER_SIZEOF];
	struct dma_buf *dmabuf[BUFS];
	/* Referenced beyond the close of the device */
	struct vfio_pci_bars *bars;
};

static void set_memory(struct bars_test *t, bool on)
{
	t->config[PCI_COMMAND] = on ? PCI_COMMAND_MEMORY : 0;
}

static void pdev_release(struct device *dev)
{
}

static int bars_test_init(struct kunit *test)
{
	struct bars_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = t;
	device_initialize(&t->pdev.dev);
	t->pdev.dev.release = pdev_release;
	t->pdev.current_state = PCI_D0;
	address_space_init_once(&t->inode.i_data);
	t->inode.i_mapping = &t->inode.i_data;
	t->vdev.vdev.inode = &t->inode;
	t->vdev.pdev = &t->pdev;
	dev_set_drvdata(&t->pdev.dev, &t->vdev);
	t->vdev.vconfig = t->config;
	vfio_pci_bars_init_dev(&t->vdev);

	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	t->bars = vfio_pci_bars_get(t->vdev.bars);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);
	set_memory(t, true);
	return 0;
}

static void bars_test_exit(struct kunit *test)
{
	struct bars_test *t = test->priv;
	size_t i;

	if (!t)
		return;
	for (i = 0; i < BUFS; i++)
		if (t->dmabuf[i])
			dma_buf_put(t->dmabuf[i]);
	if (t->bars)
		vfio_pci_bars_put(t->bars);
	vfio_pci_bars_release(&t->vdev);
	/* A worker does the last fput() of a kernel thread, and uses @t */
	flush_delayed_fput();
}

static struct vfio_pci_dma_buf *add_buf(struct kunit *test, unsigned int i)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf = vfio_pci_dma_buf_alloc(&t->vdev, 1);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	buf->list->phys[0].paddr = SZ_1G;
	buf->list->phys[0].len = SZ_64K;
	t->dmabuf[i] = vfio_pci_dma_buf_create(buf, &vfio_pci_slice_ops,
					       SZ_64K, O_RDWR, NULL);
	if (IS_ERR(t->dmabuf[i])) {
		t->dmabuf[i] = NULL;
		vfio_pci_dma_buf_free(buf);
		KUNIT_FAIL_AND_ABORT(test, "no dma-buf");
	}
	return buf;
}

/* May importers map it? */
static bool on(struct vfio_pci_dma_buf *buf)
{
	bool ret;

	dma_resv_lock(buf->dmabuf->resv, NULL);
	ret = vfio_pci_dma_buf_on(buf);
	dma_resv_unlock(buf->dmabuf->resv);
	return ret;
}

/* Does poll() report that the buffer is gone permanently? */
static bool hung_up(struct bars_test *t, unsigned int i)
{
	return vfs_poll(t->dmabuf[i]->file, NULL) & EPOLLHUP;
}

/* Does it report that after a while? */
static bool hangs_up(struct bars_test *t, unsigned int i)
{
	int n;

	for (n = 0; n < 30 * HZ && !hung_up(t, i); n++)
		schedule_timeout_uninterruptible(1);
	return hung_up(t, i);
}

/* The device was closed: the next open makes new BARs */
static void open_again(struct kunit *test)
{
	struct bars_test *t = test->priv;

	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	vfio_pci_bars_open(&t->vdev);
}

static int stop(struct bars_test *t)
{
	return vfio_pci_lock_and_stop_bars(&t->vdev);
}

static void start(struct bars_test *t)
{
	vfio_pci_start_bars_and_unlock(&t->vdev);
}

static void low_power(struct bars_test *t, bool engaged)
{
	down_write(&t->vdev.memory_lock);
	t->vdev.pm_runtime_engaged = engaged;
	start(t);
}

/* No task uses the buffer once all importers know that they can map again */
static bool unused(struct bars_test *t, struct vfio_pci_dma_buf *buf)
{
	flush_work(&t->bars->back);
	return !buf->users;
}

static void bars_reset(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *before, *during;

	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	before = add_buf(test, 0);
	KUNIT_EXPECT_TRUE(test, on(before));

	KUNIT_ASSERT_EQ(test, stop(t), 0);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	KUNIT_EXPECT_FALSE(test, on(before));
	KUNIT_EXPECT_FALSE(test, vfio_pci_dma_buf_gone(before));
	during = add_buf(test, 1);
	KUNIT_EXPECT_FALSE(test, on(during));

	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_TRUE(test, on(before));
	KUNIT_EXPECT_TRUE(test, on(during));
	KUNIT_EXPECT_TRUE(test, unused(t, before));
	KUNIT_EXPECT_TRUE(test, unused(t, during));
	vfio_pci_bars_close(&t->vdev);
}

/* The file layer asks for this before a close that may be the last */
static void bars_drain(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	t->vdev.vdev.drain(&t->vdev.vdev, true);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	KUNIT_EXPECT_FALSE(test, on(buf));

	/* Nothing that happens in between lets an importer come back */
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	KUNIT_EXPECT_FALSE(test, on(buf));
	KUNIT_EXPECT_FALSE(test, on(add_buf(test, 1)));

	t->vdev.vdev.drain(&t->vdev.vdev, false);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_TRUE(test, on(buf));

	t->vdev.vdev.drain(&t->vdev.vdev, true);
	set_memory(t, false);
	t->vdev.vdev.drain(&t->vdev.vdev, false);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_EXPECT_FALSE(test, on(buf));

	t->vdev.vdev.drain(&t->vdev.vdev, true);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);
	t->vdev.vdev.drain(&t->vdev.vdev, false);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);
}

/* The end of a drain runs under a lock that other devices need: it must not wait */
static void bars_drain_ends_at_once(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_bars_open(&t->vdev);
	t->vdev.vdev.drain(&t->vdev.vdev, true);
	down_write(&t->vdev.memory_lock);
	t->vdev.vdev.drain(&t->vdev.vdev, false);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	up_write(&t->vdev.memory_lock);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

static void bars_memory_off(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	set_memory(t, false);
	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	buf = add_buf(test, 0);
	KUNIT_EXPECT_FALSE(test, on(buf));

	/* A reset with memory off leaves it off */
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_EXPECT_FALSE(test, on(buf));

	/* Memory is turned on without a stop before */
	down_write(&t->vdev.memory_lock);
	set_memory(t, true);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_TRUE(test, on(buf));

	KUNIT_ASSERT_EQ(test, stop(t), 0);
	t->pdev.current_state = PCI_D3hot;
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_EXPECT_FALSE(test, on(buf));
	vfio_pci_bars_close(&t->vdev);
}

/* Low power keeps the BARs off, whatever the user writes to the MEM bit */
static void bars_low_power(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	t->vdev.pm_runtime_engaged = true;
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);

	down_write(&t->vdev.memory_lock);
	set_memory(t, true);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_EXPECT_FALSE(test, on(buf));

	low_power(t, false);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_TRUE(test, on(buf));
	vfio_pci_bars_close(&t->vdev);
}

static void bars_revoke(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf, *other;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	other = add_buf(test, 1);

	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), 0);
	KUNIT_EXPECT_FALSE(test, on(buf));
	KUNIT_EXPECT_TRUE(test, vfio_pci_dma_buf_gone(buf));
	KUNIT_EXPECT_TRUE(test, hung_up(t, 0));
	KUNIT_EXPECT_FALSE(test, hung_up(t, 1));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), -EBADFD);
	KUNIT_EXPECT_TRUE(test, on(other));
	KUNIT_EXPECT_FALSE(test, vfio_pci_dma_buf_gone(other));

	/* A reset does not bring it back */
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_FALSE(test, on(buf));
	KUNIT_EXPECT_TRUE(test, on(other));

	/* Resets skip it */
	KUNIT_EXPECT_TRUE(test, list_empty(&buf->elm));
	KUNIT_EXPECT_FALSE(test, list_empty(&other->elm));

	/* A revoke in the middle of a reset */
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(other), 0);
	start(t);
	KUNIT_EXPECT_FALSE(test, on(other));

	/* The same memory, exported again */
	KUNIT_EXPECT_TRUE(test, on(add_buf(test, 2)));
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), -ENODEV);
}

/* From here on the task is killed when it waits for an importer */
static void get_killed(void)
{
	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
}

static void stay_alive(void)
{
	disallow_signal(SIGKILL);
	flush_signals(current);
}

/* An importer unmaps, as in vfio_pci_dma_buf_unmap_phys() */
static void let_go(struct vfio_pci_dma_buf *buf)
{
	/* Like vfio_pci_dma_buf_unmap_phys() */
	smp_store_release(&buf->nr_maps, 0);
	wake_up_all(&buf->bars->unmapped);
}

/* Importers do not let go: a task that is killed leaves the state as it was */
static void bars_killed(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf[BUFS];
	size_t i;

	vfio_pci_bars_open(&t->vdev);
	for (i = 0; i < BUFS; i++) {
		buf[i] = add_buf(test, i);
		buf[i]->nr_maps = 1;
	}

	get_killed();
	KUNIT_EXPECT_EQ(test, stop(t), -EINTR);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&t->vdev.memory_lock));
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	for (i = 0; i < BUFS; i++) {
		KUNIT_EXPECT_TRUE(test, on(buf[i]));
		KUNIT_EXPECT_TRUE(test, unused(t, buf[i]));
	}

	/* But a revoke cannot be undone, only completed */
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf[0]), -EINTR);
	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	KUNIT_EXPECT_TRUE(test, vfio_pci_dma_buf_gone(buf[0]));
	KUNIT_EXPECT_FALSE(test, on(buf[0]));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf[0]), -EINTR);
	stay_alive();

	/* A worker completes it if no task tries again */
	for (i = 0; i < BUFS; i++)
		let_go(buf[i]);
	KUNIT_EXPECT_TRUE(test, hangs_up(t, 0));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf[0]), -EBADFD);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_FALSE(test, on(buf[0]));
	KUNIT_EXPECT_TRUE(test, on(buf[1]));
	vfio_pci_bars_close(&t->vdev);
}

/* One thread revokes many buffers and waits for none of their importers */
static void bars_start_revoke(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf[BUFS];
	size_t i;

	vfio_pci_bars_open(&t->vdev);
	for (i = 0; i < BUFS; i++) {
		buf[i] = add_buf(test, i);
		buf[i]->nr_maps = i < 2;
	}
	for (i = 0; i < BUFS; i++) {
		KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_start_revoke(buf[i]), 0);
		KUNIT_EXPECT_FALSE(test, on(buf[i]));
		KUNIT_EXPECT_TRUE(test, vfio_pci_dma_buf_gone(buf[i]));
	}
	/* Starting it again does not complete it */
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_start_revoke(buf[0]), 0);
	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	KUNIT_EXPECT_FALSE(test, hung_up(t, 1));
	/* Without an importer the revoke is complete */
	KUNIT_EXPECT_TRUE(test, hung_up(t, 2));
	KUNIT_EXPECT_TRUE(test, list_empty(&buf[2]->elm));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_start_revoke(buf[2]), -EBADFD);

	/* The first importer is slow, the second is not */
	let_go(buf[1]);
	KUNIT_EXPECT_TRUE(test, hangs_up(t, 1));
	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	let_go(buf[0]);
	KUNIT_EXPECT_TRUE(test, hangs_up(t, 0));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf[0]), -EBADFD);
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_start_revoke(buf[0]), -ENODEV);
}

/* The buffer stays on the list while a task that walks the list uses it */
static void bars_revoke_in_use(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	buf->users = 1;
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), 0);
	KUNIT_EXPECT_FALSE(test, list_empty(&buf->elm));
	scoped_guard(mutex, &t->bars->lock)
		vfio_pci_dma_buf_unuse(buf);
	KUNIT_EXPECT_TRUE(test, list_empty(&buf->elm));
	vfio_pci_bars_close(&t->vdev);
}

struct resv_holder {
	struct dma_buf *dmabuf;
	struct completion held, release;
};

static int hold_resv(void *data)
{
	struct resv_holder *holder = data;

	dma_resv_lock(holder->dmabuf->resv, NULL);
	complete(&holder->held);
	wait_for_completion(&holder->release);
	dma_resv_unlock(holder->dmabuf->resv);
	return 0;
}

static struct task_struct *start_holder(struct kunit *test,
					struct resv_holder *holder,
					struct dma_buf *dmabuf)
{
	struct task_struct *task;

	holder->dmabuf = dmabuf;
	init_completion(&holder->held);
	init_completion(&holder->release);
	task = kthread_create(hold_resv, holder, "hold_resv");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&holder->held);
	return task;
}

static void end_holder(struct task_struct *task, struct resv_holder *holder)
{
	complete(&holder->release);
	kthread_stop_put(task);
}

/* An importer that holds the first buffer's lock keeps no mapping of others alive */
static void bars_lock_held(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf[BUFS];
	struct resv_holder holder;
	struct task_struct *task;
	size_t i;

	vfio_pci_bars_open(&t->vdev);
	for (i = 0; i < BUFS; i++) {
		buf[i] = add_buf(test, i);
		buf[i]->nr_maps = 1;
	}
	task = start_holder(test, &holder, t->dmabuf[0]);

	get_killed();
	KUNIT_EXPECT_EQ(test, stop(t), -EINTR);
	stay_alive();
	KUNIT_EXPECT_NE(test, buf[0]->told, t->bars->epoch);
	/* Invalidated in the epoch in which the transition has ended */
	for (i = 1; i < BUFS; i++)
		KUNIT_EXPECT_EQ(test, buf[i]->told, t->bars->epoch - 1);
	end_holder(task, &holder);
	for (i = 0; i < BUFS; i++)
		KUNIT_EXPECT_TRUE(test, unused(t, buf[i]));

	for (i = 0; i < BUFS; i++)
		buf[i]->nr_maps = 0;
	vfio_pci_bars_close(&t->vdev);
}

/* An importer that needs a while to let go after it was invalidated */
struct slow_importer {
	struct vfio_pci_dma_buf *buf;
	struct task_struct *task;
};

#define SLOW_MS	500

static int let_go_slowly(void *data)
{
	struct slow_importer *imp = data;
	struct vfio_pci_bars *bars = imp->buf->bars;

	while (READ_ONCE(imp->buf->told) != READ_ONCE(bars->epoch))
		schedule_timeout_uninterruptible(1);
	schedule_timeout_uninterruptible(msecs_to_jiffies(SLOW_MS));
	/* Like vfio_pci_dma_buf_unmap_phys() */
	smp_store_release(&imp->buf->nr_maps, 0);
	wake_up_all(&bars->unmapped);
	return 0;
}

/* Importers that each need some time to let go need it at the same time */
static void bars_importers_at_once(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct slow_importer imp[BUFS];
	unsigned long begin, took;
	size_t i;

	vfio_pci_bars_open(&t->vdev);
	for (i = 0; i < BUFS; i++) {
		imp[i].buf = add_buf(test, i);
		imp[i].buf->nr_maps = 1;
		imp[i].task = kthread_create(let_go_slowly, &imp[i], "slow");
		KUNIT_ASSERT_FALSE(test, IS_ERR(imp[i].task));
		get_task_struct(imp[i].task);
		wake_up_process(imp[i].task);
	}
	begin = jiffies;
	KUNIT_EXPECT_EQ(test, stop(t), 0);
	took = jiffies_to_msecs(jiffies - begin);
	start(t);
	KUNIT_EXPECT_GE(test, took + jiffies_to_msecs(2), SLOW_MS);
	KUNIT_EXPECT_LT(test, took, BUFS * SLOW_MS);
	for (i = 0; i < BUFS; i++)
		kthread_stop_put(imp[i].task);
	vfio_pci_bars_close(&t->vdev);
}

/* Nor does such a holder delay the thread that starts the revokes */
static void bars_start_revoke_lock_held(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;
	struct resv_holder holder;
	struct task_struct *task;
	int i;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	buf->nr_maps = 1;
	task = start_holder(test, &holder, t->dmabuf[0]);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_start_revoke(buf), 0);
	KUNIT_EXPECT_NE(test, buf->told, t->bars->epoch);
	end_holder(task, &holder);

	/* The worker invalidates the importer, which lets go then */
	for (i = 0; i < 30 * HZ && READ_ONCE(buf->told) != t->bars->epoch; i++)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_EQ(test, READ_ONCE(buf->told), t->bars->epoch);
	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	let_go(buf);
	KUNIT_EXPECT_TRUE(test, hangs_up(t, 0));
	vfio_pci_bars_close(&t->vdev);
}

/* Without an importer no task waits for the holder of the reservation lock */
static void bars_lock_held_for_nothing(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;
	struct resv_holder holder;
	struct task_struct *task;

	vfio_pci_bars_open(&t->vdev);
	add_buf(test, 0);
	buf = add_buf(test, 1);
	task = start_holder(test, &holder, t->dmabuf[1]);
	KUNIT_EXPECT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), 0);
	vfio_pci_bars_close(&t->vdev);
	end_holder(task, &holder);
}

/* The PCI core resets the device for another user */
static void bars_reset_by_others(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_core_reset_done(&t->pdev);
	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);

	vfio_pci_core_reset_prepare(&t->pdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	KUNIT_EXPECT_FALSE(test, on(buf));

	/* A transition in between ends, and the reset goes on */
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);

	/* And in the other order: this must not wait for memory_lock */
	down_write(&t->vdev.memory_lock);
	vfio_pci_core_reset_done(&t->pdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	up_write(&t->vdev.memory_lock);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_TRUE(test, on(buf));

	/* Closed and opened during the reset: it goes on, see above */
	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_bars_close(&t->vdev);
	open_again(test);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_reset_done(&t->pdev);
	KUNIT_EXPECT_EQ(test, t->vdev.nr_resets, 0);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

/* The device is opened in the middle of it */
static void bars_open_in_reset(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_reset_done(&t->pdev);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);

	/* The same for an error */
	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	vfio_pci_bars_error(&t->vdev, pci_channel_io_frozen);
	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_resume(&t->pdev);
	flush_work(&t->vdev.bars->settle);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

/* The device is opened during a recovery, and removed before that has ended */
static void bars_open_in_recovery(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_bars_open(&t->vdev);
	vfio_pci_bars_error(&t->vdev, pci_channel_io_frozen);
	vfio_pci_bars_close(&t->vdev);
	open_again(test);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_BUSY);

	vfio_pci_bars_unplug(&t->vdev);
	flush_work(&t->vdev.bars->settle);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_EXPECT_FALSE(test, t->vdev.frozen);
	vfio_pci_bars_close(&t->vdev);

	/* A device that works is left alone */
	open_again(test);
	vfio_pci_bars_unplug(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->vdev.bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

/* An error in the middle of a reset: only the later of the two ends it */
static void bars_error_in_reset(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_bars_open(&t->vdev);
	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_bars_error(&t->vdev, pci_channel_io_frozen);
	vfio_pci_core_reset_done(&t->pdev);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_core_resume(&t->pdev);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_reset_done(&t->pdev);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

/* The PCI core's callbacks run in a transition of our own as well */
static void bars_reset_by_us(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_bars_open(&t->vdev);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	vfio_pci_core_reset_prepare(&t->pdev);
	KUNIT_EXPECT_EQ(test, t->vdev.nr_resets, 0);
	vfio_pci_core_reset_done(&t->pdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	KUNIT_EXPECT_NULL(test, t->bars->owner);
	vfio_pci_bars_close(&t->vdev);
}

static void error(struct bars_test *t, pci_channel_state_t state)
{
	vfio_pci_bars_error(&t->vdev, state);
	flush_work(&t->bars->settle);
}

static void bars_error(struct kunit *test)
{
	struct bars_test *t = test->priv;

	vfio_pci_bars_open(&t->vdev);
	error(t, pci_channel_io_normal);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);

	error(t, pci_channel_io_frozen);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_BUSY);
	vfio_pci_core_resume(&t->pdev);
	flush_work(&t->bars->settle);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);

	/* No recovery: off, until a reset succeeds after all */
	error(t, pci_channel_io_frozen);
	error(t, pci_channel_io_perm_failure);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_OFF);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	vfio_pci_core_reset_done(&t->pdev);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

static void bars_close(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct vfio_pci_dma_buf *buf;

	vfio_pci_bars_open(&t->vdev);
	buf = add_buf(test, 0);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	KUNIT_EXPECT_FALSE(test, hung_up(t, 0));
	start(t);
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_TRUE(test, hung_up(t, 0));
	KUNIT_EXPECT_NULL(test, t->vdev.bars);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);
	KUNIT_EXPECT_FALSE(test, on(buf));
	KUNIT_EXPECT_TRUE(test, vfio_pci_dma_buf_gone(buf));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), -ENODEV);

	/* Transitions of a closed device, by devices that share a reset with it */
	KUNIT_EXPECT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);

	/* After another open the device has other buffers */
	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	KUNIT_EXPECT_PTR_NE(test, t->vdev.bars, t->bars);
	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_FALSE(test, on(buf));
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(buf), -ENODEV);
	KUNIT_EXPECT_TRUE(test, on(add_buf(test, 1)));
	vfio_pci_bars_close(&t->vdev);
}

/* An attempt to open that fails, then one that does not */
static void bars_failed_open(struct kunit *test)
{
	struct bars_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, stop(t), 0);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_CLOSED);
	KUNIT_ASSERT_EQ(test, vfio_pci_bars_prepare(&t->vdev), 0);
	KUNIT_EXPECT_PTR_EQ(test, t->vdev.bars, t->bars);
	vfio_pci_bars_open(&t->vdev);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	vfio_pci_bars_close(&t->vdev);
}

static void no_revocation(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops importer_ops = {
	.invalidate_mappings = no_revocation,
};

/* Without peer-to-peer DMA the buffers are for CPUs only */
static void bars_no_importer(struct kunit *test)
{
	const struct dma_buf_mapping_match pal[] = { DMA_BUF_IMAPPING_DOMAIN(true) };
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;

	if (IS_ENABLED(CONFIG_VFIO_PCI_DMABUF))
		kunit_skip(test, "vfio-pci exports in this kernel");
	vfio_pci_bars_open(&t->vdev);
	add_buf(test, 0);
	attach = dma_buf_attach(t->dmabuf[0], &t->pdev.dev);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	attach = dma_buf_mapping_attach(t->dmabuf[0], pal, ARRAY_SIZE(pal),
					&importer_ops, t);
	KUNIT_EXPECT_PTR_EQ(test, attach, ERR_PTR(-EOPNOTSUPP));
	vfio_pci_bars_close(&t->vdev);
}

/* The callbacks that an importer has got */
struct told {
	unsigned int lost;
	unsigned int back;
};

static void told_lost(struct dma_buf_attachment *attach)
{
	((struct told *)attach->importer_priv)->lost++;
}

static void told_back(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	((struct told *)attach->importer_priv)->back++;
}

static const struct dma_buf_attach_ops told_ops = {
	.invalidate_mappings = told_lost,
	.restore_mappings = told_back,
};

static struct dma_buf_attachment *attach_told(struct bars_test *t,
					      const struct dma_buf_attach_ops *ops,
					      struct told *told)
{
	static const struct dma_buf_mapping_match domain[] = {
		DMA_BUF_IMAPPING_DOMAIN(true),
	};

	return dma_buf_mapping_attach(t->dmabuf[0], domain, ARRAY_SIZE(domain),
				      ops, told);
}

static void expect_told(struct kunit *test, const struct told *told,
			unsigned int lost, unsigned int back)
{
	struct bars_test *t = test->priv;

	flush_work(&t->bars->back);
	KUNIT_EXPECT_EQ(test, told->lost, lost);
	KUNIT_EXPECT_EQ(test, told->back, back);
}

static void transition(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, stop(test->priv), 0);
	start(test->priv);
}

static struct dma_buf_attachment *open_and_attach(struct kunit *test,
						  struct told *told)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;

	if (!IS_ENABLED(CONFIG_VFIO_PCI_DMABUF))
		kunit_skip(test, "vfio-pci does not export in this kernel");
	vfio_pci_bars_open(&t->vdev);
	add_buf(test, 0);
	attach = attach_told(t, &told_ops, told);
	KUNIT_ASSERT_FALSE(test, IS_ERR(attach));
	return attach;
}

/* The end of each outage is reported to importers with restore_mappings */
static void bars_back(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;
	struct told told = {};

	attach = open_and_attach(test, &told);
	expect_told(test, &told, 0, 0);
	transition(test);
	expect_told(test, &told, 1, 1);

	set_memory(t, false);
	transition(test);
	expect_told(test, &told, 2, 1);
	KUNIT_EXPECT_PTR_EQ(test, attach_told(t, &told_ops, &told),
			    ERR_PTR(-EAGAIN));
	/* Others have always got -ENODEV, and do not wait for the buffer */
	KUNIT_EXPECT_PTR_EQ(test, attach_told(t, &importer_ops, &told),
			    ERR_PTR(-ENODEV));
	set_memory(t, true);
	transition(test);
	expect_told(test, &told, 2, 2);

	low_power(t, true);
	expect_told(test, &told, 3, 2);
	low_power(t, false);
	expect_told(test, &told, 3, 3);

	/* A drain without a close */
	t->vdev.vdev.drain(&t->vdev.vdev, true);
	expect_told(test, &told, 4, 3);
	t->vdev.vdev.drain(&t->vdev.vdev, false);
	expect_told(test, &told, 4, 4);

	vfio_pci_core_reset_prepare(&t->pdev);
	vfio_pci_core_reset_done(&t->pdev);
	/* The task that ends it may leave it to this work item */
	flush_work(&t->bars->settle);
	expect_told(test, &told, 5, 5);
	dma_buf_detach(t->dmabuf[0], attach);
	vfio_pci_bars_close(&t->vdev);
}

/* But an end that does not come is not reported */
static void bars_not_back(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;
	struct told told = {};

	attach = open_and_attach(test, &told);
	KUNIT_EXPECT_EQ(test, vfio_pci_dma_buf_revoke(t->dmabuf[0]->priv), 0);
	expect_told(test, &told, 1, 0);
	transition(test);
	expect_told(test, &told, 1, 0);
	KUNIT_EXPECT_PTR_EQ(test, attach_told(t, &told_ops, &told),
			    ERR_PTR(-ENODEV));
	dma_buf_detach(t->dmabuf[0], attach);
	vfio_pci_bars_close(&t->vdev);
}

static void bars_closed_not_back(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;
	struct told told = {};

	attach = open_and_attach(test, &told);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	start(t);
	vfio_pci_bars_close(&t->vdev);
	KUNIT_EXPECT_LE(test, told.back, 1);
	KUNIT_EXPECT_FALSE(test, work_busy(&t->bars->back));
	KUNIT_EXPECT_PTR_EQ(test, attach_told(t, &told_ops, &told),
			    ERR_PTR(-ENODEV));
	dma_buf_detach(t->dmabuf[0], attach);
}

/* A transition that does not happen, because its task was killed in between */
static void bars_back_if_killed(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;
	struct vfio_pci_dma_buf *buf;
	struct told told = {};

	attach = open_and_attach(test, &told);
	buf = t->dmabuf[0]->priv;
	buf->nr_maps = 1;
	get_killed();
	KUNIT_EXPECT_EQ(test, stop(t), -EINTR);
	stay_alive();
	buf->nr_maps = 0;
	KUNIT_EXPECT_EQ(test, told.lost, 1);
	expect_told(test, &told, 1, 1);
	dma_buf_detach(t->dmabuf[0], attach);
	vfio_pci_bars_close(&t->vdev);
}

/* The holder of a reservation lock delays only the importers of that buffer */
static void bars_back_lock_held(struct kunit *test)
{
	struct bars_test *t = test->priv;
	struct dma_buf_attachment *attach;
	struct resv_holder holder;
	struct task_struct *task;
	struct told told = {};

	attach = open_and_attach(test, &told);
	KUNIT_ASSERT_EQ(test, stop(t), 0);
	task = start_holder(test, &holder, t->dmabuf[0]);
	start(t);
	KUNIT_EXPECT_EQ(test, t->bars->state, VFIO_PCI_BARS_ON);
	schedule_timeout_uninterruptible(HZ / 10);
	KUNIT_EXPECT_EQ(test, told.back, 0);
	end_holder(task, &holder);
	expect_told(test, &told, 1, 1);
	dma_buf_detach(t->dmabuf[0], attach);
	vfio_pci_bars_close(&t->vdev);
}

static struct kunit_case bars_cases[] = {
	KUNIT_CASE(bars_reset),
	KUNIT_CASE(bars_drain),
	KUNIT_CASE(bars_drain_ends_at_once),
	KUNIT_CASE(bars_memory_off),
	KUNIT_CASE(bars_low_power),
	KUNIT_CASE(bars_revoke),
	KUNIT_CASE(bars_killed),
	KUNIT_CASE(bars_start_revoke),
	KUNIT_CASE(bars_revoke_in_use),
	KUNIT_CASE(bars_lock_held),
	KUNIT_CASE(bars_start_revoke_lock_held),
	KUNIT_CASE(bars_importers_at_once),
	KUNIT_CASE(bars_lock_held_for_nothing),
	KUNIT_CASE(bars_reset_by_others),
	KUNIT_CASE(bars_open_in_reset),
	KUNIT_CASE(bars_open_in_recovery),
	KUNIT_CASE(bars_error_in_reset),
	KUNIT_CASE(bars_reset_by_us),
	KUNIT_CASE(bars_error),
	KUNIT_CASE(bars_close),
	KUNIT_CASE(bars_failed_open),
	KUNIT_CASE(bars_no_importer),
	KUNIT_CASE(bars_back),
	KUNIT_CASE(bars_not_back),
	KUNIT_CASE(bars_closed_not_back),
	KUNIT_CASE(bars_back_if_killed),
	KUNIT_CASE(bars_back_lock_held),
	{}
};

static struct kunit_suite bars_suite = {
	.name = "dma_buf_vfio_bars",
	.init = bars_test_init,
	.exit = bars_test_exit,
	.test_cases = bars_cases,
};

kunit_test_suite(bars_suite);

MODULE_DESCRIPTION("KUnit tests of the state of vfio-pci's BARs");
MODULE_LICENSE("GPL");
