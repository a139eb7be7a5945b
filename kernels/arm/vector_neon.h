/*
 * vector_neon.h - four floats at a time: tails, number types, exponentials.
 *
 * A tail goes through the same instructions as full vectors, so an element's bits do not depend on
 * where in a row it stands.
 */
#ifndef QUALICLIP_ARM_VECTOR_NEON_H
#define QUALICLIP_ARM_VECTOR_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "curves.h"
#include "kernels.h"

/* The first `count` of four lanes; count <= 4. */
static ALWAYS_INLINE uint32x4_t first_lanes(size_t count)
{
    static const uint32_t lanes[8] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    return vld1q_u32(lanes + 4 - count);
}

/* min(count, 4) floats; 0 in the other lanes, whose memory is not touched. */
static ALWAYS_INLINE float32x4_t load_lanes(const float *x, size_t count)
{
    if (count >= 4)
        return vld1q_f32(x);
    float32x4_t v = vdupq_n_f32(0);
    if (count > 0)
        v = vld1q_lane_f32(x, v, 0);
    if (count > 1)
        v = vld1q_lane_f32(x + 1, v, 1);
    if (count > 2)
        v = vld1q_lane_f32(x + 2, v, 2);
    return v;
}

static ALWAYS_INLINE void store_lanes(float *x, size_t count, float32x4_t v)
{
    if (count >= 4) {
        vst1q_f32(x, v);
        return;
    }
    if (count > 0)
        vst1q_lane_f32(x, v, 0);
    if (count > 1)
        vst1q_lane_f32(x + 1, v, 1);
    if (count > 2)
        vst1q_lane_f32(x + 2, v, 2);
}

/* v in the first min(count, 4) lanes, `other` in the rest. */
static ALWAYS_INLINE float32x4_t keep_lanes(float32x4_t v, size_t count, float other)
{
    return count >= 4 ? v : vbslq_f32(first_lanes(count), v, vdupq_n_f32(other));
}

/* Four numbers of any type; 16-bit ones are read as eight bytes. */
static ALWAYS_INLINE float32x4_t load_numbers(const void *data, number_type type, size_t index)
{
    if (type == NUMBER_F32)
        return vld1q_f32((const float *)data + index);
    uint16x4_t shorts = vld1_u16((const uint16_t *)data + index);
    if (type == NUMBER_F16)
        return vcvt_f32_f16(vreinterpret_f16_u16(shorts));
    return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(shorts), 16));
}

/* One number of any type, as load_numbers() would give it. */
static ALWAYS_INLINE float load_number(const void *data, number_type type, size_t index)
{
    if (type == NUMBER_F32)
        return ((const float *)data)[index];
    uint16_t four[4] = {((const uint16_t *)data)[index]};
    return vgetq_lane_f32(load_numbers(four, type, 0), 0);
}

/*
 * exp(x) within 2 ulp wherever the result is normal; 0 and infinity where it leaves the range of
 * floats; NaN stays NaN.  2^n is applied as two factors, because n reaches from -152 to 128 and one
 * factor holds -126 to 127 only.
 */
static ALWAYS_INLINE float32x4_t exp_of(float32x4_t x)
{
    x = vmaxq_f32(x, vdupq_n_f32(exp_lowest));
    x = vminq_f32(x, vdupq_n_f32(exp_highest));

    float32x4_t n = vrndnq_f32(vmulq_f32(x, vdupq_n_f32(one_over_ln2)));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(ln2_high));
    r = vfmsq_f32(r, n, vdupq_n_f32(ln2_low));

    float32x4_t p = vdupq_n_f32(exp_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < EXP_TERMS; i++)
        p = vfmaq_f32(vdupq_n_f32(exp_terms[i]), p, r);
    p = vfmaq_f32(vaddq_f32(r, vdupq_n_f32(1)), p, vmulq_f32(r, r));

    int32x4_t exponent = vcvtq_s32_f32(n), half = vshrq_n_s32(exponent, 1);
    int32x4_t rest = vsubq_s32(exponent, half), one = vdupq_n_s32(127);
    float32x4_t a = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, one), 23));
    float32x4_t b = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, one), 23));
    return vmulq_f32(vmulq_f32(p, a), b);
}

/* NaN and -0 stay as they are, as in the reference: FMAX would make -0 a 0. */
static ALWAYS_INLINE float32x4_t relu_of(float32x4_t x)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), vcltzq_f32(x)));
}

/* x / (1 + exp(-1.702 x)); where the exponential is infinite the quotient is 0. */
static ALWAYS_INLINE float32x4_t quick_gelu_of(float32x4_t x)
{
    float32x4_t e = exp_of(vmulq_f32(x, vdupq_n_f32(-1.702f)));
    return vdivq_f32(x, vaddq_f32(vdupq_n_f32(1), e));
}

/*
 * x Phi(x), with a small relative error in both tails: with z = |x| / sqrt 2, the tail of Phi is
 * exp(-z^2) erfcx(z) / 2.  z^2 needs its rounding error too, or the exponential would magnify it.
 * The cap keeps squares finite.
 */
static ALWAYS_INLINE float32x4_t gelu_of(float32x4_t x)
{
    const float32x4_t middle = vdupq_n_f32(erfcx_middle), half = vdupq_n_f32(0.5f);
    float32x4_t size = vminq_f32(vabsq_f32(x), vdupq_n_f32(gelu_tail_ends));
    float32x4_t z = vmulq_f32(size, vdupq_n_f32(one_over_sqrt2));

    float32x4_t q = vdivq_f32(vsubq_f32(z, middle), vaddq_f32(z, middle));
    float32x4_t p = vdupq_n_f32(erfcx_terms[0]);
    UNROLL_FULLY
    for (size_t i = 1; i < ERFCX_TERMS; i++)
        p = vfmaq_f32(vdupq_n_f32(erfcx_terms[i]), p, q);
    float32x4_t half_erfcx = vdivq_f32(p, vfmaq_f32(vdupq_n_f32(2), z, vdupq_n_f32(4)));

    float32x4_t square = vmulq_f32(size, size);
    float32x4_t minus_error = vfmsq_f32(square, size, size);
    float32x4_t e = exp_of(vmulq_f32(square, vdupq_n_f32(-0.5f)));
    e = vfmaq_f32(e, vmulq_f32(e, half), minus_error);

    float32x4_t tail = vmulq_f32(e, half_erfcx);
    uint32x4_t negative = vcltzq_f32(x);
    return vmulq_f32(x, vbslq_f32(negative, tail, vsubq_f32(vdupq_n_f32(1), tail)));
}

static ALWAYS_INLINE float32x4_t activation_of(float32x4_t x, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: return relu_of(x);
    case ACTIVATION_QUICK_GELU: return quick_gelu_of(x);
    case ACTIVATION_GELU: return gelu_of(x);
    }
    return x;
}

#endif
