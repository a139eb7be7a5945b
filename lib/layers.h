/*
 * layers.h - the layers that towers are made of, spread over a scorer's threads: those of tokens.
 * Those of images are in convolutions.h.
 *
 * A layer is cut into tasks by its shape, the kernel set and, where the set allows it, the number
 * of threads; never so that a bit of the result depends on the cut (kernels.h says what may be
 * cut). Activations are f32, channels-last: a row is a token or a pixel.
 */
#ifndef QUALICLIP_LAYERS_H
#define QUALICLIP_LAYERS_H

#include "arena.h"
#include "model.h"
#include "threads.h"

/* What a layer runs on; one a scorer. */
struct layers {
    const kernel_set *kernels;
    struct threads *threads;
    unsigned char *scratch; /* `scratch_size` bytes for each worker */
    size_t scratch_size;
    const float *zeros; /* what lies outside an image: as many as a convolution has channels */
};

/* Rows of activations; `stride` floats from one to the next. */
struct rows {
    float *data;
    size_t stride;
};

/*
 * What products read: rows of floats, or where `rounded` is not NULL these rounded for the products
 * that share them (matrix.rounds_rows), one every rounded_bytes(), and then no floats.
 */
struct operand {
    struct rows rows;
    unsigned char *rounded;
};

static inline struct operand floats(struct rows rows)
{
    return (struct operand){rows, NULL};
}

/*
 * Floats from one row of `columns` to the next: not a multiple of 4096 bytes, or the rows of a tile
 * would all fall into the same set of the first-level cache.
 */
size_t row_stride(size_t columns);

/* Rows that are rounded and multiplied at once, by one worker. */
#define ROUNDED_ROWS 240

/* Scratch bytes of one worker for these layers. */
size_t linear_scratch(const kernel_set *kernels, const struct linear *linear);
size_t norm_scratch(size_t columns);

/*
 * out = activation(in * weight + bias + residual).  Rows belong to `segment_count` images, image i
 * having those from segments[i] up to segments[i + 1]: where the kernels' bits depend on the shape
 * of a call, calls follow the images.  residual.data may be NULL, or out.data.
 */
void linear_forward(const struct layers *layers, const struct linear *linear, struct operand in,
                    const size_t *segments, size_t segment_count, activation activation,
                    struct rows residual, struct rows out);

/* Rounds rows for products with `weight` if they want them so; tells where they are now. */
struct operand round_forward(const struct layers *layers, const struct matrix *weight,
                             struct rows in, size_t row_count, unsigned char *rounded);

/* LayerNorm of each row; out may be in. */
void norm_forward(const struct layers *layers, const struct norm *norm, float epsilon,
                  struct rows in, size_t row_count, size_t columns, struct rows out);

/* The same for products with `weight`: rounded if they want them so, and then to `rounded` alone.
 */
struct operand norm_round_forward(const struct layers *layers, const struct norm *norm,
                                  float epsilon, struct rows in, size_t row_count,
                                  const struct matrix *weight, struct rows out,
                                  unsigned char *rounded);

#endif
