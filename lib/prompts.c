/*
 * prompts.c - checks the caller's prompts, has texts encoded, copies what a scorer keeps of them.
 */
#include "prompts.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "c_text.h"
#include "format.h"
#include "text.h"
#include "xxh64.h"

/* ------------------------------------------------------------------------------------ checking */

qc_status prompts_check_count(const qc_scorer_options *options, struct message *message)
{
    if (options->prompt_count > QC_PAIRS_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "prompt_count is %zu, expected at most %d",
                    options->prompt_count, QC_PAIRS_MAX);
    if (options->prompt_count && !options->prompts)
        return fail(message, QC_ERROR_ARGUMENT, "prompts is NULL, but prompt_count is %zu",
                    options->prompt_count);
    if (options->prompt_flags & ~QC_TEXT_TRUNCATE)
        return fail(message, QC_ERROR_ARGUMENT,
                    "prompt_flags is %u, expected QC_TEXT_TRUNCATE or 0", options->prompt_flags);
    return QC_OK;
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
    if (!pair->positive_feature) {
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

static qc_status check_text(const qc_model *model, const qc_prompt_pair *pair, size_t index,
                            struct message *message)
{
    if (pair->negative || pair->negative_feature)
        return fail(message, QC_ERROR_ARGUMENT,
                    "prompts[%zu]: has a negative text, as prompts[0] has not", index);
    if (!pair->positive && (!pair->positive_feature || !pair->name))
        return fail(message, QC_ERROR_ARGUMENT, "prompts[%zu]: the text is NULL", index);
    return pair->positive_feature
               ? check_feature(pair->positive_feature, model->feature_size, index, message)
               : text_check(model, message);
}

qc_status prompts_check(const struct recipe *recipe, const qc_model *model,
                        const qc_scorer_options *options, struct message *message)
{
    qc_status status = QC_OK;
    for (size_t i = 0; i < options->prompt_count && !status; i++)
        status = (recipe->readout == QC_READOUT_TEXTS ? check_text : check_pair)(
            model, &options->prompts[i], i, message);
    return status;
}

/* ------------------------------------------------------------------------------------ planning */

static size_t caller_name_size(const qc_prompt_pair *pair)
{
    if (pair->name)
        return text_size(pair->name) + 1;
    return text_size(pair->positive) + 1 + (pair->negative ? 1 + text_size(pair->negative) : 0);
}

static void write_caller_name(const qc_prompt_pair *pair, size_t size, char *name)
{
    if (pair->name || !pair->negative)
        memcpy(name, pair->name ? pair->name : pair->positive, size);
    else
        format_text(name, size, "%s/%s", pair->positive, pair->negative);
}

static char *plan_name(const struct recipe *recipe, const qc_scorer_options *options, size_t index,
                       struct arena *arena)
{
    char text[PROMPT_TEXT_SIZE];
    const bool is_profile = recipe->source == PROMPTS_OF_PROFILE;
    if (is_profile)
        prompt_output_name(recipe->prompts, index, text);
    const size_t size =
        is_profile ? text_size(text) + 1 : caller_name_size(&options->prompts[index]);
    char *name = arena_take(arena, size, 1);
    if (name && is_profile)
        memcpy(name, text, size);
    else if (name)
        write_caller_name(&options->prompts[index], size, name);
    return name;
}

void prompts_plan(struct recipe *recipe, const qc_model *model, const qc_scorer_options *options,
                  struct arena *arena)
{
    if (recipe->source == PROMPTS_OF_MODEL)
        return;
    char **names = arena_take(arena, recipe->output_count, sizeof *names);
    for (size_t i = 0; i < recipe->output_count; i++) {
        char *name = plan_name(recipe, options, i, arena);
        if (names)
            names[i] = name;
    }
    recipe->names = names;
    recipe->features = arena_take(arena, recipe->text_count * model->feature_size, sizeof(float));
}

/* -------------------------------------------------------------------------------------- filling */

static qc_status fill_from_profile(const struct recipe *recipe, const qc_model *model,
                                   float *features, struct message *message)
{
    const size_t count = recipe->text_count;
    uint32_t(*ids)[PROMPT_TOKENS_MAX] = heap_take(count * sizeof *ids);
    struct token_text *texts = heap_take(count * sizeof *texts);
    qc_status status = QC_OK;
    if (!ids || !texts)
        status = fail(message, QC_ERROR_MEMORY, "not enough memory to encode prompts");
    for (size_t i = 0; i < count && !status; i++)
        texts[i] = (struct token_text){ids[i], prompt_tokens(recipe->prompts, i, ids[i]), NULL};
    if (!status)
        status = text_encode_tokens(model, texts, count, features, message);
    heap_give_back(texts);
    heap_give_back(ids);
    return status;
}

/* Texts whose features are wanted, and where they go. */
struct wanted {
    const char *texts[2 * QC_PAIRS_MAX];
    size_t rows[2 * QC_PAIRS_MAX];
    size_t count;
};

static void want(struct wanted *wanted, const char *text, size_t row)
{
    wanted->texts[wanted->count] = text;
    wanted->rows[wanted->count++] = row;
}

static qc_status encode(const struct wanted *wanted, const qc_model *model, bool truncate,
                        float *features, struct message *message)
{
    const size_t size = model->feature_size;
    float *encoded = heap_take(wanted->count * size * sizeof *encoded);
    if (!encoded)
        return fail(message, QC_ERROR_MEMORY, "not enough memory to encode prompts");
    const qc_status status =
        text_encode(model, wanted->texts, wanted->count, truncate, encoded, message);
    for (size_t i = 0; i < wanted->count && !status; i++)
        memcpy(features + wanted->rows[i] * size, encoded + i * size, size * sizeof *features);
    heap_give_back(encoded);
    return status;
}

static qc_status fill_from_caller(const struct recipe *recipe, const qc_model *model,
                                  const qc_scorer_options *options, float *features,
                                  struct message *message)
{
    struct wanted wanted = {.count = 0};
    const size_t size = model->feature_size;
    const size_t each = recipe->text_count / recipe->output_count;
    for (size_t i = 0; i < recipe->text_count; i++) {
        const qc_prompt_pair *pair = &options->prompts[i / each];
        const bool negative = i % each;
        const float *given = negative ? pair->negative_feature : pair->positive_feature;
        if (given)
            memcpy(features + i * size, given, size * sizeof *features);
        else
            want(&wanted, negative ? pair->negative : pair->positive, i);
    }
    return wanted.count
               ? encode(&wanted, model, options->prompt_flags & QC_TEXT_TRUNCATE, features, message)
               : QC_OK;
}

bool prompts_copy(struct recipe *recipe, const struct recipe *from, size_t feature_size)
{
    if (from->source != recipe->source || from->prompts != recipe->prompts ||
        from->text_count != recipe->text_count)
        return false;
    for (size_t i = 0; i < recipe->output_count; i++)
        if (!same_text(recipe->names[i], from->names[i]))
            return false;
    if (recipe->source != PROMPTS_OF_MODEL)
        memcpy((float *)recipe->features, from->features,
               recipe->text_count * feature_size * sizeof *recipe->features);
    return true;
}

qc_status prompts_fill(struct recipe *recipe, const qc_model *model,
                       const qc_scorer_options *options, struct message *message)
{
    float *features = (float *)recipe->features; /* of the arena, and not yet shared */
    if (recipe->source == PROMPTS_OF_PROFILE && recipe->text_count)
        return fill_from_profile(recipe, model, features, message);
    return recipe->source == PROMPTS_OF_CALLER
               ? fill_from_caller(recipe, model, options, features, message)
               : QC_OK;
}

/* ---------------------------------------------------------------------------------------- hash */

/* A chain: the hash so far is the seed of the next part's. */
static uint64_t add_part(uint64_t hash, const char *text, const float *feature, size_t size)
{
    if (text)
        return xxh64(text, text_size(text) + 1, hash);
    return feature ? xxh64(feature, size * sizeof *feature, hash) : hash;
}

void prompts_hash(const qc_scorer_options *options, size_t feature_size,
                  char text[PROMPTS_HASH_SIZE])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < options->prompt_count; i++) {
        const qc_prompt_pair *pair = &options->prompts[i];
        hash = add_part(hash, pair->positive, pair->positive_feature, feature_size);
        hash = add_part(hash, pair->negative, pair->negative_feature, feature_size);
    }
    format_text(text, PROMPTS_HASH_SIZE, "xxh64:%016" PRIx64, hash);
}
