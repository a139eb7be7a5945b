/*
 * gemm_i8_neon.c - matrix products of whole numbers on CPUs without dot products of bytes.
 *
 * A product of two bytes of at most 127 fits into 16 bits twice: SMULL, SMLAL with the next
 * group's, and SADALP adds pairs of the sums to 32 bits.  So each output has two sums, for the
 * first and the last two inputs of its groups.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <arm_neon.h>

#include "kernels.h"

#define TILE_TARGET
#define TILE_ROWS 3
#define ROW_SUMS  8

/* Four inputs of a row, four times. */
static ALWAYS_INLINE int8x16_t spread(const int8_t *x)
{
    return vreinterpretq_s8_u32(vld1q_dup_u32((const uint32_t *)(const void *)x));
}

static ALWAYS_INLINE void tile_multiply(int32x4_t *sums, const int8_t *const *x, size_t input,
                                        const int8_t *weights, size_t rows, bool whole)
{
    int8x16_t first[3], second[3];
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        first[r] = spread(x[r] + input);
        second[r] = whole ? spread(x[r] + input + 4) : first[r];
    }
    UNROLL_FULLY
    for (size_t v = 0; v < 4; v++) {
        const int8x16_t w = vld1q_s8(weights + 16 * v);
        const int8x16_t next = whole ? vld1q_s8(weights + 64 + 16 * v) : w;
        UNROLL_FULLY
        for (size_t r = 0; r < rows; r++) {
            int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(first[r]));
            int16x8_t high = vmull_high_s8(w, first[r]);
            if (whole) {
                low = vmlal_s8(low, vget_low_s8(next), vget_low_s8(second[r]));
                high = vmlal_high_s8(high, next, second[r]);
            }
            int32x4_t *sum = sums + r * ROW_SUMS + 2 * v;
            sum[0] = vpadalq_s16(sum[0], low);
            sum[1] = vpadalq_s16(sum[1], high);
            KEEP_IN_ORDER(sum[0]);
            KEEP_IN_ORDER(sum[1]);
        }
    }
}

static ALWAYS_INLINE int32x4_t tile_outputs(const int32x4_t *sums, size_t v)
{
    return vpaddq_s32(sums[2 * v], sums[2 * v + 1]);
}

#include "arm/tiles_i8_neon.h"

void neon_gemm_i8(const gemm_call *call)
{
    compute_i8(call);
}

#else

typedef int gemm_i8_neon_is_for_aarch64;

#endif
