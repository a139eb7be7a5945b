/*
 * word_split.c - the leftmost match of
 *
 *     <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
 *
 * with IGNORECASE, in the dialect of Python's `regex` module.  Ignoring case has two effects on a
 * text that is in lower case already, both kept:
 *  - the long s (U+017F) is an s;
 *  - U+0345, a combining mark whose capital is a letter, is in none of the classes.
 */
#include "word_split.h"

#include <stdbool.h>
#include <string.h>

#include "unicode.h"

enum character_class { NOTHING, LETTER, NUMBER, OTHER };

#define COMBINING_IOTA 0x345

static enum character_class class_of(uint32_t code)
{
    if (is_letter(code))
        return LETTER;
    if (is_number(code))
        return NUMBER;
    return is_white_space(code) || code == COMBINING_IOTA ? NOTHING : OTHER;
}

/* Bytes of `text` that match the literal; 0: it does not. */
static size_t match_literal(const char *literal, const char *text, size_t size)
{
    static const char long_s[] = "\xC5\xBF";
    size_t used = 0;
    for (; *literal; literal++) {
        if (used < size && text[used] == *literal)
            used++;
        else if (*literal == 's' && size - used >= 2 && memcmp(text + used, long_s, 2) == 0)
            used += 2;
        else
            return 0;
    }
    return used;
}

static size_t match_literals(const char *text, size_t size)
{
    static const char *const literals[] = {"<|startoftext|>", "<|endoftext|>", "'s", "'t", "'re",
                                           "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        const size_t used = match_literal(literals[i], text, size);
        if (used)
            return used;
    }
    return 0;
}

/* Bytes from the beginning whose characters are of the class. */
static size_t match_class(enum character_class class, const char *text, size_t size)
{
    size_t used = 0;
    while (used < size) {
        const size_t length = utf8_length(text + used, size - used);
        if (class_of(utf8_decode(text + used, length)) != class)
            break;
        used += length;
    }
    return used;
}

struct split next_word(const char *text, size_t size)
{
    const size_t skipped = match_class(NOTHING, text, size);
    if (skipped == size)
        return (struct split){size, 0};
    text += skipped;
    size -= skipped;
    const size_t literal = match_literals(text, size);
    if (literal)
        return (struct split){skipped, literal};
    const size_t length = utf8_length(text, size);
    const enum character_class class = class_of(utf8_decode(text, length));
    return (struct split){skipped, class == NUMBER ? length : match_class(class, text, size)};
}
