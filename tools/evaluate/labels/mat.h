/*
 * mat.h - MATLAB's files of level 5, as `save` has written them since 1996: numbers and texts.
 *
 * What is read: arrays of real numbers of any class, character arrays, and cell arrays of those;
 * plain or compressed (zlib), of either byte order.  Structures, sparse and complex arrays,
 * objects (such as tables) and functions are passed over.  Files of level 7.3 are HDF5, which is refused with a
 * sentence.
 */
#ifndef QUALICLIP_MAT_H
#define QUALICLIP_MAT_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* An array's elements in MATLAB's order, columns first. */
struct mat_array {
    char name[64];
    size_t count;
    double *numbers;    /* of an array of numbers, else NULL */
    const char **texts; /* of a cell array (what is no text in it is ""), or rows of characters */
};

struct mat_file {
    size_t count, room;
    struct mat_array *arrays;
    struct table text; /* where the texts are; nothing else of it is used */
};

/* `origin` is what messages begin with. */
bool mat_read(struct mat_file *file, const unsigned char *bytes, size_t size, const char *origin,
              char message[TABLE_MESSAGE_SIZE]);
void mat_free(struct mat_file *file);

/* Whether the bytes begin like such a file, or one of level 7.3. */
bool mat_recognised(const unsigned char *bytes, size_t size);

/* NULL if there is none of that name. */
const struct mat_array *mat_find(const struct mat_file *file, const char *name);

#endif
