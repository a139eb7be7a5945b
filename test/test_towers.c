/*
 * test_towers.c - both towers against PyTorch, from checkpoint to score, with every kernel set.
 *
 * test/golden/towers/towers.txt (made by test/reference/make_towers_golden.py, which says how) has
 * the right features and scores, and what each classic mistake would have given: the right ones
 * must be met within the project's tolerances, and the wrong ones missed by ten times as much.
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

#define DIRECTORY         "test/golden/towers/"
#define FEATURE_SIZE      32
#define FEATURE_TOLERANCE 2e-5
#define SCORE_TOLERANCE   1e-4

struct golden_case {
    char kind[32], checkpoint[32], image[32], positions[8];
    float feature[FEATURE_SIZE], score;
};

static char model_path[2][64]; /* converted vit.pth, resnet.pth */
static char model_directory[] = "/tmp/qualiclip-towers-XXXXXX";

static const char *const checkpoints[2] = {"vit.pth", "resnet.pth"};

static int convert_models(void **state)
{
    (void)state;
    if (!mkdtemp(model_directory))
        return -1;
    for (int i = 0; i < 2; i++) {
        char checkpoint[64], message[QC_MESSAGE_SIZE];
        snprintf(checkpoint, sizeof checkpoint, DIRECTORY "%s", checkpoints[i]);
        snprintf(model_path[i], sizeof model_path[i], "%s/%d.gguf", model_directory, i);
        struct conversion conversion = {.checkpoint_path = checkpoint, .model_path = model_path[i]};
        struct conversion_result result;
        if (!convert_checkpoint(&conversion, &result, message)) {
            print_error("%s\n", message);
            return -1;
        }
    }
    return 0;
}

static int remove_models(void **state)
{
    (void)state;
    unlink(model_path[0]);
    unlink(model_path[1]);
    return rmdir(model_directory);
}

/* ----------------------------------------------------------------------------------- the cases */

/* Reads the next case; false at the end. */
static bool next_case(FILE *file, struct golden_case *golden)
{
    char line[2048];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    int used = 0;
    assert_int_equal(sscanf(line, "%31s %31s %31s %7s%n", golden->kind, golden->checkpoint,
                            golden->image, golden->positions, &used),
                     4);
    const char *rest = line + used;
    for (int i = 0; i <= FEATURE_SIZE; i++) {
        char *end;
        float number = strtof(rest, &end);
        assert_true(end != rest);
        rest = end;
        if (i < FEATURE_SIZE)
            golden->feature[i] = number;
        else
            golden->score = number;
    }
    return true;
}

/* A .ppm (P6, 8 bits) as an image whose pixels are to be freed. */
static qc_image read_image(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, DIRECTORY "%s.ppm", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned width, height;
    assert_int_equal(fscanf(file, "P6 %u %u 255", &width, &height), 2);
    assert_int_equal(fgetc(file), '\n');
    uint8_t *pixels = malloc(3 * width * height);
    assert_int_equal(fread(pixels, 3 * width, height, file), height);
    fclose(file);
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {3 * width}};
}

static void compute(const struct golden_case *golden, const char *kernels, float *feature,
                    float *score)
{
    qc_model_options model_options;
    qc_model_options_init(&model_options);
    model_options.kernels = kernels;
    qc_model *model;
    int index = strcmp(golden->checkpoint, checkpoints[0]) != 0;
    assert_int_equal(qc_model_open(&model, model_path[index], &model_options), QC_OK);
    qc_model_info info;
    qc_model_describe(model, &info);
    assert_int_equal(info.feature_size, FEATURE_SIZE);

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.positions = strcmp(golden->positions, "grid") == 0   ? QC_POSITIONS_GRID
                        : strcmp(golden->positions, "flat") == 0 ? QC_POSITIONS_FLAT
                                                                 : QC_POSITIONS_NONE;
    options.max_width = options.max_height = 130;
    qc_scorer *scorer;
    assert_int_equal(qc_scorer_create(&scorer, model, &options), QC_OK);
    qc_image image = read_image(golden->image);
    qc_result result;
    assert_int_equal(qc_embed(scorer, &image, feature), QC_OK);
    assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
    *score = result.score;
    free((void *)image.planes[0]);
    qc_scorer_destroy(scorer);
    qc_model_close(model);
}

static double distance(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < FEATURE_SIZE; i++) {
        double difference = fabs((double)a[i] - b[i]);
        if (!(difference <= most)) /* NaN is far away */
            most = difference;
    }
    return most;
}

/* -------------------------------------------------------------------------------------- tests */

static void right_answers_with(const char *kernels)
{
    FILE *file = fopen(DIRECTORY "towers.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    int cases = 0;
    while (next_case(file, &golden)) {
        if (strcmp(golden.kind, "right") != 0)
            continue;
        float feature[FEATURE_SIZE], score;
        compute(&golden, kernels, feature, &score);
        double feature_error = distance(feature, golden.feature);
        double score_error = fabs((double)score - golden.score);
        if (!(feature_error <= FEATURE_TOLERANCE) || !(score_error <= SCORE_TOLERANCE))
            fail_msg("%s, %s, %s, positions %s: feature off by %.2e, score by %.2e", kernels,
                     golden.checkpoint, golden.image, golden.positions, feature_error, score_error);
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 18);
}

static void equal_to_pytorch_with_every_kernel_set(void **state)
{
    (void)state;
    size_t sets = 0;
    while (qc_kernels_name(sets))
        right_answers_with(qc_kernels_name(sets++));
    assert_true(sets > 0);
}

static void every_classic_mistake_would_be_noticed(void **state)
{
    (void)state;
    FILE *file = fopen(DIRECTORY "towers.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    int mistakes = 0;
    while (next_case(file, &golden)) {
        if (strcmp(golden.kind, "right") == 0)
            continue;
        float feature[FEATURE_SIZE], score;
        compute(&golden, NULL, feature, &score);
        double off = distance(feature, golden.feature);
        if (!(off > 10 * FEATURE_TOLERANCE))
            fail_msg("%s: as after the mistake %s (only %.2e away)", golden.checkpoint, golden.kind,
                     off);
        mistakes++;
    }
    fclose(file);
    assert_true(mistakes >= 27);
}

/* The activation is the file's word: with clip.use_gelu set, the feature that exact GELU gives. */
static void exact_gelu_where_the_file_says_so(void **state)
{
    (void)state;
    char changed[64];
    snprintf(changed, sizeof changed, "%s/gelu.gguf", model_directory);
    FILE *from = fopen(model_path[0], "rb"), *to = fopen(changed, "wb");
    assert_non_null(from);
    assert_non_null(to);
    static unsigned char bytes[4 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, from);
    assert_true(size < sizeof bytes);
    static const char key[] = "clip.use_gelu";
    const size_t length = sizeof key - 1;
    size_t changes = 0;
    for (size_t i = 0; i + length + 5 <= size; i++)
        if (memcmp(bytes + i, key, length) == 0) {
            assert_int_equal(bytes[i + length], 7); /* the type: bool */
            assert_int_equal(bytes[i + length + 4], 0);
            bytes[i + length + 4] = 1;
            changes++;
        }
    assert_int_equal(changes, 1);
    assert_int_equal(fwrite(bytes, 1, size, to), size);
    fclose(from);
    assert_int_equal(fclose(to), 0);

    char quick[sizeof model_path[0]];
    memcpy(quick, model_path[0], sizeof quick);
    memcpy(model_path[0], changed, sizeof changed);
    FILE *file = fopen(DIRECTORY "towers.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    int cases = 0;
    while (next_case(file, &golden)) {
        if (strcmp(golden.kind, "exact_gelu") != 0)
            continue;
        for (size_t set = 0; qc_kernels_name(set); set++) {
            float feature[FEATURE_SIZE], score;
            compute(&golden, qc_kernels_name(set), feature, &score);
            assert_true(distance(feature, golden.feature) <= FEATURE_TOLERANCE);
            assert_true(fabs((double)score - golden.score) <= SCORE_TOLERANCE);
        }
        cases++;
    }
    fclose(file);
    assert_int_equal(cases, 1);
    memcpy(model_path[0], quick, sizeof quick);
    unlink(changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_pytorch_with_every_kernel_set),
        cmocka_unit_test(every_classic_mistake_would_be_noticed),
        cmocka_unit_test(exact_gelu_where_the_file_says_so),
    };
    return cmocka_run_group_tests(tests, convert_models, remove_models);
}
