/*
 * yuv_neon.c - luma and chroma as bytes R, G, B, 16 pixels at a time.
 *
 * Where two pixels share their chroma, those at even places are in one vector and their neighbours
 * in another, and no sample of chroma is ever doubled.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <arm_neon.h>

#include "arm/neon.h"
#include "yuv_vectors.h"

#define PIXELS 16

/* Factors by channel, of blue and red differences, and what else is the same for all pixels. */
struct terms {
    struct yuv_factor factors[3][2];
    int32_t offset; /* in units of 2^-16 (bytes) or 2^-7 (words) */
    uint16_t middle, most, luma;
    int16_t low_bits;       /* negative: to the right */
    int16_t reciprocal;     /* of the divisor, bytes: in units of 2^-21 */
    float twice_reciprocal; /* words: of twice the divisor */
    bool red_first;
};

static struct terms terms_of(const yuv_row *row, const yuv_colours *colours)
{
    struct terms terms = {
        .factors = {{{0}, yuv_factor_of(colours->red, YUV_BITS)},
                    {yuv_factor_of(colours->green_blue, YUV_GREEN_BITS),
                     yuv_factor_of(colours->green_red, YUV_GREEN_BITS)},
                    {yuv_factor_of(colours->blue, YUV_BITS), {0}}},
        .middle = colours->middle,
        .most = colours->most,
        .luma = (uint16_t)colours->luma,
        .low_bits = (int16_t)-row->low_bits,
        .red_first = yuv_red_first(row),
    };
    if (row->words) {
        terms.offset = colours->offset * (1 << (YUV_TOP_BITS - 1));
        terms.luma *= 2;
        terms.twice_reciprocal = 0.5f / (float)colours->divisor;
    } else {
        terms.offset = (int32_t)((uint32_t)colours->offset << 15);
        terms.reciprocal = (int16_t)((1 << 21) / colours->divisor + 1);
    }
    return terms;
}

/* ------------------------------------------------------------------------------------- loading */

struct samples {
    uint16x8_t luma[2];        /* even and odd pixels, or the first and the last eight */
    int16x8_t blue[2], red[2]; /* less the middle; YUV_FULL_PLANES: as luma, else one for all */
};

static ALWAYS_INLINE int16x8_t difference(uint16x8_t sample, const struct terms *terms)
{
    return vreinterpretq_s16_u16(vsubq_u16(sample, vdupq_n_u16(terms->middle)));
}

static ALWAYS_INLINE void set_luma(struct samples *samples, uint8x8_t first, uint8x8_t second)
{
    samples->luma[0] = vmovl_u8(first);
    samples->luma[1] = vmovl_u8(second);
}

static ALWAYS_INLINE void set_chroma(struct samples *samples, int half, uint8x8_t first,
                                     uint8x8_t second, const struct terms *terms)
{
    const int16x8_t a = difference(vmovl_u8(first), terms);
    const int16x8_t b = difference(vmovl_u8(second), terms);
    samples->blue[half] = terms->red_first ? b : a;
    samples->red[half] = terms->red_first ? a : b;
}

/* Eight words at any address. */
static ALWAYS_INLINE uint16x8_t words_at(const uint8_t *from, const struct terms *terms)
{
    return vshlq_u16(vreinterpretq_u16_u8(vld1q_u8(from)), vdupq_n_s16(terms->low_bits));
}

static ALWAYS_INLINE void load_words(struct samples *samples, const yuv_row *row, size_t at,
                                     enum yuv_layout layout, const struct terms *terms)
{
    const uint16x8_t first = words_at(row->luma + 2 * at, terms);
    const uint16x8_t last = words_at(row->luma + 2 * at + 16, terms);
    const uint16x8_t most = vdupq_n_u16(terms->most);
    if (layout == YUV_WORD_GREY) {
        samples->luma[0] = vminq_u16(first, most);
        samples->luma[1] = vminq_u16(last, most);
        return;
    }
    samples->luma[0] = vminq_u16(vuzp1q_u16(first, last), most);
    samples->luma[1] = vminq_u16(vuzp2q_u16(first, last), most);
    const uint8_t *chroma = (terms->red_first ? row->red : row->blue) + 2 * at;
    const uint16x8_t lower = words_at(chroma, terms), upper = words_at(chroma + 16, terms);
    const int16x8_t a = difference(vuzp1q_u16(lower, upper), terms);
    const int16x8_t b = difference(vuzp2q_u16(lower, upper), terms);
    samples->blue[0] = terms->red_first ? b : a;
    samples->red[0] = terms->red_first ? a : b;
}

static ALWAYS_INLINE void load_samples(struct samples *samples, const yuv_row *row, size_t at,
                                       enum yuv_layout layout, const struct terms *terms)
{
    const uint8_t *luma = row->luma + at * row->luma_step;
    if (layout == YUV_WORD_PAIRS || layout == YUV_WORD_GREY) {
        load_words(samples, row, at, layout, terms);
    } else if (layout == YUV_GREY || layout == YUV_FULL_PLANES) {
        const uint8x16_t bytes = vld1q_u8(luma);
        set_luma(samples, vget_low_u8(bytes), vget_high_u8(bytes));
        if (layout == YUV_FULL_PLANES) {
            set_chroma(samples, 0, vld1_u8(row->blue + at), vld1_u8(row->red + at), terms);
            set_chroma(samples, 1, vld1_u8(row->blue + at + 8), vld1_u8(row->red + at + 8), terms);
        }
    } else if (layout == YUV_LUMA_FIRST) {
        const uint8x8x4_t groups = vld4_u8(luma);
        set_luma(samples, groups.val[0], groups.val[2]);
        set_chroma(samples, 0, groups.val[1], groups.val[3], terms);
    } else if (layout == YUV_CHROMA_FIRST) {
        const uint8x8x4_t groups = vld4_u8(luma - 1);
        set_luma(samples, groups.val[1], groups.val[3]);
        set_chroma(samples, 0, groups.val[0], groups.val[2], terms);
    } else {
        const uint8x8x2_t bytes = vld2_u8(luma);
        set_luma(samples, bytes.val[0], bytes.val[1]);
        if (layout == YUV_PLANES) {
            set_chroma(samples, 0, vld1_u8(row->blue + at / 2), vld1_u8(row->red + at / 2), terms);
        } else {
            const uint8x8x2_t pairs = vld2_u8((terms->red_first ? row->red : row->blue) + at);
            set_chroma(samples, 0, pairs.val[0], pairs.val[1], terms);
        }
    }
}

/* ---------------------------------------------------------------------------------- arithmetic */

/* Products with a channel's two factors, of which red and blue have one that is 0. */
static ALWAYS_INLINE int32x4_t products(int16x4_t blue, int16x4_t red, int16_t of_blue,
                                        int16_t of_red, int c)
{
    if (c == 0)
        return vmull_n_s16(red, of_red);
    if (c == 2)
        return vmull_n_s16(blue, of_blue);
    return vmlal_n_s16(vmull_n_s16(blue, of_blue), red, of_red);
}

/* What chroma adds, in units of 2^-7 (words) or 2^-16 (bytes). */
static ALWAYS_INLINE int32x4_t chroma_sum(int16x4_t blue, int16x4_t red, const struct terms *terms,
                                          int c, bool words)
{
    const struct yuv_factor b = terms->factors[c][0], r = terms->factors[c][1];
    const int32x4_t top = products(blue, red, b.top, r.top, c);
    int32x4_t sum = products(blue, red, b.middle, r.middle, c);
    if (c == 1)
        sum = vsraq_n_s32(sum, products(blue, red, b.low, r.low, c), YUV_STEP_BITS);
    return words ? vsraq_n_s32(top, sum, YUV_STEP_BITS)
                 : vsraq_n_s32(vshlq_n_s32(top, 16 - YUV_TOP_BITS), sum, YUV_BITS - 16);
}

/*
 * number * reciprocal >> 21 is number / divisor, as divisor^2 * 256 is less than 2^21.  What lies
 * beyond 2^15 was cut, which leaves more than 255.
 */
static ALWAYS_INLINE uint8x8_t byte_values(uint16x8_t luma, int16x8_t chroma,
                                           const struct terms *terms)
{
    const int16x8_t own = vreinterpretq_s16_u16(vmulq_n_u16(luma, terms->luma));
    const int16x8_t quotient = vqdmulhq_n_s16(vqaddq_s16(own, chroma), terms->reciprocal);
    return vqshrun_n_s16(quotient, 6);
}

/* Twice the number that is divided, and 1: so no float that a quotient rounds to is whole. */
static ALWAYS_INLINE int16x4_t divided(uint16x4_t luma, int32x4_t chroma, const struct terms *terms)
{
    /* The last bit of the fraction gives way to the 1. */
    const int32x4_t twice =
        vorrq_s32(vshrq_n_s32(vaddq_s32(chroma, vdupq_n_s32(terms->offset)), YUV_TOP_BITS - 1),
                  vdupq_n_s32(1));
    const int32x4_t number =
        vaddq_s32(vreinterpretq_s32_u32(vmull_n_u16(luma, terms->luma)), twice);
    return vqmovn_s32(vcvtq_s32_f32(vmulq_n_f32(vcvtq_f32_s32(number), terms->twice_reciprocal)));
}

static ALWAYS_INLINE uint8x8_t word_values(uint16x8_t luma, const int32x4_t chroma[2],
                                           const struct terms *terms)
{
    return vqmovun_s16(vcombine_s16(divided(vget_low_u16(luma), chroma[0], terms),
                                    divided(vget_high_u16(luma), chroma[1], terms)));
}

static ALWAYS_INLINE uint8x16_t channel(const struct samples *samples, enum yuv_layout layout,
                                        const struct terms *terms, int c)
{
    const bool words = layout == YUV_WORD_PAIRS || layout == YUV_WORD_GREY;
    const bool grey = layout == YUV_GREY || layout == YUV_WORD_GREY;
    uint8x8_t values[2];
    int32x4_t chroma[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int half = 0; half < 2; half++) {
        if (!grey && (half == 0 || layout == YUV_FULL_PLANES)) {
            const int16x8_t blue = samples->blue[half], red = samples->red[half];
            chroma[0] = chroma_sum(vget_low_s16(blue), vget_low_s16(red), terms, c, words);
            chroma[1] = chroma_sum(vget_high_s16(blue), vget_high_s16(red), terms, c, words);
        }
        const int32x4_t offset = vdupq_n_s32(terms->offset);
        values[half] = words ? word_values(samples->luma[half], chroma, terms)
                             : byte_values(samples->luma[half],
                                           vcombine_s16(vaddhn_s32(chroma[0], offset),
                                                        vaddhn_s32(chroma[1], offset)),
                                           terms);
    }
    if (grey || layout == YUV_FULL_PLANES)
        return vcombine_u8(values[0], values[1]);
    const uint8x8x2_t zipped = vzip_u8(values[0], values[1]);
    return vcombine_u8(zipped.val[0], zipped.val[1]);
}

/* ---------------------------------------------------------------------------------------- rows */

static ALWAYS_INLINE size_t convert(uint8_t *rgb, const yuv_row *row, const struct terms *terms,
                                    size_t count, enum yuv_layout layout)
{
    size_t i = 0;
    for (; i + PIXELS <= count; i += PIXELS) {
        struct samples samples;
        load_samples(&samples, row, i, layout, terms);
        uint8x16x3_t colours;
        for (int c = 0; c < 3; c++)
            colours.val[c] = c && (layout == YUV_GREY || layout == YUV_WORD_GREY)
                                 ? colours.val[0]
                                 : channel(&samples, layout, terms, c);
        vst3q_u8(rgb + 3 * i, colours);
    }
    return i;
}

static size_t convert_any(uint8_t *rgb, const yuv_row *row, const struct terms *terms, size_t count)
{
    switch (yuv_layout_of(row)) {
    case YUV_PLANES: return convert(rgb, row, terms, count, YUV_PLANES);
    case YUV_FULL_PLANES: return convert(rgb, row, terms, count, YUV_FULL_PLANES);
    case YUV_PAIRS: return convert(rgb, row, terms, count, YUV_PAIRS);
    case YUV_LUMA_FIRST: return convert(rgb, row, terms, count, YUV_LUMA_FIRST);
    case YUV_CHROMA_FIRST: return convert(rgb, row, terms, count, YUV_CHROMA_FIRST);
    case YUV_GREY: return convert(rgb, row, terms, count, YUV_GREY);
    case YUV_WORD_PAIRS: return convert(rgb, row, terms, count, YUV_WORD_PAIRS);
    case YUV_WORD_GREY: return convert(rgb, row, terms, count, YUV_WORD_GREY);
    }
    return 0;
}

void neon_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours, size_t count)
{
    const struct terms terms = terms_of(row, colours);
    const size_t done = convert_any(rgb, row, &terms, count);
    yuv_convert_rest(rgb, row, colours, done, count);
}

#else

typedef int yuv_neon_is_for_aarch64;

#endif
