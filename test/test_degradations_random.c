/*
 * test_degradations_random.c - what the degradations with chance mean: statistics of what they add,
 * which pixels may change, and that levels of one seed differ in strength alone.  Bounds of
 * statistics are five standard deviations wide or more, and the seeds are fixed: nothing flickers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "degrade_photos.h"

static double strength_of(enum degradation type, int level)
{
    return degradation_kinds[type].strength[level - 1];
}

/* ---------------------------------------------------------------------------------------- noise */

/* Of a difference image, its channels combined: mean, variance, share beyond two deviations. */
struct statistics {
    double mean, variance, beyond;
    double beside, below; /* correlation with the neighbours: 0 for a flat spectrum */
};

static double combined(const struct photo *left, const struct photo *right, uint32_t x, uint32_t y,
                       const double *weights)
{
    double sum = 0;
    for (int c = 0; c < 3; c++)
        sum +=
            weights[c] * ((double)photo_pixel(left, x, y)[c] - (double)photo_pixel(right, x, y)[c]);
    return sum;
}

static struct statistics measure(const struct photo *left, const struct photo *right,
                                 const double *weights)
{
    struct statistics result = {0};
    const double count = (double)left->width * left->height;
    for (uint32_t y = 0; y < left->height; y++)
        for (uint32_t x = 0; x < left->width; x++)
            result.mean += combined(left, right, x, y, weights) / count;
    for (uint32_t y = 0; y < left->height; y++)
        for (uint32_t x = 0; x < left->width; x++) {
            const double value = combined(left, right, x, y, weights) - result.mean;
            result.variance += value * value / count;
            if (x)
                result.beside += value * (combined(left, right, x - 1, y, weights) - result.mean);
            if (y)
                result.below += value * (combined(left, right, x, y - 1, weights) - result.mean);
        }
    result.beside /= count * result.variance;
    result.below /= count * result.variance;
    for (uint32_t y = 0; y < left->height; y++)
        for (uint32_t x = 0; x < left->width; x++) {
            const double value = combined(left, right, x, y, weights) - result.mean;
            result.beyond += value * value > 4 * result.variance ? 1 / count : 0;
        }
    return result;
}

/* Normal, of that variance, about 0, white. */
static void check_noise(const struct photo *noisy, const struct photo *photo, const double *weights,
                        double variance)
{
    const struct statistics found = measure(noisy, photo, weights);
    const double count = (double)photo->width * photo->height, root = sqrt(count);
    assert_true(fabs(found.mean) < 5 * sqrt(variance) / root);
    assert_true(fabs(found.variance / variance - 1) < 5 * sqrt(2) / root);
    assert_true(fabs(found.beside) < 5 / root && fabs(found.below) < 5 / root);
    assert_true(fabs(found.beyond - 0.0455) < 5 * sqrt(0.0455) / root);
}

static const double red[3] = {1, 0, 0}, green[3] = {0, 1, 0}, blue[3] = {0, 0, 1};

static void white_noise(void **state)
{
    (void)state;
    struct photo photo = photo_flat(160, 120, 0.4f, 0.5f, 0.6f);
    for (int level = 1; level <= degradation_levels; level += 2) {
        const double variance = strength_of(DEGRADE_WHITE_NOISE, level);
        const double sum[3] = {1, 1, 1};
        struct photo worse = photo_degraded(&photo, DEGRADE_WHITE_NOISE, level, 21);
        check_noise(&worse, &photo, red, variance);
        check_noise(&worse, &photo, green, variance);
        check_noise(&worse, &photo, blue, variance);
        check_noise(&worse, &photo, sum, 3 * variance); /* the channels are independent */
        photo_free(&worse);
    }
    photo_free(&photo);
}

static void white_noise_ycbcr(void **state)
{
    (void)state;
    static const double y[3] = {0.299, 0.587, 0.114};
    static const double cb[3] = {-0.168736, -0.331264, 0.5}, cr[3] = {0.5, -0.418688, -0.081312};
    struct photo photo = photo_flat(160, 120, 0.4f, 0.5f, 0.6f);
    for (int level = 1; level <= degradation_levels; level += 2) {
        const double variance = strength_of(DEGRADE_WHITE_NOISE_YCBCR, level);
        double sum[3];
        for (int c = 0; c < 3; c++)
            sum[c] = y[c] + cb[c] + cr[c];
        struct photo worse = photo_degraded(&photo, DEGRADE_WHITE_NOISE_YCBCR, level, 22);
        check_noise(&worse, &photo, y, variance);
        check_noise(&worse, &photo, cb, variance);
        check_noise(&worse, &photo, cr, variance);
        check_noise(&worse, &photo, sum, 3 * variance);
        photo_free(&worse);
    }
    photo_free(&photo);
}

/* In proportion to the value: black stays black. */
static void multiplicative_noise(void **state)
{
    (void)state;
    struct photo photo = photo_flat(160, 120, 0, 0.2f, 0.5f);
    const double variance = strength_of(DEGRADE_MULTIPLICATIVE_NOISE, 4);
    struct photo worse = photo_degraded(&photo, DEGRADE_MULTIPLICATIVE_NOISE, 4, 23);
    check_noise(&worse, &photo, green, 0.2 * 0.2 * variance);
    check_noise(&worse, &photo, blue, 0.5 * 0.5 * variance);
    for (size_t i = 0; i < photo_values(&photo); i += 3)
        assert_true(worse.pixels[i] == 0);
    photo_free(&photo);
    photo_free(&worse);
}

/* One field of noise for a seed, which the level only amplifies. */
static void same_field(void **state)
{
    (void)state;
    static const enum degradation types[] = {DEGRADE_WHITE_NOISE, DEGRADE_WHITE_NOISE_YCBCR,
                                             DEGRADE_MULTIPLICATIVE_NOISE};
    struct photo photo = photo_flat(32, 24, 0.5f, 0.5f, 0.5f);
    for (int t = 0; t < 3; t++) {
        struct photo weak = photo_degraded(&photo, types[t], 1, 24);
        struct photo strong = photo_degraded(&photo, types[t], 2, 24);
        const double ratio = sqrt(strength_of(types[t], 2) / strength_of(types[t], 1));
        for (size_t i = 0; i < photo_values(&photo); i++)
            assert_float_equal(strong.pixels[i] - 0.5f, ratio * (double)(weak.pixels[i] - 0.5f),
                               1e-5);
        photo_free(&weak);
        photo_free(&strong);
    }
    photo_free(&photo);
}

/* The density's share of values turns black or white, half each; more of them as it grows. */
static void impulse_noise(void **state)
{
    (void)state;
    struct photo photo = photo_flat(200, 160, 0.4f, 0.5f, 0.6f), before = photo_copy(&photo);
    const double values = (double)photo_values(&photo);
    for (int level = 1; level <= degradation_levels; level++) {
        const double density = strength_of(DEGRADE_IMPULSE_NOISE, level);
        struct photo worse = photo_degraded(&photo, DEGRADE_IMPULSE_NOISE, level, 25);
        double salt = 0, pepper = 0;
        for (size_t i = 0; i < photo_values(&photo); i++) {
            salt += worse.pixels[i] == 1;
            pepper += worse.pixels[i] == 0;
            const bool changed = worse.pixels[i] == 1 || worse.pixels[i] == 0;
            assert_true(changed || worse.pixels[i] == photo.pixels[i]);
            /* What a lower density changed is changed alike. */
            assert_true(before.pixels[i] == photo.pixels[i] || worse.pixels[i] == before.pixels[i]);
        }
        const double bound = 5 * sqrt(values * density / 2);
        assert_true(fabs(salt - values * density / 2) < bound);
        assert_true(fabs(pepper - values * density / 2) < bound);
        photo_free(&before);
        before = worse;
    }
    photo_free(&photo);
    photo_free(&before);
}

/* ------------------------------------------------------------------------------------------ place
 */

/* Red tells a pixel's column, green its row. */
static struct photo photo_of_places(uint32_t width, uint32_t height)
{
    struct photo photo = photo_flat(width, height, 0, 0, 0);
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            photo_pixel(&photo, x, y)[0] = (float)x / 1024;
            photo_pixel(&photo, x, y)[1] = (float)y / 1024;
        }
    return photo;
}

/* How far pixels come from, in pixels: normal deviations of five passes, each averaging a little.
 */
static void jitter(void **state)
{
    (void)state;
    struct photo photo = photo_of_places(160, 120);
    for (int level = 1; level <= degradation_levels; level++) {
        const double deviation = strength_of(DEGRADE_JITTER, level);
        struct photo worse = photo_degraded(&photo, DEGRADE_JITTER, level, 26);
        double across = 0, down = 0, mean = 0, count = 0;
        for (uint32_t y = 20; y < 100; y++)
            for (uint32_t x = 20; x < 140; x++) {
                const double dx = 1024 * (double)photo_pixel(&worse, x, y)[0] - x;
                const double dy = 1024 * (double)photo_pixel(&worse, x, y)[1] - y;
                across += dx * dx;
                down += dy * dy;
                mean += dx + dy;
                count++;
            }
        const double once = deviation * deviation;
        assert_true(across / count > once && across / count < 5.2 * once);
        assert_true(down / count > once && down / count < 5.2 * once);
        assert_true(fabs(mean / count) < 10 * deviation / sqrt(count));
        photo_free(&worse);
    }
    photo_free(&photo);
    struct photo flat = photo_flat(20, 20, 0.3f, 0.4f, 0.5f);
    struct photo worse = photo_degraded(&flat, DEGRADE_JITTER, 5, 26);
    assert_true(photo_farthest(&flat, &worse) < 1e-6);
    photo_free(&flat);
    photo_free(&worse);
}

/* The strength at which a photo of that size gets so many whole patches. */
static double strength_for(const struct photo *photo, double patches)
{
    return patches * 512 * 384 / ((double)photo->width * photo->height);
}

/* One patch: 16 x 16 pixels from one place, at most 8 pixels away from it, not from the border. */
static void one_patch(void **state)
{
    (void)state;
    struct photo photo = photo_of_places(120, 90);
    int moved = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct photo worse = photo_copy(&photo);
        assert_true(degrade(&worse, DEGRADE_NON_ECCENTRICITY_PATCH, strength_for(&photo, 1), seed));
        int count = 0, dx = 0, dy = 0;
        for (int y = 0; y < 90; y++)
            for (int x = 0; x < 120; x++) {
                const float *pixel = photo_pixel(&worse, (uint32_t)x, (uint32_t)y);
                const int from_x = (int)(1024 * pixel[0]), from_y = (int)(1024 * pixel[1]);
                if (from_x == x && from_y == y)
                    continue;
                assert_true(count == 0 || (from_x - x == dx && from_y - y == dy));
                dx = from_x - x;
                dy = from_y - y;
                count++;
                assert_true(from_x >= 16 && from_x < 120 - 16 && from_y >= 16 && from_y < 90 - 16);
            }
        assert_true(abs(dx) <= 8 && abs(dy) <= 8);
        assert_true(count == 0 || count == 16 * 16);
        moved += count > 0;
        photo_free(&worse);
    }
    assert_true(moved >= 18); /* one place in 289 is the patch's own */
    photo_free(&photo);
}

static size_t changed_pixels(const struct photo *left, const struct photo *right)
{
    size_t count = 0;
    for (size_t i = 0; i < photo_values(left); i += 3)
        count += memcmp(left->pixels + i, right->pixels + i, 3 * sizeof(float)) != 0;
    return count;
}

/* One block: 32 x 32 pixels of one colour, the rest as it was. */
static void one_block(void **state)
{
    (void)state;
    struct photo photo = photo_of_places(120, 90), worse = photo_copy(&photo);
    assert_true(degrade(&worse, DEGRADE_COLOR_BLOCK, strength_for(&photo, 1), 3));
    assert_int_equal(changed_pixels(&photo, &worse), 32 * 32);
    const float *color = NULL;
    uint32_t left = 120, right = 0, top = 90, bottom = 0;
    for (uint32_t y = 0; y < 90; y++)
        for (uint32_t x = 0; x < 120; x++) {
            const float *pixel = photo_pixel(&worse, x, y);
            if (memcmp(pixel, photo_pixel(&photo, x, y), 3 * sizeof *pixel) == 0)
                continue;
            color = color ? color : pixel;
            assert_memory_equal(pixel, color, 3 * sizeof *pixel);
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y > bottom ? y : bottom;
        }
    assert_int_equal(right - left, 31);
    assert_int_equal(bottom - top, 31);
    photo_free(&photo);
    photo_free(&worse);
}

/*
 * Counts are for 512 x 384: there, as many blocks as published (fewer pixels where they overlap);
 * on crops the same share of the area, in a part of a block if need be, and ever more of it.
 */
static void block_density(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{512, 384}, {96, 96}, {48, 40}, {700, 300}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct photo photo = photo_of_places(sizes[s][0], sizes[s][1]);
        const double pixels = (double)sizes[s][0] * sizes[s][1];
        size_t before = 0;
        for (int level = 1; level <= degradation_levels; level++) {
            struct photo worse = photo_degraded(&photo, DEGRADE_COLOR_BLOCK, level, 8);
            const size_t changed = changed_pixels(&photo, &worse);
            const double share = strength_of(DEGRADE_COLOR_BLOCK, level) * 1024 / (512 * 384.0);
            const double rounding = 33 / pixels; /* a side to the nearest pixel */
            assert_true((double)changed / pixels <= share + rounding);
            assert_true((double)changed / pixels >= 0.7 * share - rounding);
            assert_true(changed > before);
            before = changed;
            photo_free(&worse);
        }
        photo_free(&photo);
    }
}

/* ----------------------------------------------------------------------------------- colour shift
 */

/* Green leaves an edge by at most the strength, right and down; what is flat stays. */
static void color_shift(void **state)
{
    (void)state;
    struct photo photo = photo_flat(90, 70, 0.2f, 0.2f, 0.2f);
    for (uint32_t y = 35; y < 70; y++)
        for (uint32_t x = 45; x < 90; x++)
            for (int c = 0; c < 3; c++)
                photo_pixel(&photo, x, y)[c] = 0.8f;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (int level = 1; level <= degradation_levels; level++) {
            const uint32_t reach = (uint32_t)strength_of(DEGRADE_COLOR_SHIFT, level);
            struct photo worse = photo_degraded(&photo, DEGRADE_COLOR_SHIFT, level, seed);
            size_t moved = 0;
            for (uint32_t y = 0; y < 70; y++)
                for (uint32_t x = 0; x < 90; x++) {
                    const float *after = photo_pixel(&worse, x, y),
                                *was = photo_pixel(&photo, x, y);
                    assert_true(after[0] == was[0] && after[2] == was[2]);
                    if (after[1] == was[1])
                        continue;
                    /* Inside the bright corner, along one of its edges. */
                    assert_true(x >= 45 && y >= 35 && (x < 45 + reach || y < 35 + reach));
                    assert_true(after[1] < was[1]);
                    moved++;
                }
            assert_true(moved > 0);
            photo_free(&worse);
        }
    struct photo flat = photo_flat(30, 20, 0.3f, 0.4f, 0.5f);
    struct photo worse = photo_degraded(&flat, DEGRADE_COLOR_SHIFT, 5, 2);
    assert_true(photo_equal(&flat, &worse));
    photo_free(&photo);
    photo_free(&flat);
    photo_free(&worse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_noise),
        cmocka_unit_test(white_noise_ycbcr),
        cmocka_unit_test(multiplicative_noise),
        cmocka_unit_test(same_field),
        cmocka_unit_test(impulse_noise),
        cmocka_unit_test(jitter),
        cmocka_unit_test(one_patch),
        cmocka_unit_test(one_block),
        cmocka_unit_test(block_density),
        cmocka_unit_test(color_shift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
