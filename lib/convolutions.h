/*
 * convolutions.h - the layers of images: cut and spread over threads as those of layers.h are.
 */
#ifndef QUALICLIP_CONVOLUTIONS_H
#define QUALICLIP_CONVOLUTIONS_H

#include "bands.h"
#include "layers.h"

/* Pixels whose neighbours are looked up at once in a convolution. */
#define CONVOLUTION_ROWS 256

/* Scratch bytes of one worker for a convolution. */
size_t convolution_scratch(const kernel_set *kernels, const struct convolution *convolution);

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

#endif
