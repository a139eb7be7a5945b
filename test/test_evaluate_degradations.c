/*
 * test_evaluate_degradations.c - the protocol by which `eval --degradations` judges, on models
 * whose scores are known beforehand: which images they are shown, what is made of their answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <math.h>

#include "degradation_summary.h"
#include "degradation_trial.h"
#include "fit_photo.h"

#include <cmocka.h>

enum { side = 32 };

/* -------------------------------------------------------------------------------------- helpers */

/* Photos of waves and a model that answers by what it is shown. */
struct world {
    double (*judge)(const uint8_t *image);
    size_t failures, images;
    size_t missing; /* a photo that cannot be loaded */
    char message[QC_MESSAGE_SIZE];
};

static void paint(struct photo *photo, size_t number)
{
    *photo = (struct photo){side, side, malloc(3 * side * side * sizeof(float))};
    assert_non_null(photo->pixels);
    for (size_t i = 0; i < 3 * side * side; i++) {
        const double x = (double)(i / 3 % side), y = (double)(i / 3 / side);
        photo->pixels[i] = (float)(0.5 + 0.3 * sin(0.9 * x + (double)(i % 3)) *
                                             cos((0.7 + 0.1 * (double)number) * y));
    }
}

static bool load(void *context, size_t number, struct photo *photo, char *message)
{
    const struct world *world = context;
    if (number == world->missing) {
        strcpy(message, "gone");
        return false;
    }
    paint(photo, number);
    return true;
}

static bool score(void *context, size_t worker, size_t model, const uint8_t *images, size_t count,
                  double *scores, char *message)
{
    const struct world *world = context;
    (void)worker;
    (void)message;
    for (size_t i = 0; i < count; i++) {
        scores[i] = world->judge(images + i * 3 * side * side);
        if (model == 1)
            scores[i] = 1 - scores[i];
    }
    return true;
}

static void failed(void *context, size_t photo, const char *message)
{
    struct world *world = context;
    world->failures++;
    snprintf(world->message, sizeof world->message, "%zu: %s", photo, message);
}

static void progress(void *context, size_t images)
{
    struct world *world = context;
    world->images = images;
}

static bool run(struct degradation_trial *trial, struct world *world, size_t workers)
{
    const struct trial_setup setup = {side, 7, workers};
    const struct trial_world calls = {load, score, failed, progress, world};
    return degradation_trial_run(trial, &setup, &calls);
}

static double mean_of(const uint8_t *image)
{
    double sum = 0;
    for (size_t i = 0; i < 3 * side * side; i++)
        sum += image[i];
    return sum / (255.0 * 3 * side * side);
}

/* A model that takes dark images for bad. */
static double by_brightness(const uint8_t *image)
{
    return mean_of(image);
}

/* A model that sees nothing. */
static double constant(const uint8_t *image)
{
    (void)image;
    return 0.5;
}

/* A model that takes everything for better the further it is from medium grey. */
static double by_contrast(const uint8_t *image)
{
    double sum = 0;
    for (size_t i = 0; i < 3 * side * side; i++)
        sum += fabs((double)image[i] - 127.5);
    return sum / (127.5 * 3 * side * side);
}

static void open_trial(struct degradation_trial *trial, size_t models, size_t photos)
{
    degradation_trial_open(trial, models, photos);
    trial->tried[DEGRADE_DARKEN] = trial->tried[DEGRADE_MEAN_SHIFT] = true;
    trial->tried[DEGRADE_NON_LINEAR_CONTRAST] = true;
}

/* ---------------------------------------------------------------------------------------- tests */

static void test_models_that_see_and_do_not(void **state)
{
    (void)state;
    struct degradation_trial trial;
    struct trial_summary seeing, reversed;
    struct world world = {.judge = by_brightness, .missing = SIZE_MAX};
    open_trial(&trial, 2, 3);
    assert_true(run(&trial, &world, 1));
    assert_int_equal(world.failures, 0);
    assert_int_equal(world.images, 3 * (1 + 3 * 5));
    assert_int_equal(degradation_trial_images(&trial, 3), world.images);
    summarize_trial(&seeing, &trial, 0);
    summarize_trial(&reversed, &trial, 1);
    assert_float_equal(seeing.types[DEGRADE_DARKEN].levels, 1, 1e-12);
    assert_float_equal(seeing.types[DEGRADE_DARKEN].pristine, 1, 1e-12);
    assert_float_equal(reversed.types[DEGRADE_DARKEN].levels, -1, 1e-12);
    assert_true(isnan(seeing.types[DEGRADE_JPEG].levels));
    assert_int_equal(seeing.by_weakness[2], DEGRADE_DARKEN);
    assert_int_equal(reversed.by_weakness[0], DEGRADE_DARKEN);
    degradation_trial_close(&trial);

    struct world blind = {.judge = constant, .missing = SIZE_MAX};
    open_trial(&trial, 1, 3);
    assert_true(run(&trial, &blind, 1));
    summarize_trial(&seeing, &trial, 0);
    assert_float_equal(seeing.mean.levels, 0, 0);
    assert_float_equal(seeing.pristine.median, 0.5, 0);
    assert_float_equal(seeing.pristine.share, 0, 0);
    degradation_trial_close(&trial);
}

/*
 * Mean shift is 0, .08, -.08, .15, -.15: shown to a model of brightness, levels by badness
 * {0, b, b, c, c} with faults {0, -.08, .08, -.15, .15}: worked out by hand from the ranks
 * (1, 2.5, 2.5, 4.5, 4.5) and (3, 2, 4, 1, 5): covariance 0.
 */
static void test_signed_parameters_tie(void **state)
{
    (void)state;
    struct degradation_trial trial;
    struct trial_summary summary;
    struct world world = {.judge = by_brightness, .missing = SIZE_MAX};
    open_trial(&trial, 1, 2);
    assert_true(run(&trial, &world, 1));
    summarize_trial(&summary, &trial, 0);
    assert_float_equal(summary.types[DEGRADE_MEAN_SHIFT].levels, 0, 1e-12);
    /* By the level's number: (1, 2, 3, 4, 5) against (3, 2, 4, 1, 5): 0.3. */
    assert_float_equal(summary.types[DEGRADE_MEAN_SHIFT].as_counted, 0.3, 1e-12);
    /* Level 1 is the photo itself. */
    assert_true(degradation_trial_score(&trial, 0, 1, DEGRADE_MEAN_SHIFT, 1) ==
                degradation_trial_score(&trial, 0, 1, DEGRADE_MEAN_SHIFT, 0));
    degradation_trial_close(&trial);
}

static void test_same_scores_with_any_workers(void **state)
{
    (void)state;
    struct degradation_trial one, many;
    struct world world = {.judge = by_contrast, .missing = SIZE_MAX};
    degradation_trial_open(&one, 1, 5);
    degradation_trial_open(&many, 1, 5);
    for (size_t i = 0; i < degradation_count; i++)
        one.tried[i] = many.tried[i] = degradation_available((enum degradation)i);
    assert_true(run(&one, &world, 1));
#ifdef QUALICLIP_THREADS
    assert_true(run(&many, &world, 3));
#else
    assert_true(run(&many, &world, 1));
#endif
    for (size_t photo = 0; photo < 5; photo++)
        for (size_t type = 0; type < degradation_count; type++)
            for (size_t step = 0; one.tried[type] && step < trial_steps; step++) {
                const double score =
                    degradation_trial_score(&one, 0, photo, (enum degradation)type, step);
                assert_true(score ==
                            degradation_trial_score(&many, 0, photo, (enum degradation)type, step));
            }
    degradation_trial_close(&one);
    degradation_trial_close(&many);
}

static void test_a_photo_that_fails_is_left_out(void **state)
{
    (void)state;
    struct degradation_trial trial;
    struct trial_summary summary;
    struct world world = {.judge = by_brightness, .missing = 1};
    open_trial(&trial, 1, 3);
    assert_false(run(&trial, &world, 1));
    assert_int_equal(world.failures, 1);
    assert_string_equal(world.message, "1: gone");
    assert_true(isnan(degradation_trial_score(&trial, 0, 1, DEGRADE_DARKEN, 3)));
    summarize_trial(&summary, &trial, 0);
    assert_float_equal(summary.types[DEGRADE_DARKEN].levels, 1, 1e-12);
    assert_int_equal(summary.pristine.count, 2);
    assert_int_equal(degradation_trial_scored(&trial), 2);
    degradation_trial_close(&trial);
}

/* What the degraded images are, not by way of the trial: seed 7 for photo 0, 8 for photo 1. */
static void test_images_are_those_of_degrade(void **state)
{
    (void)state;
    struct degradation_trial trial;
    struct world world = {.judge = by_contrast, .missing = SIZE_MAX};
    uint8_t bytes[3 * side * side];
    degradation_trial_open(&trial, 1, 2);
    trial.tried[DEGRADE_WHITE_NOISE] = true;
    assert_true(run(&trial, &world, 1));
    for (size_t number = 0; number < 2; number++) {
        struct photo photo;
        paint(&photo, number);
        assert_true(degrade(&photo, DEGRADE_WHITE_NOISE,
                            degradation_kinds[DEGRADE_WHITE_NOISE].strength[3], 7 + number));
        photo_to_bytes(&photo, bytes);
        assert_true(by_contrast(bytes) ==
                    degradation_trial_score(&trial, 0, number, DEGRADE_WHITE_NOISE, 4));
        free(photo.pixels);
    }
    degradation_trial_close(&trial);
}

/* Scores are put in by hand: photos 0 and 1 at 0.8 and 0.6, levels 1 to 5 falling by 0.1 each. */
static void test_curves_and_shares(void **state)
{
    (void)state;
    struct degradation_trial trial;
    struct trial_summary summary;
    struct world world = {.judge = constant, .missing = SIZE_MAX};
    degradation_trial_open(&trial, 1, 2);
    trial.tried[DEGRADE_JITTER] = true;
    assert_true(run(&trial, &world, 1));
    const size_t stride = 1 + degradation_count * degradation_levels;
    for (size_t photo = 0; photo < 2; photo++) {
        double *scores = trial.scores + photo * stride;
        const double first = photo ? 0.6 : 0.8;
        scores[0] = first;
        for (size_t level = 1; level <= 5; level++)
            scores[DEGRADE_JITTER * degradation_levels + level] = first - 0.1 * (double)level;
    }
    summarize_trial(&summary, &trial, 0);
    for (size_t i = 0; i < trial_steps; i++)
        assert_float_equal(summary.curves[DEGRADE_SPATIAL][i], 0.7 - 0.1 * (double)i, 1e-12);
    assert_true(isnan(summary.curves[DEGRADE_BLUR][0]));
    assert_float_equal(summary.pristine.share, 0.5, 0);
    assert_float_equal(summary.pristine.lower, 0.65, 1e-12);
    assert_float_equal(summary.worst.share, 0.5, 0);
    assert_float_equal(summary.worst.median, 0.2, 1e-12);
    assert_float_equal(summary.mean.levels, 1, 1e-12);
    degradation_trial_close(&trial);
}

/* Mean shift's badness is 0, 2.5, 2.5, 4.5, 4.5: equal ones are averaged, others interpolated. */
static void test_intensity_of_ties(void **state)
{
    (void)state;
    const double means[trial_steps] = {0.9, 0.9, 0.4, 0.6, 0.1, 0.3};
    const double *badness = degradation_kinds[DEGRADE_MEAN_SHIFT].badness;
    assert_float_equal(score_at_intensity(means, DEGRADE_MEAN_SHIFT, 0), 0.9, 1e-12);
    assert_float_equal(score_at_intensity(means, DEGRADE_MEAN_SHIFT, badness[1]), 0.5, 1e-12);
    assert_float_equal(score_at_intensity(means, DEGRADE_MEAN_SHIFT, badness[3]), 0.2, 1e-12);
    assert_float_equal(score_at_intensity(means, DEGRADE_MEAN_SHIFT, 0.5 * badness[1]), 0.7, 1e-12);
    assert_float_equal(score_at_intensity(means, DEGRADE_MEAN_SHIFT, 5), 0.2, 1e-12);
}

static qc_image picture_of(const uint8_t *pixels, qc_pixel_format format, uint32_t width,
                           uint32_t height)
{
    qc_image image;
    assert_true(qc_image_init(&image, format, width, height, pixels) > 0);
    return image;
}

static void test_squares_are_area_averages(void **state)
{
    (void)state;
    /* 6 x 3: the middle 3 x 3 to 2 x 2, so that each pixel is 1.5 x 1.5 of the picture's. */
    uint8_t pixels[6 * 3 * 4];
    struct photo photo;
    for (size_t i = 0; i < 6 * 3; i++)
        for (size_t c = 0; c < 4; c++)
            pixels[4 * i + c] = (uint8_t)(10 * (i % 6) * (i / 6) + c);
    qc_image image = picture_of(pixels, QC_PIXEL_RGBA, 6, 3);
    assert_true(fit_photo(&image, 2, &photo));
    assert_int_equal(photo.width, 2);
    /* Columns 1, 2, 3 (x) and rows 0, 1, 2 (y) of 10 x y: the mean of x over the left half is
     * (1 + 2 / 2) / 1.5 = 4/3, that of y over the upper one (0 + 1 / 2) / 1.5 = 1/3. */
    assert_float_equal(photo.pixels[0] * 255, 10 * 4.0 / 3 * 1.0 / 3, 1e-4);
    assert_float_equal(photo.pixels[3 * 3 + 1] * 255, 10 * 8.0 / 3 * 5.0 / 3 + 1, 1e-4);
    free(photo.pixels);
    assert_false(fit_photo(&image, 4, &photo)); /* nothing is enlarged */
    assert_true(fit_photo(&image, 3, &photo));
    assert_float_equal(photo.pixels[3 * 8] * 255, 10 * 3 * 2, 1e-4);
    free(photo.pixels);
}

static void test_thumbnails_keep_their_shape(void **state)
{
    (void)state;
    uint8_t pixels[30 * 10 * 3];
    struct photo photo;
    memset(pixels, 255, sizeof pixels);
    qc_image image = picture_of(pixels, QC_PIXEL_RGB, 30, 10);
    assert_true(shrink_photo(&image, 15, 15, &photo));
    assert_int_equal(photo.width, 15);
    assert_int_equal(photo.height, 5);
    for (size_t i = 0; i < 3 * 15 * 5; i++)
        assert_true(photo.pixels[i] <= 1 && photo.pixels[i] > 0.9999f);
    free(photo.pixels);
    assert_true(shrink_photo(&image, 100, 100, &photo));
    assert_int_equal(photo.width, 30);
    free(photo.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_that_see_and_do_not),
        cmocka_unit_test(test_signed_parameters_tie),
        cmocka_unit_test(test_same_scores_with_any_workers),
        cmocka_unit_test(test_a_photo_that_fails_is_left_out),
        cmocka_unit_test(test_images_are_those_of_degrade),
        cmocka_unit_test(test_curves_and_shares),
        cmocka_unit_test(test_intensity_of_ties),
        cmocka_unit_test(test_squares_are_area_averages),
        cmocka_unit_test(test_thumbnails_keep_their_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
