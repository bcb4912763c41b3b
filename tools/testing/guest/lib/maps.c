// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include <libvfio.h>

#include "maps.h"

bool maps_find(const void *addr, struct mapping *m)
{
	FILE *file = fopen("/proc/self/maps", "r");
	bool found = false;
	char line[512];
	int fields;

	VFIO_ASSERT_NOT_NULL(file);
	while (!found && fgets(line, sizeof(line), file)) {
		m->name[0] = 0;
		fields = sscanf(line, "%lx-%lx %7s %lx %*s %*s %127[^\n]",
				&m->start, &m->end, m->perms, &m->offset, m->name);
		VFIO_ASSERT_GE(fields, 4);
		found = m->start <= (unsigned long)addr &&
			(unsigned long)addr < m->end;
	}
	fclose(file);
	return found;
}

bool maps_flags(const void *addr, char *flags, size_t size)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false, found = false;
	char line[512];

	VFIO_ASSERT_NOT_NULL(file);
	while (!found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)addr && (unsigned long)addr < end;
		found = inside && !strncmp(line, "VmFlags:", 8);
	}
	fclose(file);
	if (found)
		snprintf(flags, size, "%s", line + 8);
	return found;
}
