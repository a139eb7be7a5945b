/*
 * prompts.c - checks the caller's prompts, has them encoded, copies what a scorer keeps of them.
 */
#include "prompts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static bool has_features(const qc_prompt_pair *pair)
{
    return pair->positive_feature != NULL;
}

static qc_status check_feature(const float *feature, size_t size, size_t pair,
                               struct message *message)
{
    double squares = 0;
    for (size_t i = 0; i < size; i++)
        squares += (double)feature[i] * feature[i];
    return fabs(squares - 1) <= 1e-3
               ? QC_OK
               : fail(message, QC_ERROR_ARGUMENT,
                      "prompts[%zu]: a feature has the length %g, expected 1", pair, sqrt(squares));
}

static qc_status check_pair(const qc_model *model, const qc_prompt_pair *pair, size_t index,
                            struct message *message)
{
    if (!pair->positive_feature != !pair->negative_feature)
        return fail(message, QC_ERROR_ARGUMENT, "prompts[%zu]: one of two features is NULL", index);
    if (!has_features(pair)) {
        if (!pair->positive || !pair->negative)
            return fail(message, QC_ERROR_ARGUMENT, "prompts[%zu]: a text is NULL", index);
        return text_check(model, message);
    }
    if (!pair->name && (!pair->positive || !pair->negative))
        return fail(message, QC_ERROR_ARGUMENT, "prompts[%zu]: has neither texts nor a name",
                    index);
    const qc_status status =
        check_feature(pair->positive_feature, model->feature_size, index, message);
    return status ? status
                  : check_feature(pair->negative_feature, model->feature_size, index, message);
}

qc_status prompts_check(const qc_model *model, const qc_scorer_options *options,
                        struct message *message)
{
    if (options->prompt_count > QC_PAIRS_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "prompt_count is %zu, expected at most %d",
                    options->prompt_count, QC_PAIRS_MAX);
    if (options->prompt_count && !options->prompts)
        return fail(message, QC_ERROR_ARGUMENT, "prompts is NULL, but prompt_count is %zu",
                    options->prompt_count);
    if (options->prompt_flags & ~QC_TEXT_TRUNCATE)
        return fail(message, QC_ERROR_ARGUMENT,
                    "prompt_flags is %u, expected QC_TEXT_TRUNCATE or 0",
                    options->prompt_flags);
    qc_status status = QC_OK;
    for (size_t i = 0; i < options->prompt_count && !status; i++)
        status = check_pair(model, &options->prompts[i], i, message);
    return status;
}

static size_t name_size(const qc_prompt_pair *pair)
{
    return pair->name ? strlen(pair->name) + 1
                      : strlen(pair->positive) + strlen("/") + strlen(pair->negative) + 1;
}

void prompts_plan(struct prompts *prompts, const qc_model *model, const qc_scorer_options *options,
                  struct arena *arena)
{
    if (!options->prompt_count) {
        *prompts = (struct prompts){model->pair_count, model->prompt_features, model->pair_names};
        return;
    }
    const size_t count = options->prompt_count;
    char **names = arena_take(arena, count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const qc_prompt_pair *pair = &options->prompts[i];
        char *name = arena_take(arena, name_size(pair), 1);
        if (!name)
            continue;
        names[i] = name;
        if (pair->name)
            strcpy(name, pair->name);
        else
            sprintf(name, "%s/%s", pair->positive, pair->negative);
    }
    prompts->count = count;
    prompts->names = names;
    prompts->features = arena_take(arena, 2 * count * model->feature_size, sizeof(float));
}

/* Texts whose features are wanted, and where they go. */
struct wanted {
    const char *texts[2 * QC_PAIRS_MAX];
    size_t rows[2 * QC_PAIRS_MAX];
    size_t count;
};

static qc_status encode(const struct wanted *wanted, const qc_model *model, bool truncate,
                        float *features, struct message *message)
{
    const size_t size = model->feature_size;
    float *encoded = malloc(wanted->count * size * sizeof *encoded);
    if (!encoded)
        return fail(message, QC_ERROR_MEMORY, "not enough memory to encode prompts");
    const qc_status status =
        text_encode(model, wanted->texts, wanted->count, truncate, encoded, message);
    for (size_t i = 0; i < wanted->count && !status; i++)
        memcpy(features + wanted->rows[i] * size, encoded + i * size, size * sizeof *features);
    free(encoded);
    return status;
}

qc_status prompts_fill(struct prompts *prompts, const qc_model *model,
                       const qc_scorer_options *options, struct message *message)
{
    struct wanted wanted = {.count = 0};
    float *features = (float *)prompts->features;
    const size_t size = model->feature_size;
    for (size_t i = 0; i < options->prompt_count; i++) {
        const qc_prompt_pair *pair = &options->prompts[i];
        if (has_features(pair)) {
            memcpy(features + 2 * i * size, pair->positive_feature, size * sizeof *features);
            memcpy(features + (2 * i + 1) * size, pair->negative_feature, size * sizeof *features);
            continue;
        }
        wanted.rows[wanted.count] = 2 * i;
        wanted.texts[wanted.count++] = pair->positive;
        wanted.rows[wanted.count] = 2 * i + 1;
        wanted.texts[wanted.count++] = pair->negative;
    }
    return wanted.count ? encode(&wanted, model, options->prompt_flags & QC_TEXT_TRUNCATE,
                                 features, message)
                        : QC_OK;
}
