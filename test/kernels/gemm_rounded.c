/*
 * gemm_rounded.c - checks of the products of rounded rows: with bf16 weights, in sets that have
 * them; with I8, in all.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "activation_error.h"
#include "kernels/kernel_check.h"
#include "kernels/product.h"
#include "kernels/weight_pool.h"

static bool multiplies_bf16(const kernel_set *set)
{
    return set->multiplies_bf16;
}

/* What the sum of products is added to; its magnitude is added to *size. */
static double rest_of(const struct product *p, const float *before, size_t m, size_t n,
                      double *size)
{
    const gemm_call *call = &p->call;
    const float *residual = p->in_place ? before : call->residual;
    const double bias = call->bias ? call->bias[n] : 0;
    const double rest = residual ? residual[m * call->residual_stride + n] : 0;
    *size += fabs(bias) + fabs(rest);
    return bias + rest;
}

static void check_output(const struct product *p, size_t m, size_t n, double sum, double error)
{
    const gemm_call *call = &p->call;
    const double expected = exact_activation(sum, call->activation);
    const double bound = 1.13 * error + activation_error(sum, expected, call->activation);
    const double got = call->out[m * call->out_stride + n];
    if (!(fabs(got - expected) <= bound))
        fail_msg("output [%zu][%zu] of %zu x %zu, %zu inputs: got %.9g, expected %.9g within %.3g",
                 m, n, call->rows, call->outputs, call->inputs, got, expected, bound);
}

/* ---------------------------------------------------------------------------------------- bf16 */

/*
 * A product of two bf16 is exact in f32.  However a CPU rounds a pair's sum, a sum of n products
 * takes at most n + 1 roundings; bias and residual add two.  Numbers below the normal ones may
 * count as zeros.
 */
static void check_bf16_output(const struct product *p, const float *before, const double *x,
                              const double *weights, size_t m, size_t n)
{
    const gemm_call *call = &p->call;
    double sum = 0, size = 0;
    for (size_t k = 0; k < call->inputs; k++) {
        const double product = x[m * call->inputs + k] * weights[n * call->inputs + k];
        sum += product;
        size += fabs(product);
    }
    sum += rest_of(p, before, m, n, &size);
    const double terms = (double)call->inputs + 3;
    check_output(p, m, n, sum, roundings(terms) * size + terms * 1e3 * 0x1p-126);
}

static void check_bf16_shape(const kernel_set *set, size_t rows, size_t outputs, size_t inputs)
{
    struct product p;
    make_rounded_product(&p, set, NUMBER_BF16, rows, outputs, inputs);
    float *before = copy_of(&p.out);
    double *x = malloc((rows + outputs) * inputs * sizeof *x), *weights = x + rows * inputs;
    assert_non_null(x);
    for (size_t i = 0; i < rows * inputs; i++)
        x[i] = rounded_to_bf16(floats_of(&p.x)[i / inputs * p.call.x_stride + i % inputs]);
    for (size_t i = 0; i < outputs * inputs; i++)
        weights[i] = number_value(p.weights.data, NUMBER_BF16, i);
    compute_product(set, &p.call);
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < outputs; n++)
            check_bf16_output(&p, before, x, weights, m, n);
    free(x);
    check_padding(&p, before);
    check_pieces(&p, set, before);
    free(before);
    free_product(&p);
}

/* Weights that pick one input each let the rounded numbers through. */
static void check_bf16_rounding(const kernel_set *set)
{
    enum { COUNT = 64 };
    static const float numbers[] = {
        1,           1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1.001p-8f, 0x1.fep0f, 0x1.ffp0f,
        -0x1.ff8p5f, 1e30f,       3.3895e38f,      -0x1p-126f,      0.1f,      -1e-30f};
    struct product p;
    make_rounded_product(&p, set, NUMBER_BF16, 3, COUNT, COUNT);
    memset(p.weights.data, 0, p.weights.size);
    for (size_t i = 0; i < COUNT; i++)
        ((uint16_t *)(void *)p.weights.data)[i * COUNT + i] = 0x3f80;
    pack_weights(p.packed.data, p.weights.data, NUMBER_BF16, COUNT, 1, COUNT);
    float *x = floats_of(&p.x);
    for (size_t i = 0; i < COUNT; i++)
        x[p.call.x_stride + i] = i < sizeof numbers / sizeof *numbers ? numbers[i] : some_float();
    set->round_rows(p.rounded.data, x, p.call.x_stride, 3, COUNT, NUMBER_BF16);
    p.call.bias = p.call.residual = NULL;
    p.call.activation = ACTIVATION_NONE;
    compute_product(set, &p.call);
    for (size_t i = 0; i < COUNT; i++) {
        const float got = p.call.out[p.call.out_stride + i];
        const float expected = rounded_to_bf16(x[p.call.x_stride + i]);
        if (!(got == expected))
            fail_msg("%a became %a, not %a", x[p.call.x_stride + i], got, expected);
    }
    free_product(&p);
}

static void check_bf16(const kernel_set *set)
{
    for (size_t rows = 1; rows <= 26; rows++)
        for (size_t outputs = random_between(1, 8); outputs <= 70; outputs += random_between(1, 16))
            check_bf16_shape(set, rows, outputs, random_between(1, 70));
    for (size_t inputs = 1; inputs <= 70; inputs++)
        check_bf16_shape(set, random_between(1, 13), random_between(1, 40), inputs);
    check_bf16_shape(set, 50, 130, 768);
    check_bf16_shape(set, random_between(241, 500), 40, 130);
    check_bf16_rounding(set);
}

/* ------------------------------------------------------------------------------------------ I8 */

/* Rows and weights of which sums of bytes would overflow first, and those without a range. */
static void make_extreme(struct product *p, const kernel_set *set)
{
    const gemm_call *call = &p->call;
    float *x = floats_of(&p->x), *weights = floats_of(&p->weights);
    for (size_t m = 0; m < call->rows; m++)
        for (size_t i = 0; i < call->inputs; i++)
            switch (m % 5) {
            case 0: x[m * call->x_stride + i] = i % 2 ? 3.5f : -1.25f; break;
            case 1: x[m * call->x_stride + i] = i ? 1e4f : -1e4f; break;
            case 2: x[m * call->x_stride + i] = -0.3f; break;
            case 3: x[m * call->x_stride + i] = random_bits() % 2 ? 1e-37f : 0; break;
            default: x[m * call->x_stride + i] = i ? -20 : 20; break;
            }
    for (size_t n = 0; n < call->outputs; n++)
        for (size_t i = 0; i < call->inputs; i++)
            switch (n % 6) {
            case 0: weights[n * call->inputs + i] = 0.02f; break;
            case 1: weights[n * call->inputs + i] = -0.02f; break;
            case 2: weights[n * call->inputs + i] = i % 2 ? 0.5f : -0.5f; break;
            case 3: weights[n * call->inputs + i] = 0; break;
            case 4: weights[n * call->inputs + i] = 1e-33f; break;
            default: weights[n * call->inputs + i] = random_bits() % 2 ? 0.1f : -0.1f; break;
            }
    quantise_weights((void *)p->packed.data, weights, call->outputs, call->inputs);
    set->round_rows(p->rounded.data, x, call->x_stride, call->rows, call->inputs, NUMBER_I8);
}

/*
 * Of the quantised weights, which are exact: each x is off by half a step, and by the rounding of
 * what it is found from; what is left passes through five roundings.
 */
static void check_i8_output(const struct product *p, const float *before, size_t m, size_t n)
{
    const gemm_call *call = &p->call;
    const float *x = floats_of(&p->x) + m * call->x_stride;
    const struct panel_i8 *panel =
        (const void *)(p->packed.data +
                       n / PANEL_OUTPUTS * panel_bytes(NUMBER_I8, 1, call->inputs));
    double sum = 0, size = 0, magnitudes = 0, least = x[0], largest = x[0];
    for (size_t k = 0; k < call->inputs; k++) {
        const double weight = (double)panel->scales[n % PANEL_OUTPUTS] *
                              panel->groups[k / 4][n % PANEL_OUTPUTS][k % 4];
        sum += x[k] * weight;
        magnitudes += fabs(weight);
        least = fmin(least, x[k]);
        largest = fmax(largest, x[k]);
    }
    const double greatest = fmax(fabs(least), fabs(largest));
    const double step = (largest - least) / 254;
    const double error = magnitudes * (step * 0.5001 + 8 * ROUNDING * greatest + 1e-30);
    size = magnitudes * greatest;
    sum += rest_of(p, before, m, n, &size);
    check_output(p, m, n, sum, error + roundings(8) * size);
}

/*
 * By the reference, on the same rows as it rounds them; a curved activation is each set's own, on
 * what the reference gives without.
 */
static float *reference_output(const struct product *p, const kernel_set *set)
{
    const kernel_set *reference = kernel_set_find("reference");
    struct guarded rounded = cache_lines(p->rounded.size);
    gemm_call call = p->call;
    reference->round_rows(rounded.data, floats_of(&p->x), call.x_stride, call.rows, call.inputs,
                          NUMBER_I8);
    call.rounded = rounded.data;
    call.activation = ACTIVATION_NONE;
    compute_product(reference, &call);
    for (size_t m = 0; m < call.rows; m++)
        set->activate(call.out + m * call.out_stride, call.outputs, p->call.activation);
    guarded_free(&rounded);
    return copy_of(&p->out);
}

static void check_i8_shape(const kernel_set *set, size_t rows, size_t outputs, size_t inputs,
                           bool extreme)
{
    struct product p;
    make_rounded_product(&p, set, NUMBER_I8, rows, outputs, inputs);
    if (extreme)
        make_extreme(&p, set);
    float *before = copy_of(&p.out), *expected = reference_output(&p, set);
    memcpy(p.out.data, before, p.out.size);
    compute_product(set, &p.call);
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < outputs; n++) {
            const size_t at = m * p.call.out_stride + n;
            if (memcmp(&p.call.out[at], &expected[at], sizeof(float)) != 0)
                fail_msg("output [%zu][%zu] of %zu x %zu, %zu inputs: %a, not the reference's %a",
                         m, n, rows, outputs, inputs, p.call.out[at], expected[at]);
            if (!extreme)
                check_i8_output(&p, before, m, n);
        }
    check_padding(&p, before);
    check_pieces(&p, set, before);
    free(before);
    free(expected);
    free_product(&p);
}

static void check_i8(const kernel_set *set)
{
    for (size_t rows = 1; rows <= 26; rows++)
        for (size_t outputs = random_between(1, 8); outputs <= 70; outputs += random_between(1, 16))
            check_i8_shape(set, rows, outputs, random_between(1, 70), random_bits() % 4 == 0);
    for (size_t inputs = 1; inputs <= 70; inputs++)
        check_i8_shape(set, random_between(1, 13), random_between(1, 40), inputs, inputs % 2);
    check_i8_shape(set, 50, 130, 768, false);
    check_i8_shape(set, 20, 40, 3072, true);
    check_i8_shape(set, random_between(241, 500), 40, 130, false);
}

/* ------------------------------------------------------------------------------------- timing */

static void time_shapes(const kernel_set *set, number_type type)
{
    static const size_t shapes[][3] = {
        {50, 768, 768}, {50, 3072, 768}, {50, 768, 3072}, {385, 768, 768}, {385, 768, 3072}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct product p;
        make_rounded_product(&p, set, type, shapes[i][0], shapes[i][1], shapes[i][2]);
        struct pooled_product pooled = pool_product(&p, set);
        char name[64];
        snprintf(name, sizeof name, "%zu x %zu x %zu", shapes[i][0], shapes[i][1], shapes[i][2]);
        time_kernel(name, product_operations(&p.call), compute_pooled, &pooled);
        free_product(&p);
    }
}

struct rounding {
    const kernel_set *set;
    number_type type;
    struct guarded in, out;
};

enum { ROUNDED_ROWS = 50, ROUNDED_COLUMNS = 768 };

static void round_again(void *context)
{
    struct rounding *r = context;
    r->set->round_rows(r->out.data, floats_of(&r->in), ROUNDED_COLUMNS, ROUNDED_ROWS,
                       ROUNDED_COLUMNS, r->type);
}

static void time_rounding(const kernel_set *set, number_type type)
{
    struct rounding r = {set, type, random_floats(ROUNDED_ROWS * ROUNDED_COLUMNS, -1, 1),
                         cache_lines(ROUNDED_ROWS * rounded_bytes(type, ROUNDED_COLUMNS))};
    time_kernel(type == NUMBER_I8 ? "50 x 768, to I8" : "50 x 768, to bf16", 0, round_again, &r);
    guarded_free(&r.in);
    guarded_free(&r.out);
}

static void time_bf16(const kernel_set *set)
{
    time_shapes(set, NUMBER_BF16);
    time_rounding(set, NUMBER_BF16);
}

static void time_i8(const kernel_set *set)
{
    time_shapes(set, NUMBER_I8);
    time_rounding(set, NUMBER_I8);
}

const struct kernel_check gemm_rounded_checks[] = {
    {"gemm bf16 x bf16", multiplies_bf16, "bf16", check_bf16, time_bf16},
    {"gemm I8 x I8", NULL, "int8", check_i8, time_i8},
    {0},
};
