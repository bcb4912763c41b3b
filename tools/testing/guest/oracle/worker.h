/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ORACLE_WORKER_H
#define ORACLE_WORKER_H

#include <stdbool.h>

#include "program.h"

/*
 * A process that runs programs, so that its end removes what a program leaves
 * behind, and so that a hang is detected. false: report->program failed at
 * report->at, with report->text.
 */
bool worker_run(const struct program *p);

/* Programs of seeds from @seed on, for some seconds */
bool worker_run_some(u64 seed, int seconds);

/* Leave out all steps without which @p still fails. */
void program_shrink(struct program *p, int seconds);

#endif
