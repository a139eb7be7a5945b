/*
 * normalise.h - BatchNorm, ReLU and average pooling behind a convolution, and the way back, on some
 * images of a tensor at a time: few enough for the caches, between one convolution and the next.
 *
 * What follows from a convolution's output by these is not kept: it is computed again where it is
 * needed, which takes less time than to write and to read it.
 */
#ifndef QUALICLIP_TRAIN_NORMALISE_H
#define QUALICLIP_TRAIN_NORMALISE_H

#include <stdbool.h>

#include "planes.h"

/* A mean and a sum of squared deviations from it, of each channel, over `count` numbers so far. */
struct channel_moments {
    double count;
    double *mean, *deviation;
};
void moments_add(struct channel_moments *moments, const struct planes *planes, const float *z);

/* The same for all of some moments, in their order; the sum is in the first. */
void moments_merge(struct channel_moments *moments, size_t count, size_t channels);

/* out = relu(scale * z + shift), averaged over 2x2 pixels if `pools`; `planes` are those of z. */
void activate(const struct planes *planes, const struct channel_factors *factors, const float *z,
              bool pools, float *out);

/* Adds the sums of g, which follows from `change`, the gradient of what activate() wrote. */
void activation_sums(const struct planes *planes, const struct channel_factors *factors,
                     const float *z, const float *change, bool pools, struct channel_sums *sums);

/* The gradient of z, once the factors of the way back are known. */
void activation_back(const struct planes *planes, const struct channel_factors *factors,
                     const float *z, const float *change, bool pools, float *out);

#endif
