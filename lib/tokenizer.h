/*
 * tokenizer.h - CLIP's byte-level byte-pair encoding: a text in, token ids out.
 *
 * The same ids as OpenAI's SimpleTokenizer gives (without ftfy, which it uses to repair badly
 * decoded text), on all of Unicode 14.  It knows no model: the vocabulary is handed in.
 */
#ifndef QUALICLIP_TOKENIZER_H
#define QUALICLIP_TOKENIZER_H

#include <stdbool.h>

#include "gguf.h"

/* Bytes of a text: more is refused. */
#define TEXT_SIZE_MAX 65536

/*
 * Tokens by id, and merges by rank: "left right".  Bytes are written as GPT-2 does, each as a
 * visible character; "</w>" ends a word.  Without merges (NULL) they are recovered from the tokens,
 * which then must be in the order in which they were learnt, as in OpenAI's vocabulary.
 */
struct vocabulary {
    const struct gguf_text *tokens, *merges;
    size_t token_count, merge_count;
};

struct tokenizer;

/* Indexes the vocabulary, whose strings must outlive the tokenizer; its arrays need not. */
qc_status tokenizer_create(struct tokenizer **tokenizer, const struct vocabulary *vocabulary,
                           struct message *message);
void tokenizer_free(struct tokenizer *tokenizer);

/*
 * Writes at most `room` (2 or more) ids, the start and end token included.  A text with more is an
 * error, or, where `truncate`, cut behind room - 1 tokens and ended.  Not valid UTF-8: an error.
 */
qc_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, bool truncate,
                           uint32_t *ids, size_t room, size_t *count, struct message *message);

#endif
