// SPDX-License-Identifier: GPL-2.0
/*
 * The init of a virtual machine to which a VMM has assigned edu, which has a
 * DMA engine, and devices with memory behind a BAR: edu's DMA goes there and
 * comes back, before and after each operation that makes the VMM map the BAR
 * again. Results go to the second serial port; a reboot ends the VMM.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define DEVICES		"/sys/bus/pci/devices"
#define PAGE		4096UL
#define DMA_LEN		256

/* PCI's configuration space */
#define PCI_COMMAND		0x04
#define PCI_COMMAND_MEMORY	0x02
#define PCI_COMMAND_MASTER	0x04

/* edu */
#define EDU_BUFFER	0x40000
#define EDU_SOURCE	0x80
#define EDU_DEST	0x88
#define EDU_COUNT	0x90
#define EDU_COMMAND	0x98
#define EDU_START	1
#define EDU_TO_MEMORY	2
#define EDU_PATIENCE	100	/* times 100 ms; one transfer takes 100 ms */

struct device {
	char path[64];
	volatile uint32_t *bar;
	uint64_t phys;
	size_t size;
};

static FILE *results;
static unsigned int count;
static char why[160];

static bool because(const char *what)
{
	snprintf(why, sizeof(why), "%s: %s", what, strerror(errno));
	return false;
}

static void result(bool ok, const char *name, const char *when)
{
	fprintf(results, "%sok %u %s %s\n", ok ? "" : "not ", ++count, name, when);
	if (!ok)
		fprintf(results, "# %s %s: %s\n", name, when, why);
	fflush(results);
}

static int open_attribute(const struct device *dev, const char *name, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dev->path, name);
	return open(path, flags | O_CLOEXEC);
}

static bool write_attribute(const struct device *dev, const char *name, const char *text)
{
	int fd = open_attribute(dev, name, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (!ok)
		because(name);
	if (fd >= 0)
		close(fd);
	return ok;
}

static unsigned long read_number(const char *folder, const char *name)
{
	char path[PATH_MAX], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", folder, name);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(text, sizeof(text), file))
			text[0] = 0;
		fclose(file);
	}
	return strtoul(text, NULL, 0);
}

static bool set_command(const struct device *dev, uint16_t command)
{
	int fd = open_attribute(dev, "config", O_RDWR);
	bool ok = fd >= 0 && pwrite(fd, &command, 2, PCI_COMMAND) == 2;

	if (!ok)
		because("command register");
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool enable(const struct device *dev)
{
	return set_command(dev, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static bool find(struct device *dev, unsigned long vendor, unsigned long device)
{
	DIR *dir = opendir(DEVICES);
	struct dirent *entry;

	dev->path[0] = 0;
	while (dir && (entry = readdir(dir))) {
		if (read_number(entry->d_name, "vendor") == vendor &&
		    read_number(entry->d_name, "device") == device)
			snprintf(dev->path, sizeof(dev->path), DEVICES "/%.32s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	errno = ENODEV;
	return dev->path[0] || because("no such device");
}

/* The address of the BAR for other devices. */
static bool read_resource(struct device *dev, int bar)
{
	int fd = open_attribute(dev, "resource", O_RDONLY);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	unsigned long long start = 0, end = 0;
	char line[128];
	int i;

	if (!file)
		return because("resource");
	for (i = 0; i <= bar && fgets(line, sizeof(line), file); i++) {
		if (sscanf(line, "%llx %llx", &start, &end) != 2)
			break;
	}
	fclose(file);
	dev->phys = start;
	dev->size = end - start + 1;
	errno = ENXIO;
	return (i > bar && start) || because("the BAR has no address");
}

static bool map_bar(struct device *dev, int bar)
{
	char name[16];
	int fd;

	if (!read_resource(dev, bar))
		return false;
	snprintf(name, sizeof(name), "resource%d", bar);
	fd = open_attribute(dev, name, O_RDWR | O_SYNC);
	if (fd < 0)
		return because(name);
	dev->bar = mmap(NULL, dev->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return dev->bar != MAP_FAILED || because("mmap");
}

static bool take(struct device *dev, unsigned long vendor, unsigned long device, int bar)
{
	if (!find(dev, vendor, device))
		return false;
	/* The kernel's own driver, if it has one */
	write_attribute(dev, "driver/unbind", strrchr(dev->path, '/') + 1);
	return enable(dev) && map_bar(dev, bar);
}

static bool edu_dma(const struct device *edu, uint64_t from, uint64_t to, uint32_t command)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	int i;

	edu->bar[EDU_SOURCE / 4] = from;
	edu->bar[EDU_SOURCE / 4 + 1] = from >> 32;
	edu->bar[EDU_DEST / 4] = to;
	edu->bar[EDU_DEST / 4 + 1] = to >> 32;
	edu->bar[EDU_COUNT / 4] = DMA_LEN;
	edu->bar[EDU_COMMAND / 4] = command | EDU_START;
	for (i = 0; i < EDU_PATIENCE; i++) {
		if (!(edu->bar[EDU_COMMAND / 4] & EDU_START))
			return true;
		nanosleep(&tenth, NULL);
	}
	snprintf(why, sizeof(why), "edu does not end its transfer");
	return false;
}

/* A pattern that was never used before, unlike one left in edu. */
static uint32_t pattern(size_t i)
{
	return 0x01000193 * (count + 1) + i;
}

/* Two pages: their address for the CPU, and for a device */
struct pages {
	volatile uint32_t *mem[2];
	uint64_t phys[2];
};

/* From the first page to edu, and back to the second one. */
static bool lands(const struct device *edu, const struct pages *pages)
{
	volatile uint32_t *from = pages->mem[0], *to = pages->mem[1];
	size_t i, words = DMA_LEN / 4;

	for (i = 0; i < words; i++) {
		from[i] = pattern(i);
		to[i] = 0;
	}
	if (!edu_dma(edu, pages->phys[0], EDU_BUFFER, 0) ||
	    !edu_dma(edu, EDU_BUFFER, pages->phys[1], EDU_TO_MEMORY))
		return false;
	for (i = 0; i < words; i++) {
		if (to[i] != pattern(i)) {
			snprintf(why, sizeof(why), "word %zu is %x, not %x", i, to[i], pattern(i));
			return false;
		}
	}
	return true;
}

/* The first two pages of its BAR */
static bool bar_lands(const struct device *edu, const struct device *dev)
{
	const struct pages pages = {
		.mem = { dev->bar, dev->bar + PAGE / 4 },
		.phys = { dev->phys, dev->phys + PAGE },
	};

	return lands(edu, &pages);
}

/* Two pages of the machine's memory: if these fail, so does the rest. */
static bool memory_lands(const struct device *edu)
{
	char *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	int i, fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct pages pages;
	uint64_t frame[2];

	if (mem == MAP_FAILED || fd < 0 ||
	    pread(fd, frame, sizeof(frame), (uintptr_t)mem / PAGE * 8) != sizeof(frame))
		return because("memory");
	close(fd);
	for (i = 0; i < 2; i++) {
		pages.mem[i] = (void *)(mem + i * PAGE);
		pages.phys[i] = (frame[i] & ((1ULL << 55) - 1)) * PAGE;
	}
	return lands(edu, &pages);
}

static bool reset(const struct device *dev)
{
	return write_attribute(dev, "reset", "1") && enable(dev);
}

static bool off_and_on(const struct device *dev)
{
	return set_command(dev, PCI_COMMAND_MASTER) && enable(dev);
}

static void one_target(const struct device *edu, const struct device *dev, const char *name)
{
	bool ok = bar_lands(edu, dev);

	result(ok, name, "DMA into its BAR");
	ok = off_and_on(dev) && bar_lands(edu, dev);
	result(ok, name, "after memory off and on");
	ok = reset(dev) && bar_lands(edu, dev);
	result(ok, name, "after its reset");
	ok = off_and_on(dev) && reset(dev) && off_and_on(dev) &&
	     bar_lands(edu, dev);
	result(ok, name, "after all of that again");
	ok = reset(edu) && bar_lands(edu, dev);
	result(ok, name, "after a reset of edu");
}

static void open_results(void)
{
	struct termios raw;
	int fd;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && !tcgetattr(fd, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(fd, TCSANOW, &raw);
	}
	results = fd >= 0 ? fdopen(fd, "w") : NULL;
}

int main(void)
{
	struct device edu, ivshmem, bochs;

	open_results();
	if (!results)
		reboot(RB_AUTOBOOT);
	result(take(&edu, 0x1234, 0x11e8, 0), "edu", "is there");
	if (edu.path[0])
		result(memory_lands(&edu), "memory", "DMA");
	if (take(&ivshmem, 0x1af4, 0x1110, 2))
		one_target(&edu, &ivshmem, "ivshmem");
	else
		result(false, "ivshmem", "is there");
	if (take(&bochs, 0x1234, 0x1111, 0))
		one_target(&edu, &bochs, "bochs");
	else
		result(false, "bochs", "is there");
	fprintf(results, "# end\n");
	fflush(results);
	tcdrain(fileno(results));
	reboot(RB_AUTOBOOT);
	return 1;
}
