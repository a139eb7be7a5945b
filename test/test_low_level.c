/*
 * test_low_level.c - GRepQ's low-level part within the scorer: equal bits however it is cut, which
 * images it takes, what it adds to a score; and model files that it must refuse.
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

#include "model_builder.h"
#include "qualiclip.h"

#include <cmocka.h>

#ifdef QUALICLIP_THREADS
#define THREADS 3
#else
#define THREADS 1
#endif

static char directory[] = "/tmp/qualiclip-low-level-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/tiny.gguf", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static struct tiny_resnet_options grepq_options(const struct model_faults *faults)
{
    struct tiny_resnet_options options = tiny_resnet_options();
    options.low_level_width = 3;
    options.low_level_feature_size = 5;
    options.faults = faults;
    return options;
}

static qc_status open_model(qc_model **model, const char *kernels, char *message)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.message = message;
    options.message_size = QC_MESSAGE_SIZE;
    return qc_model_open(model, path, &options);
}

static qc_model *grepq_model(const char *kernels)
{
    const struct tiny_resnet_options options = grepq_options(NULL);
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    write_tiny_resnet(path, &options);
    if (open_model(&model, kernels, message) != QC_OK)
        fail_msg("%s", message);
    return model;
}

/* --------------------------------------------------------------------------------------- images */

/* Slopes and grain, unlike in each corner; RGB. */
static qc_image make_image(uint32_t width, uint32_t height, uint32_t seed)
{
    uint8_t *pixels = malloc((size_t)width * height * 3);
    assert_non_null(pixels);
    uint32_t random = seed;
    for (uint32_t y = 0, i = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++, i++) {
                random = random * 1664525 + 1013904223;
                const uint32_t slope = (x * (c + 1) + y * (3 - c)) / 2 + seed;
                const uint32_t grain = (random >> 24) * (x + y) / (width + height) / 2;
                pixels[i] = (uint8_t)((slope & 127) + grain);
            }
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {(ptrdiff_t)width * 3}};
}

/* The same pixels as BGRA, bottom-up, in rows with room to spare. */
static qc_image turn_over(const qc_image *image)
{
    const size_t stride = (size_t)image->width * 4 + 12;
    uint8_t *pixels = malloc(stride * image->height);
    assert_non_null(pixels);
    memset(pixels, 0xAB, stride * image->height);
    for (uint32_t y = 0; y < image->height; y++)
        for (uint32_t x = 0; x < image->width; x++) {
            const uint8_t *from = image->planes[0] + (ptrdiff_t)y * image->strides[0] + x * 3;
            uint8_t *to = pixels + (image->height - 1 - y) * stride + (size_t)x * 4;
            to[0] = from[2], to[1] = from[1], to[2] = from[0], to[3] = (uint8_t)(x * y);
        }
    return (qc_image){.format = QC_PIXEL_BGRA,
                      .width = image->width,
                      .height = image->height,
                      .planes = {pixels + (image->height - 1) * stride},
                      .strides = {-(ptrdiff_t)stride}};
}

static void free_image(qc_image *image, uint8_t *start)
{
    free(start);
    image->planes[0] = NULL;
}

/* ---------------------------------------------------------------------------------------- scores
 */

static qc_scorer *make_scorer(const qc_model *model, uint32_t side, uint32_t batch,
                              uint32_t threads)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = side;
    options.max_batch = batch;
    options.threads = threads;
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options) != QC_OK)
        fail_msg("%s", message);
    return scorer;
}

static void score(qc_scorer *scorer, const qc_image *image, qc_result *result)
{
    if (qc_score(scorer, image, result) != QC_OK)
        fail_msg("%s", result->message);
}

static void assert_same_bits(const qc_result *a, const qc_result *b)
{
    assert_memory_equal(&a->low_level, &b->low_level, sizeof a->low_level);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
}

#define IMAGES 3

/* 35 patches, two, and six: blocks that are full (32) and blocks that are not. */
static void make_images(qc_image images[IMAGES])
{
    images[0] = make_image(384, 289, 1);
    images[1] = make_image(96, 144, 2);
    images[2] = make_image(200, 150, 3);
}

static void free_images(qc_image images[IMAGES])
{
    for (int i = 0; i < IMAGES; i++)
        free_image(&images[i], (uint8_t *)images[i].planes[0]);
}

static void same_bits_in_any_batch_with_any_threads(void **state)
{
    (void)state;
    qc_image images[IMAGES];
    make_images(images);
    for (size_t set = 0; qc_kernels_name(set); set++) {
        qc_model *model = grepq_model(qc_kernels_name(set));
        qc_scorer *alone = make_scorer(model, 480, 1, 1),
                  *many = make_scorer(model, 700, 4, THREADS);
        qc_result single[IMAGES], together[IMAGES];
        for (int i = 0; i < IMAGES; i++)
            score(alone, &images[i], &single[i]);
        for (int repeat = 0; repeat < 2; repeat++) {
            assert_int_equal(qc_score_batch(many, images, IMAGES, together), QC_OK);
            for (int i = 0; i < IMAGES; i++)
                assert_same_bits(&single[i], &together[i]);
        }
        assert_true(single[0].low_level != single[1].low_level);
        assert_true(single[1].low_level != single[2].low_level);
        qc_scorer_destroy(alone);
        qc_scorer_destroy(many);
        qc_model_close(model);
    }
    free_images(images);
}

static void same_bits_in_any_format(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    qc_scorer *scorer = make_scorer(model, 300, 1, 1);
    qc_image image = make_image(203, 151, 5), turned = turn_over(&image);
    qc_result results[2];
    score(scorer, &image, &results[0]);
    score(scorer, &turned, &results[1]);
    assert_same_bits(&results[0], &results[1]);
    free_image(&turned, (uint8_t *)turned.planes[0] + (turned.height - 1) * turned.strides[0]);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

/* What is left over at the right and at the bottom is in no patch. */
static void only_whole_patches_count(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    qc_scorer *scorer = make_scorer(model, 300, 1, 1);
    qc_image image = make_image(144 + 47, 96 + 47, 7), part = image;
    part.width = 144;
    part.height = 96;
    qc_result whole, cut;
    score(scorer, &image, &whole);
    score(scorer, &part, &cut);
    assert_memory_equal(&whole.low_level, &cut.low_level, sizeof whole.low_level);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

static void too_small_for_a_covariance(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    qc_scorer *scorer = make_scorer(model, 300, 3, 1);
    qc_image image = make_image(300, 300, 9);
    const struct {
        uint32_t width, height;
        qc_status status;
    } cases[] = {
        {95, 300, QC_ERROR_TOO_SMALL},
        {300, 95, QC_ERROR_TOO_SMALL},
        {96, 96, QC_ERROR_TOO_SMALL},
        {143, 143, QC_ERROR_TOO_SMALL},
        {32, 32, QC_ERROR_TOO_SMALL},
        {31, 300, QC_ERROR_TOO_SMALL},
        {144, 96, QC_OK},
        {96, 144, QC_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        qc_result result;
        image.width = cases[i].width;
        image.height = cases[i].height;
        assert_int_equal(qc_score(scorer, &image, &result), cases[i].status);
        if (cases[i].status == QC_OK || cases[i].width < 32)
            continue;
        assert_non_null(strstr(result.message, "144 x 96"));
        assert_true(result.score == 0 && result.low_level == 0);
    }
    /* The feature needs no patches. */
    float feature[16];
    image.width = image.height = 40;
    assert_int_equal(qc_embed(scorer, &image, feature), QC_OK);
    /* One image that fails does not spoil its neighbours. */
    qc_image batch[3] = {image, image, image};
    batch[0].width = batch[0].height = batch[2].width = batch[2].height = 200;
    qc_result results[3];
    assert_int_equal(qc_score_batch(scorer, batch, 3, results), QC_ERROR_TOO_SMALL);
    assert_int_equal(results[1].status, QC_ERROR_TOO_SMALL);
    assert_same_bits(&results[0], &results[2]);
    assert_true(results[0].status == QC_OK && results[0].low_level > 0);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

static void both_halves_are_told(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    qc_scorer *scorer = make_scorer(model, 300, 1, 1);
    qc_image image = make_image(240, 240, 11);
    qc_result result;
    score(scorer, &image, &result);
    float high = 0;
    for (uint32_t i = 0; i < result.pair_count; i++)
        high += result.pairs[i] / (float)result.pair_count;
    assert_true(result.low_level > 0 && result.low_level <= 0.5f);
    assert_true(fabsf(high + result.low_level - result.score) <= 1e-6f);
    assert_string_equal(result.profile, "grepq");
    assert_true(result.score_maximum == 2);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

/* The exact size is enough: with a sanitizer, a byte beyond it would be noticed. */
static void memory_is_told_exactly(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = 250;
    options.threads = THREADS;
    options.memory_size = qc_scorer_memory(model, &options);
    assert_true(options.memory_size > 0);
    options.memory = aligned_alloc(64, options.memory_size);
    assert_non_null(options.memory);
    memset(options.memory, 0xFF, options.memory_size);
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    qc_image image = make_image(250, 250, 13);
    qc_result result;
    score(scorer, &image, &result);
    qc_scorer_destroy(scorer);
    free(options.memory);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_model_close(model);
}

static void only_at_the_images_own_size(void **state)
{
    (void)state;
    qc_model *model = grepq_model(NULL);
    char message[QC_MESSAGE_SIZE] = "";
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.size_rule = QC_SIZE_CROP;
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
    assert_non_null(strstr(message, "native"));
    qc_model_close(model);
}

/* --------------------------------------------------------------------------------------- patches
 */

static void patches_are_embedded_alike_alone_and_together(void **state)
{
    (void)state;
    enum { COUNT = 40, SIZE = 5 };
    qc_model *model = grepq_model(NULL);
    qc_image image = make_image(96 + COUNT, 96, 15), patches[COUNT];
    float together[COUNT * SIZE], alone[SIZE];
    char message[QC_MESSAGE_SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        patches[i] = image;
        patches[i].planes[0] += 3 * i;
        patches[i].width = 96;
    }
    assert_int_equal(
        qc_embed_patches(model, patches, COUNT, THREADS, together, message, sizeof message), QC_OK);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(qc_embed_patches(model, &patches[i], 1, 1, alone, NULL, 0), QC_OK);
        assert_memory_equal(alone, together + i * SIZE, sizeof alone);
    }
    patches[1].width = 95;
    assert_int_equal(qc_embed_patches(model, patches, 2, 1, together, message, sizeof message),
                     QC_ERROR_ARGUMENT);
    assert_non_null(strstr(message, "patch 1 has 95 x 96"));
    assert_int_equal(qc_embed_patches(model, patches, 1, 0, together, message, sizeof message),
                     QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed_patches(NULL, patches, 1, 1, together, message, sizeof message),
                     QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed_patches(model, NULL, 0, 1, NULL, message, sizeof message), QC_OK);
    qc_model_close(model);

    const struct tiny_resnet_options plain = tiny_resnet_options();
    write_tiny_resnet(path, &plain);
    assert_int_equal(open_model(&model, NULL, message), QC_OK);
    assert_int_equal(qc_embed_patches(model, patches, 1, 1, together, message, sizeof message),
                     QC_ERROR_UNSUPPORTED);
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.profile = "grepq";
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(message, "low-level"));
    qc_model_close(model);
    free_image(&image, (uint8_t *)image.planes[0]);
}

/* --------------------------------------------------------------------------------- hostile files
 */

static void refuse(const struct model_faults *faults, qc_status expected, const char *word)
{
    const struct tiny_resnet_options options = grepq_options(faults);
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    write_tiny_resnet(path, &options);
    const qc_status status = open_model(&model, NULL, message);
    if (status != expected || !strstr(message, word))
        fail_msg("status %d, \"%s\"; expected %d and the word %s", (int)status, message,
                 (int)expected, word);
    assert_null(model);
}

static void a_spoilt_tensor_is_named(void **state)
{
    (void)state;
    static const char *const names[] = {
        "l.stem.weight",
        "l.stem.bias",
        "l.stage.0.0.conv1.weight",
        "l.stage.0.1.conv2.bias",
        "l.stage.1.0.conv1.weight",
        "l.stage.1.0.shortcut.weight",
        "l.stage.3.0.shortcut.bias",
        "l.stage.3.1.conv2.weight",
        "l.head.0.weight",
        "l.head.0.bias",
        "l.head.1.weight",
        "l.head.1.bias",
        "l.pristine.mean",
        "l.pristine.covariance",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        refuse(&(struct model_faults){.omit = names[i]}, QC_ERROR_FORMAT, names[i]);
        refuse(&(struct model_faults){.twice = names[i]}, QC_ERROR_FORMAT, names[i]);
        refuse(&(struct model_faults){.misshape = names[i]}, QC_ERROR_FORMAT, names[i]);
        refuse(&(struct model_faults){.poison = names[i], .poison_value = NAN}, QC_ERROR_FORMAT,
               names[i]);
        refuse(&(struct model_faults){.poison = names[i], .poison_value = INFINITY},
               QC_ERROR_FORMAT, names[i]);
        refuse(&(struct model_faults){.retype = names[i], .type = GGML_I8}, QC_ERROR_UNSUPPORTED,
               names[i]);
    }
    refuse(&(struct model_faults){.retype = "l.pristine.mean", .type = GGML_F32},
           QC_ERROR_UNSUPPORTED, "f64");
    refuse(&(struct model_faults){.retype = "l.stem.weight", .type = GGML_F64},
           QC_ERROR_UNSUPPORTED, "l.stem.weight");
    refuse(&(struct model_faults){.flatten = "l.pristine.covariance"}, QC_ERROR_FORMAT,
           "l.pristine.covariance");
}

/* The file once more, with element (0, 1) of the covariance other than element (1, 0). */
static void write_asymmetric(void)
{
    const struct tiny_resnet_options options = grepq_options(NULL);
    static unsigned char bytes[1 << 20];
    const double row[2] = {0.5, 0.01f}, other = 0.02;
    write_tiny_resnet(path, &options);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_true(size > 0 && size < sizeof bytes);
    size_t at = 0;
    while (at + sizeof row <= size && memcmp(bytes + at, row, sizeof row) != 0)
        at += 8;
    assert_true(at + sizeof row <= size);
    assert_int_equal(fseek(file, (long)(at + sizeof other), SEEK_SET), 0);
    assert_int_equal(fwrite(&other, sizeof other, 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void what_is_no_covariance_is_refused(void **state)
{
    (void)state;
    /* The last element is on the diagonal. */
    refuse(&(struct model_faults){.poison = "l.pristine.covariance", .poison_value = -1},
           QC_ERROR_FORMAT, "positive semidefinite");
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    write_asymmetric();
    assert_int_equal(open_model(&model, NULL, message), QC_ERROR_FORMAT);
    assert_non_null(strstr(message, "l.pristine.covariance is not symmetric at row 1, column 0"));
}

static void a_spoilt_key_is_named(void **state)
{
    (void)state;
    static const char *const keys[] = {"qualiclip.low_level.width",
                                       "qualiclip.low_level.projection_dim"};
    for (size_t i = 0; i < 2; i++) {
        static const uint32_t values[] = {0, 1u << 20, UINT32_MAX};
        for (size_t v = 0; v < 3; v++)
            refuse(&(struct model_faults){.u32_key = keys[i], .u32_value = values[v]},
                   QC_ERROR_FORMAT, keys[i]);
        refuse(&(struct model_faults){.u32_key = keys[i], .u32_value = 4}, QC_ERROR_FORMAT, "l.");
        refuse(&(struct model_faults){.omit_key = keys[i]}, QC_ERROR_FORMAT, keys[i]);
    }
    refuse(&(struct model_faults){.omit_key = "qualiclip.low_level"}, QC_ERROR_FORMAT,
           "qualiclip.low_level");
    refuse(&(struct model_faults){.string_key = "qualiclip.low_level", .string_value = "vgg16"},
           QC_ERROR_UNSUPPORTED, "vgg16");
}

/* An encoder that overflows is an error of the image, not a number. */
static void overflow_is_no_score(void **state)
{
    (void)state;
    const struct model_faults faults = {.poison = "l.stage.0.0.conv2.bias", .poison_value = 3e38f};
    const struct tiny_resnet_options options = grepq_options(&faults);
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    write_tiny_resnet(path, &options);
    assert_int_equal(open_model(&model, NULL, message), QC_OK);
    qc_scorer *scorer = make_scorer(model, 300, 1, 1);
    qc_image image = make_image(200, 200, 17);
    qc_result result;
    assert_int_equal(qc_score(scorer, &image, &result), QC_ERROR_NUMERIC);
    assert_non_null(strstr(result.message, "low-level"));
    assert_true(result.score == 0 && result.low_level == 0 && result.pairs[0] == 0);
    free_image(&image, (uint8_t *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_in_any_batch_with_any_threads),
        cmocka_unit_test(same_bits_in_any_format),
        cmocka_unit_test(only_whole_patches_count),
        cmocka_unit_test(too_small_for_a_covariance),
        cmocka_unit_test(both_halves_are_told),
        cmocka_unit_test(memory_is_told_exactly),
        cmocka_unit_test(only_at_the_images_own_size),
        cmocka_unit_test(patches_are_embedded_alike_alone_and_together),
        cmocka_unit_test(a_spoilt_tensor_is_named),
        cmocka_unit_test(what_is_no_covariance_is_refused),
        cmocka_unit_test(a_spoilt_key_is_named),
        cmocka_unit_test(overflow_is_no_score),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
