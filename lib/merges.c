/*
 * merges.c - a hash table of pairs, and the loop that merges a word by rank.
 */
#include "merges.h"

#include <stdlib.h>

size_t slots_for(size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

bool merges_create(struct merges *merges, size_t count)
{
    merges->slots = slots_for(count);
    merges->table = malloc(merges->slots * sizeof *merges->table);
    for (size_t i = 0; merges->table && i < merges->slots; i++)
        merges->table[i].left = NO_TOKEN;
    return merges->table;
}

void merges_free(struct merges *merges)
{
    free(merges->table);
    merges->table = NULL;
}

struct merge *merge_slot(const struct merges *merges, uint32_t left, uint32_t right)
{
    const uint64_t mixed = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(mixed >> 32) & (merges->slots - 1);
    const struct merge *table = merges->table;
    while (table[slot].left != NO_TOKEN && (table[slot].left != left || table[slot].right != right))
        slot = (slot + 1) & (merges->slots - 1);
    return &merges->table[slot];
}

/* The merge of symbols[i] and the next; one of rank NO_TOKEN if there is none. */
static struct merge merge_at(const struct merges *merges, const uint32_t *symbols, size_t i)
{
    static const struct merge no_merge = {NO_TOKEN, NO_TOKEN, NO_TOKEN, NO_TOKEN};
    const struct merge *found = merge_slot(merges, symbols[i], symbols[i + 1]);
    return found->left == NO_TOKEN ? no_merge : *found;
}

/* Ranks are kept, so that a round costs no look-ups but beside what it merged. */
void merge_word(const struct merges *merges, struct word *word)
{
    uint32_t *symbols = word->symbols, *ranks = word->ranks;
    for (size_t i = 0; i + 1 < word->count; i++)
        ranks[i] = merge_at(merges, symbols, i).rank;
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < word->count; i++)
            if (ranks[i] < ranks[best])
                best = i;
        if (word->count < 2 || ranks[best] == NO_TOKEN)
            return;
        const struct merge merge = merge_at(merges, symbols, best);
        size_t kept = best;
        for (size_t i = best; i < word->count; kept++) {
            const bool joins =
                i + 1 < word->count && symbols[i] == merge.left && symbols[i + 1] == merge.right;
            symbols[kept] = joins ? merge.result : symbols[i];
            /* The last symbol's is never looked at. */
            ranks[kept] = joins ? NO_TOKEN : ranks[i];
            i += joins ? 2 : 1;
        }
        word->count = kept;
        for (size_t i = best ? best - 1 : 0; i + 1 < word->count; i++)
            if (symbols[i] == merge.result || symbols[i + 1] == merge.result)
                ranks[i] = merge_at(merges, symbols, i).rank;
    }
}
