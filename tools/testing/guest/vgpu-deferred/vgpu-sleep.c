// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio-gpu with host blobs, and a guest that is suspended to RAM: as far as
 * its devices, with pm_test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/file.h"
#include "lib/machine.h"

#include "vgpu-deferred/gpus.h"
#include "vgpu-deferred/screen.h"

#define POWER		"/sys/power/"

/* Five seconds of pm_test, and more than twice the patience of the driver */
#define SLEEP_MS	60000

FIXTURE(sleep) {
	struct machine m;
	int maps;
};

/* virtio-gpu has freeze and restore since Linux 7.3. */
static bool driver_can_sleep(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	sscanf(name.release, "%u.%u", &major, &minor);
	return major > 7 || (major == 7 && minor >= 3);
}

FIXTURE_SETUP(sleep)
{
	if (!driver_can_sleep())
		SKIP(return, "before 7.3 virtio-gpu does not come back from sleep");
	if (file_write("devices", POWER "pm_test"))
		SKIP(return, "the kernel has no pm_test (CONFIG_SUSPEND, CONFIG_PM_DEBUG)");
	machine_is_here(&self->m);
	backend_mode(&self->m.window, MAP, "ok");
	self->maps = backend_count(&self->m.window, MAP);
}

FIXTURE_TEARDOWN(sleep)
{
	machine_close(&self->m);
}

static struct job_result sleeps(void *arg)
{
	return (struct job_result){ file_write("mem", POWER "state") };
}

/* 0 or the kernel's error; a sleep that does not end only fails the test */
static int nap(void)
{
	struct job job = job_start(sleeps, NULL);

	return job_end(&job, SLEEP_MS).error;
}

/* The reset discards the host's state. Accesses to blobs from before fail. */
TEST_F_TIMEOUT(sleep, blobs_are_gone, LIMIT)
{
	struct access before, after, held;
	struct job_result result;
	u64 *gem, *dmabuf, value;
	struct job job;
	u32 handle;

	ASSERT_EQ(make(&self->m, &before, SIZE, 0, "ok"), 0);
	ASSERT_EQ(make(&self->m, &held, SIZE, 0, "ok"), 0);
	ASSERT_EQ(blob_mmap(self->m.gpu, &before.blob, (void **)&gem), 0);
	dmabuf = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, before.dmabuf, 0);
	ASSERT_NE(dmabuf, MAP_FAILED);
	EXPECT_EQ(*gem, before.blob.id);
	EXPECT_EQ(*dmabuf, before.blob.id);
	ASSERT_EQ(drm_import(self->m.other, held.dmabuf, &handle), 0);

	ASSERT_EQ(nap(), 0);

	EXPECT_FALSE(access_read(gem, &value));
	EXPECT_FALSE(access_read(dmabuf, &value));
	EXPECT_EQ(gpu_map_error(self->m.gpu), -EINVAL);
	job = job_start(by_iommufd, &before);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -EINVAL);

	/* Blobs made afterwards work */
	ASSERT_EQ(make(&self->m, &after, SIZE, HINT_DEFER, "ok"), 0);
	job = job_start(by_gem, &after);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, after.blob.id);
	job = job_start(by_import, &after);
	EXPECT_EQ(job_end(&job, SOON_MS).error, 0);

	drm_close_import(self->m.other, handle);
	munmap(gem, SIZE);
	munmap(dmabuf, SIZE);
	unmake(&before);
	unmake(&held);
	unmake(&after);
	EXPECT_TRUE(window_is_free(&self->m));
}

/* Twice: the second time does not use the queues of the first. */
TEST_F_TIMEOUT(sleep, with_a_screen, LIMIT)
{
	struct job_result result;
	struct screen screen;
	struct access a;
	struct job job;
	int i;

	ASSERT_TRUE(screen_on(self->m.gpu, &screen));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(nap(), 0);
		ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "ok"), 0);
		job = job_start(by_gem, &a);
		result = job_end(&job, SOON_MS);
		EXPECT_EQ(result.error, 0);
		EXPECT_EQ(result.seen, a.blob.id);
		unmake(&a);
	}
}

/* While the host owes an answer, the guest stays awake. */
TEST_F_TIMEOUT(sleep, somebody_waits, LIMIT)
{
	struct job_result result;
	struct access a;
	struct job job;

	ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "never"), 0);
	job = job_start(by_gem, &a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));
	EXPECT_EQ(nap(), -ETIMEDOUT);

	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, a.blob.id);
	unmake(&a);
	EXPECT_TRUE(window_is_free(&self->m));
	EXPECT_EQ(nap(), 0);
}

/*
 * A device that stopped answering does not keep the guest awake, and is reset.
 */
TEST_F_TIMEOUT(sleep, ring_is_broken, LIMIT)
{
	struct job_result result;
	struct access a, after;
	struct screen screen;
	struct job job;

	ASSERT_TRUE(screen_on(self->m.gpu, &screen));
	ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "badid"), 0);
	job = job_start(by_gem, &a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);

	ASSERT_EQ(nap(), 0);

	ASSERT_EQ(make(&self->m, &after, SIZE, HINT_DEFER, "ok"), 0);
	job = job_start(by_gem, &after);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, after.blob.id);
	unmake(&a);
	unmake(&after);
}

/* The queue has no room for the commands that turn a screen off. */
TEST_F_TIMEOUT(sleep, queue_is_full, LIMIT)
{
	struct screen screen;
	struct blob blob;
	int i;

	ASSERT_TRUE(screen_on(self->m.gpu, &screen));
	settle(self->m.gpu, &self->m.window);
	backend_mode(&self->m.window, MAP, "never");
	for (i = 0; i < QUEUE / 2 - 1; i++) {
		blob = blob_host(PAGE, 0);
		ASSERT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), 0);
	}
	ASSERT_TRUE(backend_wait(&self->m.window, MAP, self->maps + QUEUE / 2 - 2));
	EXPECT_EQ(nap(), -ETIMEDOUT);
	backend_mode(&self->m.window, MAP, "ok");
	release(&self->m.window);
	EXPECT_EQ(nap(), 0);
}

TEST_HARNESS_MAIN
