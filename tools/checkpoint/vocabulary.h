/*
 * vocabulary.h - a tokenizer's vocabulary from the files that are published beside CLIP models.
 */
#ifndef QUALICLIP_VOCABULARY_H
#define QUALICLIP_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

struct vocabulary_files {
    const char **tokens; /* by id */
    const char **merges; /* "left right", the most frequent first */
    size_t token_count, merge_count;
    char *texts[3]; /* what the strings lie in */
    size_t text_count;
    void *json;
};

/*
 * Reads `path`: OpenAI's merges (bpe_simple_vocab_16e6.txt, unpacked), of which the model's own
 * number is taken, or a directory with transformers' vocab.json and merges.txt.  `token_count` is
 * the number of rows of the model's token embedding.  False: `message` says why, and nothing is
 * left to free.
 */
bool vocabulary_read(struct vocabulary_files *vocabulary, const char *path, size_t token_count,
                     char *message);
void vocabulary_free(struct vocabulary_files *vocabulary);

#endif
