/*
 * filters.c - Gaussians, one axis after the other, and kernels of any form.
 *
 * Both are weighted sums of rows: of those above and below, or of one row, shifted.
 */
#include "filters.h"

#include <stdlib.h>
#include <string.h>

#include "arithmetic.h"

/*
 * out[i] = sum over t of weights[t] * rows[t][i], in the order of the taps.  Four at a time: else
 * as much time went on reading and writing sums as on the taps.
 */
static void sum_rows(float *out, size_t length, const float *const *rows, const float *weights,
                     size_t count)
{
    enum {
        block = 256
    }; /* sums, and the pieces of rows that they are made of, stay in the cache */
    for (size_t from = 0; from < length; from += block) {
        const size_t some = length - from < block ? length - from : block;
        float sums[block] = {0};
        size_t t = 0;
        for (; t + 4 <= count; t += 4) {
            const float *first = rows[t] + from, *second = rows[t + 1] + from;
            const float *third = rows[t + 2] + from, *fourth = rows[t + 3] + from;
            for (size_t i = 0; i < some; i++)
                sums[i] = sums[i] + weights[t] * first[i] + weights[t + 1] * second[i] +
                          weights[t + 2] * third[i] + weights[t + 3] * fourth[i];
        }
        for (; t < count; t++)
            for (size_t i = 0; i < some; i++)
                sums[i] += weights[t] * rows[t][from + i];
        memcpy(out + from, sums, some * sizeof *out);
    }
}

static size_t clamp_row(ptrdiff_t y, size_t height)
{
    return y < 0 ? 0 : (size_t)y < height ? (size_t)y : height - 1;
}

/* Continues a row, whose pixels begin `margin` pixels after `row`, on both sides. */
static void extend_row(float *row, size_t width, size_t margin, size_t channels)
{
    float *first = row + margin * channels, *last = first + (width - 1) * channels;
    for (size_t x = 1; x <= margin; x++)
        for (size_t c = 0; c < channels; c++) {
            first[(ptrdiff_t)c - (ptrdiff_t)(x * channels)] = first[c];
            last[x * channels + c] = last[c];
        }
}

size_t gaussian_radius(double sigma)
{
    const double wanted = 2 * sigma;
    const size_t whole = (size_t)wanted;
    return whole + ((double)whole < wanted);
}

/* Weights that add up to 1. */
static void gaussian_weights(float *weights, double sigma, size_t radius)
{
    double sum = 0;
    for (size_t i = 0; i <= 2 * radius; i++) {
        const double distance = (double)i - (double)radius;
        sum += exponential(-distance * distance / (2 * sigma * sigma));
    }
    for (size_t i = 0; i <= 2 * radius; i++) {
        const double distance = (double)i - (double)radius;
        weights[i] = (float)(exponential(-distance * distance / (2 * sigma * sigma)) / sum);
    }
}

bool blur_gaussian(struct raster raster, double sigma, size_t radius)
{
    const size_t channels = raster.channels, length = raster.width * channels;
    const size_t taps = 2 * radius + 1, size = length * raster.height * sizeof(float);
    float *copy = malloc(size);
    float *row = malloc((length + 2 * radius * channels) * sizeof *row);
    float *weights = malloc(taps * sizeof *weights);
    const float **rows = malloc(taps * sizeof *rows), **shifts = malloc(taps * sizeof *shifts);
    const bool ready = copy && row && weights && rows && shifts;
    if (ready) {
        memcpy(copy, raster.values, size);
        gaussian_weights(weights, sigma, radius);
        for (size_t t = 0; t < taps; t++)
            shifts[t] = row + t * channels;
        for (size_t y = 0; y < raster.height; y++) {
            for (size_t t = 0; t < taps; t++)
                rows[t] = copy +
                          length * clamp_row((ptrdiff_t)(y + t) - (ptrdiff_t)radius, raster.height);
            sum_rows(row + radius * channels, length, rows, weights, taps);
            extend_row(row, raster.width, radius, channels);
            sum_rows(raster.values + y * length, length, shifts, weights, taps);
        }
    }
    free(copy);
    free(row);
    free(weights);
    free(rows);
    free(shifts);
    return ready;
}

static size_t farthest(const struct tap *taps, size_t count)
{
    int most = 0;
    for (size_t t = 0; t < count; t++) {
        const int x = abs(taps[t].x);
        most = x > most ? x : most;
    }
    return (size_t)most;
}

bool correlate(struct raster raster, const struct tap *taps, size_t count)
{
    const size_t channels = raster.channels, length = raster.width * channels;
    const size_t margin = farthest(taps, count), stride = length + 2 * margin * channels;
    float *copy = malloc(stride * raster.height * sizeof *copy);
    float *weights = malloc(count * sizeof *weights);
    const float **rows = malloc(count * sizeof *rows);
    const bool ready = copy && weights && rows;
    if (ready) {
        for (size_t y = 0; y < raster.height; y++) {
            float *row = copy + y * stride;
            memcpy(row + margin * channels, raster.values + y * length, length * sizeof *row);
            extend_row(row, raster.width, margin, channels);
        }
        for (size_t t = 0; t < count; t++)
            weights[t] = taps[t].weight;
        for (size_t y = 0; y < raster.height; y++) {
            for (size_t t = 0; t < count; t++)
                rows[t] = copy + stride * clamp_row((ptrdiff_t)y + taps[t].y, raster.height) +
                          (size_t)((ptrdiff_t)margin + taps[t].x) * channels;
            sum_rows(raster.values + y * length, length, rows, weights, count);
        }
    }
    free(copy);
    free(weights);
    free(rows);
    return ready;
}
