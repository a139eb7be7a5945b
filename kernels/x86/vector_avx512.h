/*
 * vector_avx512.h - sixteen floats at a time: step by step what vector_avx2.h does with eight, so
 * that every bit is the same.
 */
#ifndef QUALICLIP_X86_VECTOR_AVX512_H
#define QUALICLIP_X86_VECTOR_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "compiler.h"
#include "curves.h"
#include "kernels.h"

/* The first min(count, 16) of sixteen lanes. */
static ALWAYS_INLINE TARGET_AVX512 __mmask16 first_lanes_of_16(size_t count)
{
    return count >= 16 ? 0xffff : (__mmask16)((1u << count) - 1);
}

/* 2^n is one instruction here, which rounds once, as two factors do of which one is exact. */
static ALWAYS_INLINE TARGET_AVX512 __m512 exp_of_16(__m512 x)
{
    /* The constant first: on NaN, min and max give their second operand. */
    x = _mm512_max_ps(_mm512_set1_ps(exp_lowest), x);
    x = _mm512_min_ps(_mm512_set1_ps(exp_highest), x);

    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(one_over_ln2)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(ln2_high), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(ln2_low), r);

    __m512 p = _mm512_set1_ps(exp_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < EXP_TERMS; i++)
        p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(exp_terms[i]));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), _mm512_add_ps(r, _mm512_set1_ps(1)));
    return _mm512_scalef_ps(p, n);
}

static ALWAYS_INLINE TARGET_AVX512 __m512 relu_of_16(__m512 x)
{
    return _mm512_max_ps(_mm512_setzero_ps(), x);
}

static ALWAYS_INLINE TARGET_AVX512 __m512 quick_gelu_of_16(__m512 x)
{
    __m512 e = exp_of_16(_mm512_mul_ps(x, _mm512_set1_ps(-1.702f)));
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), e));
}

static ALWAYS_INLINE TARGET_AVX512 __m512 gelu_of_16(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1);
    __m512 size = _mm512_min_ps(_mm512_set1_ps(gelu_tail_ends), _mm512_abs_ps(x));
    __m512 z = _mm512_mul_ps(size, _mm512_set1_ps(one_over_sqrt2));

    const __m512 middle = _mm512_set1_ps(erfcx_middle);
    __m512 q = _mm512_div_ps(_mm512_sub_ps(z, middle), _mm512_add_ps(z, middle));
    __m512 p = _mm512_set1_ps(erfcx_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < ERFCX_TERMS; i++)
        p = _mm512_fmadd_ps(p, q, _mm512_set1_ps(erfcx_terms[i]));
    __m512 half_erfcx = _mm512_div_ps(p, _mm512_fmadd_ps(z, _mm512_set1_ps(4), _mm512_set1_ps(2)));

    __m512 square = _mm512_mul_ps(size, size);
    __m512 square_error = _mm512_fmsub_ps(size, size, square);
    __m512 e = exp_of_16(_mm512_mul_ps(square, _mm512_set1_ps(-0.5f)));
    e = _mm512_fnmadd_ps(_mm512_mul_ps(e, _mm512_set1_ps(0.5f)), square_error, e);

    __m512 tail = _mm512_mul_ps(e, half_erfcx);
    const __mmask16 negative = _mm512_movepi32_mask(_mm512_castps_si512(x));
    return _mm512_mul_ps(x, _mm512_mask_sub_ps(tail, (__mmask16)~negative, one, tail));
}

static ALWAYS_INLINE TARGET_AVX512 __m512 activation_of_16(__m512 x, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return relu_of_16(x);
    case ACTIVATION_QUICK_GELU: return quick_gelu_of_16(x);
    case ACTIVATION_GELU: return gelu_of_16(x);
    }
    return x;
}

#endif
