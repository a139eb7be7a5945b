/*
 * junction.h - where the two paths of a residual block part and come together, forth and back, on
 * some images at a time.
 */
#ifndef QUALICLIP_TRAIN_JUNCTION_H
#define QUALICLIP_TRAIN_JUNCTION_H

#include <stdbool.h>

#include "planes.h"

/* What comes together at a block's end. */
struct junction {
    const float *main, *shortcut;
    const struct channel_factors *main_factors;
    const struct channel_factors *shortcut_factors; /* NULL: the shortcut is as it came in */
};

/* out = relu(main normalised + shortcut) */
void join(const struct planes *planes, const struct junction *junction, float *out);

/* A gradient that comes from two sides; `second` may be NULL, or that of an average over 2x2. */
struct changes {
    const float *first, *second;
    bool second_pooled;
};

/* g = the sum of changes, where the block's output `joined` is positive (NULL: everywhere). */
void join_back(const struct planes *planes, const struct changes *changes, const float *joined,
               float *g);

/* Adds the sums of g, which is the gradient of z normalised. */
void junction_sums(const struct planes *planes, const struct channel_factors *factors,
                   const float *z, const float *g, struct channel_sums *sums);

/* The gradient of z, once the factors of the way back are known. */
void normalise_back(const struct planes *planes, const struct channel_factors *factors,
                    const float *z, const float *g, float *out);

/* The same numbers in other blocks of channels; padded channels that `from` lacks become 0. */
void reblock(const struct planes *from, const float *in, const struct planes *to, float *out);

/* Averages over 2x2 pixels; an odd row or column at the end is left out. */
void average(const struct planes *planes, const float *in, float *out);

#endif
