/*
 * teacher.h - a model that is asked what it makes of the images of a batch.
 */
#ifndef QUALICLIP_TRAIN_TEACHER_H
#define QUALICLIP_TRAIN_TEACHER_H

#include "batch.h"

struct teacher;

/*
 * `path`: a model file; "built-in": that model.  Each of `workers` (1 or more) may ask at the same
 * time.  Features are told where the teacher's are of the size `feature`; 0: never.  NULL:
 * `message` (QC_MESSAGE_SIZE bytes) says why.
 */
struct teacher *teacher_open(const char *path, uint32_t crop, uint32_t workers, uint32_t feature,
                             char *message);
void teacher_close(struct teacher *teacher); /* NULL is allowed */

bool teacher_has_features(const struct teacher *teacher);

/* Fills batch->lesson.  An image that cannot be scored counts as one half. */
void teacher_judge(void *teacher, uint32_t worker, struct batch *batch);

/* The path that the library opens: NULL for "built-in". */
const char *teacher_path(const char *name);

#endif
