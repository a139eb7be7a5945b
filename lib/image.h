/*
 * image.h - the caller's pixels as the first layer of a tower wants them.
 *
 * Reads a qc_image of any format and stride, checks it, and gathers normalised floats for a ViT's
 * patches or a ResNet's first convolution.  Allocates nothing, resizes nothing, and knows nothing
 * of files or models.  All functions may run at once in several threads, for the same image too;
 * only the scratch must not be shared.
 */
#ifndef QUALICLIP_IMAGE_H
#define QUALICLIP_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "kernels.h"
#include "qualiclip.h"
#include "status.h"

#define IMAGE_SIDE_MAX (UINT32_C(1) << 20) /* pixels; what is larger is taken for a mistake */

/*
 * Whether an image can be read at all: a known format, sides from 1 to IMAGE_SIDE_MAX, planes and
 * strides that hold its rows.  The functions below may be given only images that passed.
 */
qc_status image_check(const qc_image *image, struct message *message);

/* What a byte of each channel becomes: value[c][v] = (v / 255 - mean[c]) / std[c]. */
struct pixel_table {
    float value[3][256];
};

/* In PyTorch's order of float32 operations, so that the bits are PyTorch's. */
void pixel_table_fill(struct pixel_table *table, const float mean[3], const float std[3]);

/* Writes `count` pixels of row y from column x on as 3 * count bytes: R, G, B, R, ... */
void image_row_rgb(const kernel_set *kernels, const qc_image *image, qc_background background,
                   uint32_t y, uint32_t x, uint32_t count, uint8_t *rgb);

/*
 * Bytes of scratch that the two functions below need for images up to that width.  It may be NULL
 * for formats with a byte a channel where alpha is dropped.
 */
static inline size_t image_scratch(uint32_t max_width)
{
    return (size_t)max_width * 3;
}

/*
 * The patches of row `grid_row` of the patch grid (width / patch_size x height / patch_size;
 * columns and rows of pixels that fill no patch are dropped).  Patch i becomes 3 * patch_size^2
 * floats, ordered (c, y, x), at out + i * stride.
 */
void image_patch_row(const kernel_set *kernels, const qc_image *image, qc_background background,
                     const struct pixel_table *table, uint32_t patch_size, uint32_t grid_row,
                     float *out, size_t stride, uint8_t *scratch);

/* Pixels a side after a 3x3 convolution of stride 2 and padding 1. */
static inline uint32_t image_stem_size(uint32_t side)
{
    return (side + 1) / 2;
}

/*
 * The inputs of row `row` of such a convolution.  Output pixel i becomes 27 floats, ordered
 * (ky, kx, c), at out + i * stride.  Padding is 0 after normalisation: not a black pixel.
 */
void image_stem_row(const kernel_set *kernels, const qc_image *image, qc_background background,
                    const struct pixel_table *table, uint32_t row, float *out, size_t stride,
                    uint8_t *scratch);

#endif
