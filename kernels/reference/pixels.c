/*
 * pixels.c - rows of pixels as bytes R, G, B.
 *
 * A run at a time, in plain loops that compilers turn into vector code: there are CPUs that have
 * no other set.
 */
#include "reference/reference.h"

#define RUN 32 /* pixels; even */

/* --------------------------------------------------------------------------- luma and chroma */

/* What is added to luma for red, green and blue, of each sample of chroma; and bytes that result.
 */
struct run {
    int32_t luma[RUN], chroma[3][RUN], shared[3][RUN / 2];
    uint8_t bytes[3][RUN];
};

static int32_t sample_at(const uint8_t *at, const yuv_row *row)
{
    return row->words ? (at[0] | at[1] << 8) >> row->low_bits : at[0];
}

static void load_luma(int32_t *restrict luma, const yuv_row *restrict row,
                      const yuv_colours *restrict colours, size_t first, size_t count)
{
    const uint8_t *from = row->luma + first * row->luma_step;
    for (size_t i = 0; i < count; i++) {
        const int32_t sample = sample_at(from + i * row->luma_step, row);
        luma[i] = colours->luma * (sample < colours->most ? sample : colours->most);
    }
}

/* Rounded down: what is shifted is made positive by a number that is whole. */
static int32_t floor_of(int64_t fixed, int bits)
{
    const int64_t raised = INT64_C(1) << 24;
    return (int32_t)(((fixed + (raised << bits)) >> bits) - raised);
}

static void load_chroma(int32_t *restrict red, int32_t *restrict green, int32_t *restrict blue,
                        const yuv_row *restrict row, const yuv_colours *restrict colours,
                        size_t first, size_t count)
{
    const int64_t offset = colours->offset * (INT64_C(1) << (YUV_BITS - 1));
    const int64_t green_offset = colours->offset * (INT64_C(1) << (YUV_GREEN_BITS - 1));
    for (size_t i = 0; i < count; i++) {
        const size_t byte = (first + i) * row->chroma_step;
        const int32_t b = sample_at(row->blue + byte, row) - colours->middle;
        const int32_t r = sample_at(row->red + byte, row) - colours->middle;
        red[i] = floor_of((int64_t)colours->red * r + offset, YUV_BITS);
        green[i] = floor_of(colours->green_blue * b + colours->green_red * r + green_offset,
                            YUV_GREEN_BITS);
        blue[i] = floor_of((int64_t)colours->blue * b + offset, YUV_BITS);
    }
}

static void spread(int32_t *restrict to, const int32_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count / 2; i++)
        to[2 * i] = to[2 * i + 1] = from[i];
    if (count % 2)
        to[count - 1] = from[count / 2];
}

/*
 * Divided, rounded down and cut.  Of twice the number, and 1 more, the quotient is at least half a
 * divisor's reciprocal away from the next whole number, which is more than floats err by.
 */
static void divide(uint8_t *restrict to, const int32_t *restrict luma,
                   const int32_t *restrict chroma, float twice_reciprocal, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const int32_t quotient =
            (int32_t)((float)(2 * (luma[i] + chroma[i]) + 1) * twice_reciprocal);
        const int32_t positive = quotient < 0 ? 0 : quotient;
        to[i] = (uint8_t)(positive > 255 ? 255 : positive);
    }
}

static void interleave(uint8_t *restrict rgb, const uint8_t *restrict red,
                       const uint8_t *restrict green, const uint8_t *restrict blue, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        rgb[3 * i] = red[i];
        rgb[3 * i + 1] = green[i];
        rgb[3 * i + 2] = blue[i];
    }
}

void reference_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours,
                          size_t count)
{
    const float twice_reciprocal = 0.5f / (float)colours->divisor;
    struct run run;
    for (size_t first = 0, part; first < count; first += part) {
        part = count - first < RUN ? count - first : RUN;
        load_luma(run.luma, row, colours, first, part);
        if (!row->blue) {
            run.shared[0][0] = floor_of((int64_t)colours->offset, 1);
            for (size_t i = 0; i < part; i++)
                run.chroma[0][i] = run.shared[0][0];
        } else if (row->shared) {
            load_chroma(run.shared[0], run.shared[1], run.shared[2], row, colours, first / 2,
                        (part + 1) / 2);
            for (int c = 0; c < 3; c++)
                spread(run.chroma[c], run.shared[c], part);
        } else {
            load_chroma(run.chroma[0], run.chroma[1], run.chroma[2], row, colours, first, part);
        }
        for (int c = 0; c < (row->blue ? 3 : 1); c++)
            divide(run.bytes[c], run.luma, run.chroma[c], twice_reciprocal, part);
        const int last = row->blue ? 2 : 0;
        interleave(rgb + 3 * first, run.bytes[0], run.bytes[last / 2], run.bytes[last], part);
    }
}

/* ------------------------------------------------------------------------------ packed pixels */

/* 31 and 63 are odd: no tie can occur. */
static void expand_565(uint8_t *restrict red, uint8_t *restrict green, uint8_t *restrict blue,
                       const uint8_t *restrict pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint16_t pixel = (uint16_t)(pixels[2 * i] | pixels[2 * i + 1] << 8);
        red[i] = (uint8_t)(((pixel >> 11) * 255 + 15) / 31);
        green[i] = (uint8_t)(((pixel >> 5 & 63) * 255 + 31) / 63);
        blue[i] = (uint8_t)(((pixel & 31) * 255 + 15) / 31);
    }
}

void reference_rgb565_to_rgb(uint8_t *rgb, const uint8_t *pixels, size_t count)
{
    uint8_t bytes[3][RUN];
    for (size_t first = 0, part; first < count; first += part) {
        part = count - first < RUN ? count - first : RUN;
        expand_565(bytes[0], bytes[1], bytes[2], pixels + 2 * first, part);
        interleave(rgb + 3 * first, bytes[0], bytes[1], bytes[2], part);
    }
}

void reference_bytes_to_rgb(uint8_t *restrict rgb, const uint8_t *restrict pixels, size_t step,
                            const uint8_t bytes[3], size_t count)
{
    const size_t red = bytes[0], green = bytes[1], blue = bytes[2];
    for (size_t i = 0; i < count; i++, pixels += step) {
        rgb[3 * i] = pixels[red];
        rgb[3 * i + 1] = pixels[green];
        rgb[3 * i + 2] = pixels[blue];
    }
}
