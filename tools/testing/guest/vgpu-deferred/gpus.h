/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_GPUS_H
#define GUEST_GPUS_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "importers/backend.h"

#include "vgpu-deferred/blob.h"
#include "vgpu-deferred/job.h"

/* The machine of tools/vgpu/devices-blobs, and operations of tests on it. */

#define PAGE		4096UL
#define WINDOW		(64UL << 20)
#define SIZE		(16 * PAGE)
#define IOVA		0x10000000ULL

#define CREATE		"RESOURCE_CREATE_BLOB"
#define UNREF		"RESOURCE_UNREF"
#define MAP		"RESOURCE_MAP_BLOB"
#define UNMAP		"RESOURCE_UNMAP_BLOB"
#define DETACH		"RESOURCE_DETACH_BACKING"

/*
 * Longer than any operation that does not hang, and shorter than any that does
 */
#define SOON_MS		20000
#define WHILE_MS	300
#define LATE		"late 0.7"
#define LATE_MS		700

/* Descriptors of the control queue: no indirect ones, so two per command */
#define QUEUE		256

/* Seconds for one test, on a machine that has other things to do */
#define LIMIT		120

struct machine {
	struct backend window, importer;	/* the scripts of these two */
	int gpu, other, blind;
};

/* NULL, or a word for what the machine lacks. */
const char *machine_open(struct machine *m);
void machine_close(struct machine *m);

/* Without it the test is skipped, unless such a machine was promised. */
#define machine_is_here(m) ({							\
	const char *lacks_ = machine_open(m);					\
										\
	if (lacks_) {								\
		ASSERT_FALSE(machine_promises("scripted-gpus", "drm"))		\
			TH_LOG("%s", lacks_);					\
		SKIP(return, "%s", lacks_);					\
	}									\
	true;									\
})

/* The GPU with the window, after gpu_remove(). */
void machine_probe(struct machine *m, const char *bdf);

/* Can all of the window be had, because no blob has a place in it? */
bool window_is_free(struct machine *m);

u64 now_ms(void);

/* Number of times that a command has come, less @before. */
int since(struct backend *b, const char *command, int before);

/* Send all answers that were held back. */
void release(struct backend *b);

/* Eight bytes of a host blob, as the host sees them. */
u64 host_sees(struct backend *b, u32 resource, u64 offset);

/* Wait until the script has processed all commands so far. */
void settle(int gpu, struct backend *b);

/*
 * The ways to access a blob's memory, as jobs
 */
struct access {
	int gpu, other, dmabuf;
	struct blob blob;
};

struct job_result by_gem(void *arg);
struct job_result by_dmabuf(void *arg);
struct job_result by_import(void *arg);
struct job_result by_iommufd(void *arg);

/* Does the CPU see the right content? */
bool is_cpu(struct job_result (*how)(void *));

/*
 * A job that waits for the host's answer to the mapping, which was requested.
 */
bool waits(struct machine *m, struct job *job, int maps);

/* A blob of this size and its dma-buf; the host answers so: 0 or -errno. */
int make(struct machine *m, struct access *a, size_t size, u32 hints, const char *answer);
void unmake(struct access *a);

/* Read a word: false if that raises SIGBUS. Changes the signal's handler. */
bool access_read(const void *at, u64 *value);

#endif
