/*
 * test_winograd.c - Winograd's convolutions of every kernel set: each step against its meaning in
 * plain C, to the bit or within rounding, and all of them together against a convolution in double.
 *
 * Bounds, u = 2^-24.  The steps on the way multiply by powers of two alone, so a set may not differ
 * from the reference at all.  Products: a chain of n fused or unfused multiply-adds errs by at most
 * n u / (1 - n u) times the sum of magnitudes.  As a whole: a point's transformed input is at most
 * 100 (side 4) or 4 times the largest input, and back into a pixel come at most 361 or 9 points, so
 * errors grow by a hundred at the very most; measured are 3 to 5 roundings' worth of a direct
 * convolution's, and the bound is 64 of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "kernels.h"
#include "reference/reference.h"

#define U           0x1p-24
#define MOST_PIXELS (8 * WINOGRAD_MOST_POINTS)

static struct guarded floats(size_t count)
{
    struct guarded memory = guarded_alloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        ((float *)(void *)memory.data)[i] = random_float(-2, 2);
    return memory;
}

static float *floats_of(const struct guarded *memory)
{
    return (float *)(void *)memory->data;
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

static void transforms(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++)
        for (size_t side = 2; side <= 4; side += 2)
            for (size_t channels = 1; channels <= 50; channels++) {
                check_input(kernel_set_at(s), side, channels);
                check_output(kernel_set_at(s), side, channels, false);
                check_output(kernel_set_at(s), side, channels, true);
            }
}

static void check_products(const kernel_set *set, size_t side, size_t rows, size_t outputs,
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
    struct guarded weights = floats(winograd_points(side) * inputs * padded);
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
                assert_true(fabs(value - sum) <= (depth + 1) * U / (1 - (depth + 1) * U) * size);
            }
    guarded_free(&x);
    guarded_free(&weights);
    guarded_free(&got);
}

static void products(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (size_t rows = 1; rows <= 26; rows++)
            check_products(kernel_set_at(s), rows % 2 ? 2 : 4, rows, random_between(1, 64),
                           random_between(1, 40));
        check_products(kernel_set_at(s), 4, 48, 64, 70);
        for (size_t outputs = 1; outputs <= WINOGRAD_OUTPUTS; outputs += 7)
            check_products(kernel_set_at(s), 2, random_between(1, 26), outputs,
                           random_between(1, 40));
    }
}

/* The first output pixel of a tile, all of whose inputs are at hand, in double. */
static double exact(const struct pixels *pixels, const float *weights, size_t side, size_t y,
                    size_t x, size_t channels, float bias, double *size)
{
    double sum = bias;
    *size = fabs(bias);
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t c = 0; c < channels; c++) {
            const float *pixel = pixels->pointers[(y + tap / 3) * (side + 2) + x + tap % 3];
            const double product = (double)pixel[c] * weights[tap * channels + c];
            sum += product;
            *size += fabs(product);
        }
    return sum > 0 ? sum : 0;
}

/* One tile from pixels to pixels, by transformed weights, block by block of outputs. */
static void check_convolution(const kernel_set *set, size_t side, size_t inputs, size_t outputs)
{
    const size_t points = winograd_points(side);
    struct pixels in, out;
    make_pixels(&in, points, inputs);
    make_pixels(&out, side * side, outputs);
    struct guarded weights = floats(outputs * 9 * inputs), bias = floats(outputs);
    struct guarded transformed = guarded_alloc(winograd_weights_bytes(side, inputs, outputs));
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
    for (size_t p = 0; p < side * side; p++)
        for (size_t n = 0; n < outputs; n++) {
            double size;
            const double expected = exact(&in, floats_of(&weights) + n * 9 * inputs, side, p / side,
                                          p % side, inputs, floats_of(&bias)[n], &size);
            assert_true(fabs(out.pointers[p][n] - expected) <= 64 * U * size);
        }
    free(x);
    free(products);
    guarded_free(&weights);
    guarded_free(&bias);
    guarded_free(&transformed);
    free_pixels(&in);
    free_pixels(&out);
}

static void convolutions(void **state)
{
    (void)state;
    static const size_t channels[][2] = {{1, 1},   {3, 5},   {8, 8},     {16, 16},
                                         {17, 33}, {64, 64}, {100, 130}, {256, 65}};
    for (size_t s = 0; kernel_set_at(s); s++)
        for (size_t side = 2; side <= 4; side += 2)
            for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
                check_convolution(kernel_set_at(s), side, channels[i][0], channels[i][1]);
}

int main(int argc, char **argv)
{
    random_start(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transforms),
        cmocka_unit_test(products),
        cmocka_unit_test(convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
