/*
 * product.c - for checks of gemm: a product of random shape details, its data between forbidden
 * pages, and what holds for every product.
 */
#include "kernels/product.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"

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

double number_value(const void *numbers, number_type type, size_t index)
{
    if (type == NUMBER_F16)
        return half_value(((const uint16_t *)numbers)[index]);
    if (type == NUMBER_BF16)
        return bfloat_value(((const uint16_t *)numbers)[index]);
    return ((const float *)numbers)[index];
}

double product_operations(const gemm_call *call)
{
    return 2.0 * (double)call->rows * (double)call->outputs * (double)(call->taps * call->inputs);
}

float *copy_of(const struct guarded *memory)
{
    float *copy = malloc(memory->size);
    assert_non_null(copy);
    memcpy(copy, memory->data, memory->size);
    return copy;
}

/* ------------------------------------------------------------------------------------- making */

static struct guarded some_floats(size_t count)
{
    struct guarded memory = guarded_anywhere(count * sizeof(float), sizeof(float));
    for (size_t i = 0; i < count; i++)
        floats_of(&memory)[i] = some_float();
    return memory;
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

    if (call->weight_type == NUMBER_F32) {
        p->weights = some_floats(count);
    } else {
        p->weights = guarded_anywhere(count * sizeof(uint16_t), sizeof(uint16_t));
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)(void *)p->weights.data)[i] =
                call->weight_type == NUMBER_F16 ? some_half() : some_bfloat();
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
    p->packed =
        cache_lines(packed_bytes(call->weight_type, call->taps, call->inputs, call->outputs));
    pack_weights(p->packed.data, dense, call->weight_type, call->outputs, call->taps, call->inputs);
    free(dense);
}

/* Rows one after the other, or where `gathered`, any row for any tap, as in a convolution. */
static void make_x(struct product *p, bool gathered)
{
    gemm_call *call = &p->call;
    p->x = some_floats(last_and_width(call->rows, call->x_stride, call->inputs));
    const float *x = floats_of(&p->x);
    if (!gathered) {
        call->x = x;
        return;
    }
    p->x_rows = guarded_anywhere(call->rows * call->taps * sizeof(float *), sizeof(float *));
    const float **rows = (const float **)(void *)p->x_rows.data;
    for (size_t i = 0; i < call->rows * call->taps; i++)
        rows[i] = x + random_between(0, call->rows - 1) * call->x_stride;
    call->x_rows = rows;
}

static void make_out(struct product *p)
{
    gemm_call *call = &p->call;
    call->out_stride = call->outputs + random_between(0, 9);
    p->out = some_floats(last_and_width(call->rows, call->out_stride, call->outputs));
    p->in_place = random_bits() % 3 == 0;
    if (!p->in_place)
        memset(p->out.data, 0xff, p->out.size); /* NaN: what was there must not matter */
    call->out = floats_of(&p->out);
    if (random_bits() % 2) {
        p->bias = some_floats(call->outputs);
        call->bias = floats_of(&p->bias);
    }
    if (p->in_place) {
        call->residual = call->out;
        call->residual_stride = call->out_stride;
    } else if (random_bits() % 2) {
        call->residual_stride = call->outputs + random_between(0, 9);
        p->residual = some_floats(last_and_width(call->rows, call->residual_stride, call->outputs));
        call->residual = floats_of(&p->residual);
    }
}

void make_product(struct product *p, number_type type, size_t rows, size_t outputs, size_t inputs,
                  size_t taps)
{
    const bool transposed = random_bits() % 4 == 0;
    *p = (struct product){
        .call = {.rows = rows,
                 .outputs = outputs,
                 .taps = taps,
                 .inputs = inputs,
                 .x_stride = inputs + random_between(0, 9),
                 .weight_type = type,
                 .weights_transposed = transposed,
                 .weight_stride = (transposed ? outputs : taps * inputs) + random_between(0, 9),
                 .activation = (activation)(random_bits() % 4)}};
    make_weights(p);
    make_packed(p);
    make_x(p, taps > 1 || random_bits() % 4 == 0);
    make_out(p);
}

void make_rounded_product(struct product *p, const kernel_set *set, number_type type, size_t rows,
                          size_t outputs, size_t inputs)
{
    *p = (struct product){.call = {.rows = rows,
                                   .outputs = outputs,
                                   .taps = 1,
                                   .inputs = inputs,
                                   .x_stride = inputs + random_between(0, 9),
                                   .weight_type = type == NUMBER_I8 ? NUMBER_F32 : type,
                                   .weight_stride = inputs,
                                   .activation = (activation)(random_bits() % 4)}};
    make_weights(p);
    make_x(p, false);
    make_out(p);
    p->call.weight_type = type;
    p->packed = cache_lines(packed_bytes(type, 1, inputs, outputs));
    if (type == NUMBER_I8)
        quantise_weights((void *)p->packed.data, floats_of(&p->weights), outputs, inputs);
    else
        pack_weights(p->packed.data, p->weights.data, type, outputs, 1, inputs);
    p->call.packed = p->packed.data;
    p->rounded = cache_lines(rows * rounded_bytes(type, inputs));
    set->round_rows(p->rounded.data, p->call.x, p->call.x_stride, rows, inputs, type);
    p->call.rounded = p->rounded.data;
    p->call.weights = p->call.x = NULL; /* are not looked at */
}

void free_product(struct product *p)
{
    struct guarded *all[] = {&p->x,       &p->x_rows, &p->weights,  &p->packed,
                             &p->rounded, &p->bias,   &p->residual, &p->out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->pages)
            guarded_free(all[i]);
}

/* ----------------------------------------------------------------------------------- checking */

void compute_product(const kernel_set *set, const gemm_call *call)
{
    struct guarded scratch =
        cache_lines(set->gemm_scratch(call->taps, call->inputs, call->outputs) * sizeof(float));
    set->gemm(call, floats_of(&scratch));
    guarded_free(&scratch);
}

void check_padding(const struct product *p, const float *before)
{
    const gemm_call *call = &p->call;
    for (size_t m = 0; m + 1 < call->rows; m++)
        for (size_t n = call->outputs; n < call->out_stride; n++)
            assert_memory_equal(&call->out[m * call->out_stride + n],
                                &before[m * call->out_stride + n], sizeof(float));
}

void check_same_bits(const struct product *p, const kernel_set *set, const gemm_call *call,
                     const float *before)
{
    float *whole = copy_of(&p->out);
    memcpy(p->out.data, before, p->out.size);
    compute_product(set, call);
    for (size_t i = 0; i < p->out.size / sizeof(float); i++)
        if (memcmp(floats_of(&p->out) + i, whole + i, sizeof(float)) != 0)
            fail_msg("%zu x %zu, %zu taps x %zu inputs, by %s: [%zu][%zu] is %a, not %a",
                     call->rows, call->outputs, call->taps, call->inputs, set->name,
                     i / call->out_stride, i % call->out_stride, floats_of(&p->out)[i], whole[i]);
    free(whole);
}

/* Some rows and outputs of a product; packed weights only where a panel begins. */
static gemm_call piece_of(const struct product *p, size_t m, size_t rows, size_t n, size_t outputs)
{
    gemm_call piece = p->call;
    if (p->packed.pages && n % PANEL_OUTPUTS == 0 && (piece.rounded || random_bits() % 2))
        piece.packed = p->packed.data +
                       n / PANEL_OUTPUTS * panel_bytes(piece.weight_type, piece.taps, piece.inputs);
    piece.rows = rows;
    piece.outputs = outputs;
    if (piece.rounded)
        piece.rounded =
            (const char *)piece.rounded + m * rounded_bytes(piece.weight_type, piece.inputs);
    else if (piece.x_rows)
        piece.x_rows += m * piece.taps;
    else
        piece.x += m * piece.x_stride;
    if (piece.weights)
        piece.weights =
            (const char *)piece.weights + n * number_size(piece.weight_type) *
                                              (piece.weights_transposed ? 1 : piece.weight_stride);
    if (piece.bias)
        piece.bias += n;
    if (piece.residual)
        piece.residual += m * piece.residual_stride + n;
    piece.out += m * piece.out_stride + n;
    return piece;
}

void check_pieces(const struct product *p, const kernel_set *set, const float *before)
{
    float *whole = copy_of(&p->out);
    memcpy(p->out.data, before, p->out.size);

    for (size_t m = 0, rows; m < p->call.rows; m += rows) {
        rows = random_between(1, p->call.rows - m);
        for (size_t n = 0, outputs; n < p->call.outputs; n += outputs) {
            const size_t left = p->call.outputs - n;
            outputs = random_between(1, left);
            if (p->call.rounded || random_bits() % 2)
                outputs = (outputs + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS * PANEL_OUTPUTS;
            outputs = outputs < left ? outputs : left;
            const gemm_call piece = piece_of(p, m, rows, n, outputs);
            compute_product(set, &piece);
        }
    }
    assert_memory_equal(p->out.data, whole, p->out.size);
    free(whole);
}
