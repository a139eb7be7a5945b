/*
 * degraded_copies.h - an image's degraded copies, as files or side by side in a figure.
 */
#ifndef QUALICLIP_DEGRADED_COPIES_H
#define QUALICLIP_DEGRADED_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "degrade/degrade.h"
#include "output.h"

enum figure {
    FIGURE_NONE,  /* a file for each copy                              */
    FIGURE_WHOLE, /* one of all, scaled down to a cell                 */
    FIGURE_CENTRE /* one of the middle of each, as large as a cell is  */
};

struct copies_request {
    const char *directory;
    bool types[degradation_count], levels[degradation_levels];
    uint64_t seed;
    uint32_t threads;
    enum figure figure;
    enum output_format format;
    size_t done; /* copies, of this image and those before, for the progress line */
};

/* Copies of an image. */
size_t copies_count(const struct copies_request *request);

/* The header of CSV. */
bool copies_begin(const struct copies_request *request);

/*
 * Reads the image, makes its copies and tells of each file.  `stem` is what their names begin with.
 * What fails is complained about and clears *good; false: nothing can be written to standard output
 * any more.
 */
bool copies_make(struct copies_request *request, const char *path, const char *stem, bool *good);

/* The row of an image that could not even be read. */
bool copies_failed(const struct copies_request *request, const char *path, const char *message);

#endif
