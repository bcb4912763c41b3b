// SPDX-License-Identifier: GPL-2.0
/*
 * The owner of a device lends slices of its BAR to another process and takes
 * them back without its help: the features DMA_BUF_REVOKE and DMA_BUF_MEMATTR.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/client.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/file.h"
#include "lib/ioas.h"
#include "lib/mem.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define BAR	2
#define FIRST	(16 * PAGE)		/* the slice: these pages of the BAR */
#define SIZE	(8 * PAGE)
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)

#define GET	VFIO_DEVICE_FEATURE_GET
#define SET	VFIO_DEVICE_FEATURE_SET
#define PROBE	VFIO_DEVICE_FEATURE_PROBE
#define REVOKE	VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
#define MEMATTR	VFIO_DEVICE_FEATURE_DMA_BUF_MEMATTR

FIXTURE(vend) {
	struct client client;
	struct iommu *iommu;
	struct vfio_pci_device *mem, *other;
	void *bar;
	int slice;
};

FIXTURE_SETUP(vend)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);
	const char *other = pci_find(&pci_ivshmem, 1);

	if (!bdf || !other)
		SKIP(return, "needs two ivshmem");
	client_start(&self->client);
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->mem = endpoint_open(bdf, self->iommu, NULL);
	self->other = endpoint_open(other, self->iommu, NULL);
	self->bar = self->mem->bars[BAR].vaddr;
	pages_sign(self->bar, FIRST + 2 * SIZE);
	self->slice = slice_export(self->mem, BAR, FIRST, SIZE);
	ASSERT_GE(self->slice, 0);
}

FIXTURE_TEARDOWN(vend)
{
	close(self->slice);
	EXPECT_EQ(0, client_stop(&self->client));
	if (self->mem)
		vfio_pci_device_cleanup(self->mem);
	vfio_pci_device_cleanup(self->other);
	iommu_cleanup(self->iommu);
}

static int import(struct _test_data_vend *self, int dmabuf, u64 iova)
{
	return ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id, dmabuf,
			     0, SIZE, iova, IOAS_RW);
}

static int unmap(struct _test_data_vend *self, u64 iova)
{
	return ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, iova, SIZE, NULL);
}

static bool bytes_are(const void *bar, u8 byte)
{
	u8 got[CLIENT_DMA], want[CLIENT_DMA];

	bar_read(got, bar, sizeof(got));
	memset(want, byte, sizeof(want));
	return mem_differ(got, want, sizeof(got)) < 0;
}

TEST_F_TIMEOUT(vend, probe, 120)
{
	int revoke_ok[] = { PROBE, PROBE | SET };
	int revoke_bad[] = { PROBE | GET, PROBE | GET | SET, GET };
	struct vfio_device_feature_dma_buf_memattr attr = { .dmabuf_fd = self->slice };
	int i;

	for (i = 0; i < ARRAY_SIZE(revoke_ok); i++) {
		EXPECT_EQ(0, slice_feature(self->mem, revoke_ok[i] | REVOKE, NULL, 0));
		EXPECT_EQ(0, slice_feature(self->mem, revoke_ok[i] | MEMATTR, NULL, 0));
	}
	for (i = 0; i < ARRAY_SIZE(revoke_bad); i++) {
		EXPECT_EQ(-EINVAL, slice_feature(self->mem, revoke_bad[i] | REVOKE,
						 &attr, sizeof(attr)));
		EXPECT_EQ(-EINVAL, slice_feature(self->mem, revoke_bad[i] | MEMATTR,
						 &attr, sizeof(attr)));
	}
	/* None of this had an effect. */
	EXPECT_NE(NULL, map_shared(self->slice, 0, SIZE, RW));
}

TEST_F_TIMEOUT(vend, malformed, 120)
{
	struct vfio_device_feature_dma_buf_memattr attr = { .dmabuf_fd = self->slice };
	struct vfio_device_feature *at_end;
	char *page;

	/* Too short for its argument. */
	EXPECT_EQ(-EINVAL, slice_feature(self->mem, SET | REVOKE, NULL, 0));
	EXPECT_EQ(-EINVAL, slice_feature(self->mem, SET | REVOKE, &attr, 3));
	EXPECT_EQ(-EINVAL, slice_feature(self->mem, SET | MEMATTR, &attr, 4));
	EXPECT_EQ(-EINVAL, slice_feature(self->mem, SET | MEMATTR, NULL, 0));
	/* Neither GET nor SET. */
	EXPECT_NE(0, slice_feature(self->mem, REVOKE, &attr, sizeof(attr)));

	/* An argument at an address without memory. */
	page = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	at_end = (void *)page + PAGE - sizeof(*at_end);
	at_end->argsz = sizeof(*at_end) + sizeof(attr);
	at_end->flags = SET | REVOKE;
	EXPECT_EQ(-1, ioctl(self->mem->fd, VFIO_DEVICE_FEATURE, at_end));
	EXPECT_EQ(EFAULT, errno);
	at_end->flags = SET | MEMATTR;
	EXPECT_EQ(-1, ioctl(self->mem->fd, VFIO_DEVICE_FEATURE, at_end));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_NE(NULL, map_shared(self->slice, 0, SIZE, RW));
}

TEST_F_TIMEOUT(vend, wrong_buffers, 120)
{
	/* A number that no other file gets in the meantime */
	int closed = fcntl(self->slice, F_DUPFD, 500), file, udmabuf, theirs;
	void *p;

	ASSERT_GE(closed, 0);
	close(closed);
	file = memfd_create("file", 0);
	ASSERT_GE(file, 0);
	udmabuf = export_udmabuf(PAGE);
	ASSERT_GE(udmabuf, 0);
	theirs = slice_export(self->other, BAR, 0, SIZE);
	ASSERT_GE(theirs, 0);

	EXPECT_EQ(-EBADF, slice_revoke(self->mem, -1));
	EXPECT_EQ(-EBADF, slice_revoke(self->mem, closed));
	EXPECT_EQ(-EINVAL, slice_revoke(self->mem, file));
	EXPECT_EQ(-EINVAL, slice_revoke(self->mem, self->mem->fd));
	EXPECT_EQ(-ENODEV, slice_revoke(self->mem, udmabuf));
	EXPECT_EQ(-ENODEV, slice_revoke(self->mem, theirs));
	EXPECT_EQ(-ENODEV, slice_revoke(self->other, self->slice));

	EXPECT_EQ(-EBADF, slice_memattr(self->mem, -1, SLICE_NC));
	EXPECT_EQ(-EBADF, slice_memattr(self->mem, closed, SLICE_NC));
	EXPECT_EQ(-EINVAL, slice_memattr(self->mem, file, SLICE_NC));
	EXPECT_EQ(-ENODEV, slice_memattr(self->mem, udmabuf, SLICE_NC));
	EXPECT_EQ(-ENODEV, slice_memattr(self->mem, theirs, SLICE_NC));

	/* All of them still work. */
	p = map_shared(theirs, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, child_read(p));
	p = map_shared(self->slice, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, SIZE, FIRST));
	EXPECT_EQ(0, slice_revoke(self->other, theirs));
}

TEST_F_TIMEOUT(vend, revoke, 120)
{
	void *p = map_shared(self->slice, 0, SIZE, RW);
	int again = dup(self->slice), fd;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, SIZE / 2, FIRST));	/* the rest has no PTE */

	ASSERT_EQ(0, slice_revoke(self->mem, again));
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(SIGBUS, child_write(p));
	EXPECT_EQ(SIGBUS, child_read(p + SIZE - PAGE));
	EXPECT_EQ(SIGBUS, child_write(p + SIZE - PAGE));

	/* A revoke cannot be undone, */
	EXPECT_EQ(-EBADFD, slice_revoke(self->mem, self->slice));
	errno = 0;
	EXPECT_EQ(NULL, map_shared(self->slice, 0, PAGE, PROT_READ));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, import(self, self->slice, IOVA));
	EXPECT_NE(0, slice_memattr(self->mem, self->slice, SLICE_NC));
	endpoint_memory(self->mem, false);
	endpoint_memory(self->mem, true);
	EXPECT_EQ(SIGBUS, child_read(p));
	errno = 0;
	EXPECT_EQ(NULL, map_shared(self->slice, 0, PAGE, PROT_READ));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-ENODEV, import(self, self->slice, IOVA));
	EXPECT_EQ(-EBADFD, slice_revoke(self->mem, self->slice));

	/* the device's own mapping stays, and the slice can be lent again. */
	EXPECT_TRUE(pages_are(self->bar, FIRST + SIZE, 0));
	fd = slice_export(self->mem, BAR, FIRST, SIZE);
	ASSERT_GE(fd, 0);
	p = map_shared(fd, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, SIZE, FIRST));
	EXPECT_EQ(0, import(self, fd, IOVA));
	EXPECT_EQ(0, unmap(self, IOVA));
	close(again);
	close(fd);
}

/* Mappings at every offset of the buffer, split and in another process. */
TEST_F_TIMEOUT(vend, revoke_reaches_every_mapping, 120)
{
	void *p[SIZE / PAGE];
	int i;

	client_send(&self->client, self->slice);
	ASSERT_EQ(0, client_map(&self->client, SIZE));
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = map_shared(self->slice, i * PAGE, SIZE - i * PAGE, RW);
		ASSERT_NE(NULL, p[i]);
		ASSERT_TRUE(pages_are(p[i], SIZE - i * PAGE, FIRST + i * PAGE));
		ASSERT_EQ(0, client_read(&self->client, i * PAGE, &(u64){ 0 }));
	}
	ASSERT_EQ(0, mprotect(p[0] + PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, munmap(p[0] + 3 * PAGE, PAGE));

	ASSERT_EQ(0, slice_revoke(self->mem, self->slice));
	EXPECT_EQ(SIGBUS, child_read(p[0]));
	EXPECT_EQ(SIGBUS, child_read(p[0] + PAGE));
	EXPECT_EQ(SIGBUS, child_read(p[0] + SIZE - PAGE));
	for (i = 1; i < ARRAY_SIZE(p); i++) {
		EXPECT_EQ(SIGBUS, child_read(p[i]));
		EXPECT_EQ(SIGBUS, child_read(p[i] + SIZE - (i + 1) * PAGE));
		EXPECT_EQ(SIGBUS, client_read(&self->client, i * PAGE, &(u64){ 0 }));
	}
}

/* Buffers that are not revoked lose nothing. */
TEST_F_TIMEOUT(vend, revoke_one_of_two_aliases, 120)
{
	int alias = slice_export(self->mem, BAR, FIRST, SIZE);
	void *p, *q;
	long before;

	ASSERT_GE(alias, 0);
	p = map_shared(self->slice, 0, SIZE, RW);
	q = map_shared(alias, 0, SIZE, RW);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);
	EXPECT_TRUE(pages_are(p, SIZE, FIRST));
	EXPECT_TRUE(pages_are(q, SIZE, FIRST));
	ASSERT_EQ(0, import(self, self->slice, IOVA));
	ASSERT_EQ(0, import(self, alias, IOVA + SIZE));

	ASSERT_EQ(0, slice_revoke(self->mem, self->slice));
	EXPECT_EQ(SIGBUS, child_read(p));

	/* They even keep their PTEs. */
	before = faults();
	EXPECT_TRUE(pages_are(q, SIZE, FIRST));
	EXPECT_TRUE(pages_are(self->bar, FIRST + SIZE, 0));
	EXPECT_EQ(before, faults());
	client_send(&self->client, alias);
	EXPECT_EQ(0, client_map(&self->client, SIZE));
	EXPECT_EQ(0, client_import(&self->client, SIZE));
	EXPECT_EQ(0, client_dma(&self->client, PAGE, 0x33));
	EXPECT_TRUE(bytes_are(self->bar + FIRST + PAGE, 0x33));
	EXPECT_EQ(0, client_forget(&self->client));

	EXPECT_EQ(0, unmap(self, IOVA));
	EXPECT_EQ(0, unmap(self, IOVA + SIZE));
	EXPECT_EQ(0, slice_revoke(self->mem, alias));
	EXPECT_EQ(SIGBUS, child_read(q));
	close(alias);
}

/* Lent, used by CPU and DMA, revoked, lent again. */
TEST_F_TIMEOUT(vend, another_process, 120)
{
	struct client *c = &self->client;
	u64 value, *bar = self->bar + FIRST;
	int fd;

	client_send(c, self->slice);
	ASSERT_EQ(0, client_map(c, SIZE));
	ASSERT_EQ(0, client_read(c, 3 * PAGE, &value));
	EXPECT_EQ(page_sign(FIRST + 3 * PAGE), value);
	ASSERT_EQ(0, client_write(c, 3 * PAGE + 8, 0x77));
	EXPECT_EQ(0x77, bar[3 * PAGE / 8 + 1]);
	EXPECT_EQ(-EINVAL, client_map(c, SIZE + PAGE));
	ASSERT_EQ(0, client_map(c, SIZE));

	ASSERT_EQ(0, client_import(c, SIZE));
	ASSERT_EQ(0, client_dma(c, 5 * PAGE, 0x5a));
	EXPECT_TRUE(bytes_are(self->bar + FIRST + 5 * PAGE, 0x5a));

	ASSERT_EQ(0, slice_revoke(self->mem, self->slice));

	/* It has its fd, its mapping and its import, and none of them works. */
	EXPECT_EQ(SIGBUS, client_read(c, 3 * PAGE, &value));
	EXPECT_EQ(SIGBUS, client_write(c, 4 * PAGE, 1));
	ASSERT_EQ(0, client_dma(c, 5 * PAGE, 0xff));
	EXPECT_TRUE(bytes_are(self->bar + FIRST + 5 * PAGE, 0x5a));
	EXPECT_EQ(0, client_forget(c));
	EXPECT_EQ(-ENODEV, client_import(c, SIZE));
	EXPECT_EQ(-ENODEV, client_map(c, SIZE));

	/* Lent to the next client; the first one still has no access. */
	fd = slice_export(self->mem, BAR, FIRST, SIZE);
	ASSERT_GE(fd, 0);
	client_send(c, fd);
	ASSERT_EQ(0, client_map(c, SIZE));
	ASSERT_EQ(0, client_read(c, 2 * PAGE, &value));
	EXPECT_EQ(page_sign(FIRST + 2 * PAGE), value);
	ASSERT_EQ(0, client_import(c, SIZE));
	ASSERT_EQ(0, client_dma(c, 6 * PAGE, 0x66));
	EXPECT_TRUE(bytes_are(self->bar + FIRST + 6 * PAGE, 0x66));
	EXPECT_EQ(0, client_forget(c));
	close(fd);
}

/* A transfer in progress lands before revoke returns, or never. */
TEST_F_TIMEOUT(vend, revoke_under_dma, 120)
{
	struct client *c = &self->client;
	u8 before[CLIENT_DMA], after[CLIENT_DMA];
	int i, fd;

	for (i = 0; i < 6; i++) {
		fd = slice_export(self->mem, BAR, FIRST, SIZE);
		ASSERT_GE(fd, 0);
		client_send(c, fd);
		ASSERT_EQ(0, client_map(c, SIZE));
		ASSERT_EQ(0, client_import(c, SIZE));
		ASSERT_EQ(0, client_dma(c, PAGE, 0x10 + i));
		ASSERT_TRUE(bytes_are(self->bar + FIRST + PAGE, 0x10 + i));
		ASSERT_EQ(0, client_dma_begin(c, PAGE, 0x80 + i));
		usleep(i * 20000);	/* an engine takes 100 ms */
		ASSERT_EQ(0, slice_revoke(self->mem, fd));
		bar_read(before, self->bar + FIRST + PAGE, sizeof(before));
		ASSERT_EQ(0, client_dma_end(c));
		bar_read(after, self->bar + FIRST + PAGE, sizeof(after));
		EXPECT_EQ(-1, mem_differ(before, after, sizeof(before)));
		EXPECT_EQ(0, client_forget(c));
		EXPECT_EQ(0, client_unmap(c));
		close(fd);
	}
}

/* A thread reads as fast as it can; no read succeeds after the revoke. */
struct racer {
	const void *map;
	atomic_bool returned, ready, stop;
	long good, late, wrong;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	int i = 0;
	u64 value;

	while (!r->stop) {
		bool returned = atomic_load(&r->returned);
		size_t at = i++ % (SIZE / PAGE) * PAGE;

		if (try_read(r->map + at, &value))
			continue;
		r->good++;
		r->ready = true;
		r->late += returned;
		r->wrong += value != page_sign(FIRST + at);
	}
	return NULL;
}

TEST_F_TIMEOUT(vend, revoke_under_access, 120)
{
	struct racer r;
	pthread_t thread;
	int i, fd;

	for (i = 0; i < 20; i++) {
		memset(&r, 0, sizeof(r));
		fd = slice_export(self->mem, BAR, FIRST, SIZE);
		ASSERT_GE(fd, 0);
		r.map = map_shared(fd, 0, SIZE, RW);
		ASSERT_NE(NULL, r.map);
		ASSERT_EQ(0, pthread_create(&thread, NULL, race, &r));
		while (!r.ready)
			usleep(1000);
		ASSERT_EQ(0, slice_revoke(self->mem, fd));
		r.returned = true;
		usleep(20000);
		r.stop = true;
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_GT(r.good, 0);
		EXPECT_EQ(0, r.late);
		EXPECT_EQ(0, r.wrong);
		ASSERT_EQ(0, munmap((void *)r.map, SIZE));
		close(fd);
	}
}

TEST_F_TIMEOUT(vend, revoke_while_memory_is_off, 120)
{
	void *p = map_shared(self->slice, 0, SIZE, RW);

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, SIZE, FIRST));
	endpoint_memory(self->mem, false);
	EXPECT_EQ(0, slice_revoke(self->mem, self->slice));
	EXPECT_EQ(-EBADFD, slice_revoke(self->mem, self->slice));
	endpoint_memory(self->mem, true);
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(-ENODEV, import(self, self->slice, IOVA));
}

TEST_F_TIMEOUT(vend, device_closes_after_revoke, 120)
{
	void *p = map_shared(self->slice, 0, SIZE, RW);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, import(self, self->slice, IOVA));
	ASSERT_EQ(0, slice_revoke(self->mem, self->slice));
	vfio_pci_device_cleanup(self->mem);
	self->mem = NULL;
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(0, unmap(self, IOVA));
	EXPECT_EQ(-ENODEV, import(self, self->slice, IOVA));
}

/* The owner dies; its client loses access, and no other process is harmed. */
TEST_F_TIMEOUT(vend, device_closes_under_a_client, 120)
{
	struct client *c = &self->client;
	u64 value;

	client_send(c, self->slice);
	ASSERT_EQ(0, client_map(c, SIZE));
	ASSERT_EQ(0, client_read(c, 0, &value));
	ASSERT_EQ(0, client_import(c, SIZE));
	ASSERT_EQ(0, client_dma_begin(c, 0, 0x12));
	vfio_pci_device_cleanup(self->mem);
	self->mem = NULL;
	EXPECT_EQ(SIGBUS, client_read(c, 0, &value));
	EXPECT_EQ(0, client_dma_end(c));
	EXPECT_EQ(0, client_dma(c, 0, 0x13));
	EXPECT_EQ(0, client_forget(c));
	EXPECT_EQ(-ENODEV, client_import(c, SIZE));
	EXPECT_EQ(-ENODEV, client_map(c, SIZE));
}

TEST_F_TIMEOUT(vend, memattr_input, 120)
{
	int fd = slice_export(self->mem, BAR, FIRST, SIZE);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, slice_memattr(self->mem, fd, SLICE_NC));
	EXPECT_EQ(-EINVAL, slice_memattr(self->mem, fd, 2));
	EXPECT_EQ(-EINVAL, slice_memattr(self->mem, fd, 0xffffffff));
	ASSERT_EQ(0, slice_revoke(self->mem, fd));
	EXPECT_EQ(-EBADFD, slice_memattr(self->mem, fd, SLICE_NC));
	close(fd);
}

TEST_HARNESS_MAIN
