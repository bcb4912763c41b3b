/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_BACKEND_H
#define GUEST_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler.h>
#include <linux/types.h>

/*
 * The scripted virtio-gpu (tools/vgpu/backend) from the outside of its driver:
 * requests and answers are lines on a serial port of its own.
 */
struct backend {
	int tty;
	bool iommu;		/* the IOMMU translates its DMA */
};

#define BACKEND_ENTRIES_MAX	256

struct backend_entry {
	u64 address;
	u64 length;
};

/* False if there is no answer. */
bool backend_open(struct backend *b);

/*
 * The same for the nth of several scripted ones, in the order of their ports.
 */
bool backend_open_nth(struct backend *b, size_t nth);
void backend_close(struct backend *b);

/*
 * Send a request; @answer takes all lines of the answer.
 * True if the last of them says "ok".
 */
__printf(4, 5)
bool backend_ask(struct backend *b, char *answer, size_t size, const char *request, ...);

/* Number of times that the driver has sent this command. */
int backend_count(struct backend *b, const char *command);

/* Wait until the driver has sent this command more than @before times. */
bool backend_wait(struct backend *b, const char *command, int before);

/* Choose the device's answer to a command: "ok", "err", "late 1", "never". */
void backend_mode(struct backend *b, const char *command, const char *answer);

/* The backing of a resource. Returns its number of entries, -1 if unknown. */
int backend_backing(struct backend *b, u32 resource, struct backend_entry *entries);

/*
 * The CRC-32 of the data that the device reads there. False if its DMA failed.
 */
bool backend_crc(struct backend *b, u32 resource, u32 *crc);

/* Let the device change every byte of it. False if its DMA failed. */
bool backend_scramble(struct backend *b, u32 resource);

/* The value of byte @i of a buffer after the device has scrambled it. */
u8 backend_scrambled(u8 byte, size_t i);

/* Can the device reach a page, so that its DMA succeeds? */
bool backend_reads(struct backend *b, u64 address);
bool backend_writes(struct backend *b, u64 address);

u32 crc32(const void *data, size_t len);

#endif
