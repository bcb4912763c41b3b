/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_STEPS_H
#define ORACLE_STEPS_H

#include "program.h"
#include "world.h"

/*
 * Each of these runs one step, compares the kernel's results with those of the
 * model, and updates the model. false: there was nothing to do.
 */
#define STEP_FUNCTION(name) bool step_##name(struct world *w, const struct step *s);
OPERATIONS(STEP_FUNCTION)
#undef STEP_FUNCTION

/* The BAR's content, read in an independent way: 0 or -errno */
int dev_peek(struct dev *dev, int page, u64 *value);
int dev_poke(struct dev *dev, int page, u64 value);

/* Does each page of each device have the last value written? */
void sweep(struct world *w);

/* As a program expects it: open, with its memory on */
void dev_whole(struct world *w, int dev);
int new_buf(struct world *w);

/* The program's fence is signaled. */
void fence_forget(struct world *w);

/* An engine in one of the IOASes, and all that the model has there */
void world_open(struct world *w);
void world_close(struct world *w);

/* Run a program in an empty world; anything left behind is a failure. */
void program_run(struct world *w, const struct program *p);

#endif
