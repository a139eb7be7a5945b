/*
 * unicode.h - characters: UTF-8, the classes that the tokenizer splits by, lower case.
 * As Python and its `regex` module have them; pure functions over constant tables.
 */
#ifndef QUALICLIP_UNICODE_H
#define QUALICLIP_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of a character */

/* Bytes of the valid sequence at the beginning of `left` > 0 bytes; 0 if there is none. */
size_t utf8_length(const char *bytes, size_t left);

/* The character of a sequence that utf8_length() measured. */
uint32_t utf8_decode(const char *bytes, size_t length);

/* Writes a code point that is not a surrogate; returns how many bytes. */
size_t utf8_encode(char *out, uint32_t code);

bool is_letter(uint32_t code);      /* \p{L} */
bool is_number(uint32_t code);      /* \p{N} */
bool is_white_space(uint32_t code); /* \s of the regex module: the property White_Space */

/*
 * str.lower() of valid UTF-8.  `out` must have room for LOWER_GROWTH * size bytes; returns how many
 * were written.
 */
#define LOWER_GROWTH 2
size_t lower_case(char *out, const char *text, size_t size);

#endif
