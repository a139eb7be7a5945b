/*
 * rows_neon.c - what is computed row by row: LayerNorm, softmax, activations, pooling, means.
 *
 * Sums over a row run in lanes that are joined at its end: another order than the reference's, and
 * a smaller error.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include <math.h>

#include "arm/neon.h"
#include "arm/vector_neon.h"

/* The sum of x[c] - shift, or of its square, over a row; four vectors of lanes hide the latency. */
static ALWAYS_INLINE float sum_of_row(const float *x, size_t columns, float shift, bool squared)
{
    const float32x4_t shifts = vdupq_n_f32(shift), zero = vdupq_n_f32(0);
    float32x4_t sums[4] = {zero, zero, zero, zero};

    size_t c = 0;
    for (; c + 16 <= columns; c += 16) {
        UNROLL_FULLY
        for (size_t i = 0; i < 4; i++) {
            float32x4_t v = vsubq_f32(vld1q_f32(x + c + 4 * i), shifts);
            sums[i] = squared ? vfmaq_f32(sums[i], v, v) : vaddq_f32(sums[i], v);
        }
    }
    for (; c < columns; c += 4) {
        float32x4_t v = vsubq_f32(load_lanes(x + c, columns - c), shifts);
        v = keep_lanes(v, columns - c, 0);
        sums[0] = squared ? vfmaq_f32(sums[0], v, v) : vaddq_f32(sums[0], v);
    }
    return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
}

void neon_layernorm(float *out, size_t out_stride, const float *in, size_t in_stride, size_t rows,
                    size_t columns, const float *gain, const float *bias, float epsilon)
{
    for (size_t r = 0; r < rows; r++, in += in_stride, out += out_stride) {
        float mean = sum_of_row(in, columns, 0, false) / (float)columns;
        float variance = sum_of_row(in, columns, mean, true) / (float)columns;
        const float32x4_t means = vdupq_n_f32(mean);
        const float32x4_t scales = vdupq_n_f32(1 / sqrtf(variance + epsilon));

        for (size_t c = 0; c < columns; c += 4) {
            size_t left = columns - c;
            float32x4_t v = vmulq_f32(vsubq_f32(load_lanes(in + c, left), means), scales);
            v = vfmaq_f32(load_lanes(bias + c, left), v, load_lanes(gain + c, left));
            store_lanes(out + c, left, v);
        }
    }
}

static ALWAYS_INLINE float largest_of_row(const float *x, size_t columns)
{
    float32x4_t largest = vdupq_n_f32(-INFINITY);
    for (size_t c = 0; c < columns; c += 4) {
        float32x4_t v = keep_lanes(load_lanes(x + c, columns - c), columns - c, -INFINITY);
        largest = vmaxq_f32(largest, v);
    }
    return vmaxvq_f32(largest);
}

/* See the reference for why the largest is subtracted before scaling. */
void neon_softmax(float *x, size_t stride, size_t rows, size_t columns, float scale)
{
    const float32x4_t scales = vdupq_n_f32(scale);

    for (size_t r = 0; r < rows; r++, x += stride) {
        const float32x4_t largest = vdupq_n_f32(largest_of_row(x, columns));
        float32x4_t lane_sums = vdupq_n_f32(0);
        for (size_t c = 0; c < columns; c += 4) {
            size_t left = columns - c;
            float32x4_t v = vsubq_f32(load_lanes(x + c, left), largest);
            v = exp_of(vmulq_f32(v, scales));
            store_lanes(x + c, left, v);
            lane_sums = vaddq_f32(lane_sums, keep_lanes(v, left, 0));
        }
        const float32x4_t sum = vdupq_n_f32(vaddvq_f32(lane_sums));
        for (size_t c = 0; c < columns; c += 4)
            store_lanes(x + c, columns - c, vdivq_f32(load_lanes(x + c, columns - c), sum));
    }
}

static ALWAYS_INLINE void activate_as(float *x, size_t count, activation kind)
{
    for (size_t i = 0; i < count; i += 4)
        store_lanes(x + i, count - i, activation_of(load_lanes(x + i, count - i), kind));
}

void neon_activate(float *x, size_t count, activation kind)
{
    switch (kind) {
    case ACTIVATION_NONE: break;
    case ACTIVATION_RELU: activate_as(x, count, ACTIVATION_RELU); break;
    case ACTIVATION_QUICK_GELU: activate_as(x, count, ACTIVATION_QUICK_GELU); break;
    case ACTIVATION_GELU: activate_as(x, count, ACTIVATION_GELU); break;
    }
}

void neon_average_pool_row(float *out, const float *top, const float *bottom, size_t columns,
                           size_t channels)
{
    const float32x4_t quarter = vdupq_n_f32(0.25f);

    for (size_t p = 0; p < columns; p++, out += channels) {
        for (size_t c = 0; c < channels; c += 4) {
            size_t left = channels - c;
            float32x4_t above =
                vaddq_f32(load_lanes(top + c, left), load_lanes(top + channels + c, left));
            float32x4_t below =
                vaddq_f32(load_lanes(bottom + c, left), load_lanes(bottom + channels + c, left));
            store_lanes(out + c, left, vmulq_f32(vaddq_f32(above, below), quarter));
        }
        top += 2 * channels;
        bottom += 2 * channels;
    }
}

/* Eight vectors of columns at a time: each row gives two cache lines, each column one chain. */
void neon_column_mean(float *out, const float *x, size_t stride, size_t rows, size_t columns)
{
    const float32x4_t count = vdupq_n_f32((float)rows), zero = vdupq_n_f32(0);
    size_t c = 0;

    for (; c + 32 <= columns; c += 32) {
        float32x4_t sums[8] = {zero, zero, zero, zero, zero, zero, zero, zero};
        for (size_t r = 0; r < rows; r++) {
            UNROLL_FULLY
            for (size_t i = 0; i < 8; i++)
                sums[i] = vaddq_f32(sums[i], vld1q_f32(x + r * stride + c + 4 * i));
        }
        UNROLL_FULLY
        for (size_t i = 0; i < 8; i++)
            vst1q_f32(out + c + 4 * i, vdivq_f32(sums[i], count));
    }
    for (; c < columns; c += 4) {
        float32x4_t sum = zero;
        for (size_t r = 0; r < rows; r++)
            sum = vaddq_f32(sum, load_lanes(x + r * stride + c, columns - c));
        store_lanes(out + c, columns - c, vdivq_f32(sum, count));
    }
}

#else

typedef int rows_neon_is_for_aarch64;

#endif
