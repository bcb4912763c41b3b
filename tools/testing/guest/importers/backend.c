// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <libvfio.h>

#include "backend.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define PATIENCE_MS	20000
#define ANSWER_MAX	16384

/* The next line, without its newline.  False if none comes in time. */
static bool read_line(int tty, char *line, size_t size, int timeout)
{
	struct pollfd p = { .fd = tty, .events = POLLIN };
	size_t len = 0;
	char c;

	while (poll(&p, 1, timeout) > 0 && read(tty, &c, 1) == 1) {
		if (c == '\n') {
			line[len] = 0;
			return true;
		}
		if (len + 1 < size)
			line[len++] = c;
	}
	return false;
}

static bool ask(struct backend *b, char *answer, size_t size, int timeout, const char *request)
{
	char line[512];
	size_t used = 0;

	if (dprintf(b->tty, "%s\n", request) < 0)
		return false;
	answer[0] = 0;
	while (read_line(b->tty, line, sizeof(line), timeout)) {
		if (used < size)
			used += snprintf(answer + used, size - used, "%s\n", line);
		if (!strncmp(line, "ok", 2))
			return true;
		if (!strncmp(line, "error", 5))
			return false;
	}
	snprintf(answer, size, "no answer");
	return false;
}

bool backend_ask(struct backend *b, char *answer, size_t size, const char *request, ...)
{
	char text[256];
	va_list args;

	va_start(args, request);
	vsnprintf(text, sizeof(text), request, args);
	va_end(args);
	return ask(b, answer, size, PATIENCE_MS, text);
}

/* A serial port on the PCI bus: on the machine's own are console and results. */
static int open_port(size_t nth)
{
	char path[PATH_MAX];
	glob_t found;
	int tty = -1;
	size_t i;

	if (glob(PCI_DEVICES "/*/*:0/*:0.0/tty/ttyS*", 0, NULL, &found))
		return -1;
	for (i = nth; i < found.gl_pathc && tty < 0; i++) {
		snprintf(path, sizeof(path), "/dev/%s", basename(found.gl_pathv[i]));
		tty = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	}
	globfree(&found);
	return tty;
}

bool backend_open(struct backend *b)
{
	return backend_open_nth(b, 0);
}

bool backend_open_nth(struct backend *b, size_t nth)
{
	struct termios tio;
	char answer[256];
	int iommu = 0;

	b->tty = open_port(nth);
	if (b->tty < 0)
		return false;
	if (!tcgetattr(b->tty, &tio)) {
		cfmakeraw(&tio);
		cfsetspeed(&tio, B115200);
		tio.c_cflag |= CLOCAL;
		tcsetattr(b->tty, TCSAFLUSH, &tio);

		if (ask(b, answer, sizeof(answer), PATIENCE_MS, "hello") &&
		    sscanf(answer, "ok virtio-gpu features=%*x iommu=%d", &iommu) == 1) {
			b->iommu = iommu;
			return true;
		}
	}
	close(b->tty);
	return false;
}

void backend_close(struct backend *b)
{
	close(b->tty);
}

int backend_count(struct backend *b, const char *command)
{
	char answer[256];
	int count;
	bool ok;

	ok = backend_ask(b, answer, sizeof(answer), "count %s", command) &&
	     sscanf(answer, "ok %d", &count) == 1;
	VFIO_ASSERT_TRUE(ok, "count: %s", answer);
	return count;
}

bool backend_wait(struct backend *b, const char *command, int before)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (backend_count(b, command) > before)
			return true;
		usleep(10000);
	}
	return false;
}

void backend_mode(struct backend *b, const char *command, const char *answer)
{
	char text[256];
	bool ok;

	ok = backend_ask(b, text, sizeof(text), "mode %s %s", command, answer);
	VFIO_ASSERT_TRUE(ok, "mode: %s", text);
}

int backend_backing(struct backend *b, u32 resource, struct backend_entry *entries)
{
	unsigned long long address, length;
	static char answer[ANSWER_MAX];
	char *at = answer;
	int count = 0;

	if (!backend_ask(b, answer, sizeof(answer), "backing %u", resource))
		return -1;
	while (sscanf(at, "%llx %llx", &address, &length) == 2) {
		VFIO_ASSERT_LT(count, BACKEND_ENTRIES_MAX);
		entries[count].address = address;
		entries[count++].length = length;
		at = strchr(at, '\n') + 1;
	}
	return count;
}

bool backend_crc(struct backend *b, u32 resource, u32 *crc)
{
	char answer[256];

	return backend_ask(b, answer, sizeof(answer), "crc %u", resource) &&
	       sscanf(answer, "ok %x", crc) == 1;
}

bool backend_scramble(struct backend *b, u32 resource)
{
	char answer[256];

	return backend_ask(b, answer, sizeof(answer), "scramble %u", resource);
}

u8 backend_scrambled(u8 byte, size_t i)
{
	return byte ^ (u8)(i * 157 + i / 4096 * 59 + 90);
}

static bool reaches(struct backend *b, const char *how, u64 address)
{
	char answer[256];
	bool ok;

	ok = backend_ask(b, answer, sizeof(answer), "%s 0x%llx", how,
			 (unsigned long long)address);
	VFIO_ASSERT_TRUE(ok || !strncmp(answer, "error fault", 11), "%s: %s", how, answer);
	return ok;
}

bool backend_reads(struct backend *b, u64 address)
{
	return reaches(b, "read", address);
}

bool backend_writes(struct backend *b, u64 address)
{
	return reaches(b, "write", address);
}

u32 crc32(const void *data, size_t len)
{
	const u8 *p = data;
	u32 crc = ~0;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}
