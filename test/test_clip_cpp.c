/*
 * test_clip_cpp.c - files as clip.cpp writes them (test/golden/clip_cpp, made by
 * test/reference/make_clip_cpp_golden.py): their features and texts are PyTorch's, of either GELU;
 * the kinds of its files that cannot be used are refused with the reason.
 */
#include "gguf_writer.h" /* before cmocka.h, which makes fail() a macro */
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

#define GOLDEN       "test/golden/clip_cpp/"
#define TWO_TOWERS   GOLDEN "gelu-f16.gguf"
#define VISION       GOLDEN "vision-f32.gguf"
#define FEATURE_SIZE 16
#define TOLERANCE    2e-5

static char text[QC_MESSAGE_SIZE];

/* ------------------------------------------------------------------------------------ helpers */

static qc_model *open_model(const char *path, const char *kernels)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.kernels = kernels;
    options.message = text;
    options.message_size = sizeof text;
    qc_model *model;
    if (qc_model_open(&model, path, &options) != QC_OK)
        fail_msg("%s", text);
    return model;
}

static qc_scorer *create_scorer(const qc_model *model, const qc_prompt_pair *prompts, size_t count)
{
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = options.max_height = 130;
    options.prompts = prompts;
    options.prompt_count = count;
    options.message = text;
    options.message_size = sizeof text;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, &options) != QC_OK)
        fail_msg("%s", text);
    return scorer;
}

/* A .ppm (P6, 8 bits) as an image whose pixels are to be freed. */
static qc_image read_image(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "test/golden/towers/%s.ppm", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned width, height;
    assert_int_equal(fscanf(file, "P6 %u %u 255", &width, &height), 2);
    assert_int_equal(fgetc(file), '\n');
    uint8_t *pixels = malloc(3 * width * height);
    assert_non_null(pixels);
    assert_int_equal(fread(pixels, 3 * width, height, file), height);
    fclose(file);
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels},
                      .strides = {3 * (ptrdiff_t)width}};
}

static void embed_image(const qc_model *model, const char *name, float *feature)
{
    qc_scorer *scorer = create_scorer(model, NULL, 0);
    const qc_image image = read_image(name);
    assert_int_equal(qc_embed(scorer, &image, feature), QC_OK);
    free((void *)image.planes[0]);
    qc_scorer_destroy(scorer);
}

static void embed_text(const qc_model *model, const char *digits, float *feature)
{
    char plain[128];
    size_t size = 0;
    for (const char *at = digits; *at && *at != '-'; at += 2) {
        unsigned byte;
        assert_int_equal(sscanf(at, "%2x", &byte), 1);
        plain[size++] = (char)byte;
    }
    plain[size] = 0;
    if (qc_embed_text(model, plain, 0, feature, text, sizeof text) != QC_OK)
        fail_msg("\"%s\": %s", plain, text);
}

/* ----------------------------------------------------------------------------------- features */

struct golden_case {
    char file[32], kind[32], subject[128];
    float feature[FEATURE_SIZE];
};

static bool next_case(FILE *file, struct golden_case *golden)
{
    char line[1024];
    do {
        if (!fgets(line, sizeof line, file))
            return false;
    } while (line[0] == '#');
    int used = 0;
    assert_int_equal(
        sscanf(line, "%31s %31s %127s%n", golden->file, golden->kind, golden->subject, &used), 3);
    const char *rest = line + used;
    for (int i = 0; i < FEATURE_SIZE; i++) {
        char *end;
        golden->feature[i] = strtof(rest, &end);
        assert_true(end != rest);
        rest = end;
    }
    return true;
}

static double distance(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < FEATURE_SIZE; i++) {
        const double difference = fabs((double)a[i] - b[i]);
        if (!(difference <= most))
            most = difference;
    }
    return most;
}

/* A right case must be met, and a mistake missed by far. */
static void compare(const struct golden_case *golden, const char *kernels)
{
    char path[96];
    snprintf(path, sizeof path, GOLDEN "%s", golden->file);
    qc_model *model = open_model(path, kernels);
    const bool is_image = strcmp(golden->kind, "image") == 0;
    const bool right = is_image || strcmp(golden->kind, "text") == 0;
    float feature[FEATURE_SIZE];
    if (is_image || strstr(golden->subject, "x"))
        embed_image(model, golden->subject, feature);
    else
        embed_text(model, golden->subject, feature);
    const double far = distance(feature, golden->feature);
    if (right ? !(far <= TOLERANCE) : !(far > 10 * TOLERANCE))
        fail_msg("%s, %s %s, %s: %g away", golden->file, golden->kind, golden->subject, kernels,
                 far);
    qc_model_close(model);
}

static void features_are_pytorchs(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN "features.txt", "r");
    assert_non_null(file);
    struct golden_case golden;
    size_t cases = 0;
    for (; next_case(file, &golden); cases++)
        for (size_t set = 0; qc_kernels_name(set); set++)
            compare(&golden, qc_kernels_name(set));
    fclose(file);
    assert_int_equal(cases, 14);
}

/* -------------------------------------------------------------------------------- description */

static void files_are_described(void **state)
{
    (void)state;
    qc_model_info info;
    qc_model *model = open_model(TWO_TOWERS, NULL);
    qc_model_describe(model, &info);
    assert_int_equal(model->vit.activation, ACTIVATION_GELU);
    assert_int_equal(model->text.activation, ACTIVATION_GELU);
    assert_int_equal(model->recipe.positions, QC_POSITIONS_GRID);
    assert_string_equal(info.name, "clip.cpp");
    assert_string_equal(info.profile, "");
    assert_string_equal(info.weight_type, "f16");
    assert_int_equal(info.image_size, 24);
    assert_int_equal(info.pair_count, 0);
    assert_true(info.logit_scale == 100 && info.temperature == 1);
    assert_true(info.has_text && info.has_positions);
    qc_model_close(model);

    model = open_model(VISION, NULL);
    qc_model_describe(model, &info);
    assert_int_equal(model->vit.activation, ACTIVATION_QUICK_GELU);
    assert_int_equal(model->vit.patch_embedding.type, NUMBER_F16); /* in a file of f32, too */
    assert_string_equal(info.weight_type, "f32");
    assert_false(info.has_text);
    float feature[FEATURE_SIZE];
    assert_int_equal(qc_embed_text(model, "a", 0, feature, text, sizeof text),
                     QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(text, "no text tower"));
    qc_model_close(model);
}

/* Without prompts an error says so; with the caller's, the merges are recovered, texts encoded. */
static void own_prompts_are_scored(void **state)
{
    (void)state;
    const qc_prompt_pair pair = {.positive = "Good photo.", .negative = "Bad photo."};
    qc_model *model = open_model(TWO_TOWERS, NULL);
    const qc_image image = read_image("97x51");
    qc_result result;
    qc_scorer *scorer = create_scorer(model, NULL, 0);
    assert_int_equal(qc_score(scorer, &image, &result), QC_ERROR_UNSUPPORTED);
    assert_non_null(strstr(result.message, "no prompts"));
    qc_scorer_destroy(scorer);

    float feature[FEATURE_SIZE], positive[FEATURE_SIZE], negative[FEATURE_SIZE];
    embed_image(model, "97x51", feature);
    assert_int_equal(qc_embed_text(model, pair.positive, 0, positive, NULL, 0), QC_OK);
    assert_int_equal(qc_embed_text(model, pair.negative, 0, negative, NULL, 0), QC_OK);
    double difference = 0;
    for (int i = 0; i < FEATURE_SIZE; i++)
        difference += (double)feature[i] * ((double)positive[i] - (double)negative[i]);
    scorer = create_scorer(model, &pair, 1);
    assert_int_equal(qc_score(scorer, &image, &result), QC_OK);
    const double expected = 1 / (1 + exp(-100 * difference));
    assert_true(expected > 0.001 && expected < 0.999);
    assert_true(fabs((double)result.score - expected) <= 1e-4);
    qc_scorer_destroy(scorer);
    free((void *)image.planes[0]);
    qc_model_close(model);
}

/* ------------------------------------------------------------------------------------ refused */

static unsigned char *file_bytes;
static size_t file_size;

static void read_whole(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    file_size = (size_t)ftell(file);
    rewind(file);
    file_bytes = aligned_alloc(64, (file_size + 63) / 64 * 64);
    assert_non_null(file_bytes);
    assert_int_equal(fread(file_bytes, 1, file_size, file), file_size);
    fclose(file);
}

/* Behind a name in the file, which has its length before it. */
static unsigned char *behind(const char *name)
{
    const size_t size = strlen(name);
    for (size_t at = 8; at + size < file_size; at++)
        if (file_bytes[at - 8] == size && !file_bytes[at - 7] &&
            memcmp(file_bytes + at, name, size) == 0)
            return file_bytes + at + size;
    fail_msg("there is no %s", name);
    return NULL;
}

static qc_status open_bytes(qc_model **model)
{
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = text;
    options.message_size = sizeof text;
    return qc_model_open_memory(model, file_bytes, file_size, &options);
}

static void refuse(qc_status expected, const char *first, const char *second)
{
    qc_model *model;
    const qc_status status = open_bytes(&model);
    assert_null(model);
    if (status != expected || !strstr(text, first) || !strstr(text, second))
        fail_msg("status %d, \"%s\"; expected %d, \"%s\", \"%s\"", (int)status, text, (int)expected,
                 first, second);
}

/* What `clip.cpp`'s quantize makes of a file: all tensors of two dimensions. */
static void quantised_tensors_are_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned char type;
        const char *name;
    } types[] = {{2, "(q4_0)"}, {3, "(q4_1)"}, {6, "(q5_0)"}, {7, "(q5_1)"}, {8, "(q8_0)"}};
    static const char *const tensors[] = {"v.position_embd.weight", "v.blk.0.attn_q.weight",
                                          "v.blk.0.ffn_up.weight", "visual_projection.weight",
                                          "t.token_embd.weight"};
    read_whole(TWO_TOWERS);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t j = 0; j < sizeof tensors / sizeof *tensors; j++) {
            unsigned char *type = behind(tensors[j]) + 4 + 2 * 8;
            assert_int_equal(*type, GGML_F16);
            *type = types[i].type;
            char name[64];
            snprintf(name, sizeof name, "tensor %s is quantised", tensors[j]);
            refuse(QC_ERROR_UNSUPPORTED, name, types[i].name);
            assert_non_null(strstr(text, "convert the original checkpoint"));
            *type = GGML_F16;
        }
    free(file_bytes);
}

static void versions_and_pixels_are_read(void **state)
{
    (void)state;
    read_whole(VISION);
    qc_model *model;
    for (unsigned char version = 2; version <= 3; version++) {
        file_bytes[4] = version;
        assert_int_equal(open_bytes(&model), QC_OK);
        qc_model_close(model);
    }
    file_bytes[4] = 1;
    refuse(QC_ERROR_UNSUPPORTED, "GGUF version 1", "expected 2 or 3");
    file_bytes[4] = 3;
    const float mean = 0.5f, deviation = 0.25f;
    memcpy(behind(KEY_IMAGE_MEAN) + 16, &mean, 4); /* behind the array's head */
    memcpy(behind(KEY_IMAGE_STD) + 16, &deviation, 4);
    assert_int_equal(open_bytes(&model), QC_OK);
    assert_true(model->image_mean[0] == 0.5f && model->image_mean[1] == 0.4578275f);
    assert_true(model->image_std[0] == 0.25f && model->image_std[2] == 0.27577711f);
    qc_model_close(model);
    free(file_bytes);
}

/* Image encoders of language models, and a text tower alone: the same architecture by name. */
static void other_kinds_are_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/qualiclip-clip-cpp-XXXXXX";
    const int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    static const char *const keys[] = {KEY_HAS_PROJECTOR, KEY_PROJECTOR_TYPE, KEY_HAS_VISION};
    static const char *const words[] = {"for a language model", "for a language model",
                                        "no image encoder"};
    for (int i = 0; i < 3; i++) {
        struct gguf_writer *writer = gguf_writer_open(path, text);
        assert_non_null(writer);
        gguf_put_string(writer, KEY_ARCHITECTURE, "clip");
        if (i == 1)
            gguf_put_string(writer, keys[i], "mlp");
        else
            gguf_put_bool(writer, keys[i], i == 0);
        assert_true(gguf_writer_finish(writer, text));
        read_whole(path);
        refuse(QC_ERROR_UNSUPPORTED, keys[i], words[i]);
        free(file_bytes);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_pytorchs),
        cmocka_unit_test(files_are_described),
        cmocka_unit_test(own_prompts_are_scored),
        cmocka_unit_test(quantised_tensors_are_refused),
        cmocka_unit_test(versions_and_pixels_are_read),
        cmocka_unit_test(other_kinds_are_refused),
    };
    return cmocka_run_group_tests_name("clip_cpp", tests, NULL, NULL);
}
