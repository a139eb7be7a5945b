/*
 * test_kernels.c - every kernel set of this machine but for its products: rows, numbers, dispatch.
 *
 * u = 2^-24 is the relative error of one rounding and g(n) = n u / (1 - n u) that of n of them;
 * each test states its bound with the reason.  All data lies between forbidden pages.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "activation_error.h"
#include "guarded.h"
#include "kernels.h"

#define U 0x1p-24

static double g(double n)
{
    return n * U / (1 - n * U);
}

static struct guarded random_floats(size_t count, float low, float high)
{
    struct guarded memory = guarded_alloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        ((float *)(void *)memory.data)[i] = random_float(low, high);
    return memory;
}

static float *floats(const struct guarded *memory)
{
    return (float *)(void *)memory->data;
}

static struct guarded same_floats(const struct guarded *other)
{
    struct guarded memory = guarded_alloc(other->size);
    memcpy(memory.data, other->data, other->size);
    return memory;
}

/* --------------------------------------------------------------------------------- LayerNorm */

/*
 * The mean errs by at most m = g(n) * mean |x|.  Deviations d all shift by that m, besides their
 * own rounding; the shift adds exactly m^2 to the variance, as the deviations add up to nothing.
 */
static void check_layernorm_row(const float *out, const float *x, size_t n, const float *gain,
                                const float *bias, double epsilon)
{
    double mean = 0, size = 0, variance = 0;
    for (size_t c = 0; c < n; c++) {
        mean += x[c];
        size += fabs(x[c]);
    }
    mean /= (double)n;
    size /= (double)n;
    for (size_t c = 0; c < n; c++)
        variance += (x[c] - mean) * (x[c] - mean);
    double scale = 1 / sqrt(variance / (double)n + epsilon);
    double shift = g((double)n + 1) * size;
    double scale_error = 0.5 * (g((double)n + 6) + shift * shift * scale * scale) + 4 * U;

    for (size_t c = 0; c < n; c++) {
        double d = fabs(x[c] - mean);
        double expected = (x[c] - mean) * scale * gain[c] + bias[c];
        double bound = fabs(gain[c]) * scale * (shift + 2 * U * (d + shift) + d * scale_error) +
                       4 * U * (fabs(gain[c]) * scale * d + fabs(bias[c])) + 1e-37;
        if (!(fabs(out[c] - expected) <= bound))
            fail_msg("column %zu of %zu: got %.9g, expected %.9g within %.3g", c, n, out[c],
                     expected, bound);
    }
}

static void check_layernorm(const kernel_set *set, size_t rows, size_t columns, float low,
                            float high)
{
    size_t in_stride = columns + random_between(0, 5), out_stride = columns + random_between(0, 5);
    struct guarded in = random_floats((rows - 1) * in_stride + columns, low, high);
    struct guarded out = random_floats((rows - 1) * out_stride + columns, 0, 1);
    struct guarded before = same_floats(&out);
    struct guarded gain = random_floats(columns, -2, 30), bias = random_floats(columns, -1, 1);

    set->layernorm(floats(&out), out_stride, floats(&in), in_stride, rows, columns, floats(&gain),
                   floats(&bias), 1e-5f);
    for (size_t r = 0; r < rows; r++) {
        const float *row = floats(&out) + r * out_stride;
        check_layernorm_row(row, floats(&in) + r * in_stride, columns, floats(&gain), floats(&bias),
                            1e-5f);
        if (r + 1 < rows)
            assert_memory_equal(row + columns, floats(&before) + r * out_stride + columns,
                                (out_stride - columns) * sizeof(float));
    }
    guarded_free(&in);
    guarded_free(&out);
    guarded_free(&before);
    guarded_free(&gain);
    guarded_free(&bias);
}

static void layernorm(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        const kernel_set *set = kernel_set_at(s);
        for (size_t columns = 1; columns <= 70; columns++)
            check_layernorm(set, random_between(1, 4), columns, -3, 3);
        check_layernorm(set, 50, 768, -3, 3);
        check_layernorm(set, 3, 768, 999, 1001); /* a one-pass variance would cancel */
        check_layernorm(set, 3, 100, 7, 7);      /* no variance: epsilon decides */
        check_layernorm(set, 3, 100, 0, 1e-39f); /* denormal */
        check_layernorm(set, 3, 100, -1e15f, 1e15f);
    }
}

/* ----------------------------------------------------------------------------------- softmax */

/*
 * An exponent a is the product of a difference and the scale, two roundings: exp errs by 2 |a| u.
 * Kernels' own exp may err by 4 u, and sum and division add n + 1.  Beneath the normal numbers the
 * error is absolute.
 */
static void check_softmax_row(const float *got, const float *x, size_t n, double scale)
{
    double largest = -INFINITY, sum = 0;
    for (size_t c = 0; c < n; c++)
        largest = x[c] > largest ? x[c] : largest; /* fmax() here crashes gcc 12 for AArch64 */
    for (size_t c = 0; c < n; c++)
        sum += exp(scale * (x[c] - largest));
    for (size_t c = 0; c < n; c++) {
        double argument = scale * (x[c] - largest);
        double expected = exp(argument) / sum;
        double bound = expected * (2 * fmin(-argument, 110) * U + g(2 * (double)n + 10)) + 1e-44;
        if (!(fabs(got[c] - expected) <= bound))
            fail_msg("column %zu of %zu: got %.9g, expected %.9g within %.3g", c, n, got[c],
                     expected, bound);
    }
}

static void check_softmax(const kernel_set *set, size_t rows, size_t columns, float low, float high,
                          float scale)
{
    size_t stride = columns + random_between(0, 5);
    struct guarded x = random_floats((rows - 1) * stride + columns, low, high);
    struct guarded before = same_floats(&x);

    set->softmax(floats(&x), stride, rows, columns, scale);
    for (size_t r = 0; r < rows; r++) {
        check_softmax_row(floats(&x) + r * stride, floats(&before) + r * stride, columns, scale);
        if (r + 1 < rows)
            assert_memory_equal(floats(&x) + r * stride + columns,
                                floats(&before) + r * stride + columns,
                                (stride - columns) * sizeof(float));
    }
    guarded_free(&x);
    guarded_free(&before);
}

static void softmax(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        const kernel_set *set = kernel_set_at(s);
        for (size_t columns = 1; columns <= 70; columns++)
            check_softmax(set, random_between(1, 4), columns, -20, 20, 0.125f);
        check_softmax(set, 2, 500, -20, 20, 1);
        check_softmax(set, 2, 50, -1e4f, 1e4f, 1);
        check_softmax(set, 2, 50, -90, 0, 1); /* into the denormals */
        check_softmax(set, 2, 50, -1.7e38f, 1.7e38f, 0.125f);
        check_softmax(set, 2, 50, 3e38f, 3e38f, 8); /* equal, and the scaled ones overflow */
        check_softmax(set, 2, 50, -1e-40f, 1e-40f, 1);
    }
}

/* ------------------------------------------------------------------------------- activations */

static void check_activated(const kernel_set *set, const float *x, size_t count, activation kind)
{
    struct guarded y = guarded_alloc(count * sizeof(float));
    memcpy(y.data, x, y.size);
    set->activate(floats(&y), count, kind);
    for (size_t i = 0; i < count; i++) {
        double expected = exact_activation(x[i], kind);
        double bound = activation_error(x[i], expected, kind);
        if (!(fabs(floats(&y)[i] - expected) <= bound))
            fail_msg("%s, activation %d of %.9g: got %.9g, expected %.9g within %.3g", set->name,
                     kind, x[i], floats(&y)[i], expected, bound);
    }
    /* Each number alone, which is all tail, has the same bits. */
    for (size_t i = 0; i < count; i++) {
        float alone = x[i];
        set->activate(&alone, 1, kind);
        assert_memory_equal(&alone, &floats(&y)[i], sizeof alone);
    }
    guarded_free(&y);
}

static void activations(void **state)
{
    static const float extremes[] = {0,       -0.0f,   1e4f,     -1e4f, FLT_MAX,  -FLT_MAX,
                                     FLT_MIN, 1e-45f,  -1e-45f,  88.8f, -88.8f,   -51.9f,
                                     -52.3f,  -14.41f, -14.42f,  16.1f, -16.1f,   1e20f,
                                     -1e20f,  3.5355f, -3.5355f, 0.75f, -0.7518f, -1e-30f};
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (int kind = 0; kind < 4; kind++) {
            check_activated(kernel_set_at(s), extremes, sizeof extremes / sizeof *extremes,
                            (activation)kind);
            for (size_t count = 0; count <= 40; count++) {
                float x[40];
                for (size_t i = 0; i < count; i++)
                    x[i] = random_float(-1, 1) * (float[]){1, 10, 100}[random_bits() % 3];
                check_activated(kernel_set_at(s), x, count, (activation)kind);
            }
            float nan = NAN;
            kernel_set_at(s)->activate(&nan, 1, (activation)kind);
            assert_true(isnan(nan));
        }
    }
}

/* ------------------------------------------------------------------------- pooling and means */

/* Three additions and an exact quarter in a fixed order: equal to the last bit. */
static void pooling(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (size_t channels = 1; channels <= 40; channels++) {
            size_t columns = random_between(1, 9), row = 2 * columns * channels;
            struct guarded top = random_floats(row, -5, 5), bottom = random_floats(row, -5, 5);
            struct guarded out = guarded_alloc(columns * channels * sizeof(float));
            kernel_set_at(s)->average_pool_row(floats(&out), floats(&top), floats(&bottom), columns,
                                               channels);
            for (size_t i = 0; i < columns * channels; i++) {
                size_t left = i / channels * 2 * channels + i % channels, right = left + channels;
                float above = floats(&top)[left] + floats(&top)[right];
                float below = floats(&bottom)[left] + floats(&bottom)[right];
                float expected = (above + below) * 0.25f;
                assert_memory_equal(&expected, &floats(&out)[i], sizeof expected);
            }
            guarded_free(&top);
            guarded_free(&bottom);
            guarded_free(&out);
        }
    }
}

/* One chain a column in ascending order: equal to the last bit. */
static void means(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (size_t columns = 1; columns <= 110; columns++) {
            size_t rows = random_between(1, 30), stride = columns + random_between(0, 5);
            struct guarded x = random_floats((rows - 1) * stride + columns, -5, 5);
            struct guarded out = guarded_alloc(columns * sizeof(float));
            kernel_set_at(s)->column_mean(floats(&out), floats(&x), stride, rows, columns);
            for (size_t c = 0; c < columns; c++) {
                float expected = 0;
                for (size_t r = 0; r < rows; r++)
                    expected += floats(&x)[r * stride + c];
                expected /= (float)rows;
                assert_memory_equal(&expected, &floats(&out)[c], sizeof expected);
            }
            guarded_free(&x);
            guarded_free(&out);
        }
    }
}

/* ----------------------------------------------------------------------------------- numbers */

static void every_half(void **state)
{
    struct guarded halves = guarded_alloc(65536 * sizeof(uint16_t));
    struct guarded singles = guarded_alloc(65536 * sizeof(float));
    (void)state;
    for (size_t i = 0; i < 65536; i++)
        ((uint16_t *)(void *)halves.data)[i] = (uint16_t)i;
    for (size_t s = 0; kernel_set_at(s); s++) {
        kernel_set_at(s)->widen(floats(&singles), halves.data, NUMBER_F16, 65536);
        for (size_t i = 0; i < 65536; i++) {
            int exponent = i >> 10 & 0x1f, mantissa = i & 0x3ff;
            double expected = exponent == 0x1f ? (mantissa ? NAN : INFINITY)
                              : exponent       ? ldexp(1024 + mantissa, exponent - 25)
                                               : ldexp(mantissa, -24);
            float got = floats(&singles)[i];
            if (isnan(expected)) {
                assert_true(isnan(got));
                continue;
            }
            if (!(got == (i & 0x8000 ? -expected : expected)) ||
                (signbit(got) != 0) != ((i & 0x8000) != 0))
                fail_msg("half %04zx: got %.9g", i, got);
        }
    }
    guarded_free(&halves);
    guarded_free(&singles);
}

static void every_bfloat(void **state)
{
    struct guarded bfloats = guarded_alloc(65536 * sizeof(uint16_t));
    struct guarded singles = guarded_alloc(65536 * sizeof(float));
    (void)state;
    for (size_t i = 0; i < 65536; i++)
        ((uint16_t *)(void *)bfloats.data)[i] = (uint16_t)i;
    for (size_t s = 0; kernel_set_at(s); s++) {
        memset(singles.data, 0x55, singles.size);
        kernel_set_at(s)->widen(floats(&singles), bfloats.data, NUMBER_BF16, 65536);
        for (size_t i = 0; i < 65536; i++) {
            int exponent = i >> 7 & 0xff, mantissa = i & 0x7f;
            double expected = exponent == 0xff ? (mantissa ? NAN : INFINITY)
                              : exponent       ? ldexp(128 + mantissa, exponent - 134)
                                               : ldexp(mantissa, -133);
            float got = floats(&singles)[i];
            if (isnan(expected)) {
                assert_true(isnan(got));
                continue;
            }
            if (!(got == (i & 0x8000 ? -expected : expected)) ||
                (signbit(got) != 0) != ((i & 0x8000) != 0))
                fail_msg("bf16 %04zx: got %.9g", i, got);
        }
        /* One number alone goes another way than those in a row. */
        for (size_t i = 0; i < 65536; i++) {
            float one;
            kernel_set_at(s)->widen(&one, (uint16_t *)(void *)bfloats.data + i, NUMBER_BF16, 1);
            assert_memory_equal(&one, &floats(&singles)[i], sizeof one);
        }
    }
    guarded_free(&bfloats);
    guarded_free(&singles);
}

/* Every tail length, at every alignment. */
static void widening_tails(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (size_t count = 0; count <= 40; count++) {
            struct guarded halves = guarded_alloc(count * sizeof(uint16_t));
            struct guarded from = random_floats(count, -1, 1);
            struct guarded to = guarded_alloc(count * sizeof(float));
            for (size_t i = 0; i < count; i++)
                ((uint16_t *)(void *)halves.data)[i] = (uint16_t)(0x3c00 + i); /* 1 + i / 1024 */
            kernel_set_at(s)->widen(floats(&to), halves.data, NUMBER_F16, count);
            for (size_t i = 0; i < count; i++)
                assert_true(floats(&to)[i] == 1 + (float)i * 0x1p-10f);
            for (size_t i = 0; i < count; i++)
                ((uint16_t *)(void *)halves.data)[i] = (uint16_t)(0x3f80 + i); /* 1 + i / 128 */
            kernel_set_at(s)->widen(floats(&to), halves.data, NUMBER_BF16, count);
            for (size_t i = 0; i < count; i++)
                assert_true(floats(&to)[i] == 1 + (float)i * 0x1p-7f);
            kernel_set_at(s)->widen(floats(&to), from.data, NUMBER_F32, count);
            assert_memory_equal(to.data, from.data, to.size);
            guarded_free(&halves);
            guarded_free(&from);
            guarded_free(&to);
        }
    }
}

static void check_finite(const kernel_set *set, size_t count, number_type type)
{
    static const uint32_t bad_singles[] = {0x7f800000, 0xff800000, 0x7f800001, 0xffffffff};
    static const uint16_t bad_halves[] = {0x7c00, 0xfc00, 0x7c01, 0xffff};
    static const uint16_t bad_bfloats[] = {0x7f80, 0xff80, 0x7f81, 0xffff};
    const bool is_short = type != NUMBER_F32;
    const uint16_t *bad_shorts = type == NUMBER_F16 ? bad_halves : bad_bfloats;
    /* The largest number with either sign, and a mask that makes any pattern finite. */
    const uint16_t largest = type == NUMBER_F16 ? 0xfbff : 0xff7f;
    struct guarded x = guarded_alloc(count * number_size(type));

    for (size_t i = 0; i < count; i++) { /* the largest finite numbers, and others */
        uint64_t bits = random_bits();
        if (is_short)
            ((uint16_t *)(void *)x.data)[i] = (uint16_t)(bits % 4 ? bits & largest : largest);
        else
            ((uint32_t *)(void *)x.data)[i] = (uint32_t)(bits % 4 ? bits & 0xff7fffff : 0xff7fffff);
    }
    assert_true(set->all_finite(x.data, type, count));
    if (count) {
        size_t at = random_between(0, count - 1), which = random_between(0, 3);
        if (is_short)
            ((uint16_t *)(void *)x.data)[at] = bad_shorts[which];
        else
            ((uint32_t *)(void *)x.data)[at] = bad_singles[which];
        if (set->all_finite(x.data, type, count))
            fail_msg("number %zu of %zu is not finite and passed", at, count);
    }
    guarded_free(&x);
}

static void finiteness(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++)
        for (int type = 0; type < NUMBER_TYPES; type++) {
            for (size_t count = 0; count <= 70; count++)
                check_finite(kernel_set_at(s), count, (number_type)type);
            for (int turn = 0; turn < 200; turn++)
                check_finite(kernel_set_at(s), random_between(900, 6200), (number_type)type);
        }
}

/* ---------------------------------------------------------------------------------- dispatch */

static void dispatch(void **state)
{
    (void)state;
    size_t count = 0;
    bool reference = false;
    for (; kernel_set_at(count); count++) {
        const kernel_set *set = kernel_set_at(count);
        assert_ptr_equal(kernel_set_find(set->name), set);
        reference = reference || strcmp(set->name, "reference") == 0;
        assert_int_equal(set->fixed_shape, strstr(set->name, "openblas") != NULL);
        for (size_t other = 0; other < count; other++)
            assert_string_not_equal(set->name, kernel_set_at(other)->name);
        printf("set %zu: %s\n", count, set->name);
    }
    assert_true(reference);
    assert_null(kernel_set_at(count + 1));
    assert_null(kernel_set_at((size_t)-1));
    assert_ptr_equal(kernel_set_find(NULL), kernel_set_at(0));
    assert_null(kernel_set_find("abacus"));
    assert_null(kernel_set_find(""));
}

int main(int count, char **arguments)
{
    random_start(count > 1 ? arguments[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layernorm),      cmocka_unit_test(softmax),
        cmocka_unit_test(activations),    cmocka_unit_test(pooling),
        cmocka_unit_test(means),          cmocka_unit_test(every_half),
        cmocka_unit_test(every_bfloat),   cmocka_unit_test(finiteness),
        cmocka_unit_test(widening_tails), cmocka_unit_test(dispatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
