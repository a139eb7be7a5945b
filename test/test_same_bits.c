/*
 * test_same_bits.c - kernel sets that differ in speed alone: those with wider vectors compute the
 * same chains as AVX2, so products, activations and attention agree with its to the bit.
 */
#include "kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"

static const char *const names[] = {"avx512bf16", "avx512vnni", "avx512", "avxvnni"};
enum { NAMES = sizeof names / sizeof *names };

/* Every one that this machine has; skips the test where there is none. */
static size_t find_sets(const kernel_set *sets[NAMES], const kernel_set **avx2)
{
    size_t count = 0;
    *avx2 = kernel_set_find("avx2");
    for (size_t i = 0; i < NAMES; i++)
        if (kernel_set_find(names[i]))
            sets[count++] = kernel_set_find(names[i]);
    if (!count)
        skip();
    assert_non_null(*avx2);
    return count;
}

static float *floats_of(const struct guarded *memory)
{
    return (float *)(void *)memory->data;
}

static struct guarded random_floats(size_t count)
{
    struct guarded memory = guarded_alloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        floats_of(&memory)[i] = random_float(-2, 2);
    return memory;
}

static struct guarded scratch_of(const kernel_set *set, const gemm_call *call)
{
    const size_t floats = set->gemm_scratch(call->taps, call->inputs, call->outputs);
    return guarded_alloc((floats * sizeof(float) + 63) / 64 * 64);
}

static void compute(const kernel_set *set, const gemm_call *call)
{
    struct guarded scratch = scratch_of(set, call);
    set->gemm(call, floats_of(&scratch));
    guarded_free(&scratch);
}

static void check_product(const kernel_set *set, const kernel_set *avx2, size_t rows,
                          size_t outputs, size_t inputs, size_t taps)
{
    const number_type type = (number_type)(random_bits() % NUMBER_TYPES);
    struct guarded x = random_floats(rows * inputs), bias = random_floats(outputs);
    struct guarded weights = random_floats(outputs * taps * inputs);
    if (type != NUMBER_F32)
        for (size_t i = 0; i < weights.size / 2; i++) {
            const uint64_t bits = random_bits(); /* about 1 in either type */
            ((uint16_t *)(void *)weights.data)[i] =
                (uint16_t)((bits & 0x8000) | (type == NUMBER_F16 ? 0x3800 : 0x3f00) |
                           (bits >> 20 & 0xff));
        }
    struct guarded packed =
        guarded_alloc((packed_bytes(type, taps, inputs, outputs) + 63) / 64 * 64);
    pack_weights(packed.data, weights.data, type, outputs, taps, inputs);
    const float **pointers = malloc(rows * taps * sizeof *pointers);
    assert_non_null(pointers);
    for (size_t i = 0; i < rows * taps; i++)
        pointers[i] = floats_of(&x) + random_between(0, rows - 1) * inputs;
    struct guarded out = random_floats(rows * outputs), expected = random_floats(rows * outputs);
    gemm_call call = {.rows = rows,
                      .outputs = outputs,
                      .taps = taps,
                      .inputs = inputs,
                      .x_rows = taps > 1 || random_bits() % 3 == 0 ? pointers : NULL,
                      .x = floats_of(&x),
                      .x_stride = inputs,
                      .weights = weights.data,
                      .weight_type = type,
                      .weight_stride = taps * inputs,
                      .packed = random_bits() % 3 ? packed.data : NULL,
                      .bias = random_bits() % 2 ? floats_of(&bias) : NULL,
                      .activation = (activation)(random_bits() % 4),
                      .out = floats_of(&out),
                      .out_stride = outputs};
    compute(set, &call);
    call.out = floats_of(&expected);
    call.packed = NULL;
    compute(avx2, &call);
    for (size_t i = 0; i < rows * outputs; i++)
        if (memcmp(floats_of(&out) + i, floats_of(&expected) + i, sizeof(float)) != 0)
            fail_msg("%s: %zu x %zu, %zu taps x %zu inputs, type %d: [%zu] is %a, not %a",
                     set->name, rows, outputs, taps, inputs, (int)type, i, floats_of(&out)[i],
                     floats_of(&expected)[i]);
    struct guarded *all[] = {&x, &bias, &weights, &packed, &out, &expected};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        guarded_free(all[i]);
    free(pointers);
}

static void products(void **state)
{
    (void)state;
    const kernel_set *sets[NAMES], *avx2;
    const size_t count = find_sets(sets, &avx2);
    for (size_t s = 0; s < count; s++) {
        for (size_t rows = 1; rows <= 27; rows++)
            for (size_t outputs = 1; outputs <= 70; outputs += random_between(1, 6))
                check_product(sets[s], avx2, rows, outputs, random_between(1, 40),
                              random_bits() % 3 ? 1 : 9);
        check_product(sets[s], avx2, 50, 100, 768, 1);
        check_product(sets[s], avx2, 500, 40, 64, 9);
    }
}

/* Every sixteenth exponent and sign, and what is no number. */
static void activations(void **state)
{
    (void)state;
    const kernel_set *sets[NAMES], *avx2;
    const size_t count = find_sets(sets, &avx2);
    enum { COUNT = 4097 };
    struct guarded x = guarded_alloc(COUNT * sizeof(float));
    struct guarded expected = guarded_alloc(COUNT * sizeof(float));
    for (size_t s = 0; s < count; s++)
        for (int kind = 0; kind < 4; kind++)
            for (int turn = 0; turn < 40; turn++) {
                for (size_t i = 0; i < COUNT; i++) {
                    const uint32_t bits = (uint32_t)random_bits();
                    const float wide = random_float(-30, 30);
                    memcpy(x.data + 4 * i, turn % 2 ? (const void *)&bits : &wide, 4);
                }
                memcpy(expected.data, x.data, x.size);
                sets[s]->activate(floats_of(&x), COUNT, (activation)kind);
                avx2->activate(floats_of(&expected), COUNT, (activation)kind);
                for (size_t i = 0; i < COUNT; i++) /* one NaN is as good as another */
                    if (!(isnan(floats_of(&x)[i]) && isnan(floats_of(&expected)[i])))
                        assert_memory_equal(x.data + 4 * i, expected.data + 4 * i, 4);
            }
    guarded_free(&x);
    guarded_free(&expected);
}

static void attention(void **state)
{
    (void)state;
    const kernel_set *sets[NAMES], *avx2;
    const size_t count = find_sets(sets, &avx2);
    for (size_t s = 0; s < count; s++)
        for (size_t tokens = 1; tokens < 120; tokens += random_between(1, 20)) {
            const size_t size = random_between(1, 70);
            struct guarded q = random_floats(tokens * size), k = random_floats(tokens * size);
            struct guarded v = random_floats(tokens * size);
            struct guarded out = random_floats(tokens * size),
                           expected = random_floats(tokens * size);
            attention_call call = {.q = floats_of(&q),
                                   .k = floats_of(&k),
                                   .v = floats_of(&v),
                                   .queries = tokens,
                                   .tokens = tokens,
                                   .size = size,
                                   .stride = size,
                                   .scale = 0.125f,
                                   .out = floats_of(&out),
                                   .out_stride = size};
            const kernel_set *both[] = {sets[s], avx2};
            for (size_t i = 0; i < 2; i++) {
                const size_t floats = both[i]->attention_scratch(tokens, tokens, size);
                struct guarded scratch = guarded_alloc((floats * sizeof(float) + 63) / 64 * 64);
                both[i]->attention(&call, floats_of(&scratch));
                guarded_free(&scratch);
                call.out = floats_of(&expected);
            }
            assert_memory_equal(out.data, expected.data, out.size);
            struct guarded *all[] = {&q, &k, &v, &out, &expected};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                guarded_free(all[i]);
        }
}

int main(int argc, char **argv)
{
    random_start(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(activations),
        cmocka_unit_test(attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
