/*
 * test_numbers.c - f16 and bf16 to the bit, all 65536 of them and what lies between; f64.
 */
#include "numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* By the definition of the format. */
static double half_by_definition(unsigned half)
{
    unsigned exponent = half >> 10 & 31, fraction = half & 1023;
    double magnitude = exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

static void every_half_survives(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x10000; half++) {
        float value = float_from_half((uint16_t)half);
        if ((half & 0x7c00) != 0x7c00) {
            assert_true(value == half_by_definition(half));
            assert_true(!signbit(value) == !(half & 0x8000));
        } else {
            assert_true((half & 0x3ff) ? isnan(value) : isinf(value));
        }
        if (!isnan(value))
            assert_int_equal(half_from_float(value), half);
        else
            assert_true((half_from_float(value) & 0x7fff) > 0x7c00);
    }
}

/* Between each half and the next: down, to the even one, up. */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7c00; half++) {
        double low = half_by_definition(half);
        double high = half == 0x7bff ? 65536 : half_by_definition(half + 1);
        float middle = (float)((low + high) / 2); /* exact: it takes one bit more */
        assert_int_equal(half_from_float(middle), half + (half & 1));
        assert_int_equal(half_from_float(nextafterf(middle, 0)), half);
        assert_int_equal(half_from_float(nextafterf(middle, INFINITY)), half + 1);
        assert_int_equal(half_from_float(-middle), 0x8000 + half + (half & 1));
    }
    assert_int_equal(half_from_float(65519.996f), 0x7bff);
    assert_int_equal(half_from_float(65520), 0x7c00);
    assert_int_equal(half_from_float(3e38f), 0x7c00);
    assert_int_equal(half_from_float(-INFINITY), 0xfc00);
    assert_int_equal(half_from_float(1e-45f), 0);
    assert_int_equal(half_from_float(-0.0f), 0x8000);
}

/* By the definition of the format. */
static double bfloat_by_definition(unsigned bfloat)
{
    unsigned exponent = bfloat >> 7 & 255, fraction = bfloat & 127;
    double magnitude =
        exponent ? ldexp(128 + fraction, (int)exponent - 134) : ldexp(fraction, -133);
    return bfloat & 0x8000 ? -magnitude : magnitude;
}

static void every_bfloat_survives(void **state)
{
    (void)state;
    for (unsigned bfloat = 0; bfloat < 0x10000; bfloat++) {
        const unsigned char bytes[] = {(unsigned char)bfloat, (unsigned char)(bfloat >> 8)};
        const double value = element_value(ELEMENT_BF16, bytes);
        if ((bfloat & 0x7f80) != 0x7f80) {
            assert_true(value == bfloat_by_definition(bfloat));
            assert_true(!signbit(value) == !(bfloat & 0x8000));
        } else {
            assert_true((bfloat & 0x7f) ? isnan(value) : isinf(value));
        }
        if (!isnan(value))
            assert_int_equal(bfloat_from_double(value), bfloat);
        else
            assert_true((bfloat_from_double(value) & 0x7fff) > 0x7f80);
    }
}

/*
 * Between each bf16 and the next: down, to the even one, up.  The doubles beside the middle would
 * become the middle if they went through an f32.
 */
static void bfloats_are_rounded_once(void **state)
{
    (void)state;
    for (unsigned bfloat = 0; bfloat < 0x7f80; bfloat++) {
        const double low = bfloat_by_definition(bfloat);
        const double high = bfloat == 0x7f7f ? 0x1p128 : bfloat_by_definition(bfloat + 1);
        const double middle = (low + high) / 2;
        assert_int_equal(bfloat_from_double(middle), bfloat + (bfloat & 1));
        assert_int_equal(bfloat_from_double(nextafter(middle, 0)), bfloat);
        assert_int_equal(bfloat_from_double(nextafter(middle, INFINITY)), bfloat + 1);
        assert_int_equal(bfloat_from_double(-middle), 0x8000 + bfloat + (bfloat & 1));
        assert_int_equal(bfloat_from_double(-nextafter(middle, 0)), 0x8000 + bfloat);
        assert_int_equal(bfloat_from_double(nextafter(low, INFINITY)), bfloat);
        assert_int_equal(bfloat_from_double(nextafter(high, 0)), bfloat + 1);
    }
    assert_int_equal(bfloat_from_double(3.4e38), 0x7f80);
    assert_int_equal(bfloat_from_double(1e300), 0x7f80);
    assert_int_equal(bfloat_from_double(-INFINITY), 0xff80);
    assert_int_equal(bfloat_from_double(1e-300), 0);
    assert_int_equal(bfloat_from_double(-0.0), 0x8000);
}

static void elements_are_little_endian(void **state)
{
    (void)state;
    static const unsigned char f32[] = {0x00, 0x00, 0xc0, 0xbf}, f16[] = {0x00, 0xbe};
    static const unsigned char bf16[] = {0xc0, 0xbf}, f64[] = {0, 0, 0, 0, 0, 0, 0xf8, 0xbf};
    assert_true(element_value(ELEMENT_F32, f32) == -1.5);
    assert_true(element_value(ELEMENT_F16, f16) == -1.5);
    assert_true(element_value(ELEMENT_BF16, bf16) == -1.5);
    assert_true(element_value(ELEMENT_F64, f64) == -1.5);

    unsigned char swapped[] = {1, 2, 3, 4, 5, 6, 7, 8};
    swap_bytes(swapped, 2, 4);
    assert_memory_equal(swapped, ((unsigned char[]){4, 3, 2, 1, 8, 7, 6, 5}), 8);
    swap_bytes(swapped, 8, 1);
    assert_memory_equal(swapped, ((unsigned char[]){4, 3, 2, 1, 8, 7, 6, 5}), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_survives),        cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(every_bfloat_survives),      cmocka_unit_test(bfloats_are_rounded_once),
        cmocka_unit_test(elements_are_little_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
