/*
 * winograd.c - checks of Winograd's convolutions: each step against its meaning, and all of them
 * together against a convolution in double.
 *
 * The steps on the way multiply by powers of two alone, so a set may not differ from the reference
 * by a bit.  Products are bound as gemm's.  As a whole: errors of points are multiplied on the way
 * back, and grow to 3 to 5 times those of a direct convolution, as measured; 64 roundings of the
 * sum of the magnitudes are more than any seed has shown.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"
#include "reference/reference.h"

#define MOST_PIXELS (8 * WINOGRAD_MOST_POINTS)

static struct guarded floats(size_t count)
{
    return random_floats(count, -2, 2);
}

static struct guarded packed_floats(size_t count)
{
    struct guarded memory = cache_lines(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        floats_of(&memory)[i] = random_float(-2, 2);
    return memory;
}

/* Memory in which a transformed tensor ends where it may: at the last channel of the last point. */
static size_t transformed_floats(const winograd_tiles *tiles)
{
    return (winograd_points(tiles->side) - 1) * tiles->point_stride +
           (tiles->tiles - 1) * tiles->tile_stride + tiles->channels;
}

static winograd_tiles some_tiles(size_t side, size_t channels)
{
    winograd_tiles tiles = {.side = side, .tiles = random_between(1, 8), .channels = channels};
    tiles.tile_stride = channels + random_between(0, 9);
    tiles.point_stride = tiles.tiles * tiles.tile_stride + random_between(0, 9);
    return tiles;
}

/* Rows of channels, each for itself; pointers to them in any order. */
struct pixels {
    struct guarded memory[MOST_PIXELS];
    float *pointers[MOST_PIXELS];
    size_t count;
};

static void make_pixels(struct pixels *pixels, size_t count, size_t channels)
{
    pixels->count = count;
    for (size_t i = 0; i < count; i++) {
        pixels->memory[i] = floats(channels);
        pixels->pointers[i] = floats_of(&pixels->memory[i]);
    }
}

static void free_pixels(struct pixels *pixels)
{
    for (size_t i = 0; i < pixels->count; i++)
        guarded_free(&pixels->memory[i]);
}

static void check_input(const kernel_set *set, size_t side, size_t channels)
{
    const winograd_tiles tiles = some_tiles(side, channels);
    struct pixels pixels;
    make_pixels(&pixels, tiles.tiles * winograd_points(side), channels);
    struct guarded expected = floats(transformed_floats(&tiles));
    struct guarded got = floats(transformed_floats(&tiles));
    memcpy(got.data, expected.data, got.size); /* what lies between rows stays */
    const float *const *pointers = (const float *const *)pixels.pointers;
    reference_winograd_input(floats_of(&expected), pointers, &tiles);
    set->winograd_input(floats_of(&got), pointers, &tiles);
    assert_memory_equal(got.data, expected.data, got.size);
    guarded_free(&expected);
    guarded_free(&got);
    free_pixels(&pixels);
}

static void check_output(const kernel_set *set, size_t side, size_t channels, bool pools)
{
    const winograd_tiles tiles = some_tiles(side, channels);
    struct guarded in = floats(transformed_floats(&tiles)), bias = floats(channels);
    struct pixels expected, got;
    const size_t count = tiles.tiles * side * side / (pools ? 4 : 1);
    make_pixels(&expected, count, channels);
    make_pixels(&got, count, channels);
    reference_winograd_output(expected.pointers, floats_of(&in), &tiles, floats_of(&bias), pools);
    set->winograd_output(got.pointers, floats_of(&in), &tiles, floats_of(&bias), pools);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(got.pointers[i], expected.pointers[i], channels * sizeof(float));
    free_pixels(&expected);
    free_pixels(&got);
    guarded_free(&in);
    guarded_free(&bias);
}

static void check_inputs(const kernel_set *set)
{
    for (size_t side = 2; side <= 4; side += 2)
        for (size_t channels = 1; channels <= 50; channels++)
            check_input(set, side, channels);
}

static void check_outputs(const kernel_set *set)
{
    for (size_t side = 2; side <= 4; side += 2)
        for (size_t channels = 1; channels <= 50; channels++) {
            check_output(set, side, channels, false);
            check_output(set, side, channels, true);
        }
}

static void check_products_of(const kernel_set *set, size_t side, size_t rows, size_t outputs,
                              size_t inputs)
{
    const size_t padded = (outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS * PANEL_OUTPUTS;
    winograd_tiles in = some_tiles(side, inputs), out = some_tiles(side, outputs);
    in.tiles = out.tiles = rows;
    in.point_stride = rows * in.tile_stride + random_between(0, 9);
    out.tile_stride = padded + random_between(0, 9);
    out.point_stride = rows * out.tile_stride + random_between(0, 9);
    const winograd_tiles written = {side, rows, padded, out.point_stride, out.tile_stride};
    struct guarded x = floats(transformed_floats(&in));
    struct guarded weights = packed_floats(winograd_points(side) * inputs * padded);
    struct guarded got = floats(transformed_floats(&written));
    set->winograd_products(floats_of(&got), &out, floats_of(&x), &in, floats_of(&weights));
    const double depth = (double)inputs;
    for (size_t p = 0; p < winograd_points(side); p++)
        for (size_t t = 0; t < rows; t++)
            for (size_t n = 0; n < outputs; n++) {
                const float *row = floats_of(&x) + p * in.point_stride + t * in.tile_stride;
                const float *panel = floats_of(&weights) + p * inputs * padded +
                                     n / PANEL_OUTPUTS * inputs * PANEL_OUTPUTS + n % PANEL_OUTPUTS;
                double sum = 0, size = 0;
                for (size_t k = 0; k < inputs; k++) {
                    const double product = (double)row[k] * panel[k * PANEL_OUTPUTS];
                    sum += product;
                    size += fabs(product);
                }
                const double value =
                    floats_of(&got)[p * out.point_stride + t * out.tile_stride + n];
                assert_true(fabs(value - sum) <= roundings(depth + 1) * size);
            }
    guarded_free(&x);
    guarded_free(&weights);
    guarded_free(&got);
}

static void check_products(const kernel_set *set)
{
    for (size_t rows = 1; rows <= 26; rows++)
        check_products_of(set, rows % 2 ? 2 : 4, rows, random_between(1, 64),
                          random_between(1, 40));
    check_products_of(set, 4, 48, 64, 70);
    for (size_t outputs = 1; outputs <= WINOGRAD_OUTPUTS; outputs += 7)
        check_products_of(set, 2, random_between(1, 26), outputs, random_between(1, 40));
}

/* An output of a tile, in double. */
static double exact(const struct pixels *pixels, const float *weights, size_t side, size_t y,
                    size_t x, size_t channels, float bias)
{
    double sum = bias;
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t c = 0; c < channels; c++) {
            const float *pixel = pixels->pointers[(y + tap / 3) * (side + 2) + x + tap % 3];
            sum += (double)pixel[c] * weights[tap * channels + c];
        }
    return sum > 0 ? sum : 0;
}

/* What any output's magnitudes can add up to: every pixel of a tile takes part in each of them. */
static double size_of_tile(const struct pixels *pixels, const float *weights, size_t points,
                           size_t channels, float bias)
{
    double size = fabs(bias);
    for (size_t c = 0; c < channels; c++) {
        double largest = 0, sum = 0;
        for (size_t p = 0; p < points; p++)
            largest = fmax(largest, fabs(pixels->pointers[p][c]));
        for (size_t tap = 0; tap < 9; tap++)
            sum += fabs(weights[tap * channels + c]);
        size += largest * sum;
    }
    return size;
}

/* One tile from pixels to pixels, by transformed weights, block by block of outputs. */
static void check_convolution_of(const kernel_set *set, size_t side, size_t inputs, size_t outputs)
{
    const size_t points = winograd_points(side);
    struct pixels in, out;
    make_pixels(&in, points, inputs);
    make_pixels(&out, side * side, outputs);
    struct guarded weights = floats(outputs * 9 * inputs), bias = floats(outputs);
    struct guarded transformed = cache_lines(winograd_weights_bytes(side, inputs, outputs));
    winograd_weights(floats_of(&transformed), floats_of(&weights), side, outputs, inputs);

    const winograd_tiles tiles = {side, 1, inputs, inputs, inputs};
    float *x = malloc(points * inputs * sizeof *x);
    float *products = malloc(points * WINOGRAD_OUTPUTS * sizeof *products);
    assert_non_null(x);
    assert_non_null(products);
    set->winograd_input(x, (const float *const *)in.pointers, &tiles);
    for (size_t n = 0; n < outputs; n += WINOGRAD_OUTPUTS) {
        const size_t left = outputs - n, block = left < WINOGRAD_OUTPUTS ? left : WINOGRAD_OUTPUTS;
        const winograd_tiles made = {side, 1, block, WINOGRAD_OUTPUTS, WINOGRAD_OUTPUTS};
        float *pointers[WINOGRAD_MOST_SIDE * WINOGRAD_MOST_SIDE];
        for (size_t p = 0; p < side * side; p++)
            pointers[p] = out.pointers[p] + n;
        set->winograd_products(products, &made, x, &tiles,
                               floats_of(&transformed) + n * inputs * points);
        set->winograd_output(pointers, products, &made, floats_of(&bias) + n, false);
    }
    for (size_t n = 0; n < outputs; n++) {
        const float *own = floats_of(&weights) + n * 9 * inputs;
        const double size = size_of_tile(&in, own, points, inputs, floats_of(&bias)[n]);
        for (size_t p = 0; p < side * side; p++) {
            const double expected =
                exact(&in, own, side, p / side, p % side, inputs, floats_of(&bias)[n]);
            assert_true(fabs(out.pointers[p][n] - expected) <= 64 * ROUNDING * size);
        }
    }
    free(x);
    free(products);
    guarded_free(&weights);
    guarded_free(&bias);
    guarded_free(&transformed);
    free_pixels(&in);
    free_pixels(&out);
}

static void check_convolution(const kernel_set *set)
{
    static const size_t channels[][2] = {{1, 1},   {3, 5},   {8, 8},     {16, 16},
                                         {17, 33}, {64, 64}, {100, 130}, {256, 65}};
    for (size_t side = 2; side <= 4; side += 2)
        for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
            check_convolution_of(set, side, channels[i][0], channels[i][1]);
}

/* ------------------------------------------------------------------------------------ timing */

#define TIMED_TILES    48
#define TIMED_CHANNELS 128

struct timed_tiles {
    const kernel_set *set;
    winograd_tiles in, out;
    struct guarded x, products, weights, bias;
    float *pixels[TIMED_TILES * WINOGRAD_MOST_POINTS];
};

static void transform_again(void *context)
{
    struct timed_tiles *t = context;
    t->set->winograd_input(floats_of(&t->x), (const float *const *)t->pixels, &t->in);
}

static void multiply_again(void *context)
{
    struct timed_tiles *t = context;
    t->set->winograd_products(floats_of(&t->products), &t->out, floats_of(&t->x), &t->in,
                              floats_of(&t->weights));
}

static void transform_back_again(void *context)
{
    struct timed_tiles *t = context;
    t->set->winograd_output(t->pixels, floats_of(&t->products), &t->out, floats_of(&t->bias),
                            false);
}

static void time_tiles(const kernel_set *set, const char *shape, double operations,
                       void (*call)(void *context))
{
    const size_t padded = TIMED_CHANNELS + 16, points = WINOGRAD_MOST_POINTS;
    struct timed_tiles t = {
        .set = set,
        .in = {4, TIMED_TILES, TIMED_CHANNELS, TIMED_TILES * padded + 16, padded},
        .out = {4, TIMED_TILES, WINOGRAD_OUTPUTS, TIMED_TILES * WINOGRAD_OUTPUTS + 16,
                WINOGRAD_OUTPUTS},
        .x = floats(points * (TIMED_TILES * padded + 16)),
        .products = floats(points * (TIMED_TILES * WINOGRAD_OUTPUTS + 16)),
        .weights = packed_floats(points * TIMED_CHANNELS * WINOGRAD_OUTPUTS),
        .bias = floats(WINOGRAD_OUTPUTS)};
    struct guarded image = floats(TIMED_TILES * points * TIMED_CHANNELS);
    for (size_t i = 0; i < TIMED_TILES * points; i++)
        t.pixels[i] = floats_of(&image) + i * TIMED_CHANNELS;
    time_kernel(shape, operations, call, &t);
    guarded_free(&t.x);
    guarded_free(&t.products);
    guarded_free(&t.weights);
    guarded_free(&t.bias);
    guarded_free(&image);
}

static void time_input(const kernel_set *set)
{
    time_tiles(set, "48 tiles of 4x4 x 128", 0, transform_again);
}

static void time_products(const kernel_set *set)
{
    time_tiles(set, "48 tiles of 4x4 x 64 x 128",
               2.0 * WINOGRAD_MOST_POINTS * TIMED_TILES * WINOGRAD_OUTPUTS * TIMED_CHANNELS,
               multiply_again);
}

static void time_output(const kernel_set *set)
{
    time_tiles(set, "48 tiles of 4x4 x 64", 0, transform_back_again);
}

const struct kernel_check winograd_checks[] = {
    {"winograd_input", NULL, NULL, check_inputs, time_input},
    {"winograd_products", NULL, "f32", check_products, time_products},
    {"winograd_output", NULL, NULL, check_outputs, time_output},
    {"winograd, all steps", NULL, NULL, check_convolution, NULL},
    {0},
};
