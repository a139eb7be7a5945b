/*
 * labels.h - what people thought of images: the label files of the datasets that quality models
 * are judged by, as their authors publish them, and any table that has names and numbers.
 */
#ifndef QUALICLIP_LABELS_H
#define QUALICLIP_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

struct labels {
    struct table table;   /* with names for all columns that can be used to form groups */
    char path[1024];      /* the file that was read */
    const char *dataset;  /* its title, such as "KonIQ-10k"; NULL: of no known dataset */
    size_t name, opinion; /* columns */
    size_t split;         /* column, or TABLE_NO_COLUMN; "practice" and "original" are not used
                             unless asked for */
    bool lower_is_better;
};

enum label_direction { DIRECTION_OF_FILE, DIRECTION_HIGHER, DIRECTION_LOWER };

struct label_options {
    const char *dataset;     /* a key of labels_dataset(); NULL: recognised by its form */
    const char *name_column; /* NULL: as the dataset has it, else the usual names */
    const char *opinion_column;
    enum label_direction direction;
};

/* Reads a file, or a dataset's folder; false with a message. */
bool labels_read(struct labels *labels, const char *path, const struct label_options *options,
                 char message[TABLE_MESSAGE_SIZE]);
void labels_free(struct labels *labels);

/* The keys of the datasets that are known by name, from 0 on; NULL behind the last. */
const char *labels_dataset(size_t index);

#endif
