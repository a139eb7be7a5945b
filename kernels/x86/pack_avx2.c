/*
 * pack_avx2.c - weights of a few outputs, turned so that those of one input lie side by side.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/pack_avx2.h"
#include "x86/vector_avx2.h"

static ALWAYS_INLINE TARGET_AVX2 float number_at(const void *data, number_type type, size_t index)
{
    if (type == NUMBER_F16)
        return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(((const uint16_t *)data)[index])));
    return ((const float *)data)[index];
}

/* Numbers index .. index + 3 of row a in the low lanes, of row b in the high ones. */
static ALWAYS_INLINE TARGET_AVX2 __m256 four_of_two(const void *data, number_type type, size_t a,
                                                    size_t b)
{
    if (type == NUMBER_F16) {
        const uint16_t *halves = data;
        __m128i low = _mm_loadl_epi64((const __m128i *)(halves + a));
        __m128i high = _mm_loadl_epi64((const __m128i *)(halves + b));
        return _mm256_cvtph_ps(_mm_unpacklo_epi64(low, high));
    }
    const float *singles = data;
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(singles + a)),
                                _mm_loadu_ps(singles + b), 1);
}

/* Four inputs of eight outputs: rows[j] is where output j's begin.  4x4 transposes, two abreast. */
static ALWAYS_INLINE TARGET_AVX2 void turn_4x8(float *panel, size_t lanes, const void *data,
                                               number_type type, const size_t *rows, size_t i)
{
    __m256 a = four_of_two(data, type, rows[0] + i, rows[4] + i);
    __m256 b = four_of_two(data, type, rows[1] + i, rows[5] + i);
    __m256 c = four_of_two(data, type, rows[2] + i, rows[6] + i);
    __m256 d = four_of_two(data, type, rows[3] + i, rows[7] + i);
    __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(panel, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
    _mm256_storeu_ps(panel + lanes, _mm256_shuffle_ps(ab_low, cd_low, 0xee));
    _mm256_storeu_ps(panel + 2 * lanes, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_storeu_ps(panel + 3 * lanes, _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

/* Outputs are rows of the matrix.  Missing outputs are stood in for by the last. */
static ALWAYS_INLINE TARGET_AVX2 void pack_rows(float *panel, size_t lanes, const gemm_call *call,
                                                number_type type, size_t output, size_t outputs,
                                                size_t input, size_t inputs)
{
    for (size_t group = 0; group < lanes; group += 8) {
        size_t rows[8];
        for (size_t j = 0; j < 8; j++) {
            size_t n = group + j < outputs ? group + j : outputs - 1;
            rows[j] = (output + n) * call->weight_stride + input;
        }
        float *to = panel + group;
        size_t i = 0;
        for (; i + 4 <= inputs; i += 4, to += 4 * lanes)
            turn_4x8(to, lanes, call->weights, type, rows, i);
        for (; i < inputs; i++, to += lanes)
            for (size_t j = 0; j < 8; j++)
                to[j] = number_at(call->weights, type, rows[j] + i);
    }
}

/* Outputs are columns of the matrix: they lie side by side already. */
static ALWAYS_INLINE TARGET_AVX2 void pack_columns(float *panel, size_t lanes,
                                                   const gemm_call *call, number_type type,
                                                   size_t output, size_t outputs, size_t input,
                                                   size_t inputs)
{
    for (size_t i = 0; i < inputs; i++, panel += lanes) {
        size_t row = (input + i) * call->weight_stride + output;
        if (type == NUMBER_F32) {
            const float *from = (const float *)call->weights + row;
            _mm256_storeu_ps(panel, load_lanes(from, outputs));
            if (lanes > 8)
                _mm256_storeu_ps(panel + 8, load_lanes(from + 8, outputs - 8));
        } else {
            for (size_t j = 0; j < lanes; j++)
                panel[j] = j < outputs ? number_at(call->weights, type, row + j) : 0;
        }
    }
}

TARGET_AVX2 void avx2_pack_weights(float *panel, size_t lanes, const gemm_call *call,
                                   size_t output, size_t outputs, size_t input, size_t inputs)
{
    if (call->weights_transposed) {
        if (call->weight_type == NUMBER_F16)
            pack_columns(panel, lanes, call, NUMBER_F16, output, outputs, input, inputs);
        else
            pack_columns(panel, lanes, call, NUMBER_F32, output, outputs, input, inputs);
    } else if (call->weight_type == NUMBER_F16) {
        pack_rows(panel, lanes, call, NUMBER_F16, output, outputs, input, inputs);
    } else {
        pack_rows(panel, lanes, call, NUMBER_F32, output, outputs, input, inputs);
    }
}

#else

typedef int pack_avx2_is_for_x86;

#endif
