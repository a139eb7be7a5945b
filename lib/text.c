/*
 * text.c - CLIP's text tower: embeddings, causal transformer blocks, the row of the end token.
 *
 * No token sees a later one, so nothing behind the end token is computed.  Several texts go through
 * a layer together, their tokens one after the other; attention alone keeps them apart.
 */
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "map_file.h"
#include "model_tokenizer.h"
#include "score.h"

/* Tokens that go through the tower at once, unless one text has more: enough to reuse weights. */
#define GROUP_TOKENS 512

static const struct rows NO_RESIDUAL = {NULL, 0};

/* --------------------------------------------------------------------------------- vocabulary */

static qc_status check_tower(const struct qc_model *model, struct message *message)
{
    if (!model->has_text)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "the model %s has no text tower: convert its checkpoint with a vocabulary",
                    model->info.name);
    return QC_OK;
}

qc_status text_check(const struct qc_model *model, struct message *message)
{
    const qc_status status = check_tower(model, message);
    if (!status && !model->text.tokens)
        return fail(message, QC_ERROR_UNSUPPORTED,
                    "the model %s has a text tower, but no vocabulary (key " KEY_TOKENS ")",
                    model->info.name);
    return status;
}

/* -------------------------------------------------------------------------------------- tower */

/* Ids of texts: text i has those from i * room on. */
struct token_list {
    uint32_t *ids;
    size_t *counts; /* up to the end token, it included */
    size_t room;
    const struct token_text *sources; /* of those given as ids: where vectors are; else NULL */
};

struct text_workspace {
    struct layers layers;
    struct rows tokens, normed, hidden, last;
    size_t *segments, *last_segments;
    void *block;
};

/* A group of texts: all that fit, at least one. */
struct group {
    size_t first, count, tokens;
};

static struct rows plan_rows(struct arena *arena, size_t count, size_t columns)
{
    struct rows rows = {.stride = row_stride(columns)};
    rows.data = arena_take(arena, count * rows.stride, sizeof(float));
    return rows;
}

static size_t tower_scratch(const struct qc_model *model)
{
    const struct text_tower *text = &model->text;
    const struct linear projection = {text->projection, NULL};
    const kernel_set *kernels = model->kernels;
    size_t bytes = linear_scratch(kernels, &projection);
    for (size_t i = 0; i < text->layers; i++) {
        const struct vit_block *block = &text->blocks[i];
        const struct linear *all[] = {&block->query, &block->key, &block->value,
                                      &block->out,   &block->fc1, &block->fc2};
        for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
            bytes = larger(bytes, linear_scratch(kernels, all[k]));
    }
    for (size_t tokens = 1; tokens <= text->context_length; tokens++)
        bytes = larger(bytes, sizeof(float) *
                                  kernels->attention_scratch(1, tokens, text->width / text->heads));
    return (bytes + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
}

static void plan(struct text_workspace *workspace, const struct qc_model *model,
                 const struct group *largest, struct arena *arena)
{
    const struct text_tower *text = &model->text;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    workspace->layers.kernels = model->kernels;
    workspace->layers.threads = threads_plan(arena, &options);
    workspace->layers.scratch_size = tower_scratch(model);
    workspace->layers.scratch = arena_take(arena, 1, workspace->layers.scratch_size);
    workspace->tokens = plan_rows(arena, largest->tokens, text->width);
    workspace->normed = plan_rows(arena, largest->tokens, text->width);
    workspace->hidden = plan_rows(arena, largest->tokens, larger(3 * text->width, text->mlp_width));
    workspace->last = plan_rows(arena, largest->count, text->width);
    workspace->segments = arena_take(arena, largest->count + 1, sizeof(size_t));
    workspace->last_segments = arena_take(arena, largest->count + 1, sizeof(size_t));
}

static qc_status open_workspace(struct text_workspace *workspace, const struct qc_model *model,
                                const struct group *largest, struct message *message)
{
    struct arena arena = {0};
    plan(workspace, model, largest, &arena);
    void *block = arena.overflow ? NULL : aligned_alloc(ARENA_ALIGNMENT, arena.used);
    if (!block)
        return fail(message, QC_ERROR_MEMORY, "not enough memory to encode a text");
    arena = (struct arena){.base = block};
    plan(workspace, model, largest, &arena);
    workspace->block = block;
    qc_scorer_options options;
    qc_scorer_options_init(&options);
    const qc_status status = threads_start(workspace->layers.threads, &options, message);
    if (status)
        free(block);
    return status;
}

static void close_workspace(struct text_workspace *workspace)
{
    threads_stop(workspace->layers.threads);
    free(workspace->block);
}

/* A token's embedding, or the next of the text's own vectors. */
static void embed_token(const struct qc_model *model, uint32_t id, const float **vector, float *row)
{
    const struct matrix *table = &model->text.token_embedding;
    const size_t width = model->text.width, size = number_size(table->type);
    if (id == QC_TOKEN_VECTOR) {
        memcpy(row, *vector, width * sizeof *row);
        *vector += width;
    } else {
        model->kernels->widen(row, (const char *)table->data + id * width * size, table->type,
                              width);
    }
}

static void embed_tokens(const struct qc_model *model, struct text_workspace *workspace,
                         const struct token_list *list, const struct group *group)
{
    const struct text_tower *text = &model->text;
    workspace->segments[0] = workspace->last_segments[0] = 0;
    for (size_t i = 0; i < group->count; i++) {
        const size_t index = group->first + i;
        const size_t first = workspace->segments[i], count = list->counts[index];
        const float *vector = list->sources ? list->sources[index].vectors : NULL;
        for (size_t t = 0; t < count; t++) {
            float *row = workspace->tokens.data + (first + t) * workspace->tokens.stride;
            embed_token(model, list->ids[index * list->room + t], &vector, row);
            const float *position = text->position_embedding + t * text->width;
            for (size_t c = 0; c < text->width; c++)
                row[c] += position[c];
        }
        workspace->segments[i + 1] = first + count;
        workspace->last_segments[i + 1] = i + 1;
    }
}

/* Queries, keys, values in workspace->hidden -> workspace->normed: each row over those before. */
static void attend(const struct qc_model *model, const struct text_workspace *workspace,
                   size_t texts)
{
    const size_t width = model->text.width, size = width / model->text.heads;
    const struct rows hidden = workspace->hidden, out = workspace->normed;
    for (size_t i = 0; i < texts; i++) {
        const size_t first = workspace->segments[i], end = workspace->segments[i + 1];
        for (size_t row = first; row < end; row++)
            for (size_t channel = 0; channel < width; channel += size) {
                const float *keys = hidden.data + first * hidden.stride + width + channel;
                const attention_call call = {.q = hidden.data + row * hidden.stride + channel,
                                             .k = keys,
                                             .v = keys + width,
                                             .queries = 1,
                                             .tokens = row - first + 1,
                                             .size = size,
                                             .stride = hidden.stride,
                                             .scale = 1 / sqrtf((float)size),
                                             .out = out.data + row * out.stride + channel,
                                             .out_stride = out.stride};
                model->kernels->attention(&call, (float *)workspace->layers.scratch);
            }
    }
}

static void block_forward(const struct qc_model *model, const struct vit_block *block,
                          const struct text_workspace *workspace, size_t texts)
{
    const struct text_tower *text = &model->text;
    const struct layers *layers = &workspace->layers;
    const size_t *segments = workspace->segments, count = segments[texts];
    const struct rows tokens = workspace->tokens, normed = workspace->normed;
    const struct rows hidden = workspace->hidden;
    const struct linear *parts[] = {&block->query, &block->key, &block->value};
    norm_forward(layers, &block->norm1, text->epsilon, tokens, count, text->width, normed);
    for (size_t i = 0; i < 3; i++)
        linear_forward(layers, parts[i], floats(normed), segments, texts, ACTIVATION_NONE,
                       NO_RESIDUAL, (struct rows){hidden.data + i * text->width, hidden.stride});
    attend(model, workspace, texts);
    linear_forward(layers, &block->out, floats(normed), segments, texts, ACTIVATION_NONE, tokens,
                   tokens);
    norm_forward(layers, &block->norm2, text->epsilon, tokens, count, text->width, normed);
    linear_forward(layers, &block->fc1, floats(normed), segments, texts, text->activation,
                   NO_RESIDUAL, hidden);
    linear_forward(layers, &block->fc2, floats(hidden), segments, texts, ACTIVATION_NONE, tokens,
                   tokens);
}

/* Texts are rare and their tower is large: of a mapped file, it is not kept in memory. */
static void release_matrix(const struct qc_model *model, const struct matrix *matrix)
{
    if (model->mapped)
        release_mapped(matrix->data, matrix->outputs * matrix->inputs * number_size(matrix->type));
}

static void release_block(const struct qc_model *model, const struct vit_block *block)
{
    const struct linear *all[] = {&block->query, &block->key, &block->value,
                                  &block->out,   &block->fc1, &block->fc2};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        release_matrix(model, &all[i]->weight);
}

/* The group's features, not of unit length. */
static void encode_group(const struct qc_model *model, struct text_workspace *workspace,
                         const struct token_list *list, const struct group *group, float *features)
{
    const struct text_tower *text = &model->text;
    const struct rows tokens = workspace->tokens, last = workspace->last;
    embed_tokens(model, workspace, list, group);
    release_matrix(model, &text->token_embedding);
    for (size_t i = 0; i < text->layers; i++) {
        block_forward(model, &text->blocks[i], workspace, group->count);
        release_block(model, &text->blocks[i]);
    }
    for (size_t i = 0; i < group->count; i++)
        memcpy(last.data + i * last.stride,
               tokens.data + (workspace->segments[i + 1] - 1) * tokens.stride,
               text->width * sizeof(float));
    norm_forward(&workspace->layers, &text->final_norm, text->epsilon, last, group->count,
                 text->width, last);
    const struct linear projection = {text->projection, NULL};
    linear_forward(&workspace->layers, &projection, floats(last), workspace->last_segments,
                   group->count, ACTIVATION_NONE, NO_RESIDUAL,
                   (struct rows){features, model->feature_size});
}

/* The tensor to blame for a feature that is not a number. */
static qc_status explain(const struct qc_model *model, struct message *message)
{
    for (uint64_t i = 0; i < model->gguf.tensor_count; i++) {
        const struct gguf_tensor *tensor = &model->gguf.tensors[i];
        const struct gguf_label name = gguf_label(tensor->name);
        const bool is_text =
            strncmp(name.text, "t.", 2) == 0 || strncmp(name.text, "text_", 5) == 0;
        number_type type;
        if (is_text && number_type_of(tensor->type, &type) &&
            !model->kernels->all_finite(tensor->data, type, tensor->count))
            return fail(message, QC_ERROR_FORMAT,
                        "the model %s: tensor %s holds a number that is not finite",
                        model->info.name, name.text);
    }
    return fail(message, QC_ERROR_NUMERIC,
                "a text's feature is zero or not finite: the model %s overflows on it",
                model->info.name);
}

/* --------------------------------------------------------------------------------------- whole */

/* CLIP takes the row of the largest id, the first if there are several: the end token. */
static size_t through_end_token(const uint32_t *ids, size_t count)
{
    size_t largest = 0;
    for (size_t i = 1; i < count; i++)
        if (ids[i] > ids[largest])
            largest = i;
    return largest + 1;
}

static qc_status tokenize(const struct qc_model *model, const char *const *texts, size_t count,
                          bool truncate, struct token_list *list, struct message *message)
{
    const struct tokenizer *tokenizer;
    qc_status status = model_tokenizer(model, &tokenizer, message);
    for (size_t i = 0; i < count && !status; i++) {
        uint32_t *ids = list->ids + i * list->room;
        status = tokenizer_encode(tokenizer, texts[i], truncate, ids, list->room, &list->counts[i],
                                  message);
        if (!status)
            list->counts[i] = through_end_token(ids, list->counts[i]);
    }
    return status;
}

static struct group next_group(const struct token_list *list, size_t first, size_t count)
{
    struct group group = {first, 1, list->counts[first]};
    while (first + group.count < count &&
           group.tokens + list->counts[first + group.count] <= GROUP_TOKENS)
        group.tokens += list->counts[first + group.count++];
    return group;
}

static qc_status encode_all(const struct qc_model *model, const struct token_list *list,
                            size_t count, float *features, struct message *message)
{
    struct group largest = {0};
    for (size_t first = 0; first < count;) {
        const struct group group = next_group(list, first, count);
        largest.count = larger(largest.count, group.count);
        largest.tokens = larger(largest.tokens, group.tokens);
        first += group.count;
    }
    struct text_workspace workspace = {0};
    qc_status status = open_workspace(&workspace, model, &largest, message);
    if (status)
        return status;
    for (size_t first = 0; first < count;) {
        const struct group group = next_group(list, first, count);
        encode_group(model, &workspace, list, &group, features + first * model->feature_size);
        first += group.count;
    }
    close_workspace(&workspace);
    for (size_t i = 0; i < count && !status; i++)
        if (!unit_length(features + i * model->feature_size, model->feature_size))
            status = explain(model, message);
    return status;
}

qc_status text_encode(const struct qc_model *model, const char *const *texts, size_t count,
                      bool truncate, float *features, struct message *message)
{
    qc_status status = text_check(model, message);
    if (status || !count)
        return status;
    struct token_list list = {.room = model->text.context_length};
    list.ids = malloc(count * list.room * sizeof *list.ids);
    list.counts = malloc(count * sizeof *list.counts);
    if (!list.ids || !list.counts)
        status = fail(message, QC_ERROR_MEMORY, "not enough memory for %zu texts", count);
    if (!status)
        status = tokenize(model, texts, count, truncate, &list, message);
    if (!status)
        status = encode_all(model, &list, count, features, message);
    free(list.ids);
    free(list.counts);
    return status;
}

static qc_status check_tokens(const struct qc_model *model, const struct token_text *text,
                              struct message *message)
{
    if (text->count < 1 || text->count > model->text.context_length)
        return fail(message, QC_ERROR_ARGUMENT, "a text has %zu tokens, expected 1 to %zu",
                    text->count, model->text.context_length);
    if (text->ids[text->count - 1] == QC_TOKEN_VECTOR)
        return fail(message, QC_ERROR_ARGUMENT,
                    "a text ends with a vector, expected the end token");
    for (size_t i = 0; i < text->count; i++) {
        if (text->ids[i] == QC_TOKEN_VECTOR && !text->vectors)
            return fail(message, QC_ERROR_ARGUMENT, "token %zu is a vector, but vectors is NULL",
                        i);
        if (text->ids[i] != QC_TOKEN_VECTOR && text->ids[i] >= model->text.token_count)
            return fail(message, QC_ERROR_ARGUMENT, "token %zu is %lu, expected below %zu", i,
                        (unsigned long)text->ids[i], model->text.token_count);
    }
    return QC_OK;
}

qc_status text_encode_tokens(const struct qc_model *model, const struct token_text *texts,
                             size_t count, float *features, struct message *message)
{
    qc_status status = check_tower(model, message);
    if (status || !count)
        return status;
    struct token_list list = {.room = model->text.context_length, .sources = texts};
    list.ids = malloc(count * list.room * sizeof *list.ids);
    list.counts = malloc(count * sizeof *list.counts);
    if (!list.ids || !list.counts)
        status = fail(message, QC_ERROR_MEMORY, "not enough memory for %zu texts", count);
    for (size_t i = 0; i < count && !status; i++) {
        status = check_tokens(model, &texts[i], message);
        if (status)
            break;
        memcpy(list.ids + i * list.room, texts[i].ids, texts[i].count * sizeof *list.ids);
        list.counts[i] = texts[i].count;
    }
    if (!status)
        status = encode_all(model, &list, count, features, message);
    free(list.ids);
    free(list.counts);
    return status;
}

/* -------------------------------------------------------------------------------------- public */

qc_status qc_tokenize(const qc_model *model, const char *text, unsigned flags, uint32_t *ids,
                      size_t room, size_t *count, char *message_text, size_t message_size)
{
    struct message message = {message_text, message_size};
    if (message_text && message_size)
        message_text[0] = '\0';
    if (count)
        *count = 0;
    if (!model || !text || !ids || !count || room < 2 || flags & ~QC_TEXT_TRUNCATE)
        return fail(&message, QC_ERROR_ARGUMENT,
                    "model, text, ids or count is NULL, room is below 2, or flags is unknown");
    const struct tokenizer *tokenizer;
    qc_status status = text_check(model, &message);
    if (!status)
        status = model_tokenizer(model, &tokenizer, &message);
    if (!status)
        status =
            tokenizer_encode(tokenizer, text, flags & QC_TEXT_TRUNCATE, ids, room, count, &message);
    return status;
}

qc_status qc_embed_text(const qc_model *model, const char *text, unsigned flags, float *feature,
                        char *message_text, size_t message_size)
{
    struct message message = {message_text, message_size};
    if (message_text && message_size)
        message_text[0] = '\0';
    if (!model || !text || !feature || flags & ~QC_TEXT_TRUNCATE)
        return fail(&message, QC_ERROR_ARGUMENT,
                    "model, text or feature is NULL, or flags is unknown");
    const qc_status status =
        text_encode(model, &text, 1, flags & QC_TEXT_TRUNCATE, feature, &message);
    if (status)
        memset(feature, 0, model->feature_size * sizeof *feature);
    return status;
}

qc_status qc_embed_tokens(const qc_model *model, const uint32_t *ids, size_t count,
                          const float *vectors, float *feature, char *message_text,
                          size_t message_size)
{
    struct message message = {message_text, message_size};
    if (message_text && message_size)
        message_text[0] = '\0';
    if (!model || !ids || !feature)
        return fail(&message, QC_ERROR_ARGUMENT, "model, ids or feature is NULL");
    const struct token_text text = {ids, count, vectors};
    const qc_status status = text_encode_tokens(model, &text, 1, feature, &message);
    if (status)
        memset(feature, 0, model->feature_size * sizeof *feature);
    return status;
}
