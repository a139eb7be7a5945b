/*
 * arguments.h - words of the command line as numbers, choices and lists.  Says nothing itself:
 * false means that the word is not what was asked for.
 */
#ifndef QUALICLIP_ARGUMENTS_H
#define QUALICLIP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal number, digits only, in [least, most]. */
bool parse_count(const char *text, uint32_t least, uint32_t most, uint32_t *value);

/* A number of bytes greater than 0, digits and K, M or G for powers of 1024. */
bool parse_bytes(const char *text, size_t *bytes);

/* A finite number greater than 0. */
bool parse_positive(const char *text, double *value);

/* "640x480" */
bool parse_size(const char *text, uint32_t most, uint32_t *width, uint32_t *height);

/* The place of `text` among the NULL-terminated names. */
bool parse_choice(const char *text, const char *const *names, int *value);

/* "1,8,32", at most `room` numbers. */
bool parse_counts(const char *text, uint32_t least, uint32_t most, uint32_t *values, size_t room,
                  size_t *count);

/* Cuts `text` at its commas, in place; false if a part is empty or there are more than `room`. */
bool split_list(char *text, char **parts, size_t room, size_t *count);

#endif
