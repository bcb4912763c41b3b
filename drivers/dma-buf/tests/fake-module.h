/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module that a mapping type can live in, so that a suite that is built in
 * can count references as well.
 */
#ifndef _DMA_BUF_FAKE_MODULE_H
#define _DMA_BUF_FAKE_MODULE_H

#include <linux/types.h>

struct module;

#ifdef CONFIG_MODULE_UNLOAD

int fake_module_refs(void);
void fake_module_unload(bool going);

extern struct module fake_module;
#define FAKE_MODULE (&fake_module)

#else /* !CONFIG_MODULE_UNLOAD */

/* Without CONFIG_MODULE_UNLOAD nothing counts references */
static inline int fake_module_refs(void)
{
	return 0;
}

static inline void fake_module_unload(bool going)
{
}

#define FAKE_MODULE NULL

#endif /* !CONFIG_MODULE_UNLOAD */
#endif /* _DMA_BUF_FAKE_MODULE_H */
