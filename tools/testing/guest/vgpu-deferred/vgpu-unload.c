// SPDX-License-Identifier: GPL-2.0
/*
 * The module of virtio-gpu (PROFILE=modular) is unloaded: not while it is in
 * use, and soon after that, whatever the host has left unanswered.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/module.h"

#include "vgpu-deferred/gpus.h"

#define MODULE		"virtio_gpu"

/* The longest wait of the driver for a silent host, three times, and some more */
#define UNLOAD_MS	40000

FIXTURE(unload) {
	struct machine m;
};

/* The driver binds to four devices one after the other */
static const char *machine_comes(struct machine *m)
{
	u64 end = now_ms() + SOON_MS;
	const char *lacks;

	for (;;) {
		lacks = machine_open(m);
		if (!lacks || now_ms() > end)
			return lacks;
		close(m->gpu);
		close(m->other);
		close(m->blind);
		usleep(100000);
	}
}

/* Here each test that keeps a file open has a reason */
static void files_close(struct machine *m)
{
	close(m->gpu);
	close(m->other);
	close(m->blind);
	m->gpu = -1;
	m->other = -1;
	m->blind = -1;
}

static struct job_result unloading(void *arg)
{
	return (struct job_result){ module_unload(MODULE) };
}

/* 0, -errno or JOB_HANGS */
static int unload(void)
{
	struct job job = job_start(unloading, NULL);

	return job_end(&job, UNLOAD_MS).error;
}

/* The last user may still be on its way: an importer, or a killed process */
static int unload_soon(void)
{
	u64 end = now_ms() + SOON_MS;
	int error;

	do {
		error = unload();
		if (error != -EAGAIN)
			return error;
		usleep(50000);
	} while (now_ms() < end);
	return error;
}

/* A mapping that the host has not answered; the process that waited for it is killed */
static void leave_unanswered(struct machine *m)
{
	int maps = backend_count(&m->window, MAP);
	struct access a;
	struct job job;

	VFIO_ASSERT_EQ(make(m, &a, SIZE, HINT_DEFER, "never"), 0);
	job = job_start(by_gem, &a);
	VFIO_ASSERT_TRUE(waits(m, &job, maps));
	VFIO_ASSERT_TRUE(job_kill(&job));
	unmake(&a);
	files_close(m);
}

/* It is loaded again, and works */
static void comes_back(struct __test_metadata *_metadata, struct machine *m)
{
	struct job_result result;
	struct access a;
	struct job job;

	ASSERT_EQ(module_load(MODULE), 0);
	backend_close(&m->window);
	backend_close(&m->importer);
	ASSERT_EQ(machine_comes(m), NULL);
	backend_mode(&m->importer, DETACH, "ok");
	ASSERT_EQ(make(m, &a, SIZE, HINT_DEFER, "ok"), 0);
	job = job_start(by_gem, &a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, 0);
	EXPECT_EQ(result.seen, a.blob.id);
	unmake(&a);
	EXPECT_TRUE(window_is_free(m));
}

FIXTURE_SETUP(unload)
{
	const char *lacks;

	if (!module_exists(MODULE))
		SKIP(return, "virtio-gpu is built in (make guest PROFILE=modular has a module)");
	ASSERT_EQ(module_load(MODULE), 0);
	lacks = machine_comes(&self->m);
	if (lacks) {
		ASSERT_FALSE(machine_promises("scripted-gpus", "drm"))
			TH_LOG("%s", lacks);
		SKIP(return, "%s", lacks);
	}
	backend_mode(&self->m.window, MAP, "ok");
}

FIXTURE_TEARDOWN(unload)
{
	machine_close(&self->m);
}

TEST_F_TIMEOUT(unload, not_while_it_is_used, LIMIT)
{
	struct iommu *iommu;
	struct access a;
	u64 value;
	void *at;
	int gpu;

	/* An open file; the others are closed */
	ASSERT_EQ(make(&self->m, &a, SIZE, 0, "ok"), 0);
	gpu = dup(self->m.gpu);
	files_close(&self->m);
	EXPECT_EQ(unload(), -EAGAIN);

	/* A mapping of the file, and a dma-buf */
	ASSERT_EQ(blob_mmap(gpu, &a.blob, &at), 0);
	close(gpu);
	EXPECT_EQ(unload(), -EAGAIN);
	EXPECT_TRUE(access_read(at, &value));
	EXPECT_EQ(value, a.blob.id);
	munmap(at, SIZE);
	EXPECT_EQ(unload(), -EAGAIN);

	/* A mapping of the dma-buf */
	at = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, a.dmabuf, 0);
	ASSERT_NE(at, MAP_FAILED);
	iommu = iommu_init(MODE_IOMMUFD);
	EXPECT_EQ(ioas_map_file(iommu->iommufd, iommu->ioas_id, a.dmabuf, 0, SIZE, IOVA,
				IOAS_RW), 0);
	close(a.dmabuf);
	EXPECT_EQ(unload(), -EAGAIN);
	EXPECT_TRUE(access_read(at, &value));
	EXPECT_EQ(value, a.blob.id);
	munmap(at, SIZE);

	/* An importer */
	EXPECT_EQ(unload(), -EAGAIN);
	iommu_cleanup(iommu);

	EXPECT_EQ(unload_soon(), 0);
	comes_back(_metadata, &self->m);
}

/* The host has not answered when the last task stops waiting */
TEST_F_TIMEOUT(unload, host_says_nothing, LIMIT)
{
	leave_unanswered(&self->m);
	EXPECT_EQ(unload_soon(), 0);

	/* To a driver that is gone */
	release(&self->m.window);
	comes_back(_metadata, &self->m);
}

/* It answers while the module goes */
TEST_F_TIMEOUT(unload, host_answers_late, 4 * LIMIT)
{
	char answer[256];
	struct job job;
	int round;

	for (round = 0; round < 6; round++) {
		leave_unanswered(&self->m);
		job = job_start(unloading, NULL);
		usleep(round * 3000);
		backend_ask(&self->m.window, answer, sizeof(answer), "release");
		switch (job_end(&job, UNLOAD_MS).error) {
		case 0:
			break;
		case -EAGAIN:
			ASSERT_EQ(unload_soon(), 0);
			break;
		default:
			ASSERT_TRUE(false) TH_LOG("round %d hangs or fails", round);
		}
		comes_back(_metadata, &self->m);
	}
}

/* The host of a device that has imported a buffer of another is silent */
TEST_F_TIMEOUT(unload, import_is_not_given_back, LIMIT)
{
	struct access a;
	u32 handle;

	ASSERT_EQ(make(&self->m, &a, SIZE, 0, "ok"), 0);
	ASSERT_EQ(drm_import(self->m.other, a.dmabuf, &handle), 0);
	settle(self->m.other, &self->m.importer);
	backend_mode(&self->m.importer, DETACH, "never");
	drm_close_import(self->m.other, handle);
	unmake(&a);
	files_close(&self->m);
	/* It holds the buffer, and the module with it, until the host answers */
	EXPECT_EQ(unload(), -EAGAIN);
	release(&self->m.importer);
	EXPECT_EQ(unload_soon(), 0);
	comes_back(_metadata, &self->m);
}

TEST_HARNESS_MAIN
