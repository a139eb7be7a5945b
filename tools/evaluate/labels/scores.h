/*
 * scores.h - a model's scores of images: what `qualiclip score --format csv` or json printed, or
 * any table that has names and numbers.
 */
#ifndef QUALICLIP_SCORES_H
#define QUALICLIP_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

struct scores {
    const char *title; /* what the model is called; the caller's */
    size_t count, room;
    const char **names;
    double *values;    /* NaN: this image could not be scored */
    struct table text; /* where the names are */
};

struct score_options {
    const char *name_column, *score_column; /* NULL: the usual names */
};

/* Reads a file; false with a message. */
bool scores_read(struct scores *scores, const char *path, const struct score_options *options,
                 char message[TABLE_MESSAGE_SIZE]);

void scores_add(struct scores *scores, const char *name, double value);
void scores_free(struct scores *scores);

#endif
