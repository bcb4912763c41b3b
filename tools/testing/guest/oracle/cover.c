// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>
#include <linux/types.h>

#include <libvfio.h>

#include "cover.h"

#define KCOV	"/sys/kernel/debug/kcov"
/* Words of a thread's buffer. KCOV drops what does not fit between two cover_take(). */
#define WORDS	(64 << 10)
/* More than our files have places */
#define PLACES	(64 << 10)

/* A hash table, shared by all processes; 0 is free */
static u64 *places;

static __thread u64 *reached;

bool cover_init(void)
{
	if (access(KCOV, R_OK | W_OK))
		return false;
	places = mmap(NULL, PLACES * sizeof(*places), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(places, MAP_FAILED);
	return true;
}

void cover_begin(void)
{
	int fd;

	if (!places)
		return;
	fd = open(KCOV, O_RDWR | O_CLOEXEC);
	VFIO_ASSERT_GE(fd, 0);
	VFIO_ASSERT_EQ(ioctl(fd, KCOV_INIT_TRACE, (unsigned long)WORDS), 0);
	reached = mmap(NULL, WORDS * sizeof(*reached), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	VFIO_ASSERT_NE(reached, MAP_FAILED);
	VFIO_ASSERT_EQ(ioctl(fd, KCOV_ENABLE, (unsigned long)KCOV_TRACE_PC), 0);
	/* The mapping keeps the file open. */
	close(fd);
}

void cover_end(void)
{
	if (!reached)
		return;
	cover_take();
	munmap(reached, WORDS * sizeof(*reached));
	reached = NULL;
}

static void add(u64 pc)
{
	u64 at = pc * 0x9e3779b97f4a7c15ull >> 48, old;
	int i;

	for (i = 0; i < PLACES; i++, at = (at + 1) % PLACES) {
		old = 0;
		if (__atomic_load_n(&places[at], __ATOMIC_RELAXED) == pc ||
		    __atomic_compare_exchange_n(&places[at], &old, pc, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
		    old == pc)
			return;
	}
}

void cover_take(void)
{
	u64 i, nr;

	if (!reached)
		return;
	nr = __atomic_load_n(&reached[0], __ATOMIC_RELAXED);
	for (i = 1; i <= nr; i++)
		add(reached[i]);
	__atomic_store_n(&reached[0], 0, __ATOMIC_RELAXED);
}

void cover_print(void)
{
	int i;

	for (i = 0; places && i < PLACES; i++)
		if (places[i])
			printf("# pc %#llx\n", (unsigned long long)places[i]);
}
