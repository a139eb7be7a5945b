/*
 * unicode.h - characters: the classes that the tokenizer splits by, lower case.
 * As Python and its `regex` module have them; pure functions over constant tables.
 */
#ifndef QUALICLIP_UNICODE_H
#define QUALICLIP_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "utf8.h"

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
