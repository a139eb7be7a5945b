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

/* A row's least and largest number; two vectors of each hide the latency. */
static ALWAYS_INLINE TILE_TARGET void find_range(const float *in, size_t columns, float *low,
                                                 float *high)
{
    __m512 least[2], largest[2];
    least[0] = least[1] = largest[0] = largest[1] = _mm512_set1_ps(in[0]);
    size_t i = 0;
    for (; i + 32 <= columns; i += 32) {
        UNROLL_FULLY
        for (size_t v = 0; v < 2; v++) {
            const __m512 x = _mm512_loadu_ps(in + i + 16 * v);
            least[v] = _mm512_min_ps(x, least[v]);
            largest[v] = _mm512_max_ps(x, largest[v]);
        }
    }
    for (; i < columns; i += 16) {
        const __mmask16 lanes = first_lanes_of_16(columns - i);
        const __m512 x = _mm512_maskz_loadu_ps(lanes, in + i);
        least[0] = _mm512_mask_min_ps(least[0], lanes, x, least[0]);
        largest[0] = _mm512_mask_max_ps(largest[0], lanes, x, largest[0]);
    }
    *low = _mm512_reduce_min_ps(_mm512_min_ps(least[0], least[1]));
    *high = _mm512_reduce_max_ps(_mm512_max_ps(largest[0], largest[1]));
}

static ALWAYS_INLINE TILE_TARGET __m128i bytes_of(__m512 x, __m512 middle, __m512 inverse)
{
    __m512 whole = _mm512_mul_ps(_mm512_sub_ps(x, middle), inverse);
    whole = _mm512_max_ps(_mm512_min_ps(whole, _mm512_set1_ps(127)), _mm512_set1_ps(-127));
    const __m128i bytes = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(whole));
    return _mm_xor_si128(bytes, _mm_set1_epi8(-128));
}

static ALWAYS_INLINE TILE_TARGET void round_row(struct rounded_row *row, const float *in,
                                                size_t columns)
{
    float low, high;
    find_range(in, columns, &low, &high);
    const float range = high - low;
    const bool flat = range < ROUNDING_LEAST_RANGE;
    row->middle = low + range / 2;
    row->scale = flat ? 0 : range / 254;

    const __m512 middle = _mm512_set1_ps(row->middle);
    const __m512 inverse = _mm512_set1_ps(flat ? 0 : 127 / (range / 2));
    uint8_t *numbers = (uint8_t *)(row + 1);
    size_t i = 0;
    for (; i + 16 <= columns; i += 16)
        _mm_storeu_si128((__m128i *)(numbers + i),
                         bytes_of(_mm512_loadu_ps(in + i), middle, inverse));
    /* Beyond the last column: some numbers, which weights of zero await. */
    if (i < columns)
        _mm_storeu_si128((__m128i *)(numbers + i),
                         bytes_of(_mm512_maskz_loadu_ps(first_lanes_of_16(columns - i), in + i),
                                  middle, inverse));
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
