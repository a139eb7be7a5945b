/*
 * yuv_avx2.c - luma and chroma as bytes R, G, B, 32 pixels at a time.
 *
 * Halves: in all that follows, the lower half of a vector (128 bits) is about pixels 0 to 7 of 32
 * and the upper about 16 to 23, or about 8 to 15 and 24 to 31: what unpacking bytes to words makes
 * of pixels in order, and what packing words puts in order again.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <immintrin.h>

#include "x86/avx2.h"
#include "x86/interleave_avx2.h"
#include "yuv_vectors.h"

#define PIXELS 32

/* Of each channel, factors for pairs of chroma samples as they lie, and what else is the same. */
struct terms {
    __m256i top[3], middle[3], low; /* low: of green */
    __m256i offset;                 /* in units of 2^-16 (bytes) or 2^-7 (words) */
    __m256i middle_sample, luma, most;
    __m256i reciprocal;      /* of the divisor, bytes: in units of 2^-22 */
    __m256 twice_reciprocal; /* words: of twice the divisor */
    __m128i low_bits;
};

/* Two 16-bit numbers for each pair. */
static ALWAYS_INLINE TARGET_AVX2 __m256i pairs_of(int first, int second)
{
    return _mm256_set1_epi32((int)((uint32_t)(uint16_t)first | (uint32_t)(uint16_t)second << 16));
}

static TARGET_AVX2 struct terms terms_of(const yuv_row *row, const yuv_colours *colours)
{
    const struct yuv_factor none = {0};
    const struct yuv_factor factors[3][2] = {
        {none, yuv_factor_of(colours->red, YUV_BITS)},
        {yuv_factor_of(colours->green_blue, YUV_GREEN_BITS),
         yuv_factor_of(colours->green_red, YUV_GREEN_BITS)},
        {yuv_factor_of(colours->blue, YUV_BITS), none},
    };
    const int first = yuv_red_first(row); /* of the pair */
    struct terms terms;
    for (int c = 0; c < 3; c++) {
        const struct yuv_factor *a = &factors[c][first], *b = &factors[c][!first];
        terms.top[c] = pairs_of(a->top, b->top);
        terms.middle[c] = pairs_of(a->middle, b->middle);
    }
    terms.low = pairs_of(factors[1][first].low, factors[1][!first].low);
    terms.offset = row->words ? _mm256_set1_epi32(colours->offset * (1 << (YUV_TOP_BITS - 1)))
                              : _mm256_set1_epi32((int)((uint32_t)colours->offset << 15));
    terms.luma =
        row->words ? _mm256_set1_epi32(2 * colours->luma) : _mm256_set1_epi16((short)colours->luma);
    terms.middle_sample = _mm256_set1_epi16((short)colours->middle);
    terms.most = _mm256_set1_epi16((short)colours->most);
    terms.low_bits = _mm_cvtsi32_si128(row->low_bits);
    terms.reciprocal = _mm256_set1_epi16((short)((1 << 22) / colours->divisor + 1));
    terms.twice_reciprocal = _mm256_set1_ps(0.5f / (float)colours->divisor);
    return terms;
}

/* ------------------------------------------------------------------------------------- loading */

struct samples {
    __m256i luma[2];  /* words */
    __m256i pairs[4]; /* words less the middle; YUV_FULL_PLANES: four, else two */
};

static ALWAYS_INLINE TARGET_AVX2 __m256i load(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)from);
}

/* 16 bytes and another 16. */
static ALWAYS_INLINE TARGET_AVX2 __m256i load_two(const uint8_t *lower, const uint8_t *upper)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)lower)),
                                   _mm_loadu_si128((const __m128i *)upper), 1);
}

static ALWAYS_INLINE TARGET_AVX2 void widen(__m256i words[2], __m256i bytes)
{
    words[0] = _mm256_unpacklo_epi8(bytes, _mm256_setzero_si256());
    words[1] = _mm256_unpackhi_epi8(bytes, _mm256_setzero_si256());
}

/* Bytes 0 to 15 in turns with those of another plane. */
static ALWAYS_INLINE TARGET_AVX2 __m256i load_shared_pairs(const uint8_t *blue, const uint8_t *red)
{
    const __m128i b = _mm_loadu_si128((const __m128i *)blue);
    const __m128i r = _mm_loadu_si128((const __m128i *)red);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(b, r)),
                                   _mm_unpackhi_epi8(b, r), 1);
}

static ALWAYS_INLINE TARGET_AVX2 __m256i words_at(const uint8_t *from, const struct terms *terms)
{
    return _mm256_srl_epi16(load_two(from, from + 32), terms->low_bits);
}

static ALWAYS_INLINE TARGET_AVX2 void load_samples(struct samples *samples, const yuv_row *row,
                                                   size_t at, enum yuv_layout layout,
                                                   const struct terms *terms)
{
    const uint8_t *luma = row->luma + at * row->luma_step;
    const __m256i even = _mm256_set1_epi16(0xff);
    switch (layout) {
    case YUV_PLANES:
        widen(samples->luma, load(luma));
        widen(samples->pairs, load_shared_pairs(row->blue + at / 2, row->red + at / 2));
        break;
    case YUV_FULL_PLANES: {
        const __m256i blue = load(row->blue + at), red = load(row->red + at);
        widen(samples->luma, load(luma));
        widen(samples->pairs, _mm256_unpacklo_epi8(blue, red));
        widen(samples->pairs + 2, _mm256_unpackhi_epi8(blue, red));
        break;
    }
    case YUV_PAIRS:
        widen(samples->luma, load(luma));
        widen(samples->pairs, load((yuv_red_first(row) ? row->red : row->blue) + at));
        break;
    case YUV_LUMA_FIRST:
    case YUV_CHROMA_FIRST:
        luma -= layout == YUV_CHROMA_FIRST; /* to the group's first byte */
        for (int i = 0; i < 2; i++) {
            const __m256i groups = load_two(luma + 16 * i, luma + 16 * i + 32);
            const __m256i first = _mm256_and_si256(groups, even);
            const __m256i second = _mm256_srli_epi16(groups, 8);
            samples->luma[i] = layout == YUV_LUMA_FIRST ? first : second;
            samples->pairs[i] = layout == YUV_LUMA_FIRST ? second : first;
        }
        break;
    case YUV_GREY: widen(samples->luma, load(luma)); break;
    case YUV_WORD_PAIRS:
    case YUV_WORD_GREY:
        for (int i = 0; i < 2; i++) {
            samples->luma[i] = words_at(luma + 16 * i, terms);
            samples->luma[i] = _mm256_min_epu16(samples->luma[i], terms->most);
            if (layout == YUV_WORD_PAIRS)
                samples->pairs[i] =
                    words_at((yuv_red_first(row) ? row->red : row->blue) + 2 * at + 16 * i, terms);
        }
        break;
    }
    const int pairs = layout == YUV_GREY || layout == YUV_WORD_GREY ? 0
                      : layout == YUV_FULL_PLANES                   ? 4
                                                                    : 2;
    for (int i = 0; i < pairs; i++)
        samples->pairs[i] = _mm256_sub_epi16(samples->pairs[i], terms->middle_sample);
}

/* ---------------------------------------------------------------------------------- arithmetic */

/* Of a channel, the sum in the lower units as so many of 2^-22. */
static ALWAYS_INLINE TARGET_AVX2 __m256i lower_sum(__m256i pairs, const struct terms *terms, int c)
{
    const __m256i sum = _mm256_madd_epi16(pairs, terms->middle[c]);
    if (c != 1)
        return sum;
    const __m256i low = _mm256_madd_epi16(pairs, terms->low);
    return _mm256_add_epi32(sum, _mm256_srai_epi32(low, YUV_STEP_BITS));
}

/* What chroma adds, of each pair, in units of 2^-16. */
static ALWAYS_INLINE TARGET_AVX2 __m256i byte_chroma(__m256i pairs, const struct terms *terms,
                                                     int c)
{
    const __m256i top = _mm256_madd_epi16(pairs, terms->top[c]);
    const __m256i sum =
        _mm256_add_epi32(_mm256_slli_epi32(top, 16 - YUV_TOP_BITS),
                         _mm256_srai_epi32(lower_sum(pairs, terms, c), YUV_BITS - 16));
    return _mm256_add_epi32(sum, terms->offset);
}

/* ... rounded down, as words, for the pixels that luma[half] has. */
static ALWAYS_INLINE TARGET_AVX2 __m256i byte_chroma_words(const struct samples *samples, int half,
                                                           enum yuv_layout layout,
                                                           const struct terms *terms, int c)
{
    if (layout == YUV_FULL_PLANES) {
        const __m256i a = byte_chroma(samples->pairs[2 * half], terms, c);
        const __m256i b = byte_chroma(samples->pairs[2 * half + 1], terms, c);
        return _mm256_packs_epi32(_mm256_srai_epi32(a, 16), _mm256_srai_epi32(b, 16));
    }
    const __m256i sum =
        layout == YUV_GREY ? terms->offset : byte_chroma(samples->pairs[half], terms, c);
    return _mm256_blend_epi16(_mm256_srli_epi32(sum, 16), sum, 0xaa); /* for both of a pair */
}

/*
 * number * reciprocal >> 22 is number / divisor, as divisor^2 * 256 is less than 2^22.  What lies
 * beyond 2^15 was cut, which leaves more than 255.
 */
static ALWAYS_INLINE TARGET_AVX2 __m256i byte_values(const struct samples *samples, int half,
                                                     enum yuv_layout layout,
                                                     const struct terms *terms, int c)
{
    const __m256i luma = _mm256_mullo_epi16(samples->luma[half], terms->luma);
    const __m256i chroma = byte_chroma_words(samples, half, layout, terms, c);
    const __m256i number =
        _mm256_max_epi16(_mm256_adds_epi16(luma, chroma), _mm256_setzero_si256());
    return _mm256_srli_epi16(_mm256_mulhi_epu16(number, terms->reciprocal), 6);
}

/* Twice the number that is divided, and 1: so no float that a quotient rounds to is whole. */
static ALWAYS_INLINE TARGET_AVX2 __m256i divided(__m256i luma, __m256i chroma,
                                                 const struct terms *terms)
{
    const __m256i number = _mm256_add_epi32(_mm256_madd_epi16(luma, terms->luma), chroma);
    return _mm256_cvttps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(number), terms->twice_reciprocal));
}

static ALWAYS_INLINE TARGET_AVX2 __m256i word_values(const struct samples *samples, int half,
                                                     enum yuv_layout layout,
                                                     const struct terms *terms, int c)
{
    const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    __m256i sum = terms->offset;
    if (layout == YUV_WORD_PAIRS) {
        const __m256i pairs = samples->pairs[half];
        const __m256i lower = _mm256_srai_epi32(lower_sum(pairs, terms, c), YUV_STEP_BITS);
        sum = _mm256_add_epi32(_mm256_add_epi32(_mm256_madd_epi16(pairs, terms->top[c]), lower),
                               terms->offset);
    }
    /* The last bit of the fraction gives way to the 1. */
    const __m256i twice = _mm256_or_si256(_mm256_srai_epi32(sum, YUV_TOP_BITS - 1), one);
    const __m256i luma = samples->luma[half];
    return _mm256_packs_epi32(
        divided(_mm256_unpacklo_epi16(luma, zero), _mm256_unpacklo_epi32(twice, twice), terms),
        divided(_mm256_unpackhi_epi16(luma, zero), _mm256_unpackhi_epi32(twice, twice), terms));
}

static ALWAYS_INLINE TARGET_AVX2 __m256i channel(const struct samples *samples,
                                                 enum yuv_layout layout, const struct terms *terms,
                                                 int c)
{
    if (layout == YUV_WORD_PAIRS || layout == YUV_WORD_GREY)
        return _mm256_packus_epi16(word_values(samples, 0, layout, terms, c),
                                   word_values(samples, 1, layout, terms, c));
    return _mm256_packus_epi16(byte_values(samples, 0, layout, terms, c),
                               byte_values(samples, 1, layout, terms, c));
}

/* ---------------------------------------------------------------------------------------- rows */

static ALWAYS_INLINE TARGET_AVX2 size_t convert(uint8_t *rgb, const yuv_row *row,
                                                const struct terms *terms, size_t count,
                                                enum yuv_layout layout)
{
    size_t i = 0;
    for (; i + PIXELS <= count; i += PIXELS) {
        struct samples samples;
        load_samples(&samples, row, i, layout, terms);
        const __m256i red = channel(&samples, layout, terms, 0);
        if (layout == YUV_GREY || layout == YUV_WORD_GREY)
            store_rgb(rgb + 3 * i, red, red, red);
        else
            store_rgb(rgb + 3 * i, red, channel(&samples, layout, terms, 1),
                      channel(&samples, layout, terms, 2));
    }
    return i;
}

static TARGET_AVX2 size_t convert_any(uint8_t *rgb, const yuv_row *row, const struct terms *terms,
                                      size_t count)
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

TARGET_AVX2 void avx2_yuv_to_rgb(uint8_t *rgb, const yuv_row *row, const yuv_colours *colours,
                                 size_t count)
{
    const struct terms terms = terms_of(row, colours);
    const size_t done = convert_any(rgb, row, &terms, count);
    yuv_convert_rest(rgb, row, colours, done, count);
}

#else

typedef int yuv_avx2_is_for_x86;

#endif
