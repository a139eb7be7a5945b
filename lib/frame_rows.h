/*
 * frame_rows.h - rows of a camera's or a decoder's frame as R, G, B bytes.
 *
 * For formats that are not a byte a channel, and for grey of limited range.  Each value is one that
 * is nearest to the formula of the standard, in exact arithmetic.  A pixel takes the chroma sample
 * of the group it lies in; nothing is interpolated.
 */
#ifndef QUALICLIP_FRAME_ROWS_H
#define QUALICLIP_FRAME_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels.h"
#include "qualiclip.h"

/* Whether rows have to be read by way of frame_row_rgb(). */
bool frame_converts(const qc_image *image);

/* What the kernels are told of a YUV or grey image's colours. */
const yuv_colours *frame_colours(const qc_image *image);

/* Writes `count` pixels of row y from column x on as 3 * count bytes. */
void frame_row_rgb(const kernel_set *kernels, const qc_image *image, uint32_t y, uint32_t x,
                   uint32_t count, uint8_t *rgb);

#endif
