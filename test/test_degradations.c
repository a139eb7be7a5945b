/*
 * test_degradations.c - what the degradations without chance mean: their numbers by the formulas in
 * NumPy and SciPy (test/golden/degrade, made by test/reference/make_degrade_golden.py), and what
 * they do to frequencies, colours and tones.  Those with chance: test_degradations_random.c.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "degrade_photos.h"
#include "resize_golden.h"

#define DIRECTORY "test/golden/degrade/"

/* ------------------------------------------------------------------------------------- formulas */

/* How far from the formulas in float64 a type may be; conversions to CIELAB round most. */
static double tolerance_of(enum degradation type)
{
    switch (type) {
    case DEGRADE_LENS_BLUR: return 2e-5; /* a disk's rim is integrated in strips */
    case DEGRADE_COLOR_DIFFUSION:
    case DEGRADE_SATURATION_LAB:
    case DEGRADE_BRIGHTEN:
    case DEGRADE_HIGH_SHARPEN: return 1e-5;
    default: return 2e-6;
    }
}

static void check_case(const char *name, double strength, unsigned seed, uint32_t width,
                       uint32_t height, FILE *expected)
{
    enum degradation type;
    assert_true(degradation_by_name(name, &type));
    struct photo photo = photo_flat(width, height, 0, 0, 0), wanted = photo_copy(&photo);
    uint8_t *noise = noise_pixels(seed, width, height);
    for (size_t i = 0; i < photo_values(&photo); i++)
        photo.pixels[i] = (float)noise[i] / 255;
    assert_int_equal(fread(wanted.pixels, sizeof(float), photo_values(&wanted), expected),
                     photo_values(&wanted));
    assert_true(degrade(&photo, type, strength, 1));
    const double error = photo_farthest(&photo, &wanted);
    if (!(error <= tolerance_of(type)))
        fail_msg("%s %g: %g from the formula", name, strength, error);
    free(noise);
    photo_free(&photo);
    photo_free(&wanted);
}

static void formulas(void **state)
{
    (void)state;
    FILE *cases = fopen(DIRECTORY "cases.txt", "r"),
         *expected = fopen(DIRECTORY "expected.bin", "rb");
    assert_non_null(cases);
    assert_non_null(expected);
    char line[128], name[32];
    int count = 0;
    while (fgets(line, sizeof line, cases)) {
        double strength;
        unsigned seed, width, height;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %lf %u %u %u", name, &strength, &seed, &width, &height),
                         5);
        check_case(name, strength, seed, width, height, expected);
        count++;
    }
    assert_int_equal(fgetc(expected), EOF);
    assert_int_equal(count, 31);
    fclose(cases);
    fclose(expected);
}

/* ----------------------------------------------------------------------------------------- blur */

/* A photo of a wave, and how much of it is left. */
static double wave_left(enum degradation type, double strength, double cycles)
{
    struct photo photo = photo_flat(240, 8, 0, 0, 0);
    double left = 0, all = 0;
    for (uint32_t y = 0; y < photo.height; y++)
        for (uint32_t x = 0; x < photo.width; x++)
            for (int c = 0; c < 3; c++)
                photo_pixel(&photo, x, y)[c] =
                    (float)(0.5 + 0.4 * cos(2 * 3.141592653589793 * cycles * x / photo.width));
    assert_true(degrade(&photo, type, strength, 1));
    for (uint32_t x = 60; x < 180; x++) { /* away from the borders */
        const double wave = cos(2 * 3.141592653589793 * cycles * x / photo.width);
        left += wave * ((double)photo_pixel(&photo, x, 4)[1] - 0.5);
        all += wave * wave * 0.4;
    }
    photo_free(&photo);
    return left / all;
}

/* A Gaussian lets pass exp(-2 (pi sigma f)^2) of the frequency f, but for its cut-off tails. */
static void gaussian_spectrum(void **state)
{
    (void)state;
    static const double sigmas[] = {1, 2, 5};
    for (int s = 0; s < 3; s++)
        for (double cycles = 4; cycles <= 60; cycles *= 2) {
            const double angle = 3.141592653589793 * sigmas[s] * cycles / 240;
            assert_float_equal(wave_left(DEGRADE_GAUSSIAN_BLUR, sigmas[s], cycles),
                               exp(-2 * angle * angle), 0.06);
        }
}

/* A lens lets finer waves pass less, and turns those round that its disk is wider than. */
static void lens_spectrum(void **state)
{
    (void)state;
    assert_float_equal(wave_left(DEGRADE_LENS_BLUR, 4, 1), 1, 0.01);
    assert_true(wave_left(DEGRADE_LENS_BLUR, 2, 20) > wave_left(DEGRADE_LENS_BLUR, 4, 20));
    /* The disk of radius 6 has its first zero at 0.61 / 6 cycles a pixel, 24.4 in 240. */
    assert_true(wave_left(DEGRADE_LENS_BLUR, 6, 20) > 0.05);
    assert_true(wave_left(DEGRADE_LENS_BLUR, 6, 32) < -0.05);
}

/* What a point becomes: second moments of its image, whose sum must stay 1. */
static void point_moments(double length, uint64_t seed, double *longest, double *shortest)
{
    struct photo photo = photo_flat(31, 31, 0, 0, 0);
    photo_pixel(&photo, 15, 15)[1] = 1;
    assert_true(degrade(&photo, DEGRADE_MOTION_BLUR, length, seed));
    double sum = 0, xx = 0, xy = 0, yy = 0;
    for (uint32_t y = 0; y < 31; y++)
        for (uint32_t x = 0; x < 31; x++) {
            const double value = (double)photo_pixel(&photo, x, y)[1];
            const double dx = (double)x - 15, dy = (double)y - 15;
            assert_float_equal(value, (double)photo_pixel(&photo, 30 - x, 30 - y)[1], 1e-7);
            sum += value;
            xx += value * dx * dx;
            xy += value * dx * dy;
            yy += value * dy * dy;
        }
    assert_float_equal(sum, 1, 1e-6);
    const double middle = (xx + yy) / 2, apart = hypot((xx - yy) / 2, xy);
    *longest = middle + apart;
    *shortest = middle - apart;
    photo_free(&photo);
}

/* A line of about the length in one direction, of one pixel in the other. */
static void motion_line(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++)
        for (double length = 2; length <= 10; length += 2) {
            double longest, shortest;
            point_moments(length, seed, &longest, &shortest);
            const double least = (length - 1) * (length - 1) / 12;
            const double most = (length + 1) * (length + 1) / 12;
            assert_true(longest > least && longest < most);
            assert_true(shortest < 0.3);
        }
}

/* What is brighter than its surroundings stays within its own range, and blurs keep the mean. */
static void blurs_keep_mean(void **state)
{
    (void)state;
    struct photo photo = photo_flat(64, 64, 0.25f, 0.25f, 0.25f);
    for (uint32_t y = 26; y < 38; y++)
        for (uint32_t x = 26; x < 38; x++)
            photo_pixel(&photo, x, y)[0] = 0.75f;
    for (enum degradation type = DEGRADE_GAUSSIAN_BLUR; type <= DEGRADE_MOTION_BLUR;
         type = (enum degradation)(type + 1)) {
        struct photo worse = photo_degraded(&photo, type, 5, 4);
        double before = 0, after = 0;
        for (size_t i = 0; i < photo_values(&photo); i++) {
            before += (double)photo.pixels[i];
            after += (double)worse.pixels[i];
            assert_true(worse.pixels[i] > 0.2499f && worse.pixels[i] < 0.7501f);
            assert_true(i % 3 == 0 || fabsf(worse.pixels[i] - 0.25f) < 1e-6f);
        }
        assert_float_equal(before / after, 1, 1e-5);
        photo_free(&worse);
    }
    photo_free(&photo);
}

/* ---------------------------------------------------------------------------------------- colour
 */

/* Greys have no colour to diffuse or saturate. */
static void greys_keep(void **state)
{
    (void)state;
    static const enum degradation types[] = {DEGRADE_COLOR_DIFFUSION, DEGRADE_SATURATION_HSV,
                                             DEGRADE_SATURATION_LAB};
    struct photo photo = photo_textured(40, 30);
    for (size_t i = 0; i < photo_values(&photo); i += 3)
        photo.pixels[i + 1] = photo.pixels[i + 2] = photo.pixels[i];
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
        for (int level = 1; level <= degradation_levels; level++) {
            struct photo worse = photo_degraded(&photo, types[t], level, 1);
            assert_true(photo_farthest(&photo, &worse) < 1e-5);
            photo_free(&worse);
        }
    photo_free(&photo);
}

/* Factor 0 leaves greys of the brightest channel; below 0, hues turn into their opposites. */
static void hsv(void **state)
{
    (void)state;
    struct photo photo = photo_flat(2, 2, 0.5f, 0.3f, 0.1f);
    struct photo grey = photo_degraded(&photo, DEGRADE_SATURATION_HSV, 4, 1);
    struct photo opposite = photo_degraded(&photo, DEGRADE_SATURATION_HSV, 5, 1);
    for (int c = 0; c < 3; c++)
        assert_float_equal(grey.pixels[c], 0.5, 1e-6);
    assert_true(opposite.pixels[2] > opposite.pixels[1] && opposite.pixels[1] > opposite.pixels[0]);
    photo_free(&photo);
    photo_free(&grey);
    photo_free(&opposite);
}

/* ----------------------------------------------------------------------------------- compression
 */

/* Mean square of the steps between neighbours, at and between the borders of blocks of 8 pixels. */
static void steps(const struct photo *photo, double *at_borders, double *inside)
{
    double sums[2] = {0}, counts[2] = {0};
    for (uint32_t y = 0; y < photo->height; y++)
        for (uint32_t x = 1; x < photo->width; x++)
            for (int c = 0; c < 3; c++) {
                const double step =
                    (double)photo_pixel(photo, x, y)[c] - (double)photo_pixel(photo, x - 1, y)[c];
                sums[x % 8 == 0] += step * step;
                counts[x % 8 == 0]++;
            }
    *at_borders = sums[1] / counts[1];
    *inside = sums[0] / counts[0];
}

/* Little of JPEG's quality leaves blocks, little of JPEG 2000's bits a soft picture without them.
 */
static void compression(void **state)
{
    (void)state;
    struct photo photo = photo_textured(160, 128);
    double borders, inside, borders_before, inside_before;
    steps(&photo, &borders_before, &inside_before);
    assert_true(borders_before < 1.5 * inside_before);
    if (degradation_available(DEGRADE_JPEG)) {
        struct photo worse = photo_degraded(&photo, DEGRADE_JPEG, 5, 1);
        steps(&worse, &borders, &inside);
        assert_true(borders > 4 * inside);
        photo_free(&worse);
    }
    if (degradation_available(DEGRADE_JPEG2000)) {
        struct photo worse = photo_degraded(&photo, DEGRADE_JPEG2000, 5, 1);
        steps(&worse, &borders, &inside);
        assert_true(inside < 0.1 * inside_before && borders < 2 * inside);
        photo_free(&worse);
        /* Nearly nothing is lost where the ratio asks for no compression. */
        worse = photo_copy(&photo);
        assert_true(degrade(&worse, DEGRADE_JPEG2000, 1, 1));
        assert_true(photo_farthest(&photo, &worse) < 4.5 / 255);
        photo_free(&worse);
    }
    photo_free(&photo);
}

/* ----------------------------------------------------------------------------------------- tones
 */

static double mean_of(const struct photo *photo)
{
    double sum = 0;
    for (size_t i = 0; i < photo_values(photo); i++)
        sum += (double)photo->pixels[i];
    return sum / (double)photo_values(photo);
}

static double deviation_of(const struct photo *photo)
{
    const double mean = mean_of(photo);
    double sum = 0;
    for (size_t i = 0; i < photo_values(photo); i++)
        sum += ((double)photo->pixels[i] - mean) * ((double)photo->pixels[i] - mean);
    return sqrt(sum / (double)photo_values(photo));
}

static void brightness(void **state)
{
    (void)state;
    struct photo photo = photo_textured(48, 32);
    for (size_t i = 0; i < photo_values(&photo); i++)
        photo.pixels[i] = 0.2f + 0.6f * photo.pixels[i]; /* nothing is clipped by a shift */
    double brighter = mean_of(&photo), darker = brighter;
    const double mean = brighter;
    for (int level = 1; level <= degradation_levels; level++) {
        struct photo up = photo_degraded(&photo, DEGRADE_BRIGHTEN, level, 1);
        struct photo down = photo_degraded(&photo, DEGRADE_DARKEN, level, 1);
        struct photo moved = photo_degraded(&photo, DEGRADE_MEAN_SHIFT, level, 1);
        assert_true(mean_of(&up) > brighter && mean_of(&down) < darker);
        brighter = mean_of(&up);
        darker = mean_of(&down);
        assert_float_equal(mean_of(&moved) - mean,
                           degradation_kinds[DEGRADE_MEAN_SHIFT].strength[level - 1], 1e-6);
        assert_float_equal(deviation_of(&moved), deviation_of(&photo), 1e-6);
        photo_free(&up);
        photo_free(&down);
        photo_free(&moved);
    }
    photo_free(&photo);
}

/*
 * Linear contrast leaves tones as they are at -0.2, not at 0: how far it moves them goes with the
 * distance from there, the same above and below.  So levels 1 and 3 are equally far, though their
 * absolute values, by which they are ranked, are not equal.
 */
static void linear_contrast(void **state)
{
    (void)state;
    struct photo photo = photo_textured(48, 32), same = photo_copy(&photo);
    for (size_t i = 0; i < photo_values(&photo); i++)
        photo.pixels[i] = same.pixels[i] = 0.15f + 0.7f * photo.pixels[i];
    assert_true(degrade(&same, DEGRADE_LINEAR_CONTRAST, -0.2, 1));
    assert_true(photo_farthest(&photo, &same) < 1e-6);
    double distance[degradation_levels];
    for (int level = 1; level <= degradation_levels; level++) {
        const double strength = degradation_kinds[DEGRADE_LINEAR_CONTRAST].strength[level - 1];
        struct photo worse = photo_degraded(&photo, DEGRADE_LINEAR_CONTRAST, level, 1);
        assert_int_equal(deviation_of(&worse) > deviation_of(&photo), strength > -0.2);
        distance[level - 1] = photo_distance(&photo, &worse);
        photo_free(&worse);
    }
    assert_float_equal(distance[0], distance[2], 1e-5);
    assert_true(distance[0] < distance[1] && distance[1] < distance[4]);
    assert_true(distance[4] < distance[3]);
    photo_free(&photo);
    photo_free(&same);
}

static void non_linear_contrast(void **state)
{
    (void)state;
    struct photo photo = photo_textured(48, 32);
    for (int level = 1; level <= degradation_levels; level++) {
        const double half = degradation_kinds[DEGRADE_NON_LINEAR_CONTRAST].strength[level - 1];
        struct photo worse = photo_degraded(&photo, DEGRADE_NON_LINEAR_CONTRAST, level, 1);
        assert_float_equal(deviation_of(&worse), 2 * half * deviation_of(&photo), 1e-5);
        for (size_t i = 0; i < photo_values(&worse); i++)
            assert_true(fabs((double)worse.pixels[i] - 0.5) <= half + 1e-6);
        photo_free(&worse);
    }
    photo_free(&photo);
}

/* An edge gets a dark and a bright line beside it; flat areas far from it stay. */
static void sharpening(void **state)
{
    (void)state;
    struct photo photo = photo_flat(60, 20, 0.4f, 0.4f, 0.4f);
    for (uint32_t y = 0; y < 20; y++)
        for (uint32_t x = 30; x < 60; x++)
            for (int c = 0; c < 3; c++)
                photo_pixel(&photo, x, y)[c] = 0.6f;
    struct photo worse = photo_degraded(&photo, DEGRADE_HIGH_SHARPEN, 1, 1);
    assert_true(photo_pixel(&worse, 29, 10)[0] < 0.35f && photo_pixel(&worse, 30, 10)[0] > 0.65f);
    assert_float_equal(photo_pixel(&worse, 10, 10)[0], 0.4, 1e-4);
    assert_float_equal(photo_pixel(&worse, 50, 10)[0], 0.6, 1e-4);
    photo_free(&photo);
    photo_free(&worse);
}

/* As many tones as bins, evenly spread from 0 to 1; a flat photo, which has one bin, keeps it. */
static void quantization(void **state)
{
    (void)state;
    struct photo photo = photo_flat(256, 1, 0, 0, 0);
    for (uint32_t x = 0; x < 256; x++)
        for (int c = 0; c < 3; c++)
            photo_pixel(&photo, x, 0)[c] = (float)x / 255;
    for (int level = 1; level <= degradation_levels; level++) {
        const double bins = degradation_kinds[DEGRADE_QUANTIZATION].strength[level - 1];
        struct photo worse = photo_degraded(&photo, DEGRADE_QUANTIZATION, level, 1);
        int tones = 1;
        for (uint32_t x = 0; x < 256; x++) {
            const double tone = (double)photo_pixel(&worse, x, 0)[0] * (bins - 1);
            assert_float_equal(tone, round(tone), 1e-4);
            tones += x && photo_pixel(&worse, x, 0)[0] > photo_pixel(&worse, x - 1, 0)[0];
        }
        assert_int_equal(tones, (int)bins);
        photo_free(&worse);
    }
    struct photo flat = photo_flat(3, 3, 0.5f, 0.5f, 0.5f);
    struct photo worse = photo_degraded(&flat, DEGRADE_QUANTIZATION, 5, 1);
    assert_float_equal(worse.pixels[0], 0.5, 0.01); /* the 4th of 7 */
    photo_free(&photo);
    photo_free(&flat);
    photo_free(&worse);
}

/* The published factor of rows and columns is left, each shown where it was; none is invented. */
static void pixelate(void **state)
{
    (void)state;
    struct photo photo = photo_flat(100, 80, 0, 0, 0);
    for (uint32_t y = 0; y < 80; y++)
        for (uint32_t x = 0; x < 100; x++) {
            photo_pixel(&photo, x, y)[0] = (float)x / 128;
            photo_pixel(&photo, x, y)[1] = (float)y / 128;
        }
    for (int level = 1; level <= degradation_levels; level++) {
        const double strength = degradation_kinds[DEGRADE_PIXELATE].strength[level - 1];
        const double factor = 0.95 - pow(strength, 0.6);
        struct photo worse = photo_degraded(&photo, DEGRADE_PIXELATE, level, 1);
        int columns = 1, rows = 1;
        for (uint32_t x = 0; x < 100; x++) {
            const double shown = (double)photo_pixel(&worse, x, 40)[0] * 128;
            assert_true(shown == round(shown));
            assert_true(fabs(shown - x) <= 0.5 + 0.5 / factor);
            columns += x && photo_pixel(&worse, x, 40)[0] > photo_pixel(&worse, x - 1, 40)[0];
        }
        for (uint32_t y = 1; y < 80; y++)
            rows += photo_pixel(&worse, 50, y)[1] > photo_pixel(&worse, 50, y - 1)[1];
        assert_int_equal(columns, (int)(100 * factor));
        assert_int_equal(rows, (int)(80 * factor));
        photo_free(&worse);
    }
    photo_free(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas),
        cmocka_unit_test(gaussian_spectrum),
        cmocka_unit_test(lens_spectrum),
        cmocka_unit_test(motion_line),
        cmocka_unit_test(blurs_keep_mean),
        cmocka_unit_test(greys_keep),
        cmocka_unit_test(hsv),
        cmocka_unit_test(compression),
        cmocka_unit_test(brightness),
        cmocka_unit_test(linear_contrast),
        cmocka_unit_test(non_linear_contrast),
        cmocka_unit_test(sharpening),
        cmocka_unit_test(quantization),
        cmocka_unit_test(pixelate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
