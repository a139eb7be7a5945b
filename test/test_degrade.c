/*
 * test_degrade.c - what holds for every degradation: the table and what lies between its levels,
 * sizes, range, chance and threads.  What each of them means is tested in test_degradations.c.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "degrade_photos.h"
#include "xxh64.h"

#define FOR_EACH_TYPE(type)                                                                        \
    for (enum degradation type = 0; type < degradation_count; type = (enum degradation)(type + 1)) \
        if (degradation_available(type))

/* ---------------------------------------------------------------------------------- the table */

static void table(void **state)
{
    (void)state;
    static const int per_group[degradation_group_count] = {3, 4, 2, 4, 3, 5, 3};
    int seen[degradation_group_count] = {0};
    for (int i = 0; i < degradation_count; i++) {
        enum degradation found;
        assert_true(degradation_by_name(degradation_kinds[i].name, &found));
        assert_int_equal(found, i);
        assert_true(degradation_kinds[i].title[0]);
        seen[degradation_kinds[i].group]++;
    }
    for (int g = 0; g < degradation_group_count; g++) {
        assert_int_equal(seen[g], per_group[g]);
        assert_true(degradation_group_titles[g][0]);
    }
    enum degradation found;
    assert_false(degradation_by_name("gaussian", &found));
    assert_false(degradation_by_name("", &found));
}

/* Whole levels have the published strengths, exactly; between them nothing jumps. */
static void strengths(void **state)
{
    (void)state;
    for (int i = 0; i < degradation_count; i++) {
        const enum degradation type = (enum degradation)i;
        const struct degradation_kind *kind = &degradation_kinds[i];
        double before;
        degradation_strength(type, 0, &before);
        assert_true(before == 0);
        for (int level = 1; level <= degradation_levels; level++) {
            double badness;
            assert_true(degradation_strength(type, level, &badness) == kind->strength[level - 1]);
            assert_true(badness == kind->badness[level - 1]);
            assert_true(badness >= 0 && badness <= degradation_levels);
        }
        const bool is_signed = type == DEGRADE_MEAN_SHIFT || type == DEGRADE_LINEAR_CONTRAST;
        for (double level = 0.125; level <= 5 && !is_signed; level += 0.125) {
            double badness;
            const double strength = degradation_strength(type, level, &badness);
            const int below = (int)(level - 0.125), above = below + 1;
            const double from = degradation_strength(type, below, NULL);
            const double to = degradation_strength(type, above, NULL);
            assert_true((strength - from) * (strength - to) <= 0);
            assert_true(badness >= before);
            before = badness;
        }
        assert_true(degradation_strength(type, 7, NULL) == kind->strength[4]);
        assert_true(degradation_strength(type, -1, NULL) == degradation_strength(type, 0, NULL));
    }
}

/* Two types have a sign: badness depends on the absolute value, and only rises with it. */
static void signed_strengths(void **state)
{
    (void)state;
    static const enum degradation types[] = {DEGRADE_MEAN_SHIFT, DEGRADE_LINEAR_CONTRAST};
    for (int t = 0; t < 2; t++)
        for (double one = 1; one <= 5; one += 0.125)
            for (double other = 1; other <= 5; other += 0.125) {
                double worse, better;
                const double left = fabs(degradation_strength(types[t], one, &worse));
                const double right = fabs(degradation_strength(types[t], other, &better));
                if (left > right + 1e-9)
                    assert_true(worse >= better);
                if (left == right)
                    assert_float_equal(worse, better, 1e-9);
            }
    /* The sign is that of the nearest whole level. */
    assert_float_equal(degradation_strength(DEGRADE_MEAN_SHIFT, 2.25, NULL), 0.08, 1e-12);
    assert_float_equal(degradation_strength(DEGRADE_MEAN_SHIFT, 2.75, NULL), -0.08, 1e-12);
    assert_float_equal(degradation_strength(DEGRADE_LINEAR_CONTRAST, 3.25, NULL), -0.375, 1e-12);
    assert_float_equal(degradation_strength(DEGRADE_LINEAR_CONTRAST, 3.75, NULL), 0.325, 1e-12);
    /* Linear contrast leaves everything as it is not at 0 but at -0.2. */
    assert_true(degradation_strength(DEGRADE_LINEAR_CONTRAST, 0, NULL) == -0.2);
}

/* ------------------------------------------------------------------------------ sizes and range */

static void check_range(const struct photo *photo)
{
    for (size_t i = 0; i < photo_values(photo); i++)
        assert_true(photo->pixels[i] >= 0 && photo->pixels[i] <= 1);
}

static void sizes(void **state)
{
    (void)state;
    static const uint32_t sides[][2] = {{1, 1},  {1, 2},   {2, 1},   {3, 3},  {1, 37},
                                        {37, 1}, {15, 17}, {33, 31}, {67, 45}};
    for (size_t s = 0; s < sizeof sides / sizeof sides[0]; s++) {
        struct photo photo = photo_textured(sides[s][0], sides[s][1]);
        FOR_EACH_TYPE(type)
        {
            for (double level = 0; level <= 5; level += 2.5) {
                struct photo worse = photo_degraded(&photo, type, level, 3);
                check_range(&worse);
                photo_free(&worse);
            }
        }
        photo_free(&photo);
    }
}

/* Black, white, and values that the formulas would take out of the range. */
static void range(void **state)
{
    (void)state;
    static const float tones[] = {0, 1, 0.002f, 0.999f};
    for (size_t i = 0; i < sizeof tones / sizeof tones[0]; i++) {
        struct photo photo = photo_flat(24, 20, tones[i], tones[3 - i], 1 - tones[i]);
        FOR_EACH_TYPE(type)
        {
            for (int level = 1; level <= degradation_levels; level++) {
                struct photo worse = photo_degraded(&photo, type, level, 3);
                check_range(&worse);
                photo_free(&worse);
            }
        }
        photo_free(&photo);
    }
}

/* No finite strength does harm. */
static void absurd_strengths(void **state)
{
    (void)state;
    static const double strengths[] = {-1e300, -1e6, -1, 0, 1e-300, 1000, 1e6, 1e300};
    struct photo photo = photo_textured(16, 12);
    FOR_EACH_TYPE(type)
    {
        for (size_t i = 0; i < sizeof strengths / sizeof strengths[0]; i++) {
            struct photo worse = photo_copy(&photo);
            assert_true(degrade(&worse, type, strengths[i], 1));
            check_range(&worse);
            photo_free(&worse);
        }
    }
    photo_free(&photo);
}

static void refused(void **state)
{
    (void)state;
    float pixel[3] = {0.1f, 0.2f, 0.3f};
    const float before[3] = {0.1f, 0.2f, 0.3f};
    FOR_EACH_TYPE(type)
    {
        struct photo photo = {0, 5, pixel};
        assert_false(degrade(&photo, type, 1, 1));
        photo = (struct photo){UINT32_MAX, UINT32_MAX, pixel};
        assert_false(degrade(&photo, type, 1, 1));
        photo = (struct photo){1, 1, pixel};
        assert_false(degrade(&photo, type, (double)NAN, 1));
        assert_false(degrade(&photo, type, (double)INFINITY, 1));
        assert_memory_equal(pixel, before, sizeof pixel);
    }
}

/* A codec that is not in the build says so, and leaves the image alone. */
static void codecs(void **state)
{
    (void)state;
    static const enum degradation types[] = {DEGRADE_JPEG, DEGRADE_JPEG2000};
    struct photo photo = photo_textured(40, 30);
    for (int t = 0; t < 2; t++) {
        struct photo copy = photo_copy(&photo);
        const double strength = degradation_strength(types[t], 5, NULL);
        const bool done = degrade(&copy, types[t], strength, 1);
        assert_int_equal(done, degradation_available(types[t]));
        assert_int_equal(photo_equal(&copy, &photo), !done);
        photo_free(&copy);
    }
    photo_free(&photo);
#if QUALICLIP_JPEG
    assert_true(degradation_available(DEGRADE_JPEG));
#else
    assert_false(degradation_available(DEGRADE_JPEG));
#endif
#if QUALICLIP_JPEG2000
    assert_true(degradation_available(DEGRADE_JPEG2000));
#else
    assert_false(degradation_available(DEGRADE_JPEG2000));
#endif
}

/* Nor does a codec that fails harm the image: no JPEG is 70000 pixels wide. */
static void codec_fails(void **state)
{
    (void)state;
    struct photo photo = photo_textured(70000, 1), copy = photo_copy(&photo);
    assert_false(degrade(&copy, DEGRADE_JPEG, 43, 1));
    assert_true(photo_equal(&photo, &copy));
    photo_free(&photo);
    photo_free(&copy);
}

/* ------------------------------------------------------------------------------ chance, threads */

static bool is_random(enum degradation type)
{
    switch (type) {
    case DEGRADE_MOTION_BLUR:
    case DEGRADE_COLOR_SHIFT:
    case DEGRADE_WHITE_NOISE:
    case DEGRADE_WHITE_NOISE_YCBCR:
    case DEGRADE_IMPULSE_NOISE:
    case DEGRADE_MULTIPLICATIVE_NOISE:
    case DEGRADE_JITTER:
    case DEGRADE_NON_ECCENTRICITY_PATCH:
    case DEGRADE_COLOR_BLOCK: return true;
    default: return false;
    }
}

/* The seed decides all of chance, and nothing else. */
static void seeds(void **state)
{
    (void)state;
    struct photo photo = photo_textured(96, 80);
    FOR_EACH_TYPE(type)
    {
        struct photo first = photo_degraded(&photo, type, 4, 11);
        struct photo again = photo_degraded(&photo, type, 4, 11);
        struct photo other = photo_degraded(&photo, type, 4, 12);
        assert_true(photo_equal(&first, &again));
        assert_int_equal(photo_equal(&first, &other), !is_random(type));
        photo_free(&first);
        photo_free(&again);
        photo_free(&other);
    }
    photo_free(&photo);
}

struct job {
    const struct photo *photo;
    struct photo results[degradation_count];
};

static void *degrade_all(void *context)
{
    struct job *job = context;
    FOR_EACH_TYPE(type)
    {
        job->results[type] = photo_copy(job->photo);
        if (!degrade(&job->results[type], type, degradation_strength(type, 3, NULL), 5))
            job->results[type].width = 0;
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    enum { count = 3 };
    struct photo photo = photo_textured(61, 47);
    struct job alone = {.photo = &photo}, together[count];
    degrade_all(&alone);
    pthread_t threads[count];
    for (int i = 0; i < count; i++) {
        together[i] = (struct job){.photo = &photo};
        assert_int_equal(pthread_create(&threads[i], NULL, degrade_all, &together[i]), 0);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    FOR_EACH_TYPE(type)
    {
        for (int i = 0; i < count; i++) {
            assert_true(photo_equal(&together[i].results[type], &alone.results[type]));
            photo_free(&together[i].results[type]);
        }
        photo_free(&alone.results[type]);
    }
    photo_free(&photo);
}

/*
 * The same bits from every compiler, and on every processor of this byte order: what was trained or
 * published with a seed can be made again.  A change of these numbers is a change of all copies.
 */
static void same_bits(void **state)
{
    (void)state;
    static const uint64_t hashes[degradation_count] = {
        UINT64_C(0x0d9b1a66ace92390),
        UINT64_C(0x3a8430d634c255fa),
        UINT64_C(0x830277778a094881),
        UINT64_C(0x10632710171ed0b0),
        UINT64_C(0xf405b4ecd65939c9),
        UINT64_C(0x33a6316b0b0775d9),
        UINT64_C(0xd90d9e0435f350ed),
        0,
        0,
        UINT64_C(0xa3001bcf1d32f261),
        UINT64_C(0x024f4d50fa5e9626),
        UINT64_C(0x03b754bf1170dfb9),
        UINT64_C(0xe1b8c7e5d41f0278),
        UINT64_C(0x667ea4dda34f3151),
        UINT64_C(0xffa6e105d6a9866c),
        UINT64_C(0x44930e59a80d4376),
        UINT64_C(0x7b201e0a8081bcfe),
        UINT64_C(0x20d038cba64a89b2),
        UINT64_C(0x95a545c1104ea19f),
        UINT64_C(0x83a8c8eb92cd6a62),
        UINT64_C(0xd907bfb5f135481f),
        UINT64_C(0x31709a8b8f365a30),
        UINT64_C(0x1ad50016e567c85a),
        UINT64_C(0x947d04e1cad6e5bc),
    };
    struct photo photo = photo_textured(61, 47);
    for (int type = 0; type < degradation_count; type++) {
        if (type == DEGRADE_JPEG || type == DEGRADE_JPEG2000)
            continue; /* as their libraries round */
        struct photo worse = photo_degraded(&photo, (enum degradation)type, 3, 5);
        const size_t size = photo_values(&worse) * sizeof *worse.pixels;
        const uint64_t hash = xxh64(worse.pixels, size, 0);
        if (hash != hashes[type])
            fail_msg("%s: 0x%016" PRIx64, degradation_kinds[type].name, hash);
        photo_free(&worse);
    }
    photo_free(&photo);
}

/* ----------------------------------------------------------------------------------- the levels */

/* The first levels that change nothing, and no others do. */
static bool is_identity(enum degradation type, int level)
{
    return level == 1 && (type == DEGRADE_GAUSSIAN_BLUR || type == DEGRADE_MOTION_BLUR ||
                          type == DEGRADE_SATURATION_LAB || type == DEGRADE_MEAN_SHIFT);
}

static void identities(void **state)
{
    (void)state;
    struct photo photo = photo_textured(96, 96);
    FOR_EACH_TYPE(type)
    {
        for (int level = 1; level <= degradation_levels; level++) {
            struct photo worse = photo_degraded(&photo, type, level, 2);
            const double changed = photo_farthest(&photo, &worse);
            if (is_identity(type, level))
                assert_true(changed < 1e-6);
            else
                assert_true(changed > 0.5 / 255);
            assert_int_equal(degradation_kinds[type].badness[level - 1] == 0,
                             is_identity(type, level));
            photo_free(&worse);
        }
    }
    photo_free(&photo);
}

/* What a ranking demands: the worse of two levels is farther from the original. */
static void monotone(void **state)
{
    (void)state;
    struct photo photo = photo_textured(192, 128);
    FOR_EACH_TYPE(type)
    {
        double distance[degradation_levels];
        for (int level = 1; level <= degradation_levels; level++) {
            struct photo worse = photo_degraded(&photo, type, level, 9);
            distance[level - 1] = photo_distance(&photo, &worse);
            photo_free(&worse);
        }
        if (type == DEGRADE_LINEAR_CONTRAST)
            continue; /* its strength's absolute value is not the distance: test_degradations.c */
        const double *badness = degradation_kinds[type].badness;
        for (int left = 0; left < degradation_levels; left++)
            for (int right = 0; right < degradation_levels; right++)
                if (badness[left] > badness[right] && distance[left] <= distance[right])
                    fail_msg("%s: level %d changes %g, level %d %g", degradation_kinds[type].name,
                             left + 1, distance[left], right + 1, distance[right]);
    }
    photo_free(&photo);
}

/* Levels below 1 are weaker than level 1, down to (nearly) nothing. */
static void below_one(void **state)
{
    (void)state;
    struct photo photo = photo_textured(192, 128);
    FOR_EACH_TYPE(type)
    {
        struct photo one = photo_degraded(&photo, type, 1, 2);
        struct photo half = photo_degraded(&photo, type, 0.5, 2);
        struct photo none = photo_degraded(&photo, type, 0, 2);
        const double most = photo_distance(&photo, &one), middle = photo_distance(&photo, &half);
        const double least = photo_distance(&photo, &none);
        if (!(least <= middle && middle <= most))
            fail_msg("%s: %g, %g, %g", degradation_kinds[type].name, least, middle, most);
        photo_free(&one);
        photo_free(&half);
        photo_free(&none);
    }
    photo_free(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(strengths),
        cmocka_unit_test(signed_strengths),
        cmocka_unit_test(sizes),
        cmocka_unit_test(range),
        cmocka_unit_test(absurd_strengths),
        cmocka_unit_test(refused),
        cmocka_unit_test(codecs),
        cmocka_unit_test(codec_fails),
        cmocka_unit_test(seeds),
        cmocka_unit_test(threads),
        cmocka_unit_test(same_bits),
        cmocka_unit_test(identities),
        cmocka_unit_test(monotone),
        cmocka_unit_test(below_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
