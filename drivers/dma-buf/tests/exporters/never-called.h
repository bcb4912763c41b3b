/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test that includes a driver's file needs everything that the file refers to, and
 * runs little of it. The test gives a function another name by a macro, before the
 * first header, so that the real one may exist as well. Then it either defines the
 * function or declares it as NEVER_CALLED(). The functions that the file itself
 * exports get other names as well.
 */
#ifndef _DMA_BUF_NEVER_CALLED_H
#define _DMA_BUF_NEVER_CALLED_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/stringify.h>

static void __used never_called(void)
{
	WARN(1, "a function that the test does not provide was called\n");
}

/* By an alias, because the types of the two functions differ */
#define NEVER_CALLED(name) \
	asm(".set " __stringify(name) ", never_called")

#endif /* _DMA_BUF_NEVER_CALLED_H */
