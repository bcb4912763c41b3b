// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libvfio.h>

#include "access.h"
#include "client.h"
#include "engines.h"
#include "ioas.h"
#include "pass.h"
#include "slice.h"

enum operation { STOP, SEND, MAP, UNMAP, READ, WRITE, IMPORT, FORGET, DMA, DMA_BEGIN, DMA_END };

struct request {
	enum operation op;
	u64 at, value;
};

struct reply {
	long rc;
	u64 value;
};

/* Inside of the client. */
struct state {
	struct iommu *iommu;
	struct engines engines;
	bool opened;
	int dmabuf;
	void *map;
	size_t length, imported;
};

static bool engines_ready(struct state *s)
{
	if (!s->opened)
		s->opened = engines_open(&s->engines, s->iommu, 1);
	return s->opened;
}

static long serve(struct state *s, struct request *request, int fd, u64 *value)
{
	int rc;

	switch (request->op) {
	case SEND:
		if (s->dmabuf >= 0)
			close(s->dmabuf);
		s->dmabuf = fd;
		return 0;
	case MAP:
		s->length = request->value;
		s->map = map_shared(s->dmabuf, 0, s->length, PROT_READ | PROT_WRITE);
		return s->map ? 0 : -errno;
	case UNMAP:
		return munmap(s->map, s->length) ? -errno : 0;
	case READ:
		return try_read(s->map + request->at, value);
	case WRITE:
		return try_write(s->map + request->at, request->value);
	case IMPORT:
		engines_ready(s);
		s->imported = request->value;
		return ioas_map_file(s->iommu->iommufd, s->iommu->ioas_id, s->dmabuf,
				     0, s->imported, CLIENT_IOVA, IOAS_RW);
	case FORGET:
		return ioas_unmap(s->iommu->iommufd, s->iommu->ioas_id, CLIENT_IOVA,
				  s->imported, NULL);
	case DMA:
	case DMA_BEGIN: {
		u8 bytes[CLIENT_DMA];

		if (!engines_ready(s))
			return -ENODEV;
		memset(bytes, request->value, sizeof(bytes));
		engine_fill(&s->engines, 0, bytes, sizeof(bytes));
		edu_store(&s->engines.edu[0], CLIENT_IOVA + request->at, sizeof(bytes));
		if (request->op == DMA)
			edu_wait(&s->engines.edu[0]);
		return 0;
	}
	case DMA_END:
		edu_wait(&s->engines.edu[0]);
		return 0;
	case STOP:
		rc = 0;
		if (s->opened)
			engines_close(&s->engines);
		iommu_cleanup(s->iommu);
		_exit(rc);
	}
	return -EINVAL;
}

static void run(int sock)
{
	struct state s = { .dmabuf = -1 };
	struct request request;
	struct reply reply;
	int fd;

	s.iommu = iommu_init(MODE_IOMMUFD);
	for (;;) {
		memset(&reply, 0, sizeof(reply));
		fd = pass_receive(sock, &request, sizeof(request));
		reply.rc = serve(&s, &request, fd, &reply.value);
		if (write(sock, &reply, sizeof(reply)) != sizeof(reply))
			_exit(1);
	}
}

void client_start(struct client *c)
{
	int socks[2], rc;

	rc = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks);
	VFIO_ASSERT_EQ(rc, 0);
	c->pid = fork();
	VFIO_ASSERT_GE(c->pid, 0);
	if (!c->pid) {
		close(socks[0]);
		run(socks[1]);
	}
	close(socks[1]);
	c->sock = socks[0];
}

static long ask_about(struct client *c, struct request req, int fd, u64 *value)
{
	struct reply reply;
	ssize_t got;

	pass_send(c->sock, &req, sizeof(req), fd);
	got = read(c->sock, &reply, sizeof(reply));
	VFIO_ASSERT_EQ(got, (ssize_t)sizeof(reply), "the client is gone");
	if (value)
		*value = reply.value;
	return reply.rc;
}

static long ask(struct client *c, enum operation op, u64 at, u64 value)
{
	return ask_about(c, (struct request){ op, at, value }, -1, NULL);
}

int client_stop(struct client *c)
{
	struct request req = { STOP };
	int status;
	pid_t pid;

	pass_send(c->sock, &req, sizeof(req), -1);
	pid = waitpid(c->pid, &status, 0);
	VFIO_ASSERT_EQ(pid, c->pid);
	close(c->sock);
	return status;
}

void client_send(struct client *c, int dmabuf)
{
	ask_about(c, (struct request){ SEND }, dmabuf, NULL);
}

int client_map(struct client *c, size_t length)
{
	return ask(c, MAP, 0, length);
}

int client_unmap(struct client *c)
{
	return ask(c, UNMAP, 0, 0);
}

int client_read(struct client *c, size_t at, u64 *value)
{
	return ask_about(c, (struct request){ READ, at }, -1, value);
}

int client_write(struct client *c, size_t at, u64 value)
{
	return ask(c, WRITE, at, value);
}

int client_import(struct client *c, size_t length)
{
	return ask(c, IMPORT, 0, length);
}

int client_forget(struct client *c)
{
	return ask(c, FORGET, 0, 0);
}

int client_dma(struct client *c, size_t at, u8 byte)
{
	return ask(c, DMA, at, byte);
}

int client_dma_begin(struct client *c, size_t at, u8 byte)
{
	return ask(c, DMA_BEGIN, at, byte);
}

int client_dma_end(struct client *c)
{
	return ask(c, DMA_END, 0, 0);
}
