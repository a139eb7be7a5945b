/*
 * model_tokenizer.c - makes a model's tokenizer once.
 *
 * Without a lock: threads that want it first at the same time make one each, the first to be done
 * leaves its own in the model, and the others drop theirs.  They are all alike.
 */
#include "model_tokenizer.h"

#include <stdlib.h>

static void list_strings(struct gguf_text *list, const struct gguf_value *value)
{
    const unsigned char *at = value->data;
    for (uint64_t i = 0; i < value->count; i++)
        list[i] = gguf_next_string(&at);
}

static qc_status make_tokenizer(struct tokenizer **tokenizer, const struct text_tower *text,
                                struct message *message)
{
    const size_t tokens = (size_t)text->tokens->count;
    const size_t merges = text->merges ? (size_t)text->merges->count : 0;
    struct gguf_text *list = malloc((tokens + merges) * sizeof *list);
    *tokenizer = NULL;
    if (!list)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a vocabulary");
    list_strings(list, text->tokens);
    if (text->merges)
        list_strings(list + tokens, text->merges);
    const struct vocabulary vocabulary = {list, text->merges ? list + tokens : NULL, tokens,
                                          merges};
    const qc_status status = tokenizer_create(tokenizer, &vocabulary, message);
    free(list);
    return status;
}

qc_status model_tokenizer(const struct qc_model *model, const struct tokenizer **tokenizer,
                          struct message *message)
{
    struct shared_tokenizer *shared = model->text.tokenizer;
    struct tokenizer *found = atomic_load(&shared->made), *made;
    *tokenizer = found;
    if (found)
        return QC_OK;
    const qc_status status = make_tokenizer(&made, &model->text, message);
    if (status)
        return status;
    if (atomic_compare_exchange_strong(&shared->made, &found, made))
        found = made;
    else
        tokenizer_free(made);
    *tokenizer = found;
    return QC_OK;
}

void model_tokenizer_free(struct qc_model *model)
{
    if (model->text.tokenizer)
        tokenizer_free(atomic_load(&model->text.tokenizer->made));
}
