/*
 * layernorm_avx512.c - LayerNorm, sixteen floats at a time, with AVX2's bits: its sums run in 32
 * lanes, which are two vectors here, and are joined in the same order.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include <math.h>

#include "x86/avx512.h"
#include "x86/vector_avx2.h"
#include "x86/vector_avx512.h"

/* What is left of a row behind whole vectors of 32 goes to the first eight lanes. */
static ALWAYS_INLINE TARGET_AVX512 float sum_of_row(const float *x, size_t columns, float shift,
                                                    bool squared)
{
    const __m512 shifts = _mm512_set1_ps(shift);
    __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t c = 0;
    for (; c + 32 <= columns; c += 32) {
        UNROLL_FULLY
        for (size_t i = 0; i < 2; i++) {
            const __m512 v = _mm512_sub_ps(_mm512_loadu_ps(x + c + 16 * i), shifts);
            sums[i] = squared ? _mm512_fmadd_ps(v, v, sums[i]) : _mm512_add_ps(sums[i], v);
        }
    }
    __m256 first = _mm512_castps512_ps256(sums[0]);
    for (; c < columns; c += 8) {
        __m256 v = _mm256_sub_ps(load_lanes(x + c, columns - c), _mm256_set1_ps(shift));
        v = keep_lanes(v, columns - c, 0);
        first = squared ? _mm256_fmadd_ps(v, v, first) : _mm256_add_ps(first, v);
    }
    const __m256 low = _mm256_add_ps(first, _mm512_extractf32x8_ps(sums[0], 1));
    const __m256 high =
        _mm256_add_ps(_mm512_castps512_ps256(sums[1]), _mm512_extractf32x8_ps(sums[1], 1));
    return sum_of_lanes(_mm256_add_ps(low, high));
}

TARGET_AVX512 void avx512_layernorm(float *out, size_t out_stride, const float *in,
                                    size_t in_stride, size_t rows, size_t columns,
                                    const float *gain, const float *bias, float epsilon)
{
    for (size_t r = 0; r < rows; r++, in += in_stride, out += out_stride) {
        const float mean = sum_of_row(in, columns, 0, false) / (float)columns;
        const float variance = sum_of_row(in, columns, mean, true) / (float)columns;
        const __m512 means = _mm512_set1_ps(mean);
        const __m512 scales = _mm512_set1_ps(1 / sqrtf(variance + epsilon));
        for (size_t c = 0; c < columns; c += 16) {
            const __mmask16 lanes = first_lanes_of_16(columns - c);
            __m512 v = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, in + c), means);
            v = _mm512_mul_ps(v, scales);
            v = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(lanes, gain + c),
                                _mm512_maskz_loadu_ps(lanes, bias + c));
            _mm512_mask_storeu_ps(out + c, lanes, v);
        }
    }
}

#else

typedef int layernorm_avx512_is_for_x86;

#endif
