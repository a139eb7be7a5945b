/*
 * gemm_openblas.c - matrix products on OpenBLAS, everything else from one of our own sets.
 *
 * Compiled only with BLAS=openblas.  Convolutions with more than one tap and products with gathered
 * rows go to our own kernel, for OpenBLAS would need a copy of the image for them; so do products
 * too small to repay its set-up.
 */
#include "gemm_openblas.h"

#include <cblas.h>
#include <limits.h>

#include "reference/reference.h"
#if QUALICLIP_X86
#include "x86/avx2.h"
#endif

#define WIDEN_OUTPUTS 64    /* 16-bit and packed weights are widened this many outputs at a time */
#define TINY          16384 /* multiply-adds */

static bool suits_openblas(const gemm_call *call)
{
    size_t largest = INT_MAX;
    if (call->x_rows || call->taps != 1 || call->weight_type == NUMBER_I8)
        return false;
    if (call->rows > largest || call->outputs > largest || call->inputs > largest ||
        call->x_stride > largest || call->weight_stride > largest || call->out_stride > largest)
        return false;
    /* 16-bit columns would have to be gathered to be widened. */
    if (call->weights_transposed && call->weight_type != NUMBER_F32)
        return false;
    return call->rows * call->outputs >= TINY / call->inputs;
}

/* out[.][first ..] = x * weights^T, added to what is there where `add`. */
static void multiply(const gemm_call *call, const float *weights, size_t stride, size_t first,
                     size_t outputs, bool add)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, call->weights_transposed ? CblasNoTrans : CblasTrans,
                (int)call->rows, (int)outputs, (int)call->inputs, 1.0f, call->x,
                (int)call->x_stride, weights, (int)stride, add ? 1.0f : 0.0f, call->out + first,
                (int)call->out_stride);
}

/* Puts into out what the product is to be added to; false where that is nothing. */
static bool start_sums(const gemm_call *call)
{
    if (!call->bias && !call->residual)
        return false;
    for (size_t m = 0; m < call->rows; m++) {
        float *out = call->out + m * call->out_stride;
        const float *residual = call->residual ? call->residual + m * call->residual_stride : NULL;
        for (size_t n = 0; n < call->outputs; n++)
            out[n] = (call->bias ? call->bias[n] : 0) + (residual ? residual[n] : 0);
    }
    return true;
}

/* Weights of some outputs, row by row, as floats. */
static void widen_outputs(const gemm_call *call, const kernel_set *own, size_t first, size_t count,
                          float *wide)
{
    if (!call->weights) {
        unpack_weights(wide, 1, call->inputs, call, first, count, own->widen);
        return;
    }
    const uint16_t *shorts = call->weights;
    for (size_t i = 0; i < count; i++)
        own->widen(wide + i * call->inputs, shorts + (first + i) * call->weight_stride,
                   call->weight_type, call->inputs);
}

static void gemm_on_openblas(const gemm_call *call, float *scratch, const kernel_set *own)
{
    if (!suits_openblas(call)) {
        own->gemm(call, scratch);
        return;
    }
    /* Our callers bring their own threads; a pool below each of them would fight for the cores. */
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);

    bool add = start_sums(call);
    if (call->weight_type == NUMBER_F32 && call->weights)
        multiply(call, call->weights, call->weight_stride, 0, call->outputs, add);
    else
        for (size_t n = 0; n < call->outputs; n += WIDEN_OUTPUTS) {
            size_t left = call->outputs - n, count = left < WIDEN_OUTPUTS ? left : WIDEN_OUTPUTS;
            widen_outputs(call, own, n, count, scratch);
            multiply(call, scratch, call->inputs, n, count, add);
        }
    if (call->activation != ACTIVATION_NONE)
        for (size_t m = 0; m < call->rows; m++)
            own->activate(call->out + m * call->out_stride, call->outputs, call->activation);
}

/* What our own kernel needs, or a chunk of widened weights, whichever is more. */
static size_t scratch_for(size_t own, size_t taps, size_t inputs)
{
    size_t widened = WIDEN_OUTPUTS * taps * inputs;
    return own > widened ? own : widened;
}

static size_t reference_openblas_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    return scratch_for(reference_gemm_scratch(taps, inputs, outputs), taps, inputs);
}

static void reference_openblas_gemm(const gemm_call *call, float *scratch)
{
    gemm_on_openblas(call, scratch, &kernel_set_reference);
}

const kernel_set kernel_set_reference_openblas = {
    .name = "reference+openblas",
    .fixed_shape = true,
    .gemm_scratch = reference_openblas_gemm_scratch,
    .gemm = reference_openblas_gemm,
    .winograd_input = reference_winograd_input,
    .winograd_products = reference_winograd_products,
    .winograd_output = reference_winograd_output,
    .round_rows = reference_round_rows,
    .attention_scratch = reference_attention_scratch,
    .attention = reference_attention,
    .layernorm = reference_layernorm,
    .softmax = reference_softmax,
    .activate = reference_activate,
    .average_pool_row = reference_average_pool_row,
    .column_mean = reference_column_mean,
    .all_finite = reference_all_finite,
    .widen = reference_widen,
    .yuv_to_rgb = reference_yuv_to_rgb,
    .rgb565_to_rgb = reference_rgb565_to_rgb,
    .bytes_to_rgb = reference_bytes_to_rgb,
};

#if QUALICLIP_X86

static size_t avx2_openblas_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    return scratch_for(avx2_gemm_scratch(taps, inputs, outputs), taps, inputs);
}

static void avx2_openblas_gemm(const gemm_call *call, float *scratch)
{
    gemm_on_openblas(call, scratch, &kernel_set_avx2);
}

const kernel_set kernel_set_avx2_openblas = {
    .name = "avx2+openblas",
    .fixed_shape = true,
    .gemm_scratch = avx2_openblas_gemm_scratch,
    .gemm = avx2_openblas_gemm,
    .winograd_input = avx2_winograd_input,
    .winograd_products = avx2_winograd_products,
    .winograd_output = avx2_winograd_output,
    .round_rows = avx2_round_rows,
    .attention_scratch = avx2_attention_scratch,
    .attention = avx2_attention,
    .layernorm = avx2_layernorm,
    .softmax = avx2_softmax,
    .activate = avx2_activate,
    .average_pool_row = avx2_average_pool_row,
    .column_mean = avx2_column_mean,
    .all_finite = avx2_all_finite,
    .widen = avx2_widen,
    .yuv_to_rgb = avx2_yuv_to_rgb,
    .rgb565_to_rgb = avx2_rgb565_to_rgb,
    .bytes_to_rgb = avx2_bytes_to_rgb,
};

#endif
