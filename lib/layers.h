/*
 * layers.h - the layers that both towers are made of, spread over a scorer's threads.
 *
 * A layer is cut into tasks by its shape, the kernel set and, where the set allows it, the number
 * of threads; never so that a bit of the result depends on the cut (kernels.h says what may be
 * cut). Activations are f32, channels-last: a row is a token or a pixel.
 */
#ifndef QUALICLIP_LAYERS_H
#define QUALICLIP_LAYERS_H

#include "arena.h"
#include "bands.h"
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
 * Floats from one row of `columns` to the next: not a multiple of 4096 bytes, or the rows of a tile
 * would all fall into the same set of the first-level cache.
 */
size_t row_stride(size_t columns);

/* Rows that are rounded and multiplied at once, by one worker. */
#define ROUNDED_ROWS 240

/* Pixels whose neighbours are looked up at once in a convolution. */
#define CONVOLUTION_ROWS 256

/* Scratch bytes of one worker for these layers. */
size_t linear_scratch(const kernel_set *kernels, const struct linear *linear);
size_t convolution_scratch(const kernel_set *kernels, const struct convolution *convolution);

/*
 * out = activation(in * weight + bias + residual).  Rows belong to `segment_count` images, image i
 * having those from segments[i] up to segments[i + 1]: where the kernels' bits depend on the shape
 * of a call, calls follow the images.  residual.data may be NULL, or out.data.
 */
void linear_forward(const struct layers *layers, const struct linear *linear, struct rows in,
                    const size_t *segments, size_t segment_count, activation activation,
                    struct rows residual, struct rows out);

/* A 1x1 convolution of `pixels` pixels without gaps; `residual` (may be NULL or out) is added. */
void pointwise_forward(const struct layers *layers, const struct convolution *convolution,
                       const float *in, size_t pixels, activation activation, const float *residual,
                       float *out);

/*
 * Rows `first` ... `first + count` of a 3x3 convolution with stride 1 and padding 1, then ReLU.
 * `in` must hold these rows and, where the image has them, one more on either side.
 */
void neighbourhood_forward(const struct layers *layers, const struct convolution *convolution,
                           const struct band *in, size_t first, size_t count, float *out);

/* Images of one size, channels-last, one after the other. */
struct images {
    const float *data;
    size_t count, height, width, channels;
};

/* Pixels a side of what convolve_images() writes. */
static inline size_t strided_size(size_t side, size_t stride)
{
    return (side + stride - 1) / stride;
}

/*
 * out = activation(convolution of each image + bias + residual): 1x1 or 3x3, with the stride and a
 * padding of zeros.  `residual` may be NULL or out.
 */
void convolve_images(const struct layers *layers, const struct convolution *convolution,
                     size_t stride, const struct images *in, activation activation,
                     const float *residual, float *out);

/* 2x2 average pooling of `height` rows: out has height / 2 x width / 2 pixels. */
void average_pool_forward(const struct layers *layers, const float *in, size_t height, size_t width,
                          size_t channels, float *out);

/* LayerNorm of each row; out may be in. */
void norm_forward(const struct layers *layers, const struct norm *norm, float epsilon,
                  struct rows in, size_t row_count, size_t columns, struct rows out);

#endif
