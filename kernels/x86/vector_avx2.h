/*
 * vector_avx2.h - eight floats at a time: tails, sums, exponentials.
 *
 * A tail goes through the same instructions as full vectors, with a mask, so an element's bits do
 * not depend on where in a row it stands.
 */
#ifndef QUALICLIP_X86_VECTOR_AVX2_H
#define QUALICLIP_X86_VECTOR_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "curves.h"
#include "kernels.h"

/* The first `count` of eight lanes; count <= 8. */
static ALWAYS_INLINE TARGET_AVX2 __m256i first_lanes(size_t count)
{
    static const int32_t lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(lanes + 8 - count));
}

/* min(count, 8) floats; 0 in the other lanes, whose memory is not touched. */
static ALWAYS_INLINE TARGET_AVX2 __m256 load_lanes(const float *x, size_t count)
{
    return count >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, first_lanes(count));
}

static ALWAYS_INLINE TARGET_AVX2 void store_lanes(float *x, size_t count, __m256 v)
{
    if (count >= 8)
        _mm256_storeu_ps(x, v);
    else
        _mm256_maskstore_ps(x, first_lanes(count), v);
}

/* v in the first min(count, 8) lanes, `other` in the rest. */
static ALWAYS_INLINE TARGET_AVX2 __m256 keep_lanes(__m256 v, size_t count, float other)
{
    if (count >= 8)
        return v;
    return _mm256_blendv_ps(_mm256_set1_ps(other), v, _mm256_castsi256_ps(first_lanes(count)));
}

/* Eight bf16, each the upper half of an f32. */
static ALWAYS_INLINE TARGET_AVX2 __m256 singles_of_bfloats(__m128i eight)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(eight), 16));
}

/* Eight weights of one input out of a packed panel of f32 or f16. */
static ALWAYS_INLINE TARGET_AVX2 __m256 load_packed(const void *packed, number_type type)
{
    return type == NUMBER_F32 ? _mm256_load_ps(packed) : _mm256_cvtph_ps(_mm_load_si128(packed));
}

/* Eight weights out of eight pairs of bf16: of a pair's first or second input. */
static ALWAYS_INLINE TARGET_AVX2 __m256 load_packed_bfloats(const void *packed, bool second)
{
    __m256i pairs = _mm256_load_si256(packed);
    return _mm256_castsi256_ps(second ? _mm256_and_si256(pairs, _mm256_set1_epi32(-65536))
                                      : _mm256_slli_epi32(pairs, 16));
}

static ALWAYS_INLINE TARGET_AVX2 float sum_of_lanes(__m256 v)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/*
 * exp(x) within 2 ulp wherever the result is normal; 0 and infinity where it leaves the range of
 * floats; NaN stays NaN.  2^n is applied as two factors, because n reaches from -152 to 128 and one
 * factor holds -126 to 127 only.
 */
static ALWAYS_INLINE TARGET_AVX2 __m256 exp_of(__m256 x)
{
    /* The constant first: on NaN, min and max give their second operand. */
    x = _mm256_max_ps(_mm256_set1_ps(exp_lowest), x);
    x = _mm256_min_ps(_mm256_set1_ps(exp_highest), x);

    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(one_over_ln2)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(ln2_high), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(ln2_low), r);

    __m256 p = _mm256_set1_ps(exp_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < EXP_TERMS; i++)
        p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(exp_terms[i]));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), _mm256_add_ps(r, _mm256_set1_ps(1)));

    __m256i exponent = _mm256_cvtps_epi32(n);
    __m256i half = _mm256_srai_epi32(exponent, 1);
    __m256i rest = _mm256_sub_epi32(exponent, half);
    __m256i one = _mm256_set1_epi32(127);
    __m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, one), 23));
    __m256 b = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, one), 23));
    return _mm256_mul_ps(_mm256_mul_ps(p, a), b);
}

/* NaN and -0 stay as they are, as in the reference. */
static ALWAYS_INLINE TARGET_AVX2 __m256 relu_of(__m256 x)
{
    return _mm256_max_ps(_mm256_setzero_ps(), x);
}

/* x / (1 + exp(-1.702 x)); where the exponential is infinite the quotient is 0. */
static ALWAYS_INLINE TARGET_AVX2 __m256 quick_gelu_of(__m256 x)
{
    __m256 e = exp_of(_mm256_mul_ps(x, _mm256_set1_ps(-1.702f)));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1), e));
}

/*
 * x Phi(x), with a small relative error in both tails: with z = |x| / sqrt 2, the tail of Phi is
 * exp(-z^2) erfcx(z) / 2.  z^2 needs its rounding error too, or the exponential would magnify it.
 * The cap keeps squares finite.
 */
static ALWAYS_INLINE TARGET_AVX2 __m256 gelu_of(__m256 x)
{
    const __m256 one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    __m256 size = _mm256_min_ps(_mm256_set1_ps(gelu_tail_ends), _mm256_andnot_ps(sign, x));
    __m256 z = _mm256_mul_ps(size, _mm256_set1_ps(one_over_sqrt2));

    const __m256 middle = _mm256_set1_ps(erfcx_middle);
    __m256 q = _mm256_div_ps(_mm256_sub_ps(z, middle), _mm256_add_ps(z, middle));
    __m256 p = _mm256_set1_ps(erfcx_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < ERFCX_TERMS; i++)
        p = _mm256_fmadd_ps(p, q, _mm256_set1_ps(erfcx_terms[i]));
    __m256 half_erfcx = _mm256_div_ps(p, _mm256_fmadd_ps(z, _mm256_set1_ps(4), _mm256_set1_ps(2)));

    __m256 square = _mm256_mul_ps(size, size);
    __m256 square_error = _mm256_fmsub_ps(size, size, square);
    __m256 e = exp_of(_mm256_mul_ps(square, _mm256_set1_ps(-0.5f)));
    e = _mm256_fnmadd_ps(_mm256_mul_ps(e, _mm256_set1_ps(0.5f)), square_error, e);

    __m256 tail = _mm256_mul_ps(e, half_erfcx);
    return _mm256_mul_ps(x, _mm256_blendv_ps(_mm256_sub_ps(one, tail), tail, x));
}

static ALWAYS_INLINE TARGET_AVX2 __m256 activation_of(__m256 x, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return relu_of(x);
    case ACTIVATION_QUICK_GELU: return quick_gelu_of(x);
    case ACTIVATION_GELU: return gelu_of(x);
    }
    return x;
}

#endif
