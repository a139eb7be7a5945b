/*
 * test_sizes.c - scores under every size rule, against PyTorch's and Pillow's on the same photos
 * (test/golden/towers/sizes.txt, made by test/reference/make_sizes_golden.py), and what must not
 * change them: the batch, threads, the workspace, the format in which pixels come.
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

#include <cmocka.h>

#include "checkpoint/conversion.h"
#include "qualiclip.h"
#include "resize_golden.h"

#define TOWERS            "test/golden/towers/"
#define FEATURE_SIZE      32
#define FEATURE_TOLERANCE 2e-5
#define SCORE_TOLERANCE   1e-4

static const char *const checkpoints[2] = {"vit.pth", "resnet.pth"};
static char directory[] = "/tmp/qualiclip-sizes-XXXXXX";
static qc_model *models[2];

static int open_models(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    for (int i = 0; i < 2; i++) {
        char checkpoint[64], path[64], message[QC_MESSAGE_SIZE];
        snprintf(checkpoint, sizeof checkpoint, TOWERS "%s", checkpoints[i]);
        snprintf(path, sizeof path, "%s/%d.gguf", directory, i);
        struct conversion conversion = {.checkpoint_path = checkpoint, .model_path = path};
        struct conversion_result result;
        if (!convert_checkpoint(&conversion, &result, message) ||
            qc_model_open(&models[i], path, NULL) != QC_OK)
            return -1;
        unlink(path); /* it stays mapped */
    }
    return rmdir(directory);
}

static int close_models(void **state)
{
    (void)state;
    qc_model_close(models[0]);
    qc_model_close(models[1]);
    return 0;
}

/* -------------------------------------------------------------------------------------- helpers */

static qc_scorer_options options_of(const char *size, uint32_t width, uint32_t height)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = width;
    options.max_height = height;
    if (strcmp(size, "native") == 0)
        options.size_rule = QC_SIZE_NATIVE;
    else if (strcmp(size, "tiles") == 0)
        options.size_rule = QC_SIZE_TILES;
    else if (sscanf(size, "crop%u", &options.size_pixels) == 1)
        options.size_rule = QC_SIZE_CROP;
    else if (sscanf(size, "long=%u", &options.size_pixels) == 1)
        options.size_rule = QC_SIZE_LONG;
    else
        fail_msg("%s", size);
    return options;
}

static qc_scorer *create(const qc_model *model, qc_scorer_options options)
{
    char message[QC_MESSAGE_SIZE] = "";
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options) != QC_OK)
        fail_msg("%s", message);
    return scorer;
}

static void assert_same_bits(const qc_result *a, const qc_result *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
    assert_memory_equal(a->pairs, b->pairs, sizeof a->pairs);
    assert_string_equal(a->message, b->message);
}

/* -------------------------------------------------------------------------------- golden scores */

struct golden_case {
    char checkpoint[32], photo[64], size[16], positions[8];
    unsigned width, height;
    float numbers[FEATURE_SIZE + 1]; /* the feature, then the score */
};

static bool next_case(FILE *file, struct golden_case *golden)
{
    char line[2048];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    int used = 0;
    assert_int_equal(sscanf(line, "%31s %63s %15s %7s %u %u%n", golden->checkpoint, golden->photo,
                            golden->size, golden->positions, &golden->width, &golden->height,
                            &used),
                     6);
    const char *rest = line + used;
    for (int i = 0; i <= FEATURE_SIZE; i++) {
        char *end;
        golden->numbers[i] = strtof(rest, &end);
        assert_true(end != rest);
        rest = end;
    }
    return true;
}

static void check_case(const struct golden_case *golden, const qc_image *image)
{
    const qc_model *model = models[strcmp(golden->checkpoint, checkpoints[0]) != 0];
    qc_scorer_options options = options_of(golden->size, image->width, image->height);
    options.positions =
        strcmp(golden->positions, "grid") == 0 ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    qc_scorer *scorer = create(model, options);
    float feature[FEATURE_SIZE];
    qc_result result;
    assert_int_equal(qc_embed(scorer, image, feature), QC_OK);
    assert_int_equal(qc_score(scorer, image, &result), QC_OK);
    for (int i = 0; i < FEATURE_SIZE; i++)
        if (!(fabs((double)feature[i] - golden->numbers[i]) <= FEATURE_TOLERANCE))
            fail_msg("%s %s %s: feature %d is %.9g, expected %.9g", golden->checkpoint,
                     golden->photo, golden->size, i, (double)feature[i],
                     (double)golden->numbers[i]);
    if (!(fabs((double)result.score - golden->numbers[FEATURE_SIZE]) <= SCORE_TOLERANCE))
        fail_msg("%s %s %s: score is %.9g, expected %.9g", golden->checkpoint, golden->photo,
                 golden->size, (double)result.score, (double)golden->numbers[FEATURE_SIZE]);
    assert_int_equal(result.width, golden->width);
    assert_int_equal(result.height, golden->height);
    assert_int_equal(result.size_rule, options.size_rule);
    assert_int_equal(result.size_pixels, options.size_pixels);
    assert_int_equal(result.positions, options.positions);
    char expected[32];
    snprintf(expected, sizeof expected, " size=%s ", golden->size);
    assert_non_null(strstr(result.recipe, expected));
    qc_scorer_destroy(scorer);
}

static void equal_to_pytorch_and_pillow(void **state)
{
    (void)state;
    FILE *file = fopen(TOWERS "sizes.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    int cases = 0;
    while (next_case(file, &golden)) {
        char path[96];
        snprintf(path, sizeof path, "test/%s", golden.photo);
        qc_picture *picture;
        qc_status status = qc_picture_read(&picture, path, NULL);
        if (status == QC_ERROR_UNSUPPORTED) {
            fclose(file);
            skip(); /* a build without PNG */
        }
        assert_int_equal(status, QC_OK);
        qc_image image = qc_picture_view(picture);
        check_case(&golden, &image);
        qc_picture_free(picture);
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 84);
}

/* ------------------------------------------------------------------------------------ same bits */

#define BATCH    7
#define SIDE_MAX 450

static uint8_t *batch_pixels[BATCH];
static qc_image batch_images[BATCH];

static void make_batch(void)
{
    static const uint32_t sizes[BATCH][2] = {{64, 64},   {256, 257}, {33, 450}, {227, 319},
                                             {320, 224}, {40, 32},   {224, 224}};
    for (unsigned i = 0; i < BATCH; i++) {
        batch_pixels[i] = noise_pixels(i, sizes[i][0], sizes[i][1]);
        batch_images[i] = rgb_image(batch_pixels[i], sizes[i][0], sizes[i][1]);
    }
}

static void free_batch(void)
{
    for (unsigned i = 0; i < BATCH; i++)
        free(batch_pixels[i]);
}

static void run_backwards(void *pool, size_t count, qc_task *task, void *context)
{
    (void)pool;
    for (size_t i = count; i-- > 0;)
        task(context, i, i % 3);
}

static void check_batches(const qc_model *model, const char *size, int failures)
{
    qc_result alone[BATCH], together[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        qc_scorer *scorer =
            create(model, options_of(size, batch_images[i].width, batch_images[i].height));
        if (qc_score(scorer, &batch_images[i], &alone[i]) != QC_OK) {
            assert_int_equal(alone[i].status, QC_ERROR_TOO_SMALL);
            failures--;
        }
        qc_scorer_destroy(scorer);
    }
    assert_int_equal(failures, 0);
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        qc_scorer_options options = options_of(size, SIDE_MAX, SIDE_MAX);
        options.max_batch = BATCH;
        options.threads = threads;
        options.parallel_for = threads > 1 ? run_backwards : NULL;
        qc_scorer *scorer = create(model, options);
        for (int again = 0; again < 2; again++) {
            qc_score_batch(scorer, batch_images, BATCH, together);
            for (size_t i = 0; i < BATCH; i++)
                assert_same_bits(&together[i], &alone[i]);
        }
        qc_scorer_destroy(scorer);
    }
}

static void same_bits_in_any_batch(void **state)
{
    (void)state;
    make_batch();
    for (int i = 0; i < 2; i++) {
        check_batches(models[i], "native", 0);
        check_batches(models[i], "crop64", 0);
        check_batches(models[i], "crop100", 0);
        check_batches(models[i], "long=200", 1); /* one of 15 x 200 */
        check_batches(models[i], "tiles", 3);
    }
    free_batch();
}

/* Any format and stride that holds the same colours. */
static void same_bits_from_any_format(void **state)
{
    (void)state;
    enum { width = 301, height = 263, pixels = width * height };
    uint8_t *grey = noise_pixels(9, width, height), *rgb = malloc(3 * pixels);
    uint8_t *other = malloc(4 * pixels);
    assert_non_null(rgb);
    assert_non_null(other);
    for (size_t i = 0; i < pixels; i++)
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = grey[i];
    static const qc_pixel_format formats[] = {QC_PIXEL_BGR,  QC_PIXEL_RGBA, QC_PIXEL_BGRA,
                                              QC_PIXEL_RGBX, QC_PIXEL_BGRX, QC_PIXEL_GREY};
    static const char *const rules[] = {"native", "crop64", "long=200", "tiles"};
    for (size_t f = 0; f < sizeof formats / sizeof formats[0]; f++) {
        size_t step = formats[f] == QC_PIXEL_GREY ? 1 : formats[f] == QC_PIXEL_BGR ? 3 : 4;
        for (size_t y = 0; y < height; y++) /* bottom-up, opaque */
            for (size_t x = 0; x < width; x++)
                for (size_t c = 0; c < step; c++)
                    other[((height - 1 - y) * width + x) * step + c] =
                        c == 3 ? 255 : grey[y * width + x];
        qc_image image = rgb_image(rgb, width, height), turned = image;
        turned.format = formats[f];
        turned.planes[0] = other + (height - 1) * width * step;
        turned.strides[0] = -(ptrdiff_t)(width * step);
        for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
            qc_scorer_options options = options_of(rules[r], width, height);
            qc_scorer *plain = create(models[0], options);
            options.background = QC_BACKGROUND_WHITE;
            qc_scorer *composed = create(models[0], options);
            qc_result expected, actual;
            assert_int_equal(qc_score(plain, &image, &expected), QC_OK);
            (void)qc_score(composed, &turned, &actual);
            assert_same_bits(&actual, &expected);
            qc_scorer_destroy(plain);
            qc_scorer_destroy(composed);
        }
    }
    free(other);
    free(rgb);
    free(grey);
}

/* ---------------------------------------------------------------------------------------- crops */

/* The feature under tiles is the mean of the crops' unit features, at length 1. */
static void tiles_are_averaged(void **state)
{
    (void)state;
    uint8_t *pixels = noise_pixels(5, 256, 256);
    qc_image image = rgb_image(pixels, 256, 256);
    double mean[FEATURE_SIZE] = {0}, squares = 0;
    qc_scorer *native = create(models[1], options_of("native", 224, 224));
    for (size_t tile = 0; tile < 4; tile++) {
        qc_image crop = image;
        crop.width = crop.height = 224;
        crop.planes[0] += tile / 2 * 32 * 256 * 3 + tile % 2 * 32 * 3;
        float feature[FEATURE_SIZE];
        assert_int_equal(qc_embed(native, &crop, feature), QC_OK);
        for (int i = 0; i < FEATURE_SIZE; i++)
            mean[i] += feature[i];
    }
    for (int i = 0; i < FEATURE_SIZE; i++)
        squares += mean[i] * mean[i];
    qc_scorer *tiles = create(models[1], options_of("tiles", 256, 256));
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed(tiles, &image, feature), QC_OK);
    for (int i = 0; i < FEATURE_SIZE; i++)
        assert_true(fabs(feature[i] - mean[i] / sqrt(squares)) <= 1e-6);
    qc_scorer_destroy(native);
    qc_scorer_destroy(tiles);
    free(pixels);
}

/* --------------------------------------------------------------------------------------- limits */

static void assert_message(const char *message, const char *part)
{
    if (!strstr(message, part))
        fail_msg("'%s' does not say '%s'", message, part);
}

static void expect_failure(const qc_model *model, qc_scorer_options options, qc_status status,
                           const char *part)
{
    char message[QC_MESSAGE_SIZE] = "";
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), status);
    assert_null(scorer);
    assert_message(message, part);
}

static void options_that_cannot_be(void **state)
{
    (void)state;
    expect_failure(models[1], options_of("crop31", 300, 300), QC_ERROR_ARGUMENT,
                   "size_pixels is 31, expected 32 (the model's minimum)");
    expect_failure(models[0], options_of("long=15", 300, 300), QC_ERROR_ARGUMENT,
                   "size_pixels is 15, expected 16");
    expect_failure(models[1], options_of("native", 300, 31), QC_ERROR_ARGUMENT, "300 x 31");
    expect_failure(models[1], options_of("crop64", 0, 300), QC_ERROR_ARGUMENT, "0 x 300");
}

static void too_small_and_too_large(void **state)
{
    (void)state;
    uint8_t *pixels = noise_pixels(1, 500, 40);
    qc_image one = rgb_image(pixels, 1, 1), wide = rgb_image(pixels, 500, 40);
    qc_result result;

    qc_scorer *scorer = create(models[1], options_of("crop64", 499, 499));
    assert_int_equal(qc_score(scorer, &one, &result), QC_OK);
    assert_int_equal(qc_score(scorer, &wide, &result), QC_ERROR_TOO_LARGE);
    assert_message(result.message, "500 x 40");
    assert_message(result.message, "499 x 499");
    qc_scorer_destroy(scorer);

    scorer = create(models[1], options_of("tiles", 500, 500));
    assert_int_equal(qc_score(scorer, &wide, &result), QC_ERROR_TOO_SMALL);
    assert_message(result.message, "224 x 224");
    qc_scorer_destroy(scorer);

    scorer = create(models[1], options_of("long=100", 500, 500));
    assert_int_equal(qc_score(scorer, &wide, &result), QC_ERROR_TOO_SMALL);
    assert_message(result.message, "500 x 40 pixels, resized 100 x 8,");
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed(scorer, &wide, feature), QC_ERROR_TOO_SMALL);
    assert_string_equal(qc_scorer_message(scorer), result.message);
    qc_scorer_destroy(scorer);
    free(pixels);
}

/* A crop of a large photo takes the memory of a small one; a limit is an error, to the byte. */
static void memory_follows_what_is_seen(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        qc_scorer_options large = options_of("crop64", 8000, 6000);
        qc_scorer_options native = options_of("native", 8000, 6000);
        qc_scorer_options small = options_of("native", 64, 64);
        size_t size = qc_scorer_memory(models[i], &large);
        size_t row = 3 * 8000, tables = 2 * 4 * 4 * 8000;
        assert_true(size > 0);
        assert_true(size < qc_scorer_memory(models[i], &small) + 5 * row + tables + 30000);
        assert_true(size < qc_scorer_memory(models[i], &native) / 10);
        large = options_of("tiles", 8000, 6000);
        assert_true(qc_scorer_memory(models[i], &large) < qc_scorer_memory(models[i], &native) / 2);

        small.memory_limit = qc_scorer_memory(models[i], &small);
        qc_scorer_destroy(create(models[i], small));
        small.memory_limit--;
        char expected[64];
        snprintf(expected, sizeof expected, "needs %zu bytes", small.memory_limit + 1);
        expect_failure(models[i], small, QC_ERROR_MEMORY, expected);
        expect_failure(models[i], small, QC_ERROR_MEMORY, "64 x 64 pixels, batch 1");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_pytorch_and_pillow), cmocka_unit_test(same_bits_in_any_batch),
        cmocka_unit_test(same_bits_from_any_format),   cmocka_unit_test(tiles_are_averaged),
        cmocka_unit_test(options_that_cannot_be),      cmocka_unit_test(too_small_and_too_large),
        cmocka_unit_test(memory_follows_what_is_seen),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
