/*
 * export.h - what was learned as a model file: a checkpoint under the names of the official
 * QualiCLIP, handed to the converter.  There is no other way from training to a model.
 */
#ifndef QUALICLIP_TRAIN_EXPORT_H
#define QUALICLIP_TRAIN_EXPORT_H

#include <stdbool.h>

#include "student.h"

struct export_options {
    const char *model_path;
    const char *name, *license; /* NULL: the file's name; none */
    bool full;                  /* f32 instead of f16 */
    double logit_scale;
};

/* False: `message` (QC_MESSAGE_SIZE bytes) says why, and what was at the path is as it was. */
bool export_model(const struct student *student, const struct export_options *options,
                  char *message);

#endif
