/*
 * gemm_neoni8mm.c - matrix products of whole numbers by SMMLA (FEAT_I8MM): two rows x two outputs x
 * eight bytes in an instruction.
 */
#include "compiler.h"

#if QUALICLIP_NEON_EXTENSIONS

#include <arm_neon.h>

#include "kernels.h"

#define TILE_TARGET TARGET_NEONI8MM
#define TILE_TYPE   NUMBER_I8
#define TILE_SUMS   int32x4_t

static ALWAYS_INLINE TILE_TARGET int32x4_t tile_zero(void)
{
    return vdupq_n_s32(0);
}

static ALWAYS_INLINE TILE_TARGET int32x4_t tile_multiply_add(int32x4_t sums, uint8x16_t x,
                                                             uint8x16_t w)
{
    return vmmlaq_s32(sums, vreinterpretq_s8_u8(x), vreinterpretq_s8_u8(w));
}

/* One row of two pairs: its four outputs from `lane` on. */
#define tile_floats(a, b, odd, panel, row, lane)                                                   \
    floats_of_counts((odd) ? vcombine_s32(vget_high_s32(a), vget_high_s32(b))                      \
                           : vcombine_s32(vget_low_s32(a), vget_low_s32(b)),                       \
                     (panel)->packed, lane, rounded_row_of((panel)->call, row))

#include "arm/tiles_mmla_neon.h"

size_t neoni8mm_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    const size_t floats = neon_gemm_scratch(taps, inputs, outputs);
    const size_t operands = operands_scratch(inputs);
    return floats > operands ? floats : operands;
}

void neoni8mm_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_I8)
        compute_by_pairs(call, scratch);
    else
        neon_gemm(call, scratch);
}

#else

typedef int gemm_neoni8mm_is_for_aarch64;

#endif
