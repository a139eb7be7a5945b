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

#endif
