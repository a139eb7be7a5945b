/*
 * state.h - a run of training as a file: everything that the next step depends on, to the bit.
 */
#ifndef QUALICLIP_TRAIN_STATE_H
#define QUALICLIP_TRAIN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "adamw.h"
#include "recipe.h"
#include "student.h"

/* A tensor that states have, and no other checkpoint. */
#define STATE_NUMBERS "training.numbers"

/* What must be known before the rest can be read. */
struct state_head {
    struct tower_shape shape;
    bool from_scratch; /* the run began with random numbers */
    uint32_t texts;
    bool prompts_learn;
    uint64_t step;   /* steps done */
    uint64_t photos; /* a number that tells photos that are used from others */
    struct recipe recipe;
};

/* All: false and why not in `message` (QC_MESSAGE_SIZE bytes).  Files are replaced as a whole. */
bool state_save(const char *path, const struct state_head *head, const struct student *student,
                const struct adamw *optimiser, char *message);
bool state_read_head(const char *path, struct state_head *head, char *message);
bool state_load(const char *path, struct student *student, struct adamw *optimiser, char *message);

/* Only the weights and prompts, and of the two the averages: for a run with another recipe. */
bool state_load_weights(const char *path, struct student *student, char *message);

#endif
