/*
 * test_builtin_quality.c - what the built-in model must see, on photos that it was not trained on.
 *
 * Each test is of a fault that an earlier model had, or of a promise of weights/README.md; the
 * figures there are of more photos.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "correlation.h"
#include "degrade.h"
#include "qualiclip.h"

#include <cmocka.h>

enum { photo_count = 4 };
static const char *const names[photo_count] = {"blue-periwinkle", "perched-osprey",
                                               "oakland-zoo-otters", "roman-colosseum"};
/* Of these the background is out of focus. */
enum { out_of_focus_count = 2 };

struct judge {
    qc_model *model;
    qc_scorer *scorer;
    struct photo photos[photo_count];
};

static struct photo copy_of(const struct photo *photo)
{
    struct photo copy = *photo;
    size_t count = (size_t)3 * photo->width * photo->height;
    copy.pixels = malloc(count * sizeof *copy.pixels);
    assert_non_null(copy.pixels);
    memcpy(copy.pixels, photo->pixels, count * sizeof *copy.pixels);
    return copy;
}

/* As a file of 8 bits would be scored. */
static double score_of(struct judge *judge, const struct photo *photo)
{
    size_t count = (size_t)3 * photo->width * photo->height;
    unsigned char *pixels = malloc(count);
    assert_non_null(pixels);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (unsigned char)lrintf(photo->pixels[i] * 255);
    qc_image image;
    assert_int_equal(qc_image_init(&image, QC_PIXEL_RGB, photo->width, photo->height, pixels),
                     count);
    qc_result result;
    assert_int_equal(qc_score(judge->scorer, &image, &result), QC_OK);
    free(pixels);
    return result.score;
}

static double score_of_degraded(struct judge *judge, const struct photo *photo,
                                enum degradation type, double strength)
{
    struct photo copy = copy_of(photo);
    assert_true(degrade(&copy, type, strength, 1));
    double score = score_of(judge, &copy);
    free(copy.pixels);
    return score;
}

/* Spearman's correlation of how bad five levels are and how low they score, mean over the photos.
 */
static double ranking(struct judge *judge, enum degradation type)
{
    const struct degradation_kind *kind = &degradation_kinds[type];
    double sum = 0;
    for (int i = 0; i < photo_count; i++) {
        double scores[degradation_levels];
        for (int level = 0; level < degradation_levels; level++)
            scores[level] =
                -score_of_degraded(judge, &judge->photos[i], type, kind->strength[level]);
        sum += spearman(kind->badness, scores, degradation_levels);
    }
    printf("%s %.2f\n", kind->name, sum / photo_count);
    return sum / photo_count;
}

static void slight_noise_never_raises_a_score(void **state)
{
    struct judge *judge = *state;
    static const double deviations[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < out_of_focus_count; i++) {
        double clean = score_of(judge, &judge->photos[i]);
        for (size_t j = 0; j < sizeof deviations / sizeof *deviations; j++) {
            double variance = deviations[j] * deviations[j] / (255 * 255);
            double noisy =
                score_of_degraded(judge, &judge->photos[i], DEGRADE_WHITE_NOISE, variance);
            printf("%s, noise %g: %.3f of %.3f\n", names[i], deviations[j], noisy, clean);
            assert_true(noisy <= clean + 0.01);
        }
    }
}

/*
 * Noise passes for some detail where all is blurred, most where there is little else to see: it
 * must not do so for most photos, and never make one as good as it was.
 */
static void noise_does_not_mend_a_blurred_photo(void **state)
{
    struct judge *judge = *state;
    for (int i = 0; i < photo_count; i++) {
        struct photo blurred = copy_of(&judge->photos[i]);
        assert_true(degrade(&blurred, DEGRADE_GAUSSIAN_BLUR, 3, 1));
        double clean = score_of(judge, &judge->photos[i]), before = score_of(judge, &blurred);
        double noisy = score_of_degraded(judge, &blurred, DEGRADE_WHITE_NOISE, 0.0005);
        printf("%s %.3f, blurred %.3f, with noise %.3f\n", names[i], clean, before, noisy);
        assert_true(before < 0.2 && noisy < clean);
        free(blurred.pixels);
    }
}

/* JPEG adds grain to a blurred photo, which must not pass for detail. */
static void saving_as_jpeg_does_not_mend_a_blurred_photo(void **state)
{
    struct judge *judge = *state;
    if (!degradation_available(DEGRADE_JPEG))
        return; /* a build without the codec has nothing to save with */
    for (int i = 0; i < photo_count; i++) {
        struct photo blurred = copy_of(&judge->photos[i]);
        assert_true(degrade(&blurred, DEGRADE_GAUSSIAN_BLUR, 4, 1));
        double saved = score_of_degraded(judge, &blurred, DEGRADE_JPEG, 92);
        printf("%s, blurred, as JPEG %.3f\n", names[i], saved);
        assert_true(saved < 0.5);
        free(blurred.pixels);
    }
}

static void tones_are_ranked(void **state)
{
    struct judge *judge = *state;
    assert_true(ranking(judge, DEGRADE_DARKEN) >= 0.65);
    assert_true(ranking(judge, DEGRADE_BRIGHTEN) >= 0.65);
    assert_true(ranking(judge, DEGRADE_MEAN_SHIFT) >= 0.65);
    assert_true(ranking(judge, DEGRADE_NON_LINEAR_CONTRAST) >= 0.65);
    assert_true(ranking(judge, DEGRADE_SATURATION_HSV) >= 0.65);
}

static void what_is_no_photo_scores_low(void **state)
{
    struct judge *judge = *state;
    static const float colors[][3] = {{0, 0, 0},       {1, 1, 1},          {0.5f, 0.5f, 0.5f},
                                      {0.8f, 0, 0.1f}, {0.1f, 0.3f, 0.9f}, {0.9f, 0.8f, 0.6f}};
    struct photo image = copy_of(&judge->photos[0]);
    size_t count = (size_t)3 * image.width * image.height;
    for (size_t color = 0; color < sizeof colors / sizeof *colors; color++) {
        for (size_t i = 0; i < count; i++)
            image.pixels[i] = colors[color][i % 3];
        double score = score_of(judge, &image);
        printf("flat %.1f %.1f %.1f: %.3f\n", colors[color][0], colors[color][1], colors[color][2],
               score);
        assert_true(score < 0.3);
    }
    uint64_t state_of_noise = 1;
    for (size_t i = 0; i < count; i++) {
        state_of_noise = state_of_noise * 6364136223846793005u + 1442695040888963407u;
        image.pixels[i] = (float)(state_of_noise >> 40) / 16777215;
    }
    double score = score_of(judge, &image);
    printf("noise: %.3f\n", score);
    assert_true(score < 0.3);
    free(image.pixels);
}

static void scores_spread(void **state)
{
    struct judge *judge = *state;
    int low = 0, total = 0;
    for (int i = 0; i < photo_count; i++) {
        double score = score_of(judge, &judge->photos[i]);
        printf("%s: %.3f\n", names[i], score);
        assert_true(score > 0.6);
        for (int type = 0; type < degradation_count; type++) {
            if (!degradation_available((enum degradation)type))
                continue;
            double worst = degradation_kinds[type].strength[degradation_levels - 1];
            low += score_of_degraded(judge, &judge->photos[i], (enum degradation)type, worst) < 0.3;
            total++;
        }
    }
    printf("%d of %d at level 5 are below 0.3\n", low, total);
    assert_true(2 * low > total);
}

static int prepare(void **state)
{
    static struct judge judge;
    assert_int_equal(qc_model_open(&judge.model, NULL, NULL), QC_OK);
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = 384;
    options.max_height = 384;
    assert_int_equal(qc_scorer_create(&judge.scorer, judge.model, &options), QC_OK);
    for (int i = 0; i < photo_count; i++) {
        char path[128];
        snprintf(path, sizeof path, "test/photos/held-out-%s.png", names[i]);
        qc_picture *picture;
        assert_int_equal(qc_picture_read(&picture, path, NULL), QC_OK);
        qc_image image = qc_picture_view(picture);
        judge.photos[i] = (struct photo){image.width, image.height, NULL};
        struct photo *photo = &judge.photos[i];
        photo->pixels = malloc((size_t)3 * photo->width * photo->height * sizeof(float));
        assert_non_null(photo->pixels);
        for (uint32_t y = 0; y < photo->height; y++)
            for (uint32_t x = 0; x < 3 * photo->width; x++)
                photo->pixels[(size_t)y * 3 * photo->width + x] =
                    image.planes[0][(ptrdiff_t)y * image.strides[0] + x] / 255.0f;
        qc_picture_free(picture);
    }
    *state = &judge;
    return 0;
}

static int clean_up(void **state)
{
    struct judge *judge = *state;
    for (int i = 0; i < photo_count; i++)
        free(judge->photos[i].pixels);
    qc_scorer_destroy(judge->scorer);
    qc_model_close(judge->model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slight_noise_never_raises_a_score),
        cmocka_unit_test(noise_does_not_mend_a_blurred_photo),
        cmocka_unit_test(saving_as_jpeg_does_not_mend_a_blurred_photo),
        cmocka_unit_test(tones_are_ranked),
        cmocka_unit_test(what_is_no_photo_scores_low),
        cmocka_unit_test(scores_spread),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
