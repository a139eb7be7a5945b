/*
 * test_log.c - what the caller's log hears: what was decided while a model was opened and a scorer
 * made, on the caller's thread; nothing of failures, and nothing while images are scored.
 */
#include "model.h" /* before cmocka.h, which makes fail() a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_builder.h"
#include "temporary_file.h"

enum { SIDE = 64, SENTENCES = 32 };

static const char *const path = temporary_path;

/* -------------------------------------------------------------------------------------- listening
 */

struct heard {
    size_t count;
    qc_log_level levels[SENTENCES];
    char sentences[SENTENCES][QC_MESSAGE_SIZE];
};

static void hear(void *context, qc_log_level level, const char *sentence)
{
    struct heard *heard = context;
    assert_true(heard->count < SENTENCES);
    assert_true(strlen(sentence) > 0 && strlen(sentence) < QC_MESSAGE_SIZE);
    for (const char *byte = sentence; *byte; byte++)
        assert_true((unsigned char)*byte >= 0x20 && *byte != 0x7f);
    heard->levels[heard->count] = level;
    memcpy(heard->sentences[heard->count++], sentence, strlen(sentence) + 1);
}

static bool was_heard(const struct heard *heard, qc_log_level level, const char *part)
{
    for (size_t i = 0; i < heard->count; i++)
        if (heard->levels[i] == level && strstr(heard->sentences[i], part))
            return true;
    return false;
}

static void assert_heard(const struct heard *heard, qc_log_level level, const char *part)
{
    if (was_heard(heard, level, part))
        return;
    for (size_t i = 0; i < heard->count; i++)
        print_message("%d %s\n", (int)heard->levels[i], heard->sentences[i]);
    fail_msg("nothing was heard of: %s", part);
}

static qc_model_options listening(struct heard *heard)
{
    qc_model_options options;
    qc_model_options_init(&options);
    assert_null(options.log);
    heard->count = 0;
    options.log = hear;
    options.log_context = heard;
    return options;
}

static qc_model *open_file(const qc_model_options *options)
{
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, options), QC_OK);
    return model;
}

static void write_vit(void)
{
    struct tiny_vit_options options = tiny_vit_options();
    unlink(path);
    write_tiny_vit(path, &options);
}

static void write_resnet(void)
{
    struct tiny_resnet_options options = tiny_resnet_options();
    unlink(path);
    write_tiny_resnet(path, &options);
}

/* ------------------------------------------------------------------------------------------ models
 */

static void test_kernels_and_weights(void **state)
{
    (void)state;
    struct heard heard;
    qc_model_options options = listening(&heard);
    char expected[64];
    write_vit();
    for (size_t i = 0; qc_kernels_name(i); i++) {
        const bool packs = kernel_set_at(i)->packs, openblas = kernel_set_at(i)->fixed_shape;
        heard.count = 0;
        options.kernels = i ? qc_kernels_name(i) : NULL;
        qc_model_close(open_file(&options));
        assert_heard(&heard, QC_LOG_INFO, path);
        snprintf(expected, sizeof expected, "kernels %s, %s", qc_kernels_name(i),
                 i ? "as asked for; the fastest here are" : "the fastest");
        assert_heard(&heard, QC_LOG_INFO, expected);
        assert_heard(&heard, QC_LOG_INFO,
                     packs ? "bytes of weights were packed" : "weights are used where they are");
        assert_int_equal(was_heard(&heard, QC_LOG_WARNING, "OpenBLAS"), openblas);
    }
    options.kernels = qc_kernels_name(0);
    options.packing = QC_PACKING_NEVER;
    heard.count = 0;
    qc_model_close(open_file(&options));
    assert_heard(&heard, QC_LOG_INFO, ", as asked for");
    assert_heard(&heard, QC_LOG_INFO, "weights are used where they are");
    assert_false(was_heard(&heard, QC_LOG_INFO, "packed"));
}

static void test_precision(void **state)
{
    (void)state;
    struct heard heard;
    qc_model_options options = listening(&heard);
    options.kernels = "reference";
    write_vit();
    qc_model_close(open_file(&options));
    assert_false(was_heard(&heard, QC_LOG_INFO, "precision"));
    options.precision = QC_PRECISION_BF16;
    qc_model_close(open_file(&options));
    assert_heard(&heard, QC_LOG_INFO, "precision bf16, as asked for; weights are stored as f32");
    assert_heard(&heard, QC_LOG_WARNING, "kernels reference do not multiply bf16");
    heard.count = 0;
    options.precision = QC_PRECISION_INT8;
    qc_model_close(open_file(&options));
    assert_heard(&heard, QC_LOG_INFO, "precision int8");
    assert_false(was_heard(&heard, QC_LOG_WARNING, "LayerNorm"));
    write_resnet();
    qc_model_close(open_file(&options));
    assert_heard(&heard, QC_LOG_WARNING, "a ResNet has no LayerNorm");
}

/* The same file in memory, where it should be and where it should not. */
static void test_alignment(void **state)
{
    (void)state;
    struct heard heard;
    qc_model_options options = listening(&heard);
    write_vit();
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *block = aligned_alloc(64, 8 << 20);
    assert_non_null(block);
    const size_t size = fread(block, 1, 4 << 20, file);
    fclose(file);
    for (size_t shift = 0; shift <= 4; shift += 4) {
        qc_model *model;
        memmove(block + shift, block, size);
        heard.count = 0;
        assert_int_equal(qc_model_open_memory(&model, block + shift, size, &options), QC_OK);
        assert_heard(&heard, QC_LOG_INFO, "weights are used where they are");
        assert_int_equal(was_heard(&heard, QC_LOG_WARNING, "no multiple of 64"), shift != 0);
        qc_model_close(model);
    }
    free(block);
}

/* What failed is in the message; the log says nothing of a model that there is not. */
static void test_failures_are_not_logged(void **state)
{
    (void)state;
    struct heard heard;
    char message[QC_MESSAGE_SIZE] = "";
    qc_model_options options = listening(&heard);
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, "/no/such/file", &options), QC_ERROR_IO);
    assert_true(message[0] != 0);
    struct model_faults faults = {.omit = "v.post_ln.weight"};
    struct tiny_vit_options vit = tiny_vit_options();
    vit.faults = &faults;
    write_tiny_vit(path, &vit);
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_FORMAT);
    options.kernels = "none of these";
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_UNSUPPORTED);
    assert_int_equal(heard.count, 0);
}

/* A program that was built before there was a log. */
static void test_older_options(void **state)
{
    (void)state;
    struct heard heard;
    qc_model_options options = listening(&heard);
    options.size = offsetof(qc_model_options, log);
    write_vit();
    qc_model *model = open_file(&options);
    assert_int_equal(heard.count, 0);
    qc_scorer_options scorer_options;
    qc_scorer_options_init(&scorer_options);
    scorer_options.size = offsetof(qc_scorer_options, log);
    scorer_options.log = hear;
    scorer_options.log_context = &heard;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &scorer_options), QC_OK);
    assert_int_equal(heard.count, 0);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

/* ----------------------------------------------------------------------------------------- scorers
 */

static void test_scorers(void **state)
{
    (void)state;
    static uint8_t pixels[3 * SIDE * SIDE];
    struct heard heard;
    qc_model_options model_options = listening(&heard);
    write_resnet();
    qc_model *model = open_file(&model_options);
    const size_t at_open = heard.count;
    assert_true(at_open > 0);

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    assert_null(options.log);
    options.max_width = options.max_height = SIDE;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    assert_int_equal(heard.count, at_open); /* the model's log is its own */
    qc_scorer_destroy(scorer);

    char expected[96];
    options.log = hear;
    options.log_context = &heard;
    const size_t size = qc_scorer_memory(model, &options);
    heard.count = 0;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    snprintf(expected, sizeof expected,
             "images up to 64 x 64, batches of 1, 1 threads: %zu bytes of the heap", size);
    assert_heard(&heard, QC_LOG_INFO, expected);

    const size_t before = heard.count;
    qc_image image;
    qc_result result;
    float feature[16];
    qc_image_init(&image, QC_PIXEL_RGB, SIDE, SIDE, pixels);
    assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
    assert_int_equal(qc_embed(scorer, &image, feature), QC_OK);
    image.width = 1;
    assert_int_equal(qc_score(scorer, &image, &result), QC_ERROR_TOO_SMALL);
    assert_int_equal(heard.count, before);
    image.width = SIDE;
    assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
    assert_string_equal(heard.sentences[0] + strlen("recipe "), result.recipe);
    qc_scorer_destroy(scorer);

    options.threads = 0;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
    assert_int_equal(heard.count, before);
    qc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_and_weights), cmocka_unit_test(test_precision),
        cmocka_unit_test(test_alignment),           cmocka_unit_test(test_failures_are_not_logged),
        cmocka_unit_test(test_older_options),       cmocka_unit_test(test_scorers),
    };
    return cmocka_run_group_tests_name("log", tests, temporary_file_make, temporary_file_remove);
}
