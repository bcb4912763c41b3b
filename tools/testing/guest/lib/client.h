/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_CLIENT_H
#define GUEST_CLIENT_H

#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

/*
 * Another process, with an iommufd and DMA engines of its own, to which slices
 * are sent. Start it before this process opens an engine.
 */
struct client {
	pid_t pid;
	int sock;
};

void client_start(struct client *c);
int client_stop(struct client *c);	/* its exit status */

/* Send it a dma-buf, in place of the former one. */
void client_send(struct client *c, int dmabuf);

/* mmap() and munmap() of the slice: 0 or -errno. */
int client_map(struct client *c, size_t length);
int client_unmap(struct client *c);

/* Access a word of the mapping: 0, or the signal that it caused. */
int client_read(struct client *c, size_t at, u64 *value);
int client_write(struct client *c, size_t at, u64 value);

/* Import and unmap at CLIENT_IOVA of its IOAS: 0 or -errno. */
#define CLIENT_IOVA	0x1000000UL
int client_import(struct client *c, size_t length);
int client_forget(struct client *c);

/*
 * Let an engine store CLIENT_DMA bytes, each @byte. The "begin" variant does
 * not wait for it. -ENODEV without an engine.
 */
#define CLIENT_DMA	512
int client_dma(struct client *c, size_t at, u8 byte);
int client_dma_begin(struct client *c, size_t at, u8 byte);
int client_dma_end(struct client *c);

#endif
