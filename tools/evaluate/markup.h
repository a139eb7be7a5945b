/*
 * markup.h - a document that grows: SVG and HTML are written into it and then into a file.
 */
#ifndef QUALICLIP_MARKUP_H
#define QUALICLIP_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "compiler.h"

/* Begins as {0}. */
struct markup {
    char *text; /* NULL, or terminated */
    size_t length, room;
};

/* Text that is part of the document's language; nothing in it may come from outside. */
void markup_add(struct markup *markup, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * Any bytes as content or in a quoted attribute: <, >, &, " and ' as entities, control characters
 * and what is not UTF-8 as U+FFFD.
 */
void markup_text(struct markup *markup, const char *text);

/* Base64, as in a data: URI. */
void markup_base64(struct markup *markup, const unsigned char *data, size_t size);

void markup_append(struct markup *markup, const struct markup *other);

/* Writes the file under a temporary name and renames it; false, once complained about, if not. */
bool markup_write(const struct markup *markup, const char *path);

void markup_free(struct markup *markup);

#endif
