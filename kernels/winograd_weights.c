/*
 * winograd_weights.c - 3x3 weights transformed for Winograd's convolutions, G w G^T, and packed.
 * Done once, when a model is opened; in f64, and rounded once.
 */
#include "kernels.h"

#include <string.h>

size_t winograd_weights_bytes(size_t side, size_t inputs, size_t outputs)
{
    return winograd_points(side) * packed_bytes(NUMBER_F32, 1, inputs, outputs);
}

/* A weight of each output in a panel. */
struct lanes {
    double of[PANEL_OUTPUTS];
};

/* G times columns of three. */
static void transform(struct lanes *out, size_t out_step, const struct lanes *in, size_t in_step,
                      size_t side)
{
    const double *a = in[0].of, *b = in[in_step].of, *c = in[2 * in_step].of;
    for (size_t n = 0; n < PANEL_OUTPUTS; n++) {
        const double even = a[n] + c[n], far_even = (a[n] + 4 * c[n]) * (1.0 / 24),
                     far_odd = b[n] * (1.0 / 12);
        if (side == 2) {
            out[0].of[n] = a[n];
            out[out_step].of[n] = (even + b[n]) / 2;
            out[2 * out_step].of[n] = (even - b[n]) / 2;
            out[3 * out_step].of[n] = c[n];
        } else {
            out[0].of[n] = a[n] / 4;
            out[out_step].of[n] = (even + b[n]) * (-1.0 / 6);
            out[2 * out_step].of[n] = (even - b[n]) * (-1.0 / 6);
            out[3 * out_step].of[n] = far_even + far_odd;
            out[4 * out_step].of[n] = far_even - far_odd;
            out[5 * out_step].of[n] = c[n];
        }
    }
}

/* Of each weight of a panel, a cache line of inputs: they lie far apart and in few cache sets. */
#define CHUNK 16

struct chunk {
    float weights[9][PANEL_OUTPUTS][CHUNK];
};

static void gather(struct chunk *chunk, const float *weights, size_t outputs, size_t inputs,
                   size_t count)
{
    memset(chunk, 0, sizeof *chunk);
    for (size_t n = 0; n < outputs; n++)
        for (size_t tap = 0; tap < 9; tap++)
            memcpy(chunk->weights[tap][n], weights + (n * 9 + tap) * inputs, count * sizeof(float));
}

/* One input of a panel; points lie `point_floats` apart. */
static void transform_input(float *transformed, size_t point_floats, const struct chunk *chunk,
                            size_t input, size_t side)
{
    const size_t size = side + 2;
    struct lanes in[9], columns[(WINOGRAD_MOST_SIDE + 2) * 3];
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t n = 0; n < PANEL_OUTPUTS; n++)
            in[tap].of[n] = chunk->weights[tap][n][input];
    for (size_t x = 0; x < 3; x++)
        transform(columns + x, 3, in + x, 3, side);
    for (size_t y = 0; y < size; y++) {
        struct lanes row[WINOGRAD_MOST_SIDE + 2];
        transform(row, 1, columns + 3 * y, 1, side);
        for (size_t x = 0; x < size; x++)
            for (size_t n = 0; n < PANEL_OUTPUTS; n++)
                transformed[(y * size + x) * point_floats + n] = (float)row[x].of[n];
    }
}

/* Up to PANEL_OUTPUTS outputs. */
static void transform_panel(float *transformed, size_t point_floats, const float *weights,
                            size_t side, size_t outputs, size_t inputs)
{
    struct chunk chunk;
    for (size_t first = 0; first < inputs; first += CHUNK) {
        const size_t left = inputs - first, count = left < CHUNK ? left : CHUNK;
        gather(&chunk, weights + first, outputs, inputs, count);
        for (size_t i = 0; i < count; i++)
            transform_input(transformed + (first + i) * PANEL_OUTPUTS, point_floats, &chunk, i,
                            side);
    }
}

void winograd_weights(float *transformed, const float *weights, size_t side, size_t outputs,
                      size_t inputs)
{
    for (size_t first = 0; first < outputs; first += WINOGRAD_OUTPUTS) {
        const size_t left = outputs - first;
        const size_t block = left < WINOGRAD_OUTPUTS ? left : WINOGRAD_OUTPUTS;
        const size_t point_floats = packed_bytes(NUMBER_F32, 1, inputs, block) / sizeof(float);
        for (size_t n = 0; n < block; n += PANEL_OUTPUTS)
            transform_panel(transformed + n * inputs, point_floats,
                            weights + (first + n) * 9 * inputs, side,
                            block - n < PANEL_OUTPUTS ? block - n : PANEL_OUTPUTS, inputs);
        transformed += winograd_points(side) * point_floats;
    }
}
