/*
 * test_grepq.c - the low-level part against PyTorch, from checkpoint and pristine photos to score,
 * with every kernel set.
 *
 * test/golden/grepq/expected.txt (made by test/reference/make_grepq_golden.py, which says what is
 * in it) has the right answers, which must be met, and those after mistakes, which must be missed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/conversion.h"
#include "checkpoint/pristine.h"
#include "qualiclip.h"

#include <cmocka.h>

#define DIRECTORY         "test/golden/grepq/"
#define FEATURE_SIZE      8
#define FEATURE_TOLERANCE 2e-5 /* of the largest number of the feature */
#define SCORE_TOLERANCE   1e-5

#define PHOTOS 3
static const char *const photos[PHOTOS] = {DIRECTORY "pristine/a.jpg", DIRECTORY "pristine/b.jpg",
                                           DIRECTORY "pristine/c.jpg"};

static char model_path[] = "/tmp/qualiclip-grepq-XXXXXX";
static struct pristine pristine;

/* ---------------------------------------------------------------------------------- conversion */

static qc_model *open_model(const char *path, const char *kernels)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    if (qc_model_open(&model, path, &options) != QC_OK)
        fail_msg("%s", message);
    return model;
}

static bool can_read(const char *path)
{
    qc_picture *picture;
    const qc_status status = qc_picture_read(&picture, path, NULL);
    qc_picture_free(picture);
    return status == QC_OK;
}

static bool convert(const char *path, char *message)
{
    struct conversion conversion = {.checkpoint_path = "test/golden/profiles/image.pth",
                                    .text_path = "test/golden/profiles/clip.pth",
                                    .model_path = path,
                                    .profile = "grepq",
                                    .low_level_path = DIRECTORY "low_level.tar",
                                    .pristine = &pristine,
                                    .threads = 1};
    struct conversion_result result;
    return convert_checkpoint(&conversion, &result, message);
}

static int make_model(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE] = "";
    const int file = mkstemp(model_path);
    if (file < 0)
        return -1;
    close(file);
    if (!pristine_choose(&pristine, photos, PHOTOS, message) || !convert(model_path, message)) {
        print_error("%s\n", message);
        return -1;
    }
    return 0;
}

static int remove_model(void **state)
{
    (void)state;
    pristine_free(&pristine);
    return unlink(model_path);
}

/* -------------------------------------------------------------------------------- expectations */

/* The rest of the next line that begins with `word`, or NULL at the end. */
static const char *next_line(FILE *file, const char *word)
{
    static char line[4096];
    const size_t length = strlen(word);
    while (fgets(line, sizeof line, file))
        if (strncmp(line, word, length) == 0 && line[length] == ' ')
            return line + length + 1;
    return NULL;
}

static void read_numbers(const char *text, double *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        assert_true(end != text);
        text = end;
    }
}

static FILE *open_expected(void)
{
    FILE *file = fopen(DIRECTORY "expected.txt", "r");
    assert_non_null(file);
    return file;
}

/* ---------------------------------------------------------------------------------------- tests */

static void the_same_patches_are_chosen(void **state)
{
    (void)state;
    FILE *file = open_expected();
    const char *line;
    size_t count = 0;
    for (; (line = next_line(file, "chosen")); count++) {
        char name[32];
        unsigned x, y;
        assert_int_equal(sscanf(line, "%31s %u %u", name, &x, &y), 3);
        assert_true(count < pristine.patch_count);
        const struct pristine_patch *patch = &pristine.patches[count];
        assert_non_null(strstr(photos[patch->photo], name));
        assert_int_equal(patch->x, x);
        assert_int_equal(patch->y, y);
    }
    fclose(file);
    assert_int_equal(count, pristine.patch_count);
    assert_true(count >= 6);
}

static void the_same_statistics(void **state)
{
    (void)state;
    double expected_mean[FEATURE_SIZE], expected_covariance[FEATURE_SIZE * FEATURE_SIZE];
    FILE *file = open_expected();
    read_numbers(next_line(file, "mean"), expected_mean, FEATURE_SIZE);
    read_numbers(next_line(file, "covariance"), expected_covariance, FEATURE_SIZE * FEATURE_SIZE);
    fclose(file);
    double mean[FEATURE_SIZE], covariance[FEATURE_SIZE * FEATURE_SIZE], most = 0;
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model = open_model(model_path, NULL);
    if (!pristine_measure(&pristine, model, 1, mean, covariance, message))
        fail_msg("%s", message);
    qc_model_close(model);
    for (size_t i = 0; i < FEATURE_SIZE * FEATURE_SIZE; i++)
        most = fmax(most, fabs(expected_covariance[i]));
    for (size_t i = 0; i < FEATURE_SIZE; i++)
        assert_true(fabs(mean[i] - expected_mean[i]) <= 2e-5 * fabs(expected_mean[i]));
    for (size_t i = 0; i < FEATURE_SIZE * FEATURE_SIZE; i++)
        assert_true(fabs(covariance[i] - expected_covariance[i]) <= 2e-5 * most);
}

static void compare_features(const char *kernels)
{
    FILE *file = open_expected();
    qc_model *model = open_model(model_path, kernels);
    const char *line;
    size_t count = 0;
    for (; (line = next_line(file, "patch")); count++) {
        char name[32], path[80], message[QC_MESSAGE_SIZE];
        unsigned x, y;
        int used;
        double expected[FEATURE_SIZE], most = 0, error = 0;
        float feature[FEATURE_SIZE];
        assert_int_equal(sscanf(line, "%31s %u %u%n", name, &x, &y, &used), 3);
        read_numbers(line + used, expected, FEATURE_SIZE);
        snprintf(path, sizeof path, DIRECTORY "pristine/%s", name);
        qc_picture *picture;
        assert_int_equal(qc_picture_read(&picture, path, NULL), QC_OK);
        const qc_image image = qc_picture_view(picture), patch = pristine_patch_of(&image, x, y);
        assert_int_equal(qc_embed_patches(model, &patch, 1, 1, feature, message, sizeof message),
                         QC_OK);
        qc_picture_free(picture);
        for (size_t i = 0; i < FEATURE_SIZE; i++) {
            most = fmax(most, fabs(expected[i]));
            const double difference = fabs((double)feature[i] - expected[i]);
            if (!(difference <= error))
                error = difference;
        }
        if (!(error <= FEATURE_TOLERANCE * most))
            fail_msg("%s: patch at %u, %u of %s: off by %.2e of %.2e", kernels, x, y, name, error,
                     most);
    }
    qc_model_close(model);
    fclose(file);
    assert_int_equal(count, 9);
}

static void the_same_features_with_every_kernel_set(void **state)
{
    (void)state;
    for (size_t set = 0; qc_kernels_name(set); set++)
        compare_features(qc_kernels_name(set));
}

/* The whole result of scoring a file of test/photos. */
static qc_result score(const char *name, const char *kernels)
{
    char path[80];
    snprintf(path, sizeof path, "test/photos/%s", name);
    qc_model *model = open_model(model_path, kernels);
    qc_scorer *scorer;
    qc_result result;
    assert_int_equal(qc_scorer_create(&scorer, model, NULL), QC_OK);
    if (qc_score_file(scorer, path, &result) != QC_OK)
        fail_msg("%s", result.message);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
    result.profile = result.model = result.kernels = result.precision = NULL;
    return result;
}

static void the_same_scores_with_every_kernel_set(void **state)
{
    (void)state;
    for (size_t set = 0; qc_kernels_name(set); set++) {
        FILE *file = open_expected();
        const char *line;
        size_t count = 0;
        for (; (line = next_line(file, "low")); count++) {
            char name[32];
            int used;
            double expected[2];
            assert_int_equal(sscanf(line, "%31s%n", name, &used), 1);
            read_numbers(line + used, expected, 2);
            const qc_result result = score(name, qc_kernels_name(set));
            const double error = fabs((double)result.low_level - expected[0]);
            if (!(error <= SCORE_TOLERANCE))
                fail_msg("%s: %s: off by %.2e", qc_kernels_name(set), name, error);
            double high = 0;
            for (uint32_t i = 0; i < result.pair_count; i++)
                high += (double)result.pairs[i] / result.pair_count;
            assert_true(fabs(high + (double)result.low_level - (double)result.score) <= 1e-6);
            assert_true(result.score_minimum == 0 && result.score_maximum == 2);
        }
        fclose(file);
        assert_int_equal(count, 2);
    }
}

static void every_mistake_would_be_noticed(void **state)
{
    (void)state;
    const qc_result result = score("bikes-224x224.png", NULL);
    FILE *file = open_expected();
    const char *line;
    size_t count = 0;
    for (; (line = next_line(file, "mistake")); count++) {
        char name[64];
        int used;
        double wrong;
        assert_int_equal(sscanf(line, "%63s%n", name, &used), 1);
        read_numbers(line + used, &wrong, 1);
        if (!(fabs((double)result.low_level - wrong) > 5 * SCORE_TOLERANCE))
            fail_msg("as after the mistake %s", name);
    }
    fclose(file);
    assert_true(count >= 13);
}

static void the_same_file_every_time(void **state)
{
    (void)state;
    char again[] = "/tmp/qualiclip-grepq-XXXXXX", message[QC_MESSAGE_SIZE] = "";
    const int file = mkstemp(again);
    assert_true(file >= 0);
    close(file);
    if (!convert(again, message))
        fail_msg("%s", message);
    qc_model *models[2] = {open_model(model_path, NULL), open_model(again, NULL)};
    qc_model_info info[2];
    for (int i = 0; i < 2; i++)
        qc_model_describe(models[i], &info[i]);
    assert_string_equal(info[0].hash, info[1].hash);
    assert_int_equal(info[0].patch_feature_size, FEATURE_SIZE);
    assert_string_equal(info[0].profile, "grepq");
    qc_model_close(models[0]);
    qc_model_close(models[1]);
    unlink(again);
}

static void photos_that_do_not_serve_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *path, *expected;
    } cases[] = {
        {"test/golden/images/grey.jpg", "grey.jpg: has "},
        {DIRECTORY "low_level.tar", "low_level.tar"},
        {DIRECTORY "none.jpg", "none.jpg"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[QC_MESSAGE_SIZE] = "";
        const char *const paths[] = {photos[0], cases[i].path};
        struct pristine chosen;
        assert_false(pristine_choose(&chosen, paths, 2, message));
        assert_non_null(strstr(message, cases[i].expected));
        pristine_free(&chosen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_patches_are_chosen),
        cmocka_unit_test(the_same_statistics),
        cmocka_unit_test(the_same_features_with_every_kernel_set),
        cmocka_unit_test(the_same_scores_with_every_kernel_set),
        cmocka_unit_test(every_mistake_would_be_noticed),
        cmocka_unit_test(the_same_file_every_time),
        cmocka_unit_test(photos_that_do_not_serve_are_named),
    };
    if (!can_read(photos[0]) || !can_read("test/photos/bikes-161x300.png")) {
        print_message("skipped: this build reads neither PNG nor JPEG, or one of them\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
