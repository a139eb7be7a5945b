/*
 * numbers.c - checks of number types: widening, and the search for infinities and NaN.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernel_check.h"

static void check_every_half(const kernel_set *set)
{
    struct guarded halves = guarded_anywhere(65536 * sizeof(uint16_t), sizeof(uint16_t));
    struct guarded singles = guarded_anywhere(65536 * sizeof(float), sizeof(float));
    for (size_t i = 0; i < 65536; i++)
        ((uint16_t *)(void *)halves.data)[i] = (uint16_t)i;
    set->widen(floats_of(&singles), halves.data, NUMBER_F16, 65536);
    for (size_t i = 0; i < 65536; i++) {
        int exponent = i >> 10 & 0x1f, mantissa = i & 0x3ff;
        double expected = exponent == 0x1f ? (mantissa ? NAN : INFINITY)
                          : exponent       ? ldexp(1024 + mantissa, exponent - 25)
                                           : ldexp(mantissa, -24);
        float got = floats_of(&singles)[i];
        if (isnan(expected)) {
            assert_true(isnan(got));
            continue;
        }
        if (!(got == (i & 0x8000 ? -expected : expected)) ||
            (signbit(got) != 0) != ((i & 0x8000) != 0))
            fail_msg("half %04zx: got %.9g", i, got);
    }
    guarded_free(&halves);
    guarded_free(&singles);
}

static void check_every_bfloat(const kernel_set *set)
{
    struct guarded bfloats = guarded_anywhere(65536 * sizeof(uint16_t), sizeof(uint16_t));
    struct guarded singles = guarded_anywhere(65536 * sizeof(float), sizeof(float));
    for (size_t i = 0; i < 65536; i++)
        ((uint16_t *)(void *)bfloats.data)[i] = (uint16_t)i;
    memset(singles.data, 0x55, singles.size);
    set->widen(floats_of(&singles), bfloats.data, NUMBER_BF16, 65536);
    for (size_t i = 0; i < 65536; i++) {
        int exponent = i >> 7 & 0xff, mantissa = i & 0x7f;
        double expected = exponent == 0xff ? (mantissa ? NAN : INFINITY)
                          : exponent       ? ldexp(128 + mantissa, exponent - 134)
                                           : ldexp(mantissa, -133);
        float got = floats_of(&singles)[i];
        if (isnan(expected)) {
            assert_true(isnan(got));
            continue;
        }
        if (!(got == (i & 0x8000 ? -expected : expected)) ||
            (signbit(got) != 0) != ((i & 0x8000) != 0))
            fail_msg("bf16 %04zx: got %.9g", i, got);
    }
    /* One number alone goes another way than those in a row. */
    for (size_t i = 0; i < 65536; i++) {
        float one;
        set->widen(&one, (uint16_t *)(void *)bfloats.data + i, NUMBER_BF16, 1);
        assert_memory_equal(&one, &floats_of(&singles)[i], sizeof one);
    }
    guarded_free(&bfloats);
    guarded_free(&singles);
}

/* Every tail length, at every alignment. */
static void check_tails(const kernel_set *set)
{
    for (size_t count = 0; count <= 40; count++) {
        struct guarded halves = guarded_anywhere(count * sizeof(uint16_t), sizeof(uint16_t));
        struct guarded from = random_floats(count, -1, 1);
        struct guarded to = guarded_anywhere(count * sizeof(float), sizeof(float));
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)(void *)halves.data)[i] = (uint16_t)(0x3c00 + i); /* 1 + i / 1024 */
        set->widen(floats_of(&to), halves.data, NUMBER_F16, count);
        for (size_t i = 0; i < count; i++)
            assert_true(floats_of(&to)[i] == 1 + (float)i * 0x1p-10f);
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)(void *)halves.data)[i] = (uint16_t)(0x3f80 + i); /* 1 + i / 128 */
        set->widen(floats_of(&to), halves.data, NUMBER_BF16, count);
        for (size_t i = 0; i < count; i++)
            assert_true(floats_of(&to)[i] == 1 + (float)i * 0x1p-7f);
        set->widen(floats_of(&to), from.data, NUMBER_F32, count);
        assert_memory_equal(to.data, from.data, to.size);
        guarded_free(&halves);
        guarded_free(&from);
        guarded_free(&to);
    }
}

static void check_finite(const kernel_set *set, size_t count, number_type type)
{
    static const uint32_t bad_singles[] = {0x7f800000, 0xff800000, 0x7f800001, 0xffffffff};
    static const uint16_t bad_halves[] = {0x7c00, 0xfc00, 0x7c01, 0xffff};
    static const uint16_t bad_bfloats[] = {0x7f80, 0xff80, 0x7f81, 0xffff};
    const bool is_short = type != NUMBER_F32;
    const uint16_t *bad_shorts = type == NUMBER_F16 ? bad_halves : bad_bfloats;
    /* The largest number with either sign, and a mask that makes any pattern finite. */
    const uint16_t largest = type == NUMBER_F16 ? 0xfbff : 0xff7f;
    struct guarded x = guarded_anywhere(count * number_size(type), number_size(type));

    for (size_t i = 0; i < count; i++) { /* the largest finite numbers, and others */
        uint64_t bits = random_bits();
        if (is_short)
            ((uint16_t *)(void *)x.data)[i] = (uint16_t)(bits % 4 ? bits & largest : largest);
        else
            ((uint32_t *)(void *)x.data)[i] = (uint32_t)(bits % 4 ? bits & 0xff7fffff : 0xff7fffff);
    }
    assert_true(set->all_finite(x.data, type, count));
    if (count) {
        size_t at = random_between(0, count - 1), which = random_between(0, 3);
        if (is_short)
            ((uint16_t *)(void *)x.data)[at] = bad_shorts[which];
        else
            ((uint32_t *)(void *)x.data)[at] = bad_singles[which];
        if (set->all_finite(x.data, type, count))
            fail_msg("number %zu of %zu is not finite and passed", at, count);
    }
    guarded_free(&x);
}

static void check_all_finite(const kernel_set *set)
{
    for (int type = 0; type < NUMBER_TYPES; type++) {
        for (size_t count = 0; count <= 70; count++)
            check_finite(set, count, (number_type)type);
        for (int turn = 0; turn < 200; turn++)
            check_finite(set, random_between(900, 6200), (number_type)type);
    }
}

static void check_widen(const kernel_set *set)
{
    check_every_half(set);
    check_every_bfloat(set);
    check_tails(set);
}

/* ------------------------------------------------------------------------------------- timing */

enum { COUNT = 768 * 768 };

struct timed_numbers {
    const kernel_set *set;
    number_type type;
    struct guarded in, out;
};

static void widen_again(void *context)
{
    struct timed_numbers *t = context;
    t->set->widen(floats_of(&t->out), t->in.data, t->type, COUNT);
}

static void search_again(void *context)
{
    struct timed_numbers *t = context;
    assert_true(t->set->all_finite(t->in.data, t->type, COUNT));
}

static void time_types(const kernel_set *set, void (*call)(void *))
{
    static const char *const names[] = {"768 * 768 f32", "768 * 768 f16", "768 * 768 bf16"};
    for (int type = 0; type < NUMBER_TYPES; type++) {
        struct timed_numbers t = {set, (number_type)type, random_floats(COUNT, 0, 0),
                                  random_floats(COUNT, 0, 0)};
        time_kernel(names[type], 0, call, &t);
        guarded_free(&t.in);
        guarded_free(&t.out);
    }
}

static void time_widen(const kernel_set *set)
{
    time_types(set, widen_again);
}

static void time_all_finite(const kernel_set *set)
{
    time_types(set, search_again);
}

const struct kernel_check number_checks[] = {
    {"widen", NULL, NULL, check_widen, time_widen},
    {"all_finite", NULL, NULL, check_all_finite, time_all_finite},
    {0},
};
