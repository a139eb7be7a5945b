/*
 * safetensors_file.h - safetensors files that tests make: any header before any data.
 */
#ifndef TEST_SAFETENSORS_FILE_H
#define TEST_SAFETENSORS_FILE_H

#include <stddef.h>

/* The header's length, the header as it is, and `size` bytes of data (NULL: a pattern). */
void write_safetensors(const char *path, const char *header, const void *data, size_t size);

/*
 * Copies a file, with each `old` in its header replaced by `new`, in pairs that NULL ends.  The
 * test fails where one does not occur.
 */
void copy_safetensors(const char *source, const char *target, const char *const *replacements);

/* A text with every `old` replaced by `new`, to be freed. */
char *replace_all(const char *text, const char *old, const char *new);

/* A file as text, to be freed. */
char *read_text_file(const char *path);

#endif
