/*
 * run_log.h - what a run tells while it goes on: a line on the terminal, a line for each judgement,
 * a CSV file with a line for each step.
 */
#ifndef QUALICLIP_TRAIN_RUN_LOG_H
#define QUALICLIP_TRAIN_RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "held_out.h"
#include "trainer.h"

struct run_log {
    FILE *file; /* NULL: none */
    const char *path;
    uint64_t steps; /* in all */
    double start, smooth_loss;
    double within, across; /* as judged last; NaN: not yet */
};

/* `first`: steps done before; then the file is added to.  False, once complained, if impossible. */
bool run_log_open(struct run_log *log, const char *path, uint64_t steps, uint64_t first);

/* False, once complained: the file could not be written. */
bool run_log_close(struct run_log *log);

/* After step `step` (1: the first).  waited: seconds in all that were waited for batches. */
void run_log_step(struct run_log *log, uint64_t step, const struct step_report *report,
                  double waited);
void run_log_judgement(struct run_log *log, uint64_t step, const struct held_out_result *result);

#endif
