// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/inject.h"

#include "report.h"

struct report *report;

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
	report->failed = true;
	_exit(1);
}

void expect(const char *what, long rc, long want)
{
	report->checks++;
	if (rc != want)
		fail("%s: %ld instead of %ld", what, rc, want);
}

void expect_one(const char *what, long rc, long want, long other)
{
	report->checks++;
	if (rc != want && rc != other)
		fail("%s: %ld instead of %ld or %ld", what, rc, want, other);
}

/* More than nearly all calls make */
#define ALLOCATIONS	24

void try_begin(const struct step *s)
{
	if (report->fails)
		inject_arm(1 + s->random / 97 % ALLOCATIONS);
}

bool try_end(void)
{
	if (!report->fails || !inject_disarm())
		return false;
	report->hits++;
	return true;
}

double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
