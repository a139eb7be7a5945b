/*
 * vocabulary_index.h - a vocabulary, checked and indexed for the tokenizer.  Private to it.
 */
#ifndef QUALICLIP_VOCABULARY_INDEX_H
#define QUALICLIP_VOCABULARY_INDEX_H

#include "merges.h"
#include "tokenizer.h"

#define START_TOKEN "<|startoftext|>"
#define END_TOKEN   "<|endoftext|>"

struct vocabulary_index {
    uint32_t byte_token[256], last_byte_token[256]; /* the latter at the end of a word */
    uint32_t start, end;
    struct merges merges;
};

/* Keeps nothing of the vocabulary's.  After a failure there is nothing to free. */
qc_status index_vocabulary(struct vocabulary_index *index, const struct vocabulary *vocabulary,
                           struct message *message);
void vocabulary_index_free(struct vocabulary_index *index);

#endif
