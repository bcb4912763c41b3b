// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cover.h"
#include "report.h"
#include "steps.h"
#include "worker.h"

/* Longer than any step may take on a slow machine */
#define HANGS	120

static void work(const struct program *p, u64 seed, int seconds)
{
	static struct program program;
	static struct world world;
	double end;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cover_begin();
	world_open(&world);
	end = now() + seconds;
	/* At least one program, on the slowest of machines */
	do {
		if (!p)
			program_make(&program, seed++);
		program_run(&world, p ?: &program);
	} while (!p && now() < end);
	world_close(&world);
	cover_take();
	fflush(stdout);
	_exit(0);
}

static bool watch(pid_t pid)
{
	double last = now();
	int status, at = -1;
	u64 programs = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (report->at != at || report->programs != programs)
			last = now();
		at = report->at;
		programs = report->programs;
		if (now() - last > HANGS) {
			snprintf(report->text, sizeof(report->text), "hangs");
			report->failed = true;
			kill(pid, SIGKILL);
			return false;
		}
		usleep(20000);
	}
	if (!report->failed && !(WIFEXITED(status) && !WEXITSTATUS(status))) {
		snprintf(report->text, sizeof(report->text), "ends with status %#x", status);
		report->failed = true;
	}
	return !report->failed;
}

/*
 * Its children have its files: the next one can begin when they are gone, too.
 */
static void end_children(pid_t pid)
{
	double end = now() + 10;

	kill(-pid, SIGKILL);
	/* A process that hangs in the kernel does not end. */
	while (waitpid(-1, NULL, WNOHANG) >= 0 && now() < end)
		usleep(10000);
}

static bool start(const struct program *p, u64 seed, int seconds)
{
	bool passed;
	pid_t pid;

	report->failed = false;
	report->at = 0;
	report->program.nr = 0;
	fflush(stdout);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (!pid)
		work(p, seed, seconds);
	passed = watch(pid);
	end_children(pid);
	return passed;
}

bool worker_run(const struct program *p)
{
	return start(p, 0, 0);
}

bool worker_run_some(u64 seed, int seconds)
{
	return start(NULL, seed, seconds);
}

void program_shrink(struct program *p, int seconds)
{
	double end = now() + seconds;
	static struct program less;
	int size, at;

	/* The steps after the one that failed do not matter. */
	for (size = (p->nr + 1) / 2; size; size = size > 1 ? (size + 1) / 2 : 0) {
		for (at = p->nr - 1; at >= 0 && now() < end;) {
			int from = at - size + 1 < 0 ? 0 : at - size + 1;

			program_cut(&less, p, from, at - from + 1);
			/* nr is 0 if the worker did not reach its program */
			if (less.nr && !worker_run(&less) && report->program.nr) {
				*p = less;
				/* Leave out steps that had nothing to do, too */
				program_only(p, report->did);
			}
			at = from - 1 < p->nr ? from - 1 : p->nr - 1;
		}
	}
}
