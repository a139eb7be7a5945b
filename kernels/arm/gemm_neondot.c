/*
 * gemm_neondot.c - matrix products of whole numbers by SDOT (FEAT_DotProd): four products of bytes
 * for each of four sums, the row's bytes taken by element.
 */
#include "compiler.h"

#if QUALICLIP_NEON_EXTENSIONS

#include <arm_neon.h>

#include "arm/neon.h"

#define TILE_TARGET TARGET_NEONDOT
#define TILE_ROWS   6
#define ROW_SUMS    4

/* Eight bytes of each row are loaded for each of two groups: registers are full of sums. */
static ALWAYS_INLINE TILE_TARGET void add_group(int32x4_t *sums, const int8_t *const *x,
                                                size_t input, const int8_t *weights, size_t rows,
                                                bool second)
{
    int8x16_t w[4];
    UNROLL_FULLY
    for (size_t v = 0; v < 4; v++)
        w[v] = vld1q_s8(weights + 16 * v);
    UNROLL_FULLY
    for (size_t r = 0; r < rows; r++) {
        int8x8_t eight = vld1_s8(x[r] + input);
        KEEP_IN_ORDER(eight); /* for the second group loaded anew, or six would be kept */
        UNROLL_FULLY
        for (size_t v = 0; v < 4; v++)
            sums[4 * r + v] = second ? vdotq_lane_s32(sums[4 * r + v], w[v], eight, 1)
                                     : vdotq_lane_s32(sums[4 * r + v], w[v], eight, 0);
        UNROLL_FULLY
        for (size_t v = 0; v < 4; v++)
            KEEP_IN_ORDER(sums[4 * r + v]);
    }
}

static ALWAYS_INLINE TILE_TARGET void tile_multiply(int32x4_t *sums, const int8_t *const *x,
                                                    size_t input, const int8_t *weights,
                                                    size_t rows, bool whole)
{
    add_group(sums, x, input, weights, rows, false);
    if (whole)
        add_group(sums, x, input, weights + 64, rows, true);
}

static ALWAYS_INLINE TILE_TARGET int32x4_t tile_outputs(const int32x4_t *sums, size_t v)
{
    return sums[v];
}

#include "arm/tiles_i8_neon.h"

void neondot_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_I8)
        compute_i8(call);
    else
        neon_gemm(call, scratch);
}

#else

typedef int gemm_neondot_is_for_aarch64;

#endif
