/*
 * vocabulary_index.c - finds the tokens of single bytes and the merges in a vocabulary's strings,
 * or, where it has no merges, recovers them from the order of its tokens.
 */
#include "vocabulary_index.h"

#include <stdlib.h>
#include <string.h>

#include "unicode.h"
#include "xxh64.h"

#define WORD_END      "</w>"
#define LONGEST_TOKEN 255 /* bytes of a token that is merged of two */

/* Ids by token, while the index is being made. */
struct token_table {
    const struct gguf_text *tokens;
    size_t count, slots; /* slots: a power of two */
    uint32_t *ids;
};

/* ------------------------------------------------------------------------------------ tokens */

static bool same_text(struct gguf_text a, struct gguf_text b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

/* The slot of a token, or the empty one where it would be. */
static uint32_t *token_slot(const struct token_table *table, struct gguf_text token)
{
    size_t slot = (size_t)xxh64(token.bytes, token.size, 0) & (table->slots - 1);
    while (table->ids[slot] != NO_TOKEN && !same_text(table->tokens[table->ids[slot]], token))
        slot = (slot + 1) & (table->slots - 1);
    return &table->ids[slot];
}

static qc_status fill_table(struct token_table *table, struct message *message)
{
    table->slots = slots_for(table->count);
    table->ids = malloc(table->slots * sizeof *table->ids);
    if (!table->ids)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a vocabulary of %zu tokens",
                    table->count);
    memset(table->ids, 0xFF, table->slots * sizeof *table->ids);
    for (size_t i = 0; i < table->count; i++) {
        uint32_t *slot = token_slot(table, table->tokens[i]);
        if (*slot != NO_TOKEN)
            return fail(message, QC_ERROR_FORMAT,
                        "the vocabulary has token %zu twice: %s is token %lu too", i,
                        gguf_label(table->tokens[i]).text, (unsigned long)*slot);
        *slot = (uint32_t)i;
    }
    return QC_OK;
}

static qc_status find_token(const struct token_table *table, struct gguf_text token, uint32_t *id,
                            struct message *message)
{
    *id = *token_slot(table, token);
    return *id != NO_TOKEN ? QC_OK
                           : fail(message, QC_ERROR_FORMAT, "the vocabulary has no token %s",
                                  gguf_label(token).text);
}

/* GPT-2's visible character for a byte: itself where it is one, else the next from U+0100 on. */
static uint32_t visible_character(unsigned byte)
{
    if ((byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE)
        return byte;
    if (byte <= 0x20)
        return 0x100 + byte;
    return byte == 0xAD ? 0x143 : 0x121 + (byte - 0x7F);
}

static qc_status find_byte_tokens(struct vocabulary_index *index, const struct token_table *table,
                                  struct message *message)
{
    qc_status status = QC_OK;
    for (unsigned byte = 0; byte < 256 && !status; byte++) {
        char text[UTF8_MAX + sizeof WORD_END];
        const size_t size = utf8_encode(text, visible_character(byte));
        memcpy(text + size, WORD_END, sizeof WORD_END);
        status =
            find_token(table, (struct gguf_text){text, size}, &index->byte_token[byte], message);
        if (!status)
            status = find_token(table, (struct gguf_text){text, size + strlen(WORD_END)},
                                &index->last_byte_token[byte], message);
    }
    return status;
}

/* ------------------------------------------------------------------------------ given merges */

static qc_status add_merge(struct vocabulary_index *index, const struct token_table *table,
                           struct gguf_text text, uint32_t rank, struct message *message)
{
    char joined[LONGEST_TOKEN + 1];
    const char *blank = memchr(text.bytes, ' ', text.size);
    if (!blank || text.size > sizeof joined)
        return fail(message, QC_ERROR_FORMAT,
                    "merge %lu of the vocabulary is \"%s\", expected two tokens with a blank "
                    "between them",
                    (unsigned long)rank, gguf_label(text).text);
    const size_t left_size = (size_t)(blank - text.bytes);
    const struct gguf_text left = {text.bytes, left_size};
    const struct gguf_text right = {blank + 1, text.size - left_size - 1};
    memcpy(joined, left.bytes, left.size);
    memcpy(joined + left.size, right.bytes, right.size);
    struct merge merge = {.rank = rank};
    qc_status status = find_token(table, left, &merge.left, message);
    if (!status)
        status = find_token(table, right, &merge.right, message);
    if (!status)
        status =
            find_token(table, (struct gguf_text){joined, text.size - 1}, &merge.result, message);
    if (status)
        return status;
    struct merge *slot = merge_slot(&index->merges, merge.left, merge.right);
    if (slot->left != NO_TOKEN)
        return fail(message, QC_ERROR_FORMAT, "merges %lu and %lu of the vocabulary are the same",
                    (unsigned long)slot->rank, (unsigned long)rank);
    *slot = merge;
    return QC_OK;
}

/* -------------------------------------------------------------------------- recovered merges */

/*
 * A token that byte-pair encoding learnt is the union of the two tokens that it was merged of.  Of
 * the places where it could be cut, one is right: merging its bytes by the tokens before it must
 * leave just these two, for that is how far its first occurrence had been merged when it was
 * learnt (no merge ran across its ends, or it could not have become a token).  So the order of the
 * tokens tells all merges; what is no such vocabulary shows by a token of other than two parts.
 * On OpenAI's 48894 merges this gives each as it is; 27802 could have been cut elsewhere too.
 */
struct recovery {
    struct vocabulary_index *index;
    uint32_t symbols[LONGEST_TOKEN], ranks[LONGEST_TOKEN];
    struct word word;
    int16_t byte_of[0x144]; /* by visible character; -1: none */
};

/* The bytes that a token stands for, as tokens; false where it has other characters. */
static bool spell(struct recovery *recovery, struct gguf_text token)
{
    const size_t end_size = strlen(WORD_END);
    const bool ends_word = token.size > end_size &&
                           memcmp(token.bytes + token.size - end_size, WORD_END, end_size) == 0;
    const size_t size = token.size - (ends_word ? end_size : 0);
    size_t count = 0;
    int byte = 0;
    if (!size || token.size > LONGEST_TOKEN)
        return false;
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(token.bytes + i, size - i);
        const uint32_t code = length ? utf8_decode(token.bytes + i, length) : UINT32_MAX;
        const size_t characters = sizeof recovery->byte_of / sizeof *recovery->byte_of;
        byte = code < characters ? recovery->byte_of[code] : -1;
        if (byte < 0)
            return false;
        recovery->symbols[count++] = recovery->index->byte_token[byte];
    }
    if (ends_word)
        recovery->symbols[count - 1] = recovery->index->last_byte_token[byte];
    recovery->word = (struct word){recovery->symbols, recovery->ranks, count};
    return true;
}

static qc_status recover_merge(struct recovery *recovery, uint32_t id, struct gguf_text token,
                               struct message *message)
{
    struct vocabulary_index *index = recovery->index;
    const bool spelt = spell(recovery, token);
    if (spelt && recovery->word.count == 1)
        return QC_OK; /* of one byte */
    if (spelt)
        merge_word(&index->merges, &recovery->word);
    if (!spelt || recovery->word.count != 2)
        return fail(message, QC_ERROR_FORMAT,
                    "the vocabulary has no merges (key " KEY_MERGES "), nor do they follow from "
                    "its tokens: token %lu, %s, is not made of two before it",
                    (unsigned long)id, gguf_label(token).text);
    const uint32_t *parts = recovery->symbols;
    *merge_slot(&index->merges, parts[0], parts[1]) = (struct merge){parts[0], parts[1], id, id};
    return QC_OK;
}

static qc_status recover_merges(struct vocabulary_index *index, const struct token_table *table,
                                struct message *message)
{
    struct recovery recovery = {.index = index};
    memset(recovery.byte_of, 0xFF, sizeof recovery.byte_of);
    for (unsigned byte = 0; byte < 256; byte++)
        recovery.byte_of[visible_character(byte)] = (int16_t)byte;
    qc_status status = QC_OK;
    for (size_t i = 0; i < table->count && !status; i++)
        if (i != index->start && i != index->end)
            status = recover_merge(&recovery, (uint32_t)i, table->tokens[i], message);
    return status;
}

/* ------------------------------------------------------------------------------------- whole */

static qc_status fill(struct vocabulary_index *index, const struct token_table *table,
                      const struct vocabulary *vocabulary, struct message *message)
{
    const struct gguf_text start = {START_TOKEN, strlen(START_TOKEN)};
    const struct gguf_text end = {END_TOKEN, strlen(END_TOKEN)};
    qc_status status = find_token(table, start, &index->start, message);
    if (!status)
        status = find_token(table, end, &index->end, message);
    if (!status)
        status = find_byte_tokens(index, table, message);
    if (!status && !vocabulary->merges)
        return recover_merges(index, table, message);
    for (size_t i = 0; i < vocabulary->merge_count && !status; i++)
        status = add_merge(index, table, vocabulary->merges[i], (uint32_t)i, message);
    return status;
}

qc_status index_vocabulary(struct vocabulary_index *index, const struct vocabulary *vocabulary,
                           struct message *message)
{
    struct token_table table = {.tokens = vocabulary->tokens, .count = vocabulary->token_count};
    const size_t merges = vocabulary->merges ? vocabulary->merge_count : vocabulary->token_count;
    if (!merges_create(&index->merges, merges))
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a vocabulary of %zu merges",
                    merges);
    qc_status status = fill_table(&table, message);
    if (!status)
        status = fill(index, &table, vocabulary, message);
    free(table.ids);
    if (status)
        merges_free(&index->merges);
    return status;
}

void vocabulary_index_free(struct vocabulary_index *index)
{
    merges_free(&index->merges);
}
