/*
 * gemm_avx512.c - matrix products and convolutions in f32; f16 and bf16 weights are widened.
 *
 * Each output is the same chain of fused multiply-adds as in gemm_avx2.c: the same bits.
 */
#include "compiler.h"

#if QUALICLIP_X86

#include "reference/reference.h"
#include "x86/avx2.h"
#include "x86/avx512.h"
#include "x86/panels_avx512.h"

#include <immintrin.h>

#define TILE_TARGET  TARGET_AVX512
#define TILE_SUMS    __m512
#define TILE_SCALES  int
#define TILE_WEIGHTS __m512

/* Inputs in a group of weights, which are multiplied one after the other. */
#define tile_steps(type)       group_inputs(type)
#define tile_group_bytes(type) (PANEL_OUTPUTS * group_inputs(type) * number_size(type))
#define tile_all_steps(inputs) (inputs)
#define tile_header(type)      0

static ALWAYS_INLINE TARGET_AVX512 __m512 tile_start(const struct panels *panels, size_t vector)
{
    (void)panels;
    (void)vector;
    return _mm512_setzero_ps();
}

static ALWAYS_INLINE TARGET_AVX512 __m512 tile_load(const char *weights, size_t step,
                                                    number_type type)
{
    if (type == NUMBER_F16)
        return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)weights));
    if (type == NUMBER_F32)
        return _mm512_loadu_ps(weights);
    const __m512i pairs = _mm512_loadu_si512(weights);
    return _mm512_castsi512_ps(step ? _mm512_and_si512(pairs, _mm512_set1_epi32(-65536))
                                    : _mm512_slli_epi32(pairs, 16));
}

static ALWAYS_INLINE TARGET_AVX512 __m512 tile_spread(const char *x)
{
    return _mm512_set1_ps(*(const float *)x);
}

static ALWAYS_INLINE TARGET_AVX512 __m512 tile_multiply_add(__m512 sum, __m512 x, __m512 w)
{
    return _mm512_fmadd_ps(x, w, sum);
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

DEFINE_TILES(plain, 1, NUMBER_F32, false);
DEFINE_TILES(plain, 2, NUMBER_F32, false);
DEFINE_TILES(gathered, 1, NUMBER_F32, true);
DEFINE_TILES(gathered, 2, NUMBER_F32, true);
DEFINE_TILES(half, 2, NUMBER_F16, false);
DEFINE_TILES(bfloat, 2, NUMBER_BF16, false);

/* Which tiles read the packed weights as they are; for the others they are widened first. */
static number_type type_for(const gemm_call *call)
{
    const bool gathered = call->x_rows || call->taps > 1;
    const bool wide = call->outputs % MOST_OUTPUTS == 0 || call->outputs % MOST_OUTPUTS > 16;
    return call->packed && !gathered && wide ? call->weight_type : NUMBER_F32;
}

size_t avx512_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    const size_t ours = panels_scratch(taps, inputs);
    const size_t narrow = avx2_gemm_scratch(taps, inputs, outputs);
    return ours > narrow ? ours : narrow;
}

void avx512_gemm(const gemm_call *call, float *scratch)
{
    static const struct tile_tables plain = {plain_1, plain_2}, gathered = {gathered_1, gathered_2},
                                    half = {NULL, half_2}, bfloat = {NULL, bfloat_2};
    /* Half of each vector would be idle. */
    if (call->outputs <= 8 || call->weight_type == NUMBER_I8) {
        avx2_gemm(call, scratch);
        return;
    }
    const number_type type = type_for(call);
    const struct tile_tables *tables = call->x_rows          ? &gathered
                                       : type == NUMBER_F16  ? &half
                                       : type == NUMBER_BF16 ? &bfloat
                                                             : &plain;
    compute_panels(call, tables, type, scratch);
}

#else

typedef int gemm_avx512_is_for_x86;

#endif
