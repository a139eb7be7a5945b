/*
 * test_scorer.c - what a scorer promises: the same bits in any batch, with any number of threads
 * and in any workspace; exactly the memory that it announced; errors that say what was expected.
 */
#include "qualiclip.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef QUALICLIP_THREADS
#include <pthread.h>
#endif

#include <cmocka.h>

#include "model_builder.h"

#define BATCH        8
#define SIDE_MAX     200
#define FEATURE_SIZE 16

static char directory[] = "/tmp/qualiclip-scorer-XXXXXX";
static char model_paths[4][64]; /* ViT f32 and f16, ResNet f32 and f16 */

static int write_models(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    for (int i = 0; i < 4; i++) {
        snprintf(model_paths[i], sizeof model_paths[i], "%s/%d.gguf", directory, i);
        enum gguf_tensor_type type = i % 2 ? GGML_F16 : GGML_F32;
        if (i < 2) {
            struct tiny_vit_options options = tiny_vit_options();
            options.type = type;
            options.feature_size = FEATURE_SIZE;
            write_tiny_vit(model_paths[i], &options);
        } else {
            struct tiny_resnet_options options = tiny_resnet_options();
            options.type = type;
            options.feature_size = FEATURE_SIZE;
            write_tiny_resnet(model_paths[i], &options);
        }
    }
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        unlink(model_paths[i]);
    return rmdir(directory);
}

/* -------------------------------------------------------------------------------------- helpers */

static qc_model *open_model(const char *path, const char *kernels)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, &options), QC_OK);
    return model;
}

static qc_scorer_options small_options(void)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = SIDE_MAX;
    options.max_batch = BATCH;
    return options;
}

static qc_scorer *create(const qc_model *model, qc_scorer_options options)
{
    char message[QC_MESSAGE_SIZE];
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options) != QC_OK)
        fail_msg("%s", message);
    return scorer;
}

/* Images of several sizes, two of them alike, filled with noise. */
static uint8_t pixels[BATCH][SIDE_MAX * SIDE_MAX * 3];
static qc_image images[BATCH];

static int make_images(void **state)
{
    static const uint32_t sizes[BATCH][2] = {{64, 64},  {97, 51},   {200, 33}, {64, 64},
                                             {41, 137}, {112, 104}, {33, 200}, {71, 113}};
    uint32_t random = 1;
    for (size_t i = 0; i < BATCH; i++) {
        for (size_t j = 0; j < sizeof pixels[i]; j++) {
            random = random * 1664525 + 1013904223;
            pixels[i][j] = (uint8_t)(random >> 24);
        }
        images[i] = (qc_image){.format = QC_PIXEL_RGB,
                               .width = sizes[i][0],
                               .height = sizes[i][1],
                               .planes = {pixels[i]},
                               .strides = {3 * (ptrdiff_t)sizes[i][0]}};
    }
    return write_models(state);
}

static void assert_same_bits(const qc_result *a, const qc_result *b)
{
    assert_int_equal(a->status, QC_OK);
    assert_int_equal(b->status, QC_OK);
    assert_memory_equal(&a->score, &b->score, sizeof a->score);
    assert_memory_equal(a->pairs, b->pairs, sizeof a->pairs);
}

/* ------------------------------------------------------------------------------------ same bits */

/* The caller's pool of test_callers_pool: tasks in reverse, on changing workers. */
static void run_backwards(void *pool, size_t count, qc_task *task, void *context)
{
    (void)pool;
    for (size_t i = count; i-- > 0;)
        task(context, i, i % 3);
}

/* In one batch, and some by themselves in a workspace that is larger than they need. */
static void compare_with_alone(const qc_model *model, qc_scorer_options options,
                               const qc_result *alone)
{
    qc_scorer *scorer = create(model, options);
    qc_result results[BATCH], single;
    assert_int_equal(qc_score_batch(scorer, images, BATCH, results), QC_OK);
    for (size_t i = 0; i < BATCH; i++) {
        assert_same_bits(&results[i], &alone[i]);
        if (options.threads > 1 || i % 3)
            continue;
        assert_int_equal(qc_score(scorer, &images[i], &single), QC_OK);
        assert_same_bits(&single, &alone[i]);
    }
    qc_scorer_destroy(scorer);
}

static void check_same_bits(const char *path, const char *kernels)
{
    qc_model *model = open_model(path, kernels);
    qc_result alone[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        qc_scorer_options options = small_options();
        options.max_batch = 1;
        options.max_width = images[i].width;
        options.max_height = images[i].height;
        qc_scorer *scorer = create(model, options);
        assert_int_equal(qc_score(scorer, &images[i], &alone[i]), QC_OK);
        assert_true(alone[i].score > 0 && alone[i].score < 1);
        qc_scorer_destroy(scorer);
    }
    /* Else equal bits would prove nothing. */
    assert_true(alone[0].score != alone[1].score && alone[0].score != alone[3].score);

    qc_scorer_options options = small_options();
    compare_with_alone(model, options, alone);
    options.threads = 3;
    options.parallel_for = run_backwards;
    compare_with_alone(model, options, alone);
#ifdef QUALICLIP_THREADS
    options.parallel_for = NULL;
    options.threads = 5; /* more than most machines of CI have processors */
    compare_with_alone(model, options, alone);
#endif
    qc_model_close(model);
}

static void same_bits_in_any_batch_and_thread_count(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        for (size_t set = 0; qc_kernels_name(set); set++)
            check_same_bits(model_paths[i], qc_kernels_name(set));
}

/*
 * A model whose every number is stored in 16 bits scores as the f32 model of the same numbers does:
 * to the bit, on any number of threads; on OpenBLAS, which is called with other shapes, nearly.
 */
static void compare_stored_and_rounded(const char *kernels, enum gguf_tensor_type type, bool resnet)
{
    char stored_path[80], rounded_path[80];
    snprintf(stored_path, sizeof stored_path, "%s/stored.gguf", directory);
    snprintf(rounded_path, sizeof rounded_path, "%s/rounded.gguf", directory);
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options residual = tiny_resnet_options();
    vit.rounding = residual.rounding = type;
    if (resnet)
        write_tiny_resnet(rounded_path, &residual);
    else
        write_tiny_vit(rounded_path, &vit);
    vit.type = vit.vector_type = residual.type = residual.vector_type = type;
    if (resnet)
        write_tiny_resnet(stored_path, &residual);
    else
        write_tiny_vit(stored_path, &vit);

    qc_model *stored = open_model(stored_path, kernels),
             *rounded = open_model(rounded_path, kernels);
    qc_scorer_options options = small_options();
    qc_scorer *one = create(rounded, options);
    options.threads = 3;
    options.parallel_for = run_backwards;
    qc_scorer *several = create(stored, options);
    qc_result expected[BATCH], results[BATCH];
    assert_int_equal(qc_score_batch(one, images, BATCH, expected), QC_OK);
    assert_int_equal(qc_score_batch(several, images, BATCH, results), QC_OK);
    for (size_t i = 0; i < BATCH; i++)
        if (strstr(kernels, "openblas"))
            assert_true(fabsf(results[i].score - expected[i].score) <= 1e-5f);
        else
            assert_same_bits(&results[i], &expected[i]);
    qc_scorer_destroy(one);
    qc_scorer_destroy(several);
    qc_model_close(stored);
    qc_model_close(rounded);
    unlink(stored_path);
    unlink(rounded_path);
}

#ifdef QUALICLIP_THREADS

enum { scorers_at_once = 3, turns = 5 };

struct client {
    const qc_model *model;
    uint32_t threads;
    bool good; /* all went well: a test may only fail in its own thread */
    qc_result results[BATCH];
};

static void *score_all_images(void *argument)
{
    struct client *client = argument;
    qc_scorer_options options = small_options();
    options.threads = client->threads;
    qc_scorer *scorer;
    client->good = qc_scorer_create(&scorer, client->model, &options) == QC_OK;
    for (int turn = 0; turn < turns && client->good; turn++)
        client->good = qc_score_batch(scorer, images, BATCH, client->results) == QC_OK;
    if (client->good)
        qc_scorer_destroy(scorer);
    return NULL;
}

/* Scorers of one model in several threads, each with threads of its own or none. */
static void scorers_run_beside_each_other(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i += 2) {
        qc_model *model = open_model(model_paths[i], NULL);
        struct client alone = {.model = model, .threads = 1}, clients[scorers_at_once];
        pthread_t threads[scorers_at_once];
        score_all_images(&alone);
        assert_true(alone.good);
        for (uint32_t c = 0; c < scorers_at_once; c++) {
            clients[c] = (struct client){.model = model, .threads = c + 1};
            assert_int_equal(pthread_create(&threads[c], NULL, score_all_images, &clients[c]), 0);
        }
        for (uint32_t c = 0; c < scorers_at_once; c++)
            pthread_join(threads[c], NULL);
        for (uint32_t c = 0; c < scorers_at_once; c++) {
            assert_true(clients[c].good);
            for (size_t image = 0; image < BATCH; image++)
                assert_same_bits(&clients[c].results[image], &alone.results[image]);
        }
        qc_model_close(model);
    }
}

#endif

static void storing_in_16_bits_is_rounding(void **state)
{
    (void)state;
    for (size_t set = 0; qc_kernels_name(set); set++)
        for (int resnet = 0; resnet < 2; resnet++) {
            compare_stored_and_rounded(qc_kernels_name(set), GGML_F16, resnet);
            compare_stored_and_rounded(qc_kernels_name(set), GGML_BF16, resnet);
        }
}

/* --------------------------------------------------------------------------------------- memory */

#define GUARD 4096

static void memory_is_exactly_what_was_announced(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        qc_model *model = open_model(model_paths[i], NULL);
        qc_scorer_options options = small_options();
        char message[QC_MESSAGE_SIZE] = "";
        options.message = message;
        options.message_size = sizeof message;
        size_t size = qc_scorer_memory(model, &options);
        assert_true(size > 0);
        uint8_t *block = aligned_alloc(64, (size + 2 * GUARD + 63) / 64 * 64);
        assert_non_null(block);
        memset(block, 0xA5, size + 2 * GUARD);

        qc_scorer *scorer;
        options.memory = block + GUARD;
        options.memory_size = size - 1;
        assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_MEMORY);
        assert_null(scorer);
        assert_non_null(strstr(message, "memory_size"));
        options.memory = block + GUARD + 4;
        options.memory_size = size;
        assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
        options.memory = block + GUARD;
        assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);

        /* The largest batch of the largest images, both ways round, and alpha's scratch. */
        qc_image largest[BATCH];
        qc_result results[BATCH];
        static uint8_t rgba[SIDE_MAX * SIDE_MAX * 4];
        for (size_t j = 0; j < BATCH; j++)
            largest[j] = (qc_image){.format = QC_PIXEL_BGRA,
                                    .width = SIDE_MAX,
                                    .height = SIDE_MAX,
                                    .planes = {rgba},
                                    .strides = {4 * SIDE_MAX}};
        assert_int_equal(qc_score_batch(scorer, largest, BATCH, results), QC_OK);
        qc_scorer_destroy(scorer);
        for (size_t j = 0; j < GUARD; j++) {
            assert_int_equal(block[j], 0xA5);
            assert_int_equal(block[GUARD + size + j], 0xA5);
        }
        free(block);
        qc_model_close(model);
    }
}

static void memory_grows_with_what_is_asked(void **state)
{
    (void)state;
    qc_model *model = open_model(model_paths[0], NULL);
    qc_scorer_options options = small_options();
    size_t size = qc_scorer_memory(model, &options);
    options.max_batch *= 2;
    assert_true(qc_scorer_memory(model, &options) > size);
    options = small_options();
    options.max_height *= 2;
    assert_true(qc_scorer_memory(model, &options) > size);
    options.threads = 0;
    assert_int_equal(qc_scorer_memory(model, &options), 0);
    assert_int_equal(qc_scorer_memory(NULL, NULL), 0);
    qc_model_close(model);
}

/* --------------------------------------------------------------------------------------- images */

static void one_bad_image_does_not_spoil_a_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        qc_model *model = open_model(model_paths[i], NULL);
        qc_scorer *scorer = create(model, small_options());
        qc_result good[BATCH], mixed[BATCH];
        assert_int_equal(qc_score_batch(scorer, images, BATCH, good), QC_OK);
        assert_string_equal(qc_scorer_message(scorer), "");

        qc_image batch[BATCH];
        memcpy(batch, images, sizeof batch);
        batch[1].planes[0] = NULL;
        batch[4].width = 1;
        batch[6].width = SIDE_MAX + 1;
        batch[6].strides[0] = 3 * (SIDE_MAX + 1);
        assert_int_equal(qc_score_batch(scorer, batch, BATCH, mixed), QC_ERROR_ARGUMENT);
        assert_int_equal(mixed[1].status, QC_ERROR_ARGUMENT);
        assert_int_equal(mixed[4].status, QC_ERROR_TOO_SMALL);
        assert_int_equal(mixed[6].status, QC_ERROR_TOO_LARGE);
        assert_string_equal(qc_scorer_message(scorer), mixed[1].message);
        assert_non_null(strstr(mixed[4].message, "at least"));
        assert_non_null(strstr(mixed[6].message, "200"));
        assert_true(mixed[6].score == 0);
        for (size_t j = 0; j < BATCH; j++)
            if (j != 1 && j != 4 && j != 6)
                assert_same_bits(&mixed[j], &good[j]);
        qc_scorer_destroy(scorer);
        qc_model_close(model);
    }
}

static void images_may_be_turned_but_not_larger(void **state)
{
    (void)state;
    qc_model *model = open_model(model_paths[2], NULL);
    qc_scorer_options options = small_options();
    options.max_width = 200;
    options.max_height = 100;
    qc_scorer *scorer = create(model, options);
    qc_result result;
    assert_int_equal(qc_score(scorer, &images[1], &result), QC_OK);              /* 97 x 51 */
    assert_int_equal(qc_score(scorer, &images[4], &result), QC_OK);              /* 41 x 187 */
    assert_int_equal(qc_score(scorer, &images[5], &result), QC_ERROR_TOO_LARGE); /* 128 x 128 */
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

/* The same picture in every format and row order must give the same bits; BGR taken for RGB not. */
static void formats_and_strides_show_the_same_picture(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    static uint8_t other[SIDE * (SIDE * 4 + 12)];
    const ptrdiff_t stride = SIDE * 4 + 12;
    static const struct {
        qc_pixel_format format;
        int bytes, red, green, blue;
    } layouts[] = {{QC_PIXEL_RGB, 3, 0, 1, 2},  {QC_PIXEL_BGR, 3, 2, 1, 0},
                   {QC_PIXEL_RGBA, 4, 0, 1, 2}, {QC_PIXEL_BGRA, 4, 2, 1, 0},
                   {QC_PIXEL_RGBX, 4, 0, 1, 2}, {QC_PIXEL_BGRX, 4, 2, 1, 0}};
    for (int m = 0; m < 4; m += 2) {
        qc_model *model = open_model(model_paths[m], NULL);
        qc_scorer *scorer = create(model, small_options());
        qc_result expected, result;
        assert_int_equal(qc_score(scorer, &images[0], &expected), QC_OK);
        for (size_t l = 0; l < sizeof layouts / sizeof layouts[0]; l++) {
            for (int bottom_up = 0; bottom_up < 2; bottom_up++) {
                memset(other, 0x5A, sizeof other);
                for (int y = 0; y < SIDE; y++)
                    for (int x = 0; x < SIDE; x++) {
                        const uint8_t *from = pixels[0] + 3 * (y * SIDE + x);
                        uint8_t *to =
                            other + (bottom_up ? SIDE - 1 - y : y) * stride + x * layouts[l].bytes;
                        to[layouts[l].red] = from[0];
                        to[layouts[l].green] = from[1];
                        to[layouts[l].blue] = from[2];
                    }
                qc_image view = {.format = layouts[l].format,
                                 .width = SIDE,
                                 .height = SIDE,
                                 .planes = {bottom_up ? other + (SIDE - 1) * stride : other},
                                 .strides = {bottom_up ? -stride : stride}};
                assert_int_equal(qc_score(scorer, &view, &result), QC_OK);
                assert_same_bits(&result, &expected);
            }
        }
        qc_image wrong = images[0];
        wrong.format = QC_PIXEL_BGR;
        assert_int_equal(qc_score(scorer, &wrong, &result), QC_OK);
        assert_true(result.score != expected.score);
        qc_scorer_destroy(scorer);
        qc_model_close(model);
    }
}

/* ------------------------------------------------------------------------------ results, options
 */

static void results_explain_themselves(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        qc_model *model = open_model(model_paths[i], "reference");
        static const uint64_t zeros[32];
        qc_model_info info;
        memset(&info, 0xA5, sizeof info);
        qc_model_describe(model, &info);
        assert_memory_equal(info.reserved, zeros, sizeof info.reserved);
        qc_scorer_options options = small_options();
        options.temperature = 2;
        options.positions = QC_POSITIONS_GRID;
        qc_scorer *scorer = create(model, options);
        qc_result result;
        memset(&result, 0xA5, sizeof result);
        assert_int_equal(qc_score(scorer, &images[1], &result), QC_OK);
        assert_memory_equal(result.reserved, zeros, sizeof result.reserved);
        assert_string_equal(result.model, info.hash);
        assert_string_equal(result.profile, info.profile);
        assert_string_equal(result.kernels, "reference");
        assert_string_equal(result.precision, "f32");
        assert_int_equal(result.width, 97);
        assert_int_equal(result.height, 51);
        assert_int_equal(result.positions, QC_POSITIONS_GRID);
        assert_true(result.temperature == 2);
        assert_int_equal(result.pair_count, info.pair_count);
        double mean = 0;
        for (uint32_t j = 0; j < result.pair_count; j++)
            mean += result.pairs[j] / (double)result.pair_count;
        assert_true(fabs(mean - result.score) <= 1e-6);
        qc_scorer_destroy(scorer);
        qc_model_close(model);
    }
}

static void features_have_unit_length_and_positions_matter(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        qc_model *model = open_model(model_paths[i], NULL);
        float feature[2][FEATURE_SIZE];
        for (int grid = 0; grid < 2; grid++) {
            qc_scorer_options options = small_options();
            options.positions = grid ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
            qc_scorer *scorer = create(model, options);
            assert_int_equal(qc_embed(scorer, &images[5], feature[grid]), QC_OK);
            double squares = 0;
            for (int j = 0; j < FEATURE_SIZE; j++)
                squares += (double)feature[grid][j] * feature[grid][j];
            assert_true(fabs(squares - 1) <= 1e-6);
            qc_image small = images[5];
            small.height = 1;
            assert_int_equal(qc_embed(scorer, &small, feature[grid]), QC_ERROR_TOO_SMALL);
            assert_true(feature[grid][0] == 0); /* a defined state */
            assert_int_equal(qc_embed(scorer, &images[5], feature[grid]), QC_OK);
            qc_scorer_destroy(scorer);
        }
        assert_memory_not_equal(feature[0], feature[1], sizeof feature[0]);
        qc_model_close(model);
    }
}

static void refused(const qc_model *model, qc_scorer_options options, const char *field)
{
    char message[QC_MESSAGE_SIZE] = "";
    options.message = message;
    options.message_size = sizeof message;
    qc_scorer *scorer = (qc_scorer *)(uintptr_t)1;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
    assert_null(scorer);
    if (!strstr(message, field) || !strstr(message, "expected"))
        fail_msg("the message does not name %s and what was expected: %s", field, message);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    qc_model *model = open_model(model_paths[2], NULL);
    qc_scorer_options options = small_options();
    options.max_width = 31;
    refused(model, options, "max_width");
    options = small_options();
    options.max_height = UINT32_MAX;
    refused(model, options, "max_height");
    options = small_options();
    options.max_batch = 0;
    refused(model, options, "max_batch");
    options = small_options();
    options.threads = 100000;
    refused(model, options, "threads");
    options = small_options();
    options.positions = (qc_positions)9;
    refused(model, options, "positions");
    options = small_options();
    options.background = (qc_background)9;
    refused(model, options, "background");
    options = small_options();
    options.temperature = -1;
    refused(model, options, "temperature");
    options.temperature = NAN;
    refused(model, options, "temperature");
    qc_model_close(model);
}

static void callers_of_older_headers_are_understood(void **state)
{
    (void)state;
    qc_model *model = open_model(model_paths[0], NULL);
    qc_scorer_options options = small_options();
    options.size = offsetof(qc_scorer_options, temperature); /* it knew no later field */
    options.temperature = NAN;
    options.memory = &options;
    options.message = (char *)1;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    qc_scorer_destroy(scorer);
    options.size = 0; /* never set up */
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
    assert_null(scorer);
    assert_int_equal(qc_scorer_memory(model, &options), 0);
    qc_model_close(model);
}

static void impossible_calls_are_refused(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "%s/bare.gguf", directory);
    struct tiny_vit_options bare = tiny_vit_options();
    bare.pairs = 0;
    bare.grid = 0;
    write_tiny_vit(path, &bare);
    qc_model *model = open_model(path, NULL);
    unlink(path);

    qc_scorer_options options = small_options();
    options.positions = QC_POSITIONS_GRID;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_ERROR_ARGUMENT);
    scorer = create(model, small_options());
    qc_result results[BATCH + 1];
    assert_int_equal(qc_score(scorer, &images[0], results), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(results[0].message, "no prompts"));
    assert_int_equal(qc_score(scorer, NULL, results), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_score(NULL, &images[0], results), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_score(scorer, &images[0], NULL), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_embed(scorer, NULL, NULL), QC_ERROR_ARGUMENT);
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed(scorer, NULL, feature), QC_ERROR_ARGUMENT);
    qc_scorer_destroy(scorer);
    qc_scorer_destroy(NULL);
    qc_model_close(model);

    model = open_model(model_paths[0], NULL);
    scorer = create(model, small_options());
    qc_image many[BATCH + 1] = {0};
    assert_int_equal(qc_score_batch(scorer, many, BATCH + 1, results), QC_ERROR_TOO_LARGE);
    assert_int_equal(results[BATCH].status, QC_ERROR_TOO_LARGE);
    assert_int_equal(qc_score_batch(scorer, images, 0, results), QC_OK);
    qc_scorer_destroy(scorer);
    assert_int_equal(qc_scorer_create(NULL, model, NULL), QC_ERROR_ARGUMENT);
    assert_int_equal(qc_scorer_create(&scorer, NULL, NULL), QC_ERROR_ARGUMENT);
    assert_null(scorer);
    qc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_in_any_batch_and_thread_count),
#ifdef QUALICLIP_THREADS
        cmocka_unit_test(scorers_run_beside_each_other),
#endif
        cmocka_unit_test(storing_in_16_bits_is_rounding),
        cmocka_unit_test(memory_is_exactly_what_was_announced),
        cmocka_unit_test(memory_grows_with_what_is_asked),
        cmocka_unit_test(one_bad_image_does_not_spoil_a_batch),
        cmocka_unit_test(images_may_be_turned_but_not_larger),
        cmocka_unit_test(formats_and_strides_show_the_same_picture),
        cmocka_unit_test(results_explain_themselves),
        cmocka_unit_test(features_have_unit_length_and_positions_matter),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(callers_of_older_headers_are_understood),
        cmocka_unit_test(impossible_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, make_images, remove_models);
}
