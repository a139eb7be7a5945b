/*
 * test_picture_rows.c - a picture that is decoded while it is scored: the pixels, the bits of the
 * score and the errors of one that was decoded before.
 */
#include "picture_rows.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "golden_file.h"
#include "model_builder.h"

static char directory[] = "/tmp/qualiclip-rows-XXXXXX";
static char resnet_path[64], vit_path[64];
static qc_model *resnet, *vit;

static int open_models(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(resnet_path, sizeof resnet_path, "%s/resnet.gguf", directory);
    snprintf(vit_path, sizeof vit_path, "%s/vit.gguf", directory);
    const struct tiny_resnet_options resnet_options = tiny_resnet_options();
    const struct tiny_vit_options vit_options = tiny_vit_options();
    write_tiny_resnet(resnet_path, &resnet_options);
    write_tiny_vit(vit_path, &vit_options);
    return qc_model_open(&resnet, resnet_path, NULL) || qc_model_open(&vit, vit_path, NULL);
}

static int close_models(void **state)
{
    (void)state;
    qc_model_close(resnet);
    qc_model_close(vit);
    unlink(resnet_path);
    unlink(vit_path);
    return rmdir(directory);
}

/* ----------------------------------------------------------------------------------------- rows */

static qc_picture *open_picture(const uint8_t *data, size_t size)
{
    qc_picture *picture;
    assert_int_equal(qc_picture_open_memory(&picture, data, size, NULL), QC_OK);
    const qc_image view = qc_picture_view(picture);
    assert_null(view.planes[0]);
    return picture;
}

/* Goes down the picture in steps of `step` rows, each with one of those before. */
static void compare_rows(qc_picture *picture, const struct golden *golden, uint32_t step)
{
    struct picture_rows rows;
    struct message message = {0};
    qc_image image = qc_picture_view(picture);
    const size_t size = (size_t)golden->width * golden->channels;
    assert_int_equal(image.width, golden->width);
    assert_int_equal(image.height, golden->height);
    picture_rows_begin(&rows, picture, &message);
    rows.stream.image = &image;
    for (uint32_t done = 0; done < image.height; done += step) {
        const uint32_t first = done ? done - 1 : 0;
        const uint32_t end = done + step < image.height ? done + step : image.height;
        assert_true(rows.stream.provide(&rows.stream, first, end));
        for (uint32_t y = first; y < end; y++)
            assert_memory_equal(image.planes[0] +
                                    (uint32_t)(image.top + y) * (size_t)image.strides[0],
                                golden->pixels + y * size, size);
    }
    assert_int_equal(rows.stream.status, QC_OK);
    picture_rows_end(&rows);
}

static void rows_are_those_of_the_whole(void **state)
{
    (void)state;
    struct golden list[GOLDEN_MAX];
    const size_t count = golden_list(list);
    for (size_t i = 0; i < count; i++) {
        if (!golden_is_readable(list[i].name))
            continue;
        size_t size;
        uint8_t *data = golden_read(list[i].name, &size);
        qc_picture *picture = open_picture(data, size);
        static const uint32_t steps[] = {1, 2, 7, 16, 1000};
        for (size_t s = 0; s < sizeof steps / sizeof steps[0] && !picture->header.interlaced; s++)
            compare_rows(picture, &list[i], steps[s]);
        if (strstr(list[i].name, "interlaced"))
            assert_true(picture->header.interlaced);
        assert_int_equal(picture_decode(picture, NULL), QC_OK);
        golden_compare(picture, &list[i]);
        free(data);
    }
    golden_list_free(list, count);
}

/* --------------------------------------------------------------------------------------- scores */

static qc_scorer *make_scorer(const qc_model *model, qc_size_rule rule, uint32_t threads)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = 768;
    options.threads = threads;
    options.size_rule = rule;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    return scorer;
}

static void assert_same(const qc_result *actual, const qc_result *expected)
{
    assert_int_equal(actual->status, QC_OK);
    assert_memory_equal(&actual->score, &expected->score, sizeof expected->score);
    assert_memory_equal(actual->pairs, expected->pairs, sizeof expected->pairs);
    assert_int_equal(actual->width, expected->width);
    assert_int_equal(actual->height, expected->height);
    assert_string_equal(actual->recipe, expected->recipe);
    assert_string_equal(actual->message, "");
}

/* Decoded before, and decoded meanwhile, twice, score alike and embed alike. */
static void compare_scores(qc_scorer *scorer, size_t size, const char *path, bool stays_undecoded)
{
    qc_picture *whole, *opened;
    qc_result expected, actual;
    float features[2][64];
    assert_in_range(size, 1, 64);
    assert_int_equal(qc_picture_read(&whole, path, NULL), QC_OK);
    const qc_image image = qc_picture_view(whole);
    assert_int_equal(qc_score(scorer, &image, &expected), QC_OK);
    assert_int_equal(qc_embed(scorer, &image, features[0]), QC_OK);

    assert_int_equal(qc_picture_open(&opened, path, NULL), QC_OK);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(qc_score_picture(scorer, opened, &actual), QC_OK);
        assert_same(&actual, &expected);
        assert_int_equal(qc_embed_picture(scorer, opened, features[1]), QC_OK);
        assert_memory_equal(features[0], features[1], size * sizeof(float));
        assert_int_equal(!qc_picture_view(opened).planes[0], stays_undecoded);
    }
    assert_int_equal(qc_score_picture(scorer, whole, &actual), QC_OK);
    assert_same(&actual, &expected);
    assert_int_equal(qc_score_file(scorer, path, &actual), QC_OK);
    assert_same(&actual, &expected);
    qc_picture_free(opened);
    qc_picture_free(whole);
}

static const char *const photos[] = {
    "test/golden/grepq/pristine/a.jpg", "test/photos/held-out-perched-osprey.png",
    "test/photos/bikes-161x300.png",    GOLDEN_DIRECTORY "420-progressive.jpg",
    GOLDEN_DIRECTORY "rgba8.png",       GOLDEN_DIRECTORY "grey16-every-value.png",
    GOLDEN_DIRECTORY "cmyk.jpg",        GOLDEN_DIRECTORY "rgba8-interlaced.png",
};
enum { photo_count = sizeof photos / sizeof photos[0] };

static bool is_large_enough(const char *path, uint32_t side)
{
    qc_picture *picture;
    assert_int_equal(qc_picture_open(&picture, path, NULL), QC_OK);
    const qc_image image = qc_picture_view(picture);
    qc_picture_free(picture);
    return image.width >= side && image.height >= side;
}

static void compare_photos(const qc_model *model, qc_size_rule rule, uint32_t threads)
{
    qc_model_info info;
    qc_model_describe(model, &info);
    qc_scorer *scorer = make_scorer(model, rule, threads);
    const uint32_t least = rule == QC_SIZE_TILES ? 224 : info.minimum_size;
    for (size_t i = 0; i < photo_count; i++) {
        if (!golden_is_readable(photos[i]) || !is_large_enough(photos[i], least))
            continue;
        if (rule == QC_SIZE_TILES && i > 1)
            continue; /* 15 crops of each: one JPEG and one PNG tell as much */
        const bool streams =
            model == resnet && rule == QC_SIZE_NATIVE && !strstr(photos[i], "interlaced");
        compare_scores(scorer, info.feature_size, photos[i], streams);
    }
    qc_scorer_destroy(scorer);
}

static void scores_are_those_of_the_whole(void **state)
{
    (void)state;
    compare_photos(resnet, QC_SIZE_NATIVE, 1);
#ifdef QUALICLIP_THREADS
    compare_photos(resnet, QC_SIZE_NATIVE, 3);
#endif
    compare_photos(resnet, QC_SIZE_CROP, 1);
    compare_photos(resnet, QC_SIZE_TILES, 1);
    compare_photos(vit, QC_SIZE_CROP, 1);
}

/* --------------------------------------------------------------------------------------- damage */

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

/* Of a file cut short, wherever: the error that decoding it gives, and no score. */
static void compare_cut(qc_scorer *scorer, const uint8_t *data, size_t size)
{
    char text[QC_MESSAGE_SIZE] = "";
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.message = text;
    options.message_size = sizeof text;
    qc_picture *picture;
    const qc_status expected = qc_picture_read_memory(&picture, data, size, &options);
    assert_int_not_equal(expected, QC_OK);
    assert_null(picture);

    char first[QC_MESSAGE_SIZE];
    strcpy(first, text);
    const qc_status status = qc_picture_open_memory(&picture, data, size, &options);
    if (status != QC_OK) { /* the header was hit */
        assert_int_equal(status, expected);
        assert_string_equal(text, first);
        return;
    }
    qc_result result, none;
    memset(&result, 0xFF, sizeof result);
    memset(&none, 0, sizeof none);
    assert_int_equal(qc_score_picture(scorer, picture, &result), expected);
    assert_string_equal(result.message, first);
    assert_string_equal(qc_scorer_message(scorer), first);
    assert_int_equal(result.status, expected);
    assert_memory_equal(&result.score, &none.score, sizeof none.score);
    assert_memory_equal(result.pairs, none.pairs, sizeof none.pairs);
    float feature[64], zeros[64] = {0};
    assert_int_equal(qc_embed_picture(scorer, picture, feature), expected);
    assert_string_equal(qc_scorer_message(scorer), first);
    assert_memory_equal(feature, zeros, 16 * sizeof(float));
    qc_picture_free(picture);
}

static void what_is_cut_short_has_no_score(void **state)
{
    (void)state;
    qc_model_info info;
    qc_model_describe(resnet, &info);
    assert_int_equal(info.feature_size, 16);
    qc_scorer *scorer = make_scorer(resnet, QC_SIZE_NATIVE, 1);
    for (size_t i = 0; i < photo_count; i++) {
        if (!golden_is_readable(photos[i]) || !is_large_enough(photos[i], info.minimum_size))
            continue;
        size_t size;
        uint8_t *data = read_file(photos[i], &size);
        for (size_t part = 0; part < 8; part++)
            compare_cut(scorer, data, size * part / 8);
        compare_cut(scorer, data, size - 1);
        free(data);
    }
    /* The next one is scored as if nothing had happened. */
    if (golden_is_readable(photos[0]))
        compare_scores(scorer, info.feature_size, photos[0], true);
    qc_scorer_destroy(scorer);
}

/* ------------------------------------------------------------------------------------- reduction
 */

/* The recipe of a photo (768 x 432) that was opened for so many pixels; its size is checked. */
static void check_reduction(qc_scorer *scorer, const char *path, uint32_t scaled_for,
                            unsigned reduction)
{
    qc_picture_options options;
    qc_picture_options_init(&options);
    options.scaled_for = scaled_for;
    qc_picture *picture;
    qc_result result;
    char words[32];
    assert_int_equal(qc_picture_open(&picture, path, &options), QC_OK);
    const qc_image image = qc_picture_view(picture);
    assert_int_equal(image.width, 768 / reduction);
    assert_int_equal(image.height, 432 / reduction);
    assert_int_equal(qc_score_picture(scorer, picture, &result), QC_OK);
    snprintf(words, sizeof words, " decoded=1/%u", reduction);
    const char *end = strstr(result.recipe, " decoded=");
    assert_string_equal(end ? end : "", reduction > 1 ? words : "");
    qc_picture_free(picture);
}

static void smaller_decoding_is_asked_for_and_told(void **state)
{
    (void)state;
    static const qc_size_rule rules[] = {QC_SIZE_NATIVE, QC_SIZE_CROP};
    for (size_t i = 0; i < 2; i++) {
        qc_scorer *scorer = make_scorer(resnet, rules[i], 1);
        if (golden_is_readable(".jpg")) {
            static const char photo[] = "test/photos/dandelions.jpg";
            check_reduction(scorer, photo, 0, 1);
            check_reduction(scorer, photo, 217, 1);
            check_reduction(scorer, photo, UINT32_MAX, 1);
            check_reduction(scorer, photo, 108, 2);
            check_reduction(scorer, photo, 54, 4);
            check_reduction(scorer, photo, 27, 8);
            check_reduction(scorer, photo, 1, 8);
        }
        if (golden_is_readable(".png"))
            check_reduction(scorer, "test/photos/dandelions-slight-blur.png", 1, 1);
        qc_scorer_destroy(scorer);
    }
}

static void impossible_calls_are_refused(void **state)
{
    (void)state;
    qc_scorer *scorer = make_scorer(resnet, QC_SIZE_NATIVE, 1);
    qc_result result;
    float feature[64];
    assert_int_equal(qc_score_picture(scorer, NULL, &result), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed_picture(scorer, NULL, feature), QC_ERROR_ARGUMENT);
    qc_picture *picture;
    assert_int_equal(qc_picture_open(NULL, "photo.png", NULL), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_picture_open(&picture, NULL, NULL), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_picture_open_memory(&picture, NULL, 8, NULL), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_picture_open(&picture, "/nowhere/photo.png", NULL), QC_ERROR_IO);
    assert_null(picture);
    if (golden_is_readable(".png")) { /* too small for the model, too large for the scorer */
        assert_int_equal(qc_score_file(scorer, GOLDEN_DIRECTORY "grey8-1x1.png", &result),
                         QC_ERROR_TOO_SMALL);
        assert_int_equal(qc_picture_open(&picture, photos[1], NULL), QC_OK);
        assert_int_equal(qc_score_picture(NULL, picture, &result), QC_ERROR_ARGUMENT);
        assert_int_equal(qc_score_picture(scorer, picture, NULL), QC_ERROR_ARGUMENT);
        assert_int_equal(qc_embed_picture(scorer, picture, NULL), QC_ERROR_ARGUMENT);
        qc_picture_free(picture);
    }
    qc_scorer_destroy(scorer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_the_whole),
        cmocka_unit_test(scores_are_those_of_the_whole),
        cmocka_unit_test(what_is_cut_short_has_no_score),
        cmocka_unit_test(smaller_decoding_is_asked_for_and_told),
        cmocka_unit_test(impossible_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
