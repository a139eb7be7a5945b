/*
 * pixel_format.h - what the samples of each qc_pixel_format are and where in its planes they lie.
 *
 * A table and nothing else: checks are in image_check.c, rows are read by image.c (one byte a
 * channel) and frame_rows.c (all others).
 */
#ifndef QUALICLIP_PIXEL_FORMAT_H
#define QUALICLIP_PIXEL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qualiclip.h"

enum pixel_kind {
    PIXEL_BYTES,  /* red, green and blue of a byte each, or one byte for all of them */
    PIXEL_RGB565, /* in 16 bits, little-endian */
    PIXEL_GREY,   /* luma in 16 bits, little-endian */
    PIXEL_YUV     /* luma and two differences of colour, chroma shared by neighbours */
};

/* A plane consists of groups of `bytes` bytes, each for 2^shift_x by 2^shift_y pixels. */
struct plane_layout {
    uint8_t bytes, shift_x, shift_y;
};

/* A sample every `step` bytes from byte `offset` of a row on. */
struct sample_layout {
    uint8_t plane, offset, step;
};

struct pixel_format {
    const char *name;
    enum pixel_kind kind;
    uint8_t plane_count;
    struct plane_layout planes[3];
    struct sample_layout samples[3]; /* red, green, blue; or luma, blue and red difference */
    int8_t alpha;                    /* byte of a pixel; -1: there is none */
    uint8_t bits;                    /* that count in a sample ... */
    uint8_t low_bits;                /* ... and below them, in 16, that do not */
};

/* NULL: there is no such format. */
const struct pixel_format *pixel_format_of(qc_pixel_format format);

/* Groups of a plane that `pixels` pixels of a row, or rows, lie in. */
static inline size_t plane_groups(uint32_t pixels, uint8_t shift)
{
    return ((size_t)pixels + (1u << shift) - 1) >> shift;
}

#endif
