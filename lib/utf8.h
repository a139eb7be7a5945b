/*
 * utf8.h - UTF-8, strictly.
 */
#ifndef QUALICLIP_UTF8_H
#define QUALICLIP_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 /* bytes of a character */

/* Bytes of the valid sequence at the beginning of `left` > 0 bytes; 0 if there is none. */
size_t utf8_length(const char *bytes, size_t left);

/* The character of a sequence that utf8_length() measured. */
uint32_t utf8_decode(const char *bytes, size_t length);

/* Writes a code point that is not a surrogate; returns how many bytes. */
size_t utf8_encode(char *out, uint32_t code);

#endif
