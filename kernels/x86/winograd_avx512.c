/*
 * winograd_avx512.c - Winograd's transforms, sixteen channels at a time.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/vector_avx2.h"

#define WINOGRAD_TARGET              TARGET_AVX512
#define WINOGRAD_VECTOR              __m512
#define WINOGRAD_LANES               16
#define vector_spread(x)             _mm512_set1_ps(x)
#define vector_add(a, b)             _mm512_add_ps(a, b)
#define vector_subtract(a, b)        _mm512_sub_ps(a, b)
#define vector_multiply(a, b)        _mm512_mul_ps(a, b)
#define vector_multiply_add(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vector_relu(v)               _mm512_max_ps(_mm512_setzero_ps(), v) /* NaN stays */

static ALWAYS_INLINE TARGET_AVX512 __m512 vector_load(const float *x, size_t count)
{
    return count >= 16 ? _mm512_loadu_ps(x)
                       : _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), x);
}

static ALWAYS_INLINE TARGET_AVX512 void vector_store(float *x, size_t count, __m512 v)
{
    if (count >= 16)
        _mm512_storeu_ps(x, v);
    else
        _mm512_mask_storeu_ps(x, (__mmask16)((1u << count) - 1), v);
}

#include "winograd_transforms.h"

TARGET_AVX512 void avx512_winograd_input(float *out, const float *const *pixels,
                                         const winograd_tiles *tiles)
{
    if (tiles->side == 2)
        input_tiles(out, pixels, tiles, 2);
    else
        input_tiles(out, pixels, tiles, 4);
}

TARGET_AVX512 void avx512_winograd_output(float *const *pixels, const float *in,
                                          const winograd_tiles *tiles, const float *bias,
                                          bool pools)
{
    if (pools)
        output_pooled(pixels, in, tiles, bias);
    else
        output_plain(pixels, in, tiles, bias);
}

#else

typedef int winograd_avx512_is_for_x86;

#endif
