/*
 * markup.c - a growing text, and the two ways to put foreign bytes into it.
 */
#include "markup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../memory.h"
#include "utf8.h"
#include "whole_file.h"

/* Room for `more` bytes and the terminating zero. */
static char *reserve(struct markup *markup, size_t more)
{
    if (markup->room - markup->length <= more) {
        markup->room = 2 * markup->room + more + 4096;
        markup->text = reallocate(markup->text, markup->room, 1);
    }
    return markup->text + markup->length;
}

static void append(struct markup *markup, const char *text, size_t length)
{
    char *end = reserve(markup, length);
    memcpy(end, text, length);
    end[length] = '\0';
    markup->length += length;
}

void markup_add(struct markup *markup, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        char *end = reserve(markup, (size_t)length);
        vsnprintf(end, (size_t)length + 1, format, again);
        markup->length += (size_t)length;
    }
    va_end(again);
}

/* What stands for a byte that documents cannot hold as it is, or NULL. */
static const char *entity(char byte)
{
    switch (byte) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* XML allows neither control characters nor U+FFFE and U+FFFF. */
static bool is_allowed(const char *character, size_t length)
{
    const unsigned char first = (unsigned char)character[0];
    if (length == 1)
        return first >= 0x20 && first != 0x7f;
    if (length == 2 && first == 0xc2)
        return (unsigned char)character[1] >= 0xa0;
    return memcmp(character, "\xef\xbf\xbe", 3) != 0 && memcmp(character, "\xef\xbf\xbf", 3) != 0;
}

void markup_text(struct markup *markup, const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    const char *end = text + strlen(text);
    while (text < end) {
        const size_t length = utf8_length(text, (size_t)(end - text));
        const char *shown = entity(*text);
        if (shown)
            append(markup, shown, strlen(shown));
        else if (length && is_allowed(text, length))
            append(markup, text, length);
        else
            append(markup, replacement, strlen(replacement));
        text += length ? length : 1;
    }
}

void markup_base64(struct markup *markup, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const size_t count = size - i < 3 ? size - i : 3;
        unsigned bits = 0;
        for (size_t j = 0; j < 3; j++)
            bits = bits << 8 | (j < count ? data[i + j] : 0u);
        char group[4];
        for (size_t j = 0; j < 4; j++)
            group[j] = j <= count ? digits[bits >> (18 - 6 * j) & 63] : '=';
        append(markup, group, sizeof group);
    }
}

void markup_append(struct markup *markup, const struct markup *other)
{
    if (other->length)
        append(markup, other->text, other->length);
}

bool markup_write(const struct markup *markup, const char *path)
{
    return whole_file_write(path, markup->text ? markup->text : "", markup->length);
}

void markup_free(struct markup *markup)
{
    free(markup->text);
    *markup = (struct markup){0};
}
