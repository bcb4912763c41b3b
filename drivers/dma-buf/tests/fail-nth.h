/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Let the nth allocation of a task fail.
 */
#ifndef _DMA_BUF_FAIL_NTH_H
#define _DMA_BUF_FAIL_NTH_H

#include <kunit/test.h>

#include <linux/kconfig.h>
#include <linux/types.h>

/*
 * kmemleak and debug objects allocate as well, in some attempts and not in others. With
 * them a sweep can hit an allocation of ours twice, or miss it: the test repeats the
 * sweep, this often at most.
 */
#define FAIL_NTH_CHECKERS	(IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) || \
				 IS_ENABLED(CONFIG_DEBUG_OBJECTS))
#define FAIL_NTH_SWEEPS		(FAIL_NTH_CHECKERS ? 4 : 1)

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS

void fail_nth_init(struct kunit *test);
void fail_nth_begin(unsigned int nth);
bool fail_nth_end(void);

#else

static inline void fail_nth_init(struct kunit *test)
{
	kunit_skip(test, "needs FAULT_INJECTION_DEBUG_FS");
}

static inline void fail_nth_begin(unsigned int nth)
{
}

static inline bool fail_nth_end(void)
{
	return false;
}

#endif
#endif /* _DMA_BUF_FAIL_NTH_H */
