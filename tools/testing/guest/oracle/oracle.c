// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs over devices, slices, mappings and imports, and an oracle
 * that knows the permitted results of each step: world.h is its knowledge,
 * steps_*.c are its expectations.
 *
 * Words of the kernel's command line: oracle.seconds= is the duration,
 * oracle.seed= the first program, oracle.steps= the steps of it to run, and
 * oracle.shrink= the time for making a failure shorter. With a seed and without
 * seconds only that program is run. With oracle.fail=1 allocations of the kernel fail:
 * see TRY(). With oracle.kcov=1 the places of the kernel that were reached are printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <libvfio.h>

#include "lib/inject.h"
#include "lib/machine.h"

#include "cover.h"
#include "nvme.h"
#include "report.h"
#include "worker.h"

#define SECONDS		20
#define SHRINK		240
#define WORKER_SECONDS	30	/* for a process and what it leaves behind */
#define NEWS_SECONDS	300	/* a run of hours says how far it is */

static const char *copy_of(const char *name)
{
	const char *word = machine_word(name);

	return word ? strdup(word) : NULL;
}

static void print_failure(void)
{
	int seconds = machine_number("oracle.shrink=", SHRINK);
	static struct program p;
	bool in_a_step;

	printf("# %s\n", report->text);
	p = report->program;
	in_a_step = report->at < p.nr;
	if (in_a_step)
		p.nr = report->at + 1;
	program_only(&p, report->did);
	program_print(&p, in_a_step ? p.nr - 1 : -1);
	if (!seconds)
		return;
	if (worker_run(&p)) {
		printf("# alone it does not fail: what was before it counts\n");
		return;
	}
	program_shrink(&p, seconds);
	worker_run(&p);
	printf("# shrunk: %s\n", report->text);
	program_print(&p, report->at);
}

static void print_counts(double seconds)
{
	int op;

	printf("# %llu programs, %llu steps, %.0f a second, %llu checks",
	       (unsigned long long)report->programs, (unsigned long long)report->steps,
	       report->steps / seconds, (unsigned long long)report->checks);
	if (report->fails)
		printf(", %llu failed allocations", (unsigned long long)report->hits);
	printf(":");
	for (op = 0; op < NR_OPERATIONS; op++)
		printf(" %s %llu", operation_name(op), (unsigned long long)report->count[op]);
	printf("\n");
}

static bool replay(u64 seed, const char *steps)
{
	static struct program p;

	program_make(&p, seed);
	if (steps && !program_keep(&p, steps)) {
		printf("# oracle.steps=%s is no list of steps\n", steps);
		return false;
	}
	if (worker_run(&p))
		return true;
	print_failure();
	return false;
}

static bool programs(u64 seed, int seconds)
{
	double end = now() + seconds, begin = now(), news = begin + NEWS_SECONDS;
	bool passed = true;

	while (passed && now() < end) {
		int left = end - now() + 1;

		passed = worker_run_some(seed + report->programs,
					 left < WORKER_SECONDS ? left : WORKER_SECONDS);
		if (now() > news) {
			printf("# %llu steps so far\n", (unsigned long long)report->steps);
			news += NEWS_SECONDS;
		}
	}
	print_counts(now() - begin);
	if (!passed)
		print_failure();
	return passed;
}

int main(void)
{
	const char *seed_word = copy_of("oracle.seed="), *steps = copy_of("oracle.steps=");
	int seconds = machine_number("oracle.seconds=", 0);
	bool passed;
	u64 seed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(report, MAP_FAILED);
	if (seed_word)
		seed = strtoull(seed_word, NULL, 10);
	else
		getrandom(&seed, sizeof(seed), 0);
	if (!seed_word)
		seed = seed % 1000000000 * 1000;

	printf("TAP version 13\n1..1\n# seed %llu\n", (unsigned long long)seed);
	if (!nvme_there()) {
		printf("ok 1 oracle.programs # SKIP needs an nvme without memory\n");
		return 4;
	}
	if (machine_number("oracle.kcov=", 0) && !cover_init()) {
		printf("ok 1 oracle.programs # SKIP needs a kernel with KCOV\n");
		return 4;
	}
	report->fails = machine_number("oracle.fail=", 0);
	if (report->fails && !inject_ready()) {
		printf("ok 1 oracle.programs # SKIP needs a kernel whose allocations can fail\n");
		return 4;
	}
	if (seed_word && !seconds)
		passed = replay(seed, steps);
	else
		passed = programs(seed, seconds ?: SECONDS);
	cover_print();
	printf("%s 1 oracle.programs\n", passed ? "ok" : "not ok");
	return !passed;
}
