// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of dma-buf operations, seen from user space.
 *
 * Prints lines "NAME COUNT": nanoseconds per operation. In a guest that counts
 * instructions (tools/check/bench) a nanosecond is one instruction.
 *
 * Scatterlists are measured through DRM drivers of the guest: vgem and vkms
 * only attach an imported buffer; virtio-gpu in its 2D mode attaches and maps
 * it, finds that it cannot use it, and undoes both.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <linux/io.h>
#include <linux/sizes.h>

#include <libvfio.h>

#include "lib/drm.h"
#include "lib/endpoint.h"
#include "lib/exporters.h"
#include "lib/ioas.h"
#include "lib/machine.h"
#include "lib/pci.h"

#include "vgpu-deferred/bench_blobs.h"

#define BAR		2
#define PAGE		GUEST_PAGE
#define MAX_RANGES	4096
#define IOVA		0x10000000UL

struct bench {
	struct iommu *iommu;
	struct vfio_pci_device *dev;
	int drm;
	int fd;
	size_t size;
	unsigned int nr;
	/* The user address that is mapped into an IOAS */
	void *at;
	u32 ioas_id;
	/* mmap() of @size bytes there, and the number of pages to touch */
	off_t offset;
	unsigned int touch;
	bool random;
};

static struct vfio_region_dma_range ranges[MAX_RANGES];

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static double batch(int (*op)(struct bench *b), struct bench *b, int count)
{
	double start = now();
	int i;

	for (i = 0; i < count; i++)
		op(b);
	return (now() - start) / count;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Nanoseconds per operation, or -errno of one that this kernel cannot do. The
 * median of some batches, because some batches contain a grace period of RCU or
 * the like.
 */
static double cost(int (*op)(struct bench *b), struct bench *b, int count)
{
	double batches[9];
	size_t i;
	int rc;

	/* Caches of the kernel's allocators, code that patches itself, ... */
	for (i = 0; i < (size_t)count / 4 + 2; i++) {
		rc = op(b);
		if (rc)
			return rc;
	}

	for (i = 0; i < ARRAY_SIZE(batches); i++)
		batches[i] = batch(op, b, count);
	qsort(batches, ARRAY_SIZE(batches), sizeof(*batches), by_size);
	return batches[ARRAY_SIZE(batches) / 2];
}

static void print_cost(const char *name, double value)
{
	printf("%-36s %.0f\n", name, value);
	fflush(stdout);
}

/* Returns 0, or -errno of an operation that this kernel cannot do. */
static int measure(const char *name, int (*op)(struct bench *b),
		   struct bench *b, int count)
{
	double value = cost(op, b, count);

	if (value < 0)
		return value;
	print_cost(name, value);
	return 0;
}

static void must(int rc, const char *what)
{
	if (rc) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

/* Attach and detach: vgem and vkms do not map what they import. */
static int attach(struct bench *b)
{
	unsigned int handle;
	int rc = drm_import(b->drm, b->fd, &handle);

	if (!rc)
		drm_close_import(b->drm, handle);
	return rc;
}

/* Attach, map, unmap and detach: virtio-gpu fails with ENODEV after the map. */
static int attach_map(struct bench *b)
{
	unsigned int handle;
	int rc = drm_import(b->drm, b->fd, &handle);

	return rc == -ENODEV ? 0 : rc ?: -EEXIST;
}

static void bench_sgt(struct bench *b)
{
	static const int entries[] = { 1, 16, 1024 };
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		b->fd = export_udmabuf_scattered(entries[i]);
		must(b->fd < 0 ? b->fd : 0, "udmabuf");

		b->drm = drm_open("vgem");
		must(b->drm < 0 ? b->drm : 0, "vgem");
		snprintf(name, sizeof(name), "SGT attach+detach, %d", entries[i]);
		must(measure(name, attach, b, 400), name);
		close(b->drm);

		b->drm = drm_open("virtio_gpu");
		must(b->drm < 0 ? b->drm : 0, "virtio_gpu");
		snprintf(name, sizeof(name), "SGT attach+map, %d", entries[i]);
		must(measure(name, attach_map, b, entries[i] > 16 ? 20 : 200), name);
		close(b->drm);
		close(b->fd);
	}
}

/* The same with one page of another exporter; vgem does not attach its own. */
static void bench_exporter(struct bench *b, const char *what, int fd)
{
	char name[64];

	must(fd < 0 ? fd : 0, what);
	b->fd = fd;

	b->drm = drm_open("vkms");
	must(b->drm < 0 ? b->drm : 0, "vkms");
	snprintf(name, sizeof(name), "SGT attach+detach, %s", what);
	must(measure(name, attach, b, 400), name);
	close(b->drm);

	b->drm = drm_open("virtio_gpu");
	must(b->drm < 0 ? b->drm : 0, "virtio_gpu");
	snprintf(name, sizeof(name), "SGT attach+map, %s", what);
	must(measure(name, attach_map, b, 200), name);
	close(b->drm);
	close(b->fd);
}

static void bench_exporters(struct bench *b)
{
	int vgem = drm_open("vgem");

	must(vgem < 0 ? vgem : 0, "vgem");
	bench_exporter(b, "system heap", export_heap("system", PAGE));
	bench_exporter(b, "vgem", drm_export(vgem, PAGE));
	close(vgem);
}

static int export(struct bench *b)
{
	int fd = endpoint_export(b->dev, BAR, ranges, b->nr);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static int import(struct bench *b)
{
	int rc = ioas_map_file(b->iommu->iommufd, b->iommu->ioas_id, b->fd, 0,
			       b->size, IOVA, IOAS_RW);

	return rc ?: ioas_unmap(b->iommu->iommufd, b->iommu->ioas_id, IOVA,
				b->size, NULL);
}

static void bench_sizes(struct bench *b)
{
	static const struct { const char *name; size_t size; } sizes[] = {
		{ "MAP_FILE+unmap, 4 KiB", SZ_4K },
		{ "MAP_FILE+unmap, 64 KiB", SZ_64K },
		{ "MAP_FILE+unmap, 2 MiB", SZ_2M },
		{ "MAP_FILE+unmap, 64 MiB", SZ_64M },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		b->size = sizes[i].size;
		ranges[0] = (struct vfio_region_dma_range){ 0, b->size };
		b->fd = endpoint_export(b->dev, BAR, ranges, 1);
		must(b->fd < 0 ? b->fd : 0, "export");
		must(measure(sizes[i].name, import, b, 200), sizes[i].name);
		close(b->fd);
	}
}

static int import_address(struct bench *b)
{
	int rc = ioas_map(b->iommu->iommufd, b->ioas_id, b->at, b->size, IOVA, IOAS_RW);

	return rc ?: ioas_unmap(b->iommu->iommufd, b->ioas_id, IOVA, b->size, NULL);
}

/* By address: mapping memory must not cost more because it could be a BAR. */
static void bench_addresses(struct bench *b)
{
	static const struct { const char *name; size_t size; bool bar, alone; } what[] = {
		{ "MAP+unmap of memory, 4 KiB", SZ_4K },
		{ "MAP+unmap of memory, 2 MiB", SZ_2M },
		{ "MAP+unmap of memory, no device", SZ_4K, .alone = true },
		{ "MAP+unmap of a BAR, 4 KiB", SZ_4K, .bar = true },
		{ "MAP+unmap of a BAR, 64 MiB", SZ_64M, .bar = true },
	};
	void *memory = mmap(NULL, SZ_2M, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	size_t i;
	u32 id;

	must(memory == MAP_FAILED ? -errno : 0, "mmap");
	must(ioas_alloc(b->iommu->iommufd, &id), "an IOAS");
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		b->ioas_id = what[i].alone ? id : b->iommu->ioas_id;
		b->at = what[i].bar ? b->dev->bars[BAR].vaddr : memory;
		b->size = what[i].size;
		if (measure(what[i].name, import_address, b, 200))
			fprintf(stderr, "# %s: not on this kernel\n", what[i].name);
	}
	munmap(memory, SZ_2M);
}

/* Pages in descending order, so that none continues the previous one. */
static void bench_ranges(struct bench *b)
{
	static const unsigned int counts[] = { 1, 16, 256, 4096 };
	char name[64];
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		b->nr = counts[i];
		b->size = b->nr * PAGE;
		for (n = 0; n < b->nr; n++)
			ranges[n] = (struct vfio_region_dma_range){
				(b->nr - 1 - n) * PAGE, PAGE };

		snprintf(name, sizeof(name), "export+close, %u ranges", b->nr);
		must(measure(name, export, b, b->nr > 16 ? 20 : 200), name);

		b->fd = endpoint_export(b->dev, BAR, ranges, b->nr);
		must(b->fd < 0 ? b->fd : 0, "export");
		snprintf(name, sizeof(name), "import+unmap, %u ranges", b->nr);
		if (measure(name, import, b, b->nr > 16 ? 10 : 200))
			fprintf(stderr, "# %s: not on this kernel\n", name);
		close(b->fd);
	}
}

/* Address at which a huge page fits. Nothing else is mapped there. */
#define MAP_AT		((void *)0x400000000000UL)

/* In an unpredictable order */
static const unsigned char random_order[] = {
	11, 4, 14, 1, 8, 15, 6, 2, 12, 9, 0, 5, 13, 3, 10, 7
};

static int map(struct bench *b)
{
	char *at = mmap(MAP_AT, b->size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, b->fd, b->offset);
	unsigned int i;

	if (at == MAP_FAILED)
		return -errno;
	for (i = 0; i < b->touch; i++)
		readb(at + (b->random ? random_order[i] : i) * PAGE);
	return -munmap(at, b->size);
}

/* The difference that touching makes is printed for a fault. */
static int bench_faults(struct bench *b, const char *what)
{
	static const struct { const char *name; size_t size; int nr; } sizes[] = {
		{ "page fault", SZ_64K, 16 },
		{ "huge fault, 2 MiB", SZ_2M, 1 },
	};
	double without, with;
	char name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		b->size = sizes[i].size;
		b->touch = 0;
		without = cost(map, b, 200);
		if (without < 0)
			return without;
		b->touch = b->size / PAGE;
		with = cost(map, b, 200);
		if (!i) {
			snprintf(name, sizeof(name), "%s mmap+munmap, 64 KiB", what);
			print_cost(name, without);
			snprintf(name, sizeof(name), "%s mmap+16 pages+munmap", what);
			print_cost(name, with);
		}
		snprintf(name, sizeof(name), "%s %s", what, sizes[i].name);
		print_cost(name, (with - without) / sizes[i].nr);
	}
	return 0;
}

/* Mapping ahead must not cost programs that do not need it. */
static int bench_touched(struct bench *b, const char *what)
{
	static const struct { const char *name; unsigned int touch; bool random; } how[] = {
		{ "mmap+1 page+munmap", 1 },
		{ "mmap+16 pages in random order+munmap", 16, true },
	};
	char name[64];
	size_t i;
	int rc;

	b->size = SZ_64K;
	for (i = 0; i < ARRAY_SIZE(how); i++) {
		b->touch = how[i].touch;
		b->random = how[i].random;
		snprintf(name, sizeof(name), "%s %s", what, how[i].name);
		rc = measure(name, map, b, 200);
		b->random = false;
		if (rc)
			return rc;
	}
	return 0;
}

static void bench_slice(struct bench *b, const char *what)
{
	b->fd = endpoint_export(b->dev, BAR, ranges, b->nr);
	must(b->fd < 0 ? b->fd : 0, "export");
	if (bench_faults(b, what) || bench_touched(b, what))
		fprintf(stderr, "# %s: not on this kernel\n", what);
	close(b->fd);
}

static long slab_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Slab: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/* Kernel memory without page tables, the VMA included. */
static void bench_memory(struct bench *b, const char *name)
{
	static void *at[8192];
	unsigned int i;
	long before;

	before = slab_kb();
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		at[i] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, b->fd, b->offset);
		must(at[i] == MAP_FAILED ? -errno : 0, name);
	}
	print_cost(name, (slab_kb() - before) * 1024.0 / ARRAY_SIZE(at));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		munmap(at[i], PAGE);
}

static void bench_mmap(struct bench *b)
{
	unsigned int n;

	b->fd = b->dev->fd;
	b->offset = (off_t)BAR << 40;
	must(bench_faults(b, "BAR"), "mmap");
	must(bench_touched(b, "BAR"), "mmap");

	b->offset = 0;
	ranges[0] = (struct vfio_region_dma_range){ 0, SZ_16M };
	b->nr = 1;
	bench_slice(b, "slice");

	/* Only the first 512 pages are touched, with neighbours mapped. */
	b->nr = MAX_RANGES;
	ranges[0] = (struct vfio_region_dma_range){ SZ_2M, SZ_2M };
	for (n = 1; n < b->nr; n++)
		ranges[n] = (struct vfio_region_dma_range){
			SZ_4M + (b->nr - 1 - n) * PAGE, PAGE };
	bench_slice(b, "4096-range slice");

	/* Last, because its allocations and frees slow down the next mmap(). */
	b->fd = b->dev->fd;
	b->offset = (off_t)BAR << 40;
	bench_memory(b, "bytes of slab, a BAR mapping");
}

#define MANY		1000

static void export_many(struct bench *b, int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		fds[i] = endpoint_export(b->dev, BAR, ranges, b->nr);
		must(fds[i] < 0 ? fds[i] : 0, "export");
	}
}

static void close_many(const int *fds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		close(fds[i]);
}

static int memory_off_on(struct bench *b)
{
	endpoint_memory(b->dev, false);
	endpoint_memory(b->dev, true);
	return 0;
}

/* The cost of slices for their owner: those of @b->dev: 64 KiB, not mapped. */
static void bench_many(struct bench *b)
{
	static int fds[MANY];

	ranges[0] = (struct vfio_region_dma_range){ 0, SZ_64K };
	b->nr = 1;
	must(measure("MEM off+on", memory_off_on, b, 100), "MEM");
	export_many(b, fds, MANY);
	must(measure("MEM off+on, 1000 slices", memory_off_on, b, 10), "MEM");
	close_many(fds, MANY);
}

struct sleeper {
	const void *word;
	pthread_barrier_t *go;
	atomic_int *ready;
	long wakeups;
};

static long wakeups_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static void *sleep_through(void *arg)
{
	struct sleeper *s = arg;
	long before;

	(*s->ready)++;
	pthread_barrier_wait(s->go);
	before = wakeups_so_far();
	readb(s->word);
	s->wakeups = wakeups_so_far() - before;
	return NULL;
}

/* A reset by FLR takes 100 ms. The threads begin to read in its first half. */
static void *let_go(void *go)
{
	usleep(20000);
	pthread_barrier_wait(go);
	return NULL;
}

/*
 * Threads access a device during its reset, and as many slices of it exist: the
 * number of wake-ups of each thread.
 */
static void bench_sleepers(struct bench *b)
{
	static struct sleeper sleepers[MANY];
	static pthread_t threads[MANY + 1];
	static int fds[MANY];
	const char *bdf = pci_find(&pci_nvme_flr, 0);
	struct vfio_pci_device *dev = b->dev;
	pthread_barrier_t go;
	atomic_int ready = 0;
	double sum = 0;
	size_t i;

	must(bdf ? 0 : -ENODEV, "nvme");
	b->dev = endpoint_open(bdf, b->iommu, NULL);
	ranges[0] = (struct vfio_region_dma_range){ 0, PAGE };
	b->nr = 1;
	export_many(b, fds, MANY);
	must(-pthread_barrier_init(&go, NULL, MANY + 1), "barrier");
	for (i = 0; i < MANY; i++) {
		sleepers[i].word = b->dev->bars[BAR].vaddr;
		sleepers[i].go = &go;
		sleepers[i].ready = &ready;
		must(-pthread_create(&threads[i], NULL, sleep_through, &sleepers[i]), "thread");
	}
	while (ready < MANY)
		usleep(1000);
	must(-pthread_create(&threads[MANY], NULL, let_go, &go), "thread");
	vfio_pci_device_reset(b->dev);
	for (i = 0; i <= MANY; i++)
		must(-pthread_join(threads[i], NULL), "thread");
	for (i = 0; i < MANY; i++)
		sum += sleepers[i].wakeups;
	pthread_barrier_destroy(&go);
	print_cost("wake-ups in a reset, 1000 sleepers", sum);
	close_many(fds, MANY);
	vfio_pci_device_cleanup(b->dev);
	b->dev = dev;
}

#ifdef VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE
#define SOME_BUFFERS	256

static int revoke_fd(struct bench *b, int fd)
{
	u8 buffer[sizeof(struct vfio_device_feature) +
		  sizeof(struct vfio_device_feature_dma_buf_revoke)] = {};
	struct vfio_device_feature *feature = (void *)buffer;
	struct vfio_device_feature_dma_buf_revoke *revoke = (void *)feature->data;

	feature->argsz = sizeof(buffer);
	feature->flags = VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE;
	revoke->dmabuf_fd = fd;
	return ioctl(b->dev->fd, VFIO_DEVICE_FEATURE, feature) ? -errno : 0;
}

/* With b->touch of its pages mapped. */
static int revoke_slice(struct bench *b)
{
	int fd = endpoint_export(b->dev, BAR, ranges, b->nr);
	char *at;
	unsigned int i;
	int rc;

	if (fd < 0)
		return fd;
	at = mmap(MAP_AT, b->size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	for (i = 0; at != MAP_FAILED && i < b->touch; i++)
		readb(at + i * PAGE);
	rc = revoke_fd(b, fd);
	munmap(at, b->size);
	close(fd);
	return rc;
}

static void bench_revoke(struct bench *b)
{
	static int fds[MANY];

	ranges[0] = (struct vfio_region_dma_range){ 0, SZ_64K };
	b->nr = 1;
	b->size = SZ_64K;
	b->touch = 0;
	if (measure("export+mmap+revoke+close", revoke_slice, b, 200)) {
		fprintf(stderr, "# revoke: not on this kernel\n");
		return;
	}
	b->touch = 16;
	must(measure("the same, 16 pages touched", revoke_slice, b, 200), "revoke");
	export_many(b, fds, SOME_BUFFERS);
	b->touch = 0;
	must(measure("the same, beside 256 buffers", revoke_slice, b, 200), "revoke");
	export_many(b, fds + SOME_BUFFERS, MANY - SOME_BUFFERS);
	must(measure("the same, beside 1000 buffers", revoke_slice, b, 200), "revoke");
	close_many(fds, MANY);
}
#else
static void bench_revoke(struct bench *b)
{
	fprintf(stderr, "# revoke: not on this kernel\n");
}
#endif

int main(void)
{
	const struct rlimit files = { 4096, 4096 };
	struct bench b = {};

	/* Work that the boot has left to workqueues */
	sleep(10);
	setrlimit(RLIMIT_NOFILE, &files);

	/*
	 * tools/vgpu/devices-blobs: another machine, without the other devices
	 */
	if (machine_promises("scripted-gpus", "drm")) {
		bench_blobs();
		return 0;
	}

	b.iommu = iommu_init(MODE_IOMMUFD);
	b.dev = endpoint_open(pci_find(&pci_ivshmem, 0), b.iommu, NULL);

	bench_sgt(&b);
	bench_exporters(&b);
	ranges[0] = (struct vfio_region_dma_range){ 0, SZ_64K };
	b.nr = 1;
	must(measure("export+close, 64 KiB", export, &b, 400), "export");
	bench_sizes(&b);
	bench_addresses(&b);
	bench_ranges(&b);
	bench_mmap(&b);
	bench_many(&b);
	bench_sleepers(&b);
	bench_revoke(&b);

	vfio_pci_device_cleanup(b.dev);
	iommu_cleanup(b.iommu);
	return 0;
}
