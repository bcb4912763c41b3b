// SPDX-License-Identifier: GPL-2.0
/*
 * Host blobs of a virtio-gpu, mapped early or late, through each interface,
 * with a host that accepts, refuses, answers late or never.
 *
 * The devices are scripts (tools/vgpu/backend) which log every command and
 * answer as instructed. A process of its own does each operation that might
 * hang, so that a kernel that hangs only fails the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "importers/backend.h"
#include "importers/video.h"
#include "lib/drm.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/mem.h"

#include "vgpu-deferred/gpus.h"

#define FIRST_FREE_PARAM 10

FIXTURE(map) {
	struct machine m;
	struct access a;
	int maps, unmaps, unrefs;
	bool created;
};

FIXTURE_VARIANT(map) {
	u32 hints;
	struct job_result (*how)(void *arg);
};

FIXTURE_VARIANT_ADD(map, eager_gem) { 0, by_gem };
FIXTURE_VARIANT_ADD(map, eager_dmabuf) { 0, by_dmabuf };
FIXTURE_VARIANT_ADD(map, eager_import) { 0, by_import };
FIXTURE_VARIANT_ADD(map, deferred_gem) { HINT_DEFER, by_gem };
FIXTURE_VARIANT_ADD(map, deferred_dmabuf) { HINT_DEFER, by_dmabuf };
FIXTURE_VARIANT_ADD(map, deferred_import) { HINT_DEFER, by_import };
FIXTURE_VARIANT_ADD(map, eager_iommufd) { 0, by_iommufd };
FIXTURE_VARIANT_ADD(map, deferred_iommufd) { HINT_DEFER, by_iommufd };

FIXTURE_SETUP(map)
{
	machine_is_here(&self->m);
	self->maps = backend_count(&self->m.window, MAP);
	self->unmaps = backend_count(&self->m.window, UNMAP);
	self->unrefs = backend_count(&self->m.window, UNREF);
}

FIXTURE_TEARDOWN(map)
{
	machine_close(&self->m);
}

/* The CPU sees the host's data; an importer gives it to its device. */
static void expect_access(struct __test_metadata *_metadata, struct job_result result,
			  const struct access *a, struct job_result (*how)(void *))
{
	EXPECT_EQ(result.error, 0);
	if (is_cpu(how))
		EXPECT_EQ(result.seen, a->blob.id);
}

TEST_F_TIMEOUT(map, host_says_yes, LIMIT)
{
	struct job_result result;
	struct job job;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "ok"), 0);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), variant->hints ? 0 : 1);

	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);

	/* Once mapped, it stays mapped */
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	EXPECT_EQ(since(&self->m.window, UNMAP, self->unmaps), 0);

	unmake(&self->a);
	EXPECT_TRUE(backend_wait(&self->m.window, UNMAP, self->unmaps));
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_F_TIMEOUT(map, host_says_no, LIMIT)
{
	struct job_result result;
	struct job job;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "err"), 0);
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -EINVAL);

	/*
	 * A blob that was never mapped is not unmapped, and its place is free.
	 */
	backend_mode(&self->m.window, MAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
	self->unmaps = backend_count(&self->m.window, UNMAP);
	self->unrefs = backend_count(&self->m.window, UNREF);
	unmake(&self->a);
	EXPECT_TRUE(backend_wait(&self->m.window, UNREF, self->unrefs));
	EXPECT_EQ(since(&self->m.window, UNMAP, self->unmaps), 0);
}

TEST_F_TIMEOUT(map, host_says_no_then_yes, LIMIT)
{
	struct job_result result;
	struct job job;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "err"), 0);
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -EINVAL);

	backend_mode(&self->m.window, MAP, "ok");
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, variant->how);
}

/* Eager blobs are requested at once: count from the creation on. */
TEST_F_TIMEOUT(map, host_takes_its_time, LIMIT)
{
	struct job_result result;
	struct job job;
	u64 start;

	backend_mode(&self->m.window, MAP, LATE);
	start = now_ms();
	self->a.gpu = self->m.gpu;
	self->a.other = self->m.other;
	self->a.blob = blob_host(SIZE, variant->hints);
	ASSERT_EQ(blob_create(self->m.gpu, &self->a.blob, BLOB_NOW), 0);
	self->a.dmabuf = blob_export(self->m.gpu, &self->a.blob);
	ASSERT_GE(self->a.dmabuf, 0);
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	EXPECT_GE(now_ms() - start, LATE_MS);
	expect_access(_metadata, result, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	unmake(&self->a);
}

TEST_F_TIMEOUT(map, host_says_nothing, LIMIT)
{
	struct job_result result;
	struct job job;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "never"), 0);
	job = job_start(variant->how, &self->a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));
	ASSERT_TRUE(job_kill(&job));

	/* The answer comes after all; the host gets no second request. */
	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	unmake(&self->a);
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_F_TIMEOUT(map, closed_while_pending, LIMIT)
{
	struct job job;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "never"), 0);
	job = job_start(variant->how, &self->a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));
	ASSERT_TRUE(job_kill(&job));

	unmake(&self->a);
	settle(self->m.gpu, &self->m.window);
	EXPECT_EQ(since(&self->m.window, UNMAP, self->unmaps), 0);

	/* The host has mapped it by now, so it is unmapped. */
	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	EXPECT_TRUE(backend_wait(&self->m.window, UNMAP, self->unmaps));
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_F_TIMEOUT(map, two_at_once, LIMIT)
{
	struct job_result one, two;
	struct job first, second;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, LATE), 0);
	first = job_start(variant->how, &self->a);
	second = job_start(variant->how, &self->a);
	one = job_end(&first, SOON_MS);
	two = job_end(&second, SOON_MS);
	expect_access(_metadata, one, &self->a, variant->how);
	expect_access(_metadata, two, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	unmake(&self->a);
}

/* If two tasks wait for one answer, both get the refusal. */
TEST_F_TIMEOUT(map, two_at_once_refused, LIMIT)
{
	struct job_result one, two;
	struct job first, second;
	char answer[256];

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "never"), 0);
	first = job_start(variant->how, &self->a);
	second = job_start(variant->how, &self->a);
	ASSERT_TRUE(waits(&self->m, &first, self->maps));
	ASSERT_TRUE(waits(&self->m, &second, self->maps));
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);

	/* DRM serializes imports into a device: the next one tries again */
	backend_mode(&self->m.window, MAP, "err");
	ASSERT_TRUE(backend_ask(&self->m.window, answer, sizeof(answer), "refuse"));
	one = job_end(&first, SOON_MS);
	two = job_end(&second, SOON_MS);
	EXPECT_EQ(one.error, -EINVAL);
	EXPECT_EQ(two.error, -EINVAL);
	unmake(&self->a);
}

/* A blob without an answer from the host does not delay another one. */
TEST_F_TIMEOUT(map, another_goes_on, LIMIT)
{
	struct job_result result;
	struct job job, second;
	struct access other;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "never"), 0);
	job = job_start(variant->how, &self->a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));

	ASSERT_EQ(make(&self->m, &other, SIZE, variant->hints, "ok"), 0);
	second = job_start(by_gem, &other);
	result = job_end(&second, SOON_MS);
	expect_access(_metadata, result, &other, by_gem);

	EXPECT_TRUE(job_kill(&job));
	unmake(&other);
	unmake(&self->a);
}

/*
 * The device is removed while a task waits. It comes back for the next test.
 */
TEST_F_TIMEOUT(map, device_removed, LIMIT)
{
	struct job_result result;
	struct job job;
	char bdf[32];
	u64 start;

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "never"), 0);
	job = job_start(variant->how, &self->a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));

	start = now_ms();
	gpu_remove(bdf);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	EXPECT_LT(now_ms() - start, SOON_MS);

	/* And no task begins to wait for a device that is gone. */
	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);

	unmake(&self->a);
	machine_probe(&self->m, bdf);
	backend_mode(&self->m.window, MAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
}

/*
 * An importer cannot fork, so these cases are for the CPU's mappings
 */
FIXTURE(forked) {
	struct machine m;
	struct access a;
};

FIXTURE_VARIANT(forked) {
	u32 hints;
	struct job_result (*how)(void *arg);
};

FIXTURE_VARIANT_ADD(forked, eager_gem) { 0, by_gem };
FIXTURE_VARIANT_ADD(forked, eager_dmabuf) { 0, by_dmabuf };
FIXTURE_VARIANT_ADD(forked, deferred_gem) { HINT_DEFER, by_gem };
FIXTURE_VARIANT_ADD(forked, deferred_dmabuf) { HINT_DEFER, by_dmabuf };

FIXTURE_SETUP(forked)
{
	machine_is_here(&self->m);
}

FIXTURE_TEARDOWN(forked)
{
	machine_close(&self->m);
}

/* A process and its child share the mapping. */
TEST_F_TIMEOUT(forked, shares, LIMIT)
{
	u64 *at, stamp = 0x1122334455667788;
	int unmaps = backend_count(&self->m.window, UNMAP);
	int status = -1;
	pid_t child;

	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "ok"), 0);
	if (variant->how == by_gem) {
		ASSERT_EQ(blob_mmap(self->m.gpu, &self->a.blob, (void **)&at), 0);
	} else {
		at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->a.dmabuf, 0);
		ASSERT_NE(at, MAP_FAILED);
	}

	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		if (at[0] != self->a.blob.id)
			_exit(1);
		at[1] = stamp;
		_exit(0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT_EQ(at[1], stamp);
	EXPECT_EQ(host_sees(&self->m.window, self->a.blob.resource, 8), stamp);

	/* The mapping outlives the handle and the dma-buf. */
	unmake(&self->a);
	EXPECT_EQ(at[0], self->a.blob.id);
	EXPECT_EQ(since(&self->m.window, UNMAP, unmaps), 0);
	munmap(at, SIZE);
	EXPECT_TRUE(backend_wait(&self->m.window, UNMAP, unmaps));
}

/*
 * No window, one that is too small, one that is full
 */
FIXTURE(window) {
	struct machine m;
	int creates, maps;
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
	self->creates = backend_count(&self->m.window, CREATE);
}

FIXTURE_TEARDOWN(window)
{
	machine_close(&self->m);
}

TEST_F_TIMEOUT(window, none, LIMIT)
{
	struct blob blob = blob_host(SIZE, variant->hints);

	EXPECT_EQ(blob_create(self->m.blind, &blob, BLOB_NOW), -EINVAL);
}

TEST_F_TIMEOUT(window, too_small, LIMIT)
{
	struct blob blob = blob_host(WINDOW + PAGE, variant->hints);

	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), -ENOSPC);
	blob.size = ~0ULL;
	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), -ENOSPC);
	blob.size = 1ULL << 62;
	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), -ENOSPC);
	EXPECT_EQ(backend_count(&self->m.window, CREATE), self->creates);
	blob.size = WINDOW;
	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
}

/* A blob that is never mapped needs no window. */
TEST_F_TIMEOUT(window, not_mappable, LIMIT)
{
	struct blob blob = blob_host(SIZE, variant->hints);

	blob.flags = 0;
	EXPECT_EQ(blob_create(self->m.blind, &blob, BLOB_NOW), 0);
	blob = blob_host(2 * WINDOW, variant->hints);
	blob.flags = 0;
	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
}

FIXTURE(full) {
	struct machine m;
	struct blob first;
	struct access a;
};

FIXTURE_VARIANT(full) {
	struct job_result (*how)(void *arg);
};

FIXTURE_VARIANT_ADD(full, gem) { by_gem };
FIXTURE_VARIANT_ADD(full, dmabuf) { by_dmabuf };
FIXTURE_VARIANT_ADD(full, import) { by_import };
FIXTURE_VARIANT_ADD(full, iommufd) { by_iommufd };

FIXTURE_SETUP(full)
{
	machine_is_here(&self->m);
	backend_mode(&self->m.window, MAP, "ok");
	self->first = blob_host(WINDOW - PAGE, 0);
	ASSERT_EQ(blob_create(self->m.gpu, &self->first, BLOB_NOW), 0);
	ASSERT_EQ(make(&self->m, &self->a, SIZE, HINT_DEFER, "ok"), 0);
}

FIXTURE_TEARDOWN(full)
{
	unmake(&self->a);
	machine_close(&self->m);
}

/* The first blob leaves, as it is unused, and comes back when it is used. */
TEST_F_TIMEOUT(full, makes_room, LIMIT)
{
	int unmaps = backend_count(&self->m.window, UNMAP), i;
	struct access first = { .gpu = self->m.gpu, .blob = self->first };
	struct job_result result;
	struct job job;

	job = job_start(variant->how, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, variant->how);
	EXPECT_EQ(since(&self->m.window, UNMAP, unmaps), 1);

	/* The importer lets go of it after its host's answer, a little later */
	result.error = -ENOSPC;
	for (i = 0; i < 100 && result.error == -ENOSPC; i++) {
		usleep(20000);
		job = job_start(by_gem, &first);
		result = job_end(&job, SOON_MS);
	}
	expect_access(_metadata, result, &first, by_gem);
	EXPECT_EQ(since(&self->m.window, UNMAP, unmaps), 2);
}

/* A blob that an importer holds stays. Late is as early: ENOSPC. */
TEST_F_TIMEOUT(full, of_imports, LIMIT)
{
	int maps, unmaps, submits, i, dmabuf = blob_export(self->m.gpu, &self->first);
	u32 command[2] = {};
	struct job_result result;
	struct blob again;
	struct job job;
	u32 handle;

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(drm_import(self->m.other, dmabuf, &handle), 0);
	maps = backend_count(&self->m.window, MAP);
	unmaps = backend_count(&self->m.window, UNMAP);
	again = blob_host(SIZE, 0);
	/* Commands that come with it are not sent to the host either */
	again.cmd = (uintptr_t)command;
	again.cmd_size = sizeof(command);
	submits = backend_count(&self->m.window, "SUBMIT_3D");
	EXPECT_EQ(blob_create(self->m.gpu, &again, BLOB_NOW), -ENOSPC);
	settle(self->m.gpu, &self->m.window);
	EXPECT_EQ(since(&self->m.window, "SUBMIT_3D", submits), 0);

	for (i = 0; i < 2; i++) {
		job = job_start(variant->how, &self->a);
		result = job_end(&job, SOON_MS);
		ASSERT_EQ(result.error, -ENOSPC);
	}
	EXPECT_EQ(since(&self->m.window, MAP, maps), 0);
	EXPECT_EQ(since(&self->m.window, UNMAP, unmaps), 0);

	drm_close_import(self->m.other, handle);
	for (i = 0; i < 100 && result.error == -ENOSPC; i++) {
		usleep(20000);
		job = job_start(variant->how, &self->a);
		result = job_end(&job, SOON_MS);
	}
	expect_access(_metadata, result, &self->a, variant->how);
	close(dmabuf);
}

/*
 * The control queue is full of commands that the host does not answer
 */
static struct job_result by_creation(void *arg)
{
	struct blob blob = blob_host(PAGE, 0);
	int *gpu = arg;

	return (struct job_result){ blob_create(*gpu, &blob, BLOB_NOW) };
}

FIXTURE(queue) {
	struct machine m;
	struct access a, last;
	struct job in_queue;
};

FIXTURE_SETUP(queue)
{
	struct blob blob;
	int maps, i;

	machine_is_here(&self->m);
	ASSERT_EQ(make(&self->m, &self->a, SIZE, HINT_DEFER, "never"), 0);
	ASSERT_EQ(make(&self->m, &self->last, SIZE, HINT_DEFER, "never"), 0);
	maps = backend_count(&self->m.window, MAP);

	/* A creation takes more commands: leave the last place for a mapping */
	for (i = 0; i < QUEUE / 2 - 1; i++) {
		blob = blob_host(PAGE, 0);
		ASSERT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
	}
	self->in_queue = job_start(by_gem, &self->last);
	ASSERT_TRUE(backend_wait(&self->m.window, MAP, maps + QUEUE / 2 - 1));
}

FIXTURE_TEARDOWN(queue)
{
	machine_close(&self->m);
}

TEST_F_TIMEOUT(queue, wait_is_killable, LIMIT)
{
	int maps = backend_count(&self->m.window, MAP);
	struct job_result result;
	struct job job;

	job = job_start(by_gem, &self->a);
	ASSERT_EQ(job_end(&job, WHILE_MS).error, JOB_HANGS);
	ASSERT_TRUE(job_kill(&job));
	EXPECT_EQ(since(&self->m.window, MAP, maps), 0);

	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	result = job_end(&self->in_queue, SOON_MS);
	expect_access(_metadata, result, &self->last, by_gem);
	job = job_start(by_gem, &self->a);
	result = job_end(&job, SOON_MS);
	expect_access(_metadata, result, &self->a, by_gem);
	EXPECT_EQ(since(&self->m.window, MAP, maps), 1);
}

static struct job_result asks_where(void *arg)
{
	struct access *a = arg;
	void *at;

	return (struct job_result){ blob_mmap(a->gpu, &a->blob, &at) };
}

/* Querying the offset of a blob, and mmap(), do not wait. */
TEST_F_TIMEOUT(queue, map_does_not_wait, LIMIT)
{
	struct job job = job_start(asks_where, &self->a);

	EXPECT_EQ(job_end(&job, SOON_MS).error, 0);
	ASSERT_EQ(job_end(&self->in_queue, WHILE_MS).error, JOB_HANGS);
}

/* The task that began the attempt is killed before it has sent the request. */
TEST_F_TIMEOUT(queue, one_is_killed_another_goes_on, LIMIT)
{
	struct job_result result;
	struct job first, second;

	first = job_start(by_gem, &self->a);
	ASSERT_EQ(job_end(&first, WHILE_MS).error, JOB_HANGS);
	second = job_start(by_gem, &self->a);
	ASSERT_EQ(job_end(&second, WHILE_MS).error, JOB_HANGS);
	ASSERT_TRUE(job_kill(&first));
	ASSERT_EQ(job_end(&second, WHILE_MS).error, JOB_HANGS);

	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	result = job_end(&second, SOON_MS);
	expect_access(_metadata, result, &self->a, by_gem);
	result = job_end(&self->in_queue, SOON_MS);
	expect_access(_metadata, result, &self->last, by_gem);
}

TEST_F_TIMEOUT(queue, device_removed, LIMIT)
{
	struct job_result result;
	struct job job, other;
	char bdf[32];

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	/* An unkillable one would keep the device from being removed */
	job = job_start(by_gem, &self->a);
	ASSERT_EQ(job_end(&job, WHILE_MS).error, JOB_HANGS);
	ASSERT_TRUE(job_kill(&job));

	job = job_start(by_gem, &self->a);
	ASSERT_EQ(job_end(&job, WHILE_MS).error, JOB_HANGS);
	/* A command that does not map a blob waits for room as well */
	other = job_start(by_creation, &self->m.gpu);
	ASSERT_EQ(job_end(&other, WHILE_MS).error, JOB_HANGS);

	gpu_remove(bdf);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	result = job_end(&other, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	result = job_end(&self->in_queue, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);

	unmake(&self->a);
	unmake(&self->last);
	machine_probe(&self->m, bdf);
	backend_mode(&self->m.window, MAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
}

/*
 * Arguments of user space
 */
FIXTURE(args) {
	struct machine m;
	struct blob blob;
	int creates;
};

FIXTURE_SETUP(args)
{
	machine_is_here(&self->m);
	backend_mode(&self->m.window, MAP, "ok");
	/* The first blob makes a context of its own */
	settle(self->m.gpu, &self->m.window);
	self->creates = backend_count(&self->m.window, CREATE);
	self->blob = blob_host(SIZE, 0);
}

FIXTURE_TEARDOWN(args)
{
	machine_close(&self->m);
}

static void expect_refused(struct __test_metadata *_metadata, struct machine *m,
			   struct blob *blob, size_t form)
{
	int creates = backend_count(&m->window, CREATE);

	ASSERT_EQ(blob_create(m->gpu, blob, form), -EINVAL)
		TH_LOG("hints 0x%x, padding 0x%x and 0x%x", blob->hints, blob->pad, blob->pad2);
	ASSERT_EQ(backend_count(&m->window, CREATE), creates);
}

TEST_F_TIMEOUT(args, unknown_hints, LIMIT)
{
	int bit;

	for (bit = 1; bit < 32; bit++) {
		self->blob.hints = 1U << bit;
		expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
		self->blob.hints |= HINT_DEFER;
		expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	}
	self->blob.hints = ~0U;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_FUTURE);
}

/* A hint is known or not, for all blobs. */
TEST_F_TIMEOUT(args, unknown_hints_elsewhere, LIMIT)
{
	self->blob = (struct blob){ .mem = VIRTGPU_BLOB_MEM_GUEST, .size = SIZE, .hints = 2 };
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	self->blob = blob_host(SIZE, 2);
	self->blob.flags = 0;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	self->blob.mem = VIRTGPU_BLOB_MEM_HOST3D_GUEST;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
}

TEST_F_TIMEOUT(args, padding, LIMIT)
{
	self->blob.pad2 = 0xdead;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	self->blob.hints = HINT_DEFER;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	self->blob.hints = 0;
	self->blob.pad2 = 0;
	self->blob.pad = 1;
	expect_refused(_metadata, &self->m, &self->blob, BLOB_NOW);
	expect_refused(_metadata, &self->m, &self->blob, BLOB_OLD);
}

/* The struct before it had hints: bytes behind it are not checked. */
TEST_F_TIMEOUT(args, old_form, LIMIT)
{
	self->blob.hints = ~0U;
	self->blob.pad2 = ~0U;
	EXPECT_EQ(blob_create(self->m.gpu, &self->blob, BLOB_OLD), 0);
	EXPECT_TRUE(backend_wait(&self->m.window, CREATE, self->creates));
	EXPECT_EQ(self->blob.hints, ~0U);
}

TEST_F_TIMEOUT(args, zeroed_form, LIMIT)
{
	int maps = backend_count(&self->m.window, MAP);

	EXPECT_EQ(blob_create(self->m.gpu, &self->blob, BLOB_NOW), 0);
	EXPECT_TRUE(backend_wait(&self->m.window, MAP, maps));
}

/* Members that a later kernel adds are accepted as long as they are zero. */
TEST_F_TIMEOUT(args, longer_form, LIMIT)
{
	EXPECT_EQ(blob_create(self->m.gpu, &self->blob, BLOB_FUTURE), 0);
}

TEST_F_TIMEOUT(args, hint_is_ignored_elsewhere, LIMIT)
{
	struct blob guest = {
		.mem = VIRTGPU_BLOB_MEM_GUEST,
		.flags = VIRTGPU_BLOB_FLAG_USE_MAPPABLE,
		.size = SIZE,
		.hints = HINT_DEFER,
	};
	void *at;

	EXPECT_EQ(blob_create(self->m.gpu, &guest, BLOB_NOW), 0);
	EXPECT_EQ(blob_mmap(self->m.gpu, &guest, &at), 0);
	EXPECT_EQ(*(u64 *)at, 0);

	self->blob = blob_host(SIZE, HINT_DEFER);
	self->blob.mem = VIRTGPU_BLOB_MEM_HOST3D_GUEST;
	EXPECT_EQ(blob_create(self->m.gpu, &self->blob, BLOB_NOW), 0);

	self->blob = blob_host(SIZE, HINT_DEFER);
	self->blob.flags = 0;
	EXPECT_EQ(blob_create(self->m.gpu, &self->blob, BLOB_NOW), 0);
	EXPECT_EQ(blob_mmap(self->m.gpu, &self->blob, &at), -EINVAL);
}

TEST_F_TIMEOUT(args, hints_can_be_asked_for, LIMIT)
{
	EXPECT_EQ(gpu_param(self->m.gpu, VIRTGPU_PARAM_BLOB_HINTS), HINT_DEFER);
	EXPECT_EQ(gpu_param(self->m.blind, VIRTGPU_PARAM_BLOB_HINTS), 0);
	EXPECT_EQ(gpu_param(self->m.other, VIRTGPU_PARAM_BLOB_HINTS), 0);
	EXPECT_EQ(gpu_param(self->m.gpu, VIRTGPU_PARAM_BLOB_HINTS + 1), -EINVAL);
	/*
	 * Other kernels, with patches of their own, use these for other queries
	 */
	EXPECT_EQ(gpu_param(self->m.gpu, FIRST_FREE_PARAM), -EINVAL);
	EXPECT_EQ(gpu_param(self->m.gpu, FIRST_FREE_PARAM + 1), -EINVAL);
}

/*
 * Other devices
 */
FIXTURE(export) {
	struct machine m;
	struct access a;
	int maps;
};

FIXTURE_VARIANT(export) {
	u32 hints;
};

FIXTURE_VARIANT_ADD(export, eager) { 0 };
FIXTURE_VARIANT_ADD(export, deferred) { HINT_DEFER };

FIXTURE_SETUP(export)
{
	machine_is_here(&self->m);
	self->maps = backend_count(&self->m.window, MAP);
	ASSERT_EQ(make(&self->m, &self->a, SIZE, variant->hints, "ok"), 0);
}

FIXTURE_TEARDOWN(export)
{
	machine_close(&self->m);
}

/* The window is memory of the host: for peer-to-peer importers and all others. */
TEST_F_TIMEOUT(export, for_all, LIMIT)
{
	static const char *const drivers[] = { "vgem", "vkms" };
	int video;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(drivers); i++) {
		int card = drm_open(drivers[i]);
		u32 handle;

		ASSERT_GE(card, 0)
			TH_LOG("no %s", drivers[i]);
		EXPECT_EQ(drm_import(card, self->a.dmabuf, &handle), 0)
			TH_LOG("%s", drivers[i]);
		close(card);
	}

	video = video_open(true);
	ASSERT_GE(video, 0)
		TH_LOG("no vivid with contiguous buffers");
	EXPECT_EQ(video_import(video, self->a.dmabuf), 0);
	close(video);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
}

TEST_F_TIMEOUT(export, same_device, LIMIT)
{
	u32 handle;

	EXPECT_EQ(drm_import(self->m.gpu, self->a.dmabuf, &handle), 0);
	EXPECT_EQ(handle, self->a.blob.handle);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), variant->hints ? 0 : 1);
}

static u32 import(struct machine *m, int dmabuf, u32 *resource)
{
	struct drm_virtgpu_resource_info info = {};
	int before = backend_count(&m->importer, CREATE);
	u32 handle;

	VFIO_ASSERT_EQ(drm_import(m->other, dmabuf, &handle), 0);
	/* An import alone does not notify the device */
	settle(m->other, &m->importer);
	VFIO_ASSERT_TRUE(backend_wait(&m->importer, CREATE, before));
	info.bo_handle = handle;
	VFIO_ASSERT_EQ(ioctl(m->other, DRM_IOCTL_VIRTGPU_RESOURCE_INFO, &info), 0);
	*resource = info.res_handle;
	return handle;
}

/* The other device reads and writes the same data as the host and the CPU. */
TEST_F_TIMEOUT(export, dma, LIMIT)
{
	u8 *at, want[SIZE];
	u32 resource, crc = 0;
	size_t i;

	import(&self->m, self->a.dmabuf, &resource);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	ASSERT_EQ(blob_mmap(self->m.gpu, &self->a.blob, (void **)&at), 0);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), 1);
	EXPECT_EQ(*(u64 *)at, self->a.blob.id);
	mem_random(want, SIZE, 3);
	memcpy(at, want, SIZE);
	EXPECT_EQ(host_sees(&self->m.window, self->a.blob.resource, 0), *(u64 *)want);

	ASSERT_TRUE(backend_crc(&self->m.importer, resource, &crc));
	EXPECT_EQ(crc, crc32(want, SIZE));

	ASSERT_TRUE(backend_scramble(&self->m.importer, resource));
	for (i = 0; i < SIZE; i++)
		want[i] = backend_scrambled(want[i], i);
	EXPECT_EQ(mem_differ(at, want, SIZE), -1);
}

/* After the window has gone, its importers have let go of it. */
TEST_F_TIMEOUT(export, device_removed, LIMIT)
{
	struct backend_entry entries[BACKEND_ENTRIES_MAX];
	int detach, nr, i;
	u32 resource, handle;
	char bdf[32];

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	handle = import(&self->m, self->a.dmabuf, &resource);
	nr = backend_backing(&self->m.importer, resource, entries);
	ASSERT_GT(nr, 0);
	for (i = 0; i < nr; i++)
		EXPECT_TRUE(backend_reads(&self->m.importer, entries[i].address));
	detach = backend_count(&self->m.importer, DETACH);

	gpu_remove(bdf);
	EXPECT_EQ(backend_count(&self->m.importer, DETACH), detach + 1);
	EXPECT_EQ(backend_backing(&self->m.importer, resource, entries), 0);

	drm_close_import(self->m.other, handle);
	EXPECT_EQ(drm_import(self->m.other, self->a.dmabuf, &handle), -ENODEV);
	unmake(&self->a);
	machine_probe(&self->m, bdf);
	EXPECT_TRUE(window_is_free(&self->m));
}

/*
 * Importers get DMA addresses. A device behind an IOMMU that would use them as
 * guest-physical addresses gets none.
 */
TEST_F_TIMEOUT(export, not_without_platform_access, LIMIT)
{
	int plain = gpu_open_kind(GPU_PLAIN), vgem = drm_open("vgem"), buffer;
	u32 handle;

	ASSERT_GE(plain, 0);
	ASSERT_GE(vgem, 0);
	buffer = drm_export(vgem, SIZE);
	ASSERT_GE(buffer, 0);
	EXPECT_EQ(drm_import(plain, buffer, &handle), -EOPNOTSUPP);
	EXPECT_EQ(drm_import(plain, self->a.dmabuf, &handle), -EOPNOTSUPP);
	EXPECT_EQ(drm_import(self->m.other, buffer, &handle), 0);
	drm_close_import(self->m.other, handle);
	EXPECT_EQ(since(&self->m.window, MAP, self->maps), variant->hints ? 0 : 1);
	close(buffer);
	close(vgem);
	close(plain);
}

static bool faults(u64 *at)
{
	u64 value;

	return !access_read(at, &value);
}

/* The CPU's mappings go away, too, and cannot be made again. */
TEST_F_TIMEOUT(export, device_removed_while_mapped, LIMIT)
{
	u64 *gem, *dmabuf;
	char bdf[32];

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	ASSERT_EQ(blob_mmap(self->m.gpu, &self->a.blob, (void **)&gem), 0);
	dmabuf = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, self->a.dmabuf, 0);
	ASSERT_NE(dmabuf, MAP_FAILED);
	EXPECT_EQ(*gem, self->a.blob.id);
	EXPECT_EQ(*dmabuf, self->a.blob.id);

	gpu_remove(bdf);
	EXPECT_TRUE(faults(gem));
	EXPECT_TRUE(faults(dmabuf));
	EXPECT_EQ(by_dmabuf(&self->a).error, -ENODEV);
	EXPECT_EQ(by_gem(&self->a).error, -ENODEV);

	munmap(gem, SIZE);
	munmap(dmabuf, SIZE);
	unmake(&self->a);
	machine_probe(&self->m, bdf);
}

/*
 * Two dma-bufs of one blob. DRM forgets a dma-buf when the last handle is
 * closed, not when its last descriptor is. A framebuffer that finds the blob
 * before that and looks at its handles after that keeps the blob without a
 * handle, and DRM then exports a new dma-buf. So: close the handle while a
 * framebuffer is made.
 */
#define RACE_MS		15000

struct race {
	int gpu;
	int delay;			/* delay of the close, or if negative of the framebuffer */
	u32 handle;
	unsigned int go, done;		/* numbers of rounds */
	bool over;
};

static void spin(int turns)
{
	while (turns-- > 0)
		asm volatile("");
}

static void *closes(void *arg)
{
	struct race *race = arg;
	unsigned int round = 0;

	for (;;) {
		while (__atomic_load_n(&race->go, __ATOMIC_ACQUIRE) == round)
			if (__atomic_load_n(&race->over, __ATOMIC_ACQUIRE))
				return NULL;
		spin(race->delay);
		drm_close_import(race->gpu, race->handle);
		__atomic_store_n(&race->done, ++round, __ATOMIC_RELEASE);
	}
}

static u32 framebuffer_make(int gpu, u32 handle)
{
	struct drm_mode_fb_cmd2 fb = {
		.width = 64,
		.height = 64,
		.pixel_format = DRM_FORMAT_XRGB8888,
		.handles = { handle },
		.pitches = { 64 * 4 },
	};

	return ioctl(gpu, DRM_IOCTL_MODE_ADDFB2, &fb) ? 0 : fb.fb_id;
}

/* The object of a framebuffer, after the end of the framebuffer */
static u32 framebuffer_take(int gpu, u32 id)
{
	struct drm_mode_fb_cmd2 fb = { .fb_id = id };

	VFIO_ASSERT_EQ(ioctl(gpu, DRM_IOCTL_MODE_GETFB2, &fb), 0);
	VFIO_ASSERT_EQ(ioctl(gpu, DRM_IOCTL_MODE_RMFB, &id), 0);
	return fb.handles[0];
}

static ino_t inode(int fd)
{
	struct stat st;

	VFIO_ASSERT_EQ(fstat(fd, &st), 0);
	return st.st_ino;
}

/* Another dma-buf of the blob than the existing one, or -ETIME. */
static int second_export(struct access *a)
{
	struct race race = { .gpu = a->gpu, .handle = a->blob.handle };
	unsigned int round = 0, late = 0;
	u64 end = now_ms() + RACE_MS;
	pthread_t thread;
	int second = -ETIME;
	u32 fb;

	VFIO_ASSERT_EQ(pthread_create(&thread, NULL, closes, &race), 0);
	while (second < 0 && now_ms() < end) {
		__atomic_store_n(&race.go, ++round, __ATOMIC_RELEASE);
		spin(-race.delay);
		fb = framebuffer_make(a->gpu, race.handle);
		while (__atomic_load_n(&race.done, __ATOMIC_ACQUIRE) != round)
			;

		/* The wanted delay lies between too early and too late */
		if (!fb) {
			VFIO_ASSERT_EQ(drm_import(a->gpu, a->dmabuf, &race.handle), 0);
			race.delay += 1 + round % 64;
			continue;
		}
		late++;
		race.handle = framebuffer_take(a->gpu, fb);
		race.delay -= 1 + round % 61;
		a->blob.handle = race.handle;
		second = blob_export(a->gpu, &a->blob);
		VFIO_ASSERT_GE(second, 0);
		if (inode(second) == inode(a->dmabuf)) {
			close(second);
			second = -ETIME;
		}
	}
	__atomic_store_n(&race.over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	a->blob.handle = race.handle;
	printf("# %u rounds, %u too late\n", round, late);
	return second;
}

/* Each of two dma-bufs of a blob is revoked, for the CPU and for importers. */
TEST_F_TIMEOUT(export, device_removed_with_two, LIMIT)
{
	struct access second;
	u32 handles[2], resource;
	u64 *at[2];
	int detach;
	char bdf[32];

	second = self->a;
	second.dmabuf = second_export(&self->a);
	if (second.dmabuf == -ETIME)
		SKIP(return, "the race for a second dma-buf was not won in %d s", RACE_MS / 1000);

	gpu_address(self->m.gpu, bdf, sizeof(bdf));
	handles[0] = import(&self->m, self->a.dmabuf, &resource);
	handles[1] = import(&self->m, second.dmabuf, &resource);
	at[0] = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->a.dmabuf, 0);
	at[1] = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, second.dmabuf, 0);
	ASSERT_NE(at[0], MAP_FAILED);
	ASSERT_NE(at[1], MAP_FAILED);
	EXPECT_EQ(*at[0], self->a.blob.id);
	EXPECT_EQ(*at[1], self->a.blob.id);
	detach = backend_count(&self->m.importer, DETACH);

	gpu_remove(bdf);
	EXPECT_EQ(backend_count(&self->m.importer, DETACH), detach + 2);
	EXPECT_TRUE(faults(at[0]));
	EXPECT_TRUE(faults(at[1]));
	EXPECT_EQ(by_dmabuf(&self->a).error, -ENODEV);
	EXPECT_EQ(by_dmabuf(&second).error, -ENODEV);

	munmap(at[0], SIZE);
	munmap(at[1], SIZE);
	drm_close_import(self->m.other, handles[0]);
	drm_close_import(self->m.other, handles[1]);
	close(second.dmabuf);
	unmake(&self->a);
	machine_probe(&self->m, bdf);
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_HARNESS_MAIN
