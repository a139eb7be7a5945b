/*
 * winograd_weights.c - 3x3 weights transformed for Winograd's convolutions, G w G^T, and packed.
 * Done once, when a model is opened; in f64, and rounded once.
 */
#include "kernels.h"

size_t winograd_weights_bytes(size_t side, size_t inputs, size_t outputs)
{
    return winograd_points(side) * packed_bytes(NUMBER_F32, 1, inputs, outputs);
}

/* G times a column of three. */
static void transform(double *out, size_t out_step, size_t side, double a, double b, double c)
{
    if (side == 2) {
        out[0] = a;
        out[out_step] = (a + b + c) / 2;
        out[2 * out_step] = (a - b + c) / 2;
        out[3 * out_step] = c;
        return;
    }
    out[0] = a / 4;
    out[out_step] = -(a + b + c) / 6;
    out[2 * out_step] = -(a - b + c) / 6;
    out[3 * out_step] = (a + 2 * b + 4 * c) / 24;
    out[4 * out_step] = (a - 2 * b + 4 * c) / 24;
    out[5 * out_step] = c;
}

/* The nine weights of a pair of input and output, `step` floats from one to the next. */
static void transform_weights(double *points, const float *weights, size_t step, size_t side)
{
    const size_t size = side + 2;
    double columns[(WINOGRAD_MOST_SIDE + 2) * 3];
    for (size_t x = 0; x < 3; x++)
        transform(columns + x, 3, side, weights[x * step], weights[(3 + x) * step],
                  weights[(6 + x) * step]);
    for (size_t y = 0; y < size; y++)
        transform(points + y * size, 1, side, columns[3 * y], columns[3 * y + 1],
                  columns[3 * y + 2]);
}

void winograd_weights(float *transformed, const float *weights, size_t side, size_t outputs,
                      size_t inputs)
{
    const size_t points = winograd_points(side);
    for (size_t first = 0; first < outputs; first += WINOGRAD_OUTPUTS) {
        const size_t left = outputs - first;
        const size_t block = left < WINOGRAD_OUTPUTS ? left : WINOGRAD_OUTPUTS;
        const size_t point_floats = packed_bytes(NUMBER_F32, 1, inputs, block) / sizeof(float);
        const size_t lanes = point_floats / inputs; /* the last of which may have no output */
        for (size_t lane = 0; lane < lanes; lane++)
            for (size_t i = 0; i < inputs; i++) {
                double values[WINOGRAD_MOST_POINTS] = {0};
                if (lane < block)
                    transform_weights(values, weights + (first + lane) * 9 * inputs + i, inputs,
                                      side);
                float *out = transformed + lane / PANEL_OUTPUTS * inputs * PANEL_OUTPUTS +
                             i * PANEL_OUTPUTS + lane % PANEL_OUTPUTS;
                for (size_t p = 0; p < points; p++)
                    out[p * point_floats] = (float)values[p];
            }
        transformed += points * point_floats;
    }
}
