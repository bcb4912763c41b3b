// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() of a BAR through the device's own file descriptor: behaviour that user
 * space has always relied on, and the name of such a mapping.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/io.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/machine.h"
#include "lib/maps.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	GUEST_PAGE
#define PMD	(PAGE / 8 * PAGE)
#define PUD	(512 * PMD)
#define BAR	2
#define SIGNED	(64 * PAGE)		/* part of the BAR with page signs */
#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(bar) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	const char *bdf;
	u64 offset;			/* offset of the BAR in the device's file */
	u64 size;
};

static void open_device(struct _test_data_bar *self)
{
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->mem = endpoint_open(self->bdf, self->iommu, NULL);
}

/* Only the device's file descriptor keeps it open. */
static void close_device(struct _test_data_bar *self)
{
	vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
	self->mem = NULL;
}

FIXTURE_SETUP(bar)
{
	self->bdf = pci_find(&pci_ivshmem, 0);
	if (!self->bdf)
		SKIP(return, "needs ivshmem");
	open_device(self);
	self->offset = self->mem->bars[BAR].info.offset;
	self->size = self->mem->bars[BAR].info.size;
	pages_sign(self->mem->bars[BAR].vaddr, SIGNED);
}

FIXTURE_TEARDOWN(bar)
{
	if (self->mem)
		close_device(self);
}

static void *map(struct _test_data_bar *self, u64 at, size_t length)
{
	return map_shared(self->mem->fd, self->offset + at, length, RW);
}

/* Can another process open the device now? 0 or -errno. */
static int can_be_opened(const char *bdf)
{
	struct iommu *iommu = iommu_init(MODE_IOMMUFD);
	struct vfio_pci_device *dev = vfio_pci_device_alloc(bdf, iommu);
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommu->iommufd,
	};
	int rc;

	vfio_pci_cdev_open(dev, bdf);
	rc = ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) ? -errno : 0;
	close(dev->fd);
	vfio_pci_device_free(dev);
	iommu_cleanup(iommu);
	return rc;
}

/* The vfio device of a PCI function: "vfio0". */
static void vfio_name(const char *bdf, char *name, size_t size)
{
	struct dirent *entry;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	VFIO_ASSERT_NOT_NULL(dir);
	name[0] = 0;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			snprintf(name, size, "%.20s", entry->d_name);
	closedir(dir);
}

TEST_F(bar, name)
{
	char vfio[32], want[128];
	struct mapping m;
	void *p;

	vfio_name(self->bdf, vfio, sizeof(vfio));
	snprintf(want, sizeof(want), "/dmabuf:%s:%s/%d", vfio, self->bdf, BAR);

	ASSERT_TRUE(maps_find(self->mem->bars[BAR].vaddr, &m));
	EXPECT_STREQ(want, m.name);

	p = map(self, 3 * PAGE, 2 * PAGE);
	ASSERT_NE(NULL, p);
	ASSERT_TRUE(maps_find(p, &m));
	EXPECT_STREQ(want, m.name);
}

/* Each BAR has a buffer of its own. */
TEST_F(bar, name_of_another_bar)
{
	char vfio[32], want[128];
	struct mapping m;

	/* Without firmware the kernel packs small BARs into a page */
	if (!self->mem->bars[0].vaddr && !machine_promises("small-bars", NULL))
		SKIP(return, "x86 only: small BARs share a page on this machine");
	ASSERT_NE(NULL, self->mem->bars[0].vaddr);
	vfio_name(self->bdf, vfio, sizeof(vfio));
	snprintf(want, sizeof(want), "/dmabuf:%s:%s/0", vfio, self->bdf);
	ASSERT_TRUE(maps_find(self->mem->bars[0].vaddr, &m));
	EXPECT_STREQ(want, m.name);
}

TEST_F(bar, file_offset)
{
	struct mapping m;
	char *p;

	p = map(self, 3 * PAGE, 4 * PAGE);
	ASSERT_NE(NULL, p);
	ASSERT_TRUE(maps_find(p, &m));
	EXPECT_EQ((unsigned long)p, m.start);
	EXPECT_EQ((unsigned long)p + 4 * PAGE, m.end);
	EXPECT_EQ(self->offset + 3 * PAGE, m.offset);
	EXPECT_STREQ("rw-s", m.perms);

	/* and so does the rest of it */
	ASSERT_EQ(0, munmap(p + PAGE, PAGE));
	ASSERT_TRUE(maps_find(p + 2 * PAGE, &m));
	EXPECT_EQ(self->offset + 5 * PAGE, m.offset);
}

TEST_F(bar, any_part_of_it)
{
	u64 at, length;
	void *p;

	for (at = 0; at < 6 * PAGE; at += PAGE) {
		for (length = PAGE; length <= 5 * PAGE; length += PAGE) {
			p = map(self, at, length);
			ASSERT_NE(NULL, p);
			ASSERT_TRUE(pages_are(p, length, at));
			ASSERT_EQ(0, munmap(p, length));
		}
	}
	p = map(self, self->size - PAGE, PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(0, child_read(p));
}

TEST_F(bar, what_is_refused)
{
	int fd = self->mem->fd;
	struct vfio_region_info rom = {
		.argsz = sizeof(rom),
		.index = VFIO_PCI_ROM_REGION_INDEX,
	};

	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, self->offset));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, self->size - PAGE, 2 * PAGE));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map(self, self->size, PAGE));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, self->mem->config_space.offset, PAGE, PROT_READ));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	/* BAR 5 of this device has no resource; the ROM cannot be mapped. */
	EXPECT_EQ(NULL, map_shared(fd, 5UL << 40, PAGE, PROT_READ));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, 6UL << 40, PAGE, PROT_READ));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(NULL, map_shared(fd, 1UL << 62, PAGE, PROT_READ));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(bar, read_only_mapping)
{
	void *p = map_shared(self->mem->fd, self->offset, 2 * PAGE, PROT_READ);

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 2 * PAGE, 0));
	EXPECT_EQ(SIGSEGV, child_write(p));
	EXPECT_EQ(0, mprotect(p, PAGE, RW));
	EXPECT_EQ(0, try_write(p, page_sign(0)));
	EXPECT_EQ(SIGSEGV, child_write(p + PAGE));
}

TEST_F(bar, two_mappings_show_the_same)
{
	u64 *a = map(self, PAGE, 4 * PAGE), *b = map(self, 3 * PAGE, PAGE);

	ASSERT_NE(NULL, a);
	ASSERT_NE(NULL, b);
	a[2 * PAGE / 8 + 5] = 0x1234567890abcdefull;
	EXPECT_EQ(0x1234567890abcdefull, b[5]);
	ASSERT_EQ(0, munmap(a, 4 * PAGE));
	EXPECT_EQ(0x1234567890abcdefull, b[5]);
}

TEST_F(bar, unmap_a_part)
{
	void *p = map(self, 8 * PAGE, 9 * PAGE);

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 8 * PAGE));
	ASSERT_EQ(0, munmap(p + 3 * PAGE, 2 * PAGE));
	EXPECT_EQ(0, child_read(p + 2 * PAGE));
	EXPECT_EQ(SIGSEGV, child_read(p + 3 * PAGE));
	EXPECT_EQ(SIGSEGV, child_read(p + 4 * PAGE));
	EXPECT_TRUE(pages_are(p, 3 * PAGE, 8 * PAGE));
	EXPECT_TRUE(pages_are(p + 5 * PAGE, 4 * PAGE, 13 * PAGE));
	ASSERT_EQ(0, munmap(p, PAGE));
	ASSERT_EQ(0, munmap(p + 8 * PAGE, PAGE));
	EXPECT_TRUE(pages_are(p + PAGE, 2 * PAGE, 9 * PAGE));
	EXPECT_TRUE(pages_are(p + 5 * PAGE, 3 * PAGE, 13 * PAGE));
}

TEST_F(bar, split)
{
	void *p = map(self, 8 * PAGE, 9 * PAGE);

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ));
	EXPECT_TRUE(pages_are(p, 9 * PAGE, 8 * PAGE));
	EXPECT_EQ(SIGSEGV, child_write(p + 3 * PAGE));
	EXPECT_EQ(SIGSEGV, child_write(p + 4 * PAGE));
	EXPECT_EQ(0, try_write(p + 2 * PAGE, page_sign(10 * PAGE)));
	EXPECT_EQ(0, try_write(p + 5 * PAGE, page_sign(13 * PAGE)));
	ASSERT_EQ(0, mprotect(p + 3 * PAGE, 2 * PAGE, RW));
	EXPECT_EQ(0, try_write(p + 3 * PAGE, page_sign(11 * PAGE)));
	EXPECT_TRUE(pages_are(p, 9 * PAGE, 8 * PAGE));
}

TEST_F(bar, mremap)
{
	void *p = map(self, 8 * PAGE, 4 * PAGE), *q;
	struct mapping m;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 2 * PAGE, 8 * PAGE));

	/*
	 * It may move, with and without mapped pages, and shrink, but not grow.
	 */
	q = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, q);
	ASSERT_EQ(q, mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q));
	EXPECT_TRUE(pages_are(q, 4 * PAGE, 8 * PAGE));
	EXPECT_EQ(SIGSEGV, child_read(p));
	ASSERT_TRUE(maps_find(q, &m));
	EXPECT_EQ(self->offset + 8 * PAGE, m.offset);

	ASSERT_EQ(q, mremap(q, 4 * PAGE, 3 * PAGE, 0));
	EXPECT_TRUE(pages_are(q, 3 * PAGE, 8 * PAGE));
	EXPECT_EQ(SIGSEGV, child_read(q + 3 * PAGE));

	EXPECT_EQ(MAP_FAILED, mremap(q, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	errno = 0;
	EXPECT_EQ(MAP_FAILED, mremap(q, 0, PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);

	/* Move the middle: head and tail stay where they are. */
	p = mremap(q + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	ASSERT_NE(MAP_FAILED, p);
	EXPECT_TRUE(pages_are(p, PAGE, 9 * PAGE));
	EXPECT_TRUE(pages_are(q, PAGE, 8 * PAGE));
	EXPECT_TRUE(pages_are(q + 2 * PAGE, PAGE, 10 * PAGE));
}

TEST_F(bar, map_fixed_over_it)
{
	void *p = map(self, 8 * PAGE, 5 * PAGE), *q;
	u64 value = 1;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, 5 * PAGE, 8 * PAGE));

	q = mmap(p + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(p + PAGE, q);
	EXPECT_EQ(0, try_read(q, &value));
	EXPECT_EQ(0, value);

	q = mmap(p + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, self->mem->fd,
		 self->offset + 40 * PAGE);
	ASSERT_EQ(p + 3 * PAGE, q);
	EXPECT_TRUE(pages_are(q, PAGE, 40 * PAGE));
	EXPECT_TRUE(pages_are(p, PAGE, 8 * PAGE));
	EXPECT_TRUE(pages_are(p + 2 * PAGE, PAGE, 10 * PAGE));
	EXPECT_TRUE(pages_are(p + 4 * PAGE, PAGE, 12 * PAGE));
}

TEST_F(bar, fork)
{
	u64 *p = map(self, 8 * PAGE, 4 * PAGE);
	int status;
	pid_t pid;

	ASSERT_NE(NULL, p);
	EXPECT_TRUE(pages_are(p, PAGE, 8 * PAGE));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		/* One page is mapped already, the others are not. */
		if (!pages_are(p, 4 * PAGE, 8 * PAGE))
			_exit(1);
		p[1] = 0x11;
		p[3 * PAGE / 8 + 1] = 0x22;
		if (munmap(p, PAGE))
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0x11, p[1]);
	EXPECT_EQ(0x22, p[3 * PAGE / 8 + 1]);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 8 * PAGE));
}

TEST_F(bar, stays_open_while_mapped)
{
	void *p = map(self, 8 * PAGE, 4 * PAGE);

	ASSERT_NE(NULL, p);
	close_device(self);

	EXPECT_EQ(-EINVAL, can_be_opened(self->bdf));
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 8 * PAGE));

	/* Each half behaves like that. */
	ASSERT_EQ(0, munmap(p, 2 * PAGE));
	EXPECT_EQ(-EINVAL, can_be_opened(self->bdf));
	EXPECT_TRUE(pages_are(p + 2 * PAGE, 2 * PAGE, 10 * PAGE));
	ASSERT_EQ(0, munmap(p + 2 * PAGE, 2 * PAGE));
	EXPECT_EQ(0, can_be_opened(self->bdf));
}

TEST_F(bar, untouched_mapping_keeps_it_open)
{
	void *p = map(self, 8 * PAGE, 4 * PAGE);

	ASSERT_NE(NULL, p);
	close_device(self);
	EXPECT_EQ(-EINVAL, can_be_opened(self->bdf));
	ASSERT_NE(MAP_FAILED, mmap(p, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS |
				   MAP_FIXED, -1, 0));
	EXPECT_EQ(0, can_be_opened(self->bdf));
}

TEST_F(bar, a_childs_mapping_keeps_it_open)
{
	void *p = map(self, 8 * PAGE, 4 * PAGE);
	int pipes[2], status;
	char byte;
	pid_t pid;

	ASSERT_NE(NULL, p);
	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(pipes[1]);
		close_device(self);
		if (read(pipes[0], &byte, 1))
			_exit(1);
		_exit(pages_are(p, 4 * PAGE, 8 * PAGE) ? 0 : 2);
	}
	close_device(self);
	ASSERT_EQ(0, munmap(p, 4 * PAGE));
	usleep(100000);
	EXPECT_EQ(-EINVAL, can_be_opened(self->bdf));
	close(pipes[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, can_be_opened(self->bdf));
}

/* mmap() succeeds while the memory is off; the access decides. */
TEST_F(bar, mmap_while_memory_is_off)
{
	void *p;

	endpoint_memory(self->mem, false);
	p = map(self, 8 * PAGE, 4 * PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(SIGBUS, child_read(p));
	EXPECT_EQ(SIGBUS, child_write(p + PAGE));
	endpoint_memory(self->mem, true);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 8 * PAGE));
}

TEST_F_TIMEOUT(bar, thousand_mappings, 120)
{
	static void *p[1000];
	int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = map(self, i % 60 * PAGE, 2 * PAGE);
		ASSERT_NE(NULL, p[i]);
	}
	for (i = 0; i < ARRAY_SIZE(p); i += 7)
		ASSERT_TRUE(pages_are(p[i], 2 * PAGE, i % 60 * PAGE));
	endpoint_memory(self->mem, false);
	EXPECT_EQ(SIGBUS, child_read(p[7]));
	endpoint_memory(self->mem, true);
	for (i = 0; i < ARRAY_SIZE(p); i += 3)
		ASSERT_TRUE(pages_are(p[i], 2 * PAGE, i % 60 * PAGE));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		ASSERT_EQ(0, munmap(p[i], 2 * PAGE));
}

/* One page per fault, except for sequential accesses. */
TEST_F(bar, page_faults)
{
	void *p = map_aligned(self->mem->fd, self->offset + PAGE, 16 * PAGE, RW,
			      PMD, 0);
	long before;
	int i;

	ASSERT_NE(NULL, p);
	EXPECT_EQ(5, faults_of(p, 16 * PAGE));
	EXPECT_EQ(0, faults_of(p, 16 * PAGE));

	p = map_aligned(self->mem->fd, self->offset + PAGE, 16 * PAGE, RW,
			PMD, 0);
	ASSERT_NE(NULL, p);
	before = faults();
	for (i = 15; i >= 0; i--)
		readq(p + i * PAGE);
	EXPECT_EQ(before + 16, faults());

	p = map_aligned(self->mem->fd, self->offset + PAGE, 16 * PAGE, RW,
			PMD, 0);
	ASSERT_NE(NULL, p);
	before = faults();
	for (i = 0; i < 16; i += 2)
		readq(p + i * PAGE);
	EXPECT_EQ(before + 8, faults());
}

TEST_F_TIMEOUT(bar, huge_faults, 120)
{
	struct entry e;
	void *p;

	if (PAGE > 4096 && self->size < 4 * PMD)
		SKIP(return, "a huge page is too large for this BAR");
	ASSERT_GE(self->size, 4 * PMD);
	p = map_aligned(self->mem->fd, self->offset, 4 * PMD, RW, PMD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(4, faults_of(p, 4 * PMD));
	EXPECT_TRUE(pages_are(p, SIGNED, 0));
	if (pgtable_ready()) {
		ASSERT_TRUE(pgtable_find(p + 5 * PAGE, &e));
		EXPECT_STREQ("pmd", e.level);
	}

	/* Half a huge page is unmapped: the rest comes back in small pages. */
	ASSERT_EQ(0, munmap(p + PMD, PMD / 2));
	EXPECT_EQ(0, child_read(p + PMD + PMD / 2));
	EXPECT_EQ(SIGSEGV, child_read(p + PMD + PMD / 2 - PAGE));
	EXPECT_EQ(0, faults_of(p, PMD));

	/* The address is not aligned. */
	p = map_aligned(self->mem->fd, self->offset, PMD, RW, PMD, PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(faults_in_order(PAGE, PMD), faults_of(p, PMD));
	EXPECT_TRUE(pages_are(p, SIGNED, 0));

	/* Nor is the end: the mapping ends within a huge page. */
	p = map_aligned(self->mem->fd, self->offset, 2 * PMD - PAGE, RW, PMD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1 + faults_in_order(0, PMD - PAGE), faults_of(p, 2 * PMD - PAGE));
}

FIXTURE(big) {
	struct iommu *iommu;
	struct vfio_pci_device *mem;
	struct vfio_pci_bar *bar;
};

FIXTURE_SETUP(big)
{
	const char *bdf;
	int i;

	if (!pgtable_gigantic())
		SKIP(return, "x86 only: Linux maps no gigantic pages of a BAR here");
	self->iommu = iommu_init(MODE_IOMMUFD);
	for (i = 0; (bdf = pci_find(&pci_ivshmem, i)); i++) {
		self->mem = endpoint_open(bdf, self->iommu, NULL);
		self->bar = &self->mem->bars[BAR];
		if (self->bar->info.size >= PUD)
			return;
		vfio_pci_device_cleanup(self->mem);
	}
	SKIP(return, "no BAR of 1 GiB");
}

FIXTURE_TEARDOWN(big)
{
	vfio_pci_device_cleanup(self->mem);
	iommu_cleanup(self->iommu);
}

TEST_F_TIMEOUT(big, gigantic_fault, 120)
{
	struct entry e;
	void *p;

	p = map_aligned(self->mem->fd, self->bar->info.offset, PUD, RW, PUD, 0);
	ASSERT_NE(NULL, p);
	pages_sign(p, 4 * PAGE);
	ASSERT_EQ(0, munmap(p, PUD));

	p = map_aligned(self->mem->fd, self->bar->info.offset, PUD, RW, PUD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, faults_of(p, 4 * PAGE) + faults_of(p + PUD - PMD, PMD) +
		     faults_of(p + PUD / 2, PMD));
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 0));
	if (pgtable_ready()) {
		ASSERT_TRUE(pgtable_find(p + PUD / 2, &e));
		EXPECT_STREQ("pud", e.level);
	}
	endpoint_memory(self->mem, false);
	EXPECT_EQ(SIGBUS, child_read(p + PUD / 2));
	endpoint_memory(self->mem, true);
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 0));
}

TEST_F_TIMEOUT(big, gigantic_fault_of_a_slice, 120)
{
	int slice = slice_export(self->mem, BAR, 0, PUD);
	void *p;

	if (slice == -ENOTTY)
		SKIP(return, "this kernel exports no BARs");
	ASSERT_GE(slice, 0);
	pages_sign(self->bar->vaddr, 4 * PAGE);
	p = map_aligned(slice, 0, PUD, RW, PUD, 0);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(1, faults_of(p, 4 * PAGE) + faults_of(p + PUD - PMD, PMD));
	EXPECT_TRUE(pages_are(p, 4 * PAGE, 0));
}

/* Registers, in BARs that are not memory. */
FIXTURE(registers) {
};

FIXTURE_SETUP(registers)
{
}

FIXTURE_TEARDOWN(registers)
{
}

TEST_F_TIMEOUT(registers, of_edu, 120)
{
	const char *bdf = pci_find(&pci_edu, 0);
	struct iommu *iommu = iommu_init(MODE_IOMMUFD);
	struct vfio_pci_device *dev;
	void *regs;

	if (!bdf)
		SKIP(return, "no edu");
	dev = endpoint_open(bdf, iommu, NULL);
	regs = dev->bars[0].vaddr;
	ASSERT_NE(NULL, regs);
	EXPECT_EQ(0xed, readl(regs) & 0xff);
	writel(0x12345678, regs + 4);
	EXPECT_EQ(~0x12345678u, readl(regs + 4));
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

TEST_F_TIMEOUT(registers, of_bochs_display, 120)
{
	const char *bdf = pci_find(&pci_bochs, 1);
	struct iommu *iommu = iommu_init(MODE_IOMMUFD);
	struct vfio_pci_device *dev;
	void *dispi, *memory;

	if (!bdf)
		SKIP(return, "no second bochs-display");
	dev = endpoint_open(bdf, iommu, NULL);
	memory = dev->bars[0].vaddr;
	dispi = dev->bars[2].vaddr + 0x500;
	ASSERT_NE(NULL, memory);
	if (!dev->bars[2].vaddr && dev->bars[2].info.size < PAGE)
		SKIP(return, "its registers share a page with another BAR");
	ASSERT_NE(NULL, dev->bars[2].vaddr);
	EXPECT_EQ(0xb0c5, readw(dispi));
	pages_sign(memory, 4 * PAGE);
	EXPECT_TRUE(pages_are(memory, 4 * PAGE, 0));
	endpoint_memory(dev, false);
	EXPECT_EQ(SIGBUS, child_read(dispi));
	EXPECT_EQ(SIGBUS, child_read(memory));
	endpoint_memory(dev, true);
	EXPECT_EQ(0xb0c5, readw(dispi));
	EXPECT_TRUE(pages_are(memory, 4 * PAGE, 0));
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

TEST_HARNESS_MAIN
