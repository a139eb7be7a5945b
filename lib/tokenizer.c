/*
 * tokenizer.c - cleans a text, cuts it into words, and merges the bytes of each word by rank.
 */
#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "unicode.h"
#include "word_split.h"
#include "xxh64.h"

#define NONE UINT32_MAX

static const char start_token[] = "<|startoftext|>";
static const char end_token[] = "<|endoftext|>";
static const char word_end[] = "</w>";

struct merge {
    uint32_t left, right; /* token ids; left NONE: an empty slot */
    uint32_t rank, result;
};

struct tokenizer {
    uint32_t byte_token[256], last_byte_token[256]; /* the latter at the end of a word */
    uint32_t start, end;
    size_t merge_slots; /* a power of two */
    struct merge merges[];
};

/* ------------------------------------------------------------------------------------- index */

/* Ids by token, while merges are being read. */
struct token_index {
    const struct gguf_text *tokens;
    size_t slots; /* a power of two */
    uint32_t *ids;
};

static bool same_text(struct gguf_text a, struct gguf_text b)
{
    return a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;
}

static size_t slots_for(size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

/* The slot of a token, or the empty one where it would be. */
static uint32_t *token_slot(const struct token_index *index, struct gguf_text token)
{
    size_t slot = (size_t)xxh64(token.bytes, token.size, 0) & (index->slots - 1);
    while (index->ids[slot] != NONE && !same_text(index->tokens[index->ids[slot]], token))
        slot = (slot + 1) & (index->slots - 1);
    return &index->ids[slot];
}

static qc_status index_tokens(struct token_index *index, const struct vocabulary *vocabulary,
                              struct message *message)
{
    index->tokens = vocabulary->tokens;
    index->slots = slots_for(vocabulary->token_count);
    index->ids = malloc(index->slots * sizeof *index->ids);
    if (!index->ids)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a vocabulary of %zu tokens",
                    vocabulary->token_count);
    memset(index->ids, 0xFF, index->slots * sizeof *index->ids);
    for (size_t i = 0; i < vocabulary->token_count; i++) {
        uint32_t *slot = token_slot(index, vocabulary->tokens[i]);
        if (*slot != NONE)
            return fail(message, QC_ERROR_FORMAT,
                        "the vocabulary has token %zu twice: %s is token %lu too", i,
                        gguf_label(vocabulary->tokens[i]).text, (unsigned long)*slot);
        *slot = (uint32_t)i;
    }
    return QC_OK;
}

static qc_status find_token(const struct token_index *index, struct gguf_text token, uint32_t *id,
                            struct message *message)
{
    *id = *token_slot(index, token);
    return *id != NONE ? QC_OK
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

static qc_status find_byte_tokens(struct tokenizer *tokenizer, const struct token_index *index,
                                  struct message *message)
{
    qc_status status = QC_OK;
    for (unsigned byte = 0; byte < 256 && !status; byte++) {
        char text[UTF8_MAX + sizeof word_end];
        const size_t size = utf8_encode(text, visible_character(byte));
        memcpy(text + size, word_end, sizeof word_end);
        status = find_token(index, (struct gguf_text){text, size}, &tokenizer->byte_token[byte],
                            message);
        if (!status)
            status = find_token(index, (struct gguf_text){text, size + strlen(word_end)},
                                &tokenizer->last_byte_token[byte], message);
    }
    return status;
}

/* ------------------------------------------------------------------------------------ merges */

/* The slot of a pair, or the empty one where it would be. */
static const struct merge *merge_slot(const struct tokenizer *tokenizer, uint32_t left,
                                      uint32_t right)
{
    const uint64_t mixed = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(mixed >> 32) & (tokenizer->merge_slots - 1);
    const struct merge *merges = tokenizer->merges;
    while (merges[slot].left != NONE && (merges[slot].left != left || merges[slot].right != right))
        slot = (slot + 1) & (tokenizer->merge_slots - 1);
    return &merges[slot];
}

static qc_status add_merge(struct tokenizer *tokenizer, const struct token_index *index,
                           struct gguf_text text, uint32_t rank, struct message *message)
{
    char joined[256];
    const char *blank = memchr(text.bytes, ' ', text.size);
    if (!blank || text.size > sizeof joined)
        return fail(message, QC_ERROR_FORMAT, "merge %lu of the vocabulary is \"%s\", expected two "
                    "tokens with a blank between them",
                    (unsigned long)rank, gguf_label(text).text);
    const size_t left_size = (size_t)(blank - text.bytes);
    const struct gguf_text left = {text.bytes, left_size};
    const struct gguf_text right = {blank + 1, text.size - left_size - 1};
    memcpy(joined, left.bytes, left.size);
    memcpy(joined + left.size, right.bytes, right.size);
    struct merge merge = {.rank = rank};
    qc_status status = find_token(index, left, &merge.left, message);
    if (!status)
        status = find_token(index, right, &merge.right, message);
    if (!status)
        status = find_token(index, (struct gguf_text){joined, text.size - 1}, &merge.result,
                            message);
    if (status)
        return status;
    struct merge *slot = &tokenizer->merges[merge_slot(tokenizer, merge.left, merge.right) -
                                            tokenizer->merges];
    if (slot->left != NONE)
        return fail(message, QC_ERROR_FORMAT, "merges %lu and %lu of the vocabulary are the same",
                    (unsigned long)slot->rank, (unsigned long)rank);
    *slot = merge;
    return QC_OK;
}

static qc_status fill(struct tokenizer *tokenizer, const struct token_index *index,
                      const struct vocabulary *vocabulary, struct message *message)
{
    const struct gguf_text start = {start_token, strlen(start_token)};
    const struct gguf_text end = {end_token, strlen(end_token)};
    qc_status status = find_token(index, start, &tokenizer->start, message);
    if (!status)
        status = find_token(index, end, &tokenizer->end, message);
    if (!status)
        status = find_byte_tokens(tokenizer, index, message);
    for (size_t i = 0; i < vocabulary->merge_count && !status; i++)
        status = add_merge(tokenizer, index, vocabulary->merges[i], (uint32_t)i, message);
    return status;
}

qc_status tokenizer_create(struct tokenizer **tokenizer, const struct vocabulary *vocabulary,
                           struct message *message)
{
    *tokenizer = NULL;
    const size_t slots = slots_for(vocabulary->merge_count);
    struct tokenizer *made = malloc(sizeof *made + slots * sizeof made->merges[0]);
    if (!made)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a vocabulary of %zu merges",
                    vocabulary->merge_count);
    made->merge_slots = slots;
    for (size_t i = 0; i < slots; i++)
        made->merges[i].left = NONE;
    struct token_index index = {0};
    qc_status status = index_tokens(&index, vocabulary, message);
    if (!status)
        status = fill(made, &index, vocabulary, message);
    free(index.ids);
    if (status)
        tokenizer_free(made);
    else
        *tokenizer = made;
    return status;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    free(tokenizer);
}

/* ------------------------------------------------------------------------------------- words */

/* The merge of symbols[i] and the next; one of rank NONE if there is none. */
static struct merge merge_at(const struct tokenizer *tokenizer, const uint32_t *symbols, size_t i)
{
    static const struct merge no_merge = {NONE, NONE, NONE, NONE};
    const struct merge *found = merge_slot(tokenizer, symbols[i], symbols[i + 1]);
    return found->left == NONE ? no_merge : *found;
}

/* Room for the longest word, and what merging it takes. */
struct word {
    uint32_t *symbols;
    uint32_t *ranks; /* of the merge of each symbol with the next; NONE: none */
    size_t count;
};

/*
 * Merges the pair of the lowest rank, wherever it occurs from left to right, until none is left
 * that can be merged.  Ranks are kept, so that a round costs no look-ups but beside what it merged.
 */
static void merge_word(const struct tokenizer *tokenizer, struct word *word)
{
    uint32_t *symbols = word->symbols, *ranks = word->ranks;
    for (size_t i = 0; i + 1 < word->count; i++)
        ranks[i] = merge_at(tokenizer, symbols, i).rank;
    for (;;) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < word->count; i++)
            if (ranks[i] < ranks[best])
                best = i;
        if (word->count < 2 || ranks[best] == NONE)
            return;
        const struct merge merge = merge_at(tokenizer, symbols, best);
        size_t kept = best;
        for (size_t i = best; i < word->count; kept++) {
            const bool merges = i + 1 < word->count && symbols[i] == merge.left &&
                                symbols[i + 1] == merge.right;
            symbols[kept] = merges ? merge.result : symbols[i];
            /* The last symbol's is never looked at. */
            ranks[kept] = merges ? NONE : ranks[i];
            i += merges ? 2 : 1;
        }
        word->count = kept;
        for (size_t i = best ? best - 1 : 0; i + 1 < word->count; i++)
            if (symbols[i] == merge.result || symbols[i + 1] == merge.result)
                ranks[i] = merge_at(tokenizer, symbols, i).rank;
    }
}

/* What an encoding writes to. */
struct ids {
    uint32_t *data;
    size_t room, count; /* count goes on beyond room */
};

static void put_id(struct ids *ids, uint32_t id)
{
    if (ids->count < ids->room)
        ids->data[ids->count] = id;
    ids->count++;
}

static void encode_word(const struct tokenizer *tokenizer, const char *bytes, size_t size,
                        struct word *word, struct ids *ids)
{
    const struct gguf_text text = {bytes, size};
    if (same_text(text, (struct gguf_text){start_token, strlen(start_token)})) {
        put_id(ids, tokenizer->start);
        return;
    }
    if (same_text(text, (struct gguf_text){end_token, strlen(end_token)})) {
        put_id(ids, tokenizer->end);
        return;
    }
    for (size_t i = 0; i < size; i++)
        word->symbols[i] = tokenizer->byte_token[(unsigned char)bytes[i]];
    word->symbols[size - 1] = tokenizer->last_byte_token[(unsigned char)bytes[size - 1]];
    word->count = size;
    merge_word(tokenizer, word);
    for (size_t i = 0; i < word->count; i++)
        put_id(ids, word->symbols[i]);
}

/* ------------------------------------------------------------------------------------- texts */

static qc_status check_text(const char *text, size_t size, struct message *message)
{
    if (size > TEXT_SIZE_MAX)
        return fail(message, QC_ERROR_ARGUMENT, "the text has %zu bytes, expected at most %d", size,
                    TEXT_SIZE_MAX);
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(text + i, size - i);
        if (!length)
            return fail(message, QC_ERROR_ARGUMENT, "the text is not valid UTF-8 at byte %zu", i);
    }
    return QC_OK;
}

/* What Python's str.strip() takes away. */
static bool is_stripped(uint32_t code)
{
    return is_white_space(code) || (code >= 0x1C && code <= 0x1F);
}

static struct gguf_text strip(struct gguf_text text)
{
    while (text.size) {
        const size_t length = utf8_length(text.bytes, text.size);
        if (!is_stripped(utf8_decode(text.bytes, length)))
            break;
        text.bytes += length;
        text.size -= length;
    }
    while (text.size) {
        size_t length = 1;
        while (((unsigned char)text.bytes[text.size - length] & 0xC0) == 0x80)
            length++;
        if (!is_stripped(utf8_decode(text.bytes + text.size - length, length)))
            break;
        text.size -= length;
    }
    return text;
}

/*
 * HTML references, twice, since texts from the web are often escaped twice; then lower case.  That
 * the original makes one blank of several changes nothing: words are cut at any.
 */
static struct gguf_text clean(const char *text, size_t size, char *buffer, char *other)
{
    size = html_unescape(other, text, size);
    size = html_unescape(buffer, other, size);
    const struct gguf_text stripped = strip((struct gguf_text){buffer, size});
    return (struct gguf_text){other, lower_case(other, stripped.bytes, stripped.size)};
}

static void encode_text(const struct tokenizer *tokenizer, struct gguf_text text,
                        struct word *word, struct ids *ids)
{
    put_id(ids, tokenizer->start);
    for (size_t i = 0; i < text.size;) {
        const struct split split = next_word(text.bytes + i, text.size - i);
        if (split.size)
            encode_word(tokenizer, text.bytes + i + split.skipped, split.size, word, ids);
        i += split.skipped + split.size;
    }
    put_id(ids, tokenizer->end);
}

struct beginning {
    char text[64];
};

/* What is shown of a text in a message: whole characters, and none that could steer a terminal. */
static struct beginning beginning_of(const char *text, size_t size)
{
    static const char more[] = " ...";
    struct beginning beginning = {""};
    size_t used = 0;
    while (used < size) {
        const size_t length = utf8_length(text + used, size - used);
        const unsigned char first = (unsigned char)text[used];
        if (used + length + sizeof more > sizeof beginning.text) {
            memcpy(beginning.text + used, more, sizeof more);
            break;
        }
        memcpy(beginning.text + used, text + used, length);
        if (first < 0x20 || first == 0x7F)
            beginning.text[used] = '?';
        used += length;
    }
    return beginning;
}

qc_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, bool truncate,
                           uint32_t *ids, size_t room, size_t *count, struct message *message)
{
    *count = 0;
    const size_t size = strlen(text);
    const qc_status status = check_text(text, size, message);
    if (status)
        return status;
    const size_t longest = size * UNESCAPE_GROWTH * UNESCAPE_GROWTH * LOWER_GROWTH + 1;
    char *buffers = malloc(2 * longest);
    struct word word = {.symbols = malloc(longest * sizeof *word.symbols),
                        .ranks = malloc(longest * sizeof *word.ranks)};
    struct ids written = {.data = ids, .room = room};
    const bool has_memory = buffers && word.symbols && word.ranks;
    if (has_memory)
        encode_text(tokenizer, clean(text, size, buffers, buffers + longest), &word, &written);
    free(buffers);
    free(word.symbols);
    free(word.ranks);
    if (!has_memory)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a text of %zu bytes", size);
    if (written.count > room && !truncate)
        return fail(message, QC_ERROR_TOO_LARGE,
                    "the text has %zu tokens with its start and end, expected at most %zu: %s",
                    written.count, room, beginning_of(text, size).text);
    if (written.count > room)
        ids[room - 1] = tokenizer->end;
    *count = written.count < room ? written.count : room;
    return QC_OK;
}
