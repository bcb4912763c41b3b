// SPDX-License-Identifier: GPL-2.0
/*
 * A step in which threads do all operations at once.
 *
 * Meanwhile each thread knows its own actions: it reads what it wrote, and a
 * slice that it has revoked is gone. The owner takes the memory away and gives
 * it back at any time. When all threads have ended the state is known again:
 * only words that were written have changed, and imports come back.
 *
 * The number of a page determines the thread that writes to it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/access.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/slice.h"

#include "cover.h"
#include "report.h"
#include "steps.h"

enum { NOBODY_0, CPU, ENGINE, NOBODY_3, NR_WRITERS };

#define ROUNDS		12
#define BACK_SECONDS	20

struct storm {
	struct world *w;
	struct dev *dev;
	int fd;			/* a slice of all pages */
	u8 *map;
	u64 random;		/* of the owner */
	u64 iova, other_iova;
	u32 ioas, other_ioas;
	u32 first_id;		/* of the words written in it */
	u32 wrote[DEV_PAGES];	/* by CPU: content that must be there */
	atomic_bool stop;
};

static u32 new_id(struct storm *st)
{
	return __atomic_add_fetch(&st->w->last_id, 1, __ATOMIC_RELAXED);
}

static u8 *place(u8 *map, int page, int bar_page)
{
	return map + page * PAGE + word_at(bar_page);
}

static void pause_us(u64 *random)
{
	usleep(random_below(random, 3000));
}

/* Each of the device's ways to take the memory away */
static void take_away(struct storm *st)
{
	struct vfio_pci_device *vfio = st->dev->vfio;
	bool flr = st->dev->kind == &pci_nvme_flr;

	switch (random_below(&st->random, st->dev->kind->reset ? 8 : 1)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		endpoint_memory(vfio, false);
		pause_us(&st->random);
		break;
	case 5:
		vfio_pci_device_reset(vfio);
		break;
	case 6:
		expect("reset through sysfs",
		       file_write("1", "/sys/bus/pci/devices/%s/reset", st->dev->bdf), 0);
		break;
	default:
		if (flr) {
			endpoint_power(vfio, 3);
			pause_us(&st->random);
			endpoint_power(vfio, 0);
		} else {
			endpoint_hot_reset(vfio);
		}
		break;
	}
	endpoint_memory(vfio, true);
}

static void *owner(void *arg)
{
	struct storm *st = arg;
	int i;

	cover_begin();
	for (i = 0; i < ROUNDS; i++) {
		take_away(st);
		cover_take();
		pause_us(&st->random);
	}
	st->stop = true;
	cover_end();
	return NULL;
}

/* Loads and stores: each succeeds, or raises its signal and has no effect. */
static void *cpu(void *arg)
{
	struct storm *st = arg;
	u64 random = st->random ^ 0x1234567, value;
	int page, sig;
	u32 id;

	cover_begin();
	while (!st->stop) {
		cover_take();
		page = random_below(&random, DEV_PAGES / NR_WRITERS) * NR_WRITERS + CPU;
		id = new_id(st);
		sig = try_write(place(st->map, page, page), word(id));
		if (!sig)
			st->wrote[page] = id;
		else
			expect("the signal of a store", sig, SIGBUS);
		sig = try_read(place(st->map, page, page), &value);
		if (sig)
			expect("the signal of a load", sig, SIGBUS);
		else if (!word_is(value, st->wrote[page]))
			fail("a load says %#llx instead of %#x", (unsigned long long)value,
			     st->wrote[page]);
	}
	cover_end();
	return NULL;
}

/* DMA to its pages; a page without writers is read unchanged, or not at all. */
static void *engine(void *arg)
{
	struct storm *st = arg;
	u64 random = st->random ^ 0x89abcdef, value;
	int page, quiet;

	cover_begin();
	while (!st->stop) {
		cover_take();
		page = random_below(&random, DEV_PAGES / NR_WRITERS) * NR_WRITERS;
		nvme_store(&st->w->engine, st->iova + (page + ENGINE) * PAGE +
			   word_at(page + ENGINE), word(new_id(st)));
		quiet = page + NOBODY_3;
		value = nvme_load(&st->w->engine, st->iova + quiet * PAGE + word_at(quiet));
		if (!word_is(value, st->dev->id[quiet]) &&
		    !word_is_lost(value, st->dev->id[quiet]))
			fail("DMA reads %#llx instead of %#x", (unsigned long long)value,
			     st->dev->id[quiet]);
	}
	cover_end();
	return NULL;
}

static void *importer(void *arg)
{
	struct storm *st = arg;
	int fd = st->w->iommu->iommufd, rc;
	u64 length = 0;

	cover_begin();
	while (!st->stop) {
		cover_take();
		rc = ioas_map_file(fd, st->other_ioas, st->fd, 0, DEV_PAGES * PAGE,
				   st->other_iova, IOAS_RW);
		expect_one("IOMMU_IOAS_MAP_FILE in a storm", rc, 0, -EAGAIN);
		if (rc)
			continue;
		expect("unmap in a storm", ioas_unmap(fd, st->other_ioas, st->other_iova,
						      DEV_PAGES * PAGE, &length), 0);
		expect("length of unmap", length, DEV_PAGES * PAGE);
	}
	cover_end();
	return NULL;
}

/* A revoked slice is gone, whatever else happens. */
static void revoke_one(struct storm *st, u64 *random)
{
	int page = random_below(random, DEV_PAGES / NR_WRITERS) * NR_WRITERS, slice, sig;
	u64 value;
	u8 *map;

	slice = slice_export(st->dev->vfio, BAR, page * PAGE, PAGE);
	if (slice < 0)
		fail("export in a storm: %d", slice);
	map = map_shared(slice, 0, PAGE, PROT_READ | PROT_WRITE);
	if (!map)
		fail("mmap() in a storm: %d", errno);
	sig = try_read(place(map, 0, page), &value);
	if (sig)
		expect("the signal of a load", sig, SIGBUS);
	else if (!word_is(value, st->dev->id[page]))
		fail("a slice says %#llx instead of %#x", (unsigned long long)value,
		     st->dev->id[page]);
	expect("revoke in a storm", slice_revoke(st->dev->vfio, slice), 0);
	expect("a load after revoke", try_read(place(map, 0, page), &value), SIGBUS);
	expect("import after revoke",
	       ioas_map_file(st->w->iommu->iommufd, st->other_ioas, slice, 0, PAGE,
			     st->other_iova + DEV_PAGES * PAGE, IOAS_RW), -ENODEV);
	munmap(map, PAGE);
	expect("mmap() after revoke", map_shared(slice, 0, PAGE, PROT_READ) ? 0 : -errno,
	       -ENODEV);
	close(slice);
}

static void *revoker(void *arg)
{
	struct storm *st = arg;
	u64 random = st->random ^ 0xfedcba987;

	cover_begin();
	while (!st->stop) {
		revoke_one(st, &random);
		cover_take();
	}
	cover_end();
	return NULL;
}

/* Children with copies of all mappings, some of which end by themselves */
static void *forker(void *arg)
{
	struct storm *st = arg;
	u64 value, round = 0;
	int status;
	pid_t pid;

	while (!st->stop) {
		pid = fork();
		if (!pid) {
			int sig = try_read(place(st->map, 0, 0), &value);

			_exit(sig ? sig != SIGBUS : !word_is(value, st->dev->id[0]));
		}
		VFIO_ASSERT_GE(pid, 0);
		if (round++ % 2)
			kill(pid, SIGKILL);
		VFIO_ASSERT_EQ(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status))
			expect("a child in a storm", WEXITSTATUS(status), 0);
		usleep(2000);
	}
	return NULL;
}

static void run_threads(struct storm *st)
{
	void *(*const functions[])(void *) = { owner, cpu, engine, importer, revoker, forker };
	pthread_t threads[ARRAY_SIZE(functions)];
	int i;

	for (i = 0; i < ARRAY_SIZE(functions); i++)
		VFIO_ASSERT_EQ(pthread_create(&threads[i], NULL, functions[i], st), 0);
	for (i = 0; i < ARRAY_SIZE(functions); i++)
		pthread_join(threads[i], NULL);
}

/*
 * Has the engine written @value in the storm, or only its upper half? An upper half
 * that differs from the one of @first_id makes any value greater than @first_id.
 */
static bool from_engine(struct storm *st, u64 value, u32 before)
{
	return word_id(value) > st->first_id ||
	       word_is_half(value, st->first_id, before);
}

/*
 * All threads have ended: each word is the known one, or one of those written.
 */
static void look(struct storm *st)
{
	struct dev *dev = st->dev;
	u64 value;
	int page;

	for (page = 0; page < DEV_PAGES; page++) {
		expect("pread() of a BAR", dev_peek(dev, page, &value), 0);
		if (page % NR_WRITERS == CPU)
			dev->id[page] = st->wrote[page];
		else if (page % NR_WRITERS == ENGINE && from_engine(st, value, dev->id[page]))
			dev->id[page] = word_id(value);
		if (!word_is(value, dev->id[page]))
			fail("after a storm page %d says %#llx instead of %#x", page,
			     (unsigned long long)value, dev->id[page]);
	}
}

static bool lands(struct storm *st, bool comes_back)
{
	double end = now() + BACK_SECONDS;
	u64 value;

	do {
		st->w->last_id++;
		nvme_store(&st->w->engine, st->iova + ENGINE * PAGE + word_at(ENGINE),
			   word(st->w->last_id));
		expect("pread() of a BAR", dev_peek(st->dev, ENGINE, &value), 0);
		if (word_is(value, st->w->last_id)) {
			st->dev->id[ENGINE] = st->w->last_id;
			return true;
		}
	} while (comes_back && now() < end);
	return false;
}

static void storm_end(struct storm *st)
{
	int fd = st->w->iommu->iommufd;
	u64 value;

	if (!lands(st, true))
		fail("DMA does not land after a storm");
	expect("revoke after a storm", slice_revoke(st->dev->vfio, st->fd), 0);
	if (lands(st, false))
		fail("DMA lands after revoke");
	expect("a load after revoke", try_read(st->map, &value), SIGBUS);
	munmap(st->map, DEV_PAGES * PAGE);
	expect("unmap after a storm",
	       ioas_unmap(fd, st->ioas, st->iova, DEV_PAGES * PAGE, NULL), 0);
	close(st->fd);
}

static void storm_begin(struct storm *st)
{
	st->fd = slice_export(st->dev->vfio, BAR, 0, DEV_PAGES * PAGE);
	VFIO_ASSERT_GE(st->fd, 0);
	st->map = map_shared(st->fd, 0, DEV_PAGES * PAGE, PROT_READ | PROT_WRITE);
	VFIO_ASSERT_NOT_NULL(st->map);
	expect("IOMMU_IOAS_MAP_FILE",
	       ioas_map_file(st->w->iommu->iommufd, st->ioas, st->fd, 0, DEV_PAGES * PAGE,
			     st->iova, IOAS_RW), 0);
}

bool step_STORM(struct world *w, const struct step *s)
{
	struct dev *dev = &w->devs[s->dev];
	int ioas = target_ioas(w->target);
	struct storm st = {
		.w = w, .dev = dev, .random = s->random + 1,
		.ioas = w->ioas[ioas], .other_ioas = w->ioas[!ioas],
		/* An address without a slot */
		.iova = slot_iova(NR_SLOTS), .other_iova = slot_iova(NR_SLOTS + 1),
		.first_id = w->last_id,
	};

	if (!dev->vfio || !dev_on(dev))
		return false;
	memcpy(st.wrote, dev->id, sizeof(st.wrote));
	storm_begin(&st);
	run_threads(&st);
	world_outage(w, s->dev);
	look(&st);
	storm_end(&st);
	return true;
}
