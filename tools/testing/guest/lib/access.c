// SPDX-License-Identifier: GPL-2.0
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "access.h"

static int in_child(const void *read_from, void *write_to)
{
	int status;
	pid_t pid;

	pid = fork();
	VFIO_ASSERT_GE(pid, 0);
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		if (read_from)
			readq(read_from);
		else
			writeq(0, write_to);
		_exit(0);
	}
	VFIO_ASSERT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return WTERMSIG(status);
	VFIO_ASSERT_EQ(WEXITSTATUS(status), 0);
	return 0;
}

int child_read(const void *addr)
{
	return in_child(addr, NULL);
}

int child_write(void *addr)
{
	return in_child(NULL, addr);
}

static __thread sigjmp_buf escape;

static void on_fault(int sig)
{
	siglongjmp(escape, sig);
}

static int attempt(const void *read_from, u64 *value, void *write_to)
{
	struct sigaction act = { .sa_handler = on_fault };
	int sig;

	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
	sig = sigsetjmp(escape, 1);
	if (sig)
		return sig;
	if (read_from)
		*value = readq(read_from);
	else
		writeq(*value, write_to);
	return 0;
}

int try_read(const void *addr, u64 *value)
{
	return attempt(addr, value, NULL);
}

int try_write(void *addr, u64 value)
{
	return attempt(NULL, &value, addr);
}

long faults(void)
{
	struct rusage usage;

	VFIO_ASSERT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_minflt + usage.ru_majflt;
}

long faults_of(const void *map, size_t length)
{
	long before = faults();
	size_t at;

	for (at = 0; at < length; at += GUEST_PAGE)
		readq(map + at);
	return faults() - before;
}

#define PAGE	GUEST_PAGE
#define TABLE	(PAGE / 8)		/* pages of a page table */
#define AHEAD	16			/* most that one fault maps */

long faults_in_order(size_t skew, size_t length)
{
	size_t at = 0, row, index, count;
	long nr;

	for (nr = 0; at < length; nr++) {
		index = (skew + at) / PAGE % TABLE;
		row = min(at / PAGE, index);
		count = min(row + 1, (size_t)AHEAD);
		at += min(count, TABLE - index) * PAGE;
	}
	return nr;
}
