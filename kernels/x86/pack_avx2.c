/*
 * pack_avx2.c - weights of a few outputs, turned so that those of one input lie side by side.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx2.h"
#include "x86/pack_avx2.h"
#include "x86/vector_avx2.h"

#define CHUNK 128

static ALWAYS_INLINE TARGET_AVX2 float number_at(const void *data, number_type type, size_t index)
{
    if (type == NUMBER_F16)
        return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(((const uint16_t *)data)[index])));
    if (type == NUMBER_BF16)
        return _mm_cvtss_f32(_mm_castsi128_ps(
            _mm_slli_epi32(_mm_cvtsi32_si128(((const uint16_t *)data)[index]), 16)));
    return ((const float *)data)[index];
}

/* Numbers index .. index + 3 of row a in the low lanes, of row b in the high ones. */
static ALWAYS_INLINE TARGET_AVX2 __m256 four_of_two(const void *data, number_type type, size_t a,
                                                    size_t b)
{
    if (type != NUMBER_F32) {
        const uint16_t *shorts = data;
        __m128i low = _mm_loadl_epi64((const __m128i *)(shorts + a));
        __m128i high = _mm_loadl_epi64((const __m128i *)(shorts + b));
        __m128i both = _mm_unpacklo_epi64(low, high);
        return type == NUMBER_F16 ? _mm256_cvtph_ps(both) : singles_of_bfloats(both);
    }
    const float *singles = data;
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(singles + a)),
                                _mm_loadu_ps(singles + b), 1);
}

/* Four inputs of eight outputs, of which output j begins at rows[j].  4x4 transposes, two abreast.
 */
static ALWAYS_INLINE TARGET_AVX2 void turn_4x8(float *panel, size_t lanes, const void *data,
                                               number_type type, const size_t *rows)
{
    __m256 a = four_of_two(data, type, rows[0], rows[4]);
    __m256 b = four_of_two(data, type, rows[1], rows[5]);
    __m256 c = four_of_two(data, type, rows[2], rows[6]);
    __m256 d = four_of_two(data, type, rows[3], rows[7]);
    __m256 ab_low = _mm256_unpacklo_ps(a, b), ab_high = _mm256_unpackhi_ps(a, b);
    __m256 cd_low = _mm256_unpacklo_ps(c, d), cd_high = _mm256_unpackhi_ps(c, d);
    _mm256_store_ps(panel, _mm256_shuffle_ps(ab_low, cd_low, 0x44));
    _mm256_store_ps(panel + lanes, _mm256_shuffle_ps(ab_low, cd_low, 0xee));
    _mm256_store_ps(panel + 2 * lanes, _mm256_shuffle_ps(ab_high, cd_high, 0x44));
    _mm256_store_ps(panel + 3 * lanes, _mm256_shuffle_ps(ab_high, cd_high, 0xee));
}

/*
 * `count` inputs of eight outputs from number `first` on.  Missing outputs are stood in for by the
 * last; where none is missing, the addresses are so plain that they take few registers.
 */
static ALWAYS_INLINE TARGET_AVX2 void pack_eight(float *panel, size_t lanes, const gemm_call *call,
                                                 number_type type, size_t first, size_t outputs,
                                                 size_t count)
{
    const size_t stride = call->weight_stride;
    size_t rows[8];
    size_t i = 0;

    for (; i + 4 <= count; i += 4) {
        UNROLL_FULLY
        for (size_t j = 0; j < 8; j++)
            rows[j] = first + i + (j < outputs ? j : outputs - 1) * stride;
        turn_4x8(panel + i * lanes, lanes, call->weights, type, rows);
    }
    for (; i < count; i++)
        for (size_t j = 0; j < 8; j++)
            panel[i * lanes + j] = number_at(call->weights, type,
                                             first + i + (j < outputs ? j : outputs - 1) * stride);
}

/*
 * Outputs are rows of the matrix, read eight at a time, CHUNK inputs of each: with more rows at
 * once, or longer ones, those a power of two apart push each other out of the cache (K = 3072: 82 %
 * of the peak at CHUNK 16, 85 % at 128; others gain half a point).
 */
static ALWAYS_INLINE TARGET_AVX2 void pack_rows(float *panel, size_t lanes, const gemm_call *call,
                                                number_type type, size_t output, size_t outputs,
                                                size_t inputs)
{
    for (size_t i = 0; i < inputs; i += CHUNK) {
        size_t count = inputs - i < CHUNK ? inputs - i : CHUNK;
        for (size_t group = 0; group < lanes; group += 8) {
            float *to = panel + i * lanes + group;
            size_t first = (output + group) * call->weight_stride + i;
            if (outputs >= group + 8)
                pack_eight(to, lanes, call, type, first, 8, count);
            else if (outputs > group)
                pack_eight(to, lanes, call, type, first, outputs - group, count);
            else
                for (size_t j = 0; j < count; j++)
                    _mm256_storeu_ps(to + j * lanes, _mm256_setzero_ps());
        }
    }
}

/* Outputs are columns of the matrix: they lie side by side already. */
static ALWAYS_INLINE TARGET_AVX2 void pack_columns(float *panel, size_t lanes,
                                                   const gemm_call *call, number_type type,
                                                   size_t output, size_t outputs, size_t inputs)
{
    for (size_t i = 0; i < inputs; i++, panel += lanes) {
        size_t row = i * call->weight_stride + output;
        if (type == NUMBER_F32) {
            const float *from = (const float *)call->weights + row;
            _mm256_storeu_ps(panel, load_lanes(from, outputs));
            if (lanes > 8)
                _mm256_storeu_ps(panel + 8, outputs > 8 ? load_lanes(from + 8, outputs - 8)
                                                        : _mm256_setzero_ps());
        } else {
            for (size_t j = 0; j < lanes; j++)
                panel[j] = j < outputs ? number_at(call->weights, type, row + j) : 0;
        }
    }
}

static ALWAYS_INLINE TARGET_AVX2 void pack(float *panel, size_t lanes, const gemm_call *call,
                                           number_type type, size_t output, size_t outputs,
                                           size_t inputs)
{
    if (call->weights_transposed)
        pack_columns(panel, lanes, call, type, output, outputs, inputs);
    else
        pack_rows(panel, lanes, call, type, output, outputs, inputs);
}

TARGET_AVX2 void avx2_pack_weights(float *panel, size_t lanes, const gemm_call *call, size_t output,
                                   size_t outputs, size_t inputs)
{
    switch (call->weight_type) { /* known when compiled: one loop for each */
    case NUMBER_F32: pack(panel, lanes, call, NUMBER_F32, output, outputs, inputs); break;
    case NUMBER_F16: pack(panel, lanes, call, NUMBER_F16, output, outputs, inputs); break;
    case NUMBER_BF16: pack(panel, lanes, call, NUMBER_BF16, output, outputs, inputs); break;
    case NUMBER_I8: break; /* never unpacked */
    }
}

TARGET_AVX2 void avx2_widen_panel(float *panel, size_t lanes, const void *packed, number_type type,
                                  size_t taps, size_t inputs)
{
    const size_t group = group_inputs(type), number = number_size(type);
    const char *weights = packed;
    for (size_t t = 0; t < taps; t++)
        for (size_t i = 0; i < inputs; i++, panel += lanes) {
            for (size_t j = 0; j < lanes; j += 8) {
                const char *eight = weights + j * group * number;
                _mm256_store_ps(panel + j, type == NUMBER_BF16 ? load_packed_bfloats(eight, i % 2)
                                                               : load_packed(eight, type));
            }
            if (i % group + 1 == group || i + 1 == inputs)
                weights += PANEL_OUTPUTS * group * number;
        }
}

#else

typedef int pack_avx2_is_for_x86;

#endif
