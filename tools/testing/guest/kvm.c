// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine whose memory is that of a device: a memory slot of KVM over
 * a mapping of a BAR, and over one of a slice. This program is the VMM, and the
 * guest is a few instructions.
 *
 * When the memory goes, KVM_RUN waits and continues after a reset, fails with
 * EFAULT while the memory is off and after a revoke, and returns for a signal
 * meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <libvfio.h>

#include "kselftest_harness.h"

#include "lib/access.h"
#include "lib/endpoint.h"
#include "lib/file.h"
#include "lib/pci.h"
#include "lib/slice.h"

#define PAGE	4096UL
#define PMD	(2UL << 20)
#define RAM	(64UL << 10)		/* at 0: code, and its counter */
#define COUNTER	0x8000
#define DEVICE	0x40000000UL		/* guest address of the device's memory */
#define SIZE	(4 * PMD)
#define RW	(PROT_READ | PROT_WRITE)

/*
 * 32-bit code without paging: each piece does one thing and halts, but the last
 */
#define READ	0x1000
#define WRITE	0x1100
#define TOUCH	0x1200

static const u8 read_code[] = {		/* eax = *ebx */
	0x8b, 0x03, 0xf4,
};

static const u8 write_code[] = {	/* *ebx = eax */
	0x89, 0x03, 0xf4,
};

static const u8 touch_code[] = {	/* do eax = *ebx, ++*esi; while (1) */
	0x8b, 0x03, 0xff, 0x06, 0xeb, 0xfa,
};

struct vm {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	u8 *ram;
};

static int set_slot(struct vm *vm, int slot, u64 gpa, void *at, size_t size, u32 flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (unsigned long)at,
	};

	return ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -errno : 0;
}

static struct kvm_segment flat(u8 type, u16 selector)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1,
		.db = 1, .s = 1, .g = 1,
	};
}

static bool vm_open(struct vm *vm)
{
	struct kvm_sregs sregs;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		return false;
	vm->vm = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	VFIO_ASSERT_GE(vm->vm, 0);
	vm->ram = mmap(NULL, RAM, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	VFIO_ASSERT_NE(vm->ram, MAP_FAILED);
	memcpy(vm->ram + READ, read_code, sizeof(read_code));
	memcpy(vm->ram + WRITE, write_code, sizeof(write_code));
	memcpy(vm->ram + TOUCH, touch_code, sizeof(touch_code));
	VFIO_ASSERT_EQ(set_slot(vm, 0, 0, vm->ram, RAM, 0), 0);

	vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, 0);
	VFIO_ASSERT_GE(vm->vcpu, 0);
	vm->run = mmap(NULL, ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), RW, MAP_SHARED,
		       vm->vcpu, 0);
	VFIO_ASSERT_NE((void *)vm->run, MAP_FAILED);

	VFIO_ASSERT_EQ(ioctl(vm->vcpu, KVM_GET_SREGS, &sregs), 0);
	sregs.cs = flat(11, 8);
	sregs.ds = flat(3, 16);
	sregs.es = sregs.ds;
	sregs.fs = sregs.ds;
	sregs.gs = sregs.ds;
	sregs.ss = sregs.ds;
	sregs.cr0 |= 1;
	VFIO_ASSERT_EQ(ioctl(vm->vcpu, KVM_SET_SREGS, &sregs), 0);
	return true;
}

static void vm_close(struct vm *vm)
{
	close(vm->vcpu);
	close(vm->vm);
	close(vm->kvm);
}

static void set_regs(struct vm *vm, u64 code, u64 rbx, u64 rax)
{
	struct kvm_regs regs = {
		.rip = code, .rbx = rbx, .rax = rax, .rsi = COUNTER, .rflags = 2,
	};

	VFIO_ASSERT_EQ(ioctl(vm->vcpu, KVM_SET_REGS, &regs), 0);
}

/* 0 if the guest has halted, or the result of KVM_RUN */
static int run(struct vm *vm)
{
	if (ioctl(vm->vcpu, KVM_RUN, 0))
		return -errno;
	return vm->run->exit_reason == KVM_EXIT_HLT ? 0 : vm->run->exit_reason;
}

static int guest_read(struct vm *vm, u64 gpa, u32 *value)
{
	struct kvm_regs regs;
	int rc;

	set_regs(vm, READ, gpa, 0);
	rc = run(vm);
	VFIO_ASSERT_EQ(ioctl(vm->vcpu, KVM_GET_REGS, &regs), 0);
	*value = regs.rax;
	return rc;
}

static int guest_write(struct vm *vm, u64 gpa, u32 value)
{
	set_regs(vm, WRITE, gpa, value);
	return run(vm);
}

FIXTURE(kvm) {
	struct vm vm;
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	size_t size;
	int fd;				/* the slice */
	void *map;			/* the memory that the guest gets */
	void *bar;
};

FIXTURE_VARIANT(kvm) {
	const struct pci_kind *kind;
	bool slice;
};

FIXTURE_VARIANT_ADD(kvm, bar) { .kind = &pci_ivshmem };
FIXTURE_VARIANT_ADD(kvm, slice) { .kind = &pci_ivshmem, .slice = true };
FIXTURE_VARIANT_ADD(kvm, bar_with_flr) { .kind = &pci_nvme_flr };
FIXTURE_VARIANT_ADD(kvm, slice_with_flr) { .kind = &pci_nvme_flr, .slice = true };

FIXTURE_SETUP(kvm)
{
	const char *bdf = pci_find(variant->kind, 0);
	struct vfio_pci_bar *bar;

	if (!bdf)
		SKIP(return, "no %s", variant->kind->name);
	if (!vm_open(&self->vm))
		SKIP(return, "no /dev/kvm in this kernel, or no SVM in this machine");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->dev = endpoint_open(bdf, self->iommu, NULL);
	bar = &self->dev->bars[2];
	self->bar = bar->vaddr;
	self->size = min_t(size_t, bar->info.size, SIZE);
	self->fd = slice_export(self->dev, 2, 0, self->size);
	ASSERT_GE(self->fd, 0);
	self->map = variant->slice ? map_shared(self->fd, 0, self->size, RW) :
				     map_shared(self->dev->fd, bar->info.offset, self->size, RW);
	ASSERT_NE(NULL, self->map);
	ASSERT_EQ(0, set_slot(&self->vm, 1, DEVICE, self->map, self->size, 0));
}

FIXTURE_TEARDOWN(kvm)
{
	vm_close(&self->vm);
	close(self->fd);
	vfio_pci_device_cleanup(self->dev);
	iommu_cleanup(self->iommu);
}

static u32 sign(u64 at)
{
	return 0x12345678 ^ at;
}

/* Can the guest read and write, at the right place? */
static bool works(struct _test_data_kvm *self)
{
	u64 at[] = { 0, 4, PAGE + 8, self->size - PAGE, self->size / 2 };
	u32 value, i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		*(volatile u32 *)(self->bar + at[i]) = sign(at[i]);
		if (guest_read(&self->vm, DEVICE + at[i], &value) || value != sign(at[i]))
			return false;
		if (guest_write(&self->vm, DEVICE + at[i], ~sign(at[i])))
			return false;
		if (*(volatile u32 *)(self->bar + at[i]) != ~sign(at[i]))
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(kvm, reads_and_writes, 120)
{
	EXPECT_TRUE(works(self));
}

TEST_F_TIMEOUT(kvm, memory_off_and_on, 120)
{
	u32 value;

	EXPECT_TRUE(works(self));
	endpoint_memory(self->dev, false);
	EXPECT_EQ(-EFAULT, guest_read(&self->vm, DEVICE, &value));
	EXPECT_EQ(-EFAULT, guest_write(&self->vm, DEVICE + PAGE, 1));
	endpoint_memory(self->dev, true);
	EXPECT_TRUE(works(self));
}

TEST_F_TIMEOUT(kvm, after_a_revoke, 120)
{
	u32 value;

	EXPECT_TRUE(works(self));
	ASSERT_EQ(0, slice_revoke(self->dev, self->fd));
	if (variant->slice) {
		EXPECT_EQ(-EFAULT, guest_read(&self->vm, DEVICE, &value));
		EXPECT_EQ(-EFAULT, guest_write(&self->vm, DEVICE + PAGE, 1));
		/* Without the slot, the guest has its own memory there. */
		EXPECT_EQ(0, guest_write(&self->vm, COUNTER, 5));
	} else {
		EXPECT_TRUE(works(self));
	}
}

/* A guest that reads from the device in a loop, and counts the reads */
struct spinner {
	struct vm *vm;
	pthread_t thread;
	atomic_bool kicked;
	atomic_int result;		/* the last result of KVM_RUN */
	atomic_int kicks;
};

static u32 count(struct vm *vm)
{
	return *(volatile u32 *)(vm->ram + COUNTER);
}

static void on_kick(int sig)
{
}

static void *spin(void *arg)
{
	struct spinner *s = arg;

	set_regs(s->vm, TOUCH, DEVICE, 0);
	do {
		s->result = ioctl(s->vm->vcpu, KVM_RUN, 0) ? -errno : (int)s->vm->run->exit_reason;
		s->kicks++;
	} while (s->result == -EINTR && !s->kicked);
	return NULL;
}

static bool counts(struct vm *vm)
{
	u32 before = count(vm);
	int i;

	for (i = 0; i < 3000 && count(vm) - before < 100; i++)
		usleep(10000);
	return count(vm) - before >= 100;
}

static void spin_start(struct spinner *s, struct vm *vm)
{
	struct sigaction act = { .sa_handler = on_kick };

	*s = (struct spinner){ .vm = vm };
	sigaction(SIGUSR1, &act, NULL);
	VFIO_ASSERT_EQ(pthread_create(&s->thread, NULL, spin, s), 0);
	VFIO_ASSERT_TRUE(counts(vm));
}

static int spin_end(struct spinner *s)
{
	s->kicked = true;
	pthread_kill(s->thread, SIGUSR1);
	VFIO_ASSERT_EQ(pthread_join(s->thread, NULL), 0);
	return s->result;
}

/* While the vCPU runs: it loses access to the memory, with an error */
TEST_F_TIMEOUT(kvm, revoked_while_it_runs, 120)
{
	struct spinner s;
	u32 last;

	spin_start(&s, &self->vm);
	ASSERT_EQ(0, slice_revoke(self->dev, self->fd));
	if (!variant->slice) {
		EXPECT_TRUE(counts(&self->vm));
		EXPECT_EQ(-EINTR, spin_end(&s));
		return;
	}
	last = count(&self->vm);
	ASSERT_EQ(0, pthread_join(s.thread, NULL));
	EXPECT_EQ(-EFAULT, s.result);
	/* Only the access that it had begun */
	EXPECT_GE(1, count(&self->vm) - last);
}

TEST_F_TIMEOUT(kvm, memory_off_while_it_runs, 120)
{
	struct spinner s;

	spin_start(&s, &self->vm);
	endpoint_memory(self->dev, false);
	ASSERT_EQ(0, pthread_join(s.thread, NULL));
	EXPECT_EQ(-EFAULT, s.result);
	endpoint_memory(self->dev, true);
	spin_start(&s, &self->vm);
	EXPECT_EQ(-EINTR, spin_end(&s));
}

TEST_F_TIMEOUT(kvm, reset_while_it_runs, 120)
{
	struct spinner s;
	int i;

	if (variant->kind != &pci_nvme_flr)
		SKIP(return, "the device has no FLR");
	spin_start(&s, &self->vm);
	for (i = 0; i < 3; i++) {
		endpoint_flr(self->dev);
		EXPECT_TRUE(counts(&self->vm));
	}
	/* KVM_RUN has not come back */
	EXPECT_EQ(0, s.kicks);
	EXPECT_EQ(-EINTR, spin_end(&s));
	EXPECT_TRUE(works(self));
}

static void *kick_on(void *arg)
{
	struct spinner *s = arg;

	while (!s->kicked) {
		pthread_kill(s->thread, SIGUSR1);
		usleep(5000);
	}
	return NULL;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* A kick ends KVM_RUN, in the middle of a reset as well */
TEST_F_TIMEOUT(kvm, kicked_in_a_reset, 120)
{
	struct spinner s;
	pthread_t kicker;
	double begin, took;
	int kicks;

	if (variant->kind != &pci_nvme_flr)
		SKIP(return, "the device has no FLR");
	spin_start(&s, &self->vm);
	ASSERT_EQ(0, pthread_create(&kicker, NULL, kick_on, &s));
	begin = seconds();
	kicks = s.kicks;
	endpoint_flr(self->dev);
	kicks = s.kicks - kicks;
	took = seconds() - begin;
	EXPECT_TRUE(counts(&self->vm));
	EXPECT_EQ(-EINTR, spin_end(&s));
	pthread_join(kicker, NULL);
	/* FLR takes 100 ms, in most of which the guest is stopped */
	EXPECT_LT(0.09, took);
	EXPECT_LE(5, kicks);
}

TEST_F_TIMEOUT(kvm, dirty_log, 120)
{
	u64 bitmap[SIZE / PAGE / 64 + 1] = {}, want = 1UL << 3 | 1UL << 5;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };
	u32 value;

	ASSERT_EQ(0, set_slot(&self->vm, 1, DEVICE, self->map, self->size,
			      KVM_MEM_LOG_DIRTY_PAGES));
	EXPECT_EQ(0, guest_read(&self->vm, DEVICE + PAGE, &value));
	EXPECT_EQ(0, guest_write(&self->vm, DEVICE + 3 * PAGE, 1));
	EXPECT_EQ(0, guest_write(&self->vm, DEVICE + 5 * PAGE, 1));
	ASSERT_EQ(0, ioctl(self->vm.vm, KVM_GET_DIRTY_LOG, &log));
	/*
	 * KVM maps pages that are read for writing, if allowed, and marks them
	 * dirty
	 */
	EXPECT_EQ(want, bitmap[0] & ~(1UL << 1));
	EXPECT_EQ(0, bitmap[1]);
	ASSERT_EQ(0, ioctl(self->vm.vm, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(0, bitmap[0]);
	EXPECT_EQ(0, guest_write(&self->vm, DEVICE + 5 * PAGE, 2));
	ASSERT_EQ(0, ioctl(self->vm.vm, KVM_GET_DIRTY_LOG, &log));
	EXPECT_EQ(1UL << 5, bitmap[0]);
	EXPECT_TRUE(works(self));
}

/* The number of pages of 2 MiB in the page tables of all VMs */
static long huge_pages(void)
{
	char text[32] = "";
	int fd = open("/sys/kernel/debug/kvm/pages_2m", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	close(fd);
	return atol(text);
}

TEST_F_TIMEOUT(kvm, huge_pages, 120)
{
	u32 value;

	file_mount("debugfs", "/sys/kernel/debug");
	if (huge_pages() < 0)
		SKIP(return, "KVM does not say how many there are");
	ASSERT_EQ(0, huge_pages());
	EXPECT_EQ(0, guest_read(&self->vm, DEVICE + PAGE, &value));
	EXPECT_EQ(1, huge_pages());
	EXPECT_EQ(0, guest_read(&self->vm, DEVICE + PMD - PAGE, &value));
	EXPECT_EQ(1, huge_pages());
	EXPECT_EQ(0, guest_read(&self->vm, DEVICE + PMD, &value));
	EXPECT_EQ(2, huge_pages());
}

/* Registers: a written value is read back inverted */
TEST(registers)
{
	const char *bdf = pci_find(&pci_edu, 0);
	struct vfio_pci_device *dev;
	struct iommu *iommu;
	struct vm vm;
	void *map;
	u32 value;

	if (!bdf)
		SKIP(return, "no edu");
	if (!vm_open(&vm))
		SKIP(return, "no /dev/kvm in this kernel, or no SVM in this machine");
	iommu = iommu_init(MODE_IOMMUFD);
	dev = endpoint_open(bdf, iommu, NULL);
	map = map_shared(dev->fd, dev->bars[0].info.offset, PAGE, RW);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, set_slot(&vm, 1, DEVICE, map, PAGE, 0));
	EXPECT_EQ(0, guest_read(&vm, DEVICE, &value));
	EXPECT_EQ(0xed, value & 0xff);
	EXPECT_EQ(0, guest_write(&vm, DEVICE + 4, 0x12345678));
	EXPECT_EQ(0, guest_read(&vm, DEVICE + 4, &value));
	EXPECT_EQ(~0x12345678U, value);
	vm_close(&vm);
	vfio_pci_device_cleanup(dev);
	iommu_cleanup(iommu);
}

TEST_HARNESS_MAIN
