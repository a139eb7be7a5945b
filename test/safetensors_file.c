/*
 * safetensors_file.c - see safetensors_file.h.
 */
#include "safetensors_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive.h"

void write_safetensors(const char *path, const char *header, const void *data, size_t size)
{
    const size_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + size);
    assert_non_null(bytes);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < size; i++)
        bytes[8 + length + i] = data ? ((const unsigned char *)data)[i] : (unsigned char)(i % 60);
    write_whole_file(path, bytes, 8 + length + size);
    free(bytes);
}

char *replace_all(const char *text, const char *old, const char *new)
{
    const size_t length = strlen(old), size = strlen(new);
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, old)); at += length)
        count++;
    if (!count)
        fail_msg("%s does not occur", old);
    char *changed = malloc(strlen(text) + count * size + 1), *to = changed;
    assert_non_null(changed);
    for (const char *at; (at = strstr(text, old)); text = at + length) {
        memcpy(to, text, (size_t)(at - text));
        to += at - text;
        memcpy(to, new, size);
        to += size;
    }
    strcpy(to, text);
    return changed;
}

char *read_text_file(const char *path)
{
    size_t size;
    unsigned char *bytes = read_whole_file(path, &size);
    char *text = malloc(size + 1);
    assert_non_null(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    free(bytes);
    return text;
}

void copy_safetensors(const char *source, const char *target, const char *const *replacements)
{
    size_t size;
    unsigned char *bytes = read_whole_file(source, &size);
    size_t length = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16;
    char *header = malloc(length + 1);
    assert_non_null(header);
    memcpy(header, bytes + 8, length);
    header[length] = 0;
    for (; *replacements; replacements += 2) {
        char *changed = replace_all(header, replacements[0], replacements[1]);
        free(header);
        header = changed;
    }
    write_safetensors(target, header, bytes + 8 + length, size - 8 - length);
    free(header);
    free(bytes);
}
