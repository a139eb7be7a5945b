/*
 * activate_avx512.c - activations, sixteen floats at a time, with AVX2's bits.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/vector_avx512.h"

static ALWAYS_INLINE TARGET_AVX512 __m512 relu_of(__m512 x)
{
    return _mm512_max_ps(_mm512_setzero_ps(), x);
}

static ALWAYS_INLINE TARGET_AVX512 __m512 quick_gelu_of(__m512 x)
{
    __m512 e = exp_of_16(_mm512_mul_ps(x, _mm512_set1_ps(-1.702f)));
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), e));
}

static ALWAYS_INLINE TARGET_AVX512 __m512 gelu_of(__m512 x)
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

static ALWAYS_INLINE TARGET_AVX512 void activate_as(float *x, size_t count, activation kind)
{
    for (size_t i = 0; i < count; i += 16) {
        const __mmask16 lanes = first_lanes_of_16(count - i);
        __m512 v = _mm512_maskz_loadu_ps(lanes, x + i);
        v = kind == ACTIVATION_RELU         ? relu_of(v)
            : kind == ACTIVATION_QUICK_GELU ? quick_gelu_of(v)
                                            : gelu_of(v);
        _mm512_mask_storeu_ps(x + i, lanes, v);
    }
}

TARGET_AVX512 void avx512_activate(float *x, size_t count, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: activate_as(x, count, ACTIVATION_RELU); break;
    case ACTIVATION_QUICK_GELU: activate_as(x, count, ACTIVATION_QUICK_GELU); break;
    case ACTIVATION_GELU: activate_as(x, count, ACTIVATION_GELU); break;
    }
}

#else

typedef int activate_avx512_is_for_x86;

#endif
