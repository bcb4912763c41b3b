// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libvfio.h>

#include "file.h"
#include "machine.h"

#define WORD "machine="

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (!(!strncmp(list, name, len) && (!list[len] || list[len] == ','))) {
		list = strchr(list, ',');
		if (!list)
			return false;
		list++;
	}
	return true;
}

bool machine_promises(const char *name, const char *class)
{
	char line[4096], path[64], *word, *rest = line;
	bool promised = false;

	VFIO_ASSERT_GT(file_read(line, sizeof(line), "/proc/cmdline"), 0);
	while (!promised && (word = strsep(&rest, "\n ")))
		promised = !strncmp(word, WORD, strlen(WORD)) &&
			   is_listed(word + strlen(WORD), name);
	if (!promised || !class)
		return promised;
	snprintf(path, sizeof(path), "/sys/class/%s", class);
	return !access(path, F_OK);
}

const char *machine_word(const char *name)
{
	static char line[4096];
	char *word, *rest = line;

	VFIO_ASSERT_GT(file_read(line, sizeof(line), "/proc/cmdline"), 0);
	while ((word = strsep(&rest, "\n ")))
		if (!strncmp(word, name, strlen(name)))
			return word + strlen(name);
	return NULL;
}

long machine_number(const char *name, long otherwise)
{
	const char *word = machine_word(name);

	return word ? atol(word) : otherwise;
}

int machine_storm(int seconds)
{
	long times = machine_number("storms=", 1);

	VFIO_ASSERT_TRUE(times > 0 && times <= 10);
	return seconds * times;
}
