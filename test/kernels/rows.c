/*
 * rows.c - checks of what is computed row by row: LayerNorm, softmax, activations, pooling, means.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "activation_error.h"
#include "kernels/kernel_check.h"

/* --------------------------------------------------------------------------------- LayerNorm */

/*
 * The mean errs by at most m = roundings(n) * mean |x|.  Deviations d all shift by that m, besides
 * their own rounding; the shift adds exactly m^2 to the variance, as the deviations add up to
 * nothing.
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
    double shift = roundings((double)n + 1) * size;
    double scale_error =
        0.5 * (roundings((double)n + 6) + shift * shift * scale * scale) + 4 * ROUNDING;

    for (size_t c = 0; c < n; c++) {
        double d = fabs(x[c] - mean);
        double expected = (x[c] - mean) * scale * gain[c] + bias[c];
        double bound =
            fabs(gain[c]) * scale * (shift + 2 * ROUNDING * (d + shift) + d * scale_error) +
            4 * ROUNDING * (fabs(gain[c]) * scale * d + fabs(bias[c])) + 1e-37;
        if (!(fabs(out[c] - expected) <= bound))
            fail_msg("column %zu of %zu: got %.9g, expected %.9g within %.3g", c, n, out[c],
                     expected, bound);
    }
}

static void check_layernorm_of(const kernel_set *set, size_t rows, size_t columns, float low,
                               float high)
{
    size_t in_stride = columns + random_between(0, 5), out_stride = columns + random_between(0, 5);
    struct guarded in = random_floats((rows - 1) * in_stride + columns, low, high);
    struct guarded out = random_floats((rows - 1) * out_stride + columns, 0, 1);
    struct guarded before = same_floats(&out);
    struct guarded gain = random_floats(columns, -2, 30), bias = random_floats(columns, -1, 1);

    set->layernorm(floats_of(&out), out_stride, floats_of(&in), in_stride, rows, columns,
                   floats_of(&gain), floats_of(&bias), 1e-5f);
    for (size_t r = 0; r < rows; r++) {
        const float *row = floats_of(&out) + r * out_stride;
        check_layernorm_row(row, floats_of(&in) + r * in_stride, columns, floats_of(&gain),
                            floats_of(&bias), 1e-5f);
        if (r + 1 < rows)
            assert_memory_equal(row + columns, floats_of(&before) + r * out_stride + columns,
                                (out_stride - columns) * sizeof(float));
    }
    if (set_of_same_bits(set)) {
        set_of_same_bits(set)->layernorm(floats_of(&before), out_stride, floats_of(&in), in_stride,
                                         rows, columns, floats_of(&gain), floats_of(&bias), 1e-5f);
        assert_memory_equal(out.data, before.data, out.size);
    }
    guarded_free(&in);
    guarded_free(&out);
    guarded_free(&before);
    guarded_free(&gain);
    guarded_free(&bias);
}

static void check_layernorm(const kernel_set *set)
{
    for (size_t columns = 1; columns <= 70; columns++)
        check_layernorm_of(set, random_between(1, 4), columns, -3, 3);
    check_layernorm_of(set, 50, 768, -3, 3);
    check_layernorm_of(set, 3, 768, 999, 1001); /* a one-pass variance would cancel */
    check_layernorm_of(set, 3, 100, 7, 7);      /* no variance: epsilon decides */
    check_layernorm_of(set, 3, 100, 0, 1e-39f); /* denormal */
    check_layernorm_of(set, 3, 100, -1e15f, 1e15f);
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
        double bound =
            expected * (2 * fmin(-argument, 110) * ROUNDING + roundings(2 * (double)n + 10)) +
            1e-44;
        if (!(fabs(got[c] - expected) <= bound))
            fail_msg("column %zu of %zu: got %.9g, expected %.9g within %.3g", c, n, got[c],
                     expected, bound);
    }
}

static void check_softmax_of(const kernel_set *set, size_t rows, size_t columns, float low,
                             float high, float scale)
{
    size_t stride = columns + random_between(0, 5);
    struct guarded x = random_floats((rows - 1) * stride + columns, low, high);
    struct guarded before = same_floats(&x);

    set->softmax(floats_of(&x), stride, rows, columns, scale);
    for (size_t r = 0; r < rows; r++) {
        check_softmax_row(floats_of(&x) + r * stride, floats_of(&before) + r * stride, columns,
                          scale);
        if (r + 1 < rows)
            assert_memory_equal(floats_of(&x) + r * stride + columns,
                                floats_of(&before) + r * stride + columns,
                                (stride - columns) * sizeof(float));
    }
    guarded_free(&x);
    guarded_free(&before);
}

static void check_softmax(const kernel_set *set)
{
    for (size_t columns = 1; columns <= 70; columns++)
        check_softmax_of(set, random_between(1, 4), columns, -20, 20, 0.125f);
    check_softmax_of(set, 2, 500, -20, 20, 1);
    check_softmax_of(set, 2, 50, -1e4f, 1e4f, 1);
    check_softmax_of(set, 2, 50, -90, 0, 1); /* into the denormals */
    check_softmax_of(set, 2, 50, -1.7e38f, 1.7e38f, 0.125f);
    check_softmax_of(set, 2, 50, 3e38f, 3e38f, 8); /* equal, and the scaled ones overflow */
    check_softmax_of(set, 2, 50, -1e-40f, 1e-40f, 1);
}

/* ------------------------------------------------------------------------------- activations */

/* One NaN is as good as another. */
static void check_activate_bits(const kernel_set *set, const float *got, const float *x,
                                size_t count, activation kind)
{
    struct guarded y = guarded_anywhere(count * sizeof(float), sizeof(float));
    memcpy(y.data, x, y.size);
    set_of_same_bits(set)->activate(floats_of(&y), count, kind);
    for (size_t i = 0; i < count; i++)
        if (!(isnan(got[i]) && isnan(floats_of(&y)[i])))
            assert_memory_equal(&got[i], &floats_of(&y)[i], sizeof(float));
    guarded_free(&y);
}

static void check_activated(const kernel_set *set, const float *x, size_t count, activation kind)
{
    struct guarded y = guarded_anywhere(count * sizeof(float), sizeof(float));
    memcpy(y.data, x, y.size);
    set->activate(floats_of(&y), count, kind);
    for (size_t i = 0; i < count; i++) {
        double expected = exact_activation(x[i], kind);
        double bound = activation_error(x[i], expected, kind);
        if (!(fabs(floats_of(&y)[i] - expected) <= bound))
            fail_msg("activation %d of %.9g: got %.9g, expected %.9g within %.3g", kind, x[i],
                     floats_of(&y)[i], expected, bound);
    }
    if (set_of_same_bits(set))
        check_activate_bits(set, floats_of(&y), x, count, kind);
    /* Each number alone, which is all tail, has the same bits. */
    for (size_t i = 0; i < count; i++) {
        float alone = x[i];
        set->activate(&alone, 1, kind);
        assert_memory_equal(&alone, &floats_of(&y)[i], sizeof alone);
    }
    guarded_free(&y);
}

static void check_activate(const kernel_set *set)
{
    static const float extremes[] = {0,       -0.0f,   1e4f,     -1e4f, FLT_MAX,  -FLT_MAX,
                                     FLT_MIN, 1e-45f,  -1e-45f,  88.8f, -88.8f,   -51.9f,
                                     -52.3f,  -14.41f, -14.42f,  16.1f, -16.1f,   1e20f,
                                     -1e20f,  3.5355f, -3.5355f, 0.75f, -0.7518f, -1e-30f};
    for (int kind = 0; kind < 4; kind++) {
        check_activated(set, extremes, sizeof extremes / sizeof *extremes, (activation)kind);
        for (size_t count = 0; count <= 40; count++) {
            float x[40];
            for (size_t i = 0; i < count; i++)
                x[i] = random_float(-1, 1) * (float[]){1, 10, 100}[random_bits() % 3];
            check_activated(set, x, count, (activation)kind);
        }
        float nan = NAN;
        set->activate(&nan, 1, (activation)kind);
        assert_true(isnan(nan));
    }
}

/* ------------------------------------------------------------------------- pooling and means */

/* Three additions and an exact quarter in a fixed order: equal to the last bit. */
static void check_average_pool_row(const kernel_set *set)
{
    for (size_t channels = 1; channels <= 40; channels++) {
        size_t columns = random_between(1, 9), row = 2 * columns * channels;
        struct guarded top = random_floats(row, -5, 5), bottom = random_floats(row, -5, 5);
        struct guarded out = guarded_anywhere(columns * channels * sizeof(float), sizeof(float));
        set->average_pool_row(floats_of(&out), floats_of(&top), floats_of(&bottom), columns,
                              channels);
        for (size_t i = 0; i < columns * channels; i++) {
            size_t left = i / channels * 2 * channels + i % channels, right = left + channels;
            float above = floats_of(&top)[left] + floats_of(&top)[right];
            float below = floats_of(&bottom)[left] + floats_of(&bottom)[right];
            float expected = (above + below) * 0.25f;
            assert_memory_equal(&expected, &floats_of(&out)[i], sizeof expected);
        }
        guarded_free(&top);
        guarded_free(&bottom);
        guarded_free(&out);
    }
}

/* One chain a column in ascending order: equal to the last bit. */
static void check_column_mean(const kernel_set *set)
{
    for (size_t columns = 1; columns <= 110; columns++) {
        size_t rows = random_between(1, 30), stride = columns + random_between(0, 5);
        struct guarded x = random_floats((rows - 1) * stride + columns, -5, 5);
        struct guarded out = guarded_anywhere(columns * sizeof(float), sizeof(float));
        set->column_mean(floats_of(&out), floats_of(&x), stride, rows, columns);
        for (size_t c = 0; c < columns; c++) {
            float expected = 0;
            for (size_t r = 0; r < rows; r++)
                expected += floats_of(&x)[r * stride + c];
            expected /= (float)rows;
            assert_memory_equal(&expected, &floats_of(&out)[c], sizeof expected);
        }
        guarded_free(&x);
        guarded_free(&out);
    }
}

/* ------------------------------------------------------------------------------------- timing */

enum { ROWS = 50, COLUMNS = 768 };

struct timed_rows {
    const kernel_set *set;
    struct guarded in, out, gain;
    activation kind;
};

static void time_rows(const kernel_set *set, const char *shape, activation kind,
                      void (*call)(void *))
{
    struct timed_rows t = {set, random_floats(2 * ROWS * COLUMNS, -3, 3),
                           random_floats(ROWS * COLUMNS, -3, 3), random_floats(COLUMNS, -3, 3),
                           kind};
    time_kernel(shape, 0, call, &t);
    guarded_free(&t.in);
    guarded_free(&t.out);
    guarded_free(&t.gain);
}

static void layernorm_again(void *context)
{
    struct timed_rows *t = context;
    t->set->layernorm(floats_of(&t->out), COLUMNS, floats_of(&t->in), COLUMNS, ROWS, COLUMNS,
                      floats_of(&t->gain), floats_of(&t->gain), 1e-5f);
}

static void time_layernorm(const kernel_set *set)
{
    time_rows(set, "50 x 768", ACTIVATION_NONE, layernorm_again);
}

static void softmax_again(void *context)
{
    struct timed_rows *t = context;
    t->set->softmax(floats_of(&t->out), COLUMNS, ROWS, COLUMNS, 0.125f);
}

static void time_softmax(const kernel_set *set)
{
    time_rows(set, "50 x 768", ACTIVATION_NONE, softmax_again);
}

/* On numbers that stay as they are drawn: activated again and again they would end as zeros. */
static void activate_again(void *context)
{
    struct timed_rows *t = context;
    memcpy(t->out.data, t->in.data, t->out.size);
    t->set->activate(floats_of(&t->out), ROWS * COLUMNS, t->kind);
}

static void time_activate(const kernel_set *set)
{
    time_rows(set, "50 * 768, QuickGELU, and a copy", ACTIVATION_QUICK_GELU, activate_again);
    time_rows(set, "50 * 768, GELU, and a copy", ACTIVATION_GELU, activate_again);
}

static void pool_again(void *context)
{
    struct timed_rows *t = context;
    t->set->average_pool_row(floats_of(&t->out), floats_of(&t->in),
                             floats_of(&t->in) + ROWS * COLUMNS, ROWS / 2, COLUMNS);
}

static void time_average_pool_row(const kernel_set *set)
{
    time_rows(set, "25 x 768", ACTIVATION_NONE, pool_again);
}

static void mean_again(void *context)
{
    struct timed_rows *t = context;
    t->set->column_mean(floats_of(&t->out), floats_of(&t->in), COLUMNS, ROWS, COLUMNS);
}

static void time_column_mean(const kernel_set *set)
{
    time_rows(set, "50 x 768", ACTIVATION_NONE, mean_again);
}

const struct kernel_check row_checks[] = {
    {"layernorm", NULL, NULL, check_layernorm, time_layernorm},
    {"softmax", NULL, NULL, check_softmax, time_softmax},
    {"activate", NULL, NULL, check_activate, time_activate},
    {"average_pool_row", NULL, NULL, check_average_pool_row, time_average_pool_row},
    {"column_mean", NULL, NULL, check_column_mean, time_column_mean},
    {0},
};
