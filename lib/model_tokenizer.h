/*
 * model_tokenizer.h - the tokenizer of a model's vocabulary: made when it is first wanted, shared
 * by all threads from then on, freed with the model.
 */
#ifndef QUALICLIP_MODEL_TOKENIZER_H
#define QUALICLIP_MODEL_TOKENIZER_H

#include "model.h"
#include "tokenizer.h"

/* Of a model that text_check() passed; takes some milliseconds the first time. */
qc_status model_tokenizer(const struct qc_model *model, const struct tokenizer **tokenizer,
                          struct message *message);

#ifdef QUALICLIP_TEXT
void model_tokenizer_free(struct qc_model *model);
#else
static inline void model_tokenizer_free(struct qc_model *model)
{
    (void)model;
}
#endif

#endif
