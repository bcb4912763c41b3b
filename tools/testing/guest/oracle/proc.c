// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>

#include "lib/access.h"
#include "lib/pass.h"
#include "lib/slice.h"

#include "cover.h"
#include "proc.h"

struct reply {
	long rc;
	u64 value;
};

/* Keeps an address that was unmapped from being used by another mapping. */
static void keep_address(void *addr, size_t length)
{
	void *kept = mmap(addr, length, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	VFIO_ASSERT_EQ(kept, addr);
}

/* The kernel's own access to a user address, as in write() from it */
static long kernel_read(const void *addr, u64 *value)
{
	int pipes[2];
	long rc;

	VFIO_ASSERT_EQ(pipe(pipes), 0);
	rc = write(pipes[1], addr, sizeof(*value));
	if (rc < 0)
		rc = -errno;
	else
		VFIO_ASSERT_EQ(read(pipes[0], value, rc), rc);
	close(pipes[0]);
	close(pipes[1]);
	return rc == sizeof(*value) ? 0 : rc;
}

/* An operation that wants to pin the page, which is impossible here. */
static long keep_page(void *addr, int how)
{
	struct iovec to = { &(u64){ 0 }, sizeof(u64) }, from = { addr, sizeof(u64) };
	long rc = -1;

	errno = ENOSYS;
	if (!how)
		rc = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	/* Not every kernel has process_vm_readv() */
	if (rc < 0 && errno == ENOSYS)
		rc = syscall(SYS_futex, addr, FUTEX_WAKE, 1, NULL, NULL, 0);
	return rc < 0 ? -errno : rc;
}

static long move(const struct request *r, u64 *value)
{
	void *to = mmap(NULL, r->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *got;

	VFIO_ASSERT_NE(to, MAP_FAILED);
	got = mremap(r->addr, r->length, r->length, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (got == MAP_FAILED)
		return -errno;
	*value = (u64)got;
	return 0;
}

static long serve(const struct request *r, int fd, u64 *value)
{
	void *map;

	switch (r->type) {
	case ASK_READ:
		return try_read(r->addr, value);
	case ASK_WRITE:
		map = r->addr;
		*value = try_write(map, r->value);
		/* Write-combining: make the store visible to others */
		__sync_synchronize();
		return *value;
	case ASK_KERNEL_READ:
		return kernel_read(r->addr, value);
	case ASK_GUP:
		return keep_page(r->addr, r->value);
	case ASK_MMAP:
		map = mmap(NULL, r->length, r->prot, MAP_SHARED, fd, r->at);
		*value = (u64)map;
		return map == MAP_FAILED ? -errno : 0;
	case ASK_MUNMAP:
		if (munmap(r->addr, r->length))
			return -errno;
		keep_address(r->addr, r->length);
		return 0;
	case ASK_FREE:
		return munmap(r->addr, r->length) ? -errno : 0;
	case ASK_MPROTECT:
		return mprotect(r->addr, r->length, r->prot) ? -errno : 0;
	case ASK_MREMAP:
		return move(r, value);
	case ASK_MADVISE:
		return madvise(r->addr, r->length, r->value) ? -errno : 0;
	case ASK_EXIT:
		_exit(0);
	}
	return -EINVAL;
}

static void send_request(int sock, const struct request *r)
{
	pass_send(sock, r, sizeof(*r), r->type == ASK_MMAP ? r->fd : -1);
}

static void child(int sock)
{
	struct request request;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cover_begin();
	for (;;) {
		struct reply reply = {};

		fd = pass_receive(sock, &request, sizeof(request));
		reply.rc = serve(&request, fd, &reply.value);
		if (fd >= 0)
			close(fd);
		cover_take();
		if (write(sock, &reply, sizeof(reply)) != sizeof(reply))
			_exit(1);
	}
}

long proc_ask(struct proc *proc, const struct request *request, u64 *value)
{
	struct reply reply = {};
	ssize_t got;

	if (!proc->pid) {
		reply.rc = serve(request, request->fd, &reply.value);
	} else {
		send_request(proc->sock, request);
		got = read(proc->sock, &reply, sizeof(reply));
		VFIO_ASSERT_EQ(got, (ssize_t)sizeof(reply), "a child is gone");
	}
	if (value)
		*value = reply.value;
	return reply.rc;
}

void proc_fork(struct world *w, struct proc *proc)
{
	int socks[2], rc, i;

	rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks);
	VFIO_ASSERT_EQ(rc, 0);
	*proc = w->procs[0];
	proc->pid = fork();
	VFIO_ASSERT_GE(proc->pid, 0);
	if (!proc->pid) {
		close(socks[0]);
		child(socks[1]);
	}
	close(socks[1]);
	proc->sock = socks[0];
	for (i = 0; i < NR_DEVS; i++)
		proc->holds[i] = w->devs[i].vfio;
}

void proc_end(struct proc *proc, bool with_kill)
{
	struct request r = { ASK_EXIT };
	int status;

	if (with_kill)
		kill(proc->pid, SIGKILL);
	else
		send_request(proc->sock, &r);
	VFIO_ASSERT_EQ(waitpid(proc->pid, &status, 0), proc->pid);
	close(proc->sock);
	memset(proc, 0, sizeof(*proc));
}
