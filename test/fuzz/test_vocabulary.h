/*
 * test_vocabulary.h - tokenizers of vocabulary files, and what must hold of every list of ids.
 */
#ifndef QUALICLIP_FUZZ_TEST_VOCABULARY_H
#define QUALICLIP_FUZZ_TEST_VOCABULARY_H

#include "checkpoint/vocabulary.h"
#include "tokenizer.h"

enum { TEST_MERGES = 461, TEST_TOKENS = 512 + TEST_MERGES + 2 };

/* NULL: `message` (QC_MESSAGE_SIZE) says why.  The files must outlive the tokenizer. */
struct tokenizer *tokenizer_of(const struct vocabulary_files *files, char *message);

/* Encodes the text into at most `room` ids, cut or not; `tokens` is the vocabulary's size. */
void check_encoding(const struct tokenizer *tokenizer, const char *text, size_t tokens,
                    size_t room);

#endif
