/*
 * score_films.h - `qualiclip score` over films: frames in, a line for each out, and then what is
 * said of them all.
 */
#ifndef QUALICLIP_SCORE_FILMS_H
#define QUALICLIP_SCORE_FILMS_H

#include <stdbool.h>

#include "image_run.h"

/* All inputs of the run, which are films; false if standard output takes no more. */
bool score_films(struct image_run *run);

#endif
