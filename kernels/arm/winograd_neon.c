/*
 * winograd_neon.c - Winograd's convolutions: transforms, four channels at a time, and products,
 * each point's being a matrix product.
 */
#include "compiler.h"

#if QUALICLIP_AARCH64

#include "arm/neon.h"
#include "arm/vector_neon.h"

#define WINOGRAD_TARGET
#define WINOGRAD_VECTOR              float32x4_t
#define WINOGRAD_LANES               4
#define vector_load(x, count)        load_lanes(x, count)
#define vector_store(x, count, v)    store_lanes(x, count, v)
#define vector_spread(x)             vdupq_n_f32(x)
#define vector_add(a, b)             vaddq_f32(a, b)
#define vector_subtract(a, b)        vsubq_f32(a, b)
#define vector_multiply(a, b)        vmulq_f32(a, b)
#define vector_multiply_add(a, b, c) vfmaq_f32(c, a, b)
#define vector_relu(v)               relu_of(v)

#include "winograd_transforms.h"

void neon_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles)
{
    if (tiles->side == 2)
        input_tiles(out, pixels, tiles, 2);
    else
        input_tiles(out, pixels, tiles, 4);
}

void neon_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                          const float *bias, bool pools)
{
    if (pools)
        output_pooled(pixels, in, tiles, bias);
    else
        output_plain(pixels, in, tiles, bias);
}

/* Of whole panels, so that neon_gemm reads the weights in place and needs no scratch but a bias. */
void neon_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                            const winograd_tiles *in, const float *weights)
{
    const size_t panels = (out->channels + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
    float bias[PANEL_OUTPUTS];
    gemm_call call = {
        .rows = out->tiles,
        .outputs = panels * PANEL_OUTPUTS,
        .taps = 1,
        .inputs = in->channels,
        .x_stride = in->tile_stride,
        .weight_type = NUMBER_F32,
        .out_stride = out->tile_stride,
    };
    for (size_t p = 0; p < winograd_points(in->side); p++) {
        call.x = in_data + p * in->point_stride;
        call.packed = weights + p * panels * PANEL_OUTPUTS * in->channels;
        call.out = out_data + p * out->point_stride;
        neon_gemm(&call, bias);
    }
}

#else

typedef int winograd_neon_is_for_aarch64;

#endif
