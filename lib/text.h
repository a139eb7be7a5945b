/*
 * text.h - the text tower: texts in, unit features out.
 *
 * Runs when a scorer is created or when the caller asks, never while images are scored.  Allocates
 * what it needs and frees all of it, but for the vocabulary's index, which stays with the model
 * (model_tokenizer.h).  Any number of threads may call.
 */
#ifndef QUALICLIP_TEXT_H
#define QUALICLIP_TEXT_H

#include "model.h"

/* Token ids, start and end token included; each that is QC_TOKEN_VECTOR stands for the next
 * text.width numbers of `vectors` in place of an embedding. */
struct token_text {
    const uint32_t *ids;
    size_t count;
    const float *vectors;
};

#ifdef QUALICLIP_TEXT

/* QC_OK, or why the model cannot encode texts. */
qc_status text_check(const struct qc_model *model, struct message *message);

/* Unit features from token ids: needs a text tower, but no vocabulary. */
qc_status text_encode_tokens(const struct qc_model *model, const struct token_text *texts,
                             size_t count, float *features, struct message *message);

/* Writes model->feature_size floats for each text, one after the other. */
qc_status text_encode(const struct qc_model *model, const char *const *texts, size_t count,
                      bool truncate, float *features, struct message *message);

#else /* TEXT=no */

static inline qc_status text_check(const struct qc_model *model, struct message *message)
{
    (void)model;
    return fail(message, QC_ERROR_UNSUPPORTED, "this build (TEXT=no) has no text tower");
}

static inline qc_status text_encode_tokens(const struct qc_model *model,
                                           const struct token_text *texts, size_t count,
                                           float *features, struct message *message)
{
    (void)texts;
    (void)count;
    (void)features;
    return text_check(model, message);
}

static inline qc_status text_encode(const struct qc_model *model, const char *const *texts,
                                    size_t count, bool truncate, float *features,
                                    struct message *message)
{
    (void)texts;
    (void)count;
    (void)truncate;
    (void)features;
    return text_check(model, message);
}

#endif

#endif
