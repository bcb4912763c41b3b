// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU's mappings of a slice: DMA_BUF_MEMATTR, and its effect on the page
 * tables and the kernel's list of memory types.
 *
 * On x86 a page has one type for all of its mappings: they follow it, and never
 * keep a type that the page has lost.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/maps.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(PAGE / 8 * PAGE)
#define BAR	2
#define SIZE	(2 * PMD)		/* the slice: the start of the BAR */
#define IOVA	0x1000000UL
#define RW	(PROT_READ | PROT_WRITE)
#define NOT_X86	"x86 only: here the type is not the page's but the mapping's, see the test arm64"

FIXTURE(memattr) {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	void *bar;
	u64 phys;
	int fd;				/* the slice */
	bool pat;			/* this kernel has write-combining */
};

FIXTURE_SETUP(memattr)
{
	const char *bdf = pci_find(&pci_ivshmem, 0);

	if (!bdf)
		SKIP(return, "no ivshmem");
	if (!pgtable_types_are_of_pages())
		SKIP(return, NOT_X86);
	if (!pgtable_ready())
		SKIP(return, "no CONFIG_PTDUMP_DEBUGFS in this kernel");
	self->pat = memtypes_ready();
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	self->bar = self->dev->bars[BAR].vaddr;
	self->phys = pci_bar_phys(bdf, BAR);
	pages_sign(self->bar, SIZE + 16 * PAGE);
	self->fd = slice_export(self->dev, BAR, 0, SIZE);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(memattr)
{
	close(self->fd);
	if (self->dev)
		vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

/* The result of an access: how the CPU caches the page, or a signal. */
static const char *type_of(const void *addr)
{
	static struct entry e;
	u64 value;

	switch (try_read(addr, &value)) {
	case 0:
		return pgtable_find(addr, &e) ? e.type : "nothing";
	case SIGBUS:
		return "SIGBUS";
	default:
		return "another signal";
	}
}

static int read_dev(struct vfio_pci_device *dev, void *buf, size_t size, u64 at)
{
	ssize_t got = pread(dev->fd, buf, size, dev->bars[BAR].info.offset + at);

	return got < 0 ? -errno : got;
}

static int write_dev(struct vfio_pci_device *dev, const void *buf, size_t size,
		     u64 at)
{
	ssize_t put = pwrite(dev->fd, buf, size, dev->bars[BAR].info.offset + at);

	return put < 0 ? -errno : put;
}

static int set_ioeventfd(struct vfio_pci_device *dev, u64 at, int fd)
{
	struct vfio_device_ioeventfd set = {
		.argsz = sizeof(set),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = dev->bars[BAR].info.offset + at,
		.fd = fd,
	};

	return ioctl(dev->fd, VFIO_DEVICE_IOEVENTFD, &set) ? -errno : 0;
}

/*
 * Without a request all is uncached, and without PAT no request changes that.
 */
TEST_F_TIMEOUT(memattr, uncached, 120)
{
	void *map = map_shared(self->fd, 0, SIZE, RW), *huge;

	ASSERT_NE(NULL, map);
	EXPECT_STREQ("UC-", type_of(map));
	EXPECT_STREQ("UC-", type_of(self->bar));
	huge = map_aligned(self->fd, 0, SIZE, RW, PMD, 0);
	ASSERT_NE(NULL, huge);
	EXPECT_STREQ("UC-", type_of(huge + PMD));
	EXPECT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_NC));
	EXPECT_STREQ("UC-", type_of(map));

	if (self->pat) {
		EXPECT_STREQ("uncached-minus", memtype_of(self->phys));
	} else {
		EXPECT_EQ(-EOPNOTSUPP, slice_memattr(self->dev, self->fd, SLICE_WC));
		EXPECT_STREQ("UC-", type_of(map));
		EXPECT_STREQ("UC-", type_of(map_shared(self->fd, 0, SIZE, RW)));
	}
}

TEST_F_TIMEOUT(memattr, write_combining, 120)
{
	void *before = map_shared(self->fd, 0, SIZE, RW), *wc, *huge;
	struct entry e;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_NE(NULL, before);
	EXPECT_STREQ("UC-", type_of(before));
	EXPECT_STREQ("UC-", type_of(self->bar));
	EXPECT_STREQ("UC-", type_of(self->bar + SIZE));

	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("write-combining", memtype_of(self->phys));
	EXPECT_STREQ("write-combining", memtype_of(self->phys + SIZE - PAGE));
	EXPECT_STREQ("", memtype_of(self->phys + SIZE));

	wc = map_shared(self->fd, PAGE, 4 * PAGE, RW);
	ASSERT_NE(NULL, wc);
	EXPECT_TRUE(pages_are(wc, 4 * PAGE, PAGE));
	EXPECT_STREQ("WC", type_of(wc));
	EXPECT_STREQ("WC", type_of(wc + 3 * PAGE));
	huge = map_aligned(self->fd, 0, SIZE, RW, PMD, 0);
	ASSERT_NE(NULL, huge);
	EXPECT_EQ(2, faults_of(huge, SIZE));
	EXPECT_STREQ("WC", type_of(huge + PMD));
	ASSERT_TRUE(pgtable_find(huge + PMD, &e));
	EXPECT_STREQ("pmd", e.level);

	/* Mappings not made for it follow, and their users keep access. */
	EXPECT_STREQ("WC", type_of(before));
	EXPECT_STREQ("WC", type_of(before + SIZE - PAGE));
	EXPECT_STREQ("WC", type_of(self->bar));
	EXPECT_STREQ("WC", type_of(self->bar + SIZE - PAGE));
	EXPECT_TRUE(pages_are(self->bar, SIZE, 0));
	EXPECT_STREQ("UC-", type_of(self->bar + SIZE));
	EXPECT_TRUE(pages_are(self->bar + SIZE, 16 * PAGE, SIZE));

	/* It survives an outage, and can be revoked. */
	endpoint_memory(self->dev, false);
	EXPECT_STREQ("SIGBUS", type_of(wc));
	endpoint_memory(self->dev, true);
	EXPECT_TRUE(pages_are(wc, 4 * PAGE, PAGE));
	EXPECT_STREQ("WC", type_of(wc));

	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_NC));
	EXPECT_STREQ("", memtype_of(self->phys));
	EXPECT_STREQ("UC-", type_of(wc));
	EXPECT_STREQ("UC-", type_of(huge));
	EXPECT_STREQ("UC-", type_of(huge + PMD));
	EXPECT_STREQ("UC-", type_of(before));
	EXPECT_STREQ("UC-", type_of(self->bar));
	EXPECT_TRUE(pages_are(self->bar, SIZE + 16 * PAGE, 0));
	EXPECT_STREQ("UC-", type_of(map_shared(self->fd, 0, PAGE, RW)));

	/* And set again, for the same mappings. */
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("WC", type_of(wc));
	EXPECT_STREQ("WC", type_of(before));
}

/* After the release of a slice a worker gives back its type. */
static bool type_is_back(u64 phys)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (strcmp(memtype_of(phys), "write-combining"))
			return true;
		usleep(10000);
	}
	return false;
}

/* Several slices of the same pages, released one after the other. */
TEST_F_TIMEOUT(memattr, overlap, 120)
{
	int second = slice_export(self->dev, BAR, PAGE, 4 * PAGE);
	int plain = slice_export(self->dev, BAR, 0, SIZE);
	void *first, *part, *nc;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_GE(second, 0);
	ASSERT_GE(plain, 0);
	nc = map_shared(plain, 0, SIZE, RW);
	ASSERT_NE(NULL, nc);
	EXPECT_STREQ("UC-", type_of(nc + PAGE));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	ASSERT_EQ(0, slice_memattr(self->dev, second, SLICE_WC));
	first = map_shared(self->fd, 0, SIZE, RW);
	part = map_shared(second, 0, 4 * PAGE, RW);
	ASSERT_NE(NULL, first);
	ASSERT_NE(NULL, part);
	EXPECT_STREQ("WC", type_of(first));
	EXPECT_STREQ("WC", type_of(part));
	EXPECT_STREQ("WC", type_of(nc + PAGE));
	EXPECT_STREQ("WC", type_of(nc));

	/* A revoke gives back the type of the pages that no other slice has. */
	ASSERT_EQ(0, slice_revoke(self->dev, self->fd));
	EXPECT_STREQ("SIGBUS", type_of(first));
	EXPECT_STREQ("WC", type_of(part));
	EXPECT_STREQ("UC-", type_of(nc));
	EXPECT_STREQ("WC", type_of(nc + PAGE));
	EXPECT_STREQ("UC-", type_of(self->bar + 5 * PAGE));
	EXPECT_STREQ("WC", type_of(self->bar + 4 * PAGE));

	/* So does the release, when the last mapping goes. */
	close(second);
	EXPECT_STREQ("WC", type_of(part + PAGE));
	EXPECT_STREQ("WC", type_of(nc + PAGE));
	munmap(part, 4 * PAGE);
	EXPECT_TRUE(type_is_back(self->phys + PAGE));
	EXPECT_STREQ("UC-", type_of(nc + PAGE));
	EXPECT_STREQ("UC-", type_of(self->bar + PAGE));
	EXPECT_STREQ("", memtype_of(self->phys + PAGE));
	close(plain);
}

/* A mapping has the page's type, whichever slice has set it. */
TEST_F_TIMEOUT(memattr, from_another, 120)
{
	int other = slice_export(self->dev, BAR, 0, SIZE);
	void *wc;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	wc = map_shared(self->fd, 0, SIZE, RW);
	ASSERT_NE(NULL, wc);
	EXPECT_STREQ("WC", type_of(wc));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_NC));
	EXPECT_STREQ("UC-", type_of(wc));
	ASSERT_EQ(0, slice_memattr(self->dev, other, SLICE_WC));
	EXPECT_STREQ("write-combining", memtype_of(self->phys));
	EXPECT_STREQ("WC", type_of(wc));

	/* The other slice takes the type with it, from all mappings. */
	ASSERT_EQ(0, slice_revoke(self->dev, other));
	EXPECT_STREQ("", memtype_of(self->phys));
	EXPECT_STREQ("UC-", type_of(self->bar));
	EXPECT_STREQ("UC-", type_of(wc));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("WC", type_of(wc));
	close(other);
}

/* The type that a slice gave to its pages ends when the slice is gone. */
TEST_F_TIMEOUT(memattr, after_its_end, 120)
{
	struct pollfd pfd = { .fd = self->fd };

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("WC", type_of(self->bar));
	ASSERT_EQ(0, slice_start_revoke(self->dev, self->fd));
	EXPECT_EQ(1, poll(&pfd, 1, 60000));
	EXPECT_STREQ("", memtype_of(self->phys));
	EXPECT_STREQ("UC-", type_of(self->bar));
	EXPECT_EQ(-EBADFD, slice_memattr(self->dev, self->fd, SLICE_WC));
}

/* A huge page of a mapping that follows has one type, or is split. */
TEST_F_TIMEOUT(memattr, huge_pages_of_the_bar, 120)
{
	int part = slice_export(self->dev, BAR, 3 * PAGE, PAGE);
	struct entry e;
	void *huge;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_GE(part, 0);
	huge = map_aligned(self->dev->fd, self->dev->bars[BAR].info.offset, SIZE, RW, PMD, 0);
	ASSERT_NE(NULL, huge);
	EXPECT_STREQ("UC-", type_of(huge));
	ASSERT_TRUE(pgtable_find(huge, &e));
	EXPECT_STREQ("pmd", e.level);

	ASSERT_EQ(0, slice_memattr(self->dev, part, SLICE_WC));
	EXPECT_STREQ("UC-", type_of(huge));
	EXPECT_STREQ("WC", type_of(huge + 3 * PAGE));
	EXPECT_STREQ("UC-", type_of(huge + 4 * PAGE));
	EXPECT_STREQ("UC-", type_of(huge + PMD));
	ASSERT_TRUE(pgtable_find(huge + PMD, &e));
	EXPECT_STREQ("pmd", e.level);
	ASSERT_EQ(0, slice_memattr(self->dev, part, SLICE_NC));
	EXPECT_STREQ("UC-", type_of(huge + 3 * PAGE));

	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("WC", type_of(huge));
	EXPECT_STREQ("WC", type_of(huge + PMD));
	ASSERT_TRUE(pgtable_find(huge + PMD, &e));
	EXPECT_STREQ("pmd", e.level);
	close(part);
}

/* read() and write() still work, through kernel mappings for one access. */
TEST_F_TIMEOUT(memattr, read_and_write, 120)
{
	static u64 words[2 * PAGE / 8];
	u64 value, sign = 0x1122334455667788;
	void *wc;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	EXPECT_EQ(2 * PAGE, read_dev(self->dev, words, 2 * PAGE, 0));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	wc = map_shared(self->fd, 0, SIZE, RW);
	ASSERT_NE(NULL, wc);
	EXPECT_STREQ("WC", type_of(wc));

	EXPECT_EQ(8, read_dev(self->dev, &value, 8, 3 * PAGE));
	EXPECT_EQ(page_sign(3 * PAGE), value);
	EXPECT_EQ(8, read_dev(self->dev, &value, 8, SIZE + PAGE));
	EXPECT_EQ(page_sign(SIZE + PAGE), value);
	EXPECT_EQ(8, write_dev(self->dev, &sign, 8, 3 * PAGE + 16));
	EXPECT_EQ(0, try_read(wc + 3 * PAGE + 16, &value));
	EXPECT_EQ(sign, value);
	/* At most up to the end of a page at once. */
	EXPECT_EQ(PAGE - 8, read_dev(self->dev, words, 2 * PAGE, 8));
	EXPECT_EQ(8, read_dev(self->dev, words, 2 * PAGE, 2 * PAGE - 8));
	endpoint_memory(self->dev, false);
	EXPECT_EQ(-EIO, read_dev(self->dev, &value, 8, 0));
	endpoint_memory(self->dev, true);

	/* They have left no mapping behind. */
	EXPECT_STREQ("WC", type_of(wc));
	EXPECT_STREQ("write-combining", memtype_of(self->phys));
	EXPECT_STREQ("", memtype_of(self->phys + SIZE + PAGE));
	EXPECT_STREQ("UC-", type_of(self->bar + SIZE + PAGE));
}

struct reader {
	struct vfio_pci_device *dev;
	atomic_bool stop;
	unsigned long pages;
};

static void *read_on(void *arg)
{
	static u64 words[PAGE / 8];
	struct reader *r = arg;

	while (!r->stop)
		r->pages += read_dev(r->dev, words, PAGE, 0) == PAGE;
	return NULL;
}

/* An access during the return of the type leaves no page of that type. */
TEST_F_TIMEOUT(memattr, read_over_release, 120)
{
	struct reader r = { self->dev };
	time_t end = time(NULL) + machine_storm(10);
	pthread_t thread;
	int i, fd, wrong = 0;
	u64 value;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_on, &r));
	for (i = 0; i < 300 && !wrong && time(NULL) < end; i++) {
		fd = slice_export(self->dev, BAR, 0, PAGE);
		EXPECT_EQ(0, slice_memattr(self->dev, fd, SLICE_WC));
		close(fd);
		/* It may follow until the worker has run, and not after. */
		EXPECT_EQ(0, try_read(self->bar, &value));
		EXPECT_TRUE(type_is_back(self->phys));
		wrong = strcmp("UC-", type_of(self->bar));
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, wrong);
	EXPECT_LT(0, r.pages);
	EXPECT_STREQ("UC-", type_of(self->bar));
}

/* A user that keeps an address in the kernel's mapping keeps the type. */
TEST_F_TIMEOUT(memattr, refused, 120)
{
	int event = eventfd(0, 0);
	void *map = map_shared(self->fd, 0, SIZE, RW);

	ASSERT_GE(event, 0);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, set_ioeventfd(self->dev, SIZE, event));
	EXPECT_EQ(-EOPNOTSUPP, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_STREQ("UC-", type_of(map));
	EXPECT_STREQ("UC-", type_of(map_shared(self->fd, 0, SIZE, RW)));
	EXPECT_STREQ("UC-", type_of(self->bar));
	close(event);
}

/* And the reverse, until the type is given back. */
TEST_F_TIMEOUT(memattr, refuses_ioeventfds, 120)
{
	int event = eventfd(0, 0);
	u64 value;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_GE(event, 0);
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	EXPECT_EQ(-EOPNOTSUPP, set_ioeventfd(self->dev, SIZE, event));
	EXPECT_EQ(8, read_dev(self->dev, &value, 8, SIZE));
	EXPECT_STREQ("", memtype_of(self->phys + SIZE));
	ASSERT_EQ(0, slice_revoke(self->dev, self->fd));
	EXPECT_EQ(0, set_ioeventfd(self->dev, SIZE, event));
	EXPECT_STREQ("uncached-minus", memtype_of(self->phys));
	close(event);
}

/*
 * An access makes the kernel map the BAR again, and a request unmaps it again.
 */
TEST_F_TIMEOUT(memattr, mapping_returns, 120)
{
	static u64 words[2 * PAGE / 8];
	void *wc;
	int i;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
		EXPECT_EQ(PAGE, read_dev(self->dev, words, 2 * PAGE, 0));
		EXPECT_STREQ("write-combining", memtype_of(self->phys));
		wc = map_shared(self->fd, 0, SIZE, RW);
		EXPECT_STREQ("WC", type_of(wc));
		ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_NC));
		EXPECT_STREQ("", memtype_of(self->phys));
		EXPECT_EQ(2 * PAGE, read_dev(self->dev, words, 2 * PAGE, 0));
		EXPECT_EQ(page_sign(PAGE), words[PAGE / 8]);
		EXPECT_STREQ("uncached-minus", memtype_of(self->phys));
		EXPECT_STREQ("UC-", type_of(wc));
	}
}

/* mmap() of the BAR's file in sysfs, without vfio-pci */
static void *map_by_sysfs(struct vfio_pci_device *dev, size_t size)
{
	char path[96];
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", dev->bdf, BAR);
	fd = open(path, O_RDWR | O_CLOEXEC);
	VFIO_ASSERT_GE(fd, 0);
	map = map_shared(fd, 0, size, RW);
	close(fd);
	return map;
}

/*
 * It would make all of the BAR write-combining, for as long as it is mapped: a
 * kernel with STRICT_DEVMEM refuses it, other kernels let root do it. In both
 * cases the kernel's own mapping of the BAR must not come back with that type
 * and keep it.
 */
TEST_F_TIMEOUT(memattr, not_by_sysfs, 120)
{
	size_t size = self->dev->bars[BAR].info.size;
	void *map, *slice;
	u64 value;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	map = map_by_sysfs(self->dev, size);
	if (!map)
		EXPECT_EQ(EINVAL, errno);
	slice = map_shared(self->fd, 0, SIZE, RW);
	ASSERT_NE(NULL, slice);
	EXPECT_STREQ("WC", type_of(slice));

	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_NC));
	EXPECT_EQ((int)sizeof(value), read_dev(self->dev, &value, sizeof(value), 0));
	if (map)
		munmap(map, size);
	EXPECT_EQ((int)sizeof(value), read_dev(self->dev, &value, sizeof(value), 0));
	EXPECT_STREQ("uncached-minus", memtype_of(self->phys));
	EXPECT_STREQ("UC-", type_of(self->bar));
	EXPECT_STREQ("UC-", type_of(self->bar + size - PAGE));
}

/* The kernel keeps an entry for each range: the number is limited. */
TEST_F_TIMEOUT(memattr, many_ranges, 120)
{
	struct vfio_region_dma_range r[65];
	int i, fd;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	for (i = 0; i < 65; i++)
		r[i] = (struct vfio_region_dma_range){ (64 - i) * 2 * PAGE, PAGE };
	fd = endpoint_export(self->dev, BAR, r, 65);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EOPNOTSUPP, slice_memattr(self->dev, fd, SLICE_WC));
	EXPECT_STREQ("UC-", type_of(map_shared(fd, 0, PAGE, RW)));
	close(fd);

	/* Ranges that touch are one, and ranges that overlap are valid. */
	for (i = 0; i < 33; i++)
		r[i] = (struct vfio_region_dma_range){ i * PAGE, PAGE };
	for (; i < 65; i++)
		r[i] = (struct vfio_region_dma_range){ 4 * PAGE, (i - 30) * PAGE };
	fd = endpoint_export(self->dev, BAR, r, 65);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, slice_memattr(self->dev, fd, SLICE_WC));
	EXPECT_STREQ("WC", type_of(map_shared(fd, 40 * PAGE, PAGE, RW)));
	EXPECT_STREQ("UC-", type_of(self->bar + 40 * PAGE));
	close(fd);
}

/* The close gives back the type, under slices and mappings that live on. */
TEST_F_TIMEOUT(memattr, close, 120)
{
	const char *bdf = self->dev->bdf;
	void *wc;

	if (!self->pat)
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	EXPECT_EQ(0, ioas_map_file(self->iommu->iommufd, self->iommu->ioas_id,
				   self->fd, 0, SIZE, IOVA, IOAS_RW));
	ASSERT_EQ(0, slice_memattr(self->dev, self->fd, SLICE_WC));
	/* Importers do not notice. */
	EXPECT_EQ(0, ioas_unmap(self->iommu->iommufd, self->iommu->ioas_id, IOVA,
				SIZE, NULL));
	wc = map_shared(self->fd, 0, SIZE, RW);
	ASSERT_NE(NULL, wc);
	EXPECT_STREQ("WC", type_of(wc));
	vfio_pci_device_cleanup(self->dev);
	EXPECT_STREQ("", memtype_of(self->phys));
	EXPECT_STREQ("SIGBUS", type_of(wc));

	self->dev = endpoint_open(bdf, self->iommu, NULL);
	EXPECT_STREQ("uncached-minus", memtype_of(self->phys));
	EXPECT_STREQ("SIGBUS", type_of(wc));
	EXPECT_STREQ("UC-", type_of(self->dev->bars[BAR].vaddr));
	EXPECT_EQ(0, set_ioeventfd(self->dev, 0, eventfd(0, 0)));
}

/* The kernel can map the table of MSI-X at any time. */
TEST(msix_table)
{
	const char *bdf = pci_find(&pci_nvme_flr, 0);
	struct vfio_pci_device *dev;
	struct iommu *iommu;
	int fd;

	if (!bdf)
		SKIP(return, "no NVMe");
	if (!pgtable_types_are_of_pages())
		SKIP(return, NOT_X86);
	if (!memtypes_ready())
		SKIP(return, "no CONFIG_X86_PAT in this kernel");
	iommu = iommu_init(MODE_IOMMUFD);
	dev = endpoint_open(bdf, iommu, NULL);
	fd = slice_export(dev, 0, 0, dev->bars[0].info.size);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EOPNOTSUPP, slice_memattr(dev, fd, SLICE_WC));
	close(fd);
	/* The registers are on another page. */
	fd = slice_export(dev, 0, 0, PAGE);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, slice_memattr(dev, fd, SLICE_WC));
	close(fd);
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

TEST_HARNESS_MAIN
