// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "lib/maps.h"

#define PGTABLE "/sys/kernel/debug/page_tables/current_kernel"
#define MEMTYPES "/sys/kernel/debug/x86/pat_memtype_list"

bool pgtable_ready(void)
{
	return !access(PGTABLE, R_OK);
}

/* The bits choose an entry of the PAT; these are Linux's entries. */
static const char *cache_type(const char *line)
{
	bool pwt = strstr(line, "PWT"), pcd = strstr(line, "PCD");

	if (pwt && pcd)
		return "UC";
	if (pcd)
		return "UC-";
	return pwt ? "WC" : "WB";
}

bool pgtable_find(const void *addr, struct entry *e)
{
	FILE *file = fopen(PGTABLE, "r");
	unsigned long start, end;
	bool found = false;
	char line[256];

	VFIO_ASSERT_NOT_NULL(file);
	while (!found && fgets(line, sizeof(line), file)) {
		char *level = strrchr(line, ' ');

		if (sscanf(line, "0x%lx-0x%lx", &start, &end) != 2 || !level ||
		    (unsigned long)addr < start || (unsigned long)addr >= end)
			continue;
		if (!strstr(line, "USR"))
			break;
		snprintf(e->level, sizeof(e->level), "%.*s",
			 (int)strcspn(level + 1, "\n"), level + 1);
		snprintf(e->type, sizeof(e->type), "%s", cache_type(line));
		found = true;
	}
	fclose(file);
	return found;
}

bool memtypes_ready(void)
{
	return !access(MEMTYPES, R_OK);
}

const char *memtype_of(u64 phys)
{
	FILE *file = fopen(MEMTYPES, "r");
	static char type[32];
	u64 start, end;
	char line[128];

	VFIO_ASSERT_NOT_NULL(file);
	type[0] = 0;
	while (!type[0] && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "PAT: [mem %lli-%lli] %31s", (long long *)&start,
			   (long long *)&end, type) != 3 ||
		    phys < start || phys >= end)
			type[0] = 0;
	}
	fclose(file);
	return type;
}

bool pgtable_gigantic(void)
{
	return true;
}

bool pgtable_types_are_of_pages(void)
{
	return true;
}
