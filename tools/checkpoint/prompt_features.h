/*
 * prompt_features.h - the features of the prompts that a model file stores, encoded by a text tower
 * in a model file of its own.
 */
#ifndef QUALICLIP_PROMPT_FEATURES_H
#define QUALICLIP_PROMPT_FEATURES_H

#include "context.h"
#include "plan_write.h"
#include "qualiclip.h"
#include "wrapping.h"

/* What is to be encoded: a profile's texts, which need no vocabulary, or the user's. */
struct prompt_texts {
    enum prompt_set set;
    const struct context *context; /* NULL: the texts stand alone */
    const qc_prompt_pair *prompts; /* instead of the profile's */
    size_t prompt_count;           /* 0: the profile's */
    bool truncate;                 /* of the user's: cut what is too long */
};

/* What encoding a text counts as, in numbers that are written. */
enum { TEXT_PROGRESS = 1 << 18 };

/*
 * Removes the file `text_model`, which it needs no name of once it is open.
 *
 * Writes one unit feature after the other: of pairs, the positive one first.  `note` is told of
 * each, and `progress` of `done` + TEXT_PROGRESS for each, out of `total`; both may be NULL. False:
 * `message` says why.
 */
bool encode_prompts(const struct prompt_texts *texts, const char *text_model, float *features,
                    note_line *note, plan_progress *progress, uint64_t done, uint64_t total,
                    void *context, char *message);

#endif
