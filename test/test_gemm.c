/*
 * test_gemm.c - the matrix product and attention of every kernel set, against sums in double.
 *
 * Bounds: u = 2^-24 is the relative error of one rounding.  A sum of n products, in whatever order,
 * passes each product through at most n + 1 roundings, so it errs by at most g(n + 1) times the sum
 * of the magnitudes, g(n) = n u / (1 - n u).  Bias and residual add two roundings.  No activation
 * stretches a difference by more than 1.13, and each adds the error that activation_error states.
 */
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

static uint16_t some_half(void)
{
    /* Signs and mantissas at random; exponents from 2^-10 to 2^1, and some subnormals. */
    uint64_t bits = random_bits();
    uint16_t exponent = (uint16_t)(bits % 16 ? 5 + bits / 16 % 12 : 0);
    return (uint16_t)((bits >> 20 & 0x8000) | exponent << 10 | (bits >> 40 & 0x3ff));
}

/* The upper half of an f32 that models have: any sign, 2^-12 to 2^1; and some subnormals. */
static uint16_t some_bfloat(void)
{
    const uint64_t bits = random_bits();
    const uint16_t exponent = (uint16_t)(bits % 16 ? 115 + bits / 16 % 14 : 0);
    return (uint16_t)((bits >> 20 & 0x8000) | exponent << 7 | (bits >> 40 & 0x7f));
}

/* Mostly of the size that towers have; now and then nothing, almost nothing, or a lot. */
static float some_float(void)
{
    switch (random_bits() % 64) {
    case 0: return 0;
    case 1: return -0.0f;
    case 2: return 1e-40f;
    case 3: return random_float(-1000, 1000);
    default: return random_float(-1, 1);
    }
}

static double half_value(uint16_t half)
{
    int exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
    double magnitude = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

static double bfloat_value(uint16_t bfloat)
{
    int exponent = bfloat >> 7 & 0xff, mantissa = bfloat & 0x7f;
    double magnitude = exponent ? ldexp(128 + mantissa, exponent - 134) : ldexp(mantissa, -133);
    return bfloat & 0x8000 ? -magnitude : magnitude;
}

/* ------------------------------------------------------------------------------- one product */

struct product {
    gemm_call call;
    struct guarded x, x_rows, weights, packed, bias, residual, out, scratch;
    bool in_place; /* the residual is what `out` holds */
};

static void fill_floats(struct guarded *memory)
{
    for (size_t i = 0; i < memory->size / sizeof(float); i++)
        ((float *)memory->data)[i] = some_float();
}

static size_t last_and_width(size_t count, size_t stride, size_t width)
{
    return (count - 1) * stride + width;
}

static void make_weights(struct product *p)
{
    gemm_call *call = &p->call;
    size_t depth = call->taps * call->inputs;
    size_t count = call->weights_transposed
                       ? last_and_width(depth, call->weight_stride, call->outputs)
                       : last_and_width(call->outputs, call->weight_stride, depth);

    if (call->weight_type != NUMBER_F32) {
        p->weights = guarded_alloc(count * sizeof(uint16_t));
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)p->weights.data)[i] =
                call->weight_type == NUMBER_F16 ? some_half() : some_bfloat();
    } else {
        p->weights = guarded_alloc(count * sizeof(float));
        fill_floats(&p->weights);
    }
    call->weights = p->weights.data;
}

/* The same weights packed; nothing where they are transposed, which is never packed. */
static void make_packed(struct product *p)
{
    const gemm_call *call = &p->call;
    if (call->weights_transposed)
        return;
    size_t depth = call->taps * call->inputs, number = number_size(call->weight_type);
    char *dense = malloc(call->outputs * depth * number);
    assert_non_null(dense);
    for (size_t n = 0; n < call->outputs; n++)
        memcpy(dense + n * depth * number,
               (const char *)call->weights + n * call->weight_stride * number, depth * number);
    size_t bytes = packed_bytes(call->weight_type, call->taps, call->inputs, call->outputs);
    p->packed = guarded_alloc((bytes + 63) / 64 * 64);
    pack_weights(p->packed.data, dense, call->weight_type, call->outputs, call->taps, call->inputs);
    free(dense);
}

/* Rows one after the other, or where `gathered`, any row for any tap, as in a convolution. */
static void make_x(struct product *p, bool gathered)
{
    gemm_call *call = &p->call;
    p->x = guarded_alloc(last_and_width(call->rows, call->x_stride, call->inputs) * sizeof(float));
    fill_floats(&p->x);
    const float *x = (const float *)(void *)p->x.data;
    if (!gathered) {
        call->x = x;
        return;
    }
    p->x_rows = guarded_alloc(call->rows * call->taps * sizeof(float *));
    const float **rows = (const float **)(void *)p->x_rows.data;
    for (size_t i = 0; i < call->rows * call->taps; i++)
        rows[i] = x + random_between(0, call->rows - 1) * call->x_stride;
    call->x_rows = rows;
}

static void make_scratch(struct product *p, const kernel_set *set)
{
    size_t floats = set->gemm_scratch(p->call.taps, p->call.inputs, p->call.outputs);
    p->scratch = guarded_alloc((floats * sizeof(float) + 63) / 64 * 64);
    memset(p->scratch.data, 0xff, p->scratch.size); /* NaN: unset scratch must not matter */
}

static void make_product(struct product *p, const kernel_set *set, size_t rows, size_t outputs,
                         size_t inputs, size_t taps)
{
    memset(p, 0, sizeof *p);
    gemm_call *call = &p->call;
    call->rows = rows;
    call->outputs = outputs;
    call->inputs = inputs;
    call->taps = taps;
    call->x_stride = inputs + random_between(0, 9);
    static const number_type types[] = {NUMBER_F32, NUMBER_F32, NUMBER_F16, NUMBER_BF16};
    call->weight_type = types[random_bits() % 4];
    call->weights_transposed = random_bits() % 4 == 0;
    call->weight_stride =
        (call->weights_transposed ? outputs : taps * inputs) + random_between(0, 9);
    call->activation = (activation)(random_bits() % 4);
    call->out_stride = outputs + random_between(0, 9);
    make_weights(p);
    make_packed(p);
    make_x(p, taps > 1 || random_bits() % 4 == 0);
    make_scratch(p, set);

    p->out = guarded_alloc(last_and_width(rows, call->out_stride, outputs) * sizeof(float));
    p->in_place = random_bits() % 3 == 0;
    if (p->in_place)
        fill_floats(&p->out);
    else
        memset(p->out.data, 0xff, p->out.size); /* NaN: what was there must not matter */
    call->out = (float *)(void *)p->out.data;
    if (random_bits() % 2) {
        p->bias = guarded_alloc(outputs * sizeof(float));
        fill_floats(&p->bias);
        call->bias = (const float *)(void *)p->bias.data;
    }
    if (p->in_place) {
        call->residual = call->out;
        call->residual_stride = call->out_stride;
    } else if (random_bits() % 2) {
        call->residual_stride = outputs + random_between(0, 9);
        p->residual =
            guarded_alloc(last_and_width(rows, call->residual_stride, outputs) * sizeof(float));
        fill_floats(&p->residual);
        call->residual = (const float *)(void *)p->residual.data;
    }
}

static void free_product(struct product *p)
{
    struct guarded *all[] = {&p->x,    &p->x_rows,   &p->weights, &p->packed,
                             &p->bias, &p->residual, &p->out,     &p->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->pages)
            guarded_free(all[i]);
}

static double weight_of(const gemm_call *call, size_t n, size_t i)
{
    size_t index =
        call->weights_transposed ? i * call->weight_stride + n : n * call->weight_stride + i;
    if (call->weight_type == NUMBER_F16)
        return half_value(((const uint16_t *)call->weights)[index]);
    if (call->weight_type == NUMBER_BF16)
        return bfloat_value(((const uint16_t *)call->weights)[index]);
    return ((const float *)call->weights)[index];
}

/* Checks out[m][n] against its meaning; `before` is what out held before the call. */
static void check_output(const struct product *p, const float *before, size_t m, size_t n)
{
    const gemm_call *call = &p->call;
    double sum = 0, size = 0;

    for (size_t t = 0; t < call->taps; t++) {
        const float *x =
            call->x_rows ? call->x_rows[m * call->taps + t] : call->x + m * call->x_stride;
        for (size_t k = 0; k < call->inputs; k++) {
            double product = x[k] * weight_of(call, n, t * call->inputs + k);
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
    double sum_error = g(terms + 3) * size + terms * 0x1p-149;
    double expected = exact_activation(sum, call->activation);
    double bound = 1.13 * sum_error + activation_error(sum, expected, call->activation);
    double got = call->out[m * call->out_stride + n];
    if (!(fabs(got - expected) <= bound))
        fail_msg("output [%zu][%zu] of %zu x %zu, %zu taps x %zu inputs: got %.9g, expected %.9g "
                 "within %.3g",
                 m, n, call->rows, call->outputs, call->taps, call->inputs, got, expected, bound);
}

static float *copy_of(const struct guarded *memory)
{
    float *copy = malloc(memory->size);
    assert_non_null(copy);
    memcpy(copy, memory->data, memory->size);
    return copy;
}

static void check_product(const struct product *p, const float *before)
{
    const gemm_call *call = &p->call;
    for (size_t m = 0; m < call->rows; m++) {
        for (size_t n = 0; n < call->outputs; n++)
            check_output(p, before, m, n);
        for (size_t n = call->outputs; n < call->out_stride && m + 1 < call->rows; n++)
            assert_memory_equal(&call->out[m * call->out_stride + n],
                                &before[m * call->out_stride + n], sizeof(float));
    }
}

/* Computes it again from packed weights alone; every bit must be the same, if any shape's are. */
static void check_packed(const struct product *p, const kernel_set *set, const float *before)
{
    if (!p->packed.pages)
        return;
    float *whole = copy_of(&p->out);
    gemm_call call = p->call;
    call.packed = p->packed.data;
    call.weights = NULL;
    memcpy(p->out.data, before, p->out.size);
    set->gemm(&call, (float *)(void *)p->scratch.data);
    if (set->fixed_shape)
        check_product(p, before);
    else
        assert_memory_equal(p->out.data, whole, p->out.size);
    free(whole);
}

/*
 * Computes it again in pieces, rows and outputs cut at random places, as threads would; every bit
 * must be the same.
 */
static void check_pieces(struct product *p, const kernel_set *set, const float *before)
{
    float *whole = copy_of(&p->out);
    memcpy(p->out.data, before, p->out.size);

    for (size_t m = 0, rows; m < p->call.rows; m += rows) {
        rows = random_between(1, p->call.rows - m);
        for (size_t n = 0, outputs; n < p->call.outputs; n += outputs) {
            outputs = random_between(1, p->call.outputs - n);
            if (random_bits() % 2 && p->call.outputs - n > PANEL_OUTPUTS)
                outputs = PANEL_OUTPUTS;
            gemm_call piece = p->call;
            size_t number = piece.weight_type == NUMBER_F32 ? sizeof(float) : sizeof(uint16_t);
            if (n % PANEL_OUTPUTS == 0 && p->packed.pages && random_bits() % 2)
                piece.packed =
                    p->packed.data +
                    n / PANEL_OUTPUTS * panel_bytes(piece.weight_type, piece.taps, piece.inputs);
            piece.rows = rows;
            piece.outputs = outputs;
            if (piece.x_rows)
                piece.x_rows += m * piece.taps;
            else
                piece.x += m * piece.x_stride;
            piece.weights = (const char *)piece.weights +
                            n * number * (piece.weights_transposed ? 1 : piece.weight_stride);
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

static void check_shape(const kernel_set *set, size_t rows, size_t outputs, size_t inputs,
                        size_t taps)
{
    struct product p;
    make_product(&p, set, rows, outputs, inputs, taps);
    float *before = copy_of(&p.out);

    set->gemm(&p.call, (float *)(void *)p.scratch.data);
    check_product(&p, before);
    check_packed(&p, set, before);
    if (!set->fixed_shape)
        check_pieces(&p, set, before);
    free(before);
    free_product(&p);
}

/* ------------------------------------------------------------------------------------- tests */

/* The layout that kernels.h tells, zeros included. */
static void packed_layout(void **state)
{
    (void)state;
    static const unsigned char zeros[sizeof(float)];
    for (int turn = 0; turn < 90; turn++) {
        const size_t outputs = random_between(1, 50), inputs = random_between(1, 60);
        const size_t taps = random_between(1, 3), depth = taps * inputs;
        const number_type type = (number_type)(turn % NUMBER_TYPES);
        const size_t size = number_size(type), group = type == NUMBER_BF16 ? 2 : 1;
        const size_t filled = (inputs + group - 1) / group * group;
        struct guarded weights = guarded_alloc(outputs * depth * size);
        struct guarded packed = guarded_alloc(packed_bytes(type, taps, inputs, outputs));
        assert_int_equal(packed.size, (outputs + 15) / 16 * 16 * taps * filled * size);
        for (size_t i = 0; i < weights.size; i++)
            weights.data[i] = (unsigned char)random_bits();
        memset(packed.data, 0xff, packed.size);
        pack_weights(packed.data, weights.data, type, outputs, taps, inputs);
        for (size_t at = 0; at * size < packed.size; at++) {
            const size_t lane = at / group % 16, n = at / 16 / filled / taps * 16 + lane;
            const size_t input = at / group / 16 * group % filled + at % group;
            const size_t tap = at / 16 / filled % taps;
            const bool there = n < outputs && input < inputs;
            assert_memory_equal(
                packed.data + at * size,
                there ? weights.data + (n * depth + tap * inputs + input) * size : zeros, size);
        }
        guarded_free(&weights);
        guarded_free(&packed);
    }
}

static void small_shapes(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (size_t rows = 1; rows <= 13; rows++)
            for (size_t outputs = 1; outputs <= 40; outputs++)
                check_shape(kernel_set_at(s), rows, outputs, random_between(1, 70),
                            random_bits() % 3 ? 1 : 9);
        for (size_t inputs = 1; inputs <= 70; inputs++)
            check_shape(kernel_set_at(s), random_between(1, 13), random_between(1, 40), inputs,
                        random_bits() % 2 ? 1 : 9);
    }
}

/* Beyond one block of rows, one slice of inputs, one chunk of widened outputs. */
static void large_shapes(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        const kernel_set *set = kernel_set_at(s);
        check_shape(set, 50, 200, 768, 1);
        check_shape(set, 50, 70, 3072, 1);
        check_shape(set, 49, 33, 300, 9);
        check_shape(set, random_between(241, 600), random_between(1, 40), 64, 9);
        check_shape(set, random_between(481, 800), 8, 8, 9);
        check_shape(set, random_between(1, 20), random_between(1, 150), random_between(700, 2500),
                    1);
    }
}

/* NaN in one row reaches all of that row's outputs, and no other: even through ReLU. */
static void nan_stays_visible(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (int kind = 0; kind < 4; kind++) {
            struct product p;
            make_product(&p, kernel_set_at(s), 14, 37, 40, 1);
            p.call.x_rows = NULL;
            p.call.x = (float *)(void *)p.x.data;
            p.call.activation = (activation)kind;
            p.call.packed = random_bits() % 2 ? p.packed.data : NULL;
            size_t bad = random_between(0, 13);
            ((float *)(void *)p.x.data)[bad * p.call.x_stride + random_between(0, 39)] = NAN;
            kernel_set_at(s)->gemm(&p.call, (float *)(void *)p.scratch.data);
            for (size_t m = 0; m < 14; m++)
                for (size_t n = 0; n < 37; n++)
                    assert_int_equal(isnan(p.call.out[m * p.call.out_stride + n]) != 0, m == bad);
            free_product(&p);
        }
    }
}

/*
 * Scores err by at most d, so probabilities by a factor exp(2 d) and what softmax adds: u for each
 * term of its sum and twice u times the largest exponent.
 */
static void check_attention(const attention_call *call)
{
    double *scores = malloc(call->tokens * sizeof *scores);
    assert_non_null(scores);
    for (size_t i = 0; i < call->queries; i++) {
        double largest = -INFINITY, smallest = INFINITY, score_error = 0, total = 0;
        for (size_t j = 0; j < call->tokens; j++) {
            double sum = 0, size = 0;
            for (size_t c = 0; c < call->size; c++) {
                double product =
                    (double)call->q[i * call->stride + c] * call->k[j * call->stride + c];
                sum += product;
                size += fabs(product);
            }
            scores[j] = sum * call->scale;
            score_error = fmax(score_error, g((double)call->size + 1) * size * call->scale);
            largest = fmax(largest, scores[j]);
            smallest = fmin(smallest, scores[j]);
        }
        for (size_t j = 0; j < call->tokens; j++)
            total += scores[j] = exp(scores[j] - largest);
        double share = expm1(2 * score_error + 2 * U * fmin(largest - smallest, 104)) +
                       g(2 * (double)call->tokens + 12);
        for (size_t c = 0; c < call->size; c++) {
            double sum = 0, size = 0;
            for (size_t j = 0; j < call->tokens; j++) {
                double term = scores[j] / total * call->v[j * call->stride + c];
                sum += term;
                size += fabs(term);
            }
            double got = call->out[i * call->out_stride + c];
            if (!(fabs(got - sum) <= share * size + 1e-37))
                fail_msg("query %zu channel %zu of %zu x %zu x %zu: got %.9g, expected %.9g", i, c,
                         call->queries, call->tokens, call->size, got, sum);
        }
    }
    free(scores);
}

/* Keys grow from nothing to three times their size: the largest score is found late and often. */
static void let_keys_rise(float *keys, const attention_call *call)
{
    for (size_t j = 0; j < call->tokens; j++)
        for (size_t c = 0; c < call->size; c++)
            keys[j * call->stride + c] *= 3 * (float)j / (float)call->tokens;
}

static void check_attention_shape(const kernel_set *set, size_t queries, size_t tokens, size_t size)
{
    attention_call call = {.queries = queries, .tokens = tokens, .size = size};
    size_t most = queries > tokens ? queries : tokens;
    call.stride = size + random_between(0, 20);
    call.out_stride = size + random_between(0, 5);
    call.scale = random_bits() % 2 ? 0.125f : 1.5f;
    size_t floats = last_and_width(most, call.stride, size);
    struct guarded q = guarded_alloc(floats * sizeof(float));
    struct guarded k = guarded_alloc(floats * sizeof(float));
    struct guarded v = guarded_alloc(floats * sizeof(float));
    size_t out_floats = last_and_width(queries, call.out_stride, size);
    struct guarded out = guarded_alloc(out_floats * sizeof(float));
    size_t scratch_bytes = set->attention_scratch(queries, tokens, size) * sizeof(float);
    struct guarded scratch = guarded_alloc((scratch_bytes + 63) / 64 * 64);
    memset(scratch.data, 0xff, scratch.size);

    float *inputs[] = {(float *)(void *)q.data, (float *)(void *)k.data, (float *)(void *)v.data};
    for (size_t i = 0; i < 3; i++)
        for (size_t f = 0; f < floats; f++)
            inputs[i][f] = random_float(-2, 2);
    if (random_bits() % 2)
        let_keys_rise(inputs[1], &call);
    call.q = inputs[0];
    call.k = inputs[1];
    call.v = inputs[2];
    call.out = (float *)(void *)out.data;
    set->attention(&call, (float *)(void *)scratch.data);
    check_attention(&call);

    float *whole = copy_of(&out); /* a query alone gives the same bits */
    attention_call one = call;
    size_t i = random_between(0, queries - 1);
    one.queries = 1;
    one.q += i * call.stride;
    one.out += i * call.out_stride;
    memset(one.out, 0, size * sizeof(float));
    set->attention(&one, (float *)(void *)scratch.data);
    assert_memory_equal(out.data, whole, out.size);
    free(whole);

    struct guarded *all[] = {&q, &k, &v, &out, &scratch};
    for (size_t a = 0; a < 5; a++)
        guarded_free(all[a]);
}

static void attention_shapes(void **state)
{
    (void)state;
    for (size_t s = 0; kernel_set_at(s); s++) {
        for (int turn = 0; turn < 40; turn++)
            check_attention_shape(kernel_set_at(s), random_between(1, 30), random_between(1, 70),
                                  random_between(1, 70));
        check_attention_shape(kernel_set_at(s), 50, 50, 64);
        check_attention_shape(kernel_set_at(s), 1, 200, 64);
        check_attention_shape(kernel_set_at(s), 33, 400, 64);
        check_attention_shape(kernel_set_at(s), 200, 197, 64);
    }
}

int main(int count, char **arguments)
{
    random_start(count > 1 ? arguments[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_layout),    cmocka_unit_test(small_shapes),
        cmocka_unit_test(large_shapes),     cmocka_unit_test(nan_stays_visible),
        cmocka_unit_test(attention_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
