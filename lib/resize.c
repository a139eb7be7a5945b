/*
 * resize.c - bicubic resizing with antialiasing, in the integers in which Pillow does it.
 *
 * Each pixel of the result is a weighted mean of a stretch of the image: first along the rows,
 * then, after rounding to 8 bits, along the columns.  Weights have 22 binary places.  A direction
 * in which the size stays the same is left out, so it adds no rounding.
 */
#include "resize.h"

#include <math.h>

#define WEIGHT_BITS 22 /* 32 less 8 for a pixel and 2 for sums beyond its range */
#define SUPPORT     2  /* how far the filter reaches, in pixels of the smaller of both images */

/* ------------------------------------------------------------------------------------- planning */

/* A side of `in` pixels reduced to `out` has this many weights, at most. */
static size_t weights_most(const struct resize_limits *limits)
{
    return 2 * SUPPORT * limits->side_in + (2 * SUPPORT + 1) * limits->side_out;
}

static size_t row_size(size_t width)
{
    return (3 * width + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

static void plan_axis(struct resize_axis *axis, const struct resize_limits *limits,
                      struct arena *arena)
{
    axis->taps = arena_take(arena, limits->side_out, sizeof *axis->taps);
    axis->weights = arena_take(arena, weights_most(limits), sizeof *axis->weights);
}

void resize_plan(struct resize *resize, const struct resize_limits *limits, struct arena *arena)
{
    plan_axis(&resize->horizontal, limits, arena);
    plan_axis(&resize->vertical, limits, arena);
}

size_t resize_scratch(const struct resize_limits *limits)
{
    size_t rows = 2 * SUPPORT * limits->reduction + 1;
    return row_size(limits->side_in) + rows * 3 * limits->side_out;
}

/* -------------------------------------------------------------------------------------- weights */

/* Keys' cubic convolution with a = -0.5. */
static double filter(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/* To the nearest, halves away from zero. */
static int32_t fixed_point(double weight)
{
    double scaled = weight * (1 << WEIGHT_BITS);
    return (int32_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* The weights of pixel `index` of `full`, in double precision and Pillow's order of operations. */
static struct resize_taps fill_taps(int32_t *weights, uint32_t in, uint64_t full, uint64_t index)
{
    double scale = in / (double)full;
    double filter_scale = scale < 1 ? 1 : scale;
    double support = SUPPORT * filter_scale, inverse = 1 / filter_scale;
    double centre = ((double)index + 0.5) * scale;
    double begin = centre - support + 0.5, end = centre + support + 0.5;
    struct resize_taps taps = {.first = begin < 0 ? 0 : (uint32_t)begin};
    taps.count = (end > in ? in : (uint32_t)end) - taps.first;

    double sum = 0;
    for (uint32_t i = 0; i < taps.count; i++)
        sum += filter((i + taps.first - centre + 0.5) * inverse);
    for (uint32_t i = 0; i < taps.count; i++) {
        double weight = filter((i + taps.first - centre + 0.5) * inverse);
        weights[i] = fixed_point(sum != 0 ? weight / sum : weight);
    }
    return taps;
}

/* Returns the most weights that one pixel has. */
static uint32_t fill_axis(struct resize_axis *axis, uint32_t in, uint64_t full, uint64_t first,
                          uint32_t count)
{
    uint32_t used = 0, most = 0;
    axis->changes = in != full;
    for (uint32_t i = 0; i < count; i++) {
        struct resize_taps *taps = &axis->taps[i];
        if (axis->changes)
            *taps = fill_taps(axis->weights + used, in, full, first + i);
        else
            *taps = (struct resize_taps){.first = (uint32_t)(first + i), .count = 1};
        taps->weights = used;
        used += axis->changes ? taps->count : 0;
        most = taps->count > most ? taps->count : most;
    }
    return most;
}

void resize_prepare(struct resize *resize, uint32_t width, uint32_t height,
                    const struct resize_goal *goal)
{
    fill_axis(&resize->horizontal, width, goal->full_width, goal->left, goal->width);
    resize->kept_rows =
        fill_axis(&resize->vertical, height, goal->full_height, goal->top, goal->height);
    resize->width = goal->width;
    resize->row_size = row_size(width);

    struct resize_taps *taps = resize->horizontal.taps, last = taps[goal->width - 1];
    resize->column = taps[0].first;
    resize->column_count = last.first + last.count - resize->column;
    for (uint32_t i = 0; i < goal->width; i++)
        taps[i].first -= resize->column;
}

/* --------------------------------------------------------------------------------------- passes */

static uint8_t to_byte(int32_t sum)
{
    if (sum < 0)
        return 0;
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

static const int32_t ROUNDING = 1 << (WEIGHT_BITS - 1);

static void horizontal_pass(const struct resize_axis *axis, const uint8_t *row, uint32_t width,
                            uint8_t *out)
{
    for (uint32_t x = 0; x < width; x++, out += 3) {
        const struct resize_taps taps = axis->taps[x];
        const int32_t *weights = axis->weights + taps.weights;
        const uint8_t *pixel = row + 3 * (size_t)taps.first;
        int32_t red = ROUNDING, green = ROUNDING, blue = ROUNDING;
        for (uint32_t i = 0; i < taps.count; i++, pixel += 3) {
            red += pixel[0] * weights[i];
            green += pixel[1] * weights[i];
            blue += pixel[2] * weights[i];
        }
        out[0] = to_byte(red);
        out[1] = to_byte(green);
        out[2] = to_byte(blue);
    }
}

/* Row y of the image, as wide as the result. */
static void narrow_row(const struct resize *resize, const kernel_set *kernels,
                       const qc_image *image, qc_background background, uint32_t y, uint8_t *out,
                       uint8_t *scratch)
{
    uint8_t *row = resize->horizontal.changes ? scratch : out;
    image_row_rgb(kernels, image, background, y, resize->column, resize->column_count, row);
    if (resize->horizontal.changes)
        horizontal_pass(&resize->horizontal, row, resize->width, out);
}

/* Bytes of a row that are added up at a time: their sums stay in registers or nearby. */
#define COLUMNS 64

/* `kept` holds row y of the image at y % kept_rows. */
static void vertical_pass(const struct resize *resize, const struct resize_taps *taps,
                          const uint8_t *kept, uint8_t *out)
{
    const int32_t *weights = resize->vertical.weights + taps->weights;
    size_t size = 3 * (size_t)resize->width;
    for (size_t from = 0; from < size; from += COLUMNS) {
        size_t count = smaller(COLUMNS, size - from);
        int32_t sums[COLUMNS];
        for (size_t i = 0; i < count; i++)
            sums[i] = ROUNDING;
        for (uint32_t t = 0; t < taps->count; t++) {
            const uint8_t *row = kept + (taps->first + t) % resize->kept_rows * size + from;
            int32_t weight = weights[t];
            for (size_t i = 0; i < count; i++)
                sums[i] += row[i] * weight;
        }
        for (size_t i = 0; i < count; i++)
            out[from + i] = to_byte(sums[i]);
    }
}

void resize_rows(const struct resize *resize, const kernel_set *kernels, const qc_image *image,
                 qc_background background, uint32_t first, uint32_t count, uint8_t *rgb,
                 uint8_t *scratch)
{
    const struct resize_taps *taps = resize->vertical.taps + first;
    uint8_t *kept = scratch + resize->row_size;
    size_t size = 3 * (size_t)resize->width;
    uint32_t row = taps->first; /* the next one of the image */
    for (uint32_t y = 0; y < count; y++, taps++, rgb += size) {
        if (!resize->vertical.changes) {
            narrow_row(resize, kernels, image, background, taps->first, rgb, scratch);
            continue;
        }
        for (; row < taps->first + taps->count; row++)
            narrow_row(resize, kernels, image, background, row,
                       kept + row % resize->kept_rows * size, scratch);
        vertical_pass(resize, taps, kept, rgb);
    }
}
