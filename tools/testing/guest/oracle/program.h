/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_PROGRAM_H
#define ORACLE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

/*
 * A program is a list of steps, made from a seed alone: a step looks at the
 * state when it runs. So steps can be left out without changing the others.
 */
#define PROGRAM_MAX	240

#define OPERATIONS(x)							\
	x(OPEN) x(CLOSE)						\
	x(EXPORT) x(EXPORT_BAD) x(CLOSE_SLICE) x(REVOKE) x(POLL)	\
	x(FENCE) x(PATH) x(MEMATTR)					\
	x(MMAP_SLICE) x(MMAP_DEVICE) x(MUNMAP) x(MPROTECT) x(MREMAP)	\
	x(MADVISE) x(READ) x(WRITE) x(KERNEL_READ) x(GUP)			\
	x(IMPORT) x(IMPORT_ADDRESS) x(UNMAP) x(COPY) x(ATTACH)		\
	x(TABLE) x(DMA_READ) x(DMA_WRITE) x(EVENT) x(DRM) x(MEMORY_BUF)	\
	x(PREAD) x(PWRITE)						\
	x(MEMORY) x(POWER) x(LOW_POWER) x(RESET) x(SYSFS_RESET)		\
	x(FLR) x(HOT_RESET) x(REBIND)					\
	x(FORK) x(END) x(SWEEP) x(STORM)

enum operation {
#define OPERATION_ENUM(name) OP_##name,
	OPERATIONS(OPERATION_ENUM)
#undef OPERATION_ENUM
	NR_OPERATIONS
};

/* The meaning of the numbers depends on the operation: see program_print(). */
struct step {
	enum operation op;
	u8 number;			/* in the complete program */
	u8 dev, slice, map, proc, ioas, slot;
	u8 flags;
	u8 to_ioas, to_slot;
	u16 at, nr;		/* pages */
	u32 random;
};

struct program {
	u64 seed;
	int nr;
	struct step steps[PROGRAM_MAX];
};

void program_make(struct program *p, u64 seed);

/*
 * As calls, one line per step, and the command that replays it; each line
 * begins with "# "
 */
void program_print(const struct program *p, int failed);

/*
 * Only the steps of a list such as "0,3,7-9"; false if the list is malformed.
 */
bool program_keep(struct program *p, const char *list);

/* Only some steps, and without the @nr steps from @at on */
void program_only(struct program *p, const bool *steps);
void program_cut(struct program *to, const struct program *from, int at, int nr);

/* Numbers that depend on @state alone */
u64 random_next(u64 *state);
u32 random_below(u64 *state, u32 limit);

/* The ranges of a slice, in pages: what step.random stands for. */
#define RANGES_MAX	64
struct range {
	u16 first, nr;
};

int program_ranges(u32 random, struct range *ranges);

const char *operation_name(enum operation op);

#endif
