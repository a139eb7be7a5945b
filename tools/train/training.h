/*
 * training.h - a run of training from its photos to its model file, as the command line asks for
 * it.
 */
#ifndef QUALICLIP_TRAIN_TRAINING_H
#define QUALICLIP_TRAIN_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "begin.h"
#include "export.h"
#include "inputs.h"
#include "recipe.h"

struct training_request {
    struct input_list photos, held_out;
    const char *init;                 /* nano, vit-tiny or a file; NULL: `resume` tells */
    struct begin_wishes wishes;       /* of `init` */
    const char *teacher;              /* a model file, or "built-in"; NULL: none */
    const char *resume;               /* a state to go on from; NULL: a new run */
    const char *state_path;           /* where the run is saved */
    const char *log_path;             /* CSV; NULL: none */
    struct export_options model;      /* but for the scale, which is the recipe's */
    struct recipe recipe;             /* logit_scale 0: what the run begins with has */
    uint64_t save_every, judge_every; /* steps; 0: at the end alone */
    uint64_t until;                   /* stop after this step, if it is before the recipe's last */
    double seconds;                   /* stop then; 0: after the steps */
    uint32_t threads, workers;
    uint32_t held_out_side;
    size_t cache_memory;
};

/* What the program ends with: enum command_status. */
int training_run(struct training_request *request);

#endif
