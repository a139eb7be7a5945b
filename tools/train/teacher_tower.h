/*
 * teacher_tower.h - a ResNet that teaches a ViT by the tower that training has: one pass tells an
 * image's score, its feature, and a feature for each cell of the last map, which the student's
 * patches shall have there.
 */
#ifndef QUALICLIP_TRAIN_TEACHER_TOWER_H
#define QUALICLIP_TRAIN_TEACHER_TOWER_H

#include "batch.h"
#include "tower.h"

enum { TEACHER_CELL = 32 /* pixels a side, of every ModifiedResNet */ };

struct teacher_tower;

/*
 * Whether the student's patches fill the cells of the teacher (as teacher_open() names it) on crops
 * of this size; else `message` (QC_MESSAGE_SIZE bytes) says what does not fit.
 */
bool teacher_tower_fits(const char *name, const struct tower_shape *student, uint32_t crop,
                        char *message);

/* A teacher that fits.  Each of `workers` has a tower of its own.  NULL: `message` says why. */
struct teacher_tower *teacher_tower_open(const char *name, uint32_t crop, uint32_t workers,
                                         char *message);
void teacher_tower_close(struct teacher_tower *teacher); /* NULL is allowed */

/*
 * From then on the mean over some batches is taken off the cells and, if `of_features`, off the
 * features; what is left, divided by its root mean square, is no longer of unit length.  Most of
 * what they show is common to all photos, and who imitates that has half of the cosine without
 * looking; of this, a constant has none.
 */
void teacher_tower_centre(struct teacher_tower *teacher, const struct photo_set *photos,
                          const struct batch_recipe *recipe, bool of_features);

/* Of an image. */
uint32_t teacher_tower_cells(const struct teacher_tower *teacher);

/* Fills batch->lesson, which has room for all of it. */
void teacher_tower_judge(const struct teacher_tower *teacher, uint32_t worker, struct batch *batch);

#endif
