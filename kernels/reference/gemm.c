/*
 * gemm.c - the matrix product, and with nine taps the convolution.
 *
 * Eight outputs are summed side by side, each in its own chain in ascending order; that is for
 * speed on machines without a set of their own and changes no bit.
 */
#include <string.h>

#include "reference/reference.h"

#define SIDE_BY_SIDE 8

size_t reference_gemm_scratch(size_t taps, size_t inputs, size_t outputs)
{
    (void)outputs;
    return taps * inputs * SIDE_BY_SIDE;
}

/* panel[i][j] = weight(first + j)[i], zero for j >= width. */
static void gather_weights(float *panel, const gemm_call *call, size_t first, size_t width)
{
    size_t count = call->taps * call->inputs;
    size_t input_step = call->weights_transposed ? call->weight_stride : 1;
    size_t output_step = call->weights_transposed ? 1 : call->weight_stride;

    if (!call->weights) {
        memset(panel, 0, count * SIDE_BY_SIDE * sizeof *panel);
        unpack_weights(panel, SIDE_BY_SIDE, 1, call, first, width, reference_widen);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < SIDE_BY_SIDE; j++)
            panel[i * SIDE_BY_SIDE + j] =
                j < width ? reference_number_at(call->weights, call->weight_type,
                                                (first + j) * output_step + i * input_step)
                          : 0.0f;
}

static void finish_output(const gemm_call *call, size_t m, size_t n, float sum)
{
    if (call->bias)
        sum += call->bias[n];
    if (call->residual)
        sum += call->residual[m * call->residual_stride + n];
    call->out[m * call->out_stride + n] = reference_activation_of(sum, call->activation);
}

void reference_gemm(const gemm_call *call, float *scratch)
{
    if (call->weight_type == NUMBER_I8) {
        reference_gemm_i8(call);
        return;
    }
    for (size_t n = 0; n < call->outputs; n += SIDE_BY_SIDE) {
        size_t width = call->outputs - n < SIDE_BY_SIDE ? call->outputs - n : SIDE_BY_SIDE;
        gather_weights(scratch, call, n, width);

        for (size_t m = 0; m < call->rows; m++) {
            float sums[SIDE_BY_SIDE] = {0};
            const float *panel = scratch;
            for (size_t t = 0; t < call->taps; t++) {
                const float *x =
                    call->x_rows ? call->x_rows[m * call->taps + t] : call->x + m * call->x_stride;
                for (size_t k = 0; k < call->inputs; k++, panel += SIDE_BY_SIDE)
                    for (size_t j = 0; j < SIDE_BY_SIDE; j++)
                        sums[j] += x[k] * panel[j];
            }
            for (size_t j = 0; j < width; j++)
                finish_output(call, m, n + j, sums[j]);
        }
    }
}
