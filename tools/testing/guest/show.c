// SPDX-License-Identifier: GPL-2.0
/*
 * dmabuf-show, with buffers and attachments that this program makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/drm.h"
#include "lib/exporters.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/machine.h"

#define PROGRAM	"/bin/dmabuf-show"
#define PAGE	GUEST_PAGE
#define SIZE	(2 * PAGE)
#define IOVA	0x1000000UL
#define NOBODY	65534
#define EVENT	"/sys/kernel/tracing/events/dma_buf/dma_buf_mapping_match"
/* A busy host is slow. */
#define LIMIT	60000

FIXTURE(show) {
	int dmabuf;
	unsigned long long ino;
	int drm;
	unsigned int handle;
	int iommufd;
	u32 ioas;
	char text[16384];
};

FIXTURE_SETUP(show)
{
	struct stat st;

	file_mount("tracefs", "/sys/kernel/tracing");
	if (access(EVENT, F_OK))
		SKIP(return, "this kernel does not negotiate mapping types");
	self->dmabuf = export_udmabuf(SIZE);
	ASSERT_GE(self->dmabuf, 0);
	ASSERT_EQ(fstat(self->dmabuf, &st), 0);
	self->ino = st.st_ino;
	ASSERT_EQ(ioctl(self->dmabuf, DMA_BUF_SET_NAME, "shown"), 0);

	self->drm = drm_open("vgem");
	if (self->drm < 0) {
		ASSERT_FALSE(machine_promises("vgem", "drm"));
		SKIP(return, "no vgem in this kernel");
	}
	self->iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->iommufd, 0);
	ASSERT_EQ(ioas_alloc(self->iommufd, &self->ioas), 0);
}

FIXTURE_TEARDOWN(show)
{
	close(self->drm);
	close(self->iommufd);
	close(self->dmabuf);
}

static void import(struct __test_metadata *_metadata, struct _test_data_show *self)
{
	ASSERT_EQ(drm_import(self->drm, self->dmabuf, &self->handle), 0);
	ASSERT_EQ(ioas_map_file(self->iommufd, self->ioas, self->dmabuf, 0, SIZE, IOVA, IOAS_RW),
		  0);
}

/* Its output and standard error, with each run of blanks made one. */
static void run(struct __test_metadata *_metadata, struct _test_data_show *self,
		const char *arguments)
{
	size_t n, i, len = 0;
	char command[128];
	FILE *pipe;

	snprintf(command, sizeof(command), PROGRAM " %s 2>&1", arguments);
	pipe = popen(command, "r");
	ASSERT_NE(pipe, NULL);
	n = fread(self->text, 1, sizeof(self->text) - 1, pipe);
	ASSERT_EQ(pclose(pipe), 0);
	for (i = 0; i < n; i++)
		if (self->text[i] != ' ' || (len && self->text[len - 1] != ' '))
			self->text[len++] = self->text[i];
	self->text[len] = 0;
}

#define EXPECT_TEXT(...) do {							\
	char want[512];								\
										\
	snprintf(want, sizeof(want), __VA_ARGS__);				\
	EXPECT_NE(strstr(self->text, want), NULL)				\
		TH_LOG("no \"%s\" in:\n%s", want, self->text);			\
} while (0)

TEST_F(show, table)
{
	import(_metadata, self);
	run(_metadata, self, "");
	EXPECT_TEXT("INO SIZE EXPORTER NAME TYPE FROM IMPORTER MEMORY CHOICE HELD BY\n");
	EXPECT_TEXT("%llu 8K udmabuf shown DOMAIN PAL - memory default show.test[%d] fd %d\n"
		    " SGT - vgem memory default others: ", self->ino, getpid(), self->dmabuf);
}

TEST_F(show, ends)
{
	import(_metadata, self);
	drm_close_import(self->drm, self->handle);
	ASSERT_EQ(ioas_unmap(self->iommufd, self->ioas, IOVA, SIZE, NULL), 0);
	run(_metadata, self, "");
	EXPECT_TEXT("%llu 8K udmabuf shown show.test[%d] fd %d\n", self->ino, getpid(),
		    self->dmabuf);
}

TEST_F(show, mapped)
{
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->dmabuf, 0);

	ASSERT_NE(map, MAP_FAILED);
	run(_metadata, self, "");
	EXPECT_TEXT("shown show.test[%d] fd %d mapped\n", getpid(), self->dmabuf);
	close(self->dmabuf);
	run(_metadata, self, "");
	EXPECT_TEXT("shown show.test[%d] mapped\n", getpid());
	munmap(map, SIZE);
	self->dmabuf = -1;
}

TEST_F(show, one_process)
{
	char arguments[64];
	pid_t other;

	import(_metadata, self);
	snprintf(arguments, sizeof(arguments), "--json --pid %d", getpid());
	run(_metadata, self, arguments);
	EXPECT_TEXT("{\"buffers\": [\n {\"ino\": %llu, \"size\": 8192, ", self->ino);
	EXPECT_TEXT(" \"exporter\": \"udmabuf\", \"name\": \"shown\",\n \"holders\": [\n "
		    "{\"pid\": %d, \"comm\": \"show.test\", \"fds\": [%d], \"mappings\": 0}],\n "
		    "\"attached\": 2,", getpid(), self->dmabuf);
	EXPECT_TEXT("{\"type\": \"DOMAIN\", \"from\": \"PAL\", \"importer\": null, "
		    "\"memory\": \"memory\", \"choice\": \"default\"},\n");
	EXPECT_TEXT("\"missing\": []}\n");

	other = fork();
	if (!other) {
		close(self->dmabuf);
		pause();
		_exit(0);
	}
	ASSERT_GT(other, 0);
	while (snprintf(arguments, sizeof(arguments), "/proc/%d/fdinfo/%d", other,
			self->dmabuf) && !access(arguments, F_OK))
		usleep(1000);
	snprintf(arguments, sizeof(arguments), "--json --pid %d", other);
	run(_metadata, self, arguments);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	EXPECT_TEXT("{\"buffers\": [],\n");
}

TEST_F(show, dot)
{
	import(_metadata, self);
	run(_metadata, self, "--dot");
	EXPECT_TEXT("\"p%d\" -> \"b%llu\" [arrowhead=none];", getpid(), self->ino);
	EXPECT_TEXT("\"b%llu\" -> \"device vgem\" [label=\"SGT\", style=dashed];", self->ino);
}

/* An unprivileged user sees its own buffers, and a message about the rest. */
TEST_F(show, nobody)
{
	char line[128];
	int copy;

	import(_metadata, self);
	copy = dup(self->dmabuf);	/* not closed by exec */
	ASSERT_GE(copy, 0);
	ASSERT_EQ(setgid(NOBODY), 0);
	ASSERT_EQ(setuid(NOBODY), 0);
	run(_metadata, self, "");
	snprintf(line, sizeof(line), "] fd %d\n", copy);
	EXPECT_TEXT("shown DOMAIN - - memory default ");
	EXPECT_TEXT("%s", line);
	EXPECT_TEXT("Permission denied: only buffers that a process has open or mapped");
	EXPECT_TEXT("processes may not be looked into");
}

/*
 * --follow, whose output and messages this program reads.
 */
struct follower {
	pid_t pid;
	int out, err;
};

static void follow(struct __test_metadata *_metadata, struct follower *f, const char *option)
{
	int out[2], err[2];
	char pid[16];

	ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
	ASSERT_EQ(pipe2(err, O_CLOEXEC), 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	f->pid = fork();
	if (!f->pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execl(PROGRAM, PROGRAM, "--follow", "--pid", pid, option, NULL);
		_exit(127);
	}
	ASSERT_GT(f->pid, 0);
	close(out[1]);
	close(err[1]);
	f->out = out[0];
	f->err = err[0];
}

/* Read until TEXT has come, or false. */
static bool read_until(int fd, char *buf, size_t size, const char *text)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n;

	buf[0] = 0;
	while (!strstr(buf, text)) {
		if (poll(&poll_fd, 1, LIMIT) <= 0)
			return false;
		n = read(fd, buf + len, size - 1 - len);
		if (n <= 0)
			return false;
		len += n;
		buf[len] = 0;
	}
	return true;
}

static bool has_instance(struct follower *f)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/tracing/instances/dmabuf-show.%d", f->pid);
	return !access(path, F_OK);
}

static void expect_end(struct __test_metadata *_metadata, struct follower *f)
{
	int status;

	ASSERT_EQ(waitpid(f->pid, &status, 0), f->pid);
	EXPECT_EQ(status, 0);
	EXPECT_FALSE(has_instance(f));
}

TEST_F(show, follow)
{
	struct follower f;

	follow(_metadata, &f, NULL);
	ASSERT_TRUE(read_until(f.err, self->text, sizeof(self->text), "waiting")) {
		TH_LOG("%s", self->text);
	}
	EXPECT_TRUE(has_instance(&f));
	import(_metadata, self);
	EXPECT_TRUE(read_until(f.out, self->text, sizeof(self->text), "converted\n"));
	EXPECT_TEXT("buffer %llu of udmabuf, by show.test[%d]\n", self->ino, getpid());
	EXPECT_TEXT("    yes  SGT                          SGT(vgem)                matched\n");
	EXPECT_TEXT("    no   SGT                          DOMAIN(coherent)         different types\n");
	EXPECT_TEXT("    yes  PAL                          DOMAIN(coherent)         converted\n");
	kill(f.pid, SIGINT);
	expect_end(_metadata, &f);
}

TEST_F(show, follow_json)
{
	struct follower f;

	follow(_metadata, &f, "--json");
	ASSERT_TRUE(read_until(f.err, self->text, sizeof(self->text), "waiting"));
	ASSERT_EQ(drm_import(self->drm, self->dmabuf, &self->handle), 0);
	EXPECT_TRUE(read_until(f.out, self->text, sizeof(self->text), "matched"));
	EXPECT_TEXT("\"comm\": \"show.test\", \"ino\": %llu, \"exporter\": \"udmabuf\", "
		    "\"offered\": \"SGT\", \"asked\": \"SGT(vgem)\", \"result\": 0, "
		    "\"reason\": \"matched\"", self->ino);
	kill(f.pid, SIGTERM);
	expect_end(_metadata, &f);
}

TEST_F(show, reader_goes_away)
{
	struct follower f;

	follow(_metadata, &f, NULL);
	ASSERT_TRUE(read_until(f.err, self->text, sizeof(self->text), "waiting"));
	close(f.out);
	expect_end(_metadata, &f);
}

TEST_HARNESS_MAIN
