/*
 * model_text.c - the text tower and the vocabulary out of a model file, under clip.cpp's names.
 *
 * Numbers are not looked at here: most models with a text tower are opened to score images by
 * prompts that are stored, and 250 MB need not be read for that.  text.c looks where it matters.
 */
#include "model_load.h"

#include <string.h>

#define HEAD_SIZE          64
#define MAX_CONTEXT        4096
#define MAX_TOKENS         (1 << 24)
#define TOKEN_EMBEDDING    "t.token_embd.weight"
#define POSITION_EMBEDDING "t.position_embd.weight"

static void load_sizes(struct loader *loader, struct text_tower *text)
{
    text->width = load_size(loader, KEY_TEXT_WIDTH, 0, 1, MAX_WIDTH);
    const uint32_t width = (uint32_t)text->width;
    text->mlp_width = load_size(loader, KEY_TEXT_MLP_WIDTH, 0, 1, 16 * MAX_WIDTH);
    text->layers = load_size(loader, KEY_TEXT_LAYERS, 0, 1, MAX_LAYERS);
    text->heads = load_size(loader, KEY_TEXT_HEADS, width / HEAD_SIZE, 1, width);
    text->context_length = load_size(loader, KEY_TEXT_CONTEXT, 0, 2, MAX_CONTEXT);
    const size_t feature_size =
        load_size(loader, KEY_TEXT_PROJECTION, (uint32_t)loader->model->feature_size, 1, MAX_WIDTH);
    if (loader->status)
        return;
    if (width % text->heads)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_TEXT_HEADS " is %zu, expected a divisor of the width %lu",
                    text->heads, (unsigned long)width);
    if (feature_size != loader->model->feature_size)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_TEXT_PROJECTION " is %zu, expected %zu as the image tower has",
                    feature_size, loader->model->feature_size);
}

static void load_arithmetic(struct loader *loader, struct text_tower *text)
{
    if (loader->status)
        return;
    const struct gguf *gguf = &loader->model->gguf;
    bool gelu = false;
    text->epsilon = 1e-5f;
    if ((loader->status = gguf_get_bool(gguf, KEY_USE_GELU, false, &gelu, loader->message)) ||
        (loader->status =
             gguf_get_f32(gguf, KEY_TEXT_EPSILON, false, &text->epsilon, loader->message)))
        return;
    text->activation = gelu ? ACTIVATION_GELU : ACTIVATION_QUICK_GELU;
    if (!(text->epsilon > 0 && text->epsilon < 1))
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_TEXT_EPSILON " is %g, expected above 0, below 1",
                    (double)text->epsilon);
}

static void load_embeddings(struct loader *loader, struct text_tower *text)
{
    const struct gguf_tensor *tensor = gguf_find_tensor(&loader->model->gguf, TOKEN_EMBEDDING);
    if (!loader->status && tensor && tensor->shape[1] > MAX_TOKENS)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "tensor " TOKEN_EMBEDDING " has %llu rows, expected at most %d",
                    (unsigned long long)tensor->shape[1], MAX_TOKENS);
    text->token_count = tensor && !loader->status ? (size_t)tensor->shape[1] : 1;
    text->token_embedding =
        load_matrix(loader, TOKEN_EMBEDDING, (struct shape){{text->token_count, text->width}});
    text->position_embedding = load_floats(loader, POSITION_EMBEDDING,
                                           (struct shape){{text->context_length, text->width}});
}

/* An array of strings, or NULL where the file has none of that name. */
static const struct gguf_value *load_strings(struct loader *loader, const char *key)
{
    const struct gguf_value *value = gguf_find_value(&loader->model->gguf, key);
    if (value && (value->type != GGUF_ARRAY || value->array_type != GGUF_STRING))
        loader_fail(loader, QC_ERROR_FORMAT, "key %s: expected an array of strings", key);
    return value;
}

static void load_vocabulary(struct loader *loader, struct text_tower *text)
{
    text->tokens = load_strings(loader, KEY_TOKENS);
    text->merges = load_strings(loader, KEY_MERGES);
    if (loader->status)
        return;
    if (text->merges && !text->tokens)
        loader_fail(loader, QC_ERROR_FORMAT, "key " KEY_TOKENS " is missing, but there are merges");
    else if (text->tokens && text->tokens->count != text->token_count)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_TOKENS
                    " has %llu strings, expected %zu, the rows of " TOKEN_EMBEDDING,
                    (unsigned long long)text->tokens->count, text->token_count);
    else if (text->merges && text->merges->count > MAX_TOKENS)
        loader_fail(loader, QC_ERROR_FORMAT,
                    "key " KEY_MERGES " has %llu strings, expected at most %d",
                    (unsigned long long)text->merges->count, MAX_TOKENS);
}

void load_text_tower(struct loader *loader)
{
    struct qc_model *model = loader->model;
    struct text_tower *text = &model->text;
    if (loader->status)
        return;
    loader->status =
        gguf_get_bool(&model->gguf, KEY_HAS_TEXT, false, &model->has_text, loader->message);
    if (loader->status || !model->has_text)
        return;
    /* What qc_model_info tells is of the image tower. */
    const struct loader before = *loader;
    const uint64_t parameters = model->info.parameter_count;
    loader->skip_numbers = true;
    load_sizes(loader, text);
    load_arithmetic(loader, text);
    load_embeddings(loader, text);
    text->blocks = loader_allocate(loader, text->layers, sizeof *text->blocks);
    for (size_t i = 0; i < text->layers && !loader->status; i++)
        load_transformer_block(loader, &text->blocks[i], 't', i, text->width, text->mlp_width);
    text->final_norm = load_norm(loader, "t.post_ln", text->width);
    text->projection = load_matrix(loader, "text_projection.weight",
                                   (struct shape){{model->feature_size, text->width}});
    load_vocabulary(loader, text);
    text->tokenizer = loader_allocate(loader, 1, sizeof *text->tokenizer);
    if (text->tokenizer)
        atomic_init(&text->tokenizer->made, NULL);
    loader->skip_numbers = false;
    memcpy(loader->matrix_numbers, before.matrix_numbers, sizeof before.matrix_numbers);
    model->info.parameter_count = parameters;
    model->info.has_text = text->tokens != NULL;
    model->info.has_text_tower = true;
    model->info.text_width = (uint32_t)text->width;
}
