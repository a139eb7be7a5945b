/*
 * gemm.c - checks of the matrix product with rows of floats, by number type of the weights.
 *
 * Bounds: a sum of n products, in whatever order, passes each product through at most n + 1
 * roundings, so it errs by at most that many times the sum of the magnitudes.  Bias and residual
 * add two.  No activation stretches a difference by more than 1.13, and each adds the error that
 * activation_error states.
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

/* All weights, output by output. */
static double *weights_of(const gemm_call *call)
{
    const size_t depth = call->taps * call->inputs;
    double *weights = malloc(call->outputs * depth * sizeof *weights);
    assert_non_null(weights);
    for (size_t n = 0; n < call->outputs; n++)
        for (size_t i = 0; i < depth; i++)
            weights[n * depth + i] =
                number_value(call->weights, call->weight_type,
                             call->weights_transposed ? i * call->weight_stride + n
                                                      : n * call->weight_stride + i);
    return weights;
}

/* Checks out[m][n] against its meaning; `before` is what out held before the call. */
static void check_output(const struct product *p, const float *before, const double *weights,
                         size_t m, size_t n)
{
    const gemm_call *call = &p->call;
    double sum = 0, size = 0;

    weights += n * call->taps * call->inputs;
    for (size_t t = 0; t < call->taps; t++) {
        const float *x =
            call->x_rows ? call->x_rows[m * call->taps + t] : call->x + m * call->x_stride;
        for (size_t k = 0; k < call->inputs; k++) {
            double product = x[k] * weights[t * call->inputs + k];
            sum += product;
            size += fabs(product);
        }
    }
    const float *residual = p->in_place ? before : call->residual;
    double bias = call->bias ? call->bias[n] : 0;
    double rest = residual ? residual[m * call->residual_stride + n] : 0;
    sum += bias + rest;
    size += fabs(bias) + fabs(rest);

    double terms = (double)(call->taps * call->inputs);
    /* Beneath the normal numbers each rounding errs by up to 2^-150 whatever the size. */
    double sum_error = roundings(terms + 3) * size + terms * 0x1p-149;
    double expected = exact_activation(sum, call->activation);
    double bound = 1.13 * sum_error + activation_error(sum, expected, call->activation);
    double got = call->out[m * call->out_stride + n];
    if (!(fabs(got - expected) <= bound))
        fail_msg("output [%zu][%zu] of %zu x %zu, %zu taps x %zu inputs: got %.9g, expected %.9g "
                 "within %.3g",
                 m, n, call->rows, call->outputs, call->taps, call->inputs, got, expected, bound);
}

static void check_outputs(const struct product *p, const float *before)
{
    double *weights = weights_of(&p->call);
    for (size_t m = 0; m < p->call.rows; m++)
        for (size_t n = 0; n < p->call.outputs; n++)
            check_output(p, before, weights, m, n);
    free(weights);
    check_padding(p, before);
}

/* From packed weights alone: the same bits, where shapes do not change them. */
static void check_packed(const struct product *p, const kernel_set *set, const float *before)
{
    gemm_call call = p->call;
    call.packed = p->packed.data;
    call.weights = NULL;
    if (!set->fixed_shape) {
        check_same_bits(p, set, &call, before);
        return;
    }
    memcpy(p->out.data, before, p->out.size);
    compute_product(set, &call);
    check_outputs(p, before);
}

static void check_shape(const kernel_set *set, number_type type, size_t rows, size_t outputs,
                        size_t inputs, size_t taps)
{
    struct product p;
    make_product(&p, type, rows, outputs, inputs, taps);
    float *before = copy_of(&p.out);

    compute_product(set, &p.call);
    if (set_of_same_bits(set)) { /* whose own check is the one in double */
        check_same_bits(&p, set_of_same_bits(set), &p.call, before);
        check_padding(&p, before);
    } else {
        check_outputs(&p, before);
    }
    if (!set->fixed_shape)
        check_pieces(&p, set, before);
    if (p.packed.pages)
        check_packed(&p, set, before);
    free(before);
    free_product(&p);
}

/* NaN in one row reaches all of that row's outputs, and no other: even through ReLU. */
static void check_nan(const kernel_set *set, number_type type)
{
    for (int kind = 0; kind < 4; kind++) {
        struct product p;
        make_product(&p, type, 14, 37, 40, 1);
        p.call.x_rows = NULL;
        p.call.x = floats_of(&p.x);
        p.call.activation = (activation)kind;
        p.call.packed = random_bits() % 2 ? p.packed.data : NULL;
        size_t bad = random_between(0, 13);
        floats_of(&p.x)[bad * p.call.x_stride + random_between(0, 39)] = NAN;
        compute_product(set, &p.call);
        for (size_t m = 0; m < 14; m++)
            for (size_t n = 0; n < 37; n++)
                assert_int_equal(isnan(p.call.out[m * p.call.out_stride + n]) != 0, m == bad);
        free_product(&p);
    }
}

/*
 * Every number of rows and inputs up to some tiles; what goes beyond one block of rows, one slice
 * of inputs, one chunk of widened outputs.
 */
static void check_type(const kernel_set *set, number_type type)
{
    const bool few = passes_floats_on(set);
    for (size_t rows = 1; rows <= 26; rows += few ? 5 : 1)
        for (size_t outputs = random_between(1, 8); outputs <= 70; outputs += random_between(1, 16))
            check_shape(set, type, rows, outputs, random_between(1, 70), random_bits() % 3 ? 1 : 9);
    for (size_t inputs = 1; inputs <= 70; inputs += few ? 9 : 1)
        check_shape(set, type, random_between(1, 13), random_between(1, 40), inputs,
                    random_bits() % 2 ? 1 : 9);
    check_shape(set, type, 50, 130, 768, 1);
    check_shape(set, type, random_between(241, 600), random_between(1, 40), 64, 1);
    check_shape(set, type, random_between(481, 600), 8, 8, 9);
    check_shape(set, type, random_between(1, 20), random_between(1, 70), random_between(700, 3100),
                1);
    check_nan(set, type);
}

static void check_f32(const kernel_set *set)
{
    check_type(set, NUMBER_F32);
}

static void check_f16(const kernel_set *set)
{
    check_type(set, NUMBER_F16);
}

static void check_bf16(const kernel_set *set)
{
    check_type(set, NUMBER_BF16);
}

/* ------------------------------------------------------------------------------------ timing */

struct shape {
    size_t rows, outputs, inputs, taps;
};

/* Of a ViT-B/32; of one at a higher resolution; of ResNets.  From packed weights, and from others.
 */
static void time_shapes(const kernel_set *set, number_type type, const struct shape *shapes,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct shape *s = &shapes[i];
        struct product p;
        make_product(&p, type, s->rows, s->outputs, s->inputs, s->taps);
        struct pooled_product pooled = pool_product(&p, set);
        char name[64];
        snprintf(name, sizeof name, "%zu x %zu x %s%zu", s->rows, s->outputs,
                 s->taps == 9 ? "9 * " : "", s->inputs);
        time_kernel(name, product_operations(&p.call), compute_pooled, &pooled);
        if (i == 0 && set->packs) {
            pooled.call.packed = NULL;
            snprintf(name, sizeof name, "%zu x %zu x %zu, packing", s->rows, s->outputs, s->inputs);
            time_kernel(name, product_operations(&p.call), compute_pooled, &pooled);
        }
        free_product(&p);
    }
}

static void time_f32(const kernel_set *set)
{
    static const struct shape shapes[] = {
        {50, 768, 768, 1},   {50, 3072, 768, 1}, {50, 768, 3072, 1}, {385, 768, 768, 1},
        {385, 768, 3072, 1}, {49, 2048, 512, 1}, {196, 256, 256, 9}, {49, 512, 512, 9},
        {240, 16, 16, 9},    {240, 8, 8, 9},     {240, 64, 64, 1},
    };
    time_shapes(set, NUMBER_F32, shapes, sizeof shapes / sizeof *shapes);
}

static void time_halves(const kernel_set *set, number_type type)
{
    static const struct shape shapes[] = {
        {50, 768, 768, 1}, {50, 3072, 768, 1}, {50, 768, 3072, 1}, {385, 768, 768, 1}};
    time_shapes(set, type, shapes, sizeof shapes / sizeof *shapes);
}

static void time_f16(const kernel_set *set)
{
    time_halves(set, NUMBER_F16);
}

static void time_bf16(const kernel_set *set)
{
    time_halves(set, NUMBER_BF16);
}

const struct kernel_check gemm_checks[] = {
    {"gemm f32", NULL, "f32", check_f32, time_f32},
    {"gemm f16", NULL, "f32", check_f16, time_f16},
    {"gemm bf16", NULL, "f32", check_bf16, time_bf16},
    {0},
};
