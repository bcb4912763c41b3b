// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>

#include "mem.h"

void mem_random(void *buf, size_t len, u32 seed)
{
	u8 *p = buf;
	u32 x = seed * 2654435761u + 1;

	while (len--) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*p++ = x >> 24;
	}
}

void bar_write(void *bar, const void *buf, size_t len)
{
	const u64 *from = buf;

	for (; len; len -= sizeof(u64), bar += sizeof(u64))
		writeq(*from++, bar);
}

void bar_read(void *buf, const void *bar, size_t len)
{
	u64 *to = buf;

	for (; len; len -= sizeof(u64), bar += sizeof(u64))
		*to++ = readq(bar);
}

long mem_differ(const void *a, const void *b, size_t len)
{
	const u8 *x = a, *y = b;
	size_t i;

	for (i = 0; i < len; i++)
		if (x[i] != y[i])
			return i;
	return -1;
}
