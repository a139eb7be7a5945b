/*
 * round_avx2.c - rows of floats become whole numbers.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <math.h>

#include "reference/reference.h"
#include "x86/avx2.h"
#include "x86/rounded_avx2.h"
#include "x86/vector_avx2.h"

static ALWAYS_INLINE TARGET_AVX2 float least_of_lanes(__m256 v)
{
    __m128 four = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}

/* The least of x and, where `negated`, of -x. */
static ALWAYS_INLINE TARGET_AVX2 float least_of_row(const float *x, size_t columns, bool negated)
{
    const __m256 sign = _mm256_set1_ps(negated ? -0.0f : 0);
    __m256 least = _mm256_set1_ps(INFINITY);
    for (size_t c = 0; c < columns; c += 8) {
        const __m256 v = _mm256_xor_ps(load_lanes(x + c, columns - c), sign);
        least = _mm256_min_ps(keep_lanes(v, columns - c, INFINITY), least);
    }
    return least_of_lanes(least);
}

static ALWAYS_INLINE TARGET_AVX2 __m128i bytes_of(__m256i eight)
{
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    return _mm_packs_epi16(words, words);
}

TARGET_AVX2 void avx2_round_row(struct rounded_row *row, const float *in, size_t columns,
                                int8_t inverted)
{
    const float least = least_of_row(in, columns, false);
    const float range = -least_of_row(in, columns, true) - least;
    const bool flat = range < ROUNDING_LEAST_RANGE;
    row->middle = least + range / 2;
    row->scale = flat ? 0 : range / 254;

    const __m256 middle = _mm256_set1_ps(row->middle);
    const __m256 inverse = _mm256_set1_ps(flat ? 0 : 127 / (range / 2));
    const __m128i inverted_bits = _mm_set1_epi8(inverted);
    int8_t *numbers = (int8_t *)(row + 1);
    for (size_t c = 0; c < columns; c += 8) {
        __m256 whole =
            _mm256_mul_ps(_mm256_sub_ps(load_lanes(in + c, columns - c), middle), inverse);
        whole = _mm256_max_ps(_mm256_min_ps(whole, _mm256_set1_ps(127)), _mm256_set1_ps(-127));
        const __m128i bytes = bytes_of(_mm256_cvtps_epi32(whole));
        /* Beyond the last column: some numbers, which weights of zero await. */
        _mm_storel_epi64((__m128i *)(numbers + c), _mm_xor_si128(bytes, inverted_bits));
    }
}

void avx2_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows, size_t columns,
                     number_type type)
{
    if (type != NUMBER_I8) {
        reference_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        avx2_round_row((void *)((char *)rounded + m * rounded_bytes(type, columns)),
                       in + m * in_stride, columns, 0);
}

#else

typedef int round_avx2_is_for_x86;

#endif
