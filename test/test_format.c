/*
 * test_format.c - texts as printf writes them: the library's own formats, and numbers of all sizes.
 */
#include "format.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"

/* Both ways, into buffers of every size up to the text's and one more. */
#define CHECK(...)                                                                                 \
    do {                                                                                           \
        char expected[512], actual[512];                                                           \
        const size_t length = (size_t)snprintf(expected, sizeof expected, __VA_ARGS__);            \
        assert_int_equal(format_text(NULL, 0, __VA_ARGS__), length);                               \
        for (size_t size = 1; size <= length + 2; size += 1 + length / 20) {                       \
            memset(actual, '#', sizeof actual);                                                    \
            snprintf(expected, size, __VA_ARGS__);                                                 \
            assert_int_equal(format_text(actual, size, __VA_ARGS__), length);                      \
            assert_string_equal(actual, expected);                                                 \
            assert_int_equal(actual[size], '#');                                                   \
        }                                                                                          \
        assert_int_equal(format_text(actual, sizeof actual, __VA_ARGS__), length);                 \
        snprintf(expected, sizeof expected, __VA_ARGS__);                                          \
        assert_string_equal(actual, expected);                                                     \
    } while (0)

static void test_texts(void **state)
{
    (void)state;
    CHECK("nothing");
    CHECK("%s", "");
    CHECK("%s: tensor %s: %s", "a path", "v.blk.0.ln1.weight", "missing");
    CHECK("%.3s|%.40s|%.0s|", "longer", "short", "none");
    CHECK("%.*s", 4, "longer");
    CHECK("%8s|", "wide");
    CHECK("%c.blk.%zu.", 'v', (size_t)11);
    CHECK("100 %%");
}

static void test_integers(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,          1,         -1,        9,         10,
                                      -10,        255,       INT32_MAX, INT32_MIN, UINT32_MAX,
                                      1234567890, INT64_MAX, INT64_MIN, 1000000};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const int64_t number = numbers[i];
        CHECK("%d %i", (int)number, (int)number);
        CHECK("%u %x", (unsigned)number, (unsigned)number);
        CHECK("%ld %lld", (long)number, (long long)number);
        CHECK("%lu %llu", (unsigned long)number, (unsigned long long)number);
        CHECK("%zu %td", (size_t)number, (ptrdiff_t)number);
        CHECK("xxh64:%016llx", (unsigned long long)number);
        CHECK("%5d|%05d|%3u|%012ld", (int)number, (int)number, (unsigned)number, (long)number);
    }
    CHECK("%p", (void *)numbers);
}

static double random_double(void)
{
    double value;
    do {
        const uint64_t bits = random_bits();
        memcpy(&value, &bits, sizeof value);
    } while (!isfinite(value));
    return value;
}

static void test_doubles(void **state)
{
    (void)state;
    static const double values[] = {0,
                                    1,
                                    -1,
                                    0.5,
                                    1e-5,
                                    1e-4,
                                    123456,
                                    1234567,
                                    999999.5,
                                    9999995,
                                    0.1,
                                    0.07,
                                    100,
                                    1e5,
                                    1e6,
                                    -0.0,
                                    0.00012345678901,
                                    2.5,
                                    1.0 / 3,
                                    1e21,
                                    1e22,
                                    1e23,
                                    5e-324,
                                    DBL_MIN,
                                    DBL_MAX,
                                    DBL_EPSILON,
                                    0.30000001,
                                    999999,
                                    99999.95,
                                    0.125,
                                    0.0009765625,
                                    1024.5,
                                    8.5,
                                    9.5,
                                    1e15 + 0.5,
                                    INFINITY,
                                    -INFINITY};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        CHECK("%g", values[i]);
        CHECK("%.9g", values[i]);
        CHECK("%.17g", values[i]);
        for (int precision = 0; precision <= 17; precision++)
            CHECK("%.*g", precision, values[i]);
    }
    random_start("1");
    for (int i = 0; i < 500; i++) {
        const double any = random_double();
        CHECK("%g", any);
        const double narrow = (double)random_float(-200, 200);
        CHECK("%.9g", narrow);
        const double tie = ldexp((double)random_between(1, 4096), -6);
        CHECK("%.1g", tie);
        CHECK("%.17g", any);
    }
    char text[8];
    assert_int_equal(format_text(text, sizeof text, "%g", (double)NAN), 3);
    assert_string_equal(text, "nan");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
    };
    return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
