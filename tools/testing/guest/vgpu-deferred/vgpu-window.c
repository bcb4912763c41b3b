// SPDX-License-Identifier: GPL-2.0
/*
 * The host-visible window of a virtio-gpu as a cache: more host blobs than fit,
 * which one leaves for which other one, and faults that wait for that.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/file.h"
#include "lib/machine.h"

#include "vgpu-deferred/gpus.h"

#define MIB		(1UL << 20)
#define HUGE		(2 * MIB)

FIXTURE(window) {
	struct machine m;
	int maps, unmaps;
};

FIXTURE_VARIANT(window) {
	u32 hints;
};

FIXTURE_VARIANT_ADD(window, eager) { 0 };
FIXTURE_VARIANT_ADD(window, deferred) { HINT_DEFER };

FIXTURE_SETUP(window)
{
	machine_is_here(&self->m);
	backend_mode(&self->m.window, MAP, "ok");
	backend_mode(&self->m.window, UNMAP, "ok");
	self->maps = backend_count(&self->m.window, MAP);
	self->unmaps = backend_count(&self->m.window, UNMAP);
}

FIXTURE_TEARDOWN(window)
{
	backend_mode(&self->m.window, UNMAP, "ok");
	machine_close(&self->m);
}

struct mapped {
	struct blob blob;
	volatile u64 *at;
};

static struct mapped map(int gpu, size_t size, u32 hints)
{
	struct mapped m = { .blob = blob_host(size, hints) };
	void *at = NULL;

	VFIO_ASSERT_EQ(blob_create(gpu, &m.blob, BLOB_NOW), 0);
	VFIO_ASSERT_EQ(blob_mmap(gpu, &m.blob, &at), 0);
	m.at = at;
	return m;
}

static void unmap(int gpu, struct mapped *m)
{
	munmap((void *)m->at, m->blob.size);
	blob_destroy(gpu, &m->blob);
}

/* A word in each page, different from those of all others */
static u64 stamp(const struct mapped *m, size_t page, unsigned int round)
{
	return m->blob.id << 40 | (u64)round << 32 | page;
}

static void stamp_all(struct mapped *m, unsigned int round)
{
	size_t page;

	for (page = 0; page < m->blob.size / PAGE; page++)
		m->at[page * PAGE / 8 + 1] = stamp(m, page, round);
}

static bool all_stamped(const struct mapped *m, unsigned int round)
{
	size_t page;

	for (page = 0; page < m->blob.size / PAGE; page++)
		if (m->at[page * PAGE / 8 + 1] != stamp(m, page, round))
			return false;
	return m->at[0] == m->blob.id;
}

/* Two that do not fit next to each other: the data written are back again. */
TEST_F_TIMEOUT(window, two_take_turns, LIMIT)
{
	struct mapped two[2];
	int i, round;

	for (i = 0; i < 2; i++)
		two[i] = map(self->m.gpu, 40 * MIB, variant->hints);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 2; i++) {
			if (round)
				EXPECT_TRUE(all_stamped(&two[i], round - 1));
			stamp_all(&two[i], round);
		}
	}
	EXPECT_GE(since(&self->m.window, UNMAP, self->unmaps), 5);
	EXPECT_EQ(host_sees(&self->m.window, two[0].blob.resource, PAGE + 8),
		  stamp(&two[0], 1, 2));
	EXPECT_EQ(gpu_fdinfo(self->m.gpu, "window-mapped"), 40 << 10);
	EXPECT_EQ(gpu_fdinfo(self->m.gpu, "blobs-unmapped"), 1);
	EXPECT_GE(gpu_fdinfo(self->m.gpu, "evictions"), 5);
	EXPECT_EQ(gpu_fdinfo(self->m.gpu, "map-error"), 0);
	for (i = 0; i < 2; i++)
		unmap(self->m.gpu, &two[i]);
	EXPECT_TRUE(window_is_free(&self->m));
}

/* One client with blobs of 8 MiB, 128 MiB of them */
#define NR_BLOBS	16
#define ROUNDS		3

static int client(u32 hints)
{
	struct mapped blobs[NR_BLOBS];
	int gpu = gpu_open_kind(GPU_WINDOW), i, round;

	if (gpu < 0)
		return 1;
	for (i = 0; i < NR_BLOBS; i++)
		blobs[i] = map(gpu, 8 * MIB, i % 2 ? hints : HINT_DEFER - hints);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < NR_BLOBS; i++) {
			/* Neither always in turn, nor always in reverse */
			struct mapped *m = &blobs[(i * 7 + round) % NR_BLOBS];

			if (round && !all_stamped(m, round - 1))
				return 2;
			stamp_all(m, round);
		}
	}
	for (i = 0; i < NR_BLOBS; i++)
		if (!all_stamped(&blobs[i], ROUNDS - 1))
			return 3;
	close(gpu);
	return 0;
}

/* 256 MiB through 64, from two processes, and an importer that holds some. */
TEST_F_TIMEOUT(window, four_times_its_size, 4 * LIMIT)
{
	struct access pinned;
	struct mapped view;
	pid_t pids[2];
	int i, status;
	u32 handle;

	ASSERT_EQ(make(&self->m, &pinned, 4 * MIB, variant->hints, "ok"), 0);
	ASSERT_EQ(drm_import(self->m.other, pinned.dmabuf, &handle), 0);
	view.blob = pinned.blob;
	view.at = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, pinned.dmabuf, 0);
	ASSERT_NE(view.at, MAP_FAILED);
	stamp_all(&view, 7);

	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		ASSERT_GE(pids[i], 0);
		if (!pids[i])
			_exit(client(variant->hints));
	}
	for (i = 0; i < 2; i++) {
		status = -1;
		EXPECT_EQ(waitpid(pids[i], &status, 0), pids[i]);
		EXPECT_EQ(status, 0);
	}
	EXPECT_TRUE(all_stamped(&view, 7));
	EXPECT_GE(since(&self->m.window, UNMAP, self->unmaps), NR_BLOBS);
	drm_close_import(self->m.other, handle);
	munmap((void *)view.at, 4 * MIB);
	unmake(&pinned);
	EXPECT_TRUE(window_is_free(&self->m));
}

struct thrash {
	struct mapped m;
	unsigned int done;
};

#define TURNS	25

static void *thrashes(void *arg)
{
	struct thrash *t = arg;
	u64 last = t->m.at[1];

	for (t->done = 0; t->done < TURNS; t->done++) {
		if (t->m.at[1] != last)
			break;
		t->m.at[1] = ++last;
	}
	return NULL;
}

/* Each of two threads needs all of the window: both make progress. */
TEST_F_TIMEOUT(window, two_need_all_of_it, LIMIT)
{
	struct thrash two[2] = {};
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		two[i].m = map(self->m.gpu, WINDOW, variant->hints);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(pthread_create(&threads[i], NULL, thrashes, &two[i]), 0);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(two[i].done, TURNS);
		EXPECT_EQ(two[i].m.at[1], TURNS);
	}
	EXPECT_GE(since(&self->m.window, UNMAP, self->unmaps), 1);
}

struct passing {
	struct mapped m[NR_BLOBS];
	bool over;
	int differ;
};

static void *small_ones(void *arg)
{
	struct passing *p = arg;
	int i;

	for (i = 0; !__atomic_load_n(&p->over, __ATOMIC_ACQUIRE); i = (i + 1) % NR_BLOBS)
		if (p->m[i].at[0] != p->m[i].blob.id)
			p->differ++;
	return NULL;
}

/*
 * One that needs all of the window makes progress among many that come and go.
 */
TEST_F_TIMEOUT(window, large_beside_small, 2 * LIMIT)
{
	struct passing p = {};
	struct mapped large;
	pthread_t thread;
	int i;

	for (i = 0; i < NR_BLOBS; i++)
		p.m[i] = map(self->m.gpu, 8 * MIB, variant->hints);
	large = map(self->m.gpu, WINDOW, variant->hints);
	ASSERT_EQ(pthread_create(&thread, NULL, small_ones, &p), 0);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(large.at[0], large.blob.id);
		/* Long enough to be the one that has to leave */
		usleep(100000);
	}
	__atomic_store_n(&p.over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(p.differ, 0);
	EXPECT_GE(since(&self->m.window, UNMAP, self->unmaps), NR_BLOBS);
	unmap(self->m.gpu, &large);
	for (i = 0; i < NR_BLOBS; i++)
		unmap(self->m.gpu, &p.m[i]);
	EXPECT_TRUE(window_is_free(&self->m));
}

#define FAULTERS	4

static void *touches(void *arg)
{
	struct mapped *m = arg;
	size_t page, i;

	for (i = 0; i < 3; i++)
		for (page = 0; page < m->blob.size / PAGE; page += 16)
			(void)m->at[page * PAGE / 8];
	return NULL;
}

/*
 * Huge and small pages in the same place: prctl() makes the difference from one
 * fault to the next, and the blob comes back repeatedly.
 */
TEST_F_TIMEOUT(window, huge_and_small_at_once, LIMIT)
{
	struct mapped m = map(self->m.gpu, 8 * MIB, variant->hints), other;
	pthread_t threads[FAULTERS];
	int i, round;

	stamp_all(&m, 1);
	other = map(self->m.gpu, WINDOW, variant->hints);
	for (round = 0; round < 6; round++) {
		EXPECT_EQ(other.at[0], other.blob.id);
		for (i = 0; i < FAULTERS; i++)
			ASSERT_EQ(pthread_create(&threads[i], NULL, touches, &m), 0);
		for (i = 0; i < 50; i++) {
			prctl(PR_SET_THP_DISABLE, i % 2, 0, 0, 0);
			usleep(500);
		}
		for (i = 0; i < FAULTERS; i++)
			pthread_join(threads[i], NULL);
		EXPECT_TRUE(all_stamped(&m, 1));
	}
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

/* Enough is free, but not in one piece: only the neighbour of a hole leaves. */
TEST_F_TIMEOUT(window, holes, LIMIT)
{
	struct mapped blobs[16], large;
	int i, unmaps;

	for (i = 0; i < 16; i++) {
		blobs[i] = map(self->m.gpu, 4 * MIB, variant->hints);
		EXPECT_EQ(blobs[i].at[0], blobs[i].blob.id);
	}
	EXPECT_EQ(since(&self->m.window, UNMAP, self->unmaps), 0);
	for (i = 0; i < 16; i += 2)
		unmap(self->m.gpu, &blobs[i]);
	EXPECT_TRUE(backend_wait(&self->m.window, UNMAP, self->unmaps + 7));
	settle(self->m.gpu, &self->m.window);
	usleep(50000);

	unmaps = backend_count(&self->m.window, UNMAP);
	EXPECT_EQ(unmaps - self->unmaps, 8);
	large = map(self->m.gpu, 12 * MIB, variant->hints);
	EXPECT_EQ(large.at[0], large.blob.id);
	EXPECT_EQ(since(&self->m.window, UNMAP, unmaps), 1);
	for (i = 1; i < 16; i += 2)
		EXPECT_EQ(blobs[i].at[0], blobs[i].blob.id);
}

/* A blob that the host does not release keeps its place and its content. */
TEST_F_TIMEOUT(window, host_does_not_unmap, LIMIT)
{
	struct mapped first = map(self->m.gpu, 40 * MIB, variant->hints);
	struct access second;
	struct job_result result;
	struct job job;

	stamp_all(&first, 1);
	ASSERT_EQ(make(&self->m, &second, 40 * MIB, HINT_DEFER, "ok"), 0);
	backend_mode(&self->m.window, UNMAP, "err");
	job = job_start(by_gem, &second);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENOSPC);
	EXPECT_EQ(since(&self->m.window, UNMAP, self->unmaps), 1);
	EXPECT_TRUE(all_stamped(&first, 1));
}

TEST_F_TIMEOUT(window, host_says_nothing, LIMIT)
{
	struct mapped first = map(self->m.gpu, 40 * MIB, variant->hints), third;
	struct access second;
	struct job_result result;
	struct job job;

	stamp_all(&first, 1);
	ASSERT_EQ(make(&self->m, &second, 40 * MIB, HINT_DEFER, "ok"), 0);
	backend_mode(&self->m.window, UNMAP, "never");
	job = job_start(by_gem, &second);
	ASSERT_TRUE(backend_wait(&self->m.window, UNMAP, self->unmaps));
	ASSERT_EQ(job_end(&job, WHILE_MS).error, JOB_HANGS);
	EXPECT_TRUE(job_kill(&job));

	/* Other blobs can use the free part */
	third = map(self->m.gpu, 4 * MIB, variant->hints);
	EXPECT_EQ(third.at[0], third.blob.id);

	backend_mode(&self->m.window, UNMAP, "ok");
	release(&self->m.window);
	job = job_start(by_gem, &second);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, second.blob.id);
	EXPECT_TRUE(all_stamped(&first, 1));
}

TEST_F_TIMEOUT(window, removed_while_it_is_left, LIMIT)
{
	struct mapped first = map(self->m.gpu, 40 * MIB, variant->hints);
	struct access second;
	struct job_result result;
	struct job job;
	char bdf[32];

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	stamp_all(&first, 1);
	ASSERT_EQ(make(&self->m, &second, 40 * MIB, HINT_DEFER, "ok"), 0);
	backend_mode(&self->m.window, UNMAP, "never");
	job = job_start(by_gem, &second);
	ASSERT_TRUE(backend_wait(&self->m.window, UNMAP, self->unmaps));
	gpu_remove(bdf);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);

	unmap(self->m.gpu, &first);
	unmake(&second);
	machine_probe(&self->m, bdf);
	backend_mode(&self->m.window, UNMAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
}

/*
 * Faults
 */
TEST_F_TIMEOUT(window, mmap_does_not_wait, LIMIT)
{
	struct blob blob = blob_host(SIZE, variant->hints);
	void *at;

	backend_mode(&self->m.window, MAP, "never");
	ASSERT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
	EXPECT_EQ(blob_mmap(self->m.gpu, &blob, &at), 0);
	/* The ioctl for the address has sent one request to the host */
	EXPECT_TRUE(backend_wait(&self->m.window, MAP, self->maps));
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	EXPECT_EQ(gpu_fdinfo(self->m.gpu, "window-mapped"), 0);

	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	EXPECT_EQ(*(u64 *)at, blob.id);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	EXPECT_EQ(gpu_fdinfo(self->m.gpu, "window-mapped"), SIZE >> 10);
}

TEST_F_TIMEOUT(window, mmap_says_what_it_knows, LIMIT)
{
	struct blob blob = blob_host(SIZE, variant->hints);
	struct drm_virtgpu_map where = {};
	int dmabuf;

	ASSERT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
	where.handle = blob.handle;
	ASSERT_EQ(ioctl(self->m.gpu, DRM_IOCTL_VIRTGPU_MAP, &where), 0);
	EXPECT_EQ(mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->m.gpu,
		       where.offset), MAP_FAILED);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(mmap(NULL, SIZE + PAGE, PROT_READ, MAP_SHARED, self->m.gpu, where.offset),
		  MAP_FAILED);
	dmabuf = blob_export(self->m.gpu, &blob);
	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, dmabuf, PAGE), MAP_FAILED);
	close(dmabuf);
}

static volatile u64 when_alarmed;

static void alarmed(int signal)
{
	when_alarmed = now_ms();
}

static struct job_result with_alarm(void *arg)
{
	struct itimerval soon = { .it_value.tv_usec = 200000 };
	struct access *a = arg;
	struct job_result result = {};
	void *at;

	result.error = blob_mmap(a->gpu, &a->blob, &at);
	if (result.error)
		return result;
	signal(SIGALRM, alarmed);
	setitimer(ITIMER_REAL, &soon, NULL);
	result.seen = *(volatile u64 *)at;
	result.error = when_alarmed && when_alarmed < now_ms() - 150 ? 0 : -ETIME;
	return result;
}

/* A signal is handled during the wait, long before the answer comes. */
TEST_F_TIMEOUT(window, fault_takes_signals, LIMIT)
{
	struct job_result result;
	struct access a;
	struct job job;

	ASSERT_EQ(make(&self->m, &a, SIZE, variant->hints, "never"), 0);
	job = job_start(with_alarm, &a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));
	usleep(800000);
	release(&self->m.window);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, a.blob.id);
}

struct waiter {
	struct access *a;
	u64 seen;
	bool done;
};

static void *reads(void *arg)
{
	struct waiter *w = arg;
	void *at;

	VFIO_ASSERT_EQ(blob_mmap(w->a->gpu, &w->a->blob, &at), 0);
	w->seen = *(volatile u64 *)at;
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* A wait keeps the address space usable: it holds no mmap_lock. */
TEST_F_TIMEOUT(window, others_map_while_one_waits, LIMIT)
{
	struct waiter w = {};
	struct access a;
	pthread_t thread;
	u64 start;
	int i;

	ASSERT_EQ(make(&self->m, &a, SIZE, variant->hints, "never"), 0);
	w.a = &a;
	ASSERT_EQ(pthread_create(&thread, NULL, reads, &w), 0);
	ASSERT_TRUE(backend_wait(&self->m.window, MAP, self->maps));
	usleep(100000);
	start = now_ms();
	for (i = 0; i < 100; i++) {
		void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);

		ASSERT_NE(at, MAP_FAILED);
		*(volatile u64 *)at = 1;
		munmap(at, SIZE);
	}
	EXPECT_LT(now_ms() - start, SOON_MS);
	EXPECT_FALSE(__atomic_load_n(&w.done, __ATOMIC_ACQUIRE));
	release(&self->m.window);
	pthread_join(thread, NULL);
	EXPECT_EQ(w.seen, a.blob.id);
}

/* Parts of a mapping, moved or made smaller, show the same part of the blob. */
TEST_F_TIMEOUT(window, parts, LIMIT)
{
	struct mapped m = map(self->m.gpu, 4 * MIB, variant->hints), other;
	volatile u64 *moved;

	stamp_all(&m, 3);
	moved = mremap((void *)((char *)m.at + MIB), MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED,
		       (char *)mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE((void *)moved, MAP_FAILED);
	EXPECT_EQ(moved[1], stamp(&m, MIB / PAGE, 3));
	EXPECT_EQ(mprotect((void *)((char *)m.at + 2 * MIB), MIB, PROT_READ), 0);
	EXPECT_EQ(munmap((void *)((char *)m.at + 3 * MIB), MIB), 0);

	/* It leaves, and comes back */
	other = map(self->m.gpu, WINDOW, variant->hints);
	EXPECT_EQ(other.at[0], other.blob.id);
	EXPECT_EQ(moved[PAGE / 8 + 1], stamp(&m, MIB / PAGE + 1, 3));
	EXPECT_EQ(m.at[2 * MIB / 8 + 1], stamp(&m, 2 * MIB / PAGE, 3));
	EXPECT_EQ(m.at[1], stamp(&m, 0, 3));
}

static long faults_of(volatile u64 *at, size_t size)
{
	struct rusage before, after;
	size_t page;

	getrusage(RUSAGE_SELF, &before);
	for (page = 0; page < size / PAGE; page++)
		(void)at[page * PAGE / 8];
	getrusage(RUSAGE_SELF, &after);
	return after.ru_minflt + after.ru_majflt - before.ru_minflt - before.ru_majflt;
}

/* Large blobs are placed for huge pages, at any address that mmap() chooses. */
TEST_F_TIMEOUT(window, huge, LIMIT)
{
	struct mapped small = map(self->m.gpu, PAGE, variant->hints);
	struct mapped m = map(self->m.gpu, 8 * MIB, variant->hints);
	int dummy = small.at[0] == small.blob.id;

	EXPECT_TRUE(dummy);
	EXPECT_EQ((unsigned long)m.at % HUGE, 0);
	EXPECT_EQ(m.at[0], m.blob.id);
	/* The first wait for the host repeats one or two faults */
	EXPECT_LE(faults_of(m.at, m.blob.size), 8 * MIB / HUGE + 2);
}

/* 0 on success */
static int write_after_clear_refs(struct mapped *m)
{
	/* Mappings from here on are read-only until they are written */
	if (file_write("4", "/proc/self/clear_refs"))
		return KSFT_SKIP;
	if (m->at[0] != m->blob.id)
		return 1;
	m->at[1] = ~m->blob.id;
	return m->at[1] != ~m->blob.id;
}

/* A write to a read-only huge page ends: no fault returns without progress. */
TEST_F_TIMEOUT(window, soft_dirty, LIMIT)
{
	struct mapped m = map(self->m.gpu, 2 * HUGE, variant->hints);
	int status = 0, tries;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(write_after_clear_refs(&m));
	ASSERT_GT(pid, 0);
	for (tries = SOON_MS / 10; tries && !waitpid(pid, &status, WNOHANG); tries--)
		usleep(10000);
	if (!tries) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	ASSERT_NE(tries, 0);
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == KSFT_SKIP)
		SKIP(return, "this kernel does not track writes");
	EXPECT_EQ(WEXITSTATUS(status), 0);
}

static const char *const caches[] = { "uncached", "wc", "cached" };

TEST_F_TIMEOUT(window, cache_types, LIMIT)
{
	char answer[256];
	size_t i;

	for (i = 0; i < 3; i++) {
		struct mapped m, small;

		ASSERT_TRUE(backend_ask(&self->m.window, answer, sizeof(answer), "cache %s",
					caches[i]));
		m = map(self->m.gpu, 4 * MIB, variant->hints);
		small = map(self->m.gpu, SIZE, variant->hints);
		stamp_all(&m, i);
		EXPECT_TRUE(all_stamped(&m, i));
		stamp_all(&small, i);
		EXPECT_TRUE(all_stamped(&small, i));
		unmap(self->m.gpu, &m);
		unmap(self->m.gpu, &small);
	}
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_HARNESS_MAIN
