/*
 * c_text.h - the little that is needed of <string.h> for texts that end with a zero, for builds
 * without a C library.
 */
#ifndef QUALICLIP_C_TEXT_H
#define QUALICLIP_C_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t text_size(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return size;
}

/* What follows `prefix` in `text`, or NULL where it begins otherwise. */
static inline const char *text_after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

static inline bool same_text(const char *a, const char *b)
{
    const char *rest = text_after(a, b);
    return rest && !*rest;
}

#endif
