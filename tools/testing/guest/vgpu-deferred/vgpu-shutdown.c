// SPDX-License-Identifier: GPL-2.0
/*
 * Tasks that wait for a virtio-gpu when the guest is shut down. This leaves
 * them behind, and so has to be the last test: a guest that does not power off
 * then runs into the time limit of tools/guest/run.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/machine.h"

#include "vgpu-deferred/gpus.h"

FIXTURE(shutdown) {
	struct machine m;
};

FIXTURE_SETUP(shutdown)
{
	machine_is_here(&self->m);
}

FIXTURE_TEARDOWN(shutdown)
{
	/* The answers stay held back: see above */
}

static struct job_result by_creation(void *arg)
{
	struct blob blob = blob_host(PAGE, 0);
	int *gpu = arg;
	int ret = 0;

	/* Until the queue is full */
	while (!ret)
		ret = blob_create(*gpu, &blob, BLOB_NOW);
	return (struct job_result){ ret };
}

TEST_F_TIMEOUT(shutdown, leaves_who_waits, LIMIT)
{
	int maps = backend_count(&self->m.window, MAP);
	struct job fault, import, detach, queue;
	static struct access a, b, c;
	u32 handle;

	ASSERT_EQ(make(&self->m, &c, SIZE, 0, "ok"), 0);
	ASSERT_EQ(drm_import(self->m.other, c.dmabuf, &handle), 0);
	settle(self->m.other, &self->m.importer);
	ASSERT_EQ(make(&self->m, &a, SIZE, HINT_DEFER, "never"), 0);
	ASSERT_EQ(make(&self->m, &b, SIZE, HINT_DEFER, "never"), 0);

	/* A fault, an importer, an import without the other host's answer */
	fault = job_start(by_gem, &a);
	ASSERT_TRUE(waits(&self->m, &fault, maps));
	import = job_start(by_iommufd, &b);
	EXPECT_EQ(job_end(&import, WHILE_MS).error, JOB_HANGS);
	backend_mode(&self->m.importer, DETACH, "never");
	drm_close_import(self->m.other, handle);
	detach = job_start(by_import, &c);
	(void)job_end(&detach, WHILE_MS);

	/* And a queue that is full */
	queue = job_start(by_creation, &self->m.gpu);
	EXPECT_EQ(job_end(&queue, 5 * WHILE_MS).error, JOB_HANGS);
}

TEST_HARNESS_MAIN
