/*
 * merges.h - byte-pair encoding's table: which two tokens become one, and the merging of a word.
 * Tokens are numbers here; what they stand for is vocabulary_index.c's.
 */
#ifndef QUALICLIP_MERGES_H
#define QUALICLIP_MERGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NO_TOKEN UINT32_MAX

struct merge {
    uint32_t left, right; /* left NO_TOKEN: an empty slot */
    uint32_t rank, result;
};

/* By the pair of tokens. */
struct merges {
    size_t slots; /* a power of two */
    struct merge *table;
};

/* Slots for a hash table of `count` entries. */
size_t slots_for(size_t count);

/* An empty table with room for `count` merges; false: no memory. */
bool merges_create(struct merges *merges, size_t count);
void merges_free(struct merges *merges);

/* The merge of two tokens; where there is none, the empty slot for it. */
struct merge *merge_slot(const struct merges *merges, uint32_t left, uint32_t right);

/* A word's tokens, at first one a byte, with room for as many ranks. */
struct word {
    uint32_t *symbols;
    uint32_t *ranks; /* of the merge of each symbol with the next; NO_TOKEN: none */
    size_t count;
};

/*
 * Merges the pair of the lowest rank, wherever it occurs from left to right, until none is left
 * that can be merged.
 */
void merge_word(const struct merges *merges, struct word *word);

#endif
