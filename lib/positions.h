/*
 * positions.h - positional embeddings at the size of the image that is being scored.
 */
#ifndef QUALICLIP_POSITIONS_H
#define QUALICLIP_POSITIONS_H

#include <stddef.h>

#include "qualiclip.h"

/*
 * Adds the embedding of a rows x columns grid to its tokens: `tokens` has 1 + rows * columns rows
 * of `width` floats at `stride`, the first of which is the class token, or the mean; `table` has
 * 1 + grid * grid rows without gaps.  Interpolation is that of PyTorch's
 * interpolate(mode="bicubic", align_corners=False): a = -0.75, half-pixel centres, clamped at the
 * border, not antialiased.
 *  - QC_POSITIONS_GRID: the first row is taken as it is, the others are interpolated over the
 *    image's grid.
 *  - QC_POSITIONS_FLAT: the table is one image, as high as it has rows, and is stretched to as many
 *    rows as there are tokens.
 *  - QC_POSITIONS_NONE: nothing is added.
 */
void positions_add(qc_positions positions, const float *table, size_t grid, size_t width,
                   size_t rows, size_t columns, float *tokens, size_t stride);

#endif
