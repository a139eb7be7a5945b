/*
 * planes.h - a tensor in blocks of channels, as oneDNN has it (nChw16c or nChw8c): image, block,
 * row, column, and the 16 or 8 channels of the block side by side.  For the loops over it.
 */
#ifndef QUALICLIP_TRAIN_PLANES_H
#define QUALICLIP_TRAIN_PLANES_H

#include "vectors.h"

/* Some images of a tensor. */
struct planes {
    size_t images, blocks, height, width;
    size_t block; /* channels of a block: 8 or 16 */
};

/* Numbers for each channel, those of padded channels 0. */
struct channel_factors {
    float *scale, *shift; /* y = scale * z + shift */
    float *centre;        /* of z */
    /* dz = by_gradient * g + by_value * (z - centre) + constant */
    float *by_gradient, *by_value, *constant;
};

/* Sums over pixels of each channel that the way back needs: of g and of g * (z - centre). */
struct channel_sums {
    double *gradient, *product;
};

#define RUN          64 /* pixels that are summed before their sum is added to others' */
#define MOST_VECTORS 2

/*
 * Calls an inline function with the number of vectors in a block as a constant, so that what is
 * kept for each of them stays in registers.
 */
#define FOR_BLOCKS(planes, function, ...)                                                          \
    do {                                                                                           \
        if ((planes)->block == 2 * LANES)                                                          \
            function(__VA_ARGS__, 2);                                                              \
        else                                                                                       \
            function(__VA_ARGS__, 1);                                                              \
    } while (0)

/* Pixels of one image in one block. */
static ALWAYS_INLINE size_t pixels_of(const struct planes *planes)
{
    return planes->height * planes->width;
}

static ALWAYS_INLINE size_t offset_of(const struct planes *planes, size_t image, size_t block)
{
    return (image * planes->blocks + block) * pixels_of(planes) * planes->block;
}

/* The same in a tensor of half the height and width. */
static ALWAYS_INLINE size_t pooled_offset_of(const struct planes *planes, size_t image,
                                             size_t block)
{
    const size_t pixels = (planes->height / 2) * (planes->width / 2);
    return (image * planes->blocks + block) * pixels * planes->block;
}

static ALWAYS_INLINE size_t smaller_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static ALWAYS_INLINE void load_channels(lanes *to, const float *numbers, size_t block,
                                        size_t vectors)
{
    for (size_t v = 0; v < vectors; v++)
        to[v] = load(numbers + (block * vectors + v) * LANES);
}

static ALWAYS_INLINE void add_to_doubles(double *to, const lanes *x, size_t block, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++)
        for (size_t l = 0; l < LANES; l++)
            to[(block * vectors + v) * LANES + l] += (double)x[v][l];
}

#endif
