/*
 * yuv_vectors.h - what yuv_to_rgb() in vectors is, whatever their width.
 *
 * A row is taken in blocks of pixels, by a loop for each layout; what is left at its end is the
 * reference's.  Factors of chroma become numbers of 16 bits, which vectors multiply fast.
 */
#ifndef QUALICLIP_YUV_VECTORS_H
#define QUALICLIP_YUV_VECTORS_H

#include "reference/reference.h"

enum yuv_layout {
    YUV_PLANES,       /* bytes; chroma is shared in all layouts but the next */
    YUV_FULL_PLANES,  /* a sample of chroma for each pixel */
    YUV_PAIRS,        /* chroma in turns */
    YUV_LUMA_FIRST,   /* groups of four bytes */
    YUV_CHROMA_FIRST, /* ... */
    YUV_GREY,
    YUV_WORD_PAIRS, /* 16 bits, chroma in turns */
    YUV_WORD_GREY
};

static inline enum yuv_layout yuv_layout_of(const yuv_row *row)
{
    if (row->words)
        return row->blue ? YUV_WORD_PAIRS : YUV_WORD_GREY;
    if (!row->blue)
        return YUV_GREY;
    if (row->chroma_step == 1)
        return row->shared ? YUV_PLANES : YUV_FULL_PLANES;
    if (row->chroma_step == 2)
        return YUV_PAIRS;
    return row->luma < row->blue ? YUV_LUMA_FIRST : YUV_CHROMA_FIRST;
}

/* Whether the first of two differences in turns is the red one. */
static inline bool yuv_red_first(const yuv_row *row)
{
    return row->chroma_step > 1 && row->red < row->blue;
}

/* The pixels from `done`, an even number, up to `count`. */
static inline void yuv_convert_rest(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours,
                                    size_t done, size_t count)
{
    if (done == count)
        return;
    const size_t samples = row->shared ? done / 2 : done;
    yuv_row rest = *row;
    rest.luma += done * row->luma_step;
    if (row->blue) {
        rest.blue += samples * row->chroma_step;
        rest.red += samples * row->chroma_step;
    }
    reference_yuv_to_rgb(rgb + 3 * done, &rest, colours, count - done);
}

/*
 * A factor is the sum of `top`, `middle` and `low` in units of 2^-7, 2^-22 and 2^-37; of red and
 * blue `low` is 0.  Sums of products with each fit into 32 bits, and a lower one is rounded down to
 * the unit above it when it is added.
 */
struct yuv_factor {
    int16_t top, middle, low;
};

#define YUV_TOP_BITS  7
#define YUV_STEP_BITS 15

/* Takes the lowest digit, -2^14 to 2^14 - 1, from *value. */
static inline int16_t yuv_take_digit(int64_t *value)
{
    const int64_t unit = INT64_C(1) << YUV_STEP_BITS, half = unit / 2;
    const int64_t digit = (*value % unit + unit + half) % unit - half;
    *value = (*value - digit) / unit;
    return (int16_t)digit;
}

static inline struct yuv_factor yuv_factor_of(int64_t value, int bits)
{
    struct yuv_factor factor = {0};
    if (bits > YUV_TOP_BITS + YUV_STEP_BITS)
        factor.low = yuv_take_digit(&value);
    factor.middle = yuv_take_digit(&value);
    factor.top = (int16_t)value;
    return factor;
}

#endif
