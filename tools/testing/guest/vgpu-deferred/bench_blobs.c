// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of host blobs of a virtio-gpu.
 *
 * Counts the time of all processes and threads of the kernel, without the time
 * that passes while they wait for the host.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <linux/sizes.h>

#include <drm/virtgpu_drm.h>

#include <libvfio.h>

#include "bench_blobs.h"
#include "gpus.h"

#define TASKS	4096

/* Operations per batch: other activity in a batch is spread over them */
#define COUNT	40
#define BATCHES	9

struct blobs {
	int gpu;
	size_t size;
	/* number of bytes that are read of a mapping */
	size_t touch;
	u32 hints;
	struct blob blob;
	volatile u64 *at[2];
	unsigned int turn;
};

static double cpu_time(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Of all but this process, whose affinity keeps it out of that time */
static double others_time(void)
{
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	double sum = 0;
	clockid_t clock;

	VFIO_ASSERT_NOT_NULL(proc);
	while ((entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (isdigit(entry->d_name[0]) && pid != getpid() &&
		    !clock_getcpuclockid(pid, &clock))
			sum += cpu_time(clock);
	}
	closedir(proc);
	return sum;
}

static double batch(int (*op)(struct blobs *b), struct blobs *b)
{
	double others = others_time(), start = cpu_time(CLOCK_PROCESS_CPUTIME_ID), end;
	int i;

	for (i = 0; i < COUNT; i++)
		op(b);
	end = cpu_time(CLOCK_PROCESS_CPUTIME_ID);
	return (end - start + others_time() - others) / COUNT;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median, or -errno of an operation that this kernel cannot do. */
static double cost(int (*op)(struct blobs *b), struct blobs *b)
{
	double batches[BATCHES];
	int i, rc;

	for (i = 0; i < COUNT / 4; i++) {
		rc = op(b);
		if (rc)
			return rc;
	}
	for (i = 0; i < BATCHES; i++)
		batches[i] = batch(op, b);
	qsort(batches, BATCHES, sizeof(*batches), by_size);
	return batches[BATCHES / 2];
}

static void print_cost(const char *name, double value)
{
	if (value < 0)
		fprintf(stderr, "# %s: not on this kernel\n", name);
	else
		printf("%-36s %.0f\n", name, value);
	fflush(stdout);
}

static int create(struct blobs *b)
{
	int ret;

	b->blob = blob_host(b->size, b->hints);
	ret = blob_create(b->gpu, &b->blob, BLOB_NOW);
	return ret ?: blob_destroy(b->gpu, &b->blob);
}

static int map(struct blobs *b)
{
	size_t offset;
	void *at;
	int ret;

	ret = blob_mmap(b->gpu, &b->blob, &at);
	if (ret)
		return ret;
	for (offset = 0; offset < b->touch; offset += PAGE)
		(void)*(volatile u64 *)((char *)at + offset);
	return munmap(at, b->size) ? -errno : 0;
}

static int create_and_map(struct blobs *b)
{
	int ret;

	b->blob = blob_host(b->size, b->hints);
	ret = blob_create(b->gpu, &b->blob, BLOB_NOW);
	if (ret)
		return ret;
	ret = map(b);
	return blob_destroy(b->gpu, &b->blob) ?: ret;
}

static int access_in_turn(struct blobs *b)
{
	(void)*b->at[b->turn++ % 2];
	return 0;
}

/* Two that do not fit next to each other */
static double evictions(struct blobs *b)
{
	struct blob blobs[2];
	void *at;
	int i, ret;

	for (i = 0; i < 2; i++) {
		blobs[i] = blob_host(40UL << 20, HINT_DEFER);
		ret = blob_create(b->gpu, &blobs[i], BLOB_NOW) ?:
		      blob_mmap(b->gpu, &blobs[i], &at);
		if (ret)
			return ret;
		b->at[i] = at;
	}
	return cost(access_in_turn, b);
}

void bench_blobs(void)
{
	struct blobs b = { .gpu = gpu_open_kind(GPU_WINDOW), .size = SZ_64K };
	double bare;

	VFIO_ASSERT_GE(b.gpu, 0);
	b.touch = PAGE;
	print_cost("blob create+destroy, eager", cost(create, &b));
	b.hints = HINT_DEFER;
	bare = cost(create, &b);
	print_cost("blob create+destroy, deferred", bare);
	print_cost("blob first mmap+access", cost(create_and_map, &b) - bare);

	VFIO_ASSERT_EQ(blob_create(b.gpu, &b.blob, BLOB_NOW), 0);
	print_cost("blob second mmap+access", cost(map, &b));
	blob_destroy(b.gpu, &b.blob);

	b.size = SZ_8M;
	b.touch = SZ_8M;
	bare = cost(create, &b);
	print_cost("blob first mmap+access, all of 8 MiB", cost(create_and_map, &b) - bare);
	b.blob = blob_host(b.size, HINT_DEFER);
	VFIO_ASSERT_EQ(blob_create(b.gpu, &b.blob, BLOB_NOW), 0);
	print_cost("blob second mmap+access, all of 8 MiB", cost(map, &b));
	blob_destroy(b.gpu, &b.blob);

	/*
	 * Without eviction the second of them would wait for room permanently
	 */
	if (gpu_param(b.gpu, VIRTGPU_PARAM_BLOB_HINTS) < 0)
		fprintf(stderr, "# blob access that evicts: not on this kernel\n");
	else
		print_cost("blob access that evicts", evictions(&b));
}
