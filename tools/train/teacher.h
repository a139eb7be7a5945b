/*
 * teacher.h - a model that is asked what it makes of the images of a batch.
 */
#ifndef QUALICLIP_TRAIN_TEACHER_H
#define QUALICLIP_TRAIN_TEACHER_H

#include "batch.h"

struct teacher;

/* What is wanted of it. */
struct teacher_order {
    const char *name; /* a model file; "built-in": that model */
    uint32_t crop;
    uint32_t workers; /* 1 or more, each of which may ask at the same time */
    uint32_t feature; /* features, where they are of this size; 0: none */
    bool cells;       /* of its map, which teacher_tower_fits() has allowed: features, too, then */
    /* Of cells, and maybe of features: what they have in common over batches of these is left out.
     */
    const struct photo_set *photos; /* NULL: nothing is */
    const struct batch_recipe *recipe;
    bool of_features;
};

/* NULL: `message` (QC_MESSAGE_SIZE bytes) says why. */
struct teacher *teacher_open(const struct teacher_order *order, char *message);
void teacher_close(struct teacher *teacher); /* NULL is allowed */

bool teacher_has_features(const struct teacher *teacher);

/* Cells of an image that are told; 0: none. */
uint32_t teacher_cells(const struct teacher *teacher);

/* Fills batch->lesson.  An image that cannot be scored counts as one half. */
void teacher_judge(void *teacher, uint32_t worker, struct batch *batch);

/* The path that the library opens: NULL for "built-in". */
const char *teacher_path(const char *name);

#endif
