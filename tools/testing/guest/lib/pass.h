/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_PASS_H
#define GUEST_PASS_H

#include <stddef.h>

/* Send a message of SIZE bytes over a SOCK_SEQPACKET, and a descriptor unless FD is -1. */
void pass_send(int sock, const void *message, size_t size, int fd);

/*
 * Receive one.  Returns the descriptor that came with it, close-on-exec, or -1.  The
 * process exits if the other end is gone.
 */
int pass_receive(int sock, void *message, size_t size);

#endif
