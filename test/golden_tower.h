/*
 * golden_tower.h - towers that learn, filled and fed as test/reference/make_train_*_golden.py do
 * it, and the files that these write: of each list of numbers its norm and a product with
 * pseudo-random ones.
 */
#ifndef QUALICLIP_TEST_GOLDEN_TOWER_H
#define QUALICLIP_TEST_GOLDEN_TOWER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "train/tower.h"

/* Number `index` of a series: from -1 to 1, as the scripts have it. */
double pseudo_random(uint32_t seed, size_t index);

/* Gains and running variances about 1, all else about 0. */
void fill_tower(struct tower *tower);

/* The script's images; freed by the caller. */
float *golden_pixels(const struct tower *tower);

/* Back over the gradients of features that the script has. */
void golden_backward(struct tower *tower);

/* Opens a golden file behind its comment; the end of one that has been read. */
FILE *golden_open(const char *path);
void golden_close(FILE *file);

/* The next line: the title of a case, or `count` numbers within `tolerance` of their norm. */
void golden_title(FILE *file, const char *name);
void golden_numbers(FILE *file, const char *name, const float *values, size_t count,
                    double tolerance);

#endif
