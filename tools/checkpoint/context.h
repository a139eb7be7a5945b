/*
 * context.h - learned contexts: vectors that stand before and behind a prompt's own tokens, as
 * CLIP-IQA+ and QualiCLIP+ train them instead of words.
 */
#ifndef QUALICLIP_CONTEXT_H
#define QUALICLIP_CONTEXT_H

#include <stdint.h>

#include "../../lib/profile_prompts.h"
#include "checkpoint.h"

struct context {
    float *vectors; /* text after text: `length` vectors of `width` numbers */
    size_t texts;   /* 1: all texts share the same */
    size_t length;  /* even: the first half stands before the text's own tokens */
    size_t width;
};

/* Whether the checkpoint has learned contexts ("prompt_learner.ctx", or a tensor alone). */
bool has_context(const struct checkpoint *checkpoint);

/*
 * Reads the contexts of `set` for a text tower whose token embedding is `embedding` in
 * `text_source`, and sees that they were learned with that embedding, where the file tells.  False:
 * `message` says why; nothing is left to free.
 */
bool context_read(struct context *context, struct checkpoint *checkpoint, enum prompt_set set,
                  struct checkpoint *text_source, const struct view *embedding, char *message);
void context_free(struct context *context);

/* The vectors of a text. */
const float *context_of(const struct context *context, size_t text);

#endif
