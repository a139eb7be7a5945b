/*
 * tokenizer.c - cleans a text, cuts it into words, and writes down the tokens of each.
 */
#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "unicode.h"
#include "vocabulary_index.h"
#include "word_split.h"

struct tokenizer {
    struct vocabulary_index index;
};

qc_status tokenizer_create(struct tokenizer **tokenizer, const struct vocabulary *vocabulary,
                           struct message *message)
{
    struct tokenizer *made = malloc(sizeof *made);
    *tokenizer = NULL;
    if (!made)
        return fail(message, QC_ERROR_MEMORY, "not enough memory for a tokenizer");
    const qc_status status = index_vocabulary(&made->index, vocabulary, message);
    if (status)
        free(made);
    else
        *tokenizer = made;
    return status;
}

void tokenizer_free(struct tokenizer *tokenizer)
{
    if (tokenizer)
        vocabulary_index_free(&tokenizer->index);
    free(tokenizer);
}

/* ------------------------------------------------------------------------------------- words */

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

static bool is_token(const char *bytes, size_t size, const char *token)
{
    return size == strlen(token) && memcmp(bytes, token, size) == 0;
}

static void encode_word(const struct vocabulary_index *index, const char *bytes, size_t size,
                        struct word *word, struct ids *ids)
{
    if (is_token(bytes, size, START_TOKEN)) {
        put_id(ids, index->start);
        return;
    }
    if (is_token(bytes, size, END_TOKEN)) {
        put_id(ids, index->end);
        return;
    }
    for (size_t i = 0; i < size; i++)
        word->symbols[i] = index->byte_token[(unsigned char)bytes[i]];
    word->symbols[size - 1] = index->last_byte_token[(unsigned char)bytes[size - 1]];
    word->count = size;
    merge_word(&index->merges, word);
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

static void encode_text(const struct vocabulary_index *index, struct gguf_text text,
                        struct word *word, struct ids *ids)
{
    put_id(ids, index->start);
    for (size_t i = 0; i < text.size;) {
        const struct split split = next_word(text.bytes + i, text.size - i);
        if (split.size)
            encode_word(index, text.bytes + i + split.skipped, split.size, word, ids);
        i += split.skipped + split.size;
    }
    put_id(ids, index->end);
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
        encode_text(&tokenizer->index, clean(text, size, buffers, buffers + longest), &word,
                    &written);
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
        ids[room - 1] = tokenizer->index.end;
    *count = written.count < room ? written.count : room;
    return QC_OK;
}
