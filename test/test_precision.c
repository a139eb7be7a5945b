/*
 * test_precision.c - models that compute in bf16 or int8: near to f32, and as reproducible.
 */
#include "model.h"
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

#include <cmocka.h>

#include "model_builder.h"
#include "temporary_file.h"

#define SIDE         96
#define FEATURE_SIZE 16
#define IMAGES       3

static const char *const path = temporary_path;
static uint8_t pixels[SIDE * SIDE * 3 + IMAGES];

static const qc_precision precisions[] = {QC_PRECISION_F32, QC_PRECISION_BF16, QC_PRECISION_INT8};
static const char *const names[] = {"f32", "bf16", "int8"};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
enum { TYPES = sizeof types / sizeof *types };

#ifdef QUALICLIP_THREADS
#define MOST_THREADS 3
#else
#define MOST_THREADS 1
#endif

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 % 251);
    return temporary_file_make(state);
}

static qc_model *open_file(const char *kernels, qc_precision precision)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.precision = precision;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, &options), QC_OK);
    return model;
}

static qc_scorer *scorer_of(const qc_model *model, uint32_t threads, uint32_t batch)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = SIDE;
    options.max_batch = batch;
    options.threads = threads;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    return scorer;
}

/* Of three sizes. */
static qc_image image_of(uint32_t index)
{
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = SIDE - 8 * index,
                      .height = SIDE - 32 * index / 2,
                      .planes = {pixels + index},
                      .strides = {SIDE * 3}};
}

static void check_same_scores(const qc_model *model, const char *precision)
{
    qc_image images[IMAGES];
    float alone[IMAGES];
    qc_scorer *scorer = scorer_of(model, 1, 1);
    for (uint32_t i = 0; i < IMAGES; i++) {
        qc_result result;
        images[i] = image_of(i);
        assert_int_equal(qc_score(scorer, &images[i], &result), QC_OK);
        assert_string_equal(result.precision, precision);
        alone[i] = result.score;
    }
    qc_scorer_destroy(scorer);
    for (uint32_t threads = 1; threads <= MOST_THREADS; threads++) {
        qc_result results[IMAGES];
        scorer = scorer_of(model, threads, IMAGES);
        assert_int_equal(qc_score_batch(scorer, images, IMAGES, results), QC_OK);
        for (size_t i = 0; i < IMAGES; i++)
            assert_memory_equal(&results[i].score, &alone[i], sizeof *alone);
        qc_scorer_destroy(scorer);
    }
}

static void write_model(qc_tower tower, enum gguf_tensor_type type)
{
    struct tiny_vit_options vit = tiny_vit_options();
    struct tiny_resnet_options resnet = tiny_resnet_options();
    vit.type = resnet.type = type;
    vit.width = 88;
    vit.mlp_width = 130;
    resnet.width = 10;
    resnet.heads = 4;
    if (tower == QC_TOWER_VIT)
        write_tiny_vit(path, &vit);
    else
        write_tiny_resnet(path, &resnet);
}

static void scores_have_the_same_bits(void **state)
{
    (void)state;
    for (qc_tower tower = QC_TOWER_VIT; tower <= QC_TOWER_RESNET; tower++) {
        write_model(tower, GGML_F32);
        for (size_t k = 0; qc_kernels_name(k); k++)
            for (size_t p = 0; p < PRECISIONS; p++) {
                qc_model *model = open_file(qc_kernels_name(k), precisions[p]);
                check_same_scores(model, names[p]);
                qc_model_close(model);
            }
    }
}

static void embed(const char *kernels, qc_precision precision, float *feature)
{
    qc_model *model = open_file(kernels, precision);
    qc_scorer *scorer = scorer_of(model, 1, 1);
    const qc_image image = image_of(0);
    assert_int_equal(qc_embed(scorer, &image, feature), QC_OK);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

static float cosine(const float *a, const float *b)
{
    float sum = 0;
    for (size_t i = 0; i < FEATURE_SIZE; i++)
        sum += a[i] * b[i];
    return sum;
}

/* In every set, from weights of every type. */
static void features_stay_near(void **state)
{
    (void)state;
    static const float least[PRECISIONS] = {0.999999f, 0.9999f, 0.999f};
    for (qc_tower tower = QC_TOWER_VIT; tower <= QC_TOWER_RESNET; tower++)
        for (size_t t = 0; t < TYPES; t++) {
            write_model(tower, types[t]);
            float expected[FEATURE_SIZE], feature[FEATURE_SIZE];
            embed("reference", QC_PRECISION_DEFAULT, expected);
            for (size_t k = 0; qc_kernels_name(k); k++)
                for (size_t p = 0; p < PRECISIONS; p++) {
                    embed(qc_kernels_name(k), precisions[p], feature);
                    if (!(cosine(feature, expected) >= least[p]))
                        fail_msg("tower %d, type %d, %s, %s: cosine %.9g", (int)tower,
                                 (int)types[t], qc_kernels_name(k), names[p],
                                 (double)cosine(feature, expected));
                    /* Weights that are bf16 already change where rows are rounded alone. */
                    if (p == 2 || (p == 1 && types[t] != GGML_BF16))
                        assert_memory_not_equal(feature, expected, sizeof feature);
                }
        }
}

/* The large matrices are held in the precision's numbers, and in no other. */
static void weights_are_held_once(void **state)
{
    (void)state;
    static const number_type held[PRECISIONS] = {NUMBER_F32, NUMBER_BF16, NUMBER_I8};
    write_model(QC_TOWER_VIT, GGML_F32);
    for (size_t k = 0; qc_kernels_name(k); k++)
        for (size_t p = 0; p < PRECISIONS; p++) {
            qc_model *model = open_file(qc_kernels_name(k), precisions[p]);
            const struct matrix *matrix = &model->vit.blocks[0].fc1.weight;
            assert_int_equal(matrix->type, held[p]);
            assert_true(p ? !matrix->data : !!matrix->data);
            assert_true(!p || matrix->packed);
            qc_model_close(model);
        }
}

static void precision_must_be_one(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE];
    qc_model_options options;
    qc_model_options_init(&options);
    options.precision = (qc_precision)4;
    options.message = message;
    options.message_size = sizeof message;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_ARGUMENT);
    assert_non_null(strstr(message, "precision is 4"));
}

/* Beyond what 32 bits can add up: patches of 160 x 160 pixels. */
static void int8_has_a_largest_matrix(void **state)
{
    (void)state;
    char message[QC_MESSAGE_SIZE];
    struct tiny_vit_options vit = tiny_vit_options();
    vit.patch_size = 160;
    vit.width = 16;
    write_tiny_vit(path, &vit);
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    options.precision = QC_PRECISION_INT8;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, &options), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(message, "76800 inputs"));
    qc_model_close(open_file(NULL, QC_PRECISION_BF16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_have_the_same_bits), cmocka_unit_test(features_stay_near),
        cmocka_unit_test(weights_are_held_once),     cmocka_unit_test(precision_must_be_one),
        cmocka_unit_test(int8_has_a_largest_matrix),
    };
    return cmocka_run_group_tests(tests, setup, temporary_file_remove);
}
