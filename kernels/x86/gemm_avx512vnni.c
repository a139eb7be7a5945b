/*
 * gemm_avx512vnni.c - matrix products of whole numbers: 64 products of bytes in an instruction.
 *
 * The instruction multiplies unsigned bytes with signed ones.  So a row's numbers are kept 128
 * larger than they are, and sums begin at -128 times the sum of the weights.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "reference/reference.h"
#include "x86/avx512.h"
#include "x86/panels_avx512.h"

#include <immintrin.h>

#define TILE_TARGET  TARGET_AVX512VNNI
#define TILE_SUMS    __m512i
#define TILE_SCALES  struct scales
#define TILE_WEIGHTS __m512i

#define tile_steps(type)       1
#define tile_group_bytes(type) 64
#define tile_all_steps(inputs) (((inputs) + 3) / 4)
#define tile_header(type)      sizeof(struct panel_i8)

/* How a rounded row begins; its numbers lie behind it. */
struct rounded_row {
    float scale, middle;
    unsigned char rest_of_line[56];
};

/* Of sixteen outputs: the scales, and each times the sum of the output's weights. */
struct scales {
    __m512 scales, sums;
};

static ALWAYS_INLINE TILE_TARGET const struct panel_i8 *panel_of(const struct panels *panels,
                                                                 size_t vector)
{
    return (const void *)(panels->weights + vector * panels->to_second);
}

static ALWAYS_INLINE TILE_TARGET __m512i tile_start(const struct panels *panels, size_t vector)
{
    const __m512i sums = _mm512_loadu_si512(panel_of(panels, vector)->sums);
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(sums, 7));
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

static ALWAYS_INLINE TILE_TARGET __m512i tile_multiply_add(__m512i sum, __m512i x, __m512i w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}

static ALWAYS_INLINE TILE_TARGET struct scales tile_scales(const struct panels *panels,
                                                           size_t vector)
{
    const struct panel_i8 *panel = panel_of(panels, vector);
    const __m512 scales = _mm512_loadu_ps(panel->scales);
    const __m512 sums = _mm512_cvtepi32_ps(_mm512_loadu_si512(panel->sums));
    return (struct scales){scales, _mm512_mul_ps(scales, sums)};
}

/* As kernels.h says: count * (scales) + middle * (scale * sum), the last + fused. */
static ALWAYS_INLINE TILE_TARGET __m512 tile_finish(__m512i sum, struct scales outputs,
                                                    const struct panels *panels, size_t row)
{
    const gemm_call *call = panels->call;
    const struct rounded_row *x =
        (const void *)((const char *)call->rounded + row * rounded_bytes(NUMBER_I8, call->inputs));
    const __m512 shift = _mm512_mul_ps(_mm512_set1_ps(x->middle), outputs.sums);
    const __m512 scale = _mm512_mul_ps(_mm512_set1_ps(x->scale), outputs.scales);
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, shift);
}

#include "x86/tiles_avx512.h"

DEFINE_TILES(fours, 1, NUMBER_I8, false);
DEFINE_TILES(fours, 2, NUMBER_I8, false);

void avx512vnni_gemm(const gemm_call *call, float *scratch)
{
    static const struct tile_tables tables = {fours_1, fours_2};
    if (call->weight_type == NUMBER_I8)
        compute_panels(call, &tables, NUMBER_I8, scratch);
    else
        avx512_gemm(call, scratch);
}

/* ------------------------------------------------------------------------------------- rounding */

static ALWAYS_INLINE TILE_TARGET __mmask16 lanes_from(size_t i, size_t columns)
{
    return columns - i >= 16 ? 0xffff : (__mmask16)((1u << (columns - i)) - 1);
}

static ALWAYS_INLINE TILE_TARGET void round_row(struct rounded_row *row, const float *in,
                                                size_t columns)
{
    __m512 least = _mm512_set1_ps(in[0]), largest = least;
    for (size_t i = 0; i < columns; i += 16) {
        const __m512 x = _mm512_mask_loadu_ps(least, lanes_from(i, columns), in + i);
        least = _mm512_min_ps(x, least);
        const __m512 y = _mm512_mask_loadu_ps(largest, lanes_from(i, columns), in + i);
        largest = _mm512_max_ps(y, largest);
    }
    const float low = _mm512_reduce_min_ps(least);
    const float range = _mm512_reduce_max_ps(largest) - low;
    const bool flat = range < ROUNDING_LEAST_RANGE;
    row->middle = low + range / 2;
    row->scale = flat ? 0 : range / 254;

    const __m512 middle = _mm512_set1_ps(row->middle);
    const __m512 inverse = _mm512_set1_ps(flat ? 0 : 127 / (range / 2));
    uint8_t *numbers = (uint8_t *)(row + 1);
    for (size_t i = 0; i < columns; i += 16) {
        const __m512 x = _mm512_maskz_loadu_ps(lanes_from(i, columns), in + i);
        __m512 whole = _mm512_mul_ps(_mm512_sub_ps(x, middle), inverse);
        whole = _mm512_max_ps(_mm512_min_ps(whole, _mm512_set1_ps(127)), _mm512_set1_ps(-127));
        const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(whole));
        /* Beyond the last column: some numbers, which weights of zero await. */
        _mm_storeu_si128((__m128i *)(numbers + i), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    }
}

TILE_TARGET void avx512vnni_round_rows(void *rounded, const float *in, size_t in_stride,
                                       size_t rows, size_t columns, number_type type)
{
    if (type != NUMBER_I8) {
        reference_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        round_row((struct rounded_row *)((char *)rounded + m * rounded_bytes(type, columns)),
                  in + m * in_stride, columns);
}

#else

typedef int gemm_avx512vnni_is_for_x86;

#endif
