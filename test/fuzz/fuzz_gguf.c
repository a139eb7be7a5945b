/*
 * fuzz_gguf.c - a model file: opened from memory, described, asked for the feature of texts and of
 * patches, and used to score small images.
 */
#include <math.h>
#include <string.h>

#include "checksums.h"
#include "fuzz.h"

enum { SIDE_MAX = 64, TOKENS_MAX = 77, PATCH_ROWS = QC_PATCH_SIDE * 3 / 2 };
static const size_t memory_max = (size_t)64 << 20;

static void check_description(const qc_model *model, const qc_model_info *info)
{
    const char *const strings[] = {info->name,    info->profile,   info->license,
                                   info->source,  info->hash,      info->converter,
                                   info->kernels, info->precision, info->weight_type};
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        check_utf8(strings[i]);
    PROMISE(info->feature_size >= 1 && info->pair_count <= QC_PAIRS_MAX);
    for (uint32_t i = 0; i < info->pair_count; i++)
        check_utf8(qc_model_pair_name(model, i));
    PROMISE(!qc_model_pair_name(model, info->pair_count));
}

static void check_unit_length(const float *feature, size_t size)
{
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)feature[i] * (double)feature[i];
    PROMISE(fabs(squares - 1) <= 1e-3);
}

/* Returns whether texts can be encoded. */
static int check_texts(const qc_model *model, const qc_model_info *info)
{
    static const char *const texts[] = {"Good photo.", "", "\xC3\x84 <|endoftext|> 1&amp;2's"};
    char message[QC_MESSAGE_SIZE] = "";
    uint32_t ids[TOKENS_MAX] = {0};
    float *feature = test_memory(info->feature_size * sizeof *feature);
    int good = 1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t count = 0;
        if (qc_tokenize(model, texts[i], 0, ids, TOKENS_MAX, &count, message, sizeof message))
            check_message(message);
        else
            PROMISE(count >= 2 && count <= TOKENS_MAX);
        if (qc_embed_text(model, texts[i], QC_TEXT_TRUNCATE, feature, message, sizeof message)) {
            check_message(message);
            good = 0;
        } else {
            check_unit_length(feature, info->feature_size);
        }
    }
    const uint32_t given[] = {ids[0], QC_TOKEN_VECTOR, ids[1]};
    float *vector = test_memory(info->text_width * sizeof *vector);
    for (uint32_t i = 0; i < info->text_width; i++)
        vector[i] = (float)(i % 3);
    if (qc_embed_tokens(model, given, 3, vector, feature, message, sizeof message))
        check_message(message);
    else
        check_unit_length(feature, info->feature_size);
    free(vector);
    free(feature);
    return good;
}

static qc_image image_of(uint32_t width, uint32_t height)
{
    static const uint8_t pixels[SIDE_MAX * SIDE_MAX * 3] = {1, 255, 3, 128, 77, 9};
    return (qc_image){.format = QC_PIXEL_RGB,
                      .width = width,
                      .height = height,
                      .planes = {pixels, NULL, NULL},
                      .strides = {SIDE_MAX * 3, 0, 0}};
}

static void check_result(qc_scorer *scorer, const qc_model_info *info, const qc_image *image)
{
    qc_result result;
    float *feature = test_memory(info->feature_size * sizeof *feature);
    if (qc_score(scorer, image, &result)) {
        check_message(result.message);
        PROMISE(result.score == 0);
    } else {
        PROMISE(result.score >= result.score_minimum && result.score <= result.score_maximum);
        PROMISE(result.low_level >= 0 && result.low_level <= 0.5f);
    }
    if (qc_embed(scorer, image, feature))
        check_message(qc_scorer_message(scorer));
    else
        check_unit_length(feature, info->feature_size);
    free(feature);
}

static void check_scores(const qc_model *model, const qc_model_info *info,
                         qc_scorer_options *options)
{
    const uint32_t least = info->minimum_size;
    const uint32_t width = least + least / 2 <= SIDE_MAX ? least + least / 2 : least;
    const uint32_t height = 2 * least <= SIDE_MAX ? 2 * least : least;
    char message[QC_MESSAGE_SIZE] = "";
    if (least > SIDE_MAX)
        return;
    options->max_width = width;
    options->max_height = height;
    options->message = message;
    options->message_size = sizeof message;
    if (qc_scorer_memory(model, options) > memory_max)
        return;
    qc_scorer *scorer;
    if (qc_scorer_create(&scorer, model, options)) {
        PROMISE(!scorer);
        check_message(message);
        return;
    }
    const qc_image image = image_of(width, height);
    check_result(scorer, info, &image);
    qc_scorer_destroy(scorer);
}

/* One of the profiles, and of the rules; tiles are of 224 pixels, which takes too long. */
static void choose_recipe(qc_scorer_options *options, const qc_model_info *info, uint32_t choice)
{
    static const qc_positions positions[] = {QC_POSITIONS_MODEL, QC_POSITIONS_NONE,
                                             QC_POSITIONS_GRID, QC_POSITIONS_FLAT};
    static const qc_size_rule rules[] = {QC_SIZE_NATIVE, QC_SIZE_CROP, QC_SIZE_LONG};
    size_t profiles = 0;
    while (qc_profile_name(profiles))
        profiles++;
    options->profile = qc_profile_name(choice / 16 % (profiles + 1));
    options->positions = positions[choice % 4];
    options->size_rule = rules[choice / 4 % 3];
    options->size_pixels = options->size_rule == QC_SIZE_NATIVE ? 0 : info->minimum_size;
}

/* The low-level part: two patches alone, and an image that has them. */
static void check_patches(const qc_model *model, const qc_model_info *info)
{
    static uint8_t pixels[PATCH_ROWS * QC_PATCH_SIDE * 3] = {7, 0, 255, 100};
    char message[QC_MESSAGE_SIZE] = "";
    float *features = test_memory(2 * info->patch_feature_size * sizeof *features);
    const qc_image patch = {.format = QC_PIXEL_RGB,
                            .width = QC_PATCH_SIDE,
                            .height = QC_PATCH_SIDE,
                            .planes = {pixels, NULL, NULL},
                            .strides = {QC_PATCH_SIDE * 3, 0, 0}};
    const qc_image patches[] = {patch, patch};
    if (qc_embed_patches(model, patches, 2, 1, features, message, sizeof message))
        check_message(message);
    free(features);

    qc_scorer_options options;
    qc_scorer_options_init(&options);
    options.max_width = QC_PATCH_SIDE;
    options.max_height = PATCH_ROWS;
    options.message = message;
    options.message_size = sizeof message;
    const size_t memory = qc_scorer_memory(model, &options);
    qc_scorer *scorer;
    if (!memory || memory > memory_max || qc_scorer_create(&scorer, model, &options))
        return;
    qc_image image = patch;
    image.height = PATCH_ROWS;
    check_result(scorer, info, &image);
    qc_scorer_destroy(scorer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char message[QC_MESSAGE_SIZE] = "";
    qc_model *model;
    qc_model_options options;
    qc_model_options_init(&options);
    options.message = message;
    options.message_size = sizeof message;
    options.packing = QC_PACKING_ALWAYS;
    if (qc_model_open_memory(&model, data, size, &options)) {
        PROMISE(!model);
        check_message(message);
        return 0;
    }
    qc_model_info info;
    qc_model_describe(model, &info);
    check_description(model, &info);
    qc_scorer_options scoring;
    qc_scorer_options_init(&scoring);
    check_scores(model, &info, &scoring);
    choose_recipe(&scoring, &info, crc32_of(data, size));
    check_scores(model, &info, &scoring);
    scoring.profile = NULL;
    if (info.patch_feature_size)
        check_patches(model, &info);
    if (info.has_text && check_texts(model, &info)) {
        const qc_prompt_pair own = {"good", "bad", NULL, NULL, NULL};
        scoring.prompts = &own;
        scoring.prompt_count = 1;
        check_scores(model, &info, &scoring);
        const qc_prompt_pair text = {"a photo", NULL, NULL, NULL, NULL};
        scoring.prompts = &text;
        scoring.profile = "clip";
        check_scores(model, &info, &scoring);
    }
    qc_model_close(model);
    return 0;
}
