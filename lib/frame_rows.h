/*
 * frame_rows.h - rows of a camera's or a decoder's frame as R, G, B bytes.
 *
 * For formats that are not a byte a channel, and for grey of limited range.  Each value is the one
 * nearest to the formula of the standard, in exact arithmetic.  A pixel takes the chroma sample of
 * the group it lies in; nothing is interpolated.
 */
#ifndef QUALICLIP_FRAME_ROWS_H
#define QUALICLIP_FRAME_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "qualiclip.h"

/* Whether rows have to be read by way of frame_row_rgb(). */
bool frame_converts(const qc_image *image);

/* Writes `count` pixels of row y from column x on as 3 * count bytes. */
void frame_row_rgb(const qc_image *image, uint32_t y, uint32_t x, uint32_t count, uint8_t *rgb);

#endif
