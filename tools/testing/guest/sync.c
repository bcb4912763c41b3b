// SPDX-License-Identifier: GPL-2.0
/*
 * DMA_BUF_IOCTL_SYNC of one udmabuf by several threads at once, the first of
 * which makes the exporter's scatterlist. It must be made once: the check for
 * leaks at the end of the boot finds all others.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/exporters.h"
#include "lib/inject.h"

#define PAGE	GUEST_PAGE
/* At most one segment, of the length that udmabuf's device declares */
#define SIZE	(1UL << 16)
#define THREADS	4
#define ROUNDS	150

FIXTURE(sync) {
	pthread_barrier_t begin, end;
	int dmabuf;
	bool stop;
	bool fails;		/* the first thread's allocations fail */
	int nth;
	atomic_long done, refused, wrong;
};

FIXTURE_SETUP(sync)
{
	int dmabuf = export_udmabuf(SIZE);

	if (dmabuf < 0)
		SKIP(return, "no udmabuf");
	close(dmabuf);
	pthread_barrier_init(&self->begin, NULL, THREADS + 1);
	pthread_barrier_init(&self->end, NULL, THREADS + 1);
}

FIXTURE_TEARDOWN(sync)
{
	pthread_barrier_destroy(&self->begin);
	pthread_barrier_destroy(&self->end);
}

struct worker {
	struct _test_data_sync *self;
	int number;
	pthread_t thread;
};

static int sync_ioctl(int dmabuf, u64 flags)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_RW | flags };

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct _test_data_sync *self = w->self;
	int rc;

	for (;;) {
		pthread_barrier_wait(&self->begin);
		if (self->stop)
			return NULL;
		if (self->fails && !w->number)
			inject_arm(self->nth);
		rc = sync_ioctl(self->dmabuf, DMA_BUF_SYNC_START);
		if (self->fails && !w->number)
			inject_disarm();
		if (!rc)
			rc = sync_ioctl(self->dmabuf, DMA_BUF_SYNC_END);
		if (!rc)
			self->done++;
		else if (self->fails && rc == -ENOMEM)
			self->refused++;
		else
			self->wrong++;
		pthread_barrier_wait(&self->end);
	}
}

static void all_at_once(struct __test_metadata *_metadata, struct _test_data_sync *self)
{
	struct worker w[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ self, i };
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, work, &w[i]));
	}
	for (i = 0; i < ROUNDS; i++) {
		self->dmabuf = export_udmabuf(SIZE);
		ASSERT_GE(self->dmabuf, 0);
		self->nth = 1 + i % 8;
		pthread_barrier_wait(&self->begin);
		pthread_barrier_wait(&self->end);
		close(self->dmabuf);
	}
	self->stop = true;
	pthread_barrier_wait(&self->begin);
	for (i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	TH_LOG("%ld syncs, %ld without memory", self->done, self->refused);
	EXPECT_EQ(0, self->wrong);
	EXPECT_GT(self->done, 0);
}

TEST_F_TIMEOUT(sync, all_at_once, 120)
{
	all_at_once(_metadata, self);
}

/* One of them fails; the others are not affected by its remains. */
TEST_F_TIMEOUT(sync, failing_allocations, 120)
{
	if (!inject_ready())
		SKIP(return, "no fault injection in this kernel");
	self->fails = true;
	all_at_once(_metadata, self);
	EXPECT_GT(self->refused, 0);
}

TEST_HARNESS_MAIN
