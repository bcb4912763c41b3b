// SPDX-License-Identifier: GPL-2.0
/*
 * dmabuf-show - shows dma-bufs, the processes that share them, and what was negotiated.
 * dmabuf-show(8) is its manual.
 */
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dmabuf-show.h"

static const char usage[] =
"Usage: dmabuf-show [--pid PID] [--json | --dot]\n"
"       dmabuf-show --follow[=FILE] [--pid PID] [--json]\n"
"\n"
"  -p, --pid PID       only what this process holds or negotiates\n"
"  -f, --follow[=FILE] show negotiations as they happen, or those of a saved trace\n"
"  -j, --json          print JSON\n"
"  -d, --dot           print a graph for dot: who shares with whom\n"
"      --proc DIR      where proc is mounted\n"
"      --debugfs DIR   where debugfs is mounted\n"
"      --tracefs DIR   where tracefs is mounted\n"
"  -h, --help          print this\n";

enum { PROC = 256, DEBUGFS, TRACEFS };

static const struct option options[] = {
	{ "pid", required_argument, NULL, 'p' },
	{ "follow", optional_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "dot", no_argument, NULL, 'd' },
	{ "proc", required_argument, NULL, PROC },
	{ "debugfs", required_argument, NULL, DEBUGFS },
	{ "tracefs", required_argument, NULL, TRACEFS },
	{ "help", no_argument, NULL, 'h' },
	{},
};

struct arguments {
	struct follow how;
	const char *debugfs;
	bool follows;
	bool dot;
};

static int wrong(void)
{
	fputs(usage, stderr);
	return 2;
}

static bool parse_pid(const char *text, pid_t *pid)
{
	char *end;
	long value = strtol(text, &end, 10);

	*pid = value;
	return end != text && !*end && value > 0 && value <= INT_MAX;
}

/* 0, or the exit status with a bit that says to exit. */
#define IS_OVER 0x100

static int parse(struct arguments *args, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "p:f::jdh", options, NULL)) != -1)
		switch (option) {
		case 'p':
			if (!parse_pid(optarg, &args->how.pid))
				return IS_OVER | wrong();
			break;
		case 'f':
			args->follows = true;
			args->how.file = optarg;
			break;
		case 'j':
			args->how.json = true;
			break;
		case 'd':
			args->dot = true;
			break;
		case PROC:
			args->how.proc = optarg;
			break;
		case DEBUGFS:
			args->debugfs = optarg;
			break;
		case TRACEFS:
			args->how.tracefs = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return IS_OVER;
		default:
			return IS_OVER | wrong();
		}
	if (optind != argc || (args->dot && (args->how.json || args->follows)))
		return IS_OVER | wrong();
	return 0;
}

static int show(const struct arguments *args)
{
	struct system system = {};

	bufinfo_read(&system, args->debugfs);
	if (!proc_read(&system, args->how.proc, args->how.pid))
		return 1;
	if (args->how.json) {
		print_json(&system);
		return 0;
	}
	if (args->dot)
		print_dot(&system);
	else
		print_table(&system);
	fflush(stdout);
	print_missing(&system);
	return 0;
}

int main(int argc, char **argv)
{
	struct arguments args = {
		.how.proc = "/proc",
		.how.tracefs = "/sys/kernel/tracing",
		.debugfs = "/sys/kernel/debug",
	};
	int rc = parse(&args, argc, argv);

	if (rc)
		return rc & ~IS_OVER;
	rc = args.follows ? follow(&args.how) : show(&args);
	return fclose(stdout) ? 1 : rc;
}
