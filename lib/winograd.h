/*
 * winograd.h - 3x3 convolutions with stride 1 in tiles, by transformed weights (kernels.h).
 *
 * Tiles lie in a grid that begins at the image's first pixel, whatever rows of it are computed at a
 * time; each is computed by itself.  So no bit depends on bands, threads or blocks of tiles.
 */
#ifndef QUALICLIP_WINOGRAD_H
#define QUALICLIP_WINOGRAD_H

#include "bands.h"
#include "layers.h"

/* Floats that a layer's transformed input takes, for all workers together. */
size_t winograd_floats(const struct convolution *convolution);

/* Scratch bytes of one worker. */
size_t winograd_scratch(const struct convolution *convolution);

/*
 * Rows `first` ... `first + count` of the convolution, + bias, ReLU and, where `pools`, 2x2 average
 * pooling.  `first` is a multiple of the tiles' side, and so is `count` unless it reaches the
 * image's end.  `in` must hold these rows and, where the image has them, one more on either side.
 */
void winograd_forward(const struct layers *layers, const struct convolution *convolution,
                      const struct band *in, size_t first, size_t count, bool pools,
                      float *transformed, float *out);

#endif
