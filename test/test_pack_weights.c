/*
 * test_pack_weights.c - packed weights: the layout that kernels.h tells, and how they are rounded.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "kernels.h"

/* Zeros included. */
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

/* Where weight(n)[i] lies in packed weights of one tap whose group is `group` inputs. */
static size_t place_of(size_t n, size_t i, size_t group)
{
    return (i / group * PANEL_OUTPUTS + n % PANEL_OUTPUTS) * group + i % group;
}

static void transposed(void **state)
{
    (void)state;
    for (int turn = 0; turn < 60; turn++) {
        const size_t outputs = random_between(1, 50), inputs = random_between(1, 60);
        const size_t stride = outputs + random_between(0, 9);
        const number_type type = (number_type)(turn % NUMBER_TYPES);
        const size_t size = number_size(type), bytes = packed_bytes(type, 1, inputs, outputs);
        struct guarded weights = guarded_alloc(((inputs - 1) * stride + outputs) * size);
        struct guarded turned = guarded_alloc(outputs * inputs * size);
        struct guarded packed = guarded_alloc(bytes), expected = guarded_alloc(bytes);
        for (size_t i = 0; i < weights.size; i++)
            weights.data[i] = (unsigned char)random_bits();
        for (size_t n = 0; n < outputs; n++)
            for (size_t i = 0; i < inputs; i++)
                memcpy(turned.data + (n * inputs + i) * size,
                       weights.data + (i * stride + n) * size, size);
        memset(packed.data, 0xff, bytes);
        pack_weights(expected.data, turned.data, type, outputs, 1, inputs);
        pack_transposed_weights(packed.data, weights.data, type, outputs, inputs, stride);
        assert_memory_equal(packed.data, expected.data, bytes);
        guarded_free(&weights);
        guarded_free(&turned);
        guarded_free(&packed);
        guarded_free(&expected);
    }
}

/* Each output by its own scale: the largest becomes 127, the rest the nearest; zeros fill up. */
static void whole_numbers(void **state)
{
    (void)state;
    for (int turn = 0; turn < 60; turn++) {
        const size_t outputs = random_between(1, 40), inputs = random_between(1, 50);
        const size_t bytes = panel_bytes(NUMBER_I8, 1, inputs), filled = (inputs + 3) / 4 * 4;
        struct guarded weights = guarded_alloc(outputs * inputs * sizeof(float));
        struct guarded packed = guarded_alloc(packed_bytes(NUMBER_I8, 1, inputs, outputs));
        float *w = (float *)(void *)weights.data;
        for (size_t i = 0; i < outputs * inputs; i++)
            w[i] = random_float(-1, 1) * (i / inputs % 5 ? 1 : 1e-32f);
        memset(packed.data, 0xff, packed.size);
        quantise_weights((void *)packed.data, w, outputs, inputs);
        for (size_t n = 0; n < (outputs + 15) / 16 * 16; n++) {
            const struct panel_i8 *panel = (const void *)(packed.data + n / 16 * bytes);
            const int8_t *numbers = &panel->groups[0][0][0];
            float largest = 0;
            int sum = 0;
            for (size_t i = 0; n < outputs && i < inputs; i++)
                largest = fabsf(w[n * inputs + i]) > largest ? fabsf(w[n * inputs + i]) : largest;
            const bool there = largest >= ROUNDING_LEAST_RANGE;
            assert_true(panel->scales[n % 16] == (there ? largest / 127 : 0));
            for (size_t i = 0; i < filled; i++) {
                const double exact = there && i < inputs ? w[n * inputs + i] * 127.0 / largest : 0;
                const int8_t got = numbers[place_of(n, i, 4)];
                assert_true(fabs(got - exact) <= 0.50001);
                sum += got;
            }
            assert_int_equal(panel->sums[n % 16], sum);
        }
        guarded_free(&weights);
        guarded_free(&packed);
    }
}

/* To the nearest, ties to even; never to infinity. */
static void bfloats(void **state)
{
    (void)state;
    static const float from[] = {1,         1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1.001p-8f,
                                 3.4e38f,   -3.4e38f,    0x1p-133f,       0,
                                 0x1.ffp0f, -0.5f};
    static const uint16_t to[] = {0x3f80, 0x3f80, 0x3f82, 0xbf81, 0x7f7f,
                                  0xff7f, 0x0001, 0x0000, 0x4000, 0xbf00};
    enum { INPUTS = sizeof from / sizeof *from, OUTPUTS = 18 };
    struct guarded weights = guarded_alloc(OUTPUTS * INPUTS * sizeof(float));
    struct guarded packed = guarded_alloc(packed_bytes(NUMBER_BF16, 1, INPUTS, OUTPUTS));
    for (size_t n = 0; n < OUTPUTS; n++)
        memcpy(weights.data + n * sizeof from, from, sizeof from);
    memset(packed.data, 0xff, packed.size);
    round_weights(packed.data, (float *)(void *)weights.data, OUTPUTS, INPUTS);
    for (size_t n = 0; n < 2 * PANEL_OUTPUTS; n++) {
        const uint16_t *panel =
            (const void *)(packed.data + n / 16 * panel_bytes(NUMBER_BF16, 1, INPUTS));
        for (size_t i = 0; i < INPUTS; i++)
            assert_int_equal(panel[place_of(n, i, 2)], n < OUTPUTS ? to[i] : 0);
    }
    guarded_free(&weights);
    guarded_free(&packed);
}

int main(int count, char **arguments)
{
    random_start(count > 1 ? arguments[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_layout),
        cmocka_unit_test(transposed),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(bfloats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
