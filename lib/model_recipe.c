/*
 * model_recipe.c - everything of a model file that is not the tower: how pixels are normalised, the
 * prompts, how cosines become a score, and where the file came from.
 */
#include "model_load.h"

#include <stdio.h>
#include <string.h>

#define PROMPTS "qualiclip.prompts"

static void load_float(struct loader *loader, const char *key, float *value)
{
    if (!loader->status)
        loader->status = gguf_get_f32(&loader->model->gguf, key, false, value, loader->message);
}

static void require_positive(struct loader *loader, const char *key, float value)
{
    if (!(value > 0))
        loader_fail(loader, QC_ERROR_FORMAT, "key %s is %g, expected a number above 0", key,
                    (double)value);
}

static void load_pixels(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const struct gguf *gguf = &model->gguf;
    static const float clip_mean[3] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float clip_std[3] = {0.26862954f, 0.26130258f, 0.27577711f};
    memcpy(model->image_mean, clip_mean, sizeof clip_mean);
    memcpy(model->image_std, clip_std, sizeof clip_std);
    if (loader->status ||
        (loader->status =
             gguf_get_f32s(gguf, KEY_IMAGE_MEAN, false, model->image_mean, 3, loader->message)) ||
        (loader->status =
             gguf_get_f32s(gguf, KEY_IMAGE_STD, false, model->image_std, 3, loader->message)))
        return;
    for (size_t i = 0; i < 3; i++)
        require_positive(loader, KEY_IMAGE_STD, model->image_std[i]);
}

/* Prompts are used as they are stored, as QualiCLIP does: of unit length, but nothing relies on it.
 */
static void load_prompts(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const struct gguf_tensor *tensor = gguf_find_tensor(&model->gguf, PROMPTS);
    if (!tensor)
        return;
    const uint64_t rows = tensor->shape[1];
    if (rows % 2 || rows > 2 * QC_PAIRS_MAX) {
        loader_fail(loader, QC_ERROR_FORMAT,
                    "tensor " PROMPTS " has %llu rows, expected an even number up to %d",
                    (unsigned long long)rows, 2 * QC_PAIRS_MAX);
        return;
    }
    model->prompt_features =
        load_floats(loader, PROMPTS, (struct shape){{rows, model->feature_size}});
    if (!model->prompt_features)
        return;
    model->pair_count = (size_t)rows / 2;
}

static void load_pair_names(struct loader *loader)
{
    struct qc_model *model = loader->model;
    const struct gguf_value *names = gguf_find_value(&model->gguf, KEY_PAIR_NAMES);
    if (names && (names->type != GGUF_ARRAY || names->array_type != GGUF_STRING ||
                  names->count != model->pair_count)) {
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_PAIR_NAMES ": expected an array of %zu strings, one for each pair",
                    model->pair_count);
        return;
    }
    model->pair_names = loader_allocate(loader, model->pair_count, sizeof *model->pair_names);
    for (size_t i = 0; i < model->pair_count && !loader->status; i++) {
        char numbered[32];
        const int size = snprintf(numbered, sizeof numbered, "pair %zu", i + 1);
        const struct gguf_text otherwise = {numbered, (size_t)size};
        model->pair_names[i] =
            loader_copy_text(loader, names ? gguf_string_at(names, i) : otherwise);
    }
}

static void load_scoring(struct loader *loader)
{
    struct qc_model *model = loader->model;
    model->logit_scale = 100;
    model->temperature = 1;
    load_float(loader, KEY_LOGIT_SCALE, &model->logit_scale);
    load_float(loader, KEY_TEMPERATURE, &model->temperature);
    require_positive(loader, KEY_LOGIT_SCALE, model->logit_scale);
    require_positive(loader, KEY_TEMPERATURE, model->temperature);
}

static void load_position_mode(struct loader *loader)
{
    if (loader->status)
        return;
    struct qc_model *model = loader->model;
    struct gguf_text mode = {NULL, 0};
    loader->status = gguf_get_text(&model->gguf, KEY_POSITIONS, false, &mode, loader->message);
    if (!mode.bytes)
        model->positions = model->info.has_positions ? QC_POSITIONS_GRID : QC_POSITIONS_NONE;
    else if (text_is(mode, "none"))
        model->positions = QC_POSITIONS_NONE;
    else if (!text_is(mode, "grid"))
        loader_fail(loader, QC_ERROR_UNSUPPORTED,
                    "key " KEY_POSITIONS " is \"%s\", expected \"none\" or \"grid\"",
                    gguf_label(mode).text);
    else if (!model->info.has_positions)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_POSITIONS " is \"grid\", but there are no positional embeddings");
    else
        model->positions = QC_POSITIONS_GRID;
}

static const char *load_text(struct loader *loader, const char *key)
{
    struct gguf_text text = {"", 0};
    if (!loader->status)
        loader->status = gguf_get_text(&loader->model->gguf, key, false, &text, loader->message);
    return loader_copy_text(loader, text);
}

static void describe(struct loader *loader)
{
    qc_model_info *info = &loader->model->info;
    info->name = load_text(loader, KEY_NAME);
    info->profile = load_text(loader, KEY_PROFILE);
    info->license = load_text(loader, KEY_LICENSE);
    info->source = load_text(loader, KEY_SOURCE);
    info->converter = load_text(loader, KEY_CONVERTER);
    info->pair_count = (uint32_t)loader->model->pair_count;
    info->logit_scale = loader->model->logit_scale;
    info->temperature = loader->model->temperature;
}

void load_recipe(struct loader *loader)
{
    /* Prompts are not parameters of the tower. */
    const uint64_t parameters = loader->model->info.parameter_count;
    load_pixels(loader);
    load_prompts(loader);
    load_pair_names(loader);
    load_scoring(loader);
    load_position_mode(loader);
    describe(loader);
    loader->model->info.parameter_count = parameters;
}
