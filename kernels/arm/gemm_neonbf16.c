/*
 * gemm_neonbf16.c - matrix products of bf16 by BFMMLA (FEAT_BF16): two rows x two outputs x four
 * numbers in an instruction, added up in f32.
 *
 * The CPU adds one pair of products after the other to a sum, in ascending order, each pair rounded
 * in its own way; subnormal numbers count as zeros.
 */
#include "compiler.h"

#if QUALICLIP_NEON_EXTENSIONS

#include <arm_neon.h>

#include "kernels.h"

#define TILE_TARGET TARGET_NEONBF16
#define TILE_TYPE   NUMBER_BF16
#define TILE_SUMS   float32x4_t

static ALWAYS_INLINE TILE_TARGET float32x4_t tile_zero(void)
{
    return vdupq_n_f32(0);
}

static ALWAYS_INLINE TILE_TARGET float32x4_t tile_multiply_add(float32x4_t sums, uint8x16_t x,
                                                               uint8x16_t w)
{
    return vbfmmlaq_f32(sums, vreinterpretq_bf16_u8(x), vreinterpretq_bf16_u8(w));
}

/* One row of two pairs. */
#define tile_floats(a, b, odd, panel, row, lane)                                                   \
    ((odd) ? vcombine_f32(vget_high_f32(a), vget_high_f32(b))                                      \
           : vcombine_f32(vget_low_f32(a), vget_low_f32(b)))

#include "arm/tiles_mmla_neon.h"

size_t neonbf16_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    const size_t floats = neoni8mm_gemm_scratch(taps, inputs, outputs);
    const size_t operands = operands_scratch(inputs);
    return floats > operands ? floats : operands;
}

void neonbf16_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_BF16 && call->rounded)
        compute_by_pairs(call, scratch);
    else
        neoni8mm_gemm(call, scratch);
}

/* With zeros up to the next multiple of four: the last step reads so far. */
static TILE_TARGET void round_row(bfloat16_t *to, const float *in, size_t columns)
{
    for (size_t c = 0; c < columns; c += 4)
        vst1_bf16(to + c, vcvt_bf16_f32(load_lanes(in + c, columns - c)));
}

TILE_TARGET void neonbf16_round_rows(void *rounded, const float *in, size_t in_stride, size_t rows,
                                     size_t columns, number_type type)
{
    if (type != NUMBER_BF16) {
        neon_round_rows(rounded, in, in_stride, rows, columns, type);
        return;
    }
    for (size_t m = 0; m < rows; m++)
        round_row((bfloat16_t *)(void *)((char *)rounded + m * rounded_bytes(type, columns)),
                  in + m * in_stride, columns);
}

#else

typedef int gemm_neonbf16_is_for_aarch64;

#endif
