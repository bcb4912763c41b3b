// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "lib/drm.h"
#include "lib/ioas.h"

#include "gpus.h"

u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* NULL, or a word for what the machine lacks. */
const char *machine_open(struct machine *m)
{
	m->gpu = gpu_open_kind(GPU_WINDOW);
	m->other = gpu_open_kind(GPU_IMPORTER);
	m->blind = gpu_open_kind(GPU_BLIND);
	if (m->gpu < 0 || m->other < 0 || m->blind < 0)
		return "not all of the virtio-gpus of tools/vgpu/devices-blobs are here";
	if (!backend_open_nth(&m->window, 0) || !backend_open_nth(&m->importer, 1))
		return "no answer from a script, see tools/vgpu/devices-blobs";
	return NULL;
}

int since(struct backend *b, const char *command, int before)
{
	return backend_count(b, command) - before;
}

void release(struct backend *b)
{
	char answer[256];

	VFIO_ASSERT_TRUE(backend_ask(b, answer, sizeof(answer), "release"));
}

void machine_close(struct machine *m)
{
	backend_mode(&m->window, MAP, "ok");
	release(&m->window);
	close(m->other);
	close(m->blind);
	close(m->gpu);
	backend_close(&m->window);
	backend_close(&m->importer);
}

u64 host_sees(struct backend *b, u32 resource, u64 offset)
{
	unsigned long long value = 0;
	char answer[256];
	bool ok;

	ok = backend_ask(b, answer, sizeof(answer), "peek %u 0x%llx", resource,
			 (unsigned long long)offset) &&
	     sscanf(answer, "ok %llx", &value) == 1;
	VFIO_ASSERT_TRUE(ok, "host: %s", answer);
	return value;
}

/* Wait until the script has processed all commands so far. */
void settle(int gpu, struct backend *b)
{
	struct blob small = { .mem = VIRTGPU_BLOB_MEM_GUEST, .size = PAGE };
	int before = backend_count(b, CREATE);

	VFIO_ASSERT_EQ(blob_create(gpu, &small, BLOB_NOW), 0);
	VFIO_ASSERT_EQ(blob_destroy(gpu, &small), 0);
	VFIO_ASSERT_TRUE(backend_wait(b, CREATE, before));
}

/* The GPU with the window, after gpu_remove(). */
void machine_probe(struct machine *m, const char *bdf)
{
	close(m->gpu);
	gpu_probe(bdf);
	m->gpu = gpu_open_kind(GPU_WINDOW);
	VFIO_ASSERT_GE(m->gpu, 0);
}

/* Can all of the window be had, because no blob has a place in it? */
bool window_is_free(struct machine *m)
{
	struct blob all = blob_host(WINDOW, 0);
	int maps, unmaps, i;

	/* A place is given back after the host's answer, a little later */
	for (i = 0; i < 100; i++) {
		/*
		 * Mapped at creation only if no other blob has to leave for it
		 */
		maps = backend_count(&m->window, MAP);
		unmaps = backend_count(&m->window, UNMAP);
		/* An importer that was killed may not be gone yet */
		if (blob_create(m->gpu, &all, BLOB_NOW)) {
			usleep(20000);
			continue;
		}
		settle(m->gpu, &m->window);
		blob_destroy(m->gpu, &all);
		settle(m->gpu, &m->window);
		/* So that the caller does not count it among its own */
		if (since(&m->window, MAP, maps))
			return backend_wait(&m->window, UNMAP, unmaps);
		usleep(20000);
	}
	return false;
}

static sigjmp_buf away;

static void fault(int signal)
{
	siglongjmp(away, 1);
}

bool access_read(const void *at, u64 *value)
{
	signal(SIGBUS, fault);
	if (sigsetjmp(away, 1))
		return false;
	*value = *(const volatile u64 *)at;
	return true;
}

/* The result of a read: a kernel that maps late has the error in fdinfo */
static void look(struct access *a, const void *at, struct job_result *result)
{
	if (!access_read(at, &result->seen))
		result->error = gpu_map_error(a->gpu);
}

struct job_result by_gem(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	void *at;

	result.error = blob_mmap(a->gpu, &a->blob, &at);
	if (!result.error)
		look(a, at, &result);
	return result;
}

struct job_result by_dmabuf(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	u64 *at;

	at = mmap(NULL, a->blob.size, PROT_READ | PROT_WRITE, MAP_SHARED, a->dmabuf, 0);
	if (at == MAP_FAILED)
		result.error = -errno;
	else
		look(a, at, &result);
	return result;
}

struct job_result by_import(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	u32 handle;

	result.error = drm_import(a->other, a->dmabuf, &handle);
	if (!result.error)
		drm_close_import(a->other, handle);
	return result;
}

/* An importer that takes physical ranges, and that waits for no DRM lock */
struct job_result by_iommufd(void *arg)
{
	struct job_result result = {};
	struct access *a = arg;
	int iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	u32 ioas;

	VFIO_ASSERT_GE(iommufd, 0);
	VFIO_ASSERT_EQ(ioas_alloc(iommufd, &ioas), 0);
	result.error = ioas_map_file(iommufd, ioas, a->dmabuf, 0, a->blob.size, IOVA, IOAS_RW);
	close(iommufd);
	return result;
}

/* Does the CPU see the right content? */
bool is_cpu(struct job_result (*how)(void *))
{
	return how == by_gem || how == by_dmabuf;
}

/*
 * A job that waits for the host's answer to the mapping, which was requested.
 */
bool waits(struct machine *m, struct job *job, int maps)
{
	return backend_wait(&m->window, MAP, maps) &&
	       job_end(job, WHILE_MS).error == JOB_HANGS;
}

int make(struct machine *m, struct access *a, size_t size, u32 hints, const char *answer)
{
	int ret;

	backend_mode(&m->window, MAP, answer);
	a->gpu = m->gpu;
	a->other = m->other;
	a->blob = blob_host(size, hints);
	ret = blob_create(m->gpu, &a->blob, BLOB_NOW);
	if (ret)
		return ret;
	a->dmabuf = blob_export(m->gpu, &a->blob);
	if (a->dmabuf < 0)
		return a->dmabuf;
	settle(m->gpu, &m->window);
	return 0;
}

void unmake(struct access *a)
{
	close(a->dmabuf);
	blob_destroy(a->gpu, &a->blob);
}
