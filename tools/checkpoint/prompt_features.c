/*
 * prompt_features.c - opens the text tower's model file with the library and asks for a feature
 * after the other.  A learned context is put around a text's own tokens as CLIP-IQA does it.
 */
#include "prompt_features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "problem.h"

/* A text: what it reads, and for a profile's its tokens. */
struct text {
    const char *words;
    char buffer[PROMPT_TEXT_SIZE];
    uint32_t *ids; /* NULL: the vocabulary has to tell */
    size_t id_count;
    const float *vectors;
};

static size_t count_texts(const struct prompt_texts *texts)
{
    if (!texts->prompt_count)
        return prompt_count(texts->set);
    return (texts->prompts[0].negative ? 2 : 1) * texts->prompt_count;
}

static size_t put_vectors(uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ids[i] = QC_TOKEN_VECTOR;
    return count;
}

/* Start token, first half of the context, own tokens, second half, end token. */
static void put_context(struct text *text, const struct context *context, size_t index)
{
    uint32_t own[PROMPT_TOKENS_MAX];
    const size_t half = context->length / 2, count = text->id_count;
    memcpy(own, text->ids, count * sizeof *own);
    size_t at = 1;
    at += put_vectors(text->ids + at, half);
    for (size_t i = 1; i + 1 < count; i++)
        text->ids[at++] = own[i];
    at += put_vectors(text->ids + at, half);
    text->ids[at++] = own[count - 1];
    text->id_count = at;
    text->vectors = context_of(context, index);
}

/* `ids` has room for any text. */
static struct text text_at(const struct prompt_texts *texts, size_t index, uint32_t *ids)
{
    struct text text = {0};
    if (texts->prompt_count) {
        const bool pairs = texts->prompts[0].negative != NULL;
        const qc_prompt_pair *prompt = &texts->prompts[pairs ? index / 2 : index];
        text.words = pairs && index % 2 ? prompt->negative : prompt->positive;
        return text;
    }
    prompt_text(texts->set, index, text.buffer);
    text.ids = ids;
    text.id_count = prompt_tokens(texts->set, index, ids);
    if (texts->context)
        put_context(&text, texts->context, index);
    return text;
}

static void note_text(const struct prompt_texts *texts, const struct text *text, note_line *note,
                      void *context)
{
    char line[QC_MESSAGE_SIZE];
    int used = snprintf(line, sizeof line, "qualiclip.prompts <- encoded \"%.200s\"",
                        text->words ? text->words : text->buffer);
    if (texts->context)
        snprintf(line + used, sizeof line - (size_t)used, " in a learned context of %zu vectors",
                 texts->context->length);
    make_printable(line);
    note(context, line);
}

static bool encode(const qc_model *model, const struct text *text, bool truncate, float *feature,
                   char *message)
{
    char reason[QC_MESSAGE_SIZE] = "";
    const qc_status status =
        text->ids ? qc_embed_tokens(model, text->ids, text->id_count, text->vectors, feature,
                                    reason, sizeof reason)
                  : qc_embed_text(model, text->words, truncate ? QC_TEXT_TRUNCATE : 0, feature,
                                  reason, sizeof reason);
    return status == QC_OK || problem(message, "the prompt \"%.100s\" cannot be encoded: %.350s",
                                      text->words ? text->words : text->buffer, reason);
}

static qc_model *open_text_model(const char *path, char *message)
{
    char reason[QC_MESSAGE_SIZE] = "";
    qc_model_options options;
    qc_model_options_init(&options);
    options.packing = QC_PACKING_NEVER; /* no image is looked at */
    options.message = reason;
    options.message_size = sizeof reason;
    qc_model *model = NULL;
    if (qc_model_open(&model, path, &options) != QC_OK)
        problem(message, "the text tower is not usable: %.400s", reason);
    return model;
}

bool encode_prompts(const struct prompt_texts *texts, const char *text_model, float *features,
                    note_line *note, plan_progress *progress, uint64_t done, uint64_t total,
                    void *context, char *message)
{
    const size_t room = PROMPT_TOKENS_MAX + (texts->context ? texts->context->length : 0);
    uint32_t *ids = malloc(room * sizeof *ids);
    qc_model *model = open_text_model(text_model, message);
    unlink(text_model); /* it is mapped; whatever ends this process now, no file stays behind */
    qc_model_info info = {0};
    if (model)
        qc_model_describe(model, &info);
    bool good = model && (ids || problem(message, "out of memory"));
    for (size_t i = 0; i < count_texts(texts) && good; i++) {
        struct text text = text_at(texts, i, ids);
        good = encode(model, &text, texts->truncate, features + i * info.feature_size, message);
        if (good && note)
            note_text(texts, &text, note, context);
        done += TEXT_PROGRESS;
        if (progress)
            progress(context, done, total);
    }
    qc_model_close(model);
    free(ids);
    return good;
}
