/*
 * winograd.c - Winograd's transforms of tiles.  See kernels.h for what they are for.
 */
#include "reference/reference.h"

/* B^T times a column. */
static void transform_in(float *out, size_t out_step, const float *in, size_t in_step, size_t side)
{
    float d[WINOGRAD_MOST_SIDE + 2] = {0};
    for (size_t i = 0; i < side + 2; i++)
        d[i] = in[i * in_step];
    if (side == 2) {
        out[0] = d[0] - d[2];
        out[out_step] = d[1] + d[2];
        out[2 * out_step] = d[2] - d[1];
        out[3 * out_step] = d[3] - d[1];
        return;
    }
    const float even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    const float near_even = d[4] - d[2], near_odd = d[3] - d[1];
    out[0] = near_even + 4 * (d[0] - d[2]);
    out[out_step] = even + odd;
    out[2 * out_step] = even - odd;
    out[3 * out_step] = near_even + 2 * near_odd;
    out[4 * out_step] = near_even - 2 * near_odd;
    out[5 * out_step] = (d[5] - d[3]) - 4 * near_odd;
}

void reference_winograd_input(float *out, const float *const *pixels, const winograd_tiles *tiles)
{
    const size_t size = tiles->side + 2;
    for (size_t t = 0; t < tiles->tiles; t++)
        for (size_t c = 0; c < tiles->channels; c++) {
            float d[WINOGRAD_MOST_POINTS], columns[WINOGRAD_MOST_POINTS];
            for (size_t p = 0; p < size * size; p++)
                d[p] = pixels[t * size * size + p][c];
            for (size_t x = 0; x < size; x++)
                transform_in(columns + x, size, d + x, size, tiles->side);
            for (size_t y = 0; y < size; y++)
                transform_in(out + t * tiles->tile_stride + c + y * size * tiles->point_stride,
                             tiles->point_stride, columns + y * size, 1, tiles->side);
        }
}

void reference_winograd_products(float *out_data, const winograd_tiles *out, const float *in_data,
                                 const winograd_tiles *in, const float *weights)
{
    const size_t panels = (out->channels + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
    for (size_t p = 0; p < winograd_points(in->side); p++)
        for (size_t n = 0; n < panels; n++, weights += in->channels * PANEL_OUTPUTS)
            for (size_t t = 0; t < out->tiles; t++) {
                const float *x = in_data + p * in->point_stride + t * in->tile_stride;
                float sums[PANEL_OUTPUTS] = {0};
                for (size_t k = 0; k < in->channels; k++)
                    for (size_t j = 0; j < PANEL_OUTPUTS; j++)
                        sums[j] += x[k] * weights[k * PANEL_OUTPUTS + j];
                float *y = out_data + p * out->point_stride + t * out->tile_stride;
                for (size_t j = 0; j < PANEL_OUTPUTS; j++)
                    y[n * PANEL_OUTPUTS + j] = sums[j];
            }
}

/* A^T times a column. */
static void transform_out(float *out, size_t out_step, const float *in, size_t in_step, size_t side)
{
    float m[WINOGRAD_MOST_SIDE + 2] = {0};
    for (size_t i = 0; i < side + 2; i++)
        m[i] = in[i * in_step];
    const float sum = m[1] + m[2], difference = m[1] - m[2];
    if (side == 2) {
        out[0] = m[0] + sum;
        out[out_step] = difference + m[3];
        return;
    }
    const float far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    out[0] = (m[0] + sum) + far_sum;
    out[out_step] = difference + 2 * far_difference;
    out[2 * out_step] = sum + 4 * far_sum;
    out[3 * out_step] = (difference + m[5]) + 8 * far_difference;
}

static void store(float *const *pixels, size_t channel, const float *tile, size_t side, bool pools)
{
    if (!pools) {
        for (size_t p = 0; p < side * side; p++)
            pixels[p][channel] = tile[p];
        return;
    }
    for (size_t y = 0; y < side; y += 2)
        for (size_t x = 0; x < side; x += 2) {
            const float *a = tile + y * side + x, *b = a + side;
            pixels[y / 2 * (side / 2) + x / 2][channel] = ((a[0] + a[1]) + (b[0] + b[1])) * 0.25f;
        }
}

void reference_winograd_output(float *const *pixels, const float *in, const winograd_tiles *tiles,
                               const float *bias, bool pools)
{
    const size_t side = tiles->side, size = side + 2;
    const size_t pixels_written = pools ? side * side / 4 : side * side;
    for (size_t t = 0; t < tiles->tiles; t++)
        for (size_t c = 0; c < tiles->channels; c++) {
            float columns[WINOGRAD_MOST_POINTS], tile[WINOGRAD_MOST_POINTS];
            for (size_t x = 0; x < size; x++)
                transform_out(columns + x, size,
                              in + t * tiles->tile_stride + c + x * tiles->point_stride,
                              size * tiles->point_stride, side);
            for (size_t y = 0; y < side; y++)
                transform_out(tile + y * side, 1, columns + y * size, 1, side);
            for (size_t p = 0; p < side * side; p++)
                tile[p] = reference_activation_of(tile[p] + bias[c], ACTIVATION_RELU);
            store(pixels + t * pixels_written, c, tile, side, pools);
        }
}
