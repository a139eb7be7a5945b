/*
 * winograd_transforms.h - Winograd's transforms, a vector of channels at a time.  Included by the file of
 * each vector length, which defines before:
 *
 *   WINOGRAD_TARGET   the target attribute
 *   WINOGRAD_VECTOR   a vector of WINOGRAD_LANES floats
 *   vector_load, vector_store   the first min(count, WINOGRAD_LANES) of them
 *   vector_spread, vector_add, vector_subtract, vector_multiply, vector_relu
 *   vector_multiply_add   a * b + c, rounded once
 *
 * The same steps as in reference/winograd.c; where those multiply by a power of two and add, one
 * rounding is as good as two, since the first is exact.
 */
#include "compiler.h"
#include "kernels.h"

#define WINOGRAD_SIZE (WINOGRAD_MOST_SIDE + 2)

/* Every `in_step`th of `in`, side + 2 of them; to every `out_step`th of `out`. */
static ALWAYS_INLINE WINOGRAD_TARGET void transform_in(WINOGRAD_VECTOR *out, size_t out_step,
                                                       const WINOGRAD_VECTOR *in, size_t in_step,
                                                       size_t side)
{
    const WINOGRAD_VECTOR d0 = in[0], d1 = in[in_step], d2 = in[2 * in_step], d3 = in[3 * in_step];
    if (side == 2) {
        out[0] = vector_subtract(d0, d2);
        out[out_step] = vector_add(d1, d2);
        out[2 * out_step] = vector_subtract(d2, d1);
        out[3 * out_step] = vector_subtract(d3, d1);
        return;
    }
    const WINOGRAD_VECTOR d4 = in[4 * in_step], d5 = in[5 * in_step];
    const WINOGRAD_VECTOR two = vector_spread(2), four = vector_spread(4);
    const WINOGRAD_VECTOR minus_two = vector_spread(-2), minus_four = vector_spread(-4);
    const WINOGRAD_VECTOR even = vector_multiply_add(minus_four, d2, d4);
    const WINOGRAD_VECTOR odd = vector_multiply_add(minus_four, d1, d3);
    const WINOGRAD_VECTOR near_even = vector_subtract(d4, d2), near_odd = vector_subtract(d3, d1);
    out[0] = vector_multiply_add(four, vector_subtract(d0, d2), near_even);
    out[out_step] = vector_add(even, odd);
    out[2 * out_step] = vector_subtract(even, odd);
    out[3 * out_step] = vector_multiply_add(two, near_odd, near_even);
    out[4 * out_step] = vector_multiply_add(minus_two, near_odd, near_even);
    out[5 * out_step] = vector_multiply_add(minus_four, near_odd, vector_subtract(d5, d3));
}

static ALWAYS_INLINE WINOGRAD_TARGET void transform_out(WINOGRAD_VECTOR *out, size_t out_step,
                                                        const WINOGRAD_VECTOR *in, size_t in_step,
                                                        size_t side)
{
    const WINOGRAD_VECTOR m0 = in[0], m1 = in[in_step], m2 = in[2 * in_step], m3 = in[3 * in_step];
    const WINOGRAD_VECTOR sum = vector_add(m1, m2), difference = vector_subtract(m1, m2);
    if (side == 2) {
        out[0] = vector_add(m0, sum);
        out[out_step] = vector_add(difference, m3);
        return;
    }
    const WINOGRAD_VECTOR m4 = in[4 * in_step], m5 = in[5 * in_step];
    const WINOGRAD_VECTOR far_sum = vector_add(m3, m4), far_difference = vector_subtract(m3, m4);
    out[0] = vector_add(vector_add(m0, sum), far_sum);
    out[out_step] = vector_multiply_add(vector_spread(2), far_difference, difference);
    out[2 * out_step] = vector_multiply_add(vector_spread(4), far_sum, sum);
    out[3 * out_step] =
        vector_multiply_add(vector_spread(8), far_difference, vector_add(difference, m5));
}

/* `count` channels of a tile, at most a vector of them. */
static ALWAYS_INLINE WINOGRAD_TARGET void input_channels(float *out, const float *const *pixels,
                                                         size_t channel, size_t point_stride,
                                                         size_t count, size_t side)
{
    const size_t size = side + 2;
    WINOGRAD_VECTOR columns[WINOGRAD_MOST_POINTS];
    UNROLL_FULLY
    for (size_t x = 0; x < size; x++) {
        WINOGRAD_VECTOR d[WINOGRAD_SIZE];
        UNROLL_FULLY
        for (size_t y = 0; y < size; y++)
            d[y] = vector_load(pixels[y * size + x] + channel, count);
        transform_in(columns + x, size, d, 1, side);
    }
    UNROLL_FULLY
    for (size_t y = 0; y < size; y++) {
        WINOGRAD_VECTOR row[WINOGRAD_SIZE];
        transform_in(row, 1, columns + y * size, 1, side);
        UNROLL_FULLY
        for (size_t x = 0; x < size; x++)
            vector_store(out + (y * size + x) * point_stride, count, row[x]);
    }
}

static ALWAYS_INLINE WINOGRAD_TARGET void input_tiles(float *out, const float *const *pixels,
                                                      const winograd_tiles *tiles, size_t side)
{
    for (size_t t = 0; t < tiles->tiles; t++, pixels += (side + 2) * (side + 2)) {
        float *tile = out + t * tiles->tile_stride;
        size_t c = 0;
        for (; c + WINOGRAD_LANES <= tiles->channels; c += WINOGRAD_LANES)
            input_channels(tile + c, pixels, c, tiles->point_stride, WINOGRAD_LANES, side);
        if (c < tiles->channels)
            input_channels(tile + c, pixels, c, tiles->point_stride, tiles->channels - c, side);
    }
}

static ALWAYS_INLINE WINOGRAD_TARGET void store_pools(float *const *pixels, size_t channel,
                                                      const WINOGRAD_VECTOR *tile, size_t count,
                                                      size_t side)
{
    UNROLL_FULLY
    for (size_t y = 0; y < side; y += 2) {
        UNROLL_FULLY
        for (size_t x = 0; x < side; x += 2) {
            const WINOGRAD_VECTOR *a = tile + y * side + x, *b = a + side;
            const WINOGRAD_VECTOR sum = vector_add(vector_add(a[0], a[1]), vector_add(b[0], b[1]));
            vector_store(pixels[y / 2 * (side / 2) + x / 2] + channel, count,
                         vector_multiply(sum, vector_spread(0.25f)));
        }
    }
}

static ALWAYS_INLINE WINOGRAD_TARGET void output_channels(float *const *pixels, size_t channel,
                                                          const float *in, size_t point_stride,
                                                          const float *bias, size_t count,
                                                          size_t side, bool pools)
{
    const size_t size = side + 2;
    WINOGRAD_VECTOR columns[WINOGRAD_MOST_POINTS], tile[WINOGRAD_MOST_POINTS];
    UNROLL_FULLY
    for (size_t x = 0; x < size; x++) {
        WINOGRAD_VECTOR m[WINOGRAD_SIZE];
        UNROLL_FULLY
        for (size_t y = 0; y < size; y++)
            m[y] = vector_load(in + (y * size + x) * point_stride, count);
        transform_out(columns + x, size, m, 1, side);
    }
    const WINOGRAD_VECTOR added = vector_load(bias, count);
    UNROLL_FULLY
    for (size_t y = 0; y < side; y++) {
        transform_out(tile + y * side, 1, columns + y * size, 1, side);
        UNROLL_FULLY
        for (size_t x = 0; x < side; x++) {
            const size_t p = y * side + x;
            tile[p] = vector_relu(vector_add(tile[p], added));
            if (!pools)
                vector_store(pixels[p] + channel, count, tile[p]);
        }
    }
    if (pools)
        store_pools(pixels, channel, tile, count, side);
}

static ALWAYS_INLINE WINOGRAD_TARGET void output_tiles(float *const *pixels, const float *in,
                                                       const winograd_tiles *tiles,
                                                       const float *bias, size_t side, bool pools)
{
    const size_t written = pools ? side * side / 4 : side * side;
    for (size_t t = 0; t < tiles->tiles; t++, pixels += written) {
        const float *tile = in + t * tiles->tile_stride;
        size_t c = 0;
        for (; c + WINOGRAD_LANES <= tiles->channels; c += WINOGRAD_LANES)
            output_channels(pixels, c, tile + c, tiles->point_stride, bias + c, WINOGRAD_LANES,
                            side, pools);
        if (c < tiles->channels)
            output_channels(pixels, c, tile + c, tiles->point_stride, bias + c, tiles->channels - c,
                            side, pools);
    }
}

static WINOGRAD_TARGET void output_plain(float *const *pixels, const float *in,
                                         const winograd_tiles *tiles, const float *bias)
{
    if (tiles->side == 2)
        output_tiles(pixels, in, tiles, bias, 2, false);
    else
        output_tiles(pixels, in, tiles, bias, 4, false);
}

static WINOGRAD_TARGET void output_pooled(float *const *pixels, const float *in,
                                          const winograd_tiles *tiles, const float *bias)
{
    if (tiles->side == 2)
        output_tiles(pixels, in, tiles, bias, 2, true);
    else
        output_tiles(pixels, in, tiles, bias, 4, true);
}
