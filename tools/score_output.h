/*
 * score_output.h - a line of `qualiclip score` for each image.
 */
#ifndef QUALICLIP_SCORE_OUTPUT_H
#define QUALICLIP_SCORE_OUTPUT_H

#include <stdbool.h>

#include "film_pool.h"
#include "image_run.h"

#define NOT_A_FRAME UINT64_MAX

/* What became of an image; status and message for every kind of failure. */
struct record {
    const char *path;
    uint64_t frame; /* of a film, counted from 0; NOT_A_FRAME: a photo */
    qc_result result;
};

/* False if standard output takes no more. */
bool score_print_header(const struct image_run *run);
bool score_print(const struct image_run *run, const struct record *record);

/* What is said of a film as a whole; `example` is the result of one of its frames. */
bool score_print_pool(const struct image_run *run, const char *path, const struct film_pool *pool,
                      const qc_result *example);

#endif
