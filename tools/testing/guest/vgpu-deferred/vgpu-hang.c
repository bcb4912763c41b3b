// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio-gpu whose host stops answering, or breaks the rules: every task that
 * waits permanently can be killed, and the device can be removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/machine.h"

#include "vgpu-deferred/gpus.h"
#include "vgpu-deferred/screen.h"

#define CONTROLQ	0
#define CURSORQ		1

/* The driver's longest wait for a silent host, twice, and some more */
#define REMOVAL_MS	25000

FIXTURE(hang) {
	struct machine m;
	char bdf[32];
	int maps;
};

FIXTURE_SETUP(hang)
{
	machine_is_here(&self->m);
	backend_mode(&self->m.window, MAP, "ok");
	gpu_address(self->m.gpu, self->bdf, sizeof(self->bdf));
	self->maps = backend_count(&self->m.window, MAP);
}

FIXTURE_TEARDOWN(hang)
{
	machine_close(&self->m);
}

static void queue(struct backend *b, const char *what, int number)
{
	char answer[256];
	bool ok;

	ok = backend_ask(b, answer, sizeof(answer), "%s %d", what, number);
	VFIO_ASSERT_TRUE(ok);
}

/* Unbind the driver, as a job: one that hangs only fails the test */
static struct job_result removal(void *arg)
{
	gpu_remove(arg);
	return (struct job_result){};
}

static bool removed(char *bdf)
{
	struct job job = job_start(removal, bdf);

	return job_end(&job, REMOVAL_MS).error == 0;
}

static void comes_back(struct __test_metadata *_metadata, struct machine *m, const char *bdf)
{
	machine_probe(m, bdf);
	backend_mode(&m->window, MAP, "ok");
	EXPECT_TRUE(window_is_free(m));
}

/* The answer is for a buffer that the device did not get. */
TEST_F_TIMEOUT(hang, ring_is_broken, LIMIT)
{
	struct job_result result;
	struct access a, b;
	struct job job;

	ASSERT_EQ(make(&self->m, &b, SIZE, HINT_DEFER, "ok"), 0);
	ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "badid"), 0);
	job = job_start(by_gem, &a);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	/* And later requests are not queued */
	job = job_start(by_gem, &b);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	job = job_start(by_iommufd, &b);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);

	unmake(&a);
	unmake(&b);
	ASSERT_TRUE(removed(self->bdf));
	comes_back(_metadata, &self->m, self->bdf);
}

/* Once there is an answer, continue until the device is gone */
static struct job_result by_gem_again(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	u64 end = now_ms() + SOON_MS / 2;
	void *at;

	result.error = blob_mmap(a->gpu, &a->blob, &at);
	if (result.error)
		return result;
	while (now_ms() < end)
		if (!access_read(at, &result.seen))
			return (struct job_result){ gpu_map_error(a->gpu), result.seen };
	return (struct job_result){ 0, result.seen };
}

/*
 * The host accepts while the device is removed. The CPU's mapping is gone
 * afterwards, whichever was first.
 */
TEST_F_TIMEOUT(hang, late_yes_and_removal, 2 * LIMIT)
{
	struct job_result result;
	struct job reader, helper;
	char answer[256];
	struct access a;
	int round;

	for (round = 0; round < 8; round++) {
		self->maps = backend_count(&self->m.window, MAP);
		ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "never"), 0);
		reader = job_start(by_gem_again, &a);
		ASSERT_TRUE(backend_wait(&self->m.window, MAP, self->maps));
		helper = job_start(removal, self->bdf);
		usleep(round * 700);
		/* An error if the device is too far gone for an answer */
		backend_ask(&self->m.window, answer, sizeof(answer), "release");
		ASSERT_EQ(job_end(&helper, REMOVAL_MS).error, 0);
		/* Reads again when the device is gone */
		result = job_end(&reader, SOON_MS);
		EXPECT_EQ(result.error, -ENODEV);
		unmake(&a);
		machine_probe(&self->m, self->bdf);
	}
	backend_mode(&self->m.window, MAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
}

/* Read until there is a SIGBUS.  Each word before that has to be the host's. */
static struct job_result reads_on(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	u64 end = now_ms() + SOON_MS / 2;
	void *at;

	result.error = blob_mmap(a->gpu, &a->blob, &at);
	if (result.error)
		return result;
	while (now_ms() < end) {
		if (!access_read(at, &result.seen))
			return (struct job_result){ gpu_map_error(a->gpu) };
		if (result.seen != a->blob.id)
			return (struct job_result){ -EILSEQ, result.seen };
	}
	return result;
}

/* After a reset of the device its window shows nothing: no CPU may have it mapped by then. */
static void read_to_the_end(struct __test_metadata *_metadata, struct _test_data_hang *self,
			    bool removed_by_us, bool pinned)
{
	struct blob small = { .mem = VIRTGPU_BLOB_MEM_GUEST, .size = PAGE };
	int iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	struct job_result result;
	struct job reader;
	struct access a;
	u32 ioas;

	ASSERT_EQ(ioas_alloc(iommufd, &ioas), 0);
	ASSERT_EQ(make(&self->m, &a, SIZE, 0, "ok"), 0);
	if (pinned)
		ASSERT_EQ(ioas_map_file(iommufd, ioas, a.dmabuf, 0, SIZE, IOVA, IOAS_RW), 0);
	reader = job_start(reads_on, &a);
	ASSERT_EQ(job_end(&reader, WHILE_MS).error, JOB_HANGS);
	if (!removed_by_us) {
		backend_mode(&self->m.window, CREATE, "badid");
		ASSERT_EQ(blob_create(self->m.gpu, &small, BLOB_NOW), 0);
	} else {
		ASSERT_TRUE(removed(self->bdf));
	}
	result = job_end(&reader, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV)
		TH_LOG("saw 0x%llx in blob 0x%llx", (unsigned long long)result.seen,
		       (unsigned long long)a.blob.id);
	backend_mode(&self->m.window, CREATE, "ok");
	if (!removed_by_us) {
		/* A buffer of an open file keeps its DMA mapping when the device goes */
		blob_destroy(self->m.gpu, &small);
		ASSERT_TRUE(removed(self->bdf));
	}
	unmake(&a);
	close(iommufd);
	machine_probe(&self->m, self->bdf);
}

TEST_F_TIMEOUT(hang, is_read_while_it_breaks, LIMIT)
{
	read_to_the_end(_metadata, self, false, false);
	read_to_the_end(_metadata, self, false, true);
}

TEST_F_TIMEOUT(hang, is_read_while_it_is_removed, LIMIT)
{
	read_to_the_end(_metadata, self, true, false);
	read_to_the_end(_metadata, self, true, true);
}

/*
 * Modesetting
 */
struct cursor {
	int gpu;
	u32 crtc, handle;
};

static int cursor_set(struct cursor *c)
{
	struct drm_mode_cursor2 arg = {
		.flags = DRM_MODE_CURSOR_BO,
		.crtc_id = c->crtc,
		.width = 64,
		.height = 64,
		.handle = c->handle,
	};

	return ioctl(c->gpu, DRM_IOCTL_MODE_CURSOR2, &arg) ? -errno : 0;
}

static struct job_result cursor_moves(void *arg)
{
	struct cursor *c = arg;
	int i, ret = 0;

	/* More than the queue has room for */
	for (i = 0; i < 400 && !ret; i++) {
		struct drm_mode_cursor2 move = {
			.flags = DRM_MODE_CURSOR_MOVE,
			.crtc_id = c->crtc,
			.x = i,
			.y = i,
		};

		ret = ioctl(c->gpu, DRM_IOCTL_MODE_CURSOR2, &move) ? -errno : 0;
	}
	return (struct job_result){ ret, i };
}

static struct job_result cursor_sets(void *arg)
{
	return (struct job_result){ cursor_set(arg) };
}

static bool cursor_make(int gpu, struct cursor *c)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	struct screen screen;

	if (!screen_on(gpu, &screen) || ioctl(gpu, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return false;
	c->gpu = gpu;
	c->crtc = screen.crtc;
	c->handle = dumb.handle;
	return true;
}

/*
 * The host does not read the cursor queue. Moves continue, after one wait of
 * some seconds.
 */
TEST_F_TIMEOUT(hang, cursor_queue_is_ignored, LIMIT)
{
	struct job_result result;
	struct cursor c;
	struct job job;

	ASSERT_TRUE(cursor_make(self->m.gpu, &c));
	ASSERT_EQ(cursor_set(&c), 0);
	/* A buffer of an open file keeps its DMA mapping when the device goes. */
	ASSERT_TRUE(screen_forget(c.gpu, c.handle));
	queue(&self->m.window, "ignore", CURSORQ);
	job = job_start(cursor_moves, &c);
	result = job_end(&job, 2 * SOON_MS);
	EXPECT_EQ(result.error, 0);

	/* That does not keep the rest of DRM, and this can be removed */
	job = job_start(cursor_moves, &c);
	EXPECT_TRUE(removed(self->bdf));
	result = job_end(&job, SOON_MS);
	EXPECT_NE(result.error, JOB_HANGS);
	queue(&self->m.window, "heed", CURSORQ);
	comes_back(_metadata, &self->m, self->bdf);
}

/* A new picture of the cursor waits for the host, with modeset locks held. */
TEST_F_TIMEOUT(hang, cursor_picture_never_arrives, LIMIT)
{
	struct job_result result;
	struct cursor c;
	struct job job;

	ASSERT_TRUE(cursor_make(self->m.gpu, &c));
	backend_mode(&self->m.window, "TRANSFER_TO_HOST_2D", "never");
	job = job_start(cursor_sets, &c);
	EXPECT_EQ(job_end(&job, WHILE_MS).error, JOB_HANGS);
	EXPECT_TRUE(screen_forget(c.gpu, c.handle));
	EXPECT_TRUE(removed(self->bdf));
	result = job_end(&job, SOON_MS);
	EXPECT_NE(result.error, JOB_HANGS);
	backend_mode(&self->m.window, "TRANSFER_TO_HOST_2D", "ok");
	comes_back(_metadata, &self->m, self->bdf);
}

/*
 * Imports into a device whose host is silent
 */
static struct job_result import_ends(void *arg)
{
	unsigned int *arguments = arg;

	drm_close_import(arguments[0], arguments[1]);
	return (struct job_result){};
}

TEST_F_TIMEOUT(hang, import_is_closed, LIMIT)
{
	struct job_result result;
	unsigned int import[2];
	int detaches, unrefs;
	struct access a;
	struct job job;

	ASSERT_EQ(make(&self->m, &a, SIZE, 0, "ok"), 0);
	import[0] = self->m.other;
	ASSERT_EQ(drm_import(self->m.other, a.dmabuf, &import[1]), 0);
	settle(self->m.other, &self->m.importer);
	detaches = backend_count(&self->m.importer, DETACH);
	unrefs = backend_count(&self->m.importer, UNREF);
	backend_mode(&self->m.importer, DETACH, "never");

	/* The task that closes it does not wait */
	job = job_start(import_ends, import);
	result = job_end(&job, WHILE_MS * 5);
	EXPECT_EQ(result.error, 0);
	drm_close_import(import[0], import[1]);
	EXPECT_TRUE(backend_wait(&self->m.importer, DETACH, detaches));
	/* Nor do other holders of the buffer */
	job = job_start(by_import, &a);
	EXPECT_NE(job_end(&job, SOON_MS).error, JOB_HANGS);
	job = job_start(by_iommufd, &a);
	EXPECT_EQ(job_end(&job, SOON_MS).error, 0);

	/* It is freed when the answer has come, and not before */
	backend_mode(&self->m.importer, DETACH, "ok");
	usleep(100000);
	EXPECT_EQ(backend_count(&self->m.importer, DETACH) > detaches, true);
	release(&self->m.importer);
	EXPECT_TRUE(backend_wait(&self->m.importer, UNREF, unrefs));
	unmake(&a);
	EXPECT_TRUE(window_is_free(&self->m));
}

/* The host of one device is silent, and the other device is removed. */
TEST_F_TIMEOUT(hang, exporter_is_removed, LIMIT)
{
	struct access a[3];
	unsigned int handles[3];
	u64 start;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(make(&self->m, &a[i], SIZE, 0, "ok"), 0);
		ASSERT_EQ(drm_import(self->m.other, a[i].dmabuf, &handles[i]), 0);
	}
	settle(self->m.other, &self->m.importer);
	backend_mode(&self->m.importer, DETACH, "never");
	start = now_ms();
	EXPECT_TRUE(removed(self->bdf));
	EXPECT_LT(now_ms() - start, REMOVAL_MS);

	backend_mode(&self->m.importer, DETACH, "ok");
	release(&self->m.importer);
	for (i = 0; i < 3; i++) {
		drm_close_import(self->m.other, handles[i]);
		unmake(&a[i]);
	}
	comes_back(_metadata, &self->m, self->bdf);
}

/*
 * Other losses
 */
/* A blob that never fits is refused before its command is sent to the host. */
TEST_F_TIMEOUT(hang, too_large_leaves_nothing, LIMIT)
{
	struct blob blob = blob_host(WINDOW + PAGE, 0);
	u32 command[2] = {};
	int submits, creates;

	settle(self->m.gpu, &self->m.window);
	submits = backend_count(&self->m.window, "SUBMIT_3D");
	creates = backend_count(&self->m.window, CREATE);
	blob.cmd = (uintptr_t)command;
	blob.cmd_size = sizeof(command);
	EXPECT_EQ(blob_create(self->m.gpu, &blob, BLOB_NOW), -ENOSPC);
	settle(self->m.gpu, &self->m.window);
	EXPECT_EQ(since(&self->m.window, "SUBMIT_3D", submits), 0);
	EXPECT_EQ(since(&self->m.window, CREATE, creates), 1);
}

/* Waiting for the event of a fence succeeds, though the device is gone. */
TEST_F_TIMEOUT(hang, fence_has_an_end, LIMIT)
{
	u32 command[2] = {};
	struct drm_virtgpu_execbuffer exec = {
		.flags = VIRTGPU_EXECBUF_FENCE_FD_OUT,
		.command = (uintptr_t)command,
		.size = sizeof(command),
	};
	struct pollfd p = { .events = POLLIN };

	backend_mode(&self->m.window, "SUBMIT_3D", "never");
	ASSERT_EQ(ioctl(self->m.gpu, DRM_IOCTL_VIRTGPU_EXECBUFFER, &exec), 0);
	p.fd = exec.fence_fd;
	EXPECT_EQ(poll(&p, 1, WHILE_MS), 0);
	EXPECT_TRUE(removed(self->bdf));
	EXPECT_EQ(poll(&p, 1, SOON_MS), 1);
	close(exec.fence_fd);
	backend_mode(&self->m.window, "SUBMIT_3D", "ok");
	comes_back(_metadata, &self->m, self->bdf);
}

/* The PCI function goes away, and comes back, while a task waits. */
TEST_F_TIMEOUT(hang, function_is_removed, LIMIT)
{
	struct job_result result;
	struct access a;
	struct job job;
	char path[128];

	ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "never"), 0);
	job = job_start(by_gem, &a);
	ASSERT_TRUE(waits(&self->m, &job, self->maps));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", self->bdf);
	ASSERT_EQ(file_write("1", path), 0);
	result = job_end(&job, SOON_MS);
	EXPECT_EQ(result.error, -ENODEV);
	unmake(&a);
	close(self->m.gpu);
	ASSERT_EQ(file_write("1", "/sys/bus/pci/rescan"), 0);
	self->m.gpu = gpu_open_kind(GPU_WINDOW);
	ASSERT_GE(self->m.gpu, 0);
	backend_mode(&self->m.window, MAP, "ok");
	EXPECT_TRUE(window_is_free(&self->m));
}

TEST_HARNESS_MAIN
