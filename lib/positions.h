/*
 * positions.h - positional embeddings at the size of the image that is being scored.
 */
#ifndef QUALICLIP_POSITIONS_H
#define QUALICLIP_POSITIONS_H

#include <stddef.h>

/*
 * Adds the embedding of a rows x columns grid to its tokens: `tokens` has 1 + rows * columns rows
 * of `width` floats at `stride`, the first of which (class token, or mean) takes the table's first
 * row as it is.  The other grid * grid rows of `table` are interpolated over the image's grid as
 * PyTorch's interpolate(mode="bicubic", align_corners=False) does: a = -0.75, half-pixel centres,
 * clamped at the border, not antialiased.
 */
void positions_add(const float *table, size_t grid, size_t width, size_t rows, size_t columns,
                   float *tokens, size_t stride);

#endif
