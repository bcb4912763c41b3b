// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfio.h>

#include "job.h"

#define DEATH_MS	5000

/*
 * The process of a job has no parent that waits: one that cannot be killed must
 * not keep its parent from ending. It gives up standard output, which is the
 * test's.
 */
struct job job_start(struct job_result (*work)(void *), void *arg)
{
	struct job_result done;
	struct job job;
	int fds[2], started[2];
	pid_t middle;

	VFIO_ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
	VFIO_ASSERT_EQ(pipe2(started, O_CLOEXEC), 0);
	middle = fork();
	VFIO_ASSERT_GE(middle, 0);
	if (!middle) {
		pid_t worker = fork();
		int null;

		if (worker) {
			dprintf(started[1], "%d\n", worker);
			_exit(0);
		}
		setpgid(0, 0);
		null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		close(fds[0]);
		done = work(arg);
		_exit(write(fds[1], &done, sizeof(done)) != sizeof(done));
	}
	VFIO_ASSERT_EQ(waitpid(middle, NULL, 0), middle);
	{
		char text[32] = "";

		VFIO_ASSERT_GT(read(started[0], text, sizeof(text) - 1), 0);
		job.pid = atoi(text);
	}
	close(started[0]);
	close(started[1]);
	close(fds[1]);
	VFIO_ASSERT_GT(job.pid, 0);
	job.result = fds[0];
	return job;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

struct job_result job_end(struct job *job, int ms)
{
	struct job_result done = { .error = JOB_HANGS };

	if (!readable(job->result, ms))
		return done;
	if (read(job->result, &done, sizeof(done)) != sizeof(done))
		done.error = -ECHILD;
	close(job->result);
	job->result = -1;
	return done;
}

/* Dead when all holders of the pipe's other end have closed it */
bool job_kill(struct job *job)
{
	struct job_result done;
	bool dead;

	kill(job->pid, SIGKILL);
	dead = readable(job->result, DEATH_MS) &&
	       read(job->result, &done, sizeof(done)) == 0;
	close(job->result);
	job->result = -1;
	return dead;
}
