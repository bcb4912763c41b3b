// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel exposes no page table of a process (its ptdump shows its own). So
 * get the address of the table from a kprobe, and read it from /dev/mem.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/log2.h>

#include <libvfio.h>

#include "lib/file.h"
#include "lib/maps.h"
#include "lib/trace.h"

#include "pgtable.h"

#define VA_BITS	48

/*
 * Reading statm takes a reference on the mm; a move to a CPU loads its table.
 */
#define MM_EVENT	"r:guest/mm get_task_mm mm=$retval:x64"
#define PGD_EVENT	"p:guest/pgd cpu_do_switch_mm pgd=$arg1:x64 mm=$arg2:x64"

/* Linux has these at the indices of MAIR_EL1 (asm/memory.h). */
static const char * const types[8] = {
	"WB", "WB", "NC", "nGnRnE", "nGnRE", "?", "?", "?",
};

static const char * const levels[4] = { "pgd", "pud", "pmd", "pte" };

/* The process that had this CPU before, and ours after it. */
static void have_it_loaded(void)
{
	cpu_set_t before, one;
	pid_t child;

	VFIO_ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	VFIO_ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
	child = fork();
	VFIO_ASSERT_GE(child, 0);
	if (!child)
		_exit(0);
	VFIO_ASSERT_EQ(waitpid(child, NULL, 0), child);
	VFIO_ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

static u64 number(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? strtoull(at + strlen(name), NULL, 16) : 0;
}

static u64 find_pgd(void)
{
	char line[512], self[32], text[256];
	u64 mm = 0, pgd = 0;
	struct trace t;

	trace_define(MM_EVENT);
	trace_define(PGD_EVENT);
	trace_open(&t);
	VFIO_ASSERT_TRUE(trace_enable(&t, "guest/mm"));
	VFIO_ASSERT_TRUE(trace_enable(&t, "guest/pgd"));
	VFIO_ASSERT_GT(file_read(text, sizeof(text), "/proc/self/statm"), 0);
	have_it_loaded();

	snprintf(self, sizeof(self), "-%d ", getpid());
	while (trace_next(&t, line, sizeof(line))) {
		if (!mm && strstr(line, "get_task_mm") && strstr(line, self))
			mm = number(line, "mm=");
		if (mm && strstr(line, "cpu_do_switch_mm") && number(line, "mm=") == mm)
			pgd = number(line, "pgd=");
	}
	trace_close(&t);
	VFIO_ASSERT_NE(pgd, 0, "no trace of this process' page table");
	return pgd;
}

bool pgtable_ready(void)
{
	return physmem_ready();
}

bool pgtable_descriptor(const void *addr, struct descriptor *d)
{
	static pid_t owner;
	static u64 pgd;

	if (owner != getpid())
		pgd = find_pgd();
	owner = getpid();
	return descriptor_find(pgd, VA_BITS, ilog2(GUEST_PAGE), (u64)addr, d);
}

bool pgtable_find(const void *addr, struct entry *e)
{
	struct descriptor d;

	if (!pgtable_descriptor(addr, &d))
		return false;
	snprintf(e->level, sizeof(e->level), "%s", levels[d.level]);
	snprintf(e->type, sizeof(e->type), "%s", types[d.attr]);
	return true;
}

/* On arm64 a mapping has a type, a page has none. */
bool memtypes_ready(void)
{
	return false;
}

const char *memtype_of(u64 phys)
{
	return "";
}

bool pgtable_gigantic(void)
{
	return false;
}

bool pgtable_types_are_of_pages(void)
{
	return false;
}
