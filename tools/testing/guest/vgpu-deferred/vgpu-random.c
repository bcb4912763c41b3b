// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio-gpu whose host answers at random: right, late, wrong, not until it is asked
 * to, with an error, and at times in a way that breaks the queue.  Clients create blobs,
 * map, read, export, import and destroy them at random meanwhile, some are killed, and
 * the devices are removed and probed again.
 *
 * What a client reads in a blob is what the host has put there, or SIGBUS.  A call ends
 * in SOON_MS, SIGKILL ends a client, and a device can be removed.  At the end nothing is
 * left in the window.
 *
 * "vgpu-random.seed=N" and "vgpu-random.seconds=N" on the kernel's command line replace
 * what is drawn and how long it goes on.  Clients are processes: a seed gives the same
 * programs, in another interleaving.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/machine.h"

#include "vgpu-deferred/gpus.h"

#define CLIENTS		4
#define BLOBS		6
#define SECONDS		15
#define STEP_MS		400	/* between two times that the host sends what it held back */
#define KILL_EVERY	5	/* steps */
/* The longest wait of the driver for a host that is silent, twice, and some more */
#define REMOVAL_MS	25000

/* What the clients write and the test reads */
struct report {
	atomic_bool stop;
	atomic_long calls, reads, faults, refused, lost, killed;
	atomic_long longest_ms;
	/* What may not be: another blob's contents, an errno that is not documented */
	atomic_long foreign, errors;
	atomic_ulong foreign_seen, foreign_wanted;
	atomic_int last_error;
	char last_call[32];
};

struct thing {
	struct access a;
	bool there;
	void *at;		/* NULL if it is not mapped */
	size_t size;
};

struct client {
	struct report *report;
	u32 random;
	u64 first_id;
	int gpu, other;
	bool lost;		/* the device is not there any more */
	struct thing things[BLOBS];
};

static u32 draw(struct client *c, u32 below)
{
	c->random = c->random * 1664525 + 1013904223;
	return (c->random >> 8) % below;
}

static bool may_be(int error)
{
	switch (error) {
	case 0:
	case -ENODEV:		/* removed, or the queue is broken */
	case -ENOSPC:		/* the window is full of what cannot leave */
	case -ENOMEM:
	case -EINVAL:		/* the host says no */
	case -EIO:
	case -EAGAIN:
	case -EBUSY:
	case -ETIMEDOUT:
		return true;
	}
	return false;
}

static int came_to(struct client *c, const char *call, u64 begun, int error)
{
	struct report *r = c->report;
	long ms = now_ms() - begun, longest = atomic_load(&r->longest_ms);

	while (ms > longest && !atomic_compare_exchange_weak(&r->longest_ms, &longest, ms))
		;
	r->calls++;
	r->refused += !!error;
	if (error == -ENODEV)
		c->lost = true;
	if (!may_be(error)) {
		r->errors++;
		r->last_error = error;
		snprintf(r->last_call, sizeof(r->last_call), "%s", call);
	}
	return error;
}

/* Make a call, remember how long it took, and judge its errno. */
#define CALL(c, name, call) ({				\
	u64 begun_ = now_ms();				\
	came_to(c, name, begun_, call);			\
})

static void unmap(struct thing *t)
{
	if (t->at)
		munmap(t->at, t->size);
	t->at = NULL;
}

static void destroy(struct client *c, struct thing *t)
{
	u64 begun = now_ms();
	int error;

	if (!t->there)
		return;
	unmap(t);
	if (t->a.dmabuf >= 0)
		close(t->a.dmabuf);
	error = blob_destroy(c->gpu, &t->a.blob);
	t->there = false;
	came_to(c, "destroy", begun, error);
}

static void create(struct client *c, struct thing *t)
{
	static const size_t sizes[] = { PAGE, 4 * PAGE, SIZE, 2UL << 20, 8UL << 20 };

	destroy(c, t);
	t->size = sizes[draw(c, 5)];
	t->a = (struct access){
		.gpu = c->gpu, .other = c->other, .dmabuf = -1,
		.blob = blob_host(t->size, draw(c, 2) ? HINT_DEFER : 0),
	};
	t->a.blob.id += c->first_id;
	t->there = !CALL(c, "create", blob_create(c->gpu, &t->a.blob, BLOB_NOW));
}

static void map(struct client *c, struct thing *t)
{
	int error;

	unmap(t);
	if (t->a.dmabuf >= 0 && draw(c, 2)) {
		t->at = mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_SHARED, t->a.dmabuf, 0);
		error = t->at == MAP_FAILED ? -errno : 0;
		CALL(c, "mmap of the dma-buf", error);
	} else {
		error = CALL(c, "mmap", blob_mmap(c->gpu, &t->a.blob, &t->at));
	}
	if (error)
		t->at = NULL;
}

static void look(struct client *c, struct thing *t)
{
	u64 value, begun;

	if (!t->at)
		map(c, t);
	if (!t->at)
		return;
	begun = now_ms();
	if (access_read(t->at, &value)) {
		c->report->reads++;
		if (value != t->a.blob.id) {
			c->report->foreign++;
			c->report->foreign_seen = value;
			c->report->foreign_wanted = t->a.blob.id;
		}
	} else {
		c->report->faults++;
	}
	came_to(c, "access", begun, 0);
}

static void export(struct client *c, struct thing *t)
{
	int fd;

	if (t->a.dmabuf >= 0)
		close(t->a.dmabuf);
	fd = blob_export(c->gpu, &t->a.blob);
	CALL(c, "export", fd < 0 ? fd : 0);
	t->a.dmabuf = fd < 0 ? -1 : fd;
}

static void import(struct client *c, struct thing *t)
{
	if (t->a.dmabuf < 0)
		return export(c, t);
	if (c->other >= 0 && draw(c, 2))
		CALL(c, "import", by_import(&t->a).error);
	else
		CALL(c, "MAP_FILE", by_iommufd(&t->a).error);
}

static void leave(struct client *c)
{
	int i;

	for (i = 0; i < BLOBS; i++)
		destroy(c, &c->things[i]);
	close(c->gpu);
	close(c->other);
}

/* The device, when it is there, and the importer if it is; false if the test ends before */
static bool enter(struct client *c)
{
	c->gpu = -1;
	c->other = -1;
	c->lost = false;
	while (!c->report->stop) {
		c->gpu = gpu_open_kind(GPU_WINDOW);
		c->other = gpu_open_kind(GPU_IMPORTER);
		if (c->gpu >= 0)
			return true;
		close(c->other);
		usleep(50000);
	}
	return false;
}

static void step(struct client *c)
{
	struct thing *t = &c->things[draw(c, BLOBS)];

	if (!t->there)
		return create(c, t);
	switch (draw(c, 8)) {
	case 0:
		return destroy(c, t);
	case 1:
		return map(c, t);
	case 2:
		return unmap(t);
	case 3:
		return export(c, t);
	case 4:
		return import(c, t);
	default:
		return look(c, t);
	}
}

static struct job_result run_client(void *arg)
{
	struct client *c = arg;

	while (enter(c)) {
		while (!c->lost && !c->report->stop)
			step(c);
		c->report->lost += c->lost;
		leave(c);
	}
	return (struct job_result){};
}

FIXTURE(random) {
	struct machine m;
	struct report *report;
	struct client clients[CLIENTS];
	struct job jobs[CLIENTS];
	char bdf[2][32];	/* of the one with the window, and of the other */
	bool importer_is_away;
	u32 random;
};

FIXTURE_SETUP(random)
{
	machine_is_here(&self->m);
	gpu_address(self->m.gpu, self->bdf[0], sizeof(self->bdf[0]));
	gpu_address(self->m.other, self->bdf[1], sizeof(self->bdf[1]));
	self->report = mmap(NULL, sizeof(*self->report), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->report, MAP_FAILED);
	self->random = machine_number("vgpu-random.seed=", time(NULL) & 0xffffff) ?: 1;
}

/* At random, @breaks percent of them break the queue; with seed 0 as they should be */
static void answers(struct _test_data_random *self, u32 seed, const char *breaks)
{
	struct backend *scripts[] = { &self->m.window, &self->m.importer };
	char answer[256];
	bool ok;
	int i;

	for (i = 0; i < 2; i++) {
		ok = backend_ask(scripts[i], answer, sizeof(answer), "random %u %s", seed, breaks);
		VFIO_ASSERT_TRUE(ok);
	}
}

FIXTURE_TEARDOWN(random)
{
	/* A test that has failed leaves clients behind, and hosts that answer at random */
	self->report->stop = true;
	answers(self, 0, "0");
	munmap(self->report, sizeof(*self->report));
	machine_close(&self->m);
}

static void send_held_back(struct _test_data_random *self)
{
	release(&self->m.window);
	release(&self->m.importer);
}

static void start(struct _test_data_random *self, int i)
{
	self->random++;
	self->clients[i] = (struct client){
		.report = self->report,
		.random = self->random * CLIENTS + i,
		.first_id = (u64)self->random << 32,
	};
	self->jobs[i] = job_start(run_client, &self->clients[i]);
}

static struct job_result removal(void *arg)
{
	gpu_remove(arg);
	return (struct job_result){};
}

/* The device is in use, and its host is silent. */
static bool removed(struct _test_data_random *self, int which)
{
	struct job job = job_start(removal, self->bdf[which]);

	return !job_end(&job, REMOVAL_MS).error;
}

static bool probed(struct _test_data_random *self, int which)
{
	int *card = which ? &self->m.other : &self->m.gpu;

	close(*card);
	gpu_probe(self->bdf[which]);
	*card = gpu_open_kind(which ? GPU_IMPORTER : GPU_WINDOW);
	return *card >= 0;
}

static void run(struct __test_metadata *_metadata, struct _test_data_random *self,
		const char *breaks, int remove_every)
{
	int i, nr = 0, seconds = machine_number("vgpu-random.seconds=", SECONDS);
	u64 end = now_ms() + seconds * 1000ULL;

	TH_LOG("vgpu-random.seed=%u", self->random);
	self->random += 0x1000;
	answers(self, self->random, breaks);
	self->importer_is_away = false;
	for (i = 0; i < CLIENTS; i++)
		start(self, i);
	while (now_ms() < end) {
		usleep(STEP_MS * 1000);
		nr++;
		if (nr % remove_every == 0) {
			ASSERT_TRUE(removed(self, 0));
			ASSERT_TRUE(probed(self, 0));
		}
		if (nr % KILL_EVERY == 0) {
			i = nr / KILL_EVERY % CLIENTS;
			ASSERT_TRUE(job_kill(&self->jobs[i]));
			self->report->killed++;
			start(self, i);
		}
		if (now_ms() > end - seconds * 300ULL && !self->importer_is_away) {
			ASSERT_TRUE(removed(self, 1));
			self->importer_is_away = true;
		}
		send_held_back(self);
	}

	/* With a host that answers all ends by itself */
	answers(self, 0, "0");
	send_held_back(self);
	self->report->stop = true;
	for (i = 0; i < CLIENTS; i++)
		EXPECT_EQ(0, job_end(&self->jobs[i], SOON_MS).error);
	/*
	 * A queue may be broken.  QEMU starts the importer while a few blobs are in the
	 * window at most: each is a region of memory that it has to share with the script.
	 */
	for (i = 0; i < 2; i++) {
		ASSERT_TRUE((i && self->importer_is_away) || removed(self, i));
		ASSERT_TRUE(probed(self, i));
	}
	EXPECT_TRUE(window_is_free(&self->m));
}

static void judge(struct __test_metadata *_metadata, const struct report *r)
{
	TH_LOG("%ld calls, %ld refused, %ld reads, %ld SIGBUS, at most %ld ms", r->calls,
	       r->refused, r->reads, r->faults, r->longest_ms);
	TH_LOG("%ld times without a device, %ld killed", r->lost, r->killed);
	EXPECT_EQ(0, r->errors)
		TH_LOG("%s: %s", r->last_call, strerror(-r->last_error));
	EXPECT_EQ(0, r->foreign)
		TH_LOG("saw 0x%lx in blob 0x%lx", r->foreign_seen, r->foreign_wanted);
	EXPECT_GT(SOON_MS, r->longest_ms);
	/* All of it has happened */
	EXPECT_GT(r->reads, 10);
	EXPECT_GT(r->faults, 0);
	EXPECT_GT(r->refused, 0);
	EXPECT_GT(r->lost, 0);
	EXPECT_GT(r->killed, 0);
}

TEST_F_TIMEOUT(random, answers, 300)
{
	run(_metadata, self, "0", 12);
	judge(_metadata, self->report);
}

TEST_F_TIMEOUT(random, answers_that_break_queues, 300)
{
	run(_metadata, self, "0.5", 6);
	judge(_metadata, self->report);
}

TEST_HARNESS_MAIN
