/*
 * test_packing.c - packed weights at open: which models have them, what of a result depends on
 * them (no bit of a ViT's, rounding of a ResNet's), and that the file's memory is given back for
 * theirs.
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

#define SIDE         104
#define PATCH        96
#define FEATURE_SIZE 16

static const char *const path = temporary_path;
static uint8_t pixels[SIDE * SIDE * 3];

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 % 251);
    return temporary_file_make(state);
}

static qc_image image_of(uint32_t width, uint32_t height)
{
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {SIDE * 3}};
}

static qc_model *open_file(const char *kernels, qc_packing packing)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.packing = packing;
    qc_model *model;
    assert_int_equal(qc_model_open(&model, path, &options), QC_OK);
    return model;
}

#ifdef QUALICLIP_THREADS
#define MOST_THREADS 3
#else
#define MOST_THREADS 1
#endif

static const void *packed_of(const qc_model *model)
{
    return model->tower == QC_TOWER_VIT ? model->vit.blocks[0].fc1.weight.packed
                                        : model->resnet.blocks[0].conv1.linear.weight.packed;
}

/* A feature by `threads` threads and, of models that have one, of the low-level part. */
struct features {
    float high[FEATURE_SIZE], low[FEATURE_SIZE];
};

static struct features features_of(const qc_model *model, uint32_t threads)
{
    struct features features = {{0}, {0}};
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = SIDE;
    options.threads = threads;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    const qc_image image = image_of(SIDE, SIDE - 8), patch = image_of(PATCH, PATCH);
    assert_int_equal(qc_embed(scorer, &image, features.high), QC_OK);
    if (model->has_low_level)
        assert_int_equal(qc_embed_patches(model, &patch, 1, threads, features.low, NULL, 0), QC_OK);
    qc_scorer_destroy(scorer);
    return features;
}

/*
 * Features that differ by rounding alone: of unit length, so each rounding of 2^-24 in a chain of
 * some hundred sums shifts a component by far less than this.
 */
static void check_close(const float *features, const float *expected)
{
    for (size_t i = 0; i < FEATURE_SIZE; i++)
        assert_true(fabsf(features[i] - expected[i]) < 2e-5f);
}

/* Of the file at `path`, with every kernel set: packed against in place, by any threads. */
static void check_features(void)
{
    for (size_t i = 0; qc_kernels_name(i); i++) {
        const char *kernels = qc_kernels_name(i);
        qc_model *packed = open_file(kernels, QC_PACKING_DEFAULT);
        qc_model *in_place = open_file(kernels, QC_PACKING_NEVER);
        assert_int_equal(packed_of(packed) != NULL, kernel_set_find(kernels)->packs);
        assert_null(packed_of(in_place));
        const struct features in_place_features = features_of(in_place, 1);
        struct features expected = in_place_features;
        if (packed->tower == QC_TOWER_RESNET && packed_of(packed)) {
            expected = features_of(packed, 1); /* Winograd's convolutions */
            check_close(expected.high, in_place_features.high);
            assert_memory_equal(expected.low, in_place_features.low, sizeof expected.low);
        }
        for (uint32_t threads = 1; threads <= MOST_THREADS; threads += 2) {
            const struct features features = features_of(packed, threads);
            assert_memory_equal(&features, &expected, sizeof features);
        }
        qc_model_close(packed);
        qc_model_close(in_place);
    }
}

static const enum gguf_tensor_type types[] = {GGML_F32, GGML_F16, GGML_BF16};
enum { TYPES = sizeof types / sizeof *types };

/* Widths that leave whole, half and narrow panels at the end. */
static void vit_has_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        struct tiny_vit_options options = tiny_vit_options();
        options.type = types[i];
        options.width = 88;
        options.mlp_width = 130;
        options.feature_size = FEATURE_SIZE;
        write_tiny_vit(path, &options);
        check_features();
    }
}

static void resnet_differs_by_rounding(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPES; i++) {
        struct tiny_resnet_options options = tiny_resnet_options();
        options.type = types[i];
        options.width = 10;
        options.heads = 4;
        options.feature_size = FEATURE_SIZE;
        options.low_level_width = 5;
        options.low_level_feature_size = FEATURE_SIZE;
        write_tiny_resnet(path, &options);
        check_features();
    }
}

static void *read_file(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* The caller's memory is read in place unless packing was asked for, and never written. */
static void memory_is_packed_on_demand(void **state)
{
    (void)state;
    const struct tiny_vit_options vit = tiny_vit_options();
    write_tiny_vit(path, &vit);
    size_t size;
    void *bytes = read_file(&size), *before = malloc(size);
    assert_non_null(before);
    memcpy(before, bytes, size);
    const bool packs = kernel_set_find(NULL)->packs;
    static const qc_packing packings[] = {QC_PACKING_DEFAULT, QC_PACKING_NEVER, QC_PACKING_ALWAYS};
    struct features features[3];
    for (size_t i = 0; i < 3; i++) {
        qc_model_options options;
        qc_model_options_init(&options);
        options.packing = packings[i];
        qc_model *model;
        assert_int_equal(qc_model_open_memory(&model, bytes, size, &options), QC_OK);
        assert_int_equal(packed_of(model) != NULL, packs && packings[i] == QC_PACKING_ALWAYS);
        features[i] = features_of(model, 1);
        assert_memory_equal(&features[i], &features[0], sizeof *features);
        qc_model_close(model);
    }
    assert_memory_equal(bytes, before, size);
    free(bytes);
    free(before);
}

/* For few images: a ResNet's alone. */
static void resnet_alone_is_packed(void **state)
{
    (void)state;
    const bool packs = kernel_set_find(NULL)->packs;
    const struct tiny_vit_options vit = tiny_vit_options();
    write_tiny_vit(path, &vit);
    qc_model *model = open_file(NULL, QC_PACKING_RESNET);
    assert_null(packed_of(model));
    qc_model_close(model);
    const struct tiny_resnet_options resnet = tiny_resnet_options();
    write_tiny_resnet(path, &resnet);
    model = open_file(NULL, QC_PACKING_RESNET);
    assert_int_equal(packed_of(model) != NULL, packs);
    assert_int_equal(model->resnet.blocks[0].conv2.winograd != NULL, packs);
    qc_model_close(model);
}

/* Bytes of files that this process has in memory, or 0 where the system does not tell. */
static size_t mapped_bytes(void)
{
    unsigned long all = 0, resident = 0, of_files = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%lu %lu %lu", &all, &resident, &of_files) != 3)
        of_files = 0;
    if (file)
        fclose(file);
    return of_files * (size_t)sysconf(_SC_PAGESIZE);
}

/* 25 MB of weights, all of which are read at open. */
static void nothing_is_held_twice(void **state)
{
    (void)state;
    struct tiny_vit_options options = tiny_vit_options();
    options.width = 512;
    options.heads = 8;
    options.mlp_width = 2048;
    write_tiny_vit(path, &options);
    size_t size;
    free(read_file(&size));
    assert_true(size > 20000000);
    const size_t before = mapped_bytes();
    if (!before || !kernel_set_find(NULL)->packs)
        skip();
    qc_model *in_place = open_file(NULL, QC_PACKING_NEVER);
    assert_true(mapped_bytes() - before > size / 10 * 9);
    qc_model_close(in_place);
    qc_model *packed = open_file(NULL, QC_PACKING_DEFAULT);
    assert_true(mapped_bytes() - before < size / 10);
    qc_model_close(packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_has_the_same_bits),      cmocka_unit_test(resnet_differs_by_rounding),
        cmocka_unit_test(memory_is_packed_on_demand), cmocka_unit_test(resnet_alone_is_packed),
        cmocka_unit_test(nothing_is_held_twice),
    };
    return cmocka_run_group_tests(tests, setup, temporary_file_remove);
}
