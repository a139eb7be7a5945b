/*
 * finish_neon.h - what becomes of a tile's sums, four outputs at a time.
 */
#ifndef QUALICLIP_ARM_FINISH_NEON_H
#define QUALICLIP_ARM_FINISH_NEON_H

#include <arm_neon.h>

#include "arm/rounded_neon.h"
#include "arm/vector_neon.h"
#include "compiler.h"
#include "kernels.h"

/* Stores four outputs from `output` on, of which `left` are wanted: + bias, + residual, ReLU. */
static ALWAYS_INLINE void store_outputs(const gemm_call *call, size_t row, size_t output,
                                        size_t left, float32x4_t sums, float32x4_t bias)
{
    sums = vaddq_f32(sums, bias);
    if (call->residual)
        sums = vaddq_f32(sums,
                         load_lanes(call->residual + row * call->residual_stride + output, left));
    if (call->activation == ACTIVATION_RELU)
        sums = relu_of(sums);
    store_lanes(call->out + row * call->out_stride + output, left, sums);
}

/* As kernels.h says: count * (scales) + middle * (scale * sum), the last + fused. */
static ALWAYS_INLINE float32x4_t floats_of_counts(int32x4_t counts, const struct panel_i8 *weights,
                                                  size_t lane, const struct rounded_row *row)
{
    const float32x4_t scales = vld1q_f32(weights->scales + lane);
    const float32x4_t all = vcvtq_f32_s32(vld1q_s32(weights->sums + lane));
    const float32x4_t shift = vmulq_n_f32(vmulq_f32(scales, all), row->middle);
    return vfmaq_f32(shift, vcvtq_f32_s32(counts), vmulq_n_f32(scales, row->scale));
}

#endif
