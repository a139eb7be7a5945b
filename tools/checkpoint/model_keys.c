/*
 * model_keys.c - where the file comes from, what its towers are, how it scores.  Decides nothing.
 */
#include "model_keys.h"

#include <stdio.h>
#include <string.h>

#include "problem.h"
#include "source.h"

static void put_source(struct gguf_writer *writer, const struct source *source,
                       const char *file_key, const char *hash_key)
{
    if (!source->is_open)
        return;
    gguf_put_string(writer, file_key, base_name(source->checkpoint.path));
    gguf_put_string(writer, hash_key, source->hash);
}

static void put_provenance(struct gguf_writer *writer, const struct job *job)
{
    const struct conversion *conversion = job->conversion;
    char name[256], converter[64];
    source_name(conversion->checkpoint_path, name, sizeof name);
    snprintf(converter, sizeof converter, "qualiclip %s", qc_version());
    gguf_put_string(writer, KEY_ARCHITECTURE, "clip");
    gguf_put_string(writer, KEY_NAME, conversion->name ? conversion->name : name);
    if (conversion->license)
        gguf_put_string(writer, KEY_LICENSE, conversion->license);
    put_source(writer, &job->image, KEY_SOURCE, KEY_SOURCE_HASH);
    put_source(writer, &job->text, KEY_TEXT_SOURCE, KEY_TEXT_SOURCE_HASH);
    put_source(writer, &job->context, KEY_CONTEXT_SOURCE, KEY_CONTEXT_SOURCE_HASH);
    put_source(writer, &job->low_level, KEY_LOW_LEVEL_SOURCE, KEY_LOW_LEVEL_SOURCE_HASH);
    gguf_put_string(writer, KEY_CONVERTER, converter);
}

static void put_tower(struct gguf_writer *writer, const struct job *job)
{
    const struct tower *tower = &job->result->tower;
    const struct published_config *config = &job->image.config;
    static const float mean[] = {0.48145466f, 0.4578275f, 0.40821073f};
    static const float deviation[] = {0.26862954f, 0.26130258f, 0.27577711f};
    gguf_put_bool(writer, KEY_HAS_VISION, true);
    gguf_put_string(writer, KEY_TOWER, tower->is_resnet ? "resnet" : "vit");
    gguf_put_u32(writer, KEY_WIDTH, tower->width);
    gguf_put_u32(writer, KEY_HEADS, tower->heads);
    gguf_put_u32(writer, KEY_PROJECTION, tower->feature_size);
    if (tower->grid)
        gguf_put_u32(writer, KEY_IMAGE_SIZE, tower->grid * tower->patch_size);
    if (tower->is_resnet) {
        gguf_put_u32s(writer, KEY_STAGE_BLOCKS, tower->blocks, 4);
    } else {
        gguf_put_u32(writer, KEY_PATCH_SIZE, tower->patch_size);
        gguf_put_u32(writer, KEY_MLP_WIDTH, tower->mlp_width);
        gguf_put_u32(writer, KEY_LAYERS, tower->layers);
        gguf_put_f32(writer, KEY_EPSILON, (float)tower->epsilon);
    }
    /* One key for both towers, which agree: see sources.c. */
    if (!tower->is_resnet || job->result->keeps_text)
        gguf_put_bool(writer, KEY_USE_GELU, tower->is_resnet ? job->text_gelu : job->image_gelu);
    gguf_put_f32s(writer, KEY_IMAGE_MEAN, config->pixels_path ? config->mean : mean, 3);
    gguf_put_f32s(writer, KEY_IMAGE_STD, config->pixels_path ? config->deviation : deviation, 3);
}

static void put_output_names(struct gguf_writer *writer, const struct job *job)
{
    const struct scoring *scoring = &job->scoring;
    char buffers[QC_PAIRS_MAX][PROMPT_TEXT_SIZE];
    const char *names[QC_PAIRS_MAX];
    for (size_t i = 0; i < scoring->output_count; i++) {
        names[i] = buffers[i];
        if (scoring->origin == PROMPTS_OWN)
            names[i] = job->conversion->prompts[i].name;
        else
            scoring_output_name(scoring, i, buffers[i]);
    }
    if (scoring->output_count)
        gguf_put_strings(writer, KEY_PAIR_NAMES, names, scoring->output_count);
}

static void put_scoring(struct gguf_writer *writer, const struct job *job)
{
    static const char *const readouts[] = {"pairs", "levels", "texts"};
    static const char *const positions[] = {"", "none", "grid", "flat"};
    static const char *const sizes[] = {"", "native", "crop", "long=", "tiles"};
    const struct scoring *scoring = &job->scoring;
    char size[32];
    int used = snprintf(size, sizeof size, "%s", sizes[scoring->size_rule]);
    if (scoring->size_pixels)
        snprintf(size + used, sizeof size - (size_t)used, "%u", (unsigned)scoring->size_pixels);
    gguf_put_string(writer, KEY_PROFILE, scoring->name);
    gguf_put_string(writer, KEY_READOUT, readouts[scoring->readout]);
    gguf_put_string(writer, KEY_SIZE, size);
    gguf_put_string(writer, KEY_POSITIONS, positions[scoring->positions]);
    gguf_put_f32(writer, KEY_LOGIT_SCALE, (float)job->logit_scale);
    gguf_put_f32(writer, KEY_TEMPERATURE, scoring->temperature);
    put_output_names(writer, job);
}

void put_model_keys(struct gguf_writer *writer, const struct job *job)
{
    const struct tower *tower = &job->result->tower;
    put_provenance(writer, job);
    put_tower(writer, job);
    if (job->result->keeps_text)
        put_text(writer, &job->text_sizes, tower->feature_size, &job->vocabulary);
    if (job->low_level.is_open)
        put_low_level(writer, &job->low_level_part, job->conversion->pristine);
    put_scoring(writer, job);
}
