// SPDX-License-Identifier: GPL-2.0
/*
 * The example of Documentation/driver-api/vfio-pci-slices.rst: a driver in user
 * space hands a page of a BAR to another process, which uses it, and takes it
 * back without that process's help.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/io.h>
#include <linux/vfio.h>

#include <libvfio.h>

#include "kselftest_harness.h"
#include "lib/endpoint.h"
#include "lib/pci.h"

#define BAR	2
#define PAGE	GUEST_PAGE

/* [export] */
static int export_slice(int device, __u32 bar, __u64 offset, __u64 length)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf slice;
		struct vfio_region_dma_range range;
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_GET |
				 VFIO_DEVICE_FEATURE_DMA_BUF,
		.slice.region_index = bar,
		.slice.open_flags = O_RDWR | O_CLOEXEC,
		.slice.nr_ranges = 1,
		.range = { offset, length },
	};

	return ioctl(device, VFIO_DEVICE_FEATURE, &arg);
}

/* [revoke] */
static int revoke_slice(int device, int slice)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf_revoke revoke;
	} arg = {
		.feature.argsz = sizeof(arg),
		.feature.flags = VFIO_DEVICE_FEATURE_SET |
				 VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE,
		.revoke.dmabuf_fd = slice,
	};

	return ioctl(device, VFIO_DEVICE_FEATURE, &arg);
}

/* [vend] */
static void vend(int socket, int slice)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { "", 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &slice, sizeof(int));
	sendmsg(socket, &msg, 0);
}

/* [end] */

static int take(int socket)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int slice;

	if (recvmsg(socket, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&slice, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return slice;
}

/* [client] */
static sigjmp_buf gone;

static void on_sigbus(int signal)
{
	siglongjmp(gone, 1);
}

/* Counts until the slice is taken away. Returns an exit status. */
static int client(int socket)
{
	int slice = take(socket);
	void *reg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, slice,
			 0);

	if (reg == MAP_FAILED)
		return 1;
	signal(SIGBUS, on_sigbus);
	if (sigsetjmp(gone, 1)) {
		munmap(reg, PAGE);
		if (mmap(NULL, PAGE, PROT_READ, MAP_SHARED, slice, 0) !=
		    MAP_FAILED || errno != ENODEV)
			return 2;
		return 0;
	}
	for (;;)
		writel(readl(reg) + 1, reg);
}

/* [end] */

FIXTURE(slice)
{
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	int socket[2];
};

FIXTURE_SETUP(slice)
{
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(pci_find(&pci_ivshmem, 0), self->iommu, NULL);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				self->socket));
}

FIXTURE_TEARDOWN(slice)
{
	close(self->socket[0]);
	close(self->socket[1]);
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

TEST_F(slice, vend_and_revoke)
{
	void *page = self->dev->bars[BAR].vaddr + PAGE;
	__u32 seen;
	int status;
	pid_t pid;
	int fd;

	writel(0, page);
	fd = export_slice(self->dev->fd, BAR, PAGE, PAGE);
	ASSERT_GE(fd, 0);

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(self->dev->fd);
		_exit(client(self->socket[1]));
	}
	vend(self->socket[0], fd);

	/* The other process works */
	while (readl(page) < 100)
		usleep(1000);

	ASSERT_EQ(0, revoke_slice(self->dev->fd, fd));
	seen = readl(page);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* and did nothing after the revoke */
	EXPECT_EQ(seen, readl(page));

	EXPECT_EQ(-1, revoke_slice(self->dev->fd, fd));
	EXPECT_EQ(EBADFD, errno);
	close(fd);
}

/* The page of a revoked slice can be exported again. */
TEST_F(slice, vend_again)
{
	void *page = self->dev->bars[BAR].vaddr + PAGE;
	int old, new;
	void *reg;

	old = export_slice(self->dev->fd, BAR, PAGE, PAGE);
	ASSERT_GE(old, 0);
	ASSERT_EQ(0, revoke_slice(self->dev->fd, old));
	new = export_slice(self->dev->fd, BAR, PAGE, PAGE);
	ASSERT_GE(new, 0);

	reg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, new, 0);
	ASSERT_NE(MAP_FAILED, reg);
	writel(0x12345678, reg);
	EXPECT_EQ(0x12345678, readl(page));
	munmap(reg, PAGE);
	close(old);
	close(new);
}

TEST_HARNESS_MAIN
