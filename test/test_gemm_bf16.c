/*
 * test_gemm_bf16.c - products of rounded rows with bf16 weights, of every kernel set that has them,
 * against sums in double of the rounded numbers.
 *
 * Bound: a product of two bf16 is exact in f32.  However a CPU rounds a pair's sum, a sum of n
 * products takes at most n + 1 roundings of 2^-24 each; bias and residual add two.  Numbers below
 * the normal ones may count as zeros.
 */
#include "kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"

#define U 0x1p-24

static const kernel_set *next_set(size_t *index)
{
    for (const kernel_set *set; (set = kernel_set_at(*index)); (*index)++)
        if (set->multiplies_bf16)
            return set;
    return NULL;
}

static float widened(uint16_t bfloat)
{
    const uint32_t bits = (uint32_t)bfloat << 16;
    float single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

/* To the nearest of 8 bits of mantissa, ties to even, by arithmetic alone. */
static float rounded_float(float x)
{
    if (x == 0 || fabsf(x) < 0x1p-126f)
        return 0;
    int exponent;
    const float fraction = frexpf(x, &exponent); /* in [1/2, 1) */
    return ldexpf(rintf(ldexpf(fraction, 8)), exponent - 8);
}

static float some_float(void)
{
    switch (random_bits() % 32) {
    case 0: return 0;
    case 1: return random_float(-1000, 1000);
    case 2: return 1 + 0x1p-8f; /* ties */
    case 3: return 1 + 3 * 0x1p-8f;
    default: return random_float(-1, 1);
    }
}

static uint16_t some_bfloat(void)
{
    const uint64_t bits = random_bits();
    return (uint16_t)((bits >> 20 & 0x8000) | (115 + bits % 14) << 7 | (bits >> 40 & 0x7f));
}

struct product {
    gemm_call call;
    struct guarded x, rounded, weights, packed, bias, residual, out, scratch;
};

static void make_product(struct product *p, const kernel_set *set, size_t rows, size_t outputs,
                         size_t inputs)
{
    memset(p, 0, sizeof *p);
    const size_t stride = inputs + random_between(0, 5);
    p->x = guarded_alloc(((rows - 1) * stride + inputs) * sizeof(float));
    for (size_t i = 0; i < p->x.size / sizeof(float); i++)
        ((float *)(void *)p->x.data)[i] = some_float();
    p->rounded = guarded_alloc(rows * rounded_bytes(NUMBER_BF16, inputs));
    memset(p->rounded.data, 0xff, p->rounded.size); /* NaN: what was there must not matter */
    set->round_rows(p->rounded.data, (float *)(void *)p->x.data, stride, rows, inputs, NUMBER_BF16);

    p->weights = guarded_alloc(outputs * inputs * sizeof(uint16_t));
    for (size_t i = 0; i < outputs * inputs; i++)
        ((uint16_t *)(void *)p->weights.data)[i] = some_bfloat();
    p->packed = guarded_alloc(packed_bytes(NUMBER_BF16, 1, inputs, outputs));
    pack_weights(p->packed.data, p->weights.data, NUMBER_BF16, outputs, 1, inputs);

    const size_t floats = set->gemm_scratch(1, inputs, outputs);
    p->scratch = guarded_alloc((floats * sizeof(float) + 63) / 64 * 64);
    memset(p->scratch.data, 0xff, p->scratch.size);
    const size_t out_stride = outputs + random_between(0, 5);
    p->out = guarded_alloc(((rows - 1) * out_stride + outputs) * sizeof(float));
    memset(p->out.data, 0xff, p->out.size);
    p->call = (gemm_call){.rows = rows,
                          .outputs = outputs,
                          .taps = 1,
                          .inputs = inputs,
                          .x = (float *)(void *)p->x.data,
                          .x_stride = stride,
                          .weight_type = NUMBER_BF16,
                          .packed = p->packed.data,
                          .rounded = p->rounded.data,
                          .activation = random_bits() % 2 ? ACTIVATION_NONE : ACTIVATION_RELU,
                          .out = (float *)(void *)p->out.data,
                          .out_stride = out_stride};
    if (random_bits() % 2) {
        p->bias = guarded_alloc(outputs * sizeof(float));
        for (size_t i = 0; i < outputs; i++)
            ((float *)(void *)p->bias.data)[i] = some_float();
        p->call.bias = (float *)(void *)p->bias.data;
    }
    if (random_bits() % 2) {
        p->call.residual_stride = outputs + random_between(0, 5);
        const size_t count = (rows - 1) * p->call.residual_stride + outputs;
        p->residual = guarded_alloc(count * sizeof(float));
        for (size_t i = 0; i < count; i++)
            ((float *)(void *)p->residual.data)[i] = some_float();
        p->call.residual = (float *)(void *)p->residual.data;
    }
}

static void free_product(struct product *p)
{
    struct guarded *all[] = {&p->x,    &p->rounded,  &p->weights, &p->packed,
                             &p->bias, &p->residual, &p->out,     &p->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->pages)
            guarded_free(all[i]);
}

static void check_output(const struct product *p, size_t m, size_t n)
{
    const gemm_call *call = &p->call;
    double sum = 0, size = 0;
    for (size_t k = 0; k < call->inputs; k++) {
        const double x = rounded_float(call->x[m * call->x_stride + k]);
        const double product =
            x * widened(((const uint16_t *)(void *)p->weights.data)[n * call->inputs + k]);
        sum += product;
        size += fabs(product);
    }
    const double bias = call->bias ? call->bias[n] : 0;
    const double rest = call->residual ? call->residual[m * call->residual_stride + n] : 0;
    sum += bias + rest;
    size += fabs(bias) + fabs(rest);
    const double terms = (double)call->inputs + 3;
    const double bound = terms * U / (1 - terms * U) * size + terms * 0x1p-126;
    const double expected = call->activation == ACTIVATION_RELU && sum < 0 ? 0 : sum;
    const double got = call->out[m * call->out_stride + n];
    if (!(fabs(got - expected) <= bound))
        fail_msg("output [%zu][%zu] of %zu x %zu, %zu inputs: got %.9g, expected %.9g within %.3g",
                 m, n, call->rows, call->outputs, call->inputs, got, expected, bound);
}

/* Again in pieces, as threads would compute it; every bit must be the same. */
static void check_pieces(const struct product *p, const kernel_set *set)
{
    float *whole = malloc(p->out.size);
    assert_non_null(whole);
    memcpy(whole, p->out.data, p->out.size);
    const size_t row = rounded_bytes(NUMBER_BF16, p->call.inputs);
    for (size_t m = 0, rows; m < p->call.rows; m += rows) {
        rows = random_between(1, p->call.rows - m);
        for (size_t n = 0, outputs; n < p->call.outputs; n += outputs) {
            outputs = PANEL_OUTPUTS * random_between(1, 3);
            outputs = outputs < p->call.outputs - n ? outputs : p->call.outputs - n;
            gemm_call piece = p->call;
            piece.rows = rows;
            piece.outputs = outputs;
            piece.rounded = (const char *)piece.rounded + m * row;
            piece.packed = (const char *)piece.packed +
                           n / PANEL_OUTPUTS * panel_bytes(NUMBER_BF16, 1, piece.inputs);
            piece.bias = piece.bias ? piece.bias + n : NULL;
            if (piece.residual)
                piece.residual += m * piece.residual_stride + n;
            piece.out += m * piece.out_stride + n;
            set->gemm(&piece, (float *)(void *)p->scratch.data);
        }
    }
    assert_memory_equal(p->out.data, whole, p->out.size);
    free(whole);
}

static void check_shape(const kernel_set *set, size_t rows, size_t outputs, size_t inputs)
{
    struct product p;
    make_product(&p, set, rows, outputs, inputs);
    set->gemm(&p.call, (float *)(void *)p.scratch.data);
    for (size_t m = 0; m < rows; m++)
        for (size_t n = 0; n < outputs; n++)
            check_output(&p, m, n);
    check_pieces(&p, set);
    free_product(&p);
}

static void all_shapes(void **state)
{
    (void)state;
    size_t index = 0;
    if (!next_set(&index))
        skip(); /* no kernel set of this machine multiplies bf16 */
    for (const kernel_set *set; (set = next_set(&index)); index++) {
        print_message("%s\n", set->name);
        for (size_t rows = 1; rows <= 26; rows++)
            for (size_t outputs = 1; outputs <= 66; outputs += random_between(1, 7))
                check_shape(set, rows, outputs, random_between(1, 70));
        for (size_t inputs = 1; inputs <= 70; inputs++)
            check_shape(set, random_between(1, 13), random_between(1, 40), inputs);
        check_shape(set, 50, 200, 768);
        check_shape(set, 300, 40, 130);
    }
}

/* Weights that pick one input each let the rounded numbers through. */
static void rows_are_rounded(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    static const float numbers[] = {
        1,           1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1.001p-8f, 0x1.fep0f, 0x1.ffp0f,
        -0x1.ff8p5f, 1e30f,       3.3895e38f,      -0x1p-126f,      0.1f,      -1e-30f};
    size_t index = 0;
    for (const kernel_set *set; (set = next_set(&index)); index++) {
        struct product p;
        make_product(&p, set, 3, COUNT, COUNT);
        memset(p.weights.data, 0, p.weights.size);
        for (size_t i = 0; i < COUNT; i++)
            ((uint16_t *)(void *)p.weights.data)[i * COUNT + i] = 0x3f80;
        pack_weights(p.packed.data, p.weights.data, NUMBER_BF16, COUNT, 1, COUNT);
        float *x = (float *)(void *)p.x.data;
        for (size_t i = 0; i < COUNT; i++)
            x[p.call.x_stride + i] =
                i < sizeof numbers / sizeof *numbers ? numbers[i] : some_float();
        set->round_rows(p.rounded.data, x, p.call.x_stride, 3, COUNT, NUMBER_BF16);
        p.call.bias = p.call.residual = NULL;
        p.call.activation = ACTIVATION_NONE;
        set->gemm(&p.call, (float *)(void *)p.scratch.data);
        for (size_t i = 0; i < COUNT; i++) {
            const float got = p.call.out[p.call.out_stride + i];
            const float expected = rounded_float(x[p.call.x_stride + i]);
            if (!(got == expected))
                fail_msg("%s: %a became %a, not %a", set->name, x[p.call.x_stride + i], got,
                         expected);
        }
        free_product(&p);
    }
}

int main(int argc, char **argv)
{
    random_start(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_shapes),
        cmocka_unit_test(rows_are_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
