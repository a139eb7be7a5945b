/*
 * gemm_avx512bf16.c - matrix products of bf16, two at a time, added up in f32.
 *
 * The CPU adds a pair's two products to the sum one after the other, each rounded to nearest, and
 * takes subnormal numbers for zeros, whatever the environment's modes say.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "x86/avx512.h"
#include "x86/panels_avx512.h"

#include <immintrin.h>

#define TILE_TARGET  TARGET_AVX512BF16
#define TILE_SUMS    __m512
#define TILE_SCALES  int
#define TILE_WEIGHTS __m512i

#define tile_steps(type)       1
#define tile_group_bytes(type) 64
#define tile_all_steps(inputs) (((inputs) + 1) / 2)
#define tile_header(type)      0

static ALWAYS_INLINE TILE_TARGET __m512 tile_start(const struct panels *panels, size_t vector)
{
    (void)panels;
    (void)vector;
    return _mm512_setzero_ps();
}

static ALWAYS_INLINE TILE_TARGET __m512i tile_load(const char *weights, size_t step,
                                                   number_type type)
{
    (void)step;
    (void)type;
    return _mm512_loadu_si512(weights);
}

static ALWAYS_INLINE TILE_TARGET __m512i tile_spread(const char *x)
{
    return _mm512_set1_epi32(*(const int32_t *)x);
}

static ALWAYS_INLINE TILE_TARGET __m512 tile_multiply_add(__m512 sum, __m512i x, __m512i w)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
}

/* Sums are floats already. */
static ALWAYS_INLINE TILE_TARGET int tile_scales(const struct panels *panels, size_t vector)
{
    (void)panels;
    (void)vector;
    return 0;
}

static ALWAYS_INLINE TILE_TARGET __m512 tile_finish(__m512 sum, int scales,
                                                    const struct panels *panels, size_t row)
{
    (void)scales;
    (void)panels;
    (void)row;
    return sum;
}

#include "x86/tiles_avx512.h"

DEFINE_TILES(pairs, 1, NUMBER_BF16, false);
DEFINE_TILES(pairs, 2, NUMBER_BF16, false);

void avx512bf16_gemm(const gemm_call *call, float *scratch)
{
    static const struct tile_tables tables = {pairs_1, pairs_2};
    if (call->weight_type == NUMBER_BF16 && call->rounded)
        compute_panels(call, &tables, NUMBER_BF16, scratch);
    else
        avx512vnni_gemm(call, scratch);
}

static ALWAYS_INLINE TILE_TARGET void round_row(uint16_t *to, const float *in, size_t columns)
{
    size_t i = 0;
    for (; i + 16 <= columns; i += 16)
        _mm256_storeu_si256((__m256i *)(to + i),
                            (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(in + i)));
    if (i < columns) { /* with zeros up to the next 16: the last pair may need one */
        const __mmask16 rest = (__mmask16)((1u << (columns - i)) - 1);
        _mm256_storeu_si256((__m256i *)(to + i),
                            (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(rest, in + i)));
    }
}

TILE_TARGET void avx512bf16_round_rows(void *rounded, const float *in, size_t in_stride,
                                       size_t rows, size_t columns, number_type type)
{
    if (type != NUMBER_BF16) {
        avx512vnni_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        round_row((uint16_t *)((char *)rounded + m * rounded_bytes(type, columns)),
                  in + m * in_stride, columns);
}

#else

typedef int gemm_avx512bf16_is_for_x86;

#endif
